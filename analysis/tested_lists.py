"""Lists of genes with a number for each, wherever they come from: a contrast of the study in a region, or an outside signature."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pandas as pd
from django.http import Http404
from django.urls import reverse

from analysis.figure_choices import contrasts_of, regions_of
from analysis.frames import read_frame
from analysis.models import AnalysisRun, Contrast, GeneResult
from analysis.outside import OutsideGene, OutsideSignature
from analysis.summaries import current_runs
from labdb.colony.models import Study
from labdb.sequencing.models import Gene
from labdb.tissue.models import BrainRegion

KEY = re.compile(r"signature-(?P<signature>[0-9]{1,18})|contrast-(?P<contrast>[0-9]{1,18})-(?P<region>[0-9]{1,18})")
NUMBERS = {"log2_fold_change": "log2_fold_change", "p_value": "p_value", "adj_p_value": "adj_p_value"}
CALLED = ["log2_fold_change", "p_value"]


@dataclass(frozen=True)
class TestedList:
    """One list.

    Attributes
    ----------
    key : str
        In addresses: ``signature-12``, ``contrast-3-1``.
    genes : pandas.DataFrame
        By primary key of the gene: ``symbol``, ``value`` (ranks it), ``log2_fold_change``, ``p_value``,
        ``adj_p_value``; NaN where the list has none.
    is_outside : bool
        Whether its animals are none of labdb's.
    run : AnalysisRun or None
        That computed it.
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


def tested_list(key: str, user: Any) -> TestedList:
    """Return a list by its key; 404 where there is none that the account may see."""
    found = KEY.fullmatch(key)
    if found is None:
        raise Http404("No list has that name; choose one on the page of gene sets.")
    if found["signature"]:
        return _of_signature(int(found["signature"]), user)
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


def _genes(rows: Any, ranked_by: str) -> pd.DataFrame:
    columns = {"gene_id": "gene", "gene__symbol": "symbol", "gene__gene_id": "gene_id", ranked_by: "value", **NUMBERS}
    genes = read_frame(rows, columns).set_index("gene")
    genes["symbol"] = genes["symbol"].where(genes["symbol"] != "", genes["gene_id"])
    return genes.drop(columns="gene_id").astype(dict.fromkeys(["value", *NUMBERS], float))
