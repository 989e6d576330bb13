"""What keeps long lists quick: counts that stop, columns that an index sorts by, and pages whose ids come first."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet, FieldDoesNotExist
from django.db import connection, models

COUNTED = 10_000  # rows; beyond it a list says "10,000+" rather than slowly, and sorts by indexed columns only


def counts_of(querysets: Iterable[models.QuerySet]) -> list[str]:
    """Return the numbers of rows in one statement, each "10,000+" where counting them all would take long."""
    counts: list[str] = []
    parameters: list[Any] = []
    for queryset in querysets:
        try:
            sql, values = queryset.order_by().values("pk")[: COUNTED + 1].query.sql_with_params()
        except EmptyResultSet:
            counts.append("0")
            continue
        counts.append(f"(SELECT count(*) FROM ({sql}) AS found)")  # noqa: S608
        parameters += values
    if not counts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(counts)}", parameters)
        return [f"{COUNTED:,}+" if number > COUNTED else f"{number:,}" for number in cursor.fetchone()]


def count_text(queryset: models.QuerySet) -> str:
    """Return the number of rows, "10,000+" where counting them all would take long."""
    return counts_of([queryset])[0]


def is_long(queryset: models.QuerySet) -> bool:
    """Whether there are more rows than are counted."""
    return queryset.order_by().values("pk")[COUNTED : COUNTED + 1].exists()


def is_indexed(model: Any, name: str) -> bool:
    """Whether an index gives the rows in the order of a column: it comes first in one, or next after the study.

    A related record is sorted by its name: along the index of the name over there, and of the reference here; not
    where there may be none, as rows without one are in no index over there.
    """
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    leading = {columns[0] for columns in _indexes(model)}
    leading |= {columns[1] for columns in _indexes(model) if columns[0] == "study" and len(columns) > 1}
    if not field.is_relation or name not in leading:
        return name in leading
    key = getattr(field.related_model, "key_field", "pk")
    return key == "pk" or (not field.null and "__" not in key and is_indexed(field.related_model, key))


def _indexes(model: Any) -> list[Sequence[str]]:
    """Return the columns of every index of a table, in their order."""
    found: list[Sequence[str]] = [
        [name.removeprefix("-") for name, _order in i.fields_orders] for i in model._meta.indexes
    ]
    found += [rule.fields for rule in model._meta.total_unique_constraints]
    found += [[field.name] for field in model._meta.local_fields if field.db_index or field.unique]
    return [columns for columns in found if columns]


def rows_of_page(
    queryset: models.QuerySet, with_related: Callable[[models.QuerySet], models.QuerySet], start: int, stop: int
) -> list[Any]:
    """Return rows of a list, with what `with_related` fetches beside them.

    The ids of the page are found by themselves, inside the same statement: an index answers that alone, and neither
    what is sorted nor what is skipped on the way is joined.
    """
    ids = _along_parents(queryset).values("pk")[start:stop]
    rows = queryset.model._default_manager.filter(pk__in=ids)
    return list(with_related(rows.order_by(*(queryset.query.order_by or queryset.model._meta.ordering))))


def _along_parents(queryset: models.QuerySet) -> models.QuerySet:
    """Say once more that a row's study is its parent's, where rows are sorted by the parent.

    Then one study's rows are read along the names of its parents, and not along those of all studies.
    """
    parent = getattr(queryset.model, "study_from", None)
    if parent and any(str(path).removeprefix("-").startswith(f"{parent}__") for path in queryset.query.order_by):
        return queryset.filter(**{f"{parent}__study": models.F("study")})
    return queryset
