"""The accounts a new installation starts with."""

import secrets

from labdb.accounts.models import User

FIRST = "admin"
SYSTEM = "labdb"


def ensure_first_account() -> tuple[str, str] | None:
    """Make the manager's account when nobody can sign in yet, and return its name and password, once."""
    if User.objects.exclude(username=SYSTEM).exists():
        return None
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(username=FIRST, password=password)
    return FIRST, password


def system_account() -> User:
    """Return the account that commands and the clock act as; it has no password, so nobody signs in with it."""
    account, is_new = User.objects.get_or_create(
        username=SYSTEM, defaults={"is_superuser": True, "first_name": "labdb itself"}
    )
    if is_new:
        account.set_unusable_password()
        account.save()
    return account
