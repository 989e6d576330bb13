"""Who acts when a command runs without a browser."""

from django.core.management.base import CommandError

from labdb.accounts.first_account import system_account
from labdb.accounts.models import User


def acting_user(username: str | None = None) -> User:
    """Return the named account, by default labdb's own; CommandError when there is none of that name."""
    if not username:
        return system_account()
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise CommandError(f"There is no active account {username}; make it with `manage.py token {username}`.")
    return found
