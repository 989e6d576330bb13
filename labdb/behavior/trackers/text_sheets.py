"""Text files of trackers: cells by the registry's decoding, samples by the C parser of pandas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from labdb.behavior.trackers.cells import MISSING, plain_number
from labdb.behavior.trackers.result import FloatArray, TrackerError
from labdb.behavior.trackers.sheets import EXPORT_AGAIN, Body, Row, Sheet
from labdb.registry.text_tables import TextTable, csv_rows, is_separator_line, read_table, sniff_delimiter

CONVERTER = "legacy"  # pandas 2.3: its default "high" reads beyond a table at 1e-700 and ends the process
THE_FILE = "The file"  # in sentences of the registry, which begin with a name
COUNTED_HEADER = re.compile(r'\W*Number of header lines:?"?\s*([;,\t|])')


class TextSheet(Sheet):
    """A text file."""

    def __init__(self, file: str, text: str, content: bytes) -> None:
        super().__init__(file)
        self.text = text
        self._content = content
        counted = COUNTED_HEADER.match(text)
        self.delimiter = counted[1] if counted else sniff_delimiter(text)

    def head(self, n_rows: int) -> list[Row]:
        """As in `Sheet`."""
        return list(islice(self._cells(), n_rows))

    def rows(self) -> list[Row]:
        """As in `Sheet`."""
        return [(line, cells) for line, cells in self._cells() if any(map(str.strip, cells))]

    def body(self, header: list[str], header_line: int) -> Body:
        """As in `Sheet`."""
        return TextBody(self, header, header_line)

    def line_beginning(self, text: str, below: int) -> int | None:
        """As in `Sheet`."""
        starts = (line.lstrip('"') for line in self.lines[below:]) if self.text.count(text) > 1 else ()
        return next((line for line, start in enumerate(starts, below + 1) if start.startswith(text)), None)

    @cached_property
    def table(self) -> TextTable:
        """As in `Sheet`."""
        return read_table(self._content, THE_FILE)

    @cached_property
    def lines(self) -> list[str]:
        """All lines without their ends."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def _cells(self) -> Iterator[Row]:
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

    def numbers(self, columns: Sequence[int]) -> FloatArray:
        """As in `Body`."""
        if not self._rows:
            return np.empty((0, len(columns)))
        try:
            numbers = self._parsed(columns, dtype="float64", decimal=self._decimal, float_precision=CONVERTER)
        except ValueError:  # names no place; a second look finds it, or a way of writing that pandas does not know
            return self._numbers_by_cell(columns)
        return numbers if not np.isinf(numbers).any() else self._numbers_by_cell(columns)

    def texts(self, column: int, n_rows: int | None = None) -> list[str]:
        """As in `Body`."""
        if n_rows is not None:
            return [self._cells_of(text)[column] for text in self._rows[:n_rows]]
        return self._parsed([column], dtype=str)[:, 0].tolist() if self._rows else []

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
