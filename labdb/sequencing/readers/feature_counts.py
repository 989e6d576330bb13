"""featureCounts: a line on the program, then gene, place, length, and a column for each alignment file."""

from __future__ import annotations

from itertools import islice

from labdb.registry.text_tables import split_lines
from labdb.sequencing.count_cells import refusal
from labdb.sequencing.readers.columns import Layout, read_columns, shown_path
from labdb.sequencing.readers.detect import FEATURE_COUNTS_COLUMNS
from labdb.sequencing.readers.samples import SampleFile, whole_counts

GENE_ID = "Geneid"
HEADER_LINES = 10


def read_feature_counts(
    text: str, path: str, *, bundle_name: str, round_estimates: bool
) -> tuple[SampleFile, list[str]]:
    """Read one file, of one alignment or several; the second value names the columns that describe the gene.

    Columns of text that ``--extraAttributes`` adds are left out too: they stand before the first alignment file.
    """
    shown = shown_path(path, bundle_name)
    lines = [line.rstrip("\r\n") for line in islice(split_lines(text), HEADER_LINES)]
    header = next((number for number, line in enumerate(lines) if line.startswith(f"{GENE_ID}\t")), None)
    if header is None:
        raise refusal(f"{shown} has no line that begins with {GENE_ID}; copy the file again.")
    names = lines[header].split("\t")
    first = lines[header + 1].split("\t") if header + 1 < len(lines) else []
    described = [i for i, name in enumerate(names) if i and _describes(name, first, i)]
    counted = tuple(i for i in range(1, len(names)) if i not in described)
    if not counted:
        raise refusal(f"{shown} has no column of counts; run featureCounts with your alignment files.")
    layout = Layout("\t", header + 2, 0, counted, tuple(names[i] for i in counted), len(names))
    columns = read_columns(text, shown, layout, are_estimates=round_estimates)
    if not columns.ids:
        raise refusal(f"{shown} has a header but no genes; copy the file again.")
    counts, n_rounded = whole_counts(columns.numbers, shown)
    return SampleFile(path, columns.ids, counts, layout.names, (), n_rounded), [names[i] for i in described]


def _describes(name: str, first_row: list[str], column: int) -> bool:
    if name in FEATURE_COUNTS_COLUMNS:
        return True
    is_alignment = name.lower().endswith((".bam", ".sam", ".cram")) or "/" in name
    cell = first_row[column] if column < len(first_row) else ""
    return not is_alignment and name.startswith("gene_") and not cell.replace(".", "", 1).isdigit()
