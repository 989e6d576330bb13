"""Parquet files: written out as CSV, so that one reader of matrices finds every wrong cell by its row and column."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pyarrow as pa
from pyarrow import csv, parquet

from labdb.registry.long_work import tick
from labdb.registry.text_streams import Source
from labdb.sequencing.count_cells import refusal
from labdb.sequencing.count_spool import disk_sentence, temporary_file

MAGIC = b"PAR1"
BATCH_ROWS = 2_000
MAX_CELLS = 3_000_000_000  # 60,000 genes x 50,000 samples; a few kB of Parquet can stand for more than the disk
NO_INDEX = "__index_level_0__"  # what pandas calls an index without a name


@contextmanager
def as_csv(file: Source, name: str) -> Iterator[IO[bytes]]:
    """Write a Parquet table as CSV into a temporary file, its column of names first.

    Raises
    ------
    CountFileError
        Damaged, without one column of names, or the disk cannot take the text.
    """
    with temporary_file() as text:
        try:
            _write(parquet.ParquetFile(pa.BufferReader(file) if isinstance(file, bytes) else file), name, text)
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # of the disk; Arrow's own errors have no number
                raise refusal(disk_sentence(error)) from error
            said = str(error).partition("\n")[0].rstrip(".")
            raise refusal(f"{name} is a damaged Parquet file ({said}); copy it again.") from error
        yield text


def _write(table: parquet.ParquetFile, name: str, text: IO[bytes]) -> None:
    schema = table.schema_arrow
    if (n_cells := table.metadata.num_rows * len(schema)) > MAX_CELLS:
        raise refusal(f"{name} has {n_cells:,} cells, more than {MAX_CELLS:,}; split it.")
    named = [one.name for one in schema if pa.types.is_string(one.type) or pa.types.is_large_string(one.type)]
    named += [one.name for one in schema if pa.types.is_dictionary(one.type)]
    if NO_INDEX in named or len(named) > 1:
        named = [one for one in named if one == NO_INDEX] or named
    if len(named) != 1:
        which = ", ".join(named[:5]) or "none"
        raise refusal(
            f"{name} must have one column of text, the genes (or samples), beside its numbers; it has {which}."
        )
    order = [named[0], *(one.name for one in schema if one.name != named[0])]
    options = csv.WriteOptions(include_header=True)
    head = pa.schema([pa.field("gene" if one == named[0] else one, _plain(schema.field(one).type)) for one in order])
    with csv.CSVWriter(pa.PythonFile(text, mode="w"), head, write_options=options) as writer:
        for number, batch in enumerate(table.iter_batches(batch_size=BATCH_ROWS, columns=order)):
            tick(number * BATCH_ROWS, table.metadata.num_rows, f"unpacking {name}")
            columns = [
                batch.column(batch.schema.get_field_index(one)).cast(head.field(at).type)
                for at, one in enumerate(order)
            ]
            writer.write_batch(pa.record_batch(columns, schema=head))


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the type that is written: names as text, everything else as it is."""
    return pa.string() if pa.types.is_dictionary(kind) or pa.types.is_large_string(kind) else kind
