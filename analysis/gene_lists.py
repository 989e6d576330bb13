"""Gene sets by name and the overlap of two contrasts, from the stored results of one run and region."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import pandas as pd

from analysis.contrasts import Contrast
from analysis.figure_choices import contrasts_of
from analysis.figures.theme import arm_and_response
from analysis.kernels.named_gene_sets import drug_genes, published_genes, specific_genes
from analysis.kernels.overlap import SignedOverlap, opposite_share, signed_overlap
from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE
from analysis.models import AnalysisRun, GeneResult
from analysis.tasks.shared_mice import null_of_pair
from labdb.sequencing.models import Gene
from labdb.tissue.models import BrainRegion

OVERLAP_P = 0.05  # nominal, as papers that count overlaps do
NUMBERS = ("log2_fold_change", "p_value", "adj_p_value")


@dataclass(frozen=True)
class GeneSet:
    """A set of genes with the rule that made it.

    Attributes
    ----------
    slug : str
        Names it in addresses.
    genes : pandas.DataFrame
        By gene (primary key), the numbers that the rule looked at.
    n_tested : int or None
        Genes with a number in every contrast used.
    """

    slug: str
    title: str
    rule: str
    genes: pd.DataFrame
    n_tested: int | None = None


def gene_table(run: AnalysisRun, contrast: Contrast, region: BrainRegion) -> pd.DataFrame:
    """Return all genes of one contrast in one region, by primary key; read once, since results never change."""
    return _gene_table(run.pk, str(run.finished_at), contrast.pk, region.pk)


@lru_cache(maxsize=24)  # half a megabyte each
def _gene_table(run: int, finished_at: str, contrast: int, region: int) -> pd.DataFrame:
    rows = GeneResult.objects.filter(run=run, contrast=contrast, region=region).order_by()
    frame = pd.DataFrame.from_records(list(rows.values_list("gene_id", *NUMBERS)), columns=["gene", *NUMBERS])
    return frame.set_index("gene").sort_index()


def named_gene_sets(run: AnalysisRun, region: BrainRegion) -> list[GeneSet]:
    """Return every set that the contrasts of a run allow in a region."""
    contrasts = [
        one for one in contrasts_of(run) if not one.formula and GeneResult.objects.filter(
            run=run, contrast=one, region=region
        ).exists()
    ]  # fmt: skip
    tables = _Tables(run, region, contrasts)
    return [*_of_phenotypes(tables), *_of_drugs(tables)]


class _Tables:
    """The results of a run's contrasts in a region, found by the groups they compare."""

    def __init__(self, run: AnalysisRun, region: BrainRegion, contrasts: Sequence[Contrast]) -> None:
        self.run, self.region, self.contrasts = run, region, contrasts

    def find(self, over: str, under: str, group_by: str = "") -> Contrast | None:
        """Return the contrast of two groups."""
        for one in self.contrasts:
            if (one.numerator, one.denominator) == (over, under) and group_by in ("", one.group_by):
                return one
        return None

    def read(self, contrast: Contrast) -> pd.DataFrame:
        return gene_table(self.run, contrast, self.region)

    def between(self, over: str, under: str) -> tuple[pd.DataFrame, str] | None:
        """Return the results of two groups and their name, turned around where the study asks the reverse."""
        if contrast := self.find(over, under):
            return self.read(contrast), contrast.name
        if contrast := self.find(under, over):
            table = self.read(contrast)
            return table.assign(log2_fold_change=-table["log2_fold_change"]), f"{contrast.name}, turned around"
        return None


def _of_phenotypes(tables: _Tables) -> Iterator[GeneSet]:
    stressed = [one.numerator for one in tables.contrasts if one.numerator.startswith(SUSCEPTIBLE)]
    for group in dict.fromkeys(stressed):
        of_group = "" if len(set(stressed)) == 1 else f" ({group})"
        for one, other, title in ((group, RESILIENT, SUSCEPTIBLE), (RESILIENT, group, RESILIENT)):
            against_control, other_control = tables.between(one, CONTROL), tables.between(other, CONTROL)
            against_other = tables.between(one, other)
            slug = f"{title}-specific" if not of_group else f"{title}-specific-{stressed.index(group) + 1}"
            if against_control and against_other:
                names = (against_control[1], against_other[1])
                made = specific_genes(against_control[0], against_other[0], names=names)
                yield GeneSet(slug, f"{title}-specific{of_group}", made.rule, made.genes, made.n_tested)
            if against_control and other_control:
                names = (against_control[1], other_control[1])
                made = published_genes(against_control[0], other_control[0], names=names)
                title_published = f"{title}-specific{of_group}, published rule"
                yield GeneSet(f"{slug}-published", title_published, made.rule, made.genes, made.n_tested)


def _of_drugs(tables: _Tables) -> Iterator[GeneSet]:
    """Yield what two drugs share and do not, wherever both were compared with the same mice and with each other."""
    against = [
        one for one in dict.fromkeys(each.denominator for each in tables.contrasts) if one.startswith(SUSCEPTIBLE)
    ]
    for between, (number, group) in product(tables.contrasts, enumerate(against, start=1)):
        sides = (between.numerator, between.denominator)
        first, second = (tables.find(side, group, between.group_by) for side in sides)
        if first is None or second is None or arm_and_response(sides[0])[0] == arm_and_response(sides[1])[0]:
            continue  # responders and non-responders of one drug are no two drugs
        made = drug_genes(*(tables.read(one) for one in (first, second, between)))
        for kind, title, genes in (
            ("shared", f"Shared by {sides[0]} and {sides[1]}", made.shared),
            ("first", f"Of {sides[0]}, not {sides[1]}", made.first_only),
            ("second", f"Of {sides[1]}, not {sides[0]}", made.second_only),
        ):
            yield GeneSet(f"drug-{between.pk}-{number}-{kind}", title, made.rule.replace("saline", group), genes)


@dataclass(frozen=True)
class ContrastOverlap:
    """The overlap of two contrasts beside what their shared mice alone make of it.

    Attributes
    ----------
    null_correlation : float or None
        Of the two estimates where nothing differs; None where the design cannot be told any more, `reason` says why.
    expected_opposite : float or None
        Genes in both that would oppose each other, of as many as were found in both.
    """

    found: SignedOverlap
    null_correlation: float | None
    reason: str
    expected_opposite: float | None
    null_share: float | None


def overlap_of(run: AnalysisRun, one: Contrast, other: Contrast, region: BrainRegion) -> ContrastOverlap:
    """Return the overlap of two contrasts of a run in a region, with its null expectation."""
    null = null_of_pair(run, (one, other), region.code)
    correlation, reason = null.correlation, null.reason
    first, second = (gene_table(run, contrast, region) for contrast in (one, other))
    found = signed_overlap(first, second, p_cutoff=OVERLAP_P, null_correlation=correlation or 0.0)
    if correlation is None or found.opposite is None or found.same is None:
        return ContrastOverlap(found, correlation, reason, None, None)
    share = opposite_share(correlation, OVERLAP_P)
    return ContrastOverlap(found, correlation, "", share * (found.opposite.both + found.same.both), share)


def in_full(genes: pd.DataFrame) -> pd.DataFrame:
    """Return a set by primary key with the genes' ids and symbols in front, in the same order."""
    known = Gene.objects.in_bulk(list(genes.index))
    named = pd.DataFrame(
        {"gene_id": [known[key].gene_id for key in genes.index], "symbol": [known[key].symbol for key in genes.index]},
        index=genes.index,
    )
    return named.join(genes)
