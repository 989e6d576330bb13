"""Guessing is slow: some wrong tries in a row lock what is guessed for a while."""

from datetime import datetime, timedelta

from django.db import models

MOST_WRONG_TRIES = 5
LOCKED = timedelta(minutes=5)


class LimitedTries(models.Model):
    """How often a wrong secret of one person was typed in a row, and until when it is locked."""

    wrong_tries = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def is_locked(self, now: datetime) -> bool:
        """Whether no try counts now, not even a right one."""
        return self.locked_until is not None and now < self.locked_until

    def count(self, now: datetime, *, is_right: bool) -> None:
        """Keep a try; a row of wrong ones locks."""
        self.wrong_tries = 0 if is_right else self.wrong_tries + 1
        is_full = bool(self.wrong_tries) and self.wrong_tries % MOST_WRONG_TRIES == 0
        self.locked_until = now + LOCKED if is_full else None
        self.save(update_fields=["wrong_tries", "locked_until"])

    @property
    def tries_left(self) -> str:
        """How many more wrong ones there may be until it is locked: ``3 more tries``."""
        left = MOST_WRONG_TRIES - self.wrong_tries % MOST_WRONG_TRIES
        return f"{left} more {'tries' if left > 1 else 'try'}"

    def locked_for(self, now: datetime) -> str:
        """How long it is still locked: ``4 more minutes``."""
        assert self.locked_until is not None
        minutes = max(1, round((self.locked_until - now).total_seconds() / 60))
        return f"{minutes} more minute{'s' if minutes > 1 else ''}"
