"""Names that records once had: the history knows them, so a label printed before a renaming still leads to its row.

A row that was merged into another leaves its names to that one (`merged_into` in the words of its deletion).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import timezone

from labdb.registry.findings import Finding, Grade

MERGED_INTO = "merged_into"  # in a context's words: {"colony.mouse": {"12": 7}}
MOST_MERGES = 20  # one after another, until a row is no longer followed


@dataclass(frozen=True)
class FormerName:
    """A name that a row had, until when, and whether another row brought it along."""

    name: str
    until: datetime
    is_merged: bool = False

    def sentence(self, row: models.Model) -> str:
        """Say what became of the name."""
        what = "merged into" if self.is_merged else "renamed"
        return f"{self.name} was {what} {row} on {timezone.localtime(self.until):%Y-%m-%d}."


def history_model(model: type[models.Model]) -> Any:
    """Return the model of the events of a record whose name is a text of its own, else None."""
    name = getattr(model, "key_field", "pk")
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    is_name = isinstance(field, models.CharField) and getattr(model, "_is_tracked", False)
    return model.events.rel.related_model if is_name else None  # type: ignore[attr-defined]


def former_ids(model: type[models.Model], names: Collection[str]) -> dict[str, set[int]]:
    """Return the ids of the rows that had, or inherited, each of these names; some may be gone."""
    events = history_model(model)
    found: dict[str, set[int]] = defaultdict(set)
    if events is None or not names:
        return found
    key: str = model.key_field  # type: ignore[attr-defined]
    for name, pk in events.objects.filter(**{f"{key}__in": names}).values_list(key, "pgh_obj_id").distinct():
        found[name].add(pk)
    heirs = _heirs(model, events, set().union(*found.values()))
    for ids in found.values():
        ids |= {heirs[pk] for pk in ids if pk in heirs}
    return found


def _heirs(model: type[models.Model], events: Any, ids: set[int]) -> dict[int, int]:
    """Return the row that each deleted row ended in, over several merges."""
    next_of: dict[int, int] = {}
    asked = set(ids)
    for _step in range(MOST_MERGES):
        gone = events.objects.filter(
            pgh_obj_id__in=asked, pgh_label="delete", pgh_context__metadata__has_key=MERGED_INTO
        )
        step = {}
        for pk, metadata in gone.values_list("pgh_obj_id", "pgh_context__metadata"):
            heir = metadata[MERGED_INTO].get(model._meta.label_lower, {}).get(str(pk))
            if heir is not None:
                step[pk] = heir
        next_of |= step
        asked = set(step.values()) - set(next_of)
        if not asked:
            break
    return {pk: _last(next_of, pk) for pk in ids if pk in next_of}


def _last(next_of: dict[int, int], pk: int) -> int:
    for _step in range(MOST_MERGES):
        if pk not in next_of:
            break
        pk = next_of[pk]
    return pk


def rows_formerly(rows: models.QuerySet, names: Collection[str]) -> dict[str, list[Any]]:
    """Return those of the rows that once had each name, in two or three queries for all names."""
    ids = former_ids(rows.model, names)
    found = rows.in_bulk(set().union(*ids.values())) if ids else {}
    return {name: [found[pk] for pk in sorted(pks) if pk in found] for name, pks in ids.items()}


def merged_ids(row: Any) -> list[int]:
    """Return the ids of the rows that were merged into this one, at first or second hand."""
    events = history_model(type(row))
    if events is None:
        return []
    label, asked = type(row)._meta.label_lower, {row.pk}
    ids: set[Any] = set()
    for _step in range(MOST_MERGES):
        merges = events.objects.filter(pgh_obj_id__in=asked, pgh_context__metadata__has_key=MERGED_INTO)
        words = [metadata[MERGED_INTO] for metadata in merges.values_list("pgh_context__metadata", flat=True)]
        gone = {int(pk) for said in words for pk, heir in said.get(label, {}).items() if heir in asked}
        asked = gone - ids
        if not asked:
            break
        ids |= asked
    return sorted(ids)


def former_names(row: Any) -> list[FormerName]:
    """Return the names that a row had or inherited, latest first."""
    events = history_model(type(row))
    if events is None:
        return []
    key = row.key_field
    now = getattr(row, key)
    own = list(events.objects.filter(pgh_obj_id=row.pk).order_by("pgh_id").values_list(key, "pgh_created_at"))
    names = {}
    for (name, _at), (_next, until) in pairwise(own):
        names[name] = FormerName(name, until)
    ends = events.objects.filter(pgh_label="delete", pgh_obj_id__in=merged_ids(row))
    for name, at in ends.values_list(key, "pgh_created_at"):
        names[name] = FormerName(name, at, is_merged=True)
    return sorted((one for one in names.values() if one.name != now), key=lambda one: one.until, reverse=True)


def taken_over(model: type[models.Model], rows: Sequence[Any]) -> Iterator[Finding]:
    """Yield a warning for each row that takes a name which another row of its study once had."""
    if history_model(model) is None:
        return
    key: str = model.key_field  # type: ignore[attr-defined]
    scope = [field.attname for field in model._meta.concrete_fields if field.name == "study"]
    before = dict(model._default_manager.filter(pk__in=[row.pk for row in rows if row.pk]).values_list("pk", key))
    new = [(at, row) for at, row in enumerate(rows) if getattr(row, key) and before.get(row.pk) != getattr(row, key)]
    had = rows_formerly(model._default_manager.all(), {getattr(row, key) for _at, row in new})
    for at, row in new:
        name = getattr(row, key)
        for other in had.get(name, []):
            is_same_study = all(getattr(other, column) == getattr(row, column) for column in scope)
            if other.pk != row.pk and getattr(other, key) != name and is_same_study:
                sentence = (
                    f"{name} was once the name of {other}, and labels may still carry it; say why it is used again."
                )
                yield Finding(at, key, sentence, Grade.WARNING)
