"""The account a new installation starts with."""

import secrets

from labdb.accounts.models import User

FIRST = "admin"


def ensure_first_account() -> tuple[str, str] | None:
    """Make the manager's account when there is none, and return its name and password, once."""
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(username=FIRST, password=password)
    return FIRST, password
