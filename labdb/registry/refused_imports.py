"""What was to be imported and was refused: remembered until the same person's import of the same record succeeds."""

from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from labdb.registry import permissions
from labdb.registry.import_log import Import, Source
from labdb.registry.models import LabQuerySet

KEPT_SENTENCES = 5  # the file itself says the rest, once it is checked again
LONGEST_SENTENCE = 300
DAYS_SHOWN = 7  # on the first page; afterwards whoever it was has found another way


def remember_refusal(
    sentences: list[str], *, resource: str, source: Source, user: Any, study: Any, door: str, reason: str = ""
) -> Import:
    """Record an import that was meant to be stored and was not; called outside the transaction that was taken back."""
    return Import.objects.create(
        resource=resource, study=study, file_name=_storable(source.file_name), sha256=source.sha256,
        size_bytes=source.size_bytes, door=door, n_created=0, n_changed=0, n_unchanged=0, reason=reason,
        created_by=user, is_refused=True, n_errors=len(sentences),
        refusal="\n".join(_storable(sentence)[:LONGEST_SENTENCE] for sentence in sentences[:KEPT_SENTENCES]),
    )  # fmt: skip


def _storable(text: str) -> str:
    """Return a text on one line, without what the database cannot hold: a sentence quotes what was refused."""
    return " ".join(text.replace("\0", "?").encode("utf-8", "replace").decode().split())


def settle_refusals(resource: str, user: Any) -> None:
    """Say of a person's refused imports of a record that one of them succeeded after all."""
    mine = Import.objects.filter(created_by=user, resource=resource, is_refused=True, settled_at=None)
    mine.update(settled_at=timezone.now())


def answered_by(user: Any) -> Q:
    """Return the condition that refused imports are this account's to put right: its own, and a manager's all.

    Only who may delete an import reads what another's file said: the sentences quote cells.
    """
    right = permissions.codename(Import, "delete")
    if permissions.has_role_everywhere(user, right):
        return Q()
    return Q(created_by=user) | Q(study__in=permissions.studies_where(user, right))


def open_refusals(user: Any) -> LabQuerySet:
    """Return the newest refused import of each person and record that none succeeded since, of the last days."""
    later = Import.objects.filter(
        created_by=OuterRef("created_by"), resource=OuterRef("resource"), is_refused=True, pk__gt=OuterRef("pk")
    )
    since = timezone.now() - timedelta(days=DAYS_SHOWN)
    is_open = Q(study=None) | Q(study__state="open")
    return Import.objects.visible_to(user).filter(
        answered_by(user), is_open, ~Exists(later), is_refused=True, settled_at=None, created_at__gte=since
    )
