"""From bytes to lines of text, chunk by chunk: a file is unpacked and decoded as it is read, and never whole in memory."""

from __future__ import annotations

import codecs
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from labdb.registry.long_work import tick

CHUNK_BYTES = 2**20
MAX_LINE_CHARACTERS = 1_000_000  # far beyond any sheet: a longer line is another kind of file
MAX_UNPACKED_BYTES = 500_000_000  # a gzip file of a few kB can unpack to more than the memory
MOST_BYTES_OF_A_CHARACTER = 4

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
LONGEST_MAGIC = 8  # bytes, with room
DOS_END = b"\x1a"  # DOS programs ended a text with it
BLANK = codecs.BOM_UTF8 + b" \t\r\n" + DOS_END
# letters that are UTF-8 beside some that are not: either reading would garble a name
UTF_8_LETTERS = re.compile(rb"[\xc3-\xc5][\x80-\xbf]|\xc2[\xa0-\xbf]|[\xe1-\xef][\x80-\xbf]{2}")
LONGEST_UTF_8_LETTER = 3  # bytes, of those above

Source = bytes | Path | IO[bytes]


class TableError(Exception):
    """A table that cannot be read; its text is a sentence for the person who sent it."""


@dataclass(frozen=True)
class Encoding:
    """How a text is written down; ``note`` is for the person who sent it, empty for plain UTF-8."""

    codec: str
    note: str = ""


class TextFile:
    """A text that is read in lines, as often as needed; packed or not, in any encoding.

    Parameters
    ----------
    source : bytes, Path or binary file
        A file is read from its beginning, and left open.
    name : str
        For the sentences.
    max_bytes : int
        The most that it may unpack to.

    Raises
    ------
    TableError
        Cut short, damaged, unpacked beyond reason, no text, of a mixed encoding, or empty.
    """

    def __init__(self, source: Source, name: str, max_bytes: int = MAX_UNPACKED_BYTES) -> None:
        self.name = name
        self._source = source
        self._max_bytes = max_bytes
        self._furthest: dict[str, int] = {}
        self.encoding = find_encoding(lambda: self.chunks("looking through"), name)

    @property
    def sha256(self) -> str:
        """Digest of the file as given, packed if it was packed."""
        return digest_of(self._source, self.name)

    def chunks(self, doing: str = "reading") -> Iterator[bytes]:
        """Yield the bytes, unpacked; say how far it is in the file as given, in kB."""
        with _opened(self._source, self.name) as file:
            yield from unpacked(self._told(file, doing), self.name, self._max_bytes)

    def _told(self, file: IO[bytes], doing: str) -> Iterator[bytes]:
        size = _size_of(file)
        for chunk in chunks_of(file):
            at = self._furthest[doing] = max(self._furthest.get(doing, 0), file.tell())  # a second look begins anew
            tick(at // 1000, size // 1000, f"{doing} {self.name}")
            yield chunk

    def lines(self, doing: str = "reading") -> Iterator[str]:
        """Yield the lines with their ends: CR, LF or CRLF, and not the other characters of ``str.splitlines``.

        Parameters
        ----------
        doing : str
            What they are read for, as `tick` says it; each whole pass is a phase of its own.
        """
        chunks: Iterable[bytes] = self.chunks(doing)
        codec = self.encoding.codec
        if codec == "utf-16":
            chunks, codec = (text.encode() for text in _utf_16(chunks, self.name)), "utf-8"
        for number, line in enumerate(_lines(chunks, self.name), start=1):
            text = line.decode(codec)
            if number == 1:
                text = text.lstrip("\ufeff")
            if len(text) > MAX_LINE_CHARACTERS:
                raise TableError(too_long_sentence(self.name, number, len(text)))
            if text:
                yield text


def digest_of(source: Source, name: str) -> str:
    """Return the SHA-256 of a file as given."""
    digest = hashlib.sha256()
    for chunk in told_chunks(source, name, "taking the checksum of"):
        digest.update(chunk)
    return digest.hexdigest()


def told_chunks(source: Source, name: str, doing: str) -> Iterator[bytes]:
    """Yield the bytes of a file as given, and say how far it is, in kB."""
    with _opened(source, name) as file:
        size = _size_of(file)
        for chunk in chunks_of(file):
            tick(file.tell() // 1000, size // 1000, f"{doing} {name}")
            yield chunk


def start_of(source: Source, name: str) -> bytes:
    """Return the first bytes of a file, which tell what it is."""
    with _opened(source, name) as file:
        return file.read(LONGEST_MAGIC)


def unpacked(chunks: Iterable[bytes], name: str, max_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[bytes]:
    """Gunzip what is gzip; refuse what is cut short, damaged, or unpacks beyond all reason."""
    chunks = iter(chunks)
    start = _start(chunks, len(GZIP_MAGIC))
    n_bytes = 0
    chunks = chain([start], chunks) if start else chunks
    is_packed = start.startswith(GZIP_MAGIC)
    pieces = _gunzipped(chunks, name) if is_packed else chunks
    for piece in pieces:
        n_bytes += len(piece)
        if n_bytes > max_bytes:
            raise TableError(f"{name} {'unpacks to' if is_packed else 'has'} more than {max_bytes:,} bytes; split it.")
        yield piece


def find_encoding(read: Callable[[], Iterable[bytes]], name: str) -> Encoding:
    """Tell UTF-16, UTF-8 and Windows-1252 apart; TableError for what is no text, or mixes two of them.

    Parameters
    ----------
    read : callable
        Returns the bytes of the text, from its beginning; called again for each look.
    """
    start = _start(iter(read()), LONGEST_MAGIC)
    _refuse_foreign(start, read, name)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # Excel's "Unicode text", EthoVision
        for _text in _utf_16(read(), name):
            pass
        return Encoding("utf-16", "Read as UTF-16.")
    line = _first_line_not_utf_8(read(), name)
    return Encoding("utf-8") if line is None else _latin(read(), line, name)


def chunks_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the rest of a file."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def too_long_sentence(name: str, line: int, n_characters: int) -> str:
    """Say that a line is none of a table."""
    return (
        f"{name}, line {line} has {n_characters:,} characters, more than {MAX_LINE_CHARACTERS:,}; "
        "this is no table, or its line ends were lost. Export it again as CSV."
    )


@contextmanager
def _opened(source: Source, name: str) -> Iterator[IO[bytes]]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, Path):
        if source.is_dir():
            raise TableError(f"{name} is a folder; give one file.")
        try:
            with source.open("rb") as file:
                yield file
        except OSError as error:
            raise TableError(f"{name} cannot be read: {error.strerror}.") from None
    else:
        source.seek(0)
        yield source


def _size_of(file: IO[bytes]) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def _start(chunks: Iterator[bytes], n_bytes: int) -> bytes:
    """Take the first bytes, at least so many where there are."""
    start = b""
    while len(start) < n_bytes and (chunk := next(chunks, None)) is not None:
        start += chunk
    return start


def _gunzipped(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    damaged = f"{name} is a damaged gzip file; copy or download it again."
    member = None
    rest = b""
    n_members = 0
    for chunk in chunks:
        rest += chunk
        is_full = False  # more may come out of what went in
        while rest or is_full:
            if member is None:  # bgzip writes many members; zeros may pad the end
                rest = rest.lstrip(b"\0") if n_members else rest
                if not GZIP_MAGIC.startswith(rest[: len(GZIP_MAGIC)]):
                    raise TableError(damaged)
                if len(rest) < len(GZIP_MAGIC):
                    break
                member, n_members = zlib.decompressobj(wbits=31), n_members + 1
            try:
                piece = member.decompress(rest, CHUNK_BYTES)
            except zlib.error:
                raise TableError(damaged) from None
            if piece:
                yield piece
            is_full = len(piece) == CHUNK_BYTES and not member.eof
            rest = member.unused_data if member.eof else member.unconsumed_tail
            member = None if member.eof else member
    if member is not None:
        raise TableError(f"{name} is a gzip file that was cut short; copy or download it again.")
    if rest:
        raise TableError(damaged)


def _refuse_foreign(start: bytes, read: Callable[[], Iterable[bytes]], name: str) -> None:
    if not any(chunk.strip(BLANK) for chunk in chain([start], read())):
        raise TableError(f"{name} is empty.")
    if start.startswith(OLE_MAGIC) and PROTECTED_WORKBOOK in b"".join(read()):
        raise TableError(f"{name} is protected by a password; save it without one.")
    for magic, what in FOREIGN_FORMATS.items():
        if start.startswith(magic):
            raise TableError(f"{name} is {what}.")


def _utf_16(chunks: Iterable[bytes], name: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    for chunk in chain(chunks, [b""]):
        text = decoder.decode(chunk, final=not chunk)
        if "\ufffd" in text or "\0" in text:
            raise TableError(f"{name} begins like UTF-16 but is not; save it as CSV UTF-8.")
        yield text


class _LineCounter:
    """Counts lines over chunks, as an editor does: CR, LF and CRLF each end one."""

    def __init__(self) -> None:
        self.n_ends = 0
        self._after_cr = False

    def add(self, chunk: bytes) -> None:
        self.n_ends += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
        if self._after_cr and chunk.startswith(b"\n"):
            self.n_ends -= 1
        self._after_cr = chunk.endswith(b"\r") if chunk else self._after_cr

    def line_at(self, before: bytes) -> int:
        """Return the number of the line that these bytes, the next ones, lead to."""
        counter = _LineCounter()
        counter.n_ends, counter._after_cr = self.n_ends, self._after_cr
        counter.add(before)
        return counter.n_ends + 1


def _first_line_not_utf_8(chunks: Iterable[bytes], name: str) -> int | None:
    """Return the line of the first byte that is no UTF-8; None if all is, TableError for bytes that are in no text."""
    counter, line = _LineCounter(), None
    carried = b""  # the beginning of a letter
    for chunk in chain(chunks, [b""]):
        if b"\0" in chunk:
            raise TableError(f"{name} is not text (it has bytes of value 0); export the table as CSV.")
        if line is not None:
            continue
        piece = carried + chunk
        try:
            _text, n_read = codecs.utf_8_decode(piece, "strict", not chunk)
        except UnicodeDecodeError as error:
            line = counter.line_at(piece[: error.start])
            continue
        counter.add(piece[:n_read])
        carried = piece[n_read:]
    return line


def _latin(chunks: Iterable[bytes], first_line: int, name: str) -> Encoding:
    remedy = "save it again as CSV UTF-8"
    counter, undecodable = _LineCounter(), None
    carried = b""
    for chunk in chunks:
        piece = carried + chunk
        if UTF_8_LETTERS.search(piece):
            raise TableError(f"{name} mixes two encodings (UTF-8 and another, on line {first_line}); {remedy}.")
        carried = piece[1 - LONGEST_UTF_8_LETTER :]
        if undecodable is None:
            try:
                chunk.decode("cp1252")
            except UnicodeDecodeError as error:
                undecodable = counter.line_at(chunk[: error.start])
        counter.add(chunk)
    if undecodable is not None:
        raise TableError(f"{name}, line {undecodable}: a letter is neither UTF-8 nor Windows-1252; {remedy}.")
    return Encoding(
        "cp1252",
        f"Not UTF-8 (line {first_line}): read as Windows-1252 (latin-1). Look at the accented letters.",
    )


def _lines(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Split at CR, LF and CRLF alone, which is what `splitlines` of bytes does."""
    number, pending = 0, b""
    chunks = iter(chunks)
    for chunk in chunks:
        lines = (pending + chunk).splitlines(keepends=True)
        # the line may go on in the next chunk, or its end may: CR here, LF there
        pending = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            number += 1
            yield line
        if len(pending) > MOST_BYTES_OF_A_CHARACTER * MAX_LINE_CHARACTERS:
            raise TableError(too_long_sentence(name, number + 1, _n_characters(pending, chunks)))
    yield pending.rstrip(DOS_END)


def _n_characters(start: bytes, chunks: Iterable[bytes]) -> int:
    """Count the characters of a line that is too long to keep, to its end."""
    n_characters = 0
    for chunk in chain([start], chunks):
        line = re.split(rb"[\r\n]", chunk, maxsplit=1)[0]
        n_characters += len(line) - len(re.findall(rb"[\x80-\xbf]", line))  # those continue a character of UTF-8
        if len(line) < len(chunk):
            break
    return n_characters
