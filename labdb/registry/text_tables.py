"""Tables as people send them (CSV, TSV, semicolons, any encoding and line end) to cells with line numbers.

Tolerant of how a table is written down, strict about what it says: a table that can be read in two ways is
refused with a sentence, never guessed.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Self

from labdb.registry.long_work import ticked
from labdb.registry.text_streams import (
    GZIP_MAGIC,
    MAX_LINE_CHARACTERS,
    MAX_UNPACKED_BYTES,
    TableError,
    chunks_of,
    find_encoding,
    too_long_sentence,
    unpacked,
)

DELIMITERS = ",;\t|"
SNIFFED_ROWS = 20
LISTED_LINES = 5

LINE = re.compile(r"[^\r\n]++(?:\r\n|\r|\n)?|\r\n|\r|\n")  # possessive: a line of 300 MB is not walked back


@dataclass(frozen=True)
class TextTable:
    """Header and rows as text; ``rows`` holds (line number counted from 1, cells), one cell per column."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    notes: tuple[str, ...] = ()


def read_table(data: bytes, name: str) -> TextTable:
    """Read a table with one header line; ``name`` is the file's name for the sentences.

    Cells are kept as they are written; column names lose the blanks around them. Rows of blanks are left out.

    Raises
    ------
    TableError
        Empty, binary or undecodable file, a line of over a million characters, a broken quotation, a column
        without a name or with that of another, a row with too few or too many cells.
    """
    text, note = decode_text(unpack(data, name), name)
    notes = [note] if note else []
    delimiter = sniff_delimiter(text)
    read = ticked(csv_rows(text, delimiter, name), text.count("\n") + 1, f"reading {name}")
    rows = [(line, cells) for line, cells in read if any(c.strip() for c in cells)]
    if rows and is_separator_line(rows[0][1]):
        rows = rows[1:]
    if not rows:
        raise TableError(f"{name} is empty; the first line must name the columns.")
    header_line, raw_header = rows[0]
    header = [cell.strip() for cell in raw_header]
    while not header[-1]:  # Excel writes the empty columns at the right of a sheet
        header.pop()
    body = _with_equal_cells(rows[1:], len(header), header_line, name)
    if _is_row_number_of_r(header, body):
        header, body = header[1:], [(line, cells[1:]) for line, cells in body]
        notes.append("The first column has no name and only counts the rows; it was left out.")
    check_header(header, header_line, name)
    return TextTable(header, body, tuple(notes))


def read_content(path_or_bytes: str | Path | bytes, name: str = "") -> tuple[bytes, str]:
    """Return the content and a name for the sentences, by default that of the path."""
    if isinstance(path_or_bytes, bytes):
        return path_or_bytes, name or "The file"
    path = Path(path_or_bytes)
    name = name or path.name
    if path.is_dir():
        raise TableError(f"{name} is a folder; give one file.")
    try:
        return path.read_bytes(), name
    except OSError as error:
        raise TableError(f"{name} cannot be read: {error.strerror}.") from None


def unpack(data: bytes, name: str, max_bytes: int = MAX_UNPACKED_BYTES) -> bytes:
    """Gunzip what is gzip; refuse what is cut short, damaged, or unpacks beyond all reason."""
    return b"".join(unpacked(chunks_of(io.BytesIO(data)), name, max_bytes)) if data.startswith(GZIP_MAGIC) else data


def decode_text(data: bytes, name: str = "The file") -> tuple[str, str]:
    """Decode to text without a byte order mark; the second value is a note, empty for plain UTF-8."""
    encoding = find_encoding(lambda: [data], name)
    return data.decode(encoding.codec).lstrip("\ufeff").rstrip("\x1a"), encoding.note


def sniff_delimiter(text: str) -> str:
    """Return the delimiter that gives rows as many cells as the header; a comma for a single column."""
    declared = re.match(r"[\ufeff\s]*\"?sep=([,;\t|])\"?[\r\n]", text, re.IGNORECASE)  # Excel's own hint
    if declared:
        return declared[1]
    best, best_score = ",", (0.0, 1)
    for delimiter in DELIMITERS:
        widths = _first_widths(text, delimiter)
        if not widths or widths[0] < 2:
            continue
        # R's write.table leaves the name of the first column out: its rows are one wider than the header
        fits = sum(width in (widths[0], widths[0] + 1) for width in widths[1:])
        score = (fits / max(len(widths) - 1, 1) if len(widths) > 1 else 1.0, widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


def csv_rows(text: str, delimiter: str, name: str, first_line: int = 1) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells); the number is that of the row's first line, as an editor counts it."""
    return csv_rows_of(NumberedLines(_bearable_lines(text, name, first_line), first_line), delimiter, name)


class NumberedLines:
    """Lines one after the other; ``number`` is that of the line that comes next."""

    def __init__(self, lines: Iterable[str], first: int = 1) -> None:
        self.number = first
        self._lines = iter(lines)
        self._put_back: list[str] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._put_back.pop() if self._put_back else next(self._lines)
        self.number += 1
        return line

    def put_back(self, line: str) -> None:
        """Let a line that was read come next again."""
        self._put_back.append(line)
        self.number -= 1


def csv_rows_of(lines: NumberedLines, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells); each row takes no more lines than it has."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line_number = lines.number
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(_quotation_sentence(str(error), line_number, name)) from None
        yield line_number, cells


def split_lines(text: str) -> Iterator[str]:
    """Yield the lines with their ends: CR, LF or CRLF, and not the other characters of ``str.splitlines``."""
    # no io.StringIO: it spends four bytes on each character, which a count matrix has many of
    return (match[0] for match in LINE.finditer(text))


def is_separator_line(cells: list[str]) -> bool:
    """Tell Excel's first line ``sep=;`` from a header."""
    return cells[0].lower().startswith("sep=") and not any(cells[1:]) and len(cells[0]) <= len("sep=;")


def _first_widths(text: str, delimiter: str) -> list[int]:
    """Count the cells of the first rows, as far as they can be read with this delimiter."""
    widths: list[int] = []
    try:
        bearable = takewhile(lambda line: len(line) <= MAX_LINE_CHARACTERS, split_lines(text))
        for cells in csv.reader(bearable, delimiter=delimiter):
            if any(cell.strip() for cell in cells):
                widths.append(len(cells))
            if len(widths) > SNIFFED_ROWS:
                break
    except csv.Error:
        return widths
    return widths


def _bearable_lines(text: str, name: str, first_line: int) -> Iterator[str]:
    for number, line in enumerate(split_lines(text), start=first_line):
        if len(line) > MAX_LINE_CHARACTERS:
            raise TableError(too_long_sentence(name, number, len(line)))
        yield line


def _quotation_sentence(problem: str, line: int, name: str) -> str:
    if "field larger" in problem:
        return (
            f"{name}, line {line}: a cell has more than {csv.field_size_limit():,} characters; "
            'a quotation mark (") that opens there may never close.'
        )
    if "unexpected end of data" in problem:
        return f'{name}, line {line}: a quotation mark (") opens and never closes; close or remove it.'
    return (
        f"{name}, line {line}: text follows a closing quotation mark; "
        'write a quotation mark inside a quoted cell twice ("").'
    )


def _with_equal_cells(
    rows: list[tuple[int, list[str]]], n_columns: int, header_line: int, name: str
) -> list[tuple[int, list[str]]]:
    """Cut blank cells beyond the header; refuse any other row that is not as long as the header."""
    ragged = [
        (line, len(cells)) for line, cells in rows if len(cells) < n_columns or any(map(str.strip, cells[n_columns:]))
    ]
    if ragged:
        line, n_cells = ragged[0]
        raise TableError(
            f"{name}, line {line} has {n_cells} {'cell' if n_cells == 1 else 'cells'} where the header (line {header_line}) has {n_columns}"
            f"{_listed(ragged[1:])}; give each row one cell per column, and put quotation marks around text "
            "that holds the delimiter."
        )
    return [(line, cells[:n_columns]) for line, cells in rows]


def _listed(others: list[tuple[int, int]]) -> str:
    if not others:
        return ""
    lines = ", ".join(str(line) for line, _ in others[:LISTED_LINES])
    dots = ", ..." if len(others) > LISTED_LINES else ""
    return f" ({len(others)} more such: line {lines}{dots})"


def _is_row_number_of_r(header: list[str], rows: list[tuple[int, list[str]]]) -> bool:
    """Whether R's write.csv put its row numbers in front."""
    return len(header) > 1 and not header[0] and all(c[0] == str(i) for i, (_, c) in enumerate(rows, start=1))


def check_header(header: list[str], header_line: int, name: str) -> None:
    """Refuse a column without a name, and two of the same name."""
    nameless = [position for position, column in enumerate(header, start=1) if not column]
    if nameless:
        where = ", ".join(map(str, nameless))
        raise TableError(f"{name}, line {header_line}: column {where} has no name; name it or delete it.")
    twice = [column for column, count in Counter(header).items() if count > 1]
    if twice:
        names = ", ".join(f"'{column}'" for column in twice)
        raise TableError(f"{name}, line {header_line} names {names} more than once; rename or delete one.")
