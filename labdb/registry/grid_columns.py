"""What a grid shows of a record: its columns as the browser needs them, and stored rows as the texts of its cells."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst

from labdb.registry import permissions
from labdb.registry.expected_columns import kind_of
from labdb.registry.filters import chosen_names
from labdb.registry.form_fields import (
    DayField,
    InstantField,
    KeyField,
    KeysField,
    NumberField,
    OneOfField,
    WholeNumberField,
    YesNoField,
    written_key,
)
from labdb.registry.forms import form_for, model_texts, offered
from labdb.registry.headers import DATABASE_FILLS, names_of
from labdb.registry.lab_fields import value_of
from labdb.registry.page_context import PageContext
from labdb.registry.record import Record, field_of, natural_key, record_for
from labdb.registry.rules import plain_number

MOST_NAMES = 200  # of what is no record (accounts); they come with the page
YES_NO = {True: "yes", False: "no"}


@dataclass(frozen=True)
class GridColumn:
    """One column.

    Attributes
    ----------
    default : str
        What an empty cell of a new row stands for; the grid shows it in gray and sends it.
    options : tuple of (str, str)
        What may be chosen, with its label; any other text stays as it was typed, and the server says what it thinks.
    keys_url : str
        Where the names of related records are asked for while one types.
    called : tuple of str
        The names by which a pasted header means this column.
    """

    name: str
    label: str
    kind: str
    help: str
    is_needed: bool
    is_shown: bool
    is_number: bool
    default: str = ""
    options: tuple[tuple[str, str], ...] = ()
    keys_url: str = ""
    several: bool = False
    called: tuple[str, ...] = ()


def grid_columns(context: PageContext, given: dict[str, str]) -> list[dict[str, Any]]:
    """Return the columns of a grid, in the order of the form.

    The study has none where the page knows it. Those of the list that somebody chose (``?fields=``) are shown here too.

    Parameters
    ----------
    given : dict of str to str
        First values of new rows, by field, from the address.
    """
    record = context.record
    defaults = {**default_cells(record), **given}
    chosen = set(chosen_names(context.query))
    first = chosen or _first_seen(record) | set(given) | (set(natural_key(record)) - set(defaults))
    columns = []
    for name, form_field in offered(record).items():
        if name == "study" and context.entry_study is not None:
            continue
        default = defaults.get(name, "")
        is_needed = form_field.required and not default
        columns.append(
            GridColumn(
                name=name,
                label=str(capfirst(str(form_field.label))),
                kind=kind_of(form_field),
                help=str(form_field.help_text or ""),
                is_needed=is_needed,
                is_shown=is_needed or name in first,
                is_number=isinstance(form_field, NumberField | WholeNumberField),
                default=default,
                called=tuple(sorted(names_of(name, form_field))),
                **_offers(form_field, context.user),
            )
        )
    return [asdict(column) for column in columns]


def left_out(record: type[Record]) -> list[str]:
    """Return the columns of a pasted block that need no place: the database fills them."""
    own = set(form_for(record).base_fields)
    filled = {*record.computed, *DATABASE_FILLS, *(f"{name}_id" for name in own)}
    return sorted({name.replace("_", " ") for name in filled - own})


def default_cells(record: type[Record]) -> dict[str, str]:
    """Return what new rows hold by themselves, as texts of cells."""
    fields = form_for(record).base_fields
    cells = {}
    for name, value in model_texts(record.model(), record).items():
        now = value.replace(second=0, microsecond=0) if isinstance(value, datetime) else value
        cells[name] = cell_text(fields[name], now)
    return {name: text for name, text in cells.items() if text}


def stored_row(record: type[Record], row: Any) -> dict[str, Any]:
    """Return a stored row as the browser keeps it: its cells, and the version that they are of."""
    return {"id": row.pk, "version": row.version, "name": str(row), "cells": row_cells(record, row)}


def row_cells(record: type[Record], row: Any) -> dict[str, str]:
    """Return a stored row as the texts of its cells; each is read back as what is stored."""
    fields = form_for(record).base_fields
    cells = {}
    for name in record.entered():
        field = field_of(record.model, name)
        value = list(getattr(row, name).all()) if field.many_to_many else value_of(field, row)
        cells[name] = cell_text(fields[name], value)
    return cells


def cell_text(form_field: Any, value: Any) -> str:
    """Return the text of a cell: as people type it, and as the form reads it back."""
    if isinstance(form_field, YesNoField) and isinstance(value, bool):
        return YES_NO[value]
    shown = form_field.prepare_value(value)
    if shown is None:
        return ""
    if isinstance(shown, datetime):
        return _instant_text(shown)
    if isinstance(shown, float):
        return plain_number(shown)
    if isinstance(form_field, YesNoField):
        return {"true": "yes", "false": "no"}.get(shown, str(shown))
    return str(shown)


def _instant_text(instant: datetime) -> str:
    """Return an instant by the lab's clock: as exact as it is, with its offset in the hour that comes twice."""
    local = timezone.localtime(instant)
    exactness = "microseconds" if local.microsecond else "seconds" if local.second else "minutes"
    shown = local.replace(tzinfo=None).isoformat(sep=" ", timespec=exactness)
    other = local.replace(fold=1 - local.fold)
    if other.astimezone(UTC) == local.astimezone(UTC):
        return shown
    return local.isoformat(sep=" ", timespec=exactness)


def _first_seen(record: type[Record]) -> set[str]:
    """Return the fields that are worth a column before somebody asks for it: those of the list and the lab's own."""
    own = {field.name for field in record.lab_fields() if not field.is_retired}
    model: Any = record.model
    return {*record.list_display, getattr(model, "time_field", ""), *own}


def _offers(form_field: Any, user: Any) -> dict[str, Any]:
    if isinstance(form_field, KeyField):
        return _names(form_field, user)
    if isinstance(form_field, YesNoField):
        return {"options": (("yes", ""), ("no", ""))}
    if isinstance(form_field, OneOfField):
        choices: Any = form_field.choices
        return {"options": tuple((str(value), str(label)) for value, label in choices if value != "")}
    return {}


def _names(form_field: KeyField, user: Any) -> dict[str, Any]:
    several = isinstance(form_field, KeysField)
    try:
        return {"keys_url": reverse("record-keys", args=[record_for(form_field.model).resource]), "several": several}
    except KeyError:
        rows = getattr(form_field.model, "offered", form_field.model._default_manager.all)()
        named = permissions.visible(rows, user)[:MOST_NAMES]
        return {"options": tuple((str(written_key(row)), "") for row in named), "several": several}


def time_input(record: type[Record], names: Iterable[str]) -> dict[str, str]:
    """Return the input that dates all new rows: its field and kind; empty where a record has no time of its own."""
    name = getattr(record.model, "time_field", "")
    form_field = form_for(record).base_fields.get(name)
    if name not in names or not isinstance(form_field, DayField | InstantField):
        return {}
    kind = "date" if isinstance(form_field, DayField) else "datetime-local"
    return {"name": name, "kind": kind, "label": str(capfirst(str(form_field.label)))}
