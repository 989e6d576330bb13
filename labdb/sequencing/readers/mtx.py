"""The three files of a sparse matrix, as 10x and STARsolo write them: numbers, names of rows, names of columns."""

from __future__ import annotations

import io
import re
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd

from labdb.registry.text_tables import split_lines
from labdb.sequencing.count_cells import MAX_COUNT, refusal
from labdb.sequencing.readers.columns import listed
from labdb.sequencing.readers.samples import Joined

ROWS = re.compile(r"(features|genes)\.tsv$", re.IGNORECASE)
COLUMNS = re.compile(r"(barcodes|samples|cells)\.tsv$", re.IGNORECASE)
GENES_OF_10X = "Gene Expression"
MAX_CELLS = 1_000_000_000  # 60,000 genes x 16,000 samples; more are single cells, which labdb does not store
BANNER = re.compile(r"%%MatrixMarket\s+matrix\s+coordinate\s+(integer|real)\s+general\s*", re.IGNORECASE)


def read_mtx(texts: dict[str, str], bundle_name: str, *, round_estimates: bool) -> Joined:
    """Read a bundle of matrix, features and barcodes; ``texts`` are the decoded files by path, without ``.gz``.

    Raises
    ------
    CountFileError
        A file of the three is missing, or they do not fit each other.
    """
    matrix = [path for path, text in texts.items() if text.startswith("%%MatrixMarket")]
    rows = [path for path in texts if ROWS.search(PurePosixPath(path).name)]
    columns = [path for path in texts if COLUMNS.search(PurePosixPath(path).name)]
    if not (len(matrix) == len(rows) == len(columns) == 1):
        raise refusal(
            f"{bundle_name} has {len(matrix)} matrix files (.mtx), {len(rows)} of features or genes and {len(columns)} of "
            "barcodes; send one of each: matrix.mtx, features.tsv and barcodes.tsv."
        )
    others = sorted(set(texts) - {*matrix, *rows, *columns})
    if others:
        raise refusal(f"{bundle_name} also holds {listed(others)}, no part of an MTX matrix; take it out.")
    features = [line.split("\t") for line in _lines(texts[rows[0]])]
    names = [line.split("\t")[0].strip() for line in _lines(texts[columns[0]])]
    counts, n_rounded = _dense(texts[matrix[0]], matrix[0], round_estimates)
    counts = _fitted(counts, len(features), len(names), (matrix[0], rows[0], columns[0]))
    notes = [f"Rounded {n_rounded:,} of {counts.size:,} estimates to whole counts."] if n_rounded else []
    is_gene = np.array([len(f) < 3 or f[2].strip() == GENES_OF_10X for f in features])
    if not is_gene.all():
        notes.append(f"Left out {np.count_nonzero(~is_gene):,} features that are no genes (antibodies, guides).")
    gene_ids = [f[0].strip() for f, kept in zip(features, is_gene, strict=True) if kept]
    return Joined(gene_ids, names, counts[is_gene], notes)


def _lines(text: str) -> list[str]:
    return [line.rstrip("\r\n") for line in split_lines(text) if line.strip()]


def _dense(text: str, path: str, round_estimates: bool) -> tuple[npt.NDArray[np.int32], int]:
    lines = split_lines(text)
    banner = next(lines)
    if not BANNER.fullmatch(banner.rstrip("\r\n")):
        raise refusal(
            f"{path} is an MTX file of another kind ({banner.strip()}); write it as 'matrix coordinate integer general'."
        )
    offset, sizes = len(banner), ""
    for line in lines:
        offset += len(line)
        if line.strip() and not line.startswith("%"):
            sizes = line
            break
    shape = sizes.split()
    if len(shape) != 3 or not all(part.isdigit() for part in shape):
        raise refusal(f"{path} has no line of rows, columns and entries below its banner; copy the file again.")
    n_rows, n_columns, n_entries = map(int, shape)
    if n_rows * n_columns > MAX_CELLS:
        raise refusal(
            f"{path} has {n_rows:,} x {n_columns:,} cells; these are single cells, and labdb stores samples: sum them first."
        )
    return _filled(_entries(text[offset:], path, n_entries), (n_rows, n_columns), path, round_estimates)


def _entries(body: str, path: str, n_entries: int) -> npt.NDArray[np.float64]:
    try:
        frame = pd.read_csv(io.StringIO(body), sep=r"\s+", header=None, dtype=np.float64, na_filter=False, comment="%")
        entries = frame.to_numpy(dtype=np.float64)
    except pd.errors.EmptyDataError:
        entries = np.empty((0, 3))
    except (ValueError, pd.errors.ParserError) as error:
        raise refusal(
            f"{path} has an entry that is not three numbers (row, column, count); copy the file again."
        ) from error
    if entries.shape[1] != 3 or len(entries) != n_entries:
        raise refusal(
            f"{path} announces {n_entries:,} entries of three numbers and has {len(entries):,} of {entries.shape[1]}; "
            "it was cut short or put together wrongly, copy it again."
        )
    return entries


def _filled(
    entries: npt.NDArray[np.float64], shape: tuple[int, int], path: str, round_estimates: bool
) -> tuple[npt.NDArray[np.int32], int]:
    places, values = entries[:, :2] - 1, entries[:, 2]
    outside = np.flatnonzero(((places < 0) | (places >= shape) | (places != np.rint(places))).any(axis=1))
    if len(outside):
        row, column = entries[outside[0], :2]
        raise refusal(
            f"{path} has a count at {row:g}, {column:g}, outside its {shape[0]:,} x {shape[1]:,}; write it again."
        )
    rounded = np.rint(values)
    wrong = np.flatnonzero(~np.isfinite(values) | (values < 0) | (rounded > MAX_COUNT))
    if len(wrong):
        row, column, value = entries[wrong[0]]
        raise refusal(
            f"{path}, row {row:g}, column {column:g}: {value:g} is no count; export raw counts, not scaled values."
        )
    n_rounded = int(np.count_nonzero(rounded != values))
    if n_rounded and not round_estimates:
        row, column, value = entries[np.flatnonzero(rounded != values)[0]]
        raise refusal(
            f"{path}, row {row:g}, column {column:g}: {value:g} is not a whole number, and {n_rounded - 1:,} more; "
            "export raw counts, or round with --round if these are estimates."
        )
    at = places.astype(np.intp)
    if len(np.unique(at[:, 0] * shape[1] + at[:, 1])) < len(at):
        raise refusal(f"{path} gives a count for one gene and sample twice; write it again.")
    counts = np.zeros(shape, dtype=np.int32)
    counts[at[:, 0], at[:, 1]] = rounded
    return counts, n_rounded


def _fitted(
    counts: npt.NDArray[np.int32], n_features: int, n_names: int, paths: tuple[str, str, str]
) -> npt.NDArray[np.int32]:
    """Return genes x samples, or refuse a matrix that the names do not fit."""
    if counts.shape == (n_features, n_names):
        return counts
    if counts.shape == (n_names, n_features):  # as scanpy writes it
        return counts.T
    matrix, rows, columns = paths
    raise refusal(
        f"{matrix} has {counts.shape[0]:,} rows and {counts.shape[1]:,} columns, but {rows} names {n_features:,} features "
        f"and {columns} {n_names:,} samples; send the three files of one matrix."
    )
