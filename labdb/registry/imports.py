"""Tables into records: a file, a pasted block or a list of dicts, all of it or nothing.

Each door brings a header and rows of text to `import_rows`; what a cell may say is decided by the record's one form.
A row that is stored already, by its natural key, changes what is stored: the report says from what to what.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from labdb.registry.batch import CheckedRow, check_rows
from labdb.registry.form_fields import AS_WRITTEN, Reading
from labdb.registry.forms import Conflict, conflicts, forbidden_sentence, form_for, texts_of
from labdb.registry.headers import (
    DATABASE_FILLS,
    HEADER_LINE,
    WHOLE_ROW,
    CellError,
    default_texts,
    read_header,
)
from labdb.registry.import_log import Source, imported_before
from labdb.registry.import_report import CheckedSheet, ImportReport, report_of
from labdb.registry.import_storing import Storing, store_sheet
from labdb.registry.keys import KeyRing
from labdb.registry.lab_fields import read_once
from labdb.registry.long_work import tick
from labdb.registry.record import Record
from labdb.registry.text_tables import TableError, TextTable, read_table
from labdb.registry.workbook_files import WorkbookFile, is_workbook

FILE = "file"  # the door of the commands


def import_table(record: type[Record], data: bytes, name: str, *, sheet: str = "", **options: Any) -> ImportReport:
    """Import a text file or a sheet of a workbook; TableError when it is no table. Options are those of `import_rows`."""
    source = Source.of(data, name)
    try:
        table = read_sheet(record, data, name, sheet)
    except TableError as error:
        if not options.get("dry_run"):
            said = {one: options[one] for one in ("door", "reason", "study") if one in options}
            Storing(options["user"], source=source, **{"door": FILE, **said}).refuse([str(error)], record.resource)
        raise
    return import_rows(record, table.header, table.rows, notes=table.notes, source=source, **options)


def read_sheet(record: type[Record], data: bytes, name: str, sheet: str = "") -> TextTable:
    """Return the table of a file: of a workbook the one filled sheet, or the one that is called as the record."""
    if not is_workbook(data):
        return read_table(data, name)
    tick(0, 0, f"reading {name}")
    book = WorkbookFile(data, name)
    known = ", ".join(book.filled_sheets)
    if sheet:
        if sheet not in book.sheet_names:
            raise TableError(f"{name} has no sheet {sheet}; it has {known}.")
        return book.read(sheet)
    called = [one for one in book.filled_sheets if one.strip().casefold() in (record.resource, record.title().lower())]
    chosen = called or book.filled_sheets
    if len(chosen) > 1:
        raise TableError(
            f"{name} has {len(chosen)} filled sheets ({known}); name the sheet {record.resource}, or send it alone. "
            "A whole study comes in as a workbook (by command: import_workbook)."
        )
    if not chosen:
        raise TableError(f"{name} is empty; the first line must name the columns.")
    return book.read(chosen[0])


@read_once()
def import_rows(
    record: type[Record],
    header: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
    *,
    user: Any,
    study: Any = None,
    mapping: Mapping[str, str] | None = None,
    reading: Reading = AS_WRITTEN,
    reason: str = "",
    dry_run: bool = False,
    door: str = FILE,
    notes: Sequence[str] = (),
    source: Source | None = None,
) -> ImportReport:
    """Import rows of text, or list every cell that is wrong.

    Parameters
    ----------
    rows : sequence of (int, sequence of str)
        Line number and one cell per column of the header.
    study : Study, optional
        Used by rows that name none.
    mapping : dict of str to str, optional
        Field by column, where a column has another name; an empty field leaves the column out, and ``{"*": ""}``
        every other column that is no field.
    reading : Reading
        The order of days and the mark of decimals, where the cells leave them open.
    reason : str
        Why the rows are stored in spite of warnings.
    source : Source, optional
        The file that they come from; with it the import is recorded and can be undone.
    """
    sheet = check_sheet(record, header, rows, user=user, study=study, mapping=mapping or {}, reading=reading)
    if not sheet.checked and not sheet.errors and not KeyRing(user).may("add", record.model):
        sheet.errors.append(CellError(HEADER_LINE, "", "", forbidden_sentence("add", record.model)))
    before = imported_before(source, record.resource, user) if source else None
    if before is not None:
        when = before.created_at.strftime("%Y-%m-%d")
        notes = [*notes, f"The same content was imported on {when} by {before.created_by} ({before})."]
    storing = Storing(user, door, reason, study, source, dict(mapping or {}))
    return finish_import([sheet], storing, tuple(notes), dry_run=dry_run)


def check_sheet(
    record: type[Record],
    header: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
    *,
    user: Any,
    study: Any,
    mapping: Mapping[str, str],
    reading: Reading = AS_WRITTEN,
    name: str = "",
    prune: Callable[..., None] | None = None,
) -> CheckedSheet:
    """Check a sheet without storing anything; parameters as for `import_rows`.

    Parameters
    ----------
    name : str
        Of the sheet in its workbook.
    prune : callable, optional
        Takes the record, the checked rows and their texts, and drops errors that are said elsewhere.
    """
    read = read_header(record, header, mapping, study)
    if not rows:
        read.add_error("", "There is a header and no row below it; add the rows.")
    position_of = {field_name: position for position, field_name in read.columns.items()}
    defaults = {one: value for one, value in default_texts(record).items() if one not in position_of}
    data = [(line, {**defaults, **{one: cells[at] for at, one in read.columns.items()}}) for line, cells in rows]
    ring = KeyRing(user)
    checked = check_rows(record, data, user=user, study=study, given=set(position_of), reading=reading, ring=ring)
    if prune is not None:
        prune(record, checked, [row for _line, row in data])
    if any(row.is_new for row in checked):
        read.errors += read.missing
    cells = _Cells({one: header[at] for one, at in position_of.items()}, [row for _line, row in data], name)
    return CheckedSheet(
        record,
        checked,
        errors=[*read.errors, *cells.errors(checked, known_only=bool(read.errors))],
        warnings=cells.said(checked, "warnings"),
        notes=[*_renamings(ring), *(str(note) for note in cells.said(checked, "notes"))],
        ignored=tuple(read.ignored),
        columns={header[at]: one for at, one in read.columns.items()},
        name=name,
    )


def _renamings(ring: KeyRing) -> list[str]:
    return [f"{name} is called {row} now; it was taken for {row}." for (_model, name), row in ring.renamed.items()]


@read_once()
def import_dicts(
    record: type[Record],
    dicts: Sequence[Mapping[str, Any]],
    *,
    user: Any,
    study: Any = None,
    reason: str = "",
    dry_run: bool = False,
    door: str = "program",
) -> ImportReport:
    """Import new rows given as dicts of values (numbers, dates, records or their names); rows are numbered from 1."""
    defaults = default_texts(record)
    data: list[tuple[int, dict[str, Any]]] = []
    errors: list[CellError] = []
    ignored: set[str] = set()
    for number, row in enumerate(dicts, start=1):
        try:
            texts, left_out = entered(record, row)
        except ValidationError as error:
            errors += [CellError(number, name, _shown(row.get(name)), said) for name, said in _flat(error)]
            continue
        ignored |= left_out
        data.append((number, {**defaults, **texts}))
    checked = check_rows(record, data, user=user, study=study, word="row")
    cells = _Cells({}, [row for _number, row in data])
    errors = sorted(errors + cells.errors(checked), key=lambda error: error.line)
    warnings = cells.said(checked, "warnings")
    sheet = CheckedSheet(record, checked, errors, warnings, ignored=tuple(sorted(ignored)))
    return finish_import([sheet], Storing(user, door, reason, study), (), dry_run=dry_run)


def entered(record: type[Record], row: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Return the texts of what may be entered, and the names left out because the database fills them.

    ``mouse_id`` stands for ``mouse`` where that is not given. ValidationError, by field, for any other name.
    """
    names = form_for(record).base_fields
    own: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for name, value in row.items():
        if name in names:
            own[name] = value
        elif name.removesuffix("_id") in names and name.endswith("_id"):
            if name.removesuffix("_id") not in row:
                own[name.removesuffix("_id")] = value
        elif name not in DATABASE_FILLS and name not in record.computed:
            unknown[name] = f"{name} is not a field of {record.resource}; known are {', '.join(names)}."
    if unknown:
        raise ValidationError(unknown)
    return texts_of(own, record), set(row) - set(own)


@dataclass(frozen=True)
class _Cells:
    """What the cells of a sheet say, beside the sentences about them."""

    column_of: Mapping[str, str]
    values: Sequence[Mapping[str, Any]]
    sheet: str = ""

    def errors(self, checked: Sequence[CheckedRow], *, known_only: bool = False) -> list[CellError]:
        """Return the errors of all rows, in their order; with ``known_only`` those of the file's own cells.

        A refusal that concerns no cell (what a role may not do) and a question about a whole column are said once,
        not in every row.
        """
        errors: list[CellError] = []
        said: set[str] = set()
        asked: dict[str, int] = {}
        for row, texts in zip(checked, self.values, strict=True):
            for name, sentences in row.errors.items():
                if name in row.questions:
                    asked[name] = asked.get(name, 0) + 1
                    if asked[name] > 1:
                        continue
                for sentence in sentences:
                    if (known_only and name not in self.column_of) or (name == WHOLE_ROW and sentence in said):
                        continue
                    said.add(sentence)
                    errors.append(self._cell(row, name, texts, sentence))
        return [self._with_more(error, asked) for error in errors]

    def said(self, checked: Sequence[CheckedRow], grade: str) -> list[CellError]:
        """Return the warnings or notes of all rows, in their order."""
        return [
            self._cell(row, name, texts, sentence)
            for row, texts in zip(checked, self.values, strict=True)
            for name, sentence in getattr(row, grade)
        ]

    def _cell(self, row: CheckedRow, name: str, texts: Mapping[str, Any], sentence: str) -> CellError:
        column = "" if name == WHOLE_ROW else self.column_of.get(name, name)
        return CellError(row.line, column, _shown(texts.get(name)), sentence, self.sheet)

    def _with_more(self, error: CellError, asked: Mapping[str, int]) -> CellError:
        more = next((n - 1 for name, n in asked.items() if self.column_of.get(name, name) == error.column), 0)
        if not more or "can be" not in error.sentence:
            return error
        sentence = f"{error.sentence} ({more} more such cell{'s' if more > 1 else ''} in this column.)"
        return CellError(error.line, error.column, error.value, sentence, error.sheet)


def finish_import(
    sheets: Sequence[CheckedSheet], storing: Storing, notes: tuple[str, ...], *, dry_run: bool
) -> ImportReport:
    """Store checked sheets of one record, all or none, unless errors, or warnings without a reason, refuse them."""
    report = report_of(sheets, notes)
    if dry_run:
        return report
    resource = sheets[0].record.resource
    if report.errors or (report.warnings and not storing.reason.strip()):
        storing.refuse([str(one) for one in report.refusals()], resource)
        return report
    try:
        with conflicts(sheets[0].record.model), transaction.atomic():
            log = storing.open_log(sheets) if report.created or report.changed else None
            with storing.history(log):
                records = [row for sheet in sheets for row in store_sheet(sheet, storing, log)]
            storing.settle(resource)
            tick(0, 0, "finishing")  # the last moment at which it can be stopped
    except Conflict as conflict:
        storing.refuse([str(conflict)], resource)
        return replace(report, errors=(CellError(HEADER_LINE, "", "", str(conflict)),), is_conflict=True)
    return replace(report, records=tuple(records), log=log, is_stored=True)


def _flat(error: ValidationError) -> list[tuple[str, str]]:
    return [(name, said) for name, sentences in error.message_dict.items() for said in sentences]


def _shown(value: Any) -> str:
    return "" if value is None else "; ".join(map(str, value)) if isinstance(value, list) else str(value)
