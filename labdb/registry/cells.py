"""Values as pages show them: numbers with the digits that mean something, records as links, unknown as a dash."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from labdb.registry.keys import key_path
from labdb.registry.lab_fields import value_of
from labdb.registry.record import Record, field_of, record_for

UNKNOWN = "—"
SIGNIFICANT_DIGITS = 4
LONGEST_IN_TABLE = 80  # characters; the record's own page has the rest
NUMBERS = (models.IntegerField, models.FloatField, models.DecimalField)


@dataclass(frozen=True)
class Part:
    """A piece of text, a link where it stands for a record, the exact value where the text is shorter."""

    text: str
    url: str = ""
    exact: str = ""


@dataclass(frozen=True)
class Cell:
    """What a table or a page shows of one field of one row; ``mark`` is what is to be known of the row beside it."""

    parts: tuple[Part, ...]
    is_number: bool = False
    mark: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether nothing was entered."""
        return self.parts == (Part(UNKNOWN),)

    @property
    def table_html(self) -> SafeString:
        """The cell of a table."""
        return SafeString(f'<td class="number">{self.html}</td>' if self.is_number else f"<td>{self.html}</td>")

    @property
    def html(self) -> SafeString:
        """The cell as a page shows it; no template, of which a list of fifty rows would take hundreds."""
        text = SafeString("; ".join(self._part_html(part) for part in self.parts))
        return format_html('{} <span class="badge bg-yellow-lt">{}</span>', text, self.mark) if self.mark else text

    def _part_html(self, part: Part) -> str:
        if part.url:
            return format_html('<a href="{}">{}</a>', part.url, part.text)
        if part.exact:
            return format_html('<span title="{}">{}</span>', part.exact, part.text)
        if self.is_unknown:
            return format_html('<span class="text-secondary" title="unknown">{}</span>', part.text)
        return escape(part.text)


@dataclass(frozen=True)
class Column:
    """One field as a heading and as cells."""

    name: str
    field: Any

    @property
    def label(self) -> str:
        """The heading, with its unit."""
        return str(capfirst(str(self.field.verbose_name)))

    @property
    def is_number(self) -> bool:
        """Whether its cells stand at the right."""
        return isinstance(stored_as(self.field), NUMBERS) and not self.field.is_relation

    @property
    def is_sortable(self) -> bool:
        """Whether a click on the heading sorts: several records in a cell have no order."""
        return not self.field.many_to_many

    def cell(self, row: Any, *, whole: bool = False) -> Cell:
        """Return the cell of a row; ``whole`` keeps a long text whole."""
        if self.field.many_to_many:
            related = getattr(row, self.name).all()
            return Cell(tuple(record_part(one) for one in related) or (Part(UNKNOWN),))
        value = value_of(self.field, row)
        if isinstance(value, models.Model):
            return Cell((record_part(value),))
        return Cell((value_part(self.field, value, whole=whole),), self.is_number)


def columns_of(record: type[Record], names: Iterable[str]) -> list[Column]:
    """Return the columns of these fields; a name that is no field of the record is left out."""
    columns = []
    for name in names:
        try:
            columns.append(Column(name, field_of(record.model, name)))
        except FieldDoesNotExist:
            continue
    return columns


def with_related(queryset: models.QuerySet, columns: Iterable[Column]) -> models.QuerySet:
    """Fetch with the rows what their cells show of other tables: no query for each row."""
    joined: list[str] = []
    several: list[str] = []
    for column in columns:
        if column.field.many_to_many:
            several.append(column.name)
        elif column.field.is_relation:
            joined += [column.name, *(f"{column.name}__{step}" for step in _named_by(column.field.related_model))]
    queryset = queryset.select_related(*joined) if joined else queryset
    return queryset.prefetch_related(*several) if several else queryset


def with_names(queryset: models.QuerySet) -> models.QuerySet:
    """Fetch with the rows what their own names are made of."""
    steps = _named_by(queryset.model)
    return queryset.select_related(*steps) if steps else queryset  # without names it would join everything


def _named_by(model: Any) -> list[str]:
    """Return the relations that the name of a row may be made of (``M001 SI test 1``)."""
    key = key_path(model)
    if key != "pk" and "__" not in key:
        return []
    return [f.name for f in model._meta.fields if f.is_relation and not f.null]


def record_part(row: models.Model) -> Part:
    """Return the name of a related record, with the address of its page if it has one."""
    return Part(str(row), detail_url(row))


def detail_url(row: models.Model) -> str:
    """Return the address of a record's page; empty for what is no record."""
    try:
        record = record_for(type(row))
    except KeyError:
        return ""
    return f"{_list_url(record.resource)}{row.pk}/"


@cache
def _list_url(resource: str) -> str:
    return reverse("record-list", args=[resource])  # of the list, as a page of many rows would ask for each of them


def stored_as(field: Any) -> Any:
    """Return the field whose type the values have: of a generated column, its output."""
    return field.output_field if getattr(field, "generated", False) else field


def value_part(field: Any, value: Any, *, whole: bool = False) -> Part:
    """Return the text of a value that is no record."""
    if value is None or value == "":
        return Part(UNKNOWN)
    if isinstance(value, bool):
        return Part("yes" if value else "no")
    if getattr(field, "choices", None):
        return Part(str(dict(field.flatchoices).get(value, value)))
    if isinstance(value, float):
        return Part(number_text(value), exact=repr(value))
    if isinstance(value, datetime):
        local = timezone.localtime(value)
        return Part(formats.date_format(local, "DATETIME_FORMAT"), exact=local.isoformat(timespec="seconds"))
    if isinstance(value, date):
        return Part(formats.date_format(value, "DATE_FORMAT"), exact=value.isoformat())
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    if len(text) > LONGEST_IN_TABLE and not whole:
        return Part(f"{text[:LONGEST_IN_TABLE]}...", exact=text[:1000])
    return Part(text)


def number_text(value: float) -> str:
    """Return a number with four significant digits; large ones whole, tiny ones as a power of ten."""
    if abs(value) >= 10**SIGNIFICANT_DIGITS and abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:.{SIGNIFICANT_DIGITS}g}"
