"""The bytes of a file to its sheets; what the registry says of a broken one, as an error about a tracker's file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from labdb.behavior.trackers.book_sheets import BookSheet
from labdb.behavior.trackers.cells import capitalized
from labdb.behavior.trackers.result import TrackerError
from labdb.behavior.trackers.sheets import EXPORT_AGAIN, Sheet
from labdb.behavior.trackers.text_sheets import THE_FILE, TextSheet
from labdb.registry.text_tables import TableError, decode_text, unpack
from labdb.registry.workbook_files import WorkbookFile, is_workbook

MAX_BYTES = 300_000_000  # a day of positions at 30 Hz has 200 MB
PLACE_IN_TABLE_ERROR = re.compile(
    rf"{THE_FILE}(?:, (sheet .+?)(?=, line \d|:| (?:is|has|reaches|cannot|names) ))?(?:, (line \d+))?(:?) ", re.DOTALL
)


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
