"""What is done to an account: its password, closing it; and the rules that no door may pass by."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import models, transaction

from labdb.accounts.bench_pin import clear_pin
from labdb.accounts.models import User
from labdb.accounts.rest_token import revoke_all
from labdb.registry import permissions
from labdb.registry.history import writing

# No letter or digit that is taken for another one on paper: no 0 o, 1 i l, 2 z, 5 s, 8 b, u v.
READABLE = "acdefghjkmnpqrtwxy34679"
GROUPS, GROUP_LENGTH = 4, 4  # 23 signs, 16 of them: 72 bits


class Refused(Exception):
    """What may not be done to an account; the text is a sentence."""


def one_time_password() -> str:
    """Return a password that can be read out and copied from paper."""
    return "-".join("".join(secrets.choice(READABLE) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))


def managers() -> models.QuerySet[User]:
    """Return the people who may sign in and change accounts."""
    permission = permissions.codename(User, "change")
    able = User.objects.with_perm(permission, backend=settings.AUTHENTICATION_BACKENDS[0])
    return User.objects.with_password().filter(pk__in=able.values("pk"))


@contextmanager
def keeping_managers() -> Iterator[None]:
    """Take back a change that leaves nobody to manage accounts, or no administrator where there was one.

    The managers' rows are locked first, so that two of them cannot close each other at the same moment.
    """
    with transaction.atomic():
        before = list(managers().select_for_update().order_by("pk"))
        yield
        left = list(managers())
        if before and not left:
            raise Refused("This is the last account that manages accounts; make another manager first.")
        if any(person.is_superuser for person in before) and not any(person.is_superuser for person in left):
            raise Refused("This is the last administrator; make another account an administrator first.")


def store_password(person: User, password: str | None, *, must_change: bool) -> None:
    """Give an account a password, or none; the sessions under the old one end."""
    person.set_password(password)
    person.must_change_password = must_change and password is not None
    with keeping_managers():
        person.save(update_fields=["password", "password_set_at", "must_change_password"])


def close(person: User, actor: Any, reason: str) -> None:
    """Let nobody sign in with an account again; what the person entered stays, under that name."""
    if person == actor:
        raise Refused("You cannot close your own account; ask another manager.")
    person.is_active = False
    with writing(user=actor, door="web", reason=reason), keeping_managers():
        person.save(update_fields=["is_active"])
        store_password(person, None, must_change=False)
        revoke_all(person, actor)
        clear_pin(person)


def reopen(person: User, password: str | None, *, must_change: bool) -> None:
    """Let a person sign in again, with a new password."""
    person.is_active = True
    with transaction.atomic():
        person.save(update_fields=["is_active"])
        store_password(person, password, must_change=must_change)
