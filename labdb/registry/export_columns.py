"""Columns of an export: SQL expressions, never Python properties, so that a million rows cost no Python.

Related records stand by name, several of them as ``A; B``, as the import reads them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db import connection, models
from django.db.models import Case, F, OuterRef, Subquery, TextField, When
from django.db.models.functions import Cast

from labdb.registry import permissions
from labdb.registry.keys import key_path
from labdb.registry.lab_fields import path_to
from labdb.registry.record import Record, field_of


class Kind(StrEnum):
    """What the values of a column are; a file with types says so."""

    TEXT = "text"
    NAMES = "names"  # of several records, as one text
    NUMBER = "number"
    WHOLE = "whole number"
    YES_NO = "yes or no"
    DAY = "day"
    INSTANT = "instant"
    TIME = "time of day"
    JSON = "JSON"


@dataclass(frozen=True)
class ExportColumn:
    """One column: its heading, what its values are, and how the database reads them."""

    name: str
    kind: Kind
    expression: Any


@dataclass(frozen=True)
class ExportTable:
    """Rows and columns as one statement.

    Attributes
    ----------
    columns : sequence of ExportColumn
    sql : str
        Gives ``column_0``, ``column_1``, ... of these rows, in their order.
    """

    columns: Sequence[ExportColumn]
    sql: str

    @property
    def names(self) -> list[str]:
        """The headings."""
        return [column.name for column in self.columns]

    @classmethod
    def of(cls, queryset: models.QuerySet, columns: Sequence[ExportColumn]) -> "ExportTable":
        """Return the table of a queryset that is narrowed already to what the account may see."""
        aliases = [f"column_{at}" for at in range(len(columns))]
        chosen = {alias: column.expression for alias, column in zip(aliases, columns, strict=True)}
        compiler = (
            queryset.annotate(**chosen)
            .values_list(*aliases)
            .query.get_compiler(connection.alias, elide_empty=False)  # who sees no row gets the header
        )
        sql, parameters = compiler.as_sql()
        found = connection.ops.compose_sql(sql, parameters)  # type: ignore[attr-defined]  # COPY takes no parameters
        return cls(columns, f"({found}) AS found ({', '.join(aliases)})")


def record_columns(record: type[Record], names: Sequence[str], user: Any) -> list[ExportColumn]:
    """Return columns of a record, as far as the account may know them; also its ids, and who entered it and when."""
    return [record_column(record.model, name, user) for name in names]


def record_column(model: type[models.Model], name: str, user: Any, heading: str = "") -> ExportColumn:
    """Return one column of a record."""
    field: Any = field_of(model, name)
    if field.is_relation and not field.many_to_many and name == field.attname:
        expression = _as_far_as_known(F(name), model, field.name, user)
        return ExportColumn(heading or name, kind_of(field.target_field), expression)
    return ExportColumn(heading or name, kind_of(field), column_expression(model, name, user=user))


def column_expression(model: type[models.Model], name: str, *, user: Any) -> Any:
    """Return a column as SQL that gives what the import reads, as far as the account may know it."""
    field: Any = field_of(model, name)
    if isinstance(field, models.ManyToManyField):
        return _names_of(field)
    if field.is_relation:
        return _as_far_as_known(F(f"{name}__{key_path(field.related_model)}"), model, name, user)
    if isinstance(field, models.BooleanField):
        return Cast(F(path_to(field)), TextField())  # true and false; COPY alone writes t and f
    return F(path_to(field))


def kind_of(field: Any) -> Kind:
    """Return what the values of a field are; of a related record, its name's."""
    if field.many_to_many:
        return Kind.NAMES
    if field.is_relation:
        return _kind_of_key(field.related_model)
    source = field.output_field if getattr(field, "generated", False) else field
    kinds: list[tuple[Any, Kind]] = [
        (models.BooleanField, Kind.YES_NO), (models.IntegerField, Kind.WHOLE), (models.FloatField, Kind.NUMBER),
        (models.DateTimeField, Kind.INSTANT), (models.DateField, Kind.DAY), (models.TimeField, Kind.TIME),
        (models.JSONField, Kind.JSON),
    ]  # fmt: skip
    return next((kind for known, kind in kinds if isinstance(source, known)), Kind.TEXT)


def _kind_of_key(model: Any) -> Kind:
    for step in key_path(model).split("__"):
        field = model._meta.pk if step == "pk" else model._meta.get_field(step)
        model = field.related_model
    return kind_of(field)


def _as_far_as_known(expression: Any, model: type[models.Model], name: str, user: Any) -> Any:
    seen = permissions.known_at(user, model, name)
    return expression if seen is None else Case(When(seen, then=expression))


def _names_of(field: models.ManyToManyField) -> Subquery:
    """Return the names of the related records, in their order, separated as the import reads them."""
    through: Any = field.remote_field.through
    source = field.m2m_field_name()
    name = Cast(F(f"{field.m2m_reverse_field_name()}__{key_path(field.related_model)}"), TextField())
    links = through._default_manager.filter(**{source: OuterRef("pk")}).order_by()
    return Subquery(
        links.values(source).annotate(names=StringAgg(name, "; ", order_by=name)).values("names"),
        output_field=TextField(),
    )
