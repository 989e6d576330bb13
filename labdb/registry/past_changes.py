"""The history of one record in words: when, who, through which door, what from and to, and why."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.text import capfirst

from labdb.registry import lab_values, permissions
from labdb.registry.cells import UNKNOWN, Cell, Part, value_part, with_names
from labdb.registry.former_names import merged_ids
from labdb.registry.history import events_of
from labdb.registry.lab_fields import undefined
from labdb.registry.record import lab_fields_of

SHOWN = 50  # changes; the rest stay in the database
WORDS = {"insert": "entered", "update": "changed", "delete": "deleted"}
KEPT = "not shown to you"
UNSAID = {"id", "version", "modified_at", "created_at", "created_by", lab_values.COLUMN}


@dataclass(frozen=True)
class PastChange:
    """One change of a record."""

    at: datetime
    who: str
    door: str
    what: str
    reason: str
    differences: list[tuple[str, Cell, Cell]]
    of: str = ""  # the name of a row that was merged into this one, where the change was its


def past_changes(row: Any, user: Any) -> list[PastChange]:
    """Return the changes of a record, newest first; results have none, their run tells where they come from."""
    if not getattr(type(row), "_has_history", False):
        return []
    merged = merged_ids(row)
    events = list(events_of(row, merged)[: SHOWN + 1])
    if not events:
        return []
    pairs = [(event, _before(events[at + 1 :], event)) for at, event in enumerate(events)][:SHOWN]
    fields = [f for f in row._meta.fields if not f.generated and f.name not in UNSAID and hasattr(events[0], f.attname)]
    fields += _lab_fields(type(row), events)
    names = _related_names(fields, events, user)
    who = _accounts(events)
    changes = [_change(event, before, fields, names, who) for event, before in pairs]
    own_names = {event.pgh_obj_id: getattr(event, row.key_field) for event in reversed(events)} if merged else {}
    return [
        replace(change, of=own_names[event.pgh_obj_id]) if event.pgh_obj_id in merged else change
        for change, (event, _earlier) in zip(changes, pairs, strict=True)
    ]


def _before(earlier: list[Any], event: Any) -> Any:
    """Return the change before this one of the same row; rows that were merged have their histories side by side."""
    return next((one for one in earlier if one.pgh_obj_id == event.pgh_obj_id), None)


def told_changes(told: Sequence[tuple[Any, str]]) -> list[PastChange]:
    """Return changes that are said in words of one's own: pairs of an event and what it was."""
    who = _accounts([event for event, _what in told])
    return [_told(event, what, [], who) for event, what in told]


def _change(
    event: Any, before: Any, fields: list[Any], names: dict[Any, dict[Any, str]], who: dict[Any, str]
) -> PastChange:
    differences = []
    if before is not None and event.pgh_label == "update":
        for field in fields:
            old, new = field.value_from_object(before), field.value_from_object(event)  # of a related record its id
            if old != new:
                label = str(capfirst(str(field.verbose_name)))
                differences.append((label, _cell(field, old, names), _cell(field, new, names)))
    return _told(event, WORDS.get(event.pgh_label, event.pgh_label), differences, who)


def _told(event: Any, what: str, differences: list[tuple[str, Cell, Cell]], who: dict[Any, str]) -> PastChange:
    words = (event.pgh_context.metadata if event.pgh_context else None) or {}
    return PastChange(
        at=event.pgh_created_at,
        who=who.get(words.get("user"), "") or UNKNOWN,
        door=words.get("door", "") or UNKNOWN,
        what=what,
        reason=words.get("reason", ""),
        differences=differences,
    )


def _lab_fields(model: Any, events: list[Any]) -> list[Any]:
    """Return the lab-defined fields, also those whose definition is gone."""
    defined = lab_fields_of(model)
    recorded = {name for event in events for name in getattr(event, lab_values.COLUMN, ())}
    return [*defined, *(undefined(name) for name in sorted(recorded - {field.name for field in defined}))]


def _cell(field: Any, value: Any, names: dict[Any, dict[Any, str]]) -> Cell:
    if field.is_relation and value is not None:
        unseen = KEPT if permissions.secrecy_of(field.related_model) else f"#{value}"
        return Cell((Part(names[field.related_model].get(value, unseen)),))
    return Cell((value_part(field, value),))


def _related_names(fields: list[Any], events: list[Any], user: Any) -> dict[Any, dict[Any, str]]:
    """Return what related records are called, one query for each table; those deleted or unseen keep their number."""
    wanted: dict[Any, set[Any]] = defaultdict(set)
    for field in fields:
        if field.is_relation:
            ids = {getattr(event, field.attname) for event in events} - {None}
            if len(ids) > 1 or any(getattr(event, field.attname) is None for event in events):
                wanted[field.related_model] |= ids
    names: dict[Any, dict[Any, str]] = defaultdict(dict)
    for model, ids in wanted.items():
        rows = permissions.visible(with_names(model._default_manager.all()), user)
        names[model] = {pk: str(row) for pk, row in rows.in_bulk(ids).items()}
    return names


def _accounts(events: list[Any]) -> dict[Any, str]:
    ids = {(event.pgh_context.metadata or {}).get("user") for event in events if event.pgh_context} - {None}
    rows: Any = get_user_model()._default_manager.in_bulk(ids)
    return {pk: account.get_username() for pk, account in rows.items()}
