"""Count files as quantifiers and spreadsheets write them: one table of genes x samples, or every error."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from labdb.registry.text_streams import Source, TableError, TextFile
from labdb.sequencing.count_cells import refusal
from labdb.sequencing.count_matrix import CountSource, ParsedMatrix, read_matrix

MAX_UNPACKED_BYTES = 20_000_000_000  # 60,000 genes x 50,000 samples; read line by line, so a limit against bombs
FEATURE_COUNTS_COLUMNS = frozenset({"Chr", "Start", "End", "Strand", "Length"})
SINGLE_SAMPLE_FILES = {  # header cells that only one quantifier writes -> what it is
    frozenset({"TPM", "NumReads"}): "salmon's estimates for one sample",
    frozenset({"est_counts", "tpm"}): "kallisto's estimates for one sample",
    frozenset({"expected_count", "TPM"}): "RSEM's estimates for one sample",
}

Reader = Callable[[TextFile, CountSource], ParsedMatrix]
READERS: dict[str, Reader] = {  # a folder of per-sample files will be one more
    "matrix": read_matrix,
    "featurecounts": partial(read_matrix, left_out=FEATURE_COUNTS_COLUMNS),
    "htseq": partial(read_matrix, may_lack_header=True),
}


@dataclass(frozen=True, eq=False)
class CountTable:
    """Counts of one file: ``counts`` has genes in rows and columns as the file names them, int32."""

    counts: pd.DataFrame
    gene_ids: tuple[str, ...]
    column_names: tuple[str, ...]
    notes: tuple[str, ...]
    sha256: str
    format: str


def read_counts(
    file: Source | str,
    *,
    name: str = "",
    round_estimates: bool = False,
    transpose: bool = False,
    format: str = "auto",
    known_samples: Collection[str] = (),
) -> CountTable:
    """Read a file of counts.

    Parameters
    ----------
    file : path, binary file or bytes
        Read line by line, never whole in memory; gzip is unpacked.
    name : str
        The file's name for the sentences; by default that of the path.
    round_estimates : bool
        Round estimated counts to the nearest integer; without it they are errors.
    transpose : bool
        The file has samples in rows.
    format : str
        ``auto`` or a key of `READERS`: which program wrote it.
    known_samples : collection of str
        Names known to be samples; tells samples in rows even where a file is small.

    Returns
    -------
    CountTable
        Its ``sha256`` is of the file as given, packed if it was packed.

    Raises
    ------
    CountFileError
        With every error found; nothing of a file with an error is returned.
    """
    try:
        file = Path(file) if isinstance(file, str) else file
        name = name or (file.name if isinstance(file, Path) else "The file")
        text = TextFile(file, name, MAX_UNPACKED_BYTES)
        format = detect_format(text) if format == "auto" else format
        if format not in READERS:
            raise refusal(f"'{format}' is no format of counts; choose auto, {', '.join(READERS)}.")
        source = CountSource(name, round_estimates, transpose, frozenset(known_samples))
        parsed = READERS[format](text, source)
    except TableError as error:
        raise refusal(str(error)) from None
    counts = pd.DataFrame(parsed.counts, index=parsed.row_ids, columns=parsed.column_names, copy=False)
    if transpose:
        counts = counts.T
    return CountTable(
        counts=counts,
        gene_ids=tuple(counts.index),
        column_names=tuple(counts.columns),
        notes=(*filter(None, [text.encoding.note]), *parsed.notes),
        sha256=text.sha256,
        format=format,
    )


def detect_format(text: TextFile) -> str:
    """Tell which program wrote the counts, by what only it writes; refuse files of a single sample."""
    first_line = next(text.lines(), "")
    if first_line.startswith("# Program:featureCounts"):
        return "featurecounts"
    if first_line.startswith("N_unmapped\t"):
        raise refusal(
            f"{text.name} is STAR's ReadsPerGene of one sample, one column for each strandedness; "
            "join the column that fits your library kit over all samples into one matrix."
        )
    header = {cell.strip(' "\r\n') for cell in first_line.split("\t")}
    for signature, what in SINGLE_SAMPLE_FILES.items():
        if signature <= header:
            raise refusal(f"{text.name} holds {what}; join all samples to one matrix by gene (tximport) first.")
    return "htseq" if any("__no_feature" in line for line in text.lines()) else "matrix"
