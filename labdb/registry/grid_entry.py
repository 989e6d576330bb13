"""Rows of a grid checked, and stored all or none: new ones, and changes of the version that somebody saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard
from uuid import UUID

from django.utils import timezone

from labdb.registry import permissions
from labdb.registry.batch import CheckedRow, check_rows
from labdb.registry.entry_receipts import once
from labdb.registry.form_fields import Reading, is_storable
from labdb.registry.forms import Conflict, conflicts, form_for
from labdb.registry.grid_columns import row_cells, stored_row
from labdb.registry.headers import WHOLE_ROW, default_texts
from labdb.registry.import_report import CheckedSheet
from labdb.registry.import_storing import Storing, store_sheet
from labdb.registry.past_changes import past_changes
from labdb.registry.record import Record
from labdb.registry.representation import with_related

DOOR = "grid"
MOST_ROWS = 2_000
LONGEST_REASON = 300
LARGEST = 2**53  # beyond it a browser's numbers are no longer exact
STORED, REFUSED, NEEDS_REASON, CONFLICT = "stored", "refused", "needs_reason", "conflict"
GONE = (
    "This row was deleted meanwhile, or is no longer yours to see; take it out of the grid, or enter it as a new row."
)


class Malformed(Exception):
    """What was sent is no grid; the text is a sentence."""


@dataclass(frozen=True)
class GridRow:
    """One row as the browser sends it.

    Attributes
    ----------
    number : int
        As the grid shows it; sentences about two rows name them by it.
    pk, version : int or None
        Of a stored row, as the person saw it; its cells are those that were changed.
    """

    number: int
    cells: dict[str, str]
    pk: int | None = None
    version: int | None = None


@dataclass(frozen=True)
class GridSheet:
    """What was sent."""

    rows: list[GridRow]
    reading: Reading
    reason: str = ""


@dataclass
class GridCheck:
    """What the server says of a grid, by the numbers of its rows."""

    sheet: CheckedSheet
    theirs: dict[int, dict[str, Any]] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)  # of no row: what the role may not do

    @property
    def state(self) -> str:
        """What keeps the rows from being stored; empty when nothing does."""
        rows = self.sheet.checked
        if self.gone or self.sentences or any(row.errors for row in rows):
            return REFUSED
        if self.theirs:
            return CONFLICT
        return NEEDS_REASON if any(row.warnings for row in rows) else ""

    def as_json(self) -> dict[str, Any]:
        """Return it as the browser shows it: sentences by row and field."""
        rows: dict[int, dict[str, Any]] = {}
        for row in self.sheet.checked:
            said = {"errors": row.errors, "warnings": _by_field(row.warnings), "notes": _by_field(row.notes)}
            if any(said.values()):
                rows[row.line] = said
        for number in self.gone:
            rows[number] = {"errors": {WHOLE_ROW: [GONE]}, "warnings": {}, "notes": {}}
        questions = {question for row in self.sheet.checked for question in row.questions.values()}
        return {"rows": rows, "theirs": self.theirs, "questions": sorted(questions), "sentences": self.sentences}


def read_sheet(record: type[Record], sent: Any) -> GridSheet:
    """Return what was sent; Malformed, with a sentence, where it is no grid of this record."""
    if not isinstance(sent, dict) or not isinstance(sent.get("rows"), list):
        raise Malformed('Send an object with a list of rows: {"rows": [{"number": 1, "cells": {}}]}.')
    if len(sent["rows"]) > MOST_ROWS:
        raise Malformed(
            f"These are {len(sent['rows']):,} rows, and a grid takes {MOST_ROWS:,}; save them in parts, or import a file."
        )
    known = form_for(record).base_fields
    rows = [_read_row(row, known) for row in sent["rows"]]
    if len({row.number for row in rows}) < len(rows):
        raise Malformed("Two rows have the same number; number them as the grid shows them.")
    pks = [row.pk for row in rows if row.pk is not None]
    if len(set(pks)) < len(pks):
        raise Malformed("A stored row is sent twice; send it once.")
    reading = sent.get("reading")
    reading = reading if isinstance(reading, dict) else {}
    reason = sent.get("reason", "")
    if not isinstance(reason, str) or not is_storable(reason):
        raise Malformed("The reason is no text; type it anew.")
    answers = (str(reading.get(name, "")) for name in ("date_order", "decimal_mark"))
    return GridSheet(rows, Reading(*answers), reason.strip()[:LONGEST_REASON])


def _read_row(row: Any, known: Mapping[str, Any]) -> GridRow:
    if not isinstance(row, dict) or not isinstance(row.get("cells"), dict):
        raise Malformed('A row is an object with its number and its cells: {"number": 1, "cells": {}}.')
    cells = row["cells"]
    unknown = [name for name in cells if name not in known]
    if unknown:
        raise Malformed(f"{', '.join(unknown)[:100]}: not a field of this record; reload the page.")
    if not all(isinstance(text, str) for text in cells.values()):
        raise Malformed("A cell is text, as it was typed.")
    number, pk, version = row.get("number"), row.get("id"), row.get("version")
    if not _is_whole(number) or not all(one is None or _is_whole(one) for one in (pk, version)):
        raise Malformed("The number, id and version of a row are whole numbers.")
    if (pk is None) != (version is None):
        raise Malformed("A stored row is sent with its id and the version that was seen.")
    return GridRow(number, dict(cells), pk, version)


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST


def check_grid(record: type[Record], sheet: GridSheet, *, user: Any, study: Any = None) -> GridCheck:
    """Check all rows without storing anything; the parameters are those of `check_rows`."""
    ids = [row.pk for row in sheet.rows if row.pk is not None]
    visible = permissions.visible(record.model._default_manager.filter(pk__in=ids), user)
    by_id: dict[int, Any] = with_related(visible, record).in_bulk() if ids else {}
    permissions.conceal(by_id.values(), user)
    stored = {row.number: by_id[row.pk] for row in sheet.rows if row.pk in by_id}
    gone = [row.number for row in sheet.rows if row.pk is not None and row.pk not in by_id]
    defaults = default_texts(record)
    texts = [
        (row.number, row.cells if row.pk is not None else {**defaults, **row.cells})
        for row in sheet.rows
        if row.number not in gone
    ]
    checked = check_rows(record, texts, user=user, study=study, word="row", reading=sheet.reading, stored=stored)
    check = GridCheck(CheckedSheet(record, checked), gone=gone)
    for row in sheet.rows:
        if row.number in stored and stored[row.number].version != row.version:
            check.theirs[row.number] = _theirs(record, stored[row.number], user)
    check.sentences = _said_once(checked)
    return check


def _theirs(record: type[Record], row: Any, user: Any) -> dict[str, Any]:
    """Return a row as it is stored now, and who changed it last."""
    last = next(iter(past_changes(row, user)), None)
    at = timezone.localtime(last.at).strftime("%Y-%m-%d %H:%M") if last is not None else ""
    who = last.who if last is not None else ""
    return {"version": row.version, "cells": row_cells(record, row), "who": who, "at": at}


def _said_once(checked: Sequence[CheckedRow]) -> list[str]:
    """Take what concerns no row (what a role may not do) from the rows, to be said once."""
    said: dict[str, None] = {}
    for row in checked:
        if row.is_forbidden:
            said |= dict.fromkeys(row.errors.pop(WHOLE_ROW, []))
    return list(said)


def save_grid(record: type[Record], sheet: GridSheet, key: UUID, *, user: Any, study: Any = None) -> dict[str, Any]:
    """Store all rows or none, once for each key, and return the answer; KeyOfAnother as `once` raises it.

    Sent again with the same key (a double click, an answer that was lost), nothing is written, and the first answer
    is given, with the rows as they are stored now.
    """
    try:
        with conflicts(record.model), once(key, user=user, door=DOOR, resource=record.resource) as entry:
            if entry.receipt is None:
                refusal, ids = _store(record, sheet, user, study)
                if refusal is not None:
                    return refusal
                entry.keep({"ids": ids})
    except Conflict as conflict:
        return {**check_grid(record, sheet, user=user, study=study).as_json(), "state": CONFLICT, "said": str(conflict)}
    assert entry.receipt is not None
    return {"state": STORED, "stored": _stored_rows(record, entry.receipt.answer["ids"], user)}


def _store(
    record: type[Record], sheet: GridSheet, user: Any, study: Any
) -> tuple[dict[str, Any] | None, list[list[int]]]:
    """Write the rows and return the id of each by its number, or what refuses them."""
    check = check_grid(record, sheet, user=user, study=study)
    if check.state and not (check.state == NEEDS_REASON and sheet.reason):
        return {**check.as_json(), "state": check.state}, []
    storing = Storing(user, DOOR, sheet.reason, study)
    with storing.history(None):
        store_sheet(check.sheet, storing, None)
    return None, [[row.line, row.instance.pk] for row in check.sheet.checked]


def _stored_rows(record: type[Record], ids: list[list[int]], user: Any) -> dict[int, dict[str, Any]]:
    """Return the rows as they are stored, by the numbers that they had; a row deleted since is left out."""
    visible = permissions.visible(record.model._default_manager.filter(pk__in=[pk for _number, pk in ids]), user)
    rows: dict[int, Any] = with_related(visible, record).in_bulk()
    return {number: stored_row(record, rows[pk]) for number, pk in ids if pk in rows}


def _by_field(said: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    by_field: dict[str, list[str]] = {}
    for name, sentence in said:
        by_field.setdefault(name, []).append(sentence)
    return by_field
