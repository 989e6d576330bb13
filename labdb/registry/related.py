"""What refers to a record: the first rows of every other record that names it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlencode

from django.db import models
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from labdb.registry import permissions
from labdb.registry.cells import Cell, with_related
from labdb.registry.form_fields import written_key
from labdb.registry.keys import key_path
from labdb.registry.left_out import LeftOut, left_out_word
from labdb.registry.listing import Heading, list_columns, plain_headings, table_lines, table_rows
from labdb.registry.long_lists import count_text
from labdb.registry.record import Record, record_for

FIRST_ROWS = 20


@dataclass(frozen=True)
class RelatedTable:
    """The first rows of one other record, and where all of them are.

    Rows that a list leaves out unless asked are counted here too, with what asks for them and where.
    """

    title: str
    count: str
    list_url: str
    headings: list[Heading]
    rows: list[list[Cell]]
    is_whole: bool
    n_left_out: int = 0
    include: str = ""
    include_url: str = ""

    @property
    def lines(self) -> list[SafeString]:
        """The cells of each row."""
        return table_lines(self.rows)


def related_tables(row: Any, user: Any) -> list[RelatedTable]:
    """Return a table for every record that refers to this row and has rows that the account may see."""
    tables = []
    left_out = cache(lambda words: words.rows(user, permissions.study_of(row)))  # once for all results
    for relation in row._meta.related_objects:
        try:
            record = record_for(relation.related_model)
        except KeyError:
            continue
        table = _table(record, relation.field, row, user, left_out)
        if table.rows or table.n_left_out:
            tables.append(table)
    return tables


def _table(
    record: type[Record], field: Any, row: Any, user: Any, left_out: Callable[[LeftOut], models.Q]
) -> RelatedTable:
    queryset = permissions.visible(record.model._default_manager.filter(**{field.name: row}), user)
    if field.many_to_many:  # a library on two lanes of one run is one library
        queryset = record.model._default_manager.filter(pk__in=queryset.order_by().values("pk"))
    queryset, n_left_out = _as_lists_show(queryset, record, left_out)
    list_url = _list_url(record, field, row)
    columns = list_columns(record, one_study=permissions.study_of(row) is not None, without=field.name)
    found = list(with_related(queryset, columns)[: FIRST_ROWS + 1])
    is_whole = len(found) <= FIRST_ROWS
    title = str(capfirst(record.title()))
    if sum(1 for other in record.model._meta.fields if other.related_model is type(row)) > 1:
        title = f"{title} ({field.verbose_name})"  # response calls know a mouse's test before and one after
    return RelatedTable(
        title=title,
        count=f"{len(found):,}" if is_whole else count_text(queryset),
        list_url=list_url,
        headings=plain_headings(record, columns),
        rows=table_rows(record, columns, permissions.conceal(found[:FIRST_ROWS], user)),
        is_whole=is_whole,
        n_left_out=n_left_out,
        include=record.left_out.label if record.left_out else "",
        include_url=f"{list_url}&{left_out_word(record)}=1",
    )


def _as_lists_show(
    queryset: models.QuerySet, record: type[Record], left_out: Callable[[LeftOut], models.Q]
) -> tuple[models.QuerySet, int]:
    """Return the rows that a list shows without being asked for more, and how many it leaves out."""
    if record.left_out is None or not queryset.exists():
        return queryset, 0
    out = left_out(record.left_out)
    return queryset.exclude(out), queryset.filter(out).count()


def _list_url(record: type[Record], field: Any, row: models.Model) -> str:
    study = permissions.study_of(row)
    words = {field.name: written_key(row) if _names_one_row(row) else f"#{row.pk}"}
    if study is not None and study is not row and permissions.study_path(record.model) == "study":
        words["study"] = study.code
    return f"{reverse('record-list', args=[record.resource])}?{urlencode(words)}"


def _names_one_row(row: models.Model) -> bool:
    """Whether what people call the row means this row alone, within its study if it has one."""
    name = key_path(type(row))
    return any(set(getattr(rule, "fields", ())) in ({name}, {"study", name}) for rule in row._meta.constraints)
