from typing import Any, ClassVar

import pghistory
import pgtrigger
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import AbstractUser, Group, UserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from labdb.registry.history import with_history

SYSTEM = "labdb"  # the account that commands and the clock act as
USERNAME_SENTENCE = "A user name holds letters, digits and @ . + - _ only, without spaces; enter one such as anna."
NEVER_DELETED = "Accounts are closed, not deleted: the history names them."


class AccountManager(UserManager["User"]):
    """Django's manager, for accounts that have no address of e-mail."""

    use_in_migrations = False

    def _create_user_object(self, username: str, email: Any, password: str | None, **fields: Any) -> "User":
        account = self.model(username=self.model.normalize_username(username), **fields)
        account.set_password(password)
        return account

    def with_password(self) -> models.QuerySet["User"]:
        """Return the accounts of people: those of scripts have a token and no password."""
        return self.exclude(password="").exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)


class User(AbstractUser):
    """A person or a script that signs in; made, changed and closed on the pages under *People*."""

    key_field: ClassVar[str] = "username"

    username = models.CharField(
        "user name",
        max_length=150,
        unique=True,
        validators=[UnicodeUsernameValidator(message=USERNAME_SENTENCE)],
        error_messages={"unique": "This name is taken by another account; choose another."},
        help_text="What the person signs in with, such as anna; letters, digits and @ . + - _ only.",
    )
    email = None  # type: ignore[assignment]  # a closed network has none to send to; a manager resets passwords
    is_superuser = models.BooleanField(
        "administrator", default=False, help_text="May do everything, in every study and in the admin."
    )
    must_change_password = models.BooleanField("password must be changed", default=False, editable=False)
    password_set_at = models.DateTimeField("password set", null=True, editable=False)
    token_made_at = models.DateTimeField("REST token made", null=True, editable=False)  # the newest that holds

    bench_pin_set_at = models.DateTimeField("bench PIN set", null=True, editable=False)

    objects: ClassVar[AccountManager] = AccountManager()

    EMAIL_FIELD = ""
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["username"]
        verbose_name = "account"
        constraints = [models.UniqueConstraint(Lower("username"), name="account_username_once")]
        triggers = [
            pgtrigger.Trigger(
                name="kept",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                func=f"RAISE EXCEPTION '{NEVER_DELETED}' USING ERRCODE = 'check_violation';",
            )
        ]

    def clean(self) -> None:
        """Refuse a name that differs from another only in capitals: on a cage card nobody could tell them apart."""
        self.username = self.normalize_username(self.username)
        other = User.objects.filter(username__iexact=self.username).exclude(pk=self.pk).first()
        if other is not None:
            person = f" ({other.get_full_name()})" if other.get_full_name() else ""
            raise ValidationError(
                {"username": f"{self.username} is taken by the account {other}{person}; choose another name."}
            )
        if self.username.lower() == SYSTEM and not self.is_system:
            raise ValidationError({"username": f"{SYSTEM} is the account of labdb itself; choose another name."})

    @classmethod
    def offered(cls) -> models.QuerySet["User"]:
        """Return the accounts that forms suggest; what someone did who has left is entered by name all the same."""
        return cls.objects.filter(is_active=True).exclude(username=SYSTEM)

    def get_absolute_url(self) -> str:
        """Return the address of the account's page."""
        return reverse("person", args=[self.pk])

    @property
    def is_system(self) -> bool:
        """Whether labdb itself acts as this account; nobody signs in with it."""
        return self.pk is not None and self.username == SYSTEM

    def set_password(self, raw_password: str | None) -> None:
        """Set a password, and when: the history shows that, and never the password."""
        super().set_password(raw_password)
        self.password_set_at = timezone.now() if raw_password is not None else None

    def set_unusable_password(self) -> None:
        """Leave the account without a password; its sessions end, for they are bound to the old one."""
        super().set_unusable_password()
        self.password_set_at = None


with_history(User, exclude=["password", "last_login"])


class Role(Group):
    """What somebody may do: in every study when the account holds it, in one study by a membership."""

    key_field: ClassVar[str] = "name"

    class Meta:
        proxy = True
        ordering = ["name"]


@pghistory.track(pghistory.InsertEvent(), pghistory.DeleteEvent(), obj_field=None)
class RoleHeld(User.groups.through):  # type: ignore[name-defined]
    """A role that an account holds in every study; declared for its history."""

    class Meta:
        proxy = True


# Tables of the accounts' own, built on the model above.
import labdb.accounts.bench_pin  # noqa: E402
import labdb.accounts.rest_token  # noqa: E402, F401
