"""Count files as quantifiers and spreadsheets write them: one table of genes x samples, or every error."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from labdb.registry.text_streams import Source, TableError, TextFile, digest_of, start_of
from labdb.registry.text_tables import split_lines
from labdb.sequencing.count_cells import MAX_LISTED_ERRORS, CellError, CountFileError, quoted, refusal
from labdb.sequencing.count_matrix import CountSource, ParsedMatrix, read_matrix
from labdb.sequencing.excel_names import excel_complaint, is_made_by_excel
from labdb.sequencing.readers import h5ad, parquet
from labdb.sequencing.readers.bundle import Bundle, open_archive, read_folder
from labdb.sequencing.readers.bundles import BundleChoices, decode_members, format_of, read_samples
from labdb.sequencing.readers.detect import (
    COUNTS_OF_TXIMPORT,
    FEATURE_COUNTS,
    FEATURE_COUNTS_COLUMNS,
    FORMATS,
    H5AD,
    HTSEQ,
    MATRIX,
    MTX,
    PARQUET,
    STAR,
    TXIMPORT,
    columns_beside_counts,
    detect,
)
from labdb.sequencing.readers.estimates import TranscriptGenes
from labdb.sequencing.readers.htseq import has_attributes, has_several_samples
from labdb.sequencing.readers.samples import Joined, refuse_repeated_genes

MAX_UNPACKED_BYTES = 20_000_000_000  # 60,000 genes x 50,000 samples; read line by line, so a limit against bombs
MAX_BUNDLE_BYTES = 2_000_000_000  # 60,000 genes x 2,000 samples; files of one sample are unpacked in memory
TABLES = (MATRIX, HTSEQ, FEATURE_COUNTS, TXIMPORT)  # what one file may hold all samples of


@dataclass(frozen=True, eq=False)
class CountTable:
    """Counts of one file or bundle: ``counts`` has genes in rows and columns as the file names them, int32."""

    counts: pd.DataFrame
    gene_ids: tuple[str, ...]
    column_names: tuple[str, ...]
    notes: tuple[str, ...]
    sha256: str
    format: str
    strandedness: str = ""
    n_summed_genes: int = 0


@dataclass(frozen=True)
class _Choices:
    round_estimates: bool
    transpose: bool
    format: str
    known_samples: frozenset[str]
    strandedness: str
    sum_duplicates: bool
    transcripts: TranscriptGenes | None
    layer: str

    @property
    def of_bundle(self) -> BundleChoices:
        return BundleChoices(self.round_estimates, self.strandedness, self.sum_duplicates, self.transcripts)


@dataclass(frozen=True, eq=False)
class _Read:
    """What a reader found, genes in rows, beside the format that was found."""

    frame: pd.DataFrame
    notes: list[str]
    format: str
    sha256: str


def read_counts(
    file: Source | str,
    *,
    name: str = "",
    round_estimates: bool = False,
    transpose: bool = False,
    format: str = "auto",
    known_samples: Collection[str] = (),
    strandedness: str = "",
    sum_duplicates: bool = False,
    transcripts: TranscriptGenes | None = None,
    layer: str = "",
) -> CountTable:
    """Read a file of counts, or a folder or archive with a file for each sample.

    Parameters
    ----------
    file : path, binary file or bytes
        A file, read line by line and never whole in memory, or a folder; gzip, zip and tar are unpacked.
    name : str
        The file's name for the sentences; by default that of the path.
    round_estimates : bool
        Round estimated counts to the nearest integer; without it they are errors.
    transpose : bool
        A matrix has samples in rows; where that is plain it is found without being said.
    format : str
        ``auto`` or one of `FORMATS`: which program wrote it.
    known_samples : collection of str
        Names known to be samples; tells samples in rows even where a file is small.
    strandedness : str
        The column to take of STAR's files; without it they are refused with the evidence.
    sum_duplicates : bool
        Add up the counts of a gene that stands on several lines; without it they are errors.
    transcripts : TranscriptGenes, optional
        The gene of each transcript, for estimates by transcript.
    layer : str
        Which matrix of an h5ad file: ``X`` (by default), ``raw`` or a layer.

    Returns
    -------
    CountTable
        Its ``sha256`` is of the file as given, packed if it was packed; of a folder or archive it is of
        the names and contents of its files, however they were packed.

    Raises
    ------
    CountFileError
        With every error found; nothing of a file with an error is returned.
    """
    choices = _Choices(
        round_estimates, transpose, format, frozenset(known_samples), strandedness, sum_duplicates, transcripts, layer
    )
    if format not in ("auto", *FORMATS):
        raise refusal(f"{quoted(format)} is no format of counts; choose auto, {', '.join(FORMATS)}.")
    try:
        read = _read(Path(file) if isinstance(file, str) else file, name, choices)
    except TableError as error:
        raise refusal(str(error)) from None
    return _table_of(read, strandedness if read.format == STAR else "")


def _read(file: Source, name: str, choices: _Choices) -> _Read:
    if isinstance(file, Path) and file.is_dir():
        return _read_bundle(read_folder(file, MAX_BUNDLE_BYTES), choices)
    name = name or (file.name if isinstance(file, Path) else "The file")
    start = start_of(file, name)
    if start.startswith(h5ad.MAGIC):
        joined = h5ad.read_h5ad(file, name, layer=choices.layer, round_estimates=choices.round_estimates)
        if not choices.sum_duplicates:
            refuse_repeated_genes(joined.gene_ids, name)
        return _checked(joined, [], H5AD, digest_of(file, name), name)
    if start.startswith(parquet.MAGIC):
        with parquet.as_csv(file, name) as csv:
            read = _read_text(TextFile(csv, name, MAX_UNPACKED_BYTES), MATRIX, choices, [], digest_of(file, name))
        return replace(read, format=PARQUET)
    if choices.format in (H5AD, PARQUET):
        raise refusal(f"{name} is no {choices.format} file by its content; choose auto, or another file.")
    bundle = open_archive(file, name, MAX_BUNDLE_BYTES)
    if bundle is not None:
        return _read_bundle(bundle, choices)
    text = TextFile(file, name, MAX_UNPACKED_BYTES)
    format = detect(text.lines("telling the format of")) if choices.format == "auto" else choices.format
    if format == MTX:
        raise refusal(
            f"{name} is an MTX matrix without its names; send matrix.mtx, features.tsv and barcodes.tsv together."
        )
    return _read_text(text, format, choices, [*filter(None, [text.encoding.note])], text.sha256)


def _read_bundle(bundle: Bundle, choices: _Choices) -> _Read:
    texts, notes = decode_members(bundle, MAX_BUNDLE_BYTES)
    format = format_of(texts, bundle.name, choices.format)
    path, text = next(iter(texts.items()))
    is_table = format in (MATRIX, TXIMPORT)
    if is_table and len(texts) > 1:
        raise refusal(f"{bundle.name} holds {len(texts):,} files, and a matrix is one; import each by itself.")
    if is_table or (format == HTSEQ and len(texts) == 1 and has_several_samples(split_lines(text))):
        return _read_text(TextFile(text.encode(), path), format, choices, notes, bundle.sha256)
    joined = read_samples(texts, bundle.name, format, choices.of_bundle)
    return _checked(joined, notes, format, bundle.sha256, bundle.name)


def _read_text(text: TextFile, format: str, choices: _Choices, notes: list[str], sha256: str) -> _Read:
    """Read one file: a table of all samples, or of one sample."""
    if format not in TABLES or (format == HTSEQ and has_attributes(text.lines())):
        joined = read_samples({text.name: "".join(text.lines())}, text.name, format, choices.of_bundle)
        return _checked(joined, notes, format, sha256, text.name)
    source = CountSource(
        text.name, choices.round_estimates, choices.transpose, choices.known_samples, choices.sum_duplicates
    )
    parsed = _parse_table(text, format, source)
    frame = pd.DataFrame(parsed.counts, index=parsed.row_ids, columns=parsed.column_names, copy=False)
    if parsed.genes_in_columns:
        frame = frame.T
    return _Read(frame, [*notes, *parsed.notes], format, sha256)


def _parse_table(text: TextFile, format: str, source: CountSource) -> ParsedMatrix:
    if format == FEATURE_COUNTS:
        return read_matrix(text, source, left_out=FEATURE_COUNTS_COLUMNS)
    if format != TXIMPORT:
        return read_matrix(text, source, may_lack_header=format == HTSEQ)
    parsed = read_matrix(text, source, left_out=columns_beside_counts(next(text.lines())))
    names = [name.removeprefix(COUNTS_OF_TXIMPORT) for name in parsed.column_names]
    return ParsedMatrix(parsed.row_ids, names, parsed.counts, parsed.notes, parsed.genes_in_columns)


def _checked(joined: Joined, notes: list[str], format: str, sha256: str, name: str) -> _Read:
    """Refuse ids that went through Excel; the reader of matrices says so by line."""
    errors = [
        CellError(None, None, gene, f"{name}: {excel_complaint(quoted(gene), gene)}")
        for gene in joined.gene_ids
        if is_made_by_excel(gene)
    ]
    if errors:
        raise CountFileError(errors[:MAX_LISTED_ERRORS], len(errors))
    frame = pd.DataFrame(joined.counts, index=joined.gene_ids, columns=joined.column_names, copy=False)
    return _Read(frame, [*notes, *joined.notes], format, sha256)


def _table_of(read: _Read, strandedness: str) -> CountTable:
    counts, n_summed = sum_repeated_genes(read.frame)
    notes = list(read.notes)
    if n_summed:
        notes.append(f"Added up the counts of {n_summed:,} genes that stood on several lines.")
    return CountTable(
        counts=counts,
        gene_ids=tuple(counts.index),
        column_names=tuple(counts.columns),
        notes=tuple(notes),
        sha256=read.sha256,
        format=read.format,
        strandedness=strandedness,
        n_summed_genes=n_summed,
    )


def sum_repeated_genes(counts: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Add up rows of one id, in the order they first stand; the second value is how many genes stood several times.

    Raises
    ------
    CountFileError
        A sum is more than can be stored.
    """
    if counts.index.is_unique:
        return counts, 0
    repeated = counts.index[counts.index.duplicated(keep=False)]
    sums = counts.loc[counts.index.isin(repeated)].astype(np.int64).groupby(level=0, sort=False).sum()
    if (sums > np.iinfo(np.int32).max).any(axis=None):
        gene = sums.index[(sums > np.iinfo(np.int32).max).any(axis=1)][0]
        raise refusal(f"The counts of {quoted(gene)} add up to more than can be stored; export by gene id.")
    summed = counts[~counts.index.duplicated(keep="first")].copy()
    summed.loc[sums.index] = sums.astype(np.int32)
    return summed, len(sums)
