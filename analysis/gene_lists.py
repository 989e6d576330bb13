"""Gene sets by name and the overlap of two contrasts, from the stored results of one run and region."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from itertools import product

import pandas as pd

from analysis.contrasts import Contrast
from analysis.figure_choices import contrasts_of
from analysis.figures.theme import arm_and_response
from analysis.kernels.named_gene_sets import DrugGenes, NamedGenes, drug_genes, published_genes, specific_genes
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
    tested : pandas.Index
        Genes with a number in every contrast used: those that could have come into the set.
    """

    slug: str
    title: str
    rule: str
    genes: pd.DataFrame
    tested: pd.Index

    @property
    def n_tested(self) -> int:
        """Number of these."""
        return len(self.tested)


@dataclass(frozen=True)
class NamedSet:
    """What can be made of the contrasts of a run; making it reads their results."""

    slug: str
    title: str
    make: Callable[[], GeneSet]


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
    return [one.make() for one in named_sets(run, region)]


def named_sets(run: AnalysisRun, region: BrainRegion) -> list[NamedSet]:
    """Return what these sets are called, without reading results."""
    contrasts = [
        one for one in contrasts_of(run) if not one.formula and GeneResult.objects.filter(
            run=run, contrast=one, region=region
        ).exists()
    ]  # fmt: skip
    tables = _Tables(run, region, contrasts)
    return [*_of_phenotypes(tables), *_of_drugs(tables)]


@dataclass(frozen=True)
class _Comparison:
    """Two groups, as a contrast has them or turned around."""

    contrast: Contrast
    is_turned: bool

    @property
    def name(self) -> str:
        return f"{self.contrast.name}, turned around" if self.is_turned else self.contrast.name


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

    def between(self, over: str, under: str) -> _Comparison | None:
        """Return the comparison of two groups, turned around where the study asks the reverse."""
        if contrast := self.find(over, under):
            return _Comparison(contrast, False)
        contrast = self.find(under, over)
        return None if contrast is None else _Comparison(contrast, True)

    def results(self, comparison: _Comparison) -> pd.DataFrame:
        table = self.read(comparison.contrast)
        return table.assign(log2_fold_change=-table["log2_fold_change"]) if comparison.is_turned else table


def _of_phenotypes(tables: _Tables) -> Iterator[NamedSet]:
    stressed = [one.numerator for one in tables.contrasts if one.numerator.startswith(SUSCEPTIBLE)]
    for group in dict.fromkeys(stressed):
        of_group = "" if len(set(stressed)) == 1 else f" ({group})"
        for one, other, title in ((group, RESILIENT, SUSCEPTIBLE), (RESILIENT, group, RESILIENT)):
            against_control, other_control = tables.between(one, CONTROL), tables.between(other, CONTROL)
            against_other = tables.between(one, other)
            slug = f"{title}-specific" if not of_group else f"{title}-specific-{stressed.index(group) + 1}"
            if against_control and against_other:
                two = (against_control, against_other)
                yield _named(tables, slug, f"{title}-specific{of_group}", specific_genes, two)
            if against_control and other_control:
                two = (against_control, other_control)
                title_published = f"{title}-specific{of_group}, published rule"
                yield _named(tables, f"{slug}-published", title_published, published_genes, two)


def _named(
    tables: _Tables, slug: str, title: str, rule: Callable[..., NamedGenes], two: tuple[_Comparison, _Comparison]
) -> NamedSet:
    def make() -> GeneSet:
        first, second = (tables.results(one) for one in two)
        made = rule(first, second, names=(two[0].name, two[1].name))
        return GeneSet(slug, title, made.rule, made.genes, made.tested)

    return NamedSet(slug, title, make)


def _of_drugs(tables: _Tables) -> Iterator[NamedSet]:
    """Yield what two drugs share and do not, wherever both were compared with the same mice and with each other."""
    against = [
        one for one in dict.fromkeys(each.denominator for each in tables.contrasts) if one.startswith(SUSCEPTIBLE)
    ]
    for between, (number, group) in product(tables.contrasts, enumerate(against, start=1)):
        sides = (between.numerator, between.denominator)
        first, second = (tables.find(side, group, between.group_by) for side in sides)
        if first is None or second is None or arm_and_response(sides[0])[0] == arm_and_response(sides[1])[0]:
            continue  # responders and non-responders of one drug are no two drugs
        sort = cache(partial(_sorted_by_drug, tables, (first, second, between)))
        for kind, title in (
            ("shared", f"Shared by {sides[0]} and {sides[1]}"),
            ("first_only", f"Of {sides[0]}, not {sides[1]}"),
            ("second_only", f"Of {sides[1]}, not {sides[0]}"),
        ):
            slug = f"drug-{between.pk}-{number}-{kind.removesuffix('_only')}"
            yield NamedSet(slug, title, partial(_of_kind, sort, slug, title, kind, group))


def _sorted_by_drug(tables: _Tables, contrasts: tuple[Contrast, ...]) -> DrugGenes:
    return drug_genes(*(tables.read(one) for one in contrasts))


def _of_kind(sort: Callable[[], DrugGenes], slug: str, title: str, kind: str, group: str) -> GeneSet:
    made = sort()
    return GeneSet(slug, title, made.rule.replace("saline", group), getattr(made, kind), made.tested)


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
