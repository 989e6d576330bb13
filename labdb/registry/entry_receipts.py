"""Entries that a page may send more than once: stored once, and answered each time as the first time.

A page names each entry by a key of its own (a random UUID). When the network breaks after the entry was stored and
before its answer came, the page sends it again: it gets the answer that was lost, and nothing is written twice.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models.functions import Now

KEPT_DAYS = 30  # longer than any tablet lies in a drawer with entries that it did not send
ONE_KEY_AT_A_TIME = 7_432_011  # family of the advisory locks; the second number is of the key


class EntryReceipt(models.Model):
    """What one entry of a page was answered, and the row that it wrote."""

    key = models.UUIDField(unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    door = models.CharField(max_length=20)
    made_at = models.DateTimeField(db_default=Now(), db_index=True)
    resource = models.CharField(max_length=60)
    record_id = models.BigIntegerField(null=True, help_text="Of the row; empty where several were written.")
    answer = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"entry {self.key} ({self.resource})"


class KeyOfAnother(Exception):
    """Another account sent an entry by this key; the text is a sentence."""


@dataclass
class Once:
    """One entry while it is stored: what it was answered before, or the place to keep the first answer.

    Attributes
    ----------
    receipt : EntryReceipt or None
        Of the first time; None when this is the first time.
    """

    receipt: EntryReceipt | None
    _new: dict[str, Any] = field(default_factory=dict)

    def keep(self, answer: dict[str, Any], record_id: int | None = None) -> None:
        """Remember the answer, with the entry's own transaction; without this the entry may be tried again."""
        self.receipt = EntryReceipt.objects.create(**self._new, answer=answer, record_id=record_id)


@contextmanager
def once(key: uuid.UUID, *, user: Any, door: str, resource: str) -> Iterator[Once]:
    """Store an entry in one transaction, unless it was stored before; the same key sent meanwhile waits.

    Raises
    ------
    KeyOfAnother
        The key is that of another account.

    Examples
    --------
    >>> with once(key, user=user, door="bench", resource="weighings") as entry:
    ...     if entry.receipt is None:
    ...         row = form.save()
    ...         entry.keep({"status": "stored", "id": row.pk}, row.pk)
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [ONE_KEY_AT_A_TIME, str(key)])
        receipt = EntryReceipt.objects.filter(key=key).first()
        if receipt is not None and receipt.user_id != user.pk:
            raise KeyOfAnother("This entry was sent by another account; enter it anew.")
        yield Once(receipt, {"key": key, "user": user, "door": door, "resource": resource})


def sweep_receipts() -> int:
    """Delete the receipts that no page can still ask for, and return their number."""
    number, _by_model = EntryReceipt.objects.filter(made_at__lt=Now() - timedelta(days=KEPT_DAYS)).delete()
    return number
