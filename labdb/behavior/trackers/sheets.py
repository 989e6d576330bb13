"""A tracker's file as sheets of cells, a text file as one: what readers ask of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from labdb.behavior.trackers.cells import shown
from labdb.behavior.trackers.result import FloatArray, TrackerError
from labdb.registry.text_tables import TextTable

MAX_ROWS = 2_000_000  # 18 hours at 30 Hz
EXPORT_AGAIN = "Export it again from the tracker."

Row = tuple[int, list[str]]  # line, cells as text


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

    def head(self, n_rows: int) -> list[Row]:
        """Return the first rows as text, each with its line."""
        raise NotImplementedError

    def rows(self) -> list[Row]:
        """Return all rows that are not blank, as text, each with its line."""
        raise NotImplementedError

    def body(self, header: list[str], header_line: int) -> Body:
        """Return the rows below a line, which must have as many cells as the line with the names."""
        raise NotImplementedError

    def line_beginning(self, text: str, below: int) -> int | None:
        """Return the first line below another whose first cell begins with a text that this sheet has at its top."""
        raise NotImplementedError

    def check(self) -> list[str]:
        """Refuse cells that show no value, with TableError; return what is worth a note."""
        return []

    @property
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

        The last of 17 digits may be off: the exact conversion takes three times as long.

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
