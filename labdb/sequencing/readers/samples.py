"""Files of one sample each, joined to genes x samples: the same genes in every file, a name for every sample."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from labdb.sequencing.count_cells import MAX_LISTED_ERRORS, CellError, CountFileError, quoted, refusal
from labdb.sequencing.readers.columns import listed, shown_path

# what quantifiers add to the name of a sample
NAME_ENDS = re.compile(
    r"([._-]?(ReadsPerGene|Aligned)(\.sortedByCoord|\.toTranscriptome)?(\.out)?"
    r"|(^|[._-])(feature_?counts|htseq|gene_counts|counts?|genes|isoforms|results|quant|abundance)"
    r"|_S\d+_L\d{3}(_R[12])?(_001)?"  # bcl2fastq: sample number, lane, read
    r"|\.(gz|txt|tsv|tab|csv|sf|out|bam|sam|cram|sorted|fastq|fq))+$",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class SampleFile:
    """Counts of one file: ``numbers`` has genes in rows, and a column for each of ``names``."""

    path: str
    gene_ids: tuple[str, ...]
    numbers: npt.NDArray[np.int32]
    names: tuple[str, ...]
    summary_rows: tuple[str, ...] = ()
    n_rounded: int = 0


@dataclass(frozen=True, eq=False)
class Joined:
    """Genes x samples of all files, and notes for the person."""

    gene_ids: list[str]
    column_names: list[str]
    counts: npt.NDArray[np.int32]
    notes: list[str]


def join(files: Sequence[SampleFile], bundle_name: str) -> Joined:
    """Put the files side by side.

    Raises
    ------
    CountFileError
        Two samples of one name, or files whose genes differ.
    """
    _refuse_equal_names(files, bundle_name)
    gene_ids = files[0].gene_ids
    counts = np.empty((len(gene_ids), sum(len(file.names) for file in files)), dtype=np.int32, order="F")
    others = _Order(gene_ids)
    start, n_reordered = 0, 0
    differences: list[str] = []
    for file in files:
        rows = others.rows_of(file.gene_ids)
        if rows is None:
            differences.append(others.difference(file, files[0], bundle_name))
            continue
        n_reordered += file.gene_ids != gene_ids
        counts[:, start : start + len(file.names)] = file.numbers[rows]
        start += len(file.names)
    if differences:
        shown = [CellError(None, None, None, sentence) for sentence in differences[:MAX_LISTED_ERRORS]]
        raise CountFileError(shown, len(differences))
    names = [name for file in files for name in file.names]
    return Joined(list(gene_ids), names, counts, _notes(files, counts.size, n_reordered))


def sample_names(paths: Sequence[str]) -> list[str]:
    """Name samples after their files, or after the folder where a program calls all of them alike (``quant.sf``)."""
    names = [sample_stem(path) for path in paths]
    if len(set(names)) < len(names):
        folders = [PurePosixPath(path).parent.name for path in paths]
        if all(folders) and len(set(folders)) == len(folders):
            return folders
    return names


def sample_stem(path: str) -> str:
    """Cut folders and what quantifiers and aligners add; where nothing is left, the folder is the name."""
    as_path = PurePosixPath(path.replace("\\", "/"))
    return NAME_ENDS.sub("", as_path.name).strip("._-") or as_path.parent.name or as_path.name


def _refuse_equal_names(files: Sequence[SampleFile], bundle_name: str) -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for file in files:
        for name in file.names:
            places[name].append(shown_path(file.path, bundle_name))
    twice = [
        CellError(None, name, None, f"{' and '.join(paths[:3])} are both named {quoted(name)}; rename one, or leave it out.")
        for name, paths in places.items()
        if len(paths) > 1
    ]  # fmt: skip
    if twice:
        raise CountFileError(twice[:MAX_LISTED_ERRORS], len(twice))


class _Order:
    """The genes of the first file, to compare those of the others with."""

    def __init__(self, gene_ids: tuple[str, ...]):
        self._gene_ids = gene_ids
        self._row_of: dict[str, int] = {}

    def rows_of(self, gene_ids: tuple[str, ...]) -> npt.NDArray[np.intp] | slice | None:
        """Return where the genes lie in a file; None if it has others."""
        if gene_ids == self._gene_ids:
            return slice(None)
        row_of = {gene: row for row, gene in enumerate(gene_ids)}
        if len(row_of) != len(gene_ids) or row_of.keys() != set(self._gene_ids):
            return None  # a gene that stands twice cannot be put in order
        return np.fromiter((row_of[gene] for gene in self._gene_ids), dtype=np.intp, count=len(gene_ids))

    def difference(self, file: SampleFile, first: SampleFile, bundle_name: str) -> str:
        """Say by which genes a file differs from the first."""
        own, known = set(file.gene_ids), set(self._gene_ids)
        more, fewer = sorted(own - known), sorted(known - own)
        what = []
        if more:
            what.append(f"has {len(more):,} that {first.path} lacks ({listed(more)})")
        if fewer:
            what.append(f"lacks {len(fewer):,} of it ({listed(fewer)})")
        if not what:
            what.append(f"has some of {first.path} more than once")
        return (
            f"The genes of {shown_path(file.path, bundle_name)} differ: it {' and '.join(what)}; "
            "quantify all samples with one annotation, or import them apart."
        )


def _notes(files: Sequence[SampleFile], n_counts: int, n_reordered: int) -> list[str]:
    notes = []
    summary = dict.fromkeys(row for file in files for row in file.summary_rows)
    if summary:
        notes.append(f"Left out summary lines that are no genes: {', '.join(summary)}.")
    if n_reordered:
        notes.append(f"The genes of {n_reordered:,} files stand in another order; they were matched by id.")
    if n_rounded := sum(file.n_rounded for file in files):
        notes.append(f"Rounded {n_rounded:,} of {n_counts:,} estimates to whole counts.")
    return notes


def whole_counts(numbers: npt.NDArray[np.float64], path: str) -> tuple[npt.NDArray[np.int32], int]:
    """Round estimates to whole counts: counts, and how many changed; CountFileError if a count is too large."""
    rounded = np.rint(numbers)
    if rounded.size and rounded.max() > np.iinfo(np.int32).max:
        raise refusal(f"{path} has a count of {rounded.max():,.0f}, more than can be stored; correct it in the export.")
    return rounded.astype(np.int32), int(np.count_nonzero(rounded != numbers))


def refuse_repeated_genes(gene_ids: Sequence[str], path: str) -> None:
    """Refuse a file that has a gene twice."""
    if len(set(gene_ids)) == len(gene_ids):
        return
    seen: set[str] = set()
    twice = list(dict.fromkeys(gene for gene in gene_ids if gene in seen or seen.add(gene)))  # type: ignore[func-returns-value]
    raise refusal(
        f"{path} has {len(twice):,} genes more than once ({listed(twice)}); "
        "quantify by gene id, or add their counts up with --sum-duplicates."
    )
