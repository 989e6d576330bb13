"""Counts as plain files for other programs: Parquet, a packed CSV, and the three files of a sparse matrix."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.analyst_export import AnalystExport
from labdb.registry.export_formats import Pipe

GENES_AT_ONCE = 2_000


def parquet_of_counts(export: AnalystExport) -> Iterator[bytes]:
    """Yield genes x libraries; what is known of samples and counts stands in the file's metadata, as JSON and text."""
    about = {f"labdb.{name}": value for name, value in told(export).items()}
    about["labdb.samples"] = export.samples.to_json(orient="index", double_precision=15)
    libraries = [str(code) for code in export.counts.columns]
    schema = pa.schema(
        [("gene_id", pa.string()), ("symbol", pa.string()), *((code, pa.int32()) for code in libraries)], metadata=about
    )
    pipe = Pipe()
    with pq.ParquetWriter(pa.PythonFile(pipe, "w"), schema, compression="zstd") as writer:
        for genes, counts in _blocks(export):
            names = [pa.array(genes.index.astype(str)), pa.array(genes["symbol"].astype(str))]
            writer.write_table(
                pa.Table.from_arrays([*names, *(pa.array(column) for column in counts.T)], schema=schema)
            )
            yield pipe.take()
    yield pipe.take()


def csv_gz_of_counts(export: AnalystExport) -> Iterator[bytes]:
    """Yield genes x libraries as packed CSV; the first column is gene_id, and the import reads it again."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    header = pd.DataFrame(columns=["gene_id", *export.counts.columns]).to_csv(index=False, lineterminator="\n")
    yield packer.compress(header.encode())
    for genes, counts in _blocks(export):
        frame = pd.DataFrame(counts, index=genes.index)
        yield packer.compress(frame.to_csv(header=False, lineterminator="\n").encode())
    yield packer.flush()


def mtx_of_counts(export: AnalystExport) -> Iterator[bytes]:
    """Yield a zip of matrix, features and barcodes, named and packed as 10x does; facts are comments of the matrix."""
    counts = export.counts.to_numpy()
    head = "%%MatrixMarket matrix coordinate integer general\n"
    comments = "".join(f"%{name}: {' '.join(value.split())}\n" for name, value in told(export).items())
    sizes = f"{counts.shape[0]} {counts.shape[1]} {np.count_nonzero(counts)}\n"
    features = "".join(
        f"{gene}\t{symbol}\tGene Expression\n"
        for gene, symbol in zip(export.genes.index, export.genes["symbol"], strict=True)
    )
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("features.tsv.gz", gzip.compress(features.encode()))
        archive.writestr("barcodes.tsv.gz", gzip.compress("".join(f"{c}\n" for c in export.counts.columns).encode()))
        with archive.open("matrix.mtx.gz", "w", force_zip64=True) as member:
            packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
            member.write(packer.compress((head + comments + sizes).encode()))
            for start in range(0, len(counts), GENES_AT_ONCE):
                block = counts[start : start + GENES_AT_ONCE]
                gene, library = np.nonzero(block)
                entries = pd.DataFrame({"gene": gene + start + 1, "library": library + 1, "n": block[gene, library]})
                text = entries.to_csv(sep=" ", header=False, index=False, lineterminator="\n")
                member.write(packer.compress(text.encode()))
                yield pipe.take()
            member.write(packer.flush())
    yield pipe.take()


def told(export: AnalystExport) -> dict[str, str]:
    """Return what is said beside the counts."""
    return {**export.provenance, **({"notes": " ".join(export.notes)} if export.notes else {})}


def _blocks(export: AnalystExport) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    counts = export.counts.to_numpy()
    for start in range(0, max(len(counts), 1), GENES_AT_ONCE):
        yield export.genes.iloc[start : start + GENES_AT_ONCE], counts[start : start + GENES_AT_ONCE]
