"""The data dictionary: every record, field, unit and rule, read off the declarations.

One reading of them serves the page and docs/data-dictionary.md. Nothing of a machine or a day goes into it.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from string import Formatter
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.expressions import CombinedExpression, F, Value
from django.db.models.functions import NullIf
from django.utils.text import capfirst

from labdb.accounts.roles import may_enter
from labdb.registry.cells import stored_as
from labdb.registry.keys import article
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.record import Record, all_records, record_for
from labdb.registry.rules import RowRule, UniqueRule
from labdb.registry.units import unit_of

KINDS: tuple[tuple[Any, str], ...] = (
    (models.BooleanField, "yes or no"),
    (models.FloatField, "number"),
    (
        models.PositiveIntegerField | models.PositiveSmallIntegerField | models.PositiveBigIntegerField,
        "whole number, 0 or more",
    ),
    (models.IntegerField, "whole number"),
    (models.DateTimeField, "date and time"),
    (models.DateField, "date"),
    (models.TextField, "long text"),
)


@dataclass(frozen=True)
class FieldEntry:
    """One field, in words."""

    name: str
    label: str
    kind: str
    target: str  # resource of the record that it refers to
    unit: str
    needed: str
    meaning: str


@dataclass(frozen=True)
class RuleEntry:
    """One rule: the field where it is said, and the sentence."""

    field: str
    sentence: str


@dataclass(frozen=True)
class RecordEntry:
    """One record, in words."""

    resource: str
    title: str
    about: list[str]  # paragraphs
    named_by: str
    once: list[str]
    study: str
    entered_by: str  # empty: by no one by hand
    fields: list[FieldEntry]
    rules: list[RuleEntry]
    further_rules: list[str]


@dataclass(frozen=True)
class RoomEntry:
    """The records of one step of the experiment."""

    title: str
    records: list[RecordEntry]


def dictionary(*, with_lab_fields: bool = False) -> list[RoomEntry]:
    """Return every record, room by room in the order of the experiment.

    Parameters
    ----------
    with_lab_fields : bool
        Also the fields that this laboratory has defined, which the database knows and no file may.
    """
    by_room = groupby(all_records(), key=lambda record: record.model._meta.app_label)
    return [
        RoomEntry(
            str(apps.get_app_config(label).verbose_name), [_record(record, with_lab_fields) for record in records]
        )
        for label, records in by_room
    ]


def shared_fields() -> list[FieldEntry]:
    """Return the fields that every record has which people enter."""
    model = next(record.model for record in all_records() if issubclass(record.model, LabRecord))
    shared = [model._meta.get_field(field.name) for field in LabRecord._meta.local_fields]
    fields = [field for field in shared if not isinstance(field, models.JSONField)]  # values of lab-defined fields
    return [_field(field, is_entered=field.editable) for field in fields]


def shared_rules() -> list[str]:
    """Return the rules of every record of a study."""
    return list(_docstrings(StudyRecord, ("clean",), stop=(LabRecord,)))


def _record(record: type[Record], with_lab_fields: bool) -> RecordEntry:
    model = record.model
    study = ("study",) if record.in_study() and "study" not in record.fields else ()
    declared = (*study, *record.fields, *record.computed)
    names = [name for name in declared if name not in _shared_names(model)]
    fields = [
        _field(field, is_entered=field.name in record.fields and not record.read_only)
        for field in _model_fields(model, names)
    ]
    if with_lab_fields:
        fields += [_field(field, is_entered=True) for field in record.lab_fields()]
    rules = [rule for rule in model._meta.constraints if isinstance(rule, RowRule | UniqueRule)]
    unique = [rule for rule in rules if isinstance(rule, UniqueRule)]
    return RecordEntry(
        resource=record.resource,
        title=str(capfirst(record.title())),
        about=[" ".join(paragraph.split()) for paragraph in inspect.cleandoc(model.__doc__ or "").split("\n\n")],
        named_by=_key(model),
        once=[" + ".join(rule.fields) for rule in unique],
        study=_study(record),
        entered_by="" if record.read_only else ", ".join(may_enter(model)),
        fields=fields,
        rules=[RuleEntry(rule.field, _readable(rule.sentence, rule.field)) for rule in rules],
        further_rules=list(_docstrings(model, ("clean", "findings"), stop=(StudyRecord, LabRecord))),
    )


def _shared_names(model: type[models.Model]) -> set[str]:
    """Return what is said once for all records; a study that follows from a parent is said in words."""
    if not issubclass(model, LabRecord):
        return set()
    shared = {field.name for field in LabRecord._meta.local_fields}
    return {*shared, "study"} if getattr(model, "study_from", None) else shared


def _model_fields(model: type[models.Model], names: list[str]) -> Iterator[Any]:
    for name in names:
        try:
            yield model._meta.get_field(name)
        except FieldDoesNotExist:
            continue  # a check says so for what is entered; what another table computes has its own entry there


def _key(model: Any) -> str:
    key = getattr(model, "key_field", "pk")
    return "its number (id)" if key == "pk" else key.replace("__", ".")


def _study(record: type[Record]) -> str:
    if not record.in_study():
        return ""
    parent = getattr(record.model, "study_from", None)
    return f"that of {parent}" if parent else "entered"


def _field(field: Any, *, is_entered: bool) -> FieldEntry:
    meaning = str(field.help_text or "")
    if field.generated:
        meaning = f"Computed: {_formula(field.expression)}. {meaning}".strip()
    unit = unit_of(field)
    return FieldEntry(
        name=field.name,
        label=str(capfirst(str(field.verbose_name))),
        kind=_kind(field),
        target=_target(field),
        unit=str(unit or ""),
        needed=_needed(field) if is_entered else "never entered",
        meaning=meaning,
    )


def _kind(field: Any) -> str:
    if field.many_to_many:
        return f"several {field.related_model._meta.verbose_name_plural}"
    if field.is_relation:
        what = str(field.related_model._meta.verbose_name)
        return f"{article(what)} {what}"
    source = stored_as(field)
    if source.choices:
        return "one of " + ", ".join(_choice(*choice) for choice in source.flatchoices if choice[0] != "")
    if isinstance(source, models.CharField) and source.max_length:
        return f"text, up to {source.max_length} characters"
    return next((words for kind, words in KINDS if isinstance(source, kind)), "text")


def _choice(stored: Any, label: Any) -> str:
    return str(stored) if str(stored) == str(label) else f"{stored} ({label})"


def _target(field: Any) -> str:
    try:
        return record_for(field.related_model).resource if field.is_relation else ""
    except KeyError:
        return ""  # an account or a role


def _needed(field: Any) -> str:
    if not field.many_to_many and field.has_default():
        default = _default(field)
        return f"no; {default} by default" if default else "no"
    may_be_empty = field.null if isinstance(field, models.BooleanField) else field.blank
    return "no" if may_be_empty else "yes"


def _default(field: Any) -> str:
    if callable(field.default):  # a moment, or an empty container: nothing that a file could say
        return "now" if isinstance(field, models.DateField) else ""
    if isinstance(field.default, bool):
        return "yes" if field.default else "no"
    if isinstance(field.default, float):
        return f"{field.default:g}"
    return str(field.default.value if isinstance(field.default, models.Choices) else field.default)


def _formula(expression: Any, *, is_inner: bool = False) -> str:
    """Return the expression of a generated column as arithmetic."""
    if isinstance(expression, F):
        return str(expression.name)  # type: ignore[attr-defined]
    if isinstance(expression, Value):
        return f"{expression.value:g}" if isinstance(expression.value, float) else str(expression.value)
    parts = [_formula(part, is_inner=True) for part in expression.get_source_expressions() if part is not None]
    if isinstance(expression, NullIf):
        return f"{parts[0]} (empty where it is {parts[1]})"
    if isinstance(expression, CombinedExpression):
        text = f" {expression.connector} ".join(parts)
        return f"({text})" if is_inner else text
    return f"{type(expression).__name__}({', '.join(parts)})"


def _readable(sentence: str, field: str) -> str:
    """Return a rule's sentence with the names of fields where a row's values would stand."""
    text = ""
    for words, place, _spec, _conversion in Formatter().parse(sentence):
        text += words
        if place is not None:
            text += f"<{field if place == 'value' else place.removeprefix('row.')}>"
    return text


def _docstrings(model: type, methods: tuple[str, ...], stop: tuple[type, ...]) -> Iterator[str]:
    """Yield the first paragraph of what a model and its bases say of their checks, those of all records left out."""
    for method in methods:
        for base in model.__mro__:
            found = base.__dict__.get(method)
            if found is not None and base not in stop and base.__module__.startswith(("labdb.", "analysis.")):
                said = inspect.cleandoc(getattr(found, "__func__", found).__doc__ or "").split("\n\n")[0]
                yield " ".join(said.split())
