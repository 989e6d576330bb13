"""XLSX workbooks as people send them, to the same tables as CSV: text cells with their line, never misread.

What a workbook hides is said: formulas whose result was not saved, error cells, merged cells, macros, and files made
to fill the memory.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from labdb.registry.dates import DateCell
from labdb.registry.text_tables import TableError, TextTable, check_header

MAX_FILE_BYTES = 100 * 2**20
MAX_UNPACKED_BYTES = 500 * 2**20  # a zip of a few kB can unpack to more than the memory
MAX_CELLS = 5_000_000  # the rectangle that a sheet spans: one cell in the last corner makes 17 thousand million
LISTED_CELLS = 5

PREFIX = rb"(?:\w+:)?"  # some writers put their namespace before every tag
CELL = re.compile(rb"<" + PREFIX + rb'c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
CELL_WITH_KIND = re.compile(
    rb"<" + PREFIX + rb'c\b([^>]*?\br="([A-Z]{1,3}[0-9]{1,7})"[^>]*?)(?:/>|>(.*?)</' + PREFIX + rb"c>)", re.DOTALL
)
FORMULA = re.compile(rb"<" + PREFIX + rb"f[ />]")
RESULT = re.compile(rb"<" + PREFIX + rb"v>[^<]")
FILLED = re.compile(rb"<" + PREFIX + rb"(?:v|is|f)[ />]")
RELATION = re.compile(rb"<" + PREFIX + rb"Relationship\b[^>]*?>")
SHEET = re.compile(rb"<" + PREFIX + rb"sheet\b[^>]*?>")


def is_workbook(data: bytes) -> bool:
    """Whether these are the first bytes of an XLSX file (or of another zip, refused when it is opened)."""
    return data.startswith(b"PK\x03\x04")


@dataclass
class WorkbookFile:
    """An open workbook.

    Parameters
    ----------
    data : bytes
    name : str
        The file's name for the sentences.

    Raises
    ------
    TableError
        Too large, not a workbook, protected, with macros, or unpacking beyond all reason.
    """

    data: bytes = field(repr=False)
    name: str

    def __post_init__(self) -> None:
        if len(self.data) > MAX_FILE_BYTES:
            size, most = len(self.data) / 2**20, MAX_FILE_BYTES // 2**20
            raise TableError(f"{self.name} has {size:.0f} MB, a workbook may have {most}; send its sheets as CSV.")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(self.data))
            self._refuse_bomb()
            members = set(self._zip.namelist())
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OverflowError):
            raise TableError(f"{self.name} is a damaged workbook; save or copy it again.") from None
        if "xl/workbook.xml" not in members:
            raise TableError(f"{self.name} is a zip archive and no XLSX workbook; send the table itself.")
        if any(member.endswith("vbaProject.bin") for member in members):
            raise TableError(f"{self.name} holds macros; in Excel choose Save as > Excel Workbook (.xlsx).")
        try:
            self._book = CalamineWorkbook.from_filelike(io.BytesIO(self.data))
        except CalamineError as error:
            raise TableError(f"{self.name} cannot be read as a workbook ({error}); save it again as XLSX.") from None

    @property
    def sheet_names(self) -> list[str]:
        """The sheets, in their order."""
        return self._book.sheet_names

    @cached_property
    def filled_sheets(self) -> list[str]:
        """The sheets that hold anything."""
        return [name for name in self.sheet_names if FILLED.search(self._xml(name))]

    def read(self, sheet: str) -> TextTable:
        """Return a sheet as a table whose first filled line names the columns; TableError as for a text file."""
        where = self._where(sheet)
        rows = [[cell_text(value) for value in row] for row in self.read_values(sheet)]
        notes = self.refuse_unsaved(sheet)
        filled = [(line, cells) for line, cells in enumerate(rows, start=1) if any(cell.strip() for cell in cells)]
        if not filled:
            raise TableError(f"{where} is empty; the first line must name the columns.")
        header_line, raw_header = filled[0]
        header = [cell.strip() for cell in raw_header]
        while header and not header[-1]:
            header.pop()
        beyond = [line for line, cells in filled[1:] if any(cell.strip() for cell in cells[len(header) :])]
        if beyond:
            raise TableError(f"{where}, line {beyond[0]} has a cell beyond the last named column; name that column.")
        check_header(header, header_line, where)
        self._refuse_merged(sheet, where)
        return TextTable(header, [(line, cells[: len(header)]) for line, cells in filled[1:]], tuple(notes))

    def read_values(self, sheet: str) -> list[list[Any]]:
        """Return the values of a sheet as they lie there, the first row on line 1; TableError where it is too wide."""
        where = self._where(sheet)
        _refuse_far_cells(self._xml(sheet), where)
        try:
            return self._book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
        except CalamineError as error:
            raise TableError(f"{where} cannot be read ({error}); save the workbook again as XLSX.") from None

    def refuse_unsaved(self, sheet: str) -> list[str]:
        """Refuse formulas without a saved result and cells with an error; return a note on the other formulas."""
        return _refuse_unsaved(self._xml(sheet), self._where(sheet))

    def _where(self, sheet: str) -> str:
        return f"{self.name}, sheet {sheet}" if len(self.sheet_names) > 1 else self.name

    def _refuse_merged(self, sheet: str, where: str) -> None:
        merged = self._book.get_sheet_by_name(sheet).merged_cell_ranges or []
        if merged:
            places = [f"{_address(*first)}:{_address(*last)}" for first, last in merged]
            raise TableError(
                f"{where} has merged cells ({_some(places)}), so that lines lack what stands in the first one; "
                "unmerge them and fill every cell."
            )

    def _refuse_bomb(self) -> None:
        """Unpack every member once, counting: sizes in the directory of a zip may lie."""
        left = MAX_UNPACKED_BYTES
        for member in self._zip.infolist():
            if member.flag_bits & 1:
                raise TableError(f"{self.name} is protected by a password; save it without one.")
            with self._zip.open(member) as unpacked:
                while block := unpacked.read(2**20):
                    left -= len(block)
                    if left < 0:
                        most = MAX_UNPACKED_BYTES // 2**20
                        raise TableError(f"{self.name} unpacks to more than {most} MB; send its sheets as CSV.")

    def _xml(self, sheet: str) -> bytes:
        try:
            return self._zip.read(self._paths[sheet])
        except KeyError:
            raise TableError(f"{self.name}: sheet {sheet} is not where the workbook says; save it again.") from None

    @cached_property
    def _paths(self) -> dict[str, str]:
        """Return the member that holds each sheet; in the order of the workbook, as calamine names them."""
        targets = {
            _attribute(tag, b"Id"): _attribute(tag, b"Target")
            for tag in RELATION.findall(self._zip.read("xl/_rels/workbook.xml.rels"))
        }
        tags = SHEET.findall(self._zip.read("xl/workbook.xml"))
        files = [targets.get(_attribute(tag, b"r:id"), "") for tag in tags]
        paths = [file.lstrip("/") if file.startswith("/") else f"xl/{file}" for file in files]
        return dict(zip(self.sheet_names, paths, strict=False))


def cell_text(cell: Any) -> str:
    """Return a cell as it would be typed: 20.5, 3, true, 2026-03-14, 2026-03-14 09:30:00."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return DateCell(cell.isoformat(sep=" "))
    if isinstance(cell, dt.date | dt.time):
        return DateCell(cell.isoformat())
    return str(cell)


def _refuse_far_cells(xml: bytes, where: str) -> None:
    found = CELL.findall(xml)
    far_column = max(map(_number, {letters for letters, _digits in found}), default=0)
    far_row = max((int(digits) for _letters, digits in found), default=0)
    if far_column * far_row > MAX_CELLS:
        raise TableError(
            f"{where} reaches to column {far_column:,} and line {far_row:,}; a cell lies far outside the table. "
            "Delete the empty lines and columns behind it."
        )


def _refuse_unsaved(xml: bytes, where: str) -> list[str]:
    """Refuse formulas without a saved result and cells with an error, which would read as empty; note the others."""
    if not FORMULA.search(xml) and b't="e"' not in xml:
        return []
    formulas: list[str] = []
    unsaved: list[str] = []
    wrong: list[str] = []
    for attributes, address, content in CELL_WITH_KIND.findall(xml):
        if b't="e"' in attributes:
            wrong.append(address.decode())
        elif FORMULA.search(content):
            (formulas if RESULT.search(content) else unsaved).append(address.decode())
    if wrong:
        raise TableError(f"{where}: {_some(wrong)} show an error such as #N/A; correct the formula or empty the cell.")
    if unsaved:
        raise TableError(
            f"{where}: {_some(unsaved)} hold a formula whose result was not saved; in Excel copy the cells and choose "
            "Paste special > Values."
        )
    return [f"{where}: {_some(formulas)} hold formulas; their last results were read."] if formulas else []


def _some(places: list[str]) -> str:
    more = len(places) - LISTED_CELLS
    return ", ".join(places[:LISTED_CELLS]) + (f" and {more} more" if more > 0 else "")


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _address(row: int, column: int) -> str:
    letters, left = "", column + 1
    while left:
        left, rest = divmod(left - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def _attribute(tag: bytes, name: bytes) -> str:
    found = re.search(rb"\b" + name + rb'="([^"]*)"', tag)
    return found[1].decode() if found else ""
