"""A study as one XLSX workbook, and the empty one to fill in: both from the declarations."""

import datetime as dt
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.escape import escape
from openpyxl.worksheet.datavalidation import DataValidation

from labdb.registry.expected_columns import ExpectedColumn, expected_columns
from labdb.registry.form_fields import OneOfField, YesNoField
from labdb.registry.forms import form_for
from labdb.registry.lab_fields import read_once
from labdb.registry.record import Record
from labdb.registry.workbook_sheets import (
    ABOUT,
    DICTIONARY,
    PEOPLE,
    PEOPLE_COLUMNS,
    StudyRows,
    sheet_columns,
    sheet_records,
)

LONGEST_CELL = 32_767  # characters; Excel's own limit, beyond which openpyxl cuts in silence
EXACT_WHOLE = 2**53  # beyond it a cell of a workbook, which is a double, is another number
FIRST_SAFE_DAY = dt.date(1900, 3, 1)  # Excel believes that 1900 was a leap year
LONGEST_LIST = 255  # characters of a list of choices in a data validation
NEEDED = PatternFill("solid", fgColor="FFE8D9")
OPTIONAL = PatternFill("solid", fgColor="E9EEF3")
SENTENCES = (
    "One sheet per record; the first line of each names its columns, and each line below is one row.",
    "Shaded red: the column is needed. The note on a heading says what it holds; the sheet columns has all of them.",
    "Related records stand by their name (M001), several of them separated by semicolons.",
    "Days: 2026-03-14. Days with time, by the laboratory's clock ({zone}): 2026-03-14 09:30.",
    "Sheets that you do not need may go. Nothing is stored when any cell is wrong; all wrong cells are listed at once.",
    "A row that is stored already, by the columns that name it, changes what is stored.",
)


@read_once()
def study_workbook(study: Any, user: Any) -> bytes:
    """Return everything of a study that the account may see, as XLSX that `import_workbook` reads."""
    book = Workbook(write_only=True)
    rows = StudyRows(study, user)
    _explain(book, f"Study {study.code}: {study.title}")
    if people := rows.people():
        _add_sheet(book, PEOPLE, PEOPLE_COLUMNS, people)
    for record, columns, values in rows:
        _add_record(book, record, columns, values)
    return _saved(book)


@read_once()
def template_workbook() -> bytes:
    """Return the empty workbook: a sheet for every record, with its columns explained."""
    book = Workbook(write_only=True)
    _explain(book, "An empty workbook for a whole study")
    _add_dictionary(book)
    for record in sheet_records():
        _add_record(book, record, sheet_columns(record), [])
    return _saved(book)


def _saved(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _explain(book: Workbook, title: str) -> None:
    sheet = book.create_sheet(ABOUT)
    sheet.column_dimensions["A"].width = 110
    heading = WriteOnlyCell(sheet, value=title)
    heading.font = Font(bold=True, size=14)
    heading.data_type = "s"
    sheet.append([heading])
    for sentence in SENTENCES:
        sheet.append([sentence.format(zone=timezone.get_current_timezone_name())])


def _add_dictionary(book: Workbook) -> None:
    sheet = book.create_sheet(DICTIONARY)
    for letter, width in zip("ABCDEF", (24, 28, 36, 44, 10, 70), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    sheet.append([_heading(sheet, text) for text in ("sheet", "column", "what it is", "written as", "needed", "help")])
    for record in sheet_records():
        wanted = set(sheet_columns(record))
        for column in expected_columns(record):
            if column.name in wanted:
                is_needed = "needed" if column.is_needed else ""
                sheet.append(
                    [record.resource, column.name, column.label, column.kind, is_needed, column.help_text]
                )  # fmt: skip


def _heading(sheet: Any, text: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, value=text)
    cell.font = Font(bold=True)
    return cell


def _add_record(book: Workbook, record: type[Record], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    known = {column.name: column for column in expected_columns(record)}
    sheet = _add_sheet(book, record.resource, columns, rows, known)
    for at, name in enumerate(columns, start=1):
        if choices := _choices(form_for(record).base_fields[name]):
            letter = get_column_letter(at)
            validation = DataValidation(
                type="list", formula1=f'"{",".join(choices)}"', allow_blank=True, showErrorMessage=False
            )
            validation.add(f"{letter}2:{letter}10000")
            sheet.data_validations.append(validation)


def _choices(form_field: Any) -> list[str]:
    """Return what a drop-down of the sheet offers; nothing where the list is too long for one."""
    if isinstance(form_field, YesNoField):
        return ["yes", "no"]
    if not isinstance(form_field, OneOfField):
        return []
    known: Any = form_field.choices
    words = [str(stored) for stored, _label in known if stored != ""]
    fits = len(",".join(words)) <= LONGEST_LIST and not any("," in word or '"' in word for word in words)
    return words if fits else []


def _add_sheet(
    book: Workbook,
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    known: dict[str, ExpectedColumn] | None = None,
) -> Any:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    headings = []
    for at, name in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(at)].width = max(12, len(name) + 3)
        heading = _heading(sheet, name)
        if known and name in known:
            heading.fill = NEEDED if known[name].is_needed else OPTIONAL
            heading.comment = _note(known[name])
        headings.append(heading)
    sheet.append(headings)
    for number, row in enumerate(rows, start=2):
        sheet.append(
            [_cell(sheet, value, f"{title}, line {number}, {name}") for name, value in zip(columns, row, strict=True)]
        )
    return sheet


def _note(column: ExpectedColumn) -> Comment:
    lines = [column.label, column.kind, "needed" if column.is_needed else "may stay empty", column.help_text]
    return Comment("\n".join(line for line in lines if line), "labdb", width=320, height=110)


def _cell(sheet: Any, value: Any, place: str) -> Any:
    """Return a value as the import reads it back exactly: what a workbook cannot hold exactly goes as text."""
    if isinstance(value, dt.datetime):
        return _instant(sheet, value)
    if isinstance(value, dt.date):
        return _dated(sheet, value, "yyyy-mm-dd") if value >= FIRST_SAFE_DAY else _text(sheet, value.isoformat())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and abs(value) > EXACT_WHOLE:
        return _text(sheet, str(value))
    if isinstance(value, str):
        if len(value) > LONGEST_CELL:
            raise ValidationError(
                f"{place} has {len(value):,} characters and a cell of a workbook holds {LONGEST_CELL:,}; shorten it "
                "or attach it as a file."
            )
        return _text(sheet, escape(value)) if value else None
    return value


def _text(sheet: Any, text: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"  # "=1+1" and "#N/A" are words here, no formula and no error
    return cell


def _dated(sheet: Any, value: Any, form: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, value=value)
    cell.number_format = form
    return cell


def _instant(sheet: Any, value: dt.datetime) -> WriteOnlyCell:
    local = timezone.localtime(value)
    naive = local.replace(tzinfo=None)
    is_plain = not local.microsecond and local.replace(fold=1 - local.fold).utcoffset() == local.utcoffset()
    if is_plain and naive.date() >= FIRST_SAFE_DAY:
        return _dated(sheet, naive, "yyyy-mm-dd hh:mm:ss" if local.second else "yyyy-mm-dd hh:mm")
    return _text(sheet, local.isoformat(sep=" "))
