"""HTSeq-count: a gene and its count on every line, perhaps attributes between them, a header, and ``__`` rows last."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np

from labdb.registry.text_tables import sniff_delimiter, split_lines
from labdb.sequencing.count_cells import refusal
from labdb.sequencing.readers.columns import Layout, read_columns, shown_path
from labdb.sequencing.readers.detect import is_number
from labdb.sequencing.readers.samples import SampleFile, whole_counts

SUMMARY_PREFIX = "__"
HEADER_LINES = 20


def read_htseq(
    text: str, path: str, name: str, *, bundle_name: str, round_estimates: bool
) -> tuple[SampleFile, list[str]]:
    """Read one sample; the second value names columns of text that were left out.

    The count is the last column; what stands between it and the gene describes the gene (``--additional-attr``).
    """
    shown = shown_path(path, bundle_name)
    lines = [line.rstrip("\r\n") for line in islice(split_lines(text), HEADER_LINES)]
    first = next((number for number, line in enumerate(lines, start=1) if line.strip() and line[0] != "#"), None)
    if first is None:
        raise refusal(f"{shown} is empty.")
    delimiter = sniff_delimiter("\n".join(lines[first - 1 :]))
    cells = [cell.strip(' "') for cell in lines[first - 1].split(delimiter)]
    if has_several_samples(lines):
        raise refusal(f"{shown} holds several samples, and the other files one each; import it by itself.")
    if len(cells) < 2:
        raise refusal(f"{shown} has one column only; a gene and its count stand on each line, separated by a tab.")
    has_header = not is_number(cells[-1])
    described = cells[1:-1] if has_header else ["" for _ in cells[1:-1]]
    layout = Layout(delimiter, first + has_header, 0, (len(cells) - 1,), ("count",), len(cells))
    columns = read_columns(text, shown, layout, are_estimates=round_estimates)
    is_gene = np.array([not row.startswith(SUMMARY_PREFIX) for row in columns.ids], dtype=bool)
    genes = tuple(row for row in columns.ids if not row.startswith(SUMMARY_PREFIX))
    if not genes:
        raise refusal(f"{shown} has no genes; copy the file again.")
    summary = tuple(row for row in columns.ids if row.startswith(SUMMARY_PREFIX))
    counts, n_rounded = whole_counts(columns.numbers[is_gene], shown)
    return SampleFile(path, genes, counts, (name,), summary, n_rounded), described


def has_attributes(lines: Iterable[str]) -> bool:
    """Whether text stands between each gene and its count, as ``--additional-attr`` writes it."""
    cells = _last_row(lines)
    return len(cells) > 2 and is_number(cells[-1]) and not any(map(is_number, cells[1:-1]))


def has_several_samples(lines: Iterable[str]) -> bool:
    """Whether several numbers stand beside each gene: files of one sample that somebody joined."""
    return sum(map(is_number, _last_row(lines)[1:])) > 1


def _last_row(lines: Iterable[str]) -> list[str]:
    """Return the last of the first rows: below any header."""
    rows = [line.rstrip("\r\n") for line in islice(lines, HEADER_LINES)]
    rows = [line for line in rows if line.strip() and line[0] != "#"]
    return rows[-1].split(sniff_delimiter("\n".join(rows))) if rows else []
