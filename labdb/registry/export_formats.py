"""How rows are written: CSV and NDJSON by PostgreSQL itself, Parquet and XLSX from its CSV, a block at a time.

Each format is a statement and a writer that yields pieces of the file; no more than one block is in memory.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from labdb.registry.copy_out import CopyOut
from labdb.registry.export_columns import ExportColumn, ExportTable, Kind
from labdb.registry.xlsx_stream import xlsx_pieces

Facts = Mapping[str, str]
CHUNK_BYTES = 2**16
FIRST_S = 0.08  # until the header goes out by itself, though the first row is not found yet
GROUP_ROWS, GROUP_BYTES = 2**15, 2**22  # of a row group of Parquet
TEXTS = (Kind.TEXT, Kind.NAMES, Kind.JSON)
# What a spreadsheet would run: at the start of a cell, or of what it takes for one where semicolons or tabs divide.
FORMULA = r"(^|[;\t\r\n])\s*[=+\-@\t\r＝＋－＠]"
ARROW_TYPES = {
    Kind.NUMBER: pa.float64(), Kind.WHOLE: pa.int64(), Kind.YES_NO: pa.bool_(), Kind.DAY: pa.date32(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"), Kind.TIME: pa.time64("us"),
}  # fmt: skip


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes
    ----------
    label : str
        What a menu calls it.
    statement : callable
        (table, whether it is for a spreadsheet) -> the COPY statement.
    pieces : callable
        (table, running COPY, facts, whether it is for a spreadsheet) -> the file, piece by piece.
    """

    label: str
    content_type: str
    statement: Callable[[ExportTable, bool], str]
    pieces: Callable[[ExportTable, CopyOut, Facts, bool], Iterator[bytes]]


def _copied(cells: str, table: ExportTable, options: str = "") -> str:
    return f"COPY (SELECT {cells} FROM {table.sql}) TO STDOUT WITH (FORMAT csv{options})"  # noqa: S608


# ---- CSV ----


def _csv_statement(table: ExportTable, for_excel: bool) -> str:
    cells = (
        _without_formula(f"column_{at}") if for_excel and column.kind in TEXTS else f"column_{at}"
        for at, column in enumerate(table.columns)
    )
    return _copied(", ".join(cells), table)


def _without_formula(cell: str) -> str:
    """Return SQL of a text that no spreadsheet runs: an apostrophe stands before what it would run."""
    return rf"regexp_replace({cell}::text, E'(^|[;\t\r\n])(\\s*[=+@\t\r＝＋－＠-])', E'\\1''\\2', 'g')"


def _csv_pieces(table: ExportTable, copy: CopyOut, facts: Facts, for_excel: bool) -> Iterator[bytes]:
    names = table.names
    if for_excel:
        names = [re.sub(FORMULA, lambda found: f"{found[1]}'{found[0][len(found[1]) :]}", name) for name in names]
    head = io.StringIO(newline="")
    csv.writer(head, lineterminator="\n").writerow(names)
    first, _lines = copy.block(CHUNK_BYTES, patience_s=FIRST_S)
    yield head.getvalue().encode() + first
    yield from _blocks(copy)


def _blocks(copy: CopyOut) -> Iterator[bytes]:
    while not copy.is_over:
        block, _lines = copy.block(CHUNK_BYTES)
        if block:
            yield bytes(block)


# ---- NDJSON ----


def _ndjson_statement(table: ExportTable, for_excel: bool) -> str:
    """Return one text a row; quote and delimiter are control characters, which JSON escapes: nothing is quoted."""
    return _copied(json_of_row(table), table, r", QUOTE E'\x01', DELIMITER E'\x02'")


def json_of_row(table: ExportTable) -> str:
    """Return SQL of a row as one JSON object; no function, of which a row takes a hundred arguments at most."""
    members = (f"{_key(column, at)} || {_json(column, at)}" for at, column in enumerate(table.columns))
    return " || ".join(members) + " || '}'"


def _key(column: ExportColumn, at: int) -> str:
    key = json.dumps(column.name, ensure_ascii=False).replace("'", "''")
    return f"'{'{' if at == 0 else ','}{key}:'"


def _json(column: ExportColumn, at: int) -> str:
    cell = f"column_{at}"
    if column.kind == Kind.NAMES:
        return f"to_json(COALESCE(string_to_array({cell}, '; '), '{{}}'))::text"
    value = f"{cell}::boolean" if column.kind == Kind.YES_NO else cell
    return f"COALESCE(to_json({value})::text, 'null')"


def _ndjson_pieces(table: ExportTable, copy: CopyOut, facts: Facts, for_excel: bool) -> Iterator[bytes]:
    first, _lines = copy.block(CHUNK_BYTES, patience_s=FIRST_S)
    yield bytes(first)
    yield from _blocks(copy)


# ---- Parquet ----


def _plain_statement(table: ExportTable, for_excel: bool) -> str:
    return _copied(", ".join(f"column_{at}" for at in range(len(table.columns))), table)


class Pipe(io.RawIOBase):
    """What a writer writes, to be taken away piece by piece; it cannot go back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        """Whether it can be written: that is all."""
        return True

    def tell(self) -> int:
        """Return how much was written."""
        return self._at

    def write(self, data: Any) -> int:
        """Keep what is written until it is taken."""
        self._pieces.append(bytes(data))
        self._at += len(self._pieces[-1])
        return len(self._pieces[-1])

    def take(self) -> bytes:
        """Return what was written since it was last taken."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _parquet_pieces(table: ExportTable, copy: CopyOut, facts: Facts, for_excel: bool) -> Iterator[bytes]:
    kinds = {f"column_{at}": ARROW_TYPES.get(one.kind, pa.string()) for at, one in enumerate(table.columns)}
    names = _different(table.names)
    about = {f"labdb.{name}": value for name, value in facts.items()}
    schema = pa.schema([pa.field(name, kind) for name, kind in zip(names, kinds.values(), strict=True)], about)
    read = arrow_csv.ReadOptions(use_threads=False, column_names=list(kinds), block_size=2 * GROUP_BYTES)
    parse = arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    # null is an empty cell, "" an empty text; COPY tells them apart
    convert = arrow_csv.ConvertOptions(
        column_types=kinds, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
        true_values=["true"], false_values=["false"],
    )  # fmt: skip
    first, count = copy.block(GROUP_BYTES, GROUP_ROWS, patience_s=FIRST_S)
    pipe = Pipe()
    with pq.ParquetWriter(pa.PythonFile(pipe, "w"), schema, compression="zstd", compression_level=1) as writer:
        yield pipe.take()
        while count or not copy.is_over:
            more, n_more = copy.block(GROUP_BYTES - len(first), GROUP_ROWS - count)
            first += more
            if count + n_more:
                found = arrow_csv.read_csv(pa.BufferReader(pa.py_buffer(first)), read, parse, convert)
                writer.write_table(pa.Table.from_arrays(found.columns, schema=schema))
            first, count = bytearray(), 0
            yield pipe.take()
    yield pipe.take()


def _different(names: list[str]) -> list[str]:
    """Return names of which none stands twice."""
    return [name if name not in names[:at] else f"{name} {at + 1}" for at, name in enumerate(names)]


# ---- XLSX ----


def _xlsx_pieces(table: ExportTable, copy: CopyOut, facts: Facts, for_excel: bool) -> Iterator[bytes]:
    def rows() -> Iterator[list[list[str]]]:
        first, _lines = copy.block(CHUNK_BYTES, patience_s=FIRST_S)
        yield _read(first)
        while not copy.is_over:
            block, _lines = copy.block(CHUNK_BYTES)
            yield _read(block)

    return xlsx_pieces(table.names, [column.kind for column in table.columns], rows(), facts, Pipe())


def _read(block: bytearray) -> list[list[str]]:
    # a single cell that is not known is an empty line
    return [row or [""] for row in csv.reader(io.StringIO(block.decode(), newline=""))]


FORMATS: dict[str, Format] = {
    "csv": Format("CSV", "text/csv; charset=utf-8", _csv_statement, _csv_pieces),
    "parquet": Format("Parquet", "application/vnd.apache.parquet", _plain_statement, _parquet_pieces),
    "ndjson": Format("NDJSON", "application/x-ndjson", _ndjson_statement, _ndjson_pieces),
    "xlsx": Format(
        "XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _plain_statement, _xlsx_pieces
    ),
}
