"""A tracker's file as sheets of cells, a text file as one: decoded and split, with the number of every line."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from labdb.behavior.trackers.result import FloatArray, TrackerError
from labdb.registry.text_tables import (
    TableError,
    TextTable,
    csv_rows,
    decode_text,
    is_separator_line,
    read_table,
    sniff_delimiter,
    unpack,
)
from labdb.registry.workbook_files import WorkbookFile, cell_text, is_workbook

MAX_BYTES = 300_000_000  # a day of positions at 30 Hz has 200 MB
MAX_ROWS = 2_000_000  # 18 hours at 30 Hz
MISSING = ("-", "")
THE_FILE = "The file"
EXPORT_AGAIN = "Export it again from the tracker."

COUNTED_HEADER = re.compile(r'\W*Number of header lines:?"?\s*([;,\t|])', re.IGNORECASE)
PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
PLACE_IN_TABLE_ERROR = re.compile(
    rf"{THE_FILE}(?:, (sheet .+?)(?=, line \d|:| (?:is|has|reaches|cannot|names) ))?(?:, (line \d+))?(:?) ", re.DOTALL
)


class Sheet:
    """Cells of a text file or of one sheet of a workbook.

    Parameters
    ----------
    file : str
        Name of the file, for the sentences.
    name : str
        Of the sheet; empty for a text file and for a workbook with one sheet.
    """

    def __init__(self, file: str, name: str = "") -> None:
        self.file = file
        self.name = name

    def head(self, n_rows: int) -> list[tuple[int, list[str]]]:
        """Return the first rows as text, each with its line."""
        raise NotImplementedError

    def rows(self) -> list[tuple[int, list[str]]]:
        """Return all rows that are not blank, as text, each with its line."""
        raise NotImplementedError

    def body(self, header: list[str], header_line: int) -> Body:
        """Return the rows below a line, which must have as many cells as the line with the names."""
        raise NotImplementedError

    def line_beginning(self, text: str, below: int) -> int | None:
        """Return the first line below another whose first cell begins with a text that this sheet has at its top."""
        raise NotImplementedError

    def table(self) -> TextTable:
        """Return a sheet whose first filled line names the columns; TableError as for any table."""
        raise NotImplementedError

    def place(self, line: int | None = None, column: str = "") -> str:
        """Return where something stands, for a sentence."""
        parts = (
            f"sheet {self.name}" if self.name else "",
            f"line {line}" if line is not None else "",
            f"column {column}" if column else "",
        )
        return ", ".join(part for part in parts if part)

    def error(
        self, sentence: str, remedy: str, *, line: int | None = None, column: str = "", asks_for: str = ""
    ) -> TrackerError:
        """Return an error about this sheet."""
        return TrackerError(self.file, sentence, remedy, place=self.place(line, column), asks_for=asks_for)


class Body:
    """Rows of samples below a header.

    Attributes
    ----------
    lines : numpy.ndarray, shape (n_rows,)
        Line of each row.
    notes : tuple of str
        What is odd about the rows and worth a note.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, sheet: Sheet, header: list[str], lines: Sequence[int]) -> None:
        self.sheet = sheet
        self.header = header
        self.lines = np.asarray(lines, dtype=np.int64)
        if len(lines) > MAX_ROWS:
            raise sheet.error(
                f"The sheet has {len(lines):,} rows, a track may have {MAX_ROWS:,}.",
                "Export a shorter part of the recording, or fewer samples per second.",
            )

    def numbers(self, columns: Sequence[int]) -> FloatArray:
        """Return the cells of some columns, shape (n_rows, n_columns); NaN where the tracker has no value.

        A number of 17 digits is right to 12: the exact conversion takes three times as long.

        Raises
        ------
        TrackerError
            A cell that is neither a finite number nor missing.
        """
        raise NotImplementedError

    def texts(self, column: int, n_rows: int | None = None) -> list[str]:
        """Return the cells of a column as text, of all rows or of the first."""
        raise NotImplementedError

    def bad_cell(
        self,
        row: int,
        column: int,
        cell: str,
        wrong: str = "is not a finite number",
        remedy: str = 'Correct the cell; a value that the tracker does not have is "-" or empty.',
    ) -> TrackerError:
        """Return the error about a cell."""
        line = int(self.lines[row])
        return self.sheet.error(f"{shown(cell)} {wrong}.", remedy, line=line, column=self.header[column])


class TextSheet(Sheet):
    """A text file."""

    def __init__(self, file: str, text: str, content: bytes) -> None:
        super().__init__(file)
        self.text = text
        self._content = content
        counted = COUNTED_HEADER.match(text)
        self.delimiter = counted[1] if counted else sniff_delimiter(text)

    def head(self, n_rows: int) -> list[tuple[int, list[str]]]:  # noqa: D102
        return list(islice(self._cells(), n_rows))

    def rows(self) -> list[tuple[int, list[str]]]:  # noqa: D102
        return [(line, cells) for line, cells in self._cells() if any(map(str.strip, cells))]

    def body(self, header: list[str], header_line: int) -> Body:  # noqa: D102
        return TextBody(self, header, header_line)

    def line_beginning(self, text: str, below: int) -> int | None:  # noqa: D102
        starts = (line.lstrip('"') for line in self.lines[below:]) if self.text.count(text) > 1 else ()
        return next((line for line, start in enumerate(starts, below + 1) if start.startswith(text)), None)

    def table(self) -> TextTable:  # noqa: D102
        return read_table(self._content, THE_FILE)

    @cached_property
    def lines(self) -> list[str]:
        """All lines without their ends."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        for line, cells in csv_rows(self.text, self.delimiter, THE_FILE):
            if line > 1 or not cells or not is_separator_line(cells):
                yield line, cells


class TextBody(Body):
    """Rows of a text file, read by the C parser of pandas."""

    def __init__(self, sheet: TextSheet, header: list[str], header_line: int) -> None:
        self._delimiter = sheet.delimiter
        filled = [
            (line, text)
            for line, text in enumerate(sheet.lines[header_line:], start=header_line + 1)
            if text.strip(f'{sheet.delimiter} \t"')
        ]
        super().__init__(sheet, header, [line for line, _text in filled])
        self._rows = [text for _line, text in filled]
        self._refuse_ragged()
        self._text = "\n".join(self._rows)
        self._decimal = self._decimal_mark()
        if self._rows and not sheet.text.endswith(("\n", "\r")):
            self.notes = (
                f"The last line ({self.lines[-1]}) has no line end; if the file was cut short there, its last cell is wrong.",
            )

    def numbers(self, columns: Sequence[int]) -> FloatArray:  # noqa: D102
        if not self._rows:
            return np.empty((0, len(columns)))
        try:
            numbers = self._parsed(columns, dtype="float64", decimal=self._decimal, float_precision="high")
        except ValueError:  # names no place; a second look finds it, or a way of writing that pandas does not know
            return self._numbers_by_cell(columns)
        return numbers if not np.isinf(numbers).any() else self._numbers_by_cell(columns)

    def texts(self, column: int, n_rows: int | None = None) -> list[str]:  # noqa: D102
        return self._parsed([column], dtype=str, nrows=n_rows)[:, 0].tolist() if self._rows else []

    def _parsed(self, columns: Sequence[int], **options: Any) -> Any:
        is_text = options["dtype"] is str
        frame = pd.read_csv(
            io.StringIO(self._text), sep=self._delimiter, header=None, usecols=list(columns), keep_default_na=False,
            na_values=() if is_text else list(MISSING), skip_blank_lines=False, skipinitialspace=True, engine="c", **options,
        )  # fmt: skip
        return frame[list(columns)].to_numpy()

    def _numbers_by_cell(self, columns: Sequence[int]) -> FloatArray:
        numbers = np.empty((len(self._rows), len(columns)))
        for row, text in enumerate(self._rows):
            cells = self._cells_of(text)
            for at, column in enumerate(columns):
                number = plain_number(cells[column], self._decimal)
                if number is None:
                    raise self.bad_cell(row, column, cells[column])
                numbers[row, at] = number
        return numbers

    def _cells_of(self, text: str) -> list[str]:
        return next(csv.reader([text], delimiter=self._delimiter, skipinitialspace=True))

    def _refuse_ragged(self) -> None:
        """Refuse a row with another number of cells than the names, and a quotation that runs over lines."""
        expected = len(self.header)
        for row, text in enumerate(self._rows):
            has_quotes = '"' in text
            if not has_quotes and text.count(self._delimiter) + 1 == expected:
                continue
            if has_quotes and text.count('"') % 2:
                n_cells = None
            elif (n_cells := len(self._cells_of(text))) == expected:
                continue
            raise self._ragged(row, n_cells)

    def _ragged(self, row: int, n_cells: int | None) -> TrackerError:
        is_last = row == len(self._rows) - 1
        line = int(self.lines[row])
        if n_cells is None:
            sentence = 'A quotation mark (") opens and does not close on this line.'
        else:
            cells = "1 cell" if n_cells == 1 else f"{n_cells} cells"
            sentence = f"The line has {cells} where the names have {len(self.header)}."
        if is_last:
            sentence += " It is the last line: the file was cut short there."
        return self.sheet.error(sentence, EXPORT_AGAIN, line=line)

    def _decimal_mark(self) -> str:
        """Return the mark of decimals: a comma where cells have one and it does not part them."""
        comma = r"\d,\d" if self._delimiter != "," else r'"[+-]?\d+,\d+"'
        return "," if re.search(comma, self._text) and not re.search(r"\d\.\d", self._text) else "."


class BookSheet(Sheet):
    """A sheet of a workbook."""

    def __init__(self, file: str, name: str, book: WorkbookFile, sheet: str) -> None:
        super().__init__(file, name)
        self._book = book
        self._sheet = sheet

    def head(self, n_rows: int) -> list[tuple[int, list[str]]]:  # noqa: D102
        return [(line, [cell_text(cell) for cell in row]) for line, row in enumerate(self.values[:n_rows], start=1)]

    def rows(self) -> list[tuple[int, list[str]]]:  # noqa: D102
        return [(line, cells) for line, cells in self.head(len(self.values)) if any(map(str.strip, cells))]

    def body(self, header: list[str], header_line: int) -> Body:  # noqa: D102
        return BookBody(self, header, header_line)

    def line_beginning(self, text: str, below: int) -> int | None:  # noqa: D102
        starts = (cell_text(row[0]) for row in self.values[below:])
        return next((line for line, start in enumerate(starts, below + 1) if start.startswith(text)), None)

    def table(self) -> TextTable:  # noqa: D102
        return self._book.read(self._sheet)

    @property
    def values(self) -> list[list[Any]]:
        """All rows as the workbook holds them."""
        return self._read[0]

    @property
    def notes(self) -> list[str]:
        """What is odd about the sheet and worth a note."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[list[list[Any]], list[str]]:
        return self._book.read_values(self._sheet)


class BookBody(Body):
    """Rows of a sheet of a workbook."""

    def __init__(self, sheet: BookSheet, header: list[str], header_line: int) -> None:
        filled = [
            (line, row)
            for line, row in enumerate(sheet.values[header_line:], start=header_line + 1)
            if any(cell != "" for cell in row)
        ]
        super().__init__(sheet, header, [line for line, _row in filled])
        self._rows = [row for _line, row in filled]

    def numbers(self, columns: Sequence[int]) -> FloatArray:  # noqa: D102
        numbers = np.empty((len(self._rows), len(columns)))
        for at, column in enumerate(columns):
            numbers[:, at] = [
                cell if type(cell) is float else self._number(row, column, cell)
                for row, cell in enumerate(cells[column] for cells in self._rows)
            ]
        return numbers

    def texts(self, column: int, n_rows: int | None = None) -> list[str]:  # noqa: D102
        return [cell_text(row[column]) for row in self._rows[:n_rows]]

    def _number(self, row: int, column: int, cell: Any) -> float:
        text = cell_text(cell)
        number = plain_number(text, "," if "," in text else ".")
        if number is None:
            raise self.bad_cell(row, column, text)
        return number


def open_sheets(name: str, content: bytes) -> tuple[list[Sheet], list[str]]:
    """Return the filled sheets of a file, and what is worth a note.

    Raises
    ------
    TableError
        Empty, binary, too large, protected or damaged; its text begins with `THE_FILE`.
    """
    if is_workbook(content):
        book = WorkbookFile(content, THE_FILE)
        names = book.filled_sheets
        if not names:
            raise TableError(f"{THE_FILE} has no filled sheet; export it again from the tracker.")
        sheets = [BookSheet(name, sheet if len(book.sheet_names) > 1 else "", book, sheet) for sheet in names]
        return list(sheets), []
    unpacked = unpack(content, THE_FILE, MAX_BYTES)
    if len(unpacked) > MAX_BYTES:
        raise TableError(f"{THE_FILE} has more than {MAX_BYTES:,} bytes; export a shorter part of the recording.")
    text, note = decode_text(unpacked, THE_FILE)
    return [TextSheet(name, text, unpacked)], [note] if note else []


@contextmanager
def tables_in_words(name: str) -> Iterator[None]:
    """Raise what is wrong with a table as an error about a tracker's file."""
    try:
        yield
    except TableError as error:
        raise tracker_error(name, str(error)) from None


def tracker_error(name: str, text: str) -> TrackerError:
    """Take a sentence about a table that begins with `THE_FILE` apart: where, what, what would be right."""
    place, said = "", text
    if found := PLACE_IN_TABLE_ERROR.match(text):
        sheet, line, colon = found.groups()
        subject = "" if colon else "The line " if line else "The sheet " if sheet else f"{THE_FILE} "
        place, said = ", ".join(part for part in (sheet, line) if part), subject + text[found.end() :]
    sentence, semicolon, remedy = said.partition("; ")
    if not semicolon:
        sentence, _stop, remedy = said.partition(". ")
    return TrackerError(name, capitalized(sentence).rstrip(".") + ".", capitalized(remedy) or EXPORT_AGAIN, place=place)


def capitalized(text: str) -> str:
    """Return a sentence with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def plain_number(cell: str, decimal: str = ".") -> float | None:
    """Return a cell as a number, NaN for a missing one; None for what is neither, and for what is not finite."""
    text = cell.strip()
    if text in MISSING:
        return math.nan
    if decimal == ",":
        text = text.replace(".", " ").replace(",", ".")
    if not PLAIN_NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def shown(cell: str) -> str:
    """Return a cell for a sentence: in quotation marks, cut to a bearable length."""
    text = " ".join(cell.split())
    return f'"{text[:40]}..."' if len(text) > 40 else f'"{text}"'
