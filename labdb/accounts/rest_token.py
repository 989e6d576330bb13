"""The tokens by which scripts sign in: each has a name, limits and an end, and is shown once.

A token is stored as its SHA-256 alone. A slow, salted hash as for passwords guards what people choose; these are 256
random bits, which nobody guesses however quick the hash, and a plain one is found by an index with each request.
"""

import hashlib
import secrets
from datetime import datetime, time, timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from labdb.accounts.models import User
from labdb.registry import permissions
from labdb.registry.form_fields import is_storable
from labdb.registry.narrowing import Narrowing

MARK = "labdb_"  # so that one that lies about in a file or a log is known for what it is
RANDOM_BYTES = 32  # 256 bits, as long as the hash
LONGEST_NAME = 60
USED_STEP = timedelta(minutes=1)  # the last use is kept to the minute: one write, not one with each request


class TokenRefused(Exception):
    """A token that signs nobody in, or cannot be made; the text is a sentence."""


class RestToken(models.Model):
    """A token of an account; the row stays when it ends, and says who made and revoked it."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="rest_tokens")
    name = models.CharField(max_length=LONGEST_NAME)
    digest = models.CharField(max_length=64, unique=True)
    is_read_only = models.BooleanField(default=False)
    # With the study goes what only opened that: set to none, it would open all others.
    study = models.ForeignKey("colony.Study", null=True, on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-made_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"], condition=models.Q(revoked_at=None), name="rest_token_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def narrowing(self) -> Narrowing:
        """What it takes from the rights of its account."""
        return Narrowing(self.is_read_only, self.study_id)


def digest_of(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def tokens_of(person: User) -> models.QuerySet[RestToken]:
    """Return the tokens of an account that were not revoked, also those whose time is over."""
    return RestToken.objects.filter(user=person, revoked_at=None).select_related("study", "made_by")


def make_token(
    person: User,
    name: str,
    *,
    maker: Any = None,
    is_read_only: bool = False,
    study: Any = None,
    last_day: Any = None,
    replaces: bool = False,
) -> str:
    """Return a new token of an account, which is stored nowhere as it is.

    Parameters
    ----------
    last_day : date, optional
        It holds to the end of this day, by the laboratory's clock; without it, until it is revoked.
    replaces : bool
        The token of the same name ends; else it is in the way, unless its time is over.
    """
    if not person.is_active:
        raise TokenRefused(f"The account {person} is closed; reopen it first.")
    if problem := _problem_with(name, last_day):
        raise TokenRefused(problem)
    token = MARK + secrets.token_urlsafe(RANDOM_BYTES)
    with transaction.atomic():
        User.objects.select_for_update().get(pk=person.pk)  # two tokens of one name at the same moment
        for one in tokens_of(person).filter(name=name):
            if not (replaces or one.is_expired):
                raise TokenRefused(f"{person} has a token {name} already; revoke it first, or choose another name.")
            revoke(one, maker)
        RestToken.objects.create(
            user=person, name=name, digest=digest_of(token), is_read_only=is_read_only, study=study, made_by=maker,
            expires_at=_end_of(last_day),
        )  # fmt: skip
        _note(person)
    return token


def revoke(token: RestToken, revoker: Any = None) -> None:
    """End a token."""
    with transaction.atomic():
        token.revoked_at, token.revoked_by = timezone.now(), revoker
        token.save(update_fields=["revoked_at", "revoked_by"])
        _note(token.user)


def revoke_all(person: User, revoker: Any = None) -> None:
    """End every token of an account."""
    for token in tokens_of(person):
        revoke(token, revoker)


def signed_in_by(token: str) -> RestToken:
    """Return the token, with its account; TokenRefused where it signs nobody in."""
    found = RestToken.objects.select_related("user", "study").filter(digest=digest_of(token)).first()
    if found is None:
        raise TokenRefused("This token is not known; make one on the page of your account.")
    if not found.user.is_active:
        raise TokenRefused(f"The account {found.user} is closed; a manager can reopen it.")
    if found.revoked_at is not None:
        raise TokenRefused(f"The token {found} was revoked on {_day(found.revoked_at)}; make another one.")
    if found.is_expired:
        raise TokenRefused(f"The token {found} ended on {_day(found.expires_at)}; make another one.")
    return found


def note_use(token: RestToken) -> None:
    """Keep when a token was used last."""
    now = timezone.now()
    if token.used_at is None or now - token.used_at >= USED_STEP:
        RestToken.objects.filter(pk=token.pk).update(used_at=now)


def studies_for(person: User) -> models.QuerySet:
    """Return the studies that a token of this account may be narrowed to: those that it sees."""
    return permissions.visible(permissions.study_model()._default_manager.all(), person)


def _problem_with(name: str, last_day: Any) -> str:
    if not name.strip() or len(name) > LONGEST_NAME or not is_storable(name):
        return f"A token has a name of 1 to {LONGEST_NAME} characters; enter one such as laptop."
    if last_day is not None and last_day < timezone.localdate():
        return f"{last_day:%Y-%m-%d} is over; enter a day to come, or none for a token without an end."
    return ""


def _end_of(day: Any) -> datetime | None:
    if day is None:
        return None
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time()))


def _day(instant: Any) -> str:
    return f"{timezone.localtime(instant):%Y-%m-%d}"


def _note(person: User) -> None:
    """Keep at the account when its newest token was made: the history shows that, and never the token."""
    newest = tokens_of(person).first()
    User.objects.filter(pk=person.pk).update(token_made_at=newest.made_at if newest else None)
