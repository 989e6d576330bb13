"""The password typed again before something that cannot be taken back: a session may be open on another's desk."""

from typing import Any

from django.db import models, transaction
from django.utils import timezone

from labdb.accounts.models import User
from labdb.accounts.wrong_tries import MOST_WRONG_TRIES, LimitedTries


class PasswordTries(LimitedTries):
    """How often a person typed a wrong password where it was asked again; nothing shows it."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["user"]

    def __str__(self) -> str:
        return f"Tries of {self.user}"


def wrong_password(person: Any, password: str) -> str:
    """Say why a password does not do; empty where it is the person's. Five wrong ones in a row lock for five minutes."""
    now = timezone.now()
    with transaction.atomic():
        PasswordTries.objects.get_or_create(user=person)
        tries = PasswordTries.objects.select_for_update().get(user=person)
        if not tries.is_locked(now):
            tries.count(now, is_right=person.check_password(password))
    if tries.locked_until is not None:
        return f"{MOST_WRONG_TRIES} wrong passwords in a row: nothing is unblinded by you for {tries.locked_for(now)}."
    if tries.wrong_tries:
        return f"That is not your password; {tries.tries_left} until this is locked for 5 minutes."
    return ""
