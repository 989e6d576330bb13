"""Many rows of a table written in one statement, as `labdb.registry.table_rules` checked them: by way of JSON.

Django's own ``bulk_create`` resolves every default of the database for every row, and takes as long for 10,000 weighings
as reading and checking them. Triggers, history and constraints are the database's and see these rows as any others.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models

from labdb.registry.long_work import tick

ROWS_PER_STATEMENT = 5_000


def insert_rows(model: type[models.Model], instances: Sequence[Any]) -> None:
    """Write new rows, in their order; each instance then has its id and what the database filled in."""
    for start in range(0, len(instances), ROWS_PER_STATEMENT):
        tick(start, len(instances), f"storing {model._meta.verbose_name_plural}")
        _insert(model, instances[start : start + ROWS_PER_STATEMENT])


def _insert(model: type[models.Model], instances: Sequence[Any]) -> None:
    columns: list[Any] = [one for one in model._meta.concrete_fields if not one.generated and not one.primary_key]
    filled = [one for one in columns if any(_is_open(getattr(row, one.attname)) for row in instances)]
    written = [one for one in columns if one not in filled]
    quote = connection.ops.quote_name
    key: Any = model._meta.pk
    table, pk = quote(model._meta.db_table), quote(key.column)
    names = ", ".join([pk, *(quote(one.column) for one in written)])
    returned = ", ".join([pk, *(quote(one.column) for one in filled)])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [table, key.column, len(instances)],
        )
        for row, (number,) in zip(instances, cursor.fetchall(), strict=True):
            row.pk = number
        _name_each_other(model, instances)
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s::json)"  # noqa: S608
            f" RETURNING {returned}",
            [_as_json([key, *written], instances)],
        )
        found = {number: values for number, *values in cursor.fetchall()}
    for row in instances:
        for one, value in zip(filled, found[row.pk], strict=True):
            setattr(row, one.attname, value)
        row._state.adding, row._state.db = False, connection.alias


def _name_each_other(model: type[models.Model], instances: Sequence[Any]) -> None:
    """Let rows that name rows of the same sheet have their ids, now that there are some."""
    for field in model._meta.concrete_fields:
        if field.related_model is not model:
            continue
        for row in instances:
            other: Any = field.get_cached_value(row, default=None)  # type: ignore[attr-defined]
            if other is not None and getattr(row, field.attname) is None:
                setattr(row, field.attname, other.pk)


def update_rows(model: type[models.Model], instances: Sequence[Any], names: Iterable[str]) -> None:
    """Write these fields of stored rows."""
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    values = ", ".join(f"{quote(field.column)} = new.{quote(field.column)}" for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS old SET {values} FROM json_populate_recordset(NULL::{table}, %s::json) AS new"  # noqa: S608
            " WHERE old.id = new.id",
            [_as_json([model._meta.pk, *fields], instances)],
        )


def _as_json(fields: Sequence[Any], instances: Sequence[Any]) -> str:
    return json.dumps([{one.column: getattr(row, one.attname) for one in fields} for row in instances], default=str)


def _is_open(value: Any) -> bool:
    """Whether the database is to fill it in (a `DatabaseDefault`)."""
    return hasattr(value, "resolve_expression")
