"""Sheets of workbooks that trackers write, read by the registry."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from labdb.behavior.trackers.cells import plain_number
from labdb.behavior.trackers.result import FloatArray
from labdb.behavior.trackers.sheets import Body, Row, Sheet
from labdb.registry.text_tables import TextTable
from labdb.registry.workbook_files import WorkbookFile, cell_text


class BookSheet(Sheet):
    """A sheet of a workbook."""

    def __init__(self, file: str, name: str, book: WorkbookFile, sheet: str) -> None:
        super().__init__(file, name)
        self._book = book
        self._sheet = sheet

    def head(self, n_rows: int) -> list[Row]:
        """As in `Sheet`."""
        return [(line, [cell_text(cell) for cell in row]) for line, row in enumerate(self.values[:n_rows], start=1)]

    def rows(self) -> list[Row]:
        """As in `Sheet`."""
        return [(line, cells) for line, cells in self.head(len(self.values)) if any(map(str.strip, cells))]

    def body(self, header: list[str], header_line: int) -> Body:
        """As in `Sheet`."""
        return BookBody(self, header, header_line)

    def line_beginning(self, text: str, below: int) -> int | None:
        """As in `Sheet`."""
        starts = (cell_text(row[0]) for row in self.values[below:])
        return next((line for line, start in enumerate(starts, below + 1) if start.startswith(text)), None)

    @cached_property
    def table(self) -> TextTable:
        """As in `Sheet`."""
        return self._book.read(self._sheet)

    @cached_property
    def values(self) -> list[list[Any]]:
        """All rows as the workbook holds them."""
        return self._book.read_values(self._sheet)

    def check(self) -> list[str]:
        """As in `Sheet`."""
        return self._book.refuse_unsaved(self._sheet)


class BookBody(Body):
    """Rows of a sheet of a workbook."""

    def __init__(self, sheet: BookSheet, header: list[str], header_line: int) -> None:
        filled = [
            (line, row)
            for line, row in enumerate(sheet.values[header_line:], start=header_line + 1)
            if any(not isinstance(cell, str) or cell.strip() for cell in row)
        ]
        super().__init__(sheet, header, [line for line, _row in filled])
        self._rows = [row for _line, row in filled]

    def numbers(self, columns: Sequence[int]) -> FloatArray:
        """As in `Body`."""
        numbers = np.empty((len(self._rows), len(columns)))
        for at, column in enumerate(columns):
            numbers[:, at] = [
                cell if type(cell) is float else self._number(row, column, cell)
                for row, cell in enumerate(cells[column] for cells in self._rows)
            ]
        return numbers

    def texts(self, column: int, n_rows: int | None = None) -> list[str]:
        """As in `Body`."""
        return [cell_text(row[column]) for row in self._rows[:n_rows]]

    def _number(self, row: int, column: int, cell: Any) -> float:
        text = cell_text(cell)
        number = plain_number(text, "," if "," in text else ".")
        if number is None:
            raise self.bad_cell(row, column, text)
        return number
