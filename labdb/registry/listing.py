"""One page of a list: columns with their sorting, rows, and where the other pages are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import models
from django.http import QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString

from labdb.registry import permissions
from labdb.registry.cells import Cell, Column, Part, columns_of, detail_url, with_related
from labdb.registry.filters import RESERVED, apply, chosen_names, read_filters, resolve
from labdb.registry.keys import key_path
from labdb.registry.left_out import left_out_word
from labdb.registry.list_filters import changed
from labdb.registry.long_lists import COUNTED, count_text, is_indexed, rows_of_page
from labdb.registry.models import LabRecord
from labdb.registry.page_context import PageContext, has_study
from labdb.registry.record import Record

PAGE_ROWS = 50
LAST_PAGE = 2_000  # a hundred thousand rows; a filter, the other direction or an export is for what lies beyond


@dataclass(frozen=True)
class Heading:
    """A column's heading; a click on it sorts, a second one the other way round."""

    column: Column
    url: str = ""
    direction: str = ""


class WhyColumn(Column):
    """The last column of a list that is filtered by related records: why each row is there."""

    label = "Why here"
    is_number = False


@dataclass(frozen=True)
class TablePage:
    """What `registry/_table.html` shows."""

    headings: list[Heading]
    rows: list[list[Cell]]
    ids: list[Any] = field(default_factory=list)
    first: int = 0
    count: str = ""
    previous_url: str = ""
    next_url: str = ""

    @property
    def lines(self) -> list[SafeString]:
        """The cells of each row."""
        return table_lines(self.rows)

    @property
    def lines_with_ids(self) -> list[tuple[SafeString, Any]]:
        """The cells of each row with its id: what can be ticked."""
        return list(zip(self.lines, self.ids, strict=True))

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1


def table_lines(rows: list[list[Cell]]) -> list[SafeString]:
    """Return the cells of each row as one text: a template walks through no cell."""
    return [SafeString("".join(cell.table_html for cell in row)) for row in rows]


def selected_rows(context: PageContext) -> models.QuerySet:
    """Return the rows that an address selects, in its order; FilterError where it is not understood."""
    asked = context.query.copy()
    if context.has_study and context.study is not None:
        asked["study"] = f"#{context.study.pk}"  # found already
    return rows_of_filters(context, asked)


def rows_of_filters(context: PageContext, asked: QueryDict) -> models.QuerySet:
    """Return the rows that filters select, in their order; FilterError where they are not understood."""
    if not context.has_study:
        asked.pop("study", None)  # a strain belongs to no study; the study is only where the person came from
    return apply(context.rows(), context.record, read_filters(context.record, asked, context.user))


def list_columns(
    record: type[Record], *, one_study: bool, without: str = "", chosen: Sequence[str] = ()
) -> list[Column]:
    """Return the columns of a list, those chosen or the usual; the study is named where rows of several may stand together."""
    if chosen:
        return columns_of(record, chosen)
    own = (field.name for field in record.lab_fields() if not field.is_retired)
    shown = [*record.list_display, *own]
    names = [name for name in shown if name != without and not (one_study and name == "study")]
    if has_study(record.model) and not one_study and "study" not in names:
        names.append("study")
    return columns_of(record, names)


def is_of_one_study(context: PageContext) -> bool:
    """Whether all rows of a list are of one study, so that none needs to name it."""
    return context.study is not None or len(context.studies) == 1


def column_choices(context: PageContext) -> list[tuple[Column, bool]]:
    """Return every column that a list can show, and whether it does."""
    shown = list_columns(context.record, one_study=is_of_one_study(context), chosen=chosen_names(context.query))
    names = [column.name for column in shown]
    others = [name for name in (*context.record.columns(), "created_at", "modified_at") if name not in names]
    return [(column, column.name in names) for column in columns_of(context.record, [*names, *others])]


def table_page(context: PageContext, queryset: models.QuerySet, list_url: str) -> TablePage:
    """Return the page of the list that the address asks for."""
    columns = list_columns(context.record, one_study=is_of_one_study(context), chosen=chosen_names(context.query))
    number = page_number(context.query.get("page", ""))
    start = (number - 1) * PAGE_ROWS
    found = rows_of_page(queryset, partial(with_related, columns=columns), start, start + PAGE_ROWS + 1)
    has_next = len(found) > PAGE_ROWS
    rows = permissions.conceal(found[:PAGE_ROWS], context.user)
    is_counted = has_next or (number > 1 and start < COUNTED)
    count = count_text(queryset) if is_counted else f"{start + len(rows):,}"
    is_long = count.endswith("+") or start >= COUNTED

    def page_url(page: int) -> str:
        return f"{list_url}?{changed(context.query, page=str(page) if page > 1 else '')}"

    headings = _headings(context.record, columns, context.query, list_url, is_long=is_long)
    lines = table_rows(context.record, columns, rows)
    if asks_related(context.record, context.query):
        headings.append(Heading(WhyColumn("why", context.record.model._meta.pk)))
        _say_why(context, lines, rows)
    return TablePage(
        headings=headings,
        rows=lines,
        ids=[row.pk for row in rows],
        first=start + 1 if rows else 0,
        count=count,
        previous_url=page_url(number - 1) if number > 1 else "",
        next_url=page_url(number + 1) if has_next and number < LAST_PAGE else "",
    )


def asks_related(record: type[Record], query: QueryDict) -> bool:
    """Whether an address filters by what other records say, which the rows do not show themselves."""
    names = [name for name in query if query.get(name) and name not in RESERVED and name != left_out_word(record)]
    paths = (resolve(record, name) for name in names if name != "study")
    return bool(query.get("ask")) or any(
        path.kin is not None or any(passed != path.orm for passed, _relation in path.relations) for path in paths
    )


def _say_why(context: PageContext, lines: list[list[Cell]], rows: list[Any]) -> None:
    asked = changed(context.query, ordering="", fields="")
    for line, row in zip(lines, rows, strict=True):
        url = reverse("row-why", args=[context.record.resource, row.pk])
        line.append(Cell((Part("why", f"{url}?{asked}"),)))


def page_number(text: str) -> int:
    """Return the page asked for, the first where the text is no number."""
    return min(max(int(text), 1), LAST_PAGE) if text.isascii() and text.isdecimal() and len(text) < 9 else 1


def table_rows(record: type[Record], columns: list[Column], rows: list[Any]) -> list[list[Cell]]:
    """Return the cells; the row's own name links to its page, its number where it has no name; its mark stands there."""
    own = _own_name(record, columns)
    marks = record.model.marks(rows) if issubclass(record.model, LabRecord) else {}
    cells = []
    for row in rows:
        line = [column.cell(row) for column in columns]
        mark = marks.get(row.pk, "")
        if own is None:
            line.insert(0, Cell((Part(f"#{row.pk}", detail_url(row)),), mark=mark))
        else:
            line[own] = Cell((Part(line[own].parts[0].text, detail_url(row)),), mark=mark)
        cells.append(line)
    return cells


def plain_headings(record: type[Record], columns: list[Column]) -> list[Heading]:
    """Return the headings of a table that is not sorted, with that of the numbers where rows have no name."""
    return [*_number_heading(record, columns), *(Heading(column) for column in columns)]


def _headings(
    record: type[Record], columns: list[Column], query: QueryDict, list_url: str, *, is_long: bool
) -> list[Heading]:
    """Return the headings; a long list sorts by indexed columns only."""
    ordering = query.get("ordering", "")
    headings = _number_heading(record, columns)
    for column in columns:
        direction = {column.name: "ascending", f"-{column.name}": "descending"}.get(ordering, "")
        turned = f"-{column.name}" if direction == "ascending" else column.name
        is_sortable = column.is_sortable and (not is_long or is_indexed(record.model, column.name))
        url = f"{list_url}?{changed(query, ordering=turned)}" if is_sortable else ""
        headings.append(Heading(column, url, direction))
    return headings


def _own_name(record: type[Record], columns: list[Column]) -> int | None:
    """Return the position of the column that names the rows, or None."""
    key = key_path(record.model)
    return next((at for at, column in enumerate(columns) if column.name == key), None)


def _number_heading(record: type[Record], columns: list[Column]) -> list[Heading]:
    return [Heading(Column("id", record.model._meta.pk))] if _own_name(record, columns) is None else []
