"""The lines of a count matrix: one of plain digits becomes counts at once, any other goes through the CSV reader."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from labdb.registry.text_streams import TextFile
from labdb.registry.text_tables import NumberedLines, csv_rows_of, is_separator_line, sniff_delimiter
from labdb.sequencing.count_cells import MAX_COUNT, CountRow

SNIFFED_LINES = 100  # the delimiter is told by the first rows; a quoted cell may hold some lines
SNIFFED_CHARACTERS = 4_000_000
DIGITS = b"0123456789"

IdRow = tuple[int, list[str]]
CountedRow = tuple[int, list[str], CountRow | None]  # line, cells (the id alone where there are counts), counts


class CountLines:
    """Rows of a text below its comments."""

    def __init__(self, text: TextFile) -> None:
        lines = NumberedLines(text.lines())
        head: list[str] = []
        for line in lines:
            if head or not _is_comment(line):
                head.append(line)
            if len(head) >= SNIFFED_LINES or sum(map(len, head)) > SNIFFED_CHARACTERS:
                break
        for line in reversed(head):
            lines.put_back(line)
        self.delimiter = sniff_delimiter("".join(head))
        self._lines = lines
        self._rows = csv_rows_of(lines, self.delimiter, text.name)

    def cells(self) -> Iterator[IdRow]:
        """Yield the next rows as text; blank ones are left out."""
        return ((line, cells) for line, cells in self._rows if not _is_blank(cells))

    def rows(self, n_columns: int, kept: list[int]) -> Iterator[CountedRow]:
        """Yield the rows that are left, those of plain digits as counts.

        Parameters
        ----------
        n_columns : int
            Columns beside that of the ids.
        kept : list of int
            Which of them hold counts.
        """
        n_skipped = n_columns - len(kept)
        is_plain = kept == list(range(n_skipped, n_columns))
        for text in self._lines:
            line = self._lines.number - 1
            if is_plain and (plain := plain_counts(text, self.delimiter, n_skipped, len(kept))):
                yield line, [plain[0]], plain[1]
                continue
            self._lines.put_back(text)
            line, cells = next(self._rows)
            if not _is_blank(cells):
                yield line, cells, None


def plain_counts(line: str, delimiter: str, n_skipped: int, n_counts: int) -> tuple[str, CountRow] | None:
    """Return id and counts of a line of plain digits; None where only the CSV reader can tell, or refuse.

    Parameters
    ----------
    line : str
        With its end; the first of a row.
    n_skipped, n_counts : int
        Columns between the id and the counts, and of counts.
    """
    line = line.rstrip("\r\n")
    if line.startswith('"') and not n_skipped:  # R quotes names
        row_id, mark, text = line[1:].partition(f'"{delimiter}')
        described = [row_id] if mark else []
    else:
        *described, text = line.split(delimiter, n_skipped + 1)
    if len(described) != n_skipped + 1 or any('"' in cell for cell in described) or not text.isascii():
        return None
    digits, between = text.encode(), delimiter.encode()
    if digits.translate(None, DIGITS) != between * (n_counts - 1):
        return None
    if not digits or between * 2 in digits or digits.startswith(between) or digits.endswith(between):
        return None  # a cell is empty
    counts = np.fromstring(digits, dtype=np.int64, sep=delimiter)  # a number beyond int64 becomes its largest
    return (described[0], counts.astype(np.int32)) if counts.max() <= MAX_COUNT else None


def _is_blank(cells: list[str]) -> bool:
    return not any(map(str.strip, cells)) or is_separator_line(cells)


def _is_comment(line: str) -> bool:
    is_note = line.startswith("#") and not re.search(r"[,;\t]", line)
    return line.startswith("# Program:") or is_note or not line.strip()
