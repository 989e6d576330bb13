"""Tables as people send them (CSV, TSV, semicolons, any encoding and line end) to cells with line numbers.

Tolerant of how a table is written down, strict about what it says: a table that can be read in two ways is
refused with a sentence, never guessed.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

DELIMITERS = ",;\t|"
MAX_LINE_CHARACTERS = 1_000_000  # far beyond any sheet: a longer line is another kind of file
MAX_UNPACKED_BYTES = 500_000_000  # a gzip file of a few kB can unpack to more than the memory
SNIFFED_ROWS = 20
LISTED_LINES = 5

LINE = re.compile(r"[^\r\n]++(?:\r\n|\r|\n)?|\r\n|\r|\n")  # possessive: a line of 300 MB is not walked back
GZIP_MAGIC = b"\x1f\x8b"
OLE_MAGIC = b"\xd0\xcf\x11\xe0"
PROTECTED_WORKBOOK = "EncryptedPackage".encode("utf-16-le")  # in the directory of what holds an XLSX with a password
FOREIGN_FORMATS = {  # first bytes -> what it is, what to do
    b"PK\x03\x04": "an Excel workbook (XLSX) or a zip archive; in Excel choose Save as > CSV UTF-8",
    OLE_MAGIC: "an old Excel workbook (XLS); in Excel choose Save as > CSV UTF-8",
    b"%PDF": "a PDF; export the table as CSV",
    b"{\\rtf": "a rich text document; save the table as CSV",
    b"\x89HDF": "an HDF5 file; export the table as CSV",
    b"PAR1": "a Parquet file; export the table as CSV",
    b"BZh": "packed with bzip2; unpack it, or pack it with gzip",
    b"\xfd7zXZ": "packed with xz; unpack it, or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "packed with zstd; unpack it, or pack it with gzip",
}


class TableError(Exception):
    """A table that cannot be read; its text is a sentence for the person who sent it."""


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
    rows = [(line, cells) for line, cells in csv_rows(text, delimiter, name) if any(c.strip() for c in cells)]
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
    if not data.startswith(GZIP_MAGIC):
        return data
    parts: list[bytes] = []
    n_bytes = 0
    rest = data
    while rest.startswith(GZIP_MAGIC):  # bgzip writes many members; zeros may pad the end
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(rest, max_bytes - n_bytes + 1))
        except zlib.error:
            raise TableError(f"{name} is a damaged gzip file; copy or download it again.") from None
        n_bytes += len(parts[-1])
        if n_bytes > max_bytes:
            raise TableError(f"{name} unpacks to more than {max_bytes:,} bytes; split it.")
        if not member.eof:
            raise TableError(f"{name} is a gzip file that was cut short; copy or download it again.")
        rest = member.unused_data.lstrip(b"\0")
    if rest:
        raise TableError(f"{name} is a damaged gzip file; copy or download it again.")
    return b"".join(parts)


def decode_text(data: bytes, name: str = "The file") -> tuple[str, str]:
    """Decode to text without a byte order mark; the second value is a note, empty for plain UTF-8."""
    _refuse_foreign(data, name)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # Excel's "Unicode text", EthoVision
        text = data.decode("utf-16", errors="replace").lstrip("\ufeff")
        if "\ufffd" in text or "\0" in text:
            raise TableError(f"{name} begins like UTF-16 but is not; save it as CSV UTF-8.")
        return text, "Read as UTF-16."
    if b"\0" in data:
        raise TableError(f"{name} is not text (it has bytes of value 0); export the table as CSV.")
    try:
        return data.decode("utf-8").lstrip("\ufeff").rstrip("\x1a"), ""
    except UnicodeDecodeError as error:
        return _decode_as_latin(data, _line_of(data, error.start), name)


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
    reader = csv.reader(_bearable_lines(text, name, first_line), delimiter=delimiter, strict=True)
    while True:
        line_number = reader.line_num + first_line
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


def _refuse_foreign(data: bytes, name: str) -> None:
    if not data.strip(b"\xef\xbb\xbf \t\r\n\x1a"):
        raise TableError(f"{name} is empty.")
    if data.startswith(OLE_MAGIC) and PROTECTED_WORKBOOK in data:
        raise TableError(f"{name} is protected by a password; save it without one.")
    for magic, what in FOREIGN_FORMATS.items():
        if data.startswith(magic):
            raise TableError(f"{name} is {what}.")


def _decode_as_latin(data: bytes, first_line: int, name: str) -> tuple[str, str]:
    remedy = "save it again as CSV UTF-8"
    if re.search(rb"[\xc3-\xc5][\x80-\xbf]|\xc2[\xa0-\xbf]|[\xe1-\xef][\x80-\xbf]{2}", data):
        # some letters are UTF-8, others are not: either reading would garble a name
        raise TableError(f"{name} mixes two encodings (UTF-8 and another, on line {first_line}); {remedy}.")
    try:
        text = data.decode("cp1252").rstrip("\x1a")
    except UnicodeDecodeError as error:
        line = _line_of(data, error.start)
        raise TableError(f"{name}, line {line}: a letter is neither UTF-8 nor Windows-1252; {remedy}.") from None
    return (
        text,
        f"Not UTF-8 (line {first_line}): read as Windows-1252 (latin-1). Look at the accented letters.",
    )


def _line_of(data: bytes, offset: int) -> int:
    return 1 + len(re.findall(rb"\r\n|\r|\n", data[:offset]))


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
            raise TableError(
                f"{name}, line {number} has {len(line):,} characters, more than {MAX_LINE_CHARACTERS:,}; "
                "this is no table, or its line ends were lost. Export it again as CSV."
            )
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
