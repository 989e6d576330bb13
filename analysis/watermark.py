"""Until where the history has been seen: the last change of each field, and the changes that were still on their way.

Ids of changes are dealt when they are written and seen when they are committed, so an id below the last one may
appear later. A watermark therefore names the transactions that were writing when it was taken: once one of them has
ended, what is below it must be looked at again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import connection, models

from analysis.models import Adoption
from labdb.registry.permissions import study_path

Mark = dict[str, Any]
OPEN = "open"  # the transactions that were writing
ADOPTIONS = Adoption._meta.label
EVERY_FIELD = "*"
BOOKKEEPING = {"version", "modified_at", "created_at", "created_by"}  # follow from every change


@dataclass(frozen=True)
class Table:
    """Where the changes of a record are counted.

    Attributes
    ----------
    name : str
        What a watermark calls it: the label of the record.
    columns : dict of str to str
        Field -> column, of the fields whose changes are told apart.
    """

    name: str
    db_table: str
    number: str
    has_study: bool
    columns: Mapping[str, str] = field(default_factory=dict)

    def fields_of(self, read: Iterable[str]) -> list[str]:
        """Return those of some fields that the history tells apart; what is generated follows from others."""
        return list(self.columns) if EVERY_FIELD in read else [name for name in self.columns if name in set(read)]

    @property
    def changes(self) -> str:
        """The changes after a number that concern a study (e), each update beside the change of its row before it (p)."""
        events = connection.ops.quote_name(self.db_table)
        # The sum keeps PostgreSQL from looking for the latest change of a row among the latest of all rows.
        before = (
            f"SELECT * FROM {events} x WHERE e.pgh_label = 'update' AND x.pgh_obj_id = e.pgh_obj_id "  # noqa: S608
            "AND x.pgh_id < e.pgh_id ORDER BY x.pgh_id + 0 DESC LIMIT 1"
        )
        of_study = " AND e.study_id = %s" if self.has_study else ""
        return f"FROM {events} e LEFT JOIN LATERAL ({before}) p ON TRUE WHERE e.pgh_id > %s{of_study}"

    @property
    def came_or_went(self) -> str:
        """The condition that a row was entered, deleted, or came from another study."""
        moved = " OR p.study_id <> e.study_id" if self.has_study else ""
        return f"(p.pgh_id IS NULL{moved})"

    def differs(self, name: str) -> str:
        """Return the condition that a field has another value than before."""
        column = connection.ops.quote_name(self.columns[name])
        return f"e.{column} IS DISTINCT FROM p.{column}"

    def parameters(self, study_id: int, since: Mapping[str, int]) -> list[int]:
        """Return what `changes` is asked with."""
        return [since.get(self.name, 0), *([study_id] if self.has_study else [])]


@dataclass(frozen=True)
class Moved:
    """The numbers of the last changes of a record that a study knows.

    Attributes
    ----------
    came_or_went : int
        The last time that a row was entered or deleted; 0 where none was.
    fields : dict of str to int
        By field, the last time that its value became another.
    """

    came_or_went: int
    fields: Mapping[str, int]

    def last(self, read: Iterable[str]) -> int:
        """Return the last change that somebody who reads these fields can notice."""
        names = self.fields if EVERY_FIELD in read else read
        return max(self.came_or_went, *(self.fields.get(name, 0) for name in names), 0)


def tables_of(records: Iterable[type[models.Model]]) -> list[Table]:
    """Return the tables that hold the history of these records, and that of adoptions, which are never changed."""
    adoptions = Table(ADOPTIONS, Adoption._meta.db_table, "id", has_study=True)
    return [adoptions, *map(_table_of, sorted(records, key=lambda model: model._meta.label))]


@cache
def _table_of(model: type[models.Model]) -> Table:
    event: Any = model.events.rel.related_model  # type: ignore[attr-defined]
    recorded = {one.name: one.column for one in event._meta.fields if not one.name.startswith("pgh_")}
    fields = (one for one in model._meta.fields if one.name in recorded and one.name not in BOOKKEEPING)
    columns = {one.name: recorded[one.name] for one in fields}
    return Table(model._meta.label, event._meta.db_table, "pgh_id", study_path(model) == "study", columns)


def mark_now(tables: Iterable[Table]) -> Mark:
    """Return the watermark of these tables; take it before reading what it shall cover."""
    tables = list(tables)
    quote = connection.ops.quote_name
    last = ", ".join(f"(SELECT max({quote(one.number)}) FROM {quote(one.db_table)})" for one in tables)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ARRAY(SELECT pg_snapshot_xip(pg_current_snapshot())::text::bigint), {last}")
        writing, *numbers = cursor.fetchone()
    mark: Mark = {one.name: number or 0 for one, number in zip(tables, numbers, strict=True)}
    return {**mark, OPEN: sorted(writing)} if writing else mark


def last_changes(
    tables: Iterable[Table], study_id: int, since: Mapping[str, int], now: Mark | None = None
) -> dict[str, int]:
    """Return the number of the last change after `since` that concerns a study, for the tables that have one.

    A table without studies (strains, regions) concerns every study.

    Parameters
    ----------
    now : dict, optional
        A mark that is known: what has not moved up to it is not asked for.
    """
    moved = [one for one in tables if now is None or now[one.name] > since.get(one.name, 0)]
    if not moved:
        return {}
    quote = connection.ops.quote_name
    asked, parameters = [], []
    for one in moved:
        number = quote(one.number)
        own = "AND study_id = %s" if one.has_study else ""
        asked.append(f"(SELECT max({number}) FROM {quote(one.db_table)} WHERE {number} > %s {own})")  # noqa: S608
        parameters += [since.get(one.name, 0), *([study_id] if one.has_study else [])]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(asked)}", parameters)
        numbers = cursor.fetchone()
    return {one.name: number for one, number in zip(moved, numbers, strict=True) if number}


def last_field_changes(
    tables: Iterable[Table], study_id: int, since: Mapping[str, int], read: Mapping[str, Iterable[str]]
) -> dict[str, Moved]:
    """Return, field by field, the last change after `since` that concerns a study, for tables of records.

    Every change is held against the one before of the same row, so a value that became another and came back has
    changed twice.

    Parameters
    ----------
    read : mapping of str to iterable of str
        By the name of a table, the fields to tell apart; `EVERY_FIELD` for all.
    """
    asked: list[tuple[Table, list[str]]] = [
        (one, one.fields_of(read[one.name])) for one in tables if one.columns and one.name in read
    ]
    if not asked:
        return {}
    told, parameters = [], []
    for one, fields in asked:
        last = [f"max(e.pgh_id) FILTER (WHERE {sql})" for sql in (one.came_or_went, *map(one.differs, fields))]
        told.append(f"(SELECT ARRAY[{', '.join(last)}] {one.changes})")
        parameters += one.parameters(study_id, since)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(told)}", parameters)
        numbers = cursor.fetchone()
    return {
        one.name: Moved(came or 0, {name: number for name, number in zip(fields, rest, strict=True) if number})
        for (one, fields), (came, *rest) in zip(asked, numbers, strict=True)
    }


def changed_rows(
    tables: Sequence[Table], study_id: int, since: Mapping[str, int], read: Mapping[str, Iterable[str]]
) -> dict[str, list[int]]:
    """Return, by table, the keys of rows that came or went after `since`, or of which a field that is read changed."""
    if not tables:
        return {}
    told, parameters = [], []
    for one in tables:
        differs = " OR ".join([one.came_or_went, *map(one.differs, one.fields_of(read[one.name]))])
        told.append(f"ARRAY(SELECT DISTINCT e.pgh_obj_id {one.changes} AND ({differs}))")
        parameters += one.parameters(study_id, since)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(told)}", parameters)
        return dict(zip((one.name for one in tables), cursor.fetchone(), strict=True))


def has_ended(mark: Mark, now: Mark) -> bool:
    """Whether a transaction that was writing when the mark was taken has ended since."""
    return not set(mark.get(OPEN, ())) <= set(now.get(OPEN, ()))
