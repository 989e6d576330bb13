"""The accounts a new installation starts with."""

import secrets

from django.contrib.auth.hashers import make_password
from django.db import transaction

from labdb.accounts.models import SYSTEM, User

FIRST = "admin"


def ensure_first_account() -> tuple[str, str] | None:
    """Make the manager's account when nobody can sign in yet, and return its name and password, once.

    An account that `token` made for a script has no password: with it alone nobody could open a page.
    """
    if User.objects.with_password().exists():
        return None
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        account, _is_new = User.objects.select_for_update().get_or_create(username=FIRST)
        account.is_active = account.is_staff = account.is_superuser = True
        account.set_password(password)
        account.save()
    return FIRST, password


def system_account() -> User:
    """Return the account that commands and the clock act as; it has no password, so nobody signs in with it."""
    account, _is_new = User.objects.get_or_create(
        username=SYSTEM,
        defaults={"is_superuser": True, "first_name": "labdb itself", "password": make_password(None)},
    )
    return account
