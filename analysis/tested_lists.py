"""Lists of genes, wherever they come from: with a number for each (a contrast in a region, an outside signature), or by name."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pandas as pd
from django.http import Http404
from django.urls import reverse

from analysis.figure_choices import contrasts_of, regions_of
from analysis.frames import read_frame
from analysis.gene_lists import named_sets
from analysis.models import AnalysisRun, Contrast, DrugGeneSet, GeneResult
from analysis.outside import OutsideGene, OutsideSignature
from analysis.summaries import current_runs
from analysis.tasks import arm_comparisons
from labdb.colony.models import Study
from labdb.sequencing.models import Gene
from labdb.tissue.models import BrainRegion

KEY = re.compile(
    r"signature-(?P<signature>[0-9]{1,18})|contrast-(?P<contrast>[0-9]{1,18})-(?P<region>[0-9]{1,18})"
    r"|set-(?P<run>[0-9]{1,18})-(?P<set_region>[0-9]{1,18})-(?P<slug>[-a-z0-9]{1,80})"
    r"|drugs-(?P<drugs>[0-9]{1,18})"
)
NUMBERS = {"log2_fold_change": "log2_fold_change", "p_value": "p_value", "adj_p_value": "adj_p_value"}
CALLED = ["log2_fold_change", "p_value"]


@dataclass(frozen=True)
class TestedList:
    """One list.

    Attributes
    ----------
    key : str
        In addresses: ``signature-12``, ``contrast-3-1``, ``set-40-1-susceptible-specific`` (run, region), ``drugs-7``.
    genes : pandas.DataFrame
        By primary key of the gene: ``symbol``, ``value`` (ranks it), ``log2_fold_change``, ``p_value``,
        ``adj_p_value``; NaN where the list has none.
    is_outside : bool
        Whether its animals are none of labdb's.
    run : AnalysisRun or None
        That computed it.
    members : frozenset of int or None
        Primary keys of the genes on a list by name; ``genes`` are then those that could have come onto it, without
        numbers. None where what is asked makes the list.
    rule : str
        That made a list by name.
    """

    __test__ = False  # its name is no test

    key: str
    name: str
    genes: pd.DataFrame
    is_outside: bool
    study: Study
    url: str
    annotation: str
    run: AnalysisRun | None = None
    contrast: Contrast | None = None
    signature: OutsideSignature | None = None
    members: frozenset[int] | None = None
    rule: str = ""

    @property
    def background(self) -> pd.DataFrame:
        """Genes that were tested: those with a number, or all where a name makes the list."""
        return self.genes if self.members is not None else self.genes[self.genes["value"].notna()]

    @property
    def is_called(self) -> bool:
        """Whether genes of it can be called: fold change and p are there."""
        return bool(self.genes[CALLED].notna().all(axis=1).any())


def lists_of(study: Study, user: Any) -> list[tuple[str, str]]:
    """Return key and name of every list of a study that the account may see, its own contrasts first."""
    found = []
    run = current_runs(study).get("differential_expression")
    if run is not None and GeneResult.objects.filter(run=run.results_run).visible_to(user).exists():
        for contrast in contrasts_of(run.results_run):
            for region in regions_of(run.results_run, contrast):
                found.append((f"contrast-{contrast.pk}-{region.pk}", f"{contrast.name}, {region.code}"))
    signatures = OutsideSignature.objects.filter(study=study).visible_to(user).order_by("code")
    return [*found, *((f"signature-{one.pk}", f"{one.code} (from outside)") for one in signatures)]


def named_lists_of(study: Study, user: Any) -> list[tuple[str, str]]:
    """Return key and name of every list that a rule makes and an account may see: by contrasts, then by drugs."""
    found = []
    current = current_runs(study)
    run = current.get("differential_expression")
    if run is not None and GeneResult.objects.filter(run=run.results_run).visible_to(user).exists():
        for region in BrainRegion.objects.filter(tissue_samples__study=study).distinct().order_by("pk"):
            for one in named_sets(run.results_run, region):
                found.append((set_key(run.results_run, region, one.slug), f"{one.title}, {region.code}"))
    if (run := current.get("drug_genes")) is not None:
        rows = DrugGeneSet.objects.filter(run=run.results_run, refusal="", n_genes__gt=0).visible_to(user)
        for row in rows.select_related("region").order_by("region_id", "kind", "arm"):
            found.append((f"drugs-{row.pk}", _name_of(row)))
    return found


def set_key(run: AnalysisRun, region: BrainRegion, slug: str) -> str:
    """Return what a set by name of a run is called in addresses."""
    return f"set-{run.pk}-{region.pk}-{slug}"


def _name_of(row: DrugGeneSet) -> str:
    other = f" ({row.other_arm})" if row.other_arm else ""
    return f"{row.arm}, {row.get_kind_display()}{other}, {row.region.code}"


def tested_list(key: str, user: Any) -> TestedList:
    """Return a list by its key; 404 where there is none that the account may see."""
    found = KEY.fullmatch(key)
    if found is None:
        raise Http404("No list has that name; choose one on the page of gene sets.")
    if found["signature"]:
        return _of_signature(int(found["signature"]), user)
    if found["slug"]:
        return _of_name(int(found["run"]), int(found["set_region"]), found["slug"], user)
    if found["drugs"]:
        return _of_drugs(int(found["drugs"]), user)
    return _of_contrast(int(found["contrast"]), int(found["region"]), user)


def _of_signature(pk: int, user: Any) -> TestedList:
    signature = OutsideSignature.objects.visible_to(user).select_related("study").filter(pk=pk).first()
    if signature is None:
        raise Http404(f"There is no outside signature {pk}.")
    rows = OutsideGene.objects.filter(signature=signature).order_by()
    return TestedList(
        f"signature-{pk}", signature.code, _genes(rows, "value"), True, signature.study,
        reverse("outside-signature", args=[pk]), signature.annotation, signature=signature,
    )  # fmt: skip


def _of_contrast(contrast_pk: int, region_pk: int, user: Any) -> TestedList:
    contrast = Contrast.objects.visible_to(user).select_related("study").filter(pk=contrast_pk).first()
    region = BrainRegion.objects.filter(pk=region_pk).first()
    run = current_runs(contrast.study).get("differential_expression") if contrast else None
    if contrast is None or region is None or run is None:
        raise Http404("There is no current result of that contrast in that region.")
    rows = GeneResult.objects.filter(run=run.results_run, contrast=contrast, region=region).visible_to(user).order_by()
    genes = _genes(rows, "t")
    if genes.empty:
        raise Http404(f"The current run has no result of {contrast.name} in {region.code}.")
    annotation = Gene.objects.values_list("annotation", flat=True).get(pk=genes.index[0])
    url = f"{reverse('analysis-run', args=[run.pk])}?{urlencode({'contrast': contrast.name, 'region': region.code})}"
    name = f"{contrast.name}, {region.code}"
    key = f"contrast-{contrast_pk}-{region_pk}"
    return TestedList(key, name, genes, False, contrast.study, url, annotation, run=run, contrast=contrast)


def _of_name(run_pk: int, region_pk: int, slug: str, user: Any) -> TestedList:
    seen = AnalysisRun.objects.visible_to(user).select_related("study", "same_as__study")
    run = seen.filter(pk=run_pk, task="differential_expression").first()
    region = BrainRegion.objects.filter(pk=region_pk).first()
    if run is None or region is None or not GeneResult.objects.filter(run=run.results_run).visible_to(user).exists():
        raise Http404("There is no result of that run in that region.")
    named = next((one for one in named_sets(run.results_run, region) if one.slug == slug), None)
    if named is None:
        raise Http404(f"{slug} is not a set of run {run_pk} in {region.code}.")
    made = named.make()
    url = f"{reverse('analysis-run', args=[run.pk])}?{urlencode({'region': region.code})}#gene-sets"
    return _by_name(
        set_key(run, region, slug), f"{made.title}, {region.code}", made.tested, made.genes.index, run, url, made.rule
    )


def _of_drugs(pk: int, user: Any) -> TestedList:
    rows = DrugGeneSet.objects.visible_to(user).select_related("region", "run__study")
    row = rows.filter(pk=pk, refusal="").first()
    if row is None:
        raise Http404("There is no such set of genes of drugs.")
    url = f"{reverse('analysis-run', args=[row.run_id])}"
    members = pd.Index(row.genes.order_by("adj_p_value", "pk").values_list("gene_id", flat=True))
    return _by_name(f"drugs-{pk}", _name_of(row), genes_kept(row), members, row.run, url, row.rule)


def genes_kept(row: DrugGeneSet) -> pd.Index:
    """Return the genes that a set of drugs was chosen among; none where the records no longer give as many."""
    try:
        comparisons = arm_comparisons.load(row.run.study, row.run.parameters).inputs
        kept = comparisons.kept_counts(row.region.code).index
    except ValueError:
        return pd.Index([], dtype=int)
    return kept if len(kept) == row.n_tested else kept[:0]


def _by_name(
    key: str, name: str, tested: pd.Index, members: pd.Index, run: AnalysisRun, url: str, rule: str
) -> TestedList:
    known = Gene.objects.filter(pk__in=tested.tolist()).order_by()
    columns = {"pk": "gene", "symbol": "symbol", "gene_id": "gene_id"}
    genes = read_frame(known, columns).set_index("gene").reindex(tested)
    genes["symbol"] = genes["symbol"].where(genes["symbol"] != "", genes["gene_id"])
    genes = genes.drop(columns="gene_id").assign(**dict.fromkeys(["value", *NUMBERS], float("nan")))
    annotation = known.values_list("annotation", flat=True).first()
    return TestedList(
        key, name, genes, False, run.study, url, annotation or "", run=run, members=frozenset(members.tolist()), rule=rule
    )  # fmt: skip


def _genes(rows: Any, ranked_by: str) -> pd.DataFrame:
    columns = {"gene_id": "gene", "gene__symbol": "symbol", "gene__gene_id": "gene_id", ranked_by: "value", **NUMBERS}
    genes = read_frame(rows, columns).set_index("gene")
    genes["symbol"] = genes["symbol"].where(genes["symbol"] != "", genes["gene_id"])
    return genes.drop(columns="gene_id").astype(dict.fromkeys(["value", *NUMBERS], float))
