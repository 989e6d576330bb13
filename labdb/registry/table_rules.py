"""The rules of a table held against rows that are not in it yet: one statement for all rows, and one row is a few.

Django would ask once per rule and row, within a savepoint each: thirteen questions for one social-interaction test.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, models

from labdb.registry.rules import RowRule, UniqueRule

NOT_STORED_YET = 0  # stands for the id of a row of the same sheet: there is one, and no stored row has it

Candidate = tuple[Any, Collection[str]]  # a row, and the fields that no rule can be held against


def broken_rules(model: type[models.Model], candidates: Sequence[Candidate]) -> Iterator[tuple[int, ValidationError]]:
    """Yield the number of each row that breaks a rule, and the rule's sentence at its field.

    A field that was refused already, or left empty, is unknown, and unknown breaks no rule. A row that is changed is
    no second one of itself.
    """
    if not candidates:
        return
    written = _as_json(model, candidates)
    row_rules = [rule for rule in model._meta.constraints if isinstance(rule, RowRule)]
    for number, broken in _broken_row_rules(model, row_rules, written):
        for rule in broken:
            yield number, rule.error(candidates[number][0])
    for unique in (rule for rule in model._meta.constraints if isinstance(rule, UniqueRule)):
        for number in _taken(model, unique, written, candidates):
            yield number, unique.error(candidates[number][0])


def stored_twins(model: type[models.Model], fields: Sequence[str], candidates: Sequence[Candidate]) -> dict[int, int]:
    """Return the id of the stored row that has the same values in these fields, by number of the row."""
    if not candidates:
        return {}
    return dict(_same(model, fields, _as_json(model, candidates)))


def _as_json(model: type[models.Model], candidates: Sequence[Candidate]) -> str:
    """Return the rows as PostgreSQL reads them, with their number for an id."""
    columns = [field for field in model._meta.concrete_fields if not field.generated and not field.primary_key]
    rows = [{"id": number, **dict(_values(columns, *candidate))} for number, candidate in enumerate(candidates)]
    return json.dumps(rows, default=str)


def _values(columns: list[Any], instance: Any, unknown: Collection[str]) -> Iterator[tuple[str, Any]]:
    for column in columns:
        if column.name not in unknown:
            value = getattr(instance, column.attname)
            if value is None and column.is_relation and column.get_cached_value(instance, default=None) is not None:
                value = NOT_STORED_YET
            yield column.column, None if hasattr(value, "resolve_expression") else value


def _broken_row_rules(model: type[models.Model], rules: list[Any], written: str) -> list[tuple[int, list[RowRule]]]:
    if not rules:
        return []
    with connection.cursor() as cursor:  # connects: quoting the values of a rule needs a connection
        editor = connection.SchemaEditorClass(connection)
        broken = [f"({rule._get_check_sql(model, editor)}) IS FALSE".replace("%", "%%") for rule in rules]
        table = connection.ops.quote_name(model._meta.db_table)
        cursor.execute(
            f"SELECT id, ARRAY[{', '.join(broken)}] FROM json_populate_recordset(NULL::{table}, %s::json) AS {table}"  # noqa: S608
            f" WHERE {' OR '.join(broken)} ORDER BY id",
            [written],
        )
        found = cursor.fetchall()
    return [(number, [rule for rule, broke in zip(rules, flags, strict=True) if broke]) for number, flags in found]


def _taken(model: type[models.Model], rule: UniqueRule, written: str, candidates: Sequence[Candidate]) -> Iterator[int]:
    """Yield the numbers of the rows whose values another row of the table has already."""
    is_empty_a_value = rule.nulls_distinct is False
    for number, pk in _same(model, rule.fields, written, is_empty_a_value=is_empty_a_value):
        instance, unknown = candidates[number]
        if pk != instance.pk and not (is_empty_a_value and set(rule.fields).intersection(unknown)):
            yield number


def _same(
    model: type[models.Model], names: Sequence[str], written: str, *, is_empty_a_value: bool = False
) -> list[tuple[int, int]]:
    """Return number and stored id of the rows that are the same in these fields."""
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    fields: list[Any] = [model._meta.get_field(name) for name in names]
    columns = [quote(field.column) for field in fields]
    equals = "IS NOT DISTINCT FROM" if is_empty_a_value else "="
    same = " AND ".join(f"new.{column} {equals} old.{column}" for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT new.id, old.id FROM json_populate_recordset(NULL::{table}, %s::json) AS new JOIN {table} AS old"  # noqa: S608
            f" ON {same}",
            [written],
        )
        return cursor.fetchall()
