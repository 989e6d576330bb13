"""Many rows of a record at once: every rule of the one form, without its queries for each row.

Names are looked up a column at a time, the rules of the table are one statement each for all rows, and the rows are
written in one transaction or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction

from labdb.registry.form_fields import KeyField, split_keys
from labdb.registry.forms import RecordForm, conflicts, form_for
from labdb.registry.history import writing
from labdb.registry.keys import KeyRing
from labdb.registry.record import Record
from labdb.registry.rules import UniqueRule
from labdb.registry.table_rules import broken_rules

ROWS_PER_INSERT = 2_000


@dataclass
class CheckedRow:
    """One row after the form: the instance it would become, and its sentences by field."""

    line: int
    instance: Any
    related: dict[str, list[Any]]
    errors: dict[str, list[str]]
    is_forbidden: bool = False
    refused: set[str] = field(default_factory=set)  # fields that no rule of the table can be held against

    def add(self, error: ValidationError) -> None:
        """Add a rule's sentence at its field."""
        for name, sentences in error.message_dict.items():
            self.errors.setdefault(name, []).extend(sentences)


def check_rows(
    record: type[Record],
    rows: Sequence[tuple[int, dict[str, Any]]],
    *,
    user: Any,
    study: Any = None,
    word: str = "line",
) -> list[CheckedRow]:
    """Check rows of form data; the result has one entry for each, in order.

    Parameters
    ----------
    rows : sequence of (int, dict)
        Line number, and the text of every field of the form.
    word : str
        What the numbers count, for the sentences: lines of a file or rows of a request.
    """
    ring = KeyRing(user)
    form_class = form_for(record)
    _prefetch(form_class, [row for _line, row in rows], ring, study)
    form = form_class({}, user=user, keys=ring, study=study, in_batch=True)
    checked = [_checked(form, line, row) for line, row in rows]
    not_entered = {column.name for column in record.model._meta.concrete_fields} - set(form.fields)
    for number, error in broken_rules(record.model, [(row.instance, not_entered | row.refused) for row in checked]):
        checked[number].add(error)
    for rule in record.model._meta.constraints:
        if isinstance(rule, UniqueRule):
            _check_in_batch(rule, checked, word)
    return checked


def store_rows(record: type[Record], checked: Sequence[CheckedRow], *, user: Any, door: str) -> list[Any]:
    """Write all rows in one transaction and return them; Conflict when somebody else wrote the same meanwhile."""
    instances = [row.instance for row in checked]
    for instance in instances:
        instance.created_by = user
    with conflicts(record.model), writing(user=user, door=door), transaction.atomic():
        record.model._default_manager.bulk_create(instances, batch_size=ROWS_PER_INSERT)
        for name in checked[0].related if checked else ():
            _link(record.model._meta.get_field(name), [(row.instance, row.related[name]) for row in checked], user)
    return instances


def _checked(form: RecordForm, line: int, row: dict[str, Any]) -> CheckedRow:
    form.refill(row)
    errors = {name: [str(sentence) for sentence in sentences] for name, sentences in form.errors.items()}
    many = {f.name for f in form.instance._meta.many_to_many}
    related = {name: form.cleaned_data.get(name, []) for name in form.fields if name in many}
    return CheckedRow(line, form.instance, related, errors, form.has_error(NON_FIELD_ERRORS, "forbidden"), set(errors))


def _prefetch(form_class: type[RecordForm], rows: list[dict[str, Any]], ring: KeyRing, study: Any) -> None:
    """Look up the names of every column, in the study that each row names."""
    studies = [study] * len(rows)
    base_fields: Any = form_class.base_fields
    if "study" in base_fields:
        model = base_fields["study"].model
        texts = [_names_in(row.get("study")) for row in rows]
        ring.prefetch(model, {text for names in texts for text in names})
        studies = [_find(ring, model, names) or study for names in texts]
    for name, form_field in base_fields.items():
        if not isinstance(form_field, KeyField) or name == "study":
            continue
        wanted: dict[Any, set[str]] = {}
        for row, place in zip(rows, studies, strict=True):
            wanted.setdefault(place, set()).update(_names_in(row.get(name)))
        for place, names in wanted.items():
            ring.prefetch(form_field.model, names, place)


def _names_in(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [one.strip() for one in value if isinstance(one, str)]
    if not isinstance(value, str):
        return []
    return [value.strip(), *split_keys(value)] if ";" in value else [value.strip()]


def _find(ring: KeyRing, model: Any, names: list[str]) -> Any:
    try:
        return ring.find(model, names[0]) if names and names[0] else None
    except ValidationError:
        return None  # the form says it, in its row


def _check_in_batch(rule: UniqueRule, checked: Sequence[CheckedRow], word: str) -> None:
    """Refuse a row that says the same as an earlier one, naming both."""
    first_line: dict[tuple[Any, ...], int] = {}
    for row in checked:
        if row.refused.intersection(rule.fields):
            continue
        names = [row.instance._meta.get_field(name).attname for name in rule.fields]
        key = tuple(getattr(row.instance, name) for name in names)
        if None in key:
            continue
        if key in first_line:
            both = f"{word}s {first_line[key]} and {row.line}"
            what = ", ".join(rule.fields)
            row.add(ValidationError({rule.field: f"{both.capitalize()} have the same {what}; keep one of the two."}))
        else:
            first_line[key] = row.line


def _link(many: Any, pairs: list[tuple[Any, list[Any]]], user: Any) -> None:
    """Write the rows between a record and the several that one of its fields names."""
    through = many.remote_field.through
    source, target = many.m2m_field_name(), many.m2m_reverse_field_name()
    links = [through(**{source: row, target: one}) for row, ones in pairs for one in ones]
    for link in links:
        link.created_by = user
    through._default_manager.bulk_create(links, batch_size=ROWS_PER_INSERT)
