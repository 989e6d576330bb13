"""What an import would do or did: rows created, changed and unchanged, and every sentence about a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labdb.registry.batch import CheckedRow, Difference
from labdb.registry.findings import GIVE_REASON
from labdb.registry.headers import CellError
from labdb.registry.import_log import Import
from labdb.registry.record import Record


@dataclass(frozen=True)
class RowChange:
    """A stored row that a sheet changes."""

    line: int
    name: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class ImportReport:
    """What an import did or, when nothing was stored, what it would do or why it did nothing.

    Attributes
    ----------
    created, changed, unchanged : int
        Rows that are new, that say something else than what is stored, and that say the same.
    errors, warnings, notes : tuple
        What refuses the sheet; what only a reason lets in; what is worth knowing.
    questions : frozenset of str
        What has to be said of the file before it can be read: ``date_order``, ``decimal_mark``.
    records : tuple
        The rows as stored.
    log : Import or None
        The record of this import.
    """

    rows: int
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: tuple[CellError, ...] = ()
    warnings: tuple[CellError, ...] = ()
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[RowChange, ...] = ()
    questions: frozenset[str] = frozenset()
    records: tuple[Any, ...] = field(default=(), repr=False)
    log: Import | None = None
    is_stored: bool = False
    is_forbidden: bool = False
    is_conflict: bool = False  # somebody else wrote the same meanwhile

    @property
    def lacks_reason(self) -> bool:
        """Whether nothing but a reason is missing."""
        return bool(self.warnings) and not self.errors and not self.is_stored

    def refusals(self) -> list[CellError]:
        """Return what keeps the sheet out: its errors, then the warnings for which no reason was given."""
        lifted = [
            CellError(one.line, one.column, one.value, f"{one.sentence} {GIVE_REASON}", one.sheet)
            for one in self.warnings
        ]
        return [*self.errors, *lifted]


@dataclass
class CheckedSheet:
    """The rows of one sheet after all checks."""

    record: type[Record]
    checked: list[CheckedRow]
    errors: list[CellError] = field(default_factory=list)
    warnings: list[CellError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ignored: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    name: str = ""  # of the sheet in its workbook

    @property
    def changes(self) -> list[RowChange]:
        """What it changes of what is stored."""
        return [
            RowChange(row.line, str(row.instance), tuple(row.differences)) for row in self.checked if row.differences
        ]


def report_of(sheets: Sequence[CheckedSheet], notes: tuple[str, ...] = ()) -> ImportReport:
    """Return what the sheets would do; ask before they are stored, for then no row is new."""
    rows = [row for sheet in sheets for row in sheet.checked]
    words: dict[str, Any] = {
        "errors": tuple(error for sheet in sheets for error in sheet.errors),
        "warnings": tuple(warning for sheet in sheets for warning in sheet.warnings),
        "notes": (*notes, *(note for sheet in sheets for note in sheet.notes)),
        "ignored": tuple(name for sheet in sheets for name in sheet.ignored),
        "columns": {column: name for sheet in sheets for column, name in sheet.columns.items()},
        "changes": tuple(change for sheet in sheets for change in sheet.changes),
        "questions": frozenset(question for row in rows for question in row.questions.values()),
        "is_forbidden": any(row.is_forbidden for row in rows),
    }
    return ImportReport(rows=len(rows), **{**words, **counts_of(sheets)})


def counts_of(sheets: Sequence[CheckedSheet]) -> dict[str, int]:
    """Return how many rows are created, changed and unchanged."""
    rows = [row for sheet in sheets for row in sheet.checked]
    changed = sum(bool(row.differences) for row in rows)
    unchanged = sum(not row.is_written for row in rows)
    return {"created": len(rows) - changed - unchanged, "changed": changed, "unchanged": unchanged}
