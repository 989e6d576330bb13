"""What a file may hold in each column, in words: for the import page, the workbook and its notes."""

from dataclasses import dataclass
from typing import Any

from labdb.registry.form_fields import (
    DayField,
    InstantField,
    KeyField,
    KeysField,
    NumberField,
    OneOfField,
    WholeNumberField,
    YesNoField,
)
from labdb.registry.forms import offered
from labdb.registry.headers import default_texts
from labdb.registry.keys import article, key_path
from labdb.registry.record import Record

KINDS: tuple[tuple[type, str], ...] = (
    (NumberField, "number"),
    (WholeNumberField, "whole number"),
    (InstantField, "date and time, 2026-03-14 09:30"),
    (DayField, "date, 2026-03-14"),
    (YesNoField, "yes or no"),
)


@dataclass(frozen=True)
class ExpectedColumn:
    """What a file may hold in one column."""

    name: str
    label: str
    kind: str
    is_needed: bool
    help_text: str


def expected_columns(record: type[Record]) -> list[ExpectedColumn]:
    """Return the columns that a file may have, in the order of the form."""
    defaults = default_texts(record)
    columns = []
    for name, form_field in offered(record).items():
        is_needed = form_field.required and defaults.get(name) in ("", None)
        columns.append(
            ExpectedColumn(name, str(form_field.label), kind_of(form_field), is_needed, str(form_field.help_text or ""))
        )
    return columns


def kind_of(form_field: Any) -> str:
    """Return what a cell of a field may hold, in words."""
    if isinstance(form_field, OneOfField):
        choices: Any = form_field.choices
        return "one of " + ", ".join(str(stored) for stored, _label in choices if stored != "")
    if isinstance(form_field, KeysField):
        return f"names of {form_field.model._meta.verbose_name_plural}, separated by semicolons"
    if isinstance(form_field, KeyField):
        what = str(form_field.model._meta.verbose_name)
        return (
            f"name of {article(what)} {what}"
            if key_path(form_field.model) != "pk"
            else f"#id of {article(what)} {what}"
        )
    return next((words for kind, words in KINDS if isinstance(form_field, kind)), "text")
