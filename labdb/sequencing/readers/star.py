"""STAR's ReadsPerGene: a column for each strandedness, of which one fits the kit; the sums tell which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labdb.sequencing.count_cells import CellError, CountFileError, quoted, refusal
from labdb.sequencing.readers.columns import Layout, listed, read_columns, shown_path
from labdb.sequencing.readers.samples import Joined, SampleFile, join

UNSTRANDED, FORWARD, REVERSE = "unstranded", "forward", "reverse"
STRANDS = (UNSTRANDED, FORWARD, REVERSE)  # in the order of STAR's columns
SUMMARY_ROWS = ("N_unmapped", "N_multimapping", "N_noFeature", "N_ambiguous")
# Of the reads of forward and reverse together. A stranded kit leaves a few per cent on the other strand, an
# unstranded one gives both alike; between the two the sums say nothing (docs/count-files.md).
STRANDED_SHARE = 0.8  # nf-core/rnaseq, stranded_threshold
UNSTRANDED_SHARES = (0.4, 0.6)  # NASA GeneLab's pipeline; nf-core/rnaseq takes .45 to .55
MIN_READS = 1000  # a sample of fewer says nothing of its kit; ours


@dataclass(frozen=True)
class StrandSums:
    """Reads in genes, by column, of one sample or of all."""

    name: str
    unstranded: int
    forward: int
    reverse: int

    @property
    def forward_share(self) -> float | None:
        """Share of forward in forward + reverse; None where there are no reads."""
        total = self.forward + self.reverse
        return self.forward / total if total else None

    @property
    def fits(self) -> str:
        """The strandedness that the sums speak for; empty where they speak for none."""
        share = self.forward_share
        if share is None or self.forward + self.reverse < MIN_READS:
            return ""
        if share >= STRANDED_SHARE:
            return FORWARD
        if share <= 1 - STRANDED_SHARE:
            return REVERSE
        low, high = UNSTRANDED_SHARES
        return UNSTRANDED if low <= share <= high else ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The sums of the three columns and the share of forward, as a table shows them."""
        share = self.forward_share
        sums = (f"{n:,}" for n in (self.unstranded, self.forward, self.reverse))
        return (*sums, "" if share is None else f"{share:.1%}")

    def __str__(self) -> str:
        share = self.forward_share
        of_both = f"; forward is {share:.1%} of forward + reverse" if share is not None else ""
        return f"{self.unstranded:,} unstranded, {self.forward:,} forward, {self.reverse:,} reverse{of_both}"


@dataclass(frozen=True)
class StrandEvidence:
    """The three columns compared over all samples."""

    total: StrandSums
    samples: tuple[StrandSums, ...]

    @property
    def proposal(self) -> str:
        """The strandedness to confirm; empty where the sums speak for none, or samples speak against each other."""
        fits = {one.fits for one in self.samples if one.fits}
        return self.total.fits if fits <= {self.total.fits} else ""


class StrandednessNeeded(CountFileError):
    """STAR files without a word on the kit; ``evidence`` is what a person confirms it by."""

    def __init__(self, name: str, evidence: StrandEvidence):
        self.evidence = evidence
        n = len(evidence.samples)
        what = f"{name} has STAR's three columns for {n:,} {'sample' if n == 1 else 'samples'} ({evidence.total})"
        if evidence.proposal:
            ask = f"this speaks for {evidence.proposal}: confirm it with --strandedness {evidence.proposal}."
        else:
            ask = f"this speaks for none of them: look up the kit and name it with --strandedness {', '.join(STRANDS[:2])} or {REVERSE}."
        super().__init__([CellError(None, None, None, f"{what}; {ask}")])


def read_star(text: str, path: str, name: str, *, bundle_name: str) -> SampleFile:
    """Read the three columns of a sample."""
    layout = Layout("\t", 1, 0, (1, 2, 3), STRANDS, 4)
    columns = read_columns(text, shown_path(path, bundle_name), layout, are_estimates=False)
    is_gene = np.array([row not in SUMMARY_ROWS for row in columns.ids], dtype=bool)
    genes = tuple(row for row, kept in zip(columns.ids, is_gene, strict=True) if kept)
    if not genes:
        raise refusal(f"{shown_path(path, bundle_name)} has no genes below its summary; copy the file again.")
    summary = tuple(row for row, kept in zip(columns.ids, is_gene, strict=True) if not kept)
    return SampleFile(
        path, genes, columns.numbers[is_gene].astype(np.int32), tuple(f"{name}\t{s}" for s in STRANDS), summary
    )


def join_star(files: Sequence[SampleFile], bundle_name: str, strandedness: str) -> Joined:
    """Take the column that fits the kit out of every file.

    Raises
    ------
    StrandednessNeeded
        Nobody said which column; carries the evidence.
    CountFileError
        The column that was asked for does not fit the sums.
    """
    if strandedness and strandedness not in STRANDS:
        raise refusal(f"{quoted(strandedness)} is no strandedness; choose {', '.join(STRANDS[:2])} or {REVERSE}.")
    evidence = compare_strands(files)
    if not strandedness:
        raise StrandednessNeeded(bundle_name, evidence)
    refuse_wrong_strand(bundle_name, strandedness, evidence)
    column = STRANDS.index(strandedness)
    chosen = [
        SampleFile(
            file.path, file.gene_ids, file.numbers[:, [column]], (file.names[column].split("\t")[0],), file.summary_rows
        )
        for file in files
    ]
    joined = join(chosen, bundle_name)
    joined.notes.append(f"Took STAR's {strandedness} column: {evidence.total}.")
    return joined


def compare_strands(files: Sequence[SampleFile]) -> StrandEvidence:
    """Sum the reads in genes by column, per sample and over all."""
    sums = [file.numbers.sum(axis=0, dtype=np.int64) for file in files]
    samples = tuple(
        StrandSums(file.names[0].split("\t")[0], *map(int, row)) for file, row in zip(files, sums, strict=True)
    )
    return StrandEvidence(StrandSums("all samples", *map(int, np.sum(sums, axis=0))), samples)


def refuse_wrong_strand(bundle_name: str, strandedness: str, evidence: StrandEvidence) -> None:
    """Refuse a column that the sums of all, or of some samples, speak against."""
    fits = evidence.total.fits
    if fits and fits != strandedness:
        raise refusal(
            f"{bundle_name}: the {strandedness} column does not fit these libraries, whose sums speak for {fits} "
            f"({evidence.total}); take {fits}, or look up the kit."
        )
    against = [one for one in evidence.samples if one.fits and one.fits != strandedness]
    if against:
        one = against[0]
        raise refusal(
            f"{bundle_name}: the {strandedness} column does not fit {len(against):,} of {len(evidence.samples):,} samples "
            f"({listed([other.name for other in against])}); {quoted(one.name)} speaks for {one.fits} ({one}). "
            "Import samples of another kit apart."
        )
