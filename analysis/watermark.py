"""Until where the history has been seen: the last change of each table, and the changes that were still on their way.

Ids of changes are dealt when they are written and seen when they are committed, so an id below the last one may
appear later. A watermark therefore names the transactions that were writing when it was taken: once one of them has
ended, what is below it must be looked at again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from analysis.models import Adoption
from labdb.registry.permissions import study_path

Mark = dict[str, Any]
OPEN = "open"  # the transactions that were writing
ADOPTIONS = Adoption._meta.label


@dataclass(frozen=True)
class Table:
    """Where the changes of a record are counted.

    Attributes
    ----------
    name : str
        What a watermark calls it: the label of the record.
    """

    name: str
    db_table: str
    number: str
    has_study: bool


def tables_of(records: Iterable[type[models.Model]]) -> list[Table]:
    """Return the tables that hold the history of these records, and that of adoptions, which are never changed."""
    found = [Table(ADOPTIONS, Adoption._meta.db_table, "id", has_study=True)]
    for model in sorted(records, key=lambda model: model._meta.label):
        event: Any = model.events.rel.related_model  # type: ignore[attr-defined]
        found.append(Table(model._meta.label, event._meta.db_table, "pgh_id", study_path(model) == "study"))
    return found


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


def last_changes(tables: Iterable[Table], study_id: int, since: Mapping[str, int], now: Mark) -> dict[str, int]:
    """Return the number of the last change after `since` that concerns a study, for the tables that have one.

    A table without studies (strains, regions) concerns every study.
    """
    moved = [one for one in tables if now[one.name] > since.get(one.name, 0)]
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


def has_ended(mark: Mark, now: Mark) -> bool:
    """Whether a transaction that was writing when the mark was taken has ended since."""
    return not set(mark.get(OPEN, ())) <= set(now.get(OPEN, ()))
