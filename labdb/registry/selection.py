"""Rows that somebody ticked in a list, or all rows that its filters select."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from labdb.registry.cells import with_names
from labdb.registry.filters import FilterError
from labdb.registry.keys import is_id
from labdb.registry.listing import rows_of_filters
from labdb.registry.page_context import PageContext, has_study

MOST_ROWS = 2_000


class SelectionError(Exception):
    """What was sent selects no rows, or too many; the text is a sentence."""


@dataclass(frozen=True)
class Selection:
    """The rows, in the order of their list, and what of them a page sends on."""

    rows: Sequence[Any]
    has_gone: bool = False  # some were deleted meanwhile, or may no longer be seen

    @property
    def ids(self) -> str:
        """The ids as one text."""
        return " ".join(str(row.pk) for row in self.rows)

    @property
    def versions(self) -> str:
        """The version of each row as it is now, for a later look whether somebody changed one."""
        return " ".join(f"{row.pk}.{row.version}" for row in self.rows)


def selected(context: PageContext, sent: QueryDict) -> Selection:
    """Return the rows that a page sends: ticked (``row``), by the filters (``all`` and ``filters``), or on from a preview.

    Raises
    ------
    SelectionError
        None, or more than one action takes.
    """
    if sent.get("all"):
        rows = _filtered(context, sent.get("filters", ""))
        found = list(_ready(context, rows)[: MOST_ROWS + 1])
        asked = len(found)
    else:
        ids = [text for value in sent.getlist("row") for text in value.split()]
        wanted = {int(text) for text in ids if is_id(text) and not text.startswith("#")}
        asked = len(wanted)
        found = list(_ready(context, context.rows().filter(pk__in=wanted))) if asked <= MOST_ROWS else []
    if asked > MOST_ROWS:
        what = context.record.title()
        raise SelectionError(f"These are more than {MOST_ROWS:,} {what}, which one action takes; filter for fewer.")
    if not found:
        raise SelectionError(f"No {context.record.title()} are chosen; tick some in the list.")
    return Selection(found, has_gone=len(found) < asked)


def _filtered(context: PageContext, query: str) -> Any:
    try:
        return rows_of_filters(context, QueryDict(query, mutable=True))
    except FilterError as error:
        raise SelectionError(str(error)) from error


def _ready(context: PageContext, rows: Any) -> Any:
    rows = with_names(rows)
    return rows.select_related("study") if has_study(context.record.model) else rows
