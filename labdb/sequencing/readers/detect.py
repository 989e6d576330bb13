"""Which program wrote a file, by what only it writes: never by the file's name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from labdb.registry.text_tables import sniff_delimiter, split_lines

STAR, HTSEQ, FEATURE_COUNTS, MATRIX, MTX = "star", "htseq", "featurecounts", "matrix", "mtx"
SALMON, KALLISTO, RSEM, TXIMPORT = "salmon", "kallisto", "rsem", "tximport"
ESTIMATES = (SALMON, KALLISTO, RSEM)
PER_SAMPLE = (STAR, HTSEQ, FEATURE_COUNTS, *ESTIMATES)
H5AD, PARQUET = "h5ad", "parquet"
FORMATS = (MATRIX, TXIMPORT, *PER_SAMPLE, MTX, H5AD, PARQUET)

SIGNATURES = {  # header cells that only one quantifier writes
    SALMON: frozenset({"Name", "TPM", "NumReads"}),
    KALLISTO: frozenset({"target_id", "est_counts", "tpm"}),
    RSEM: frozenset({"gene_id", "expected_count", "TPM"}),
}
FEATURE_COUNTS_COLUMNS = frozenset({"Chr", "Start", "End", "Strand", "Length"})
# what the quantifiers write beside their counts: read by nobody here, told as left out
SIDE_FILES = re.compile(
    r"\.(json|log|html|pdf|png|svg|md|md5|sha256|bam|bai|cram|h5|summary|yml|yaml|sh)$"
    r"|(^|/)(SJ\.out\.tab|Log\.(final\.)?out|Log\.progress\.out|README.*|MANIFEST.*)$"
    r"|(SJ\.out\.tab|Log\.(final\.|progress\.)?out)$"
    r"|(^|/)(aux_info|libParams|logs|_STARpass1|_STARgenome)/",
    re.IGNORECASE,
)
HEAD_LINES = 12
COUNTS_OF_TXIMPORT = "counts."


def detect(lines: Iterable[str]) -> str:
    """Return the format of a file by its lines; what no program's mark is found in is a matrix."""
    lines = iter(lines)
    first = next((line.rstrip("\r\n") for line in lines if line.strip()), "")
    if first.startswith("%%MatrixMarket"):
        return MTX
    if first.startswith("# Program:featureCounts"):
        return FEATURE_COUNTS
    if first.startswith("N_unmapped\t") and len(first.split("\t")) == 4:
        return STAR
    tabbed = {cell.strip(' "') for cell in first.split("\t")}
    for name, signature in SIGNATURES.items():
        if signature <= tabbed:
            return name
    if tabbed >= FEATURE_COUNTS_COLUMNS:
        return FEATURE_COUNTS
    if is_tximport(first):
        return TXIMPORT
    return HTSEQ if "__no_feature" in first or any("__no_feature" in line for line in lines) else MATRIX


def is_tximport(header: str) -> bool:
    """Tell the table of an R ``tximport`` list: counts, abundance and length of every sample side by side."""
    cells = _header_cells(header)
    return all(any(cell.startswith(prefix) for cell in cells) for prefix in (COUNTS_OF_TXIMPORT, "abundance."))


def columns_beside_counts(header: str) -> frozenset[str]:
    """Return the columns of a ``tximport`` table that are no counts."""
    return frozenset(cell for cell in _header_cells(header) if cell and not cell.startswith(COUNTS_OF_TXIMPORT))


def _header_cells(header: str) -> list[str]:
    return [cell.strip(' "\r\n') for cell in header.split(sniff_delimiter(header))]


def is_one_sample(text: str) -> bool:
    """Whether a file has ids and one column of numbers: the least that a file of one sample has."""
    return all(len(cells) == 2 for cells in _first_rows(text))


def lacks_header(text: str) -> bool:
    """Whether a file begins with a gene and its count."""
    first = next(iter(_first_rows(text)), [""])
    return is_number(first[-1])


def is_number(cell: str) -> bool:
    """Whether a cell is a number, so that its line is no header."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _first_rows(text: str) -> list[list[str]]:
    lines = [line.rstrip("\r\n") for line in islice(split_lines(text), HEAD_LINES)]
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    delimiter = sniff_delimiter("\n".join(lines))
    return [line.split(delimiter) for line in lines]
