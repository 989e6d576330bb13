"""The PIN by which people say who they are at a shared tablet: it tells colleagues apart, and opens nothing.

An entry keeps both: the account signed in, which typed it, and the person of the PIN, who did it.
"""

import re
from itertools import pairwise
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Permission
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from labdb.accounts.models import User
from labdb.accounts.wrong_tries import MOST_WRONG_TRIES, LimitedTries
from labdb.registry import permissions

SHORTEST, LONGEST = 4, 8


class BenchPin(LimitedTries):
    """The PIN of one person, hashed, and how often a wrong one was typed in a row."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="bench_pin")
    pin = models.CharField(max_length=128)

    class Meta:
        ordering = ["user"]

    def __str__(self) -> str:
        return f"PIN of {self.user}"


class WrongPin(Exception):
    """This is not the person's PIN; the text is a sentence."""


def problem_with(pin: str) -> str:
    """Say why a PIN cannot be chosen; empty when it can."""
    if not re.fullmatch(rf"[0-9]{{{SHORTEST},{LONGEST}}}", pin):
        return f"A PIN has {SHORTEST} to {LONGEST} digits and nothing else; choose one such as the end of a number you know."
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    if steps in ({0}, {1}, {9}):
        return "That is the first PIN that anybody would try; choose digits that are not all the same or in a row."
    return ""


def set_pin(person: User, pin: str) -> None:
    """Give a person a PIN, in place of any they had; the history keeps that and when, never the PIN."""
    with transaction.atomic():
        words = {"pin": make_password(pin), "wrong_tries": 0, "locked_until": None}
        BenchPin.objects.update_or_create(user=person, defaults=words)
        _note(person, set_at=timezone.now())


def clear_pin(person: User) -> None:
    """Take a person's PIN away: they can no longer be chosen at the bench."""
    with transaction.atomic():
        BenchPin.objects.filter(user=person).delete()
        if person.bench_pin_set_at is not None:
            _note(person, set_at=None)


def _note(person: User, *, set_at: Any) -> None:
    person.bench_pin_set_at = set_at
    person.save(update_fields=["bench_pin_set_at"])


def check_pin(person: User, pin: str) -> None:
    """Raise WrongPin unless this is the person's PIN; five wrong ones in a row lock it for five minutes."""
    with transaction.atomic():
        held = BenchPin.objects.select_for_update().filter(user=person).first()
        if held is None:
            raise WrongPin(f"{_name(person)} has no PIN; it is set on the page of their own account.")
        sentence = _try(held, pin)
    if sentence:  # after the transaction, or the count of wrong ones would be taken back
        raise WrongPin(sentence)


def _try(held: BenchPin, pin: str) -> str:
    now = timezone.now()
    if not held.is_locked(now):
        held.count(now, is_right=check_password(pin, held.pin))
    if held.locked_until is not None:
        return _locked_sentence(held, now)
    if not held.wrong_tries:
        return ""
    return f"That is not the PIN of {_name(held.user)}; {held.tries_left} until it is locked for 5 minutes."


def _locked_sentence(held: BenchPin, now: Any) -> str:
    return (
        f"{MOST_WRONG_TRIES} wrong PINs in a row: the PIN of {_name(held.user)} is locked for {held.locked_for(now)}. "
        "A manager can clear it on the account's page."
    )


def _name(person: User) -> str:
    return person.get_full_name() or person.get_username()


def people_with_pin(model: type[models.Model], *studies: Any) -> models.QuerySet[User]:
    """Return who may be chosen: people with a PIN whose role may enter this record in one of these studies."""
    app_label, codename = permissions.codename(model, "add").split(".")
    right = Permission.objects.filter(content_type__app_label=app_label, codename=codename)
    everywhere = Q(is_superuser=True) | Q(groups__permissions__in=right) | Q(user_permissions__in=right)
    here = Q(memberships__study__in=studies, memberships__role__permissions__in=right)
    able = User.objects.filter(everywhere | here, bench_pin__isnull=False, is_active=True)
    return able.distinct().order_by("first_name", "last_name", "username")
