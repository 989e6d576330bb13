from typing import ClassVar

from django.contrib.auth.models import AbstractUser, Group


class User(AbstractUser):
    """A person or a script that signs in."""

    key_field: ClassVar[str] = "username"

    class Meta:
        ordering = ["username"]
        verbose_name = "account"


class Role(Group):
    """What somebody may do: in every study when the account holds it, in one study by a membership."""

    key_field: ClassVar[str] = "name"

    class Meta:
        proxy = True
        ordering = ["name"]
