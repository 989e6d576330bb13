"""What current runs say of one gene: every contrast's estimate with its interval, and its part in each reversal."""

from collections.abc import Iterable
from urllib.parse import urlencode

import pandas as pd
from django.urls import reverse

from analysis.frames import read_frame
from analysis.kernels.estimate_intervals import estimate_intervals
from analysis.models import Adoption, AnalysisRun, GeneResult, ReversedGene, SignatureReversal
from labdb.colony.models import Study
from labdb.sequencing.models import Gene

ESTIMATES = {
    "study__code": "study", "contrast__name": "contrast", "region__code": "region", "region_id": "region_id",
    "run_id": "run",
    "log2_fold_change": "log2_fold_change", "average_expression": "average_expression", "t": "t",
    "p_value": "p_value", "adj_p_value": "adj_p_value",
}  # fmt: skip


def current_results(studies: Iterable[Study], task: str) -> dict[int, AnalysisRun]:
    """Return the current run of a task in each study, by the run that holds its results; one query for all."""
    latest = Adoption.objects.filter(study__in=list(studies), task=task, scope="")
    adoptions = latest.order_by("study_id", "-pk").distinct("study_id").select_related("run__same_as", "run__study")
    return {adoption.run.results_run.pk: adoption.run for adoption in adoptions}


def estimates_of_gene(genes: list[Gene], runs: Iterable[int]) -> pd.DataFrame:
    """Return the estimates of a gene, the smallest p first.

    Returns
    -------
    pandas.DataFrame
        ``study``, ``contrast``, ``region``, ``region_id``, ``run`` (primary keys), ``log2_fold_change``, ``low``, ``high`` (95 %; missing
        where t and p tell no degrees of freedom), ``df``, ``average_expression``, ``t``, ``p_value``, ``adj_p_value``,
        ``url`` of the contrast and region within its run.
    """
    rows = GeneResult.objects.filter(gene__in=genes, run__in=list(runs)).order_by("p_value", "pk")
    found = read_frame(rows, ESTIMATES)
    found = found.join(estimate_intervals(found))
    roots = {run: reverse("analysis-run", args=[run]) for run in set(found["run"])}
    found["url"] = [
        f"{roots[run]}?{urlencode({'contrast': contrast, 'region': region})}"
        for run, contrast, region in zip(found["run"], found["contrast"], found["region"], strict=True)
    ]
    return found


def reversals_of_gene(genes: list[Gene], runs: Iterable[int]) -> list[tuple[SignatureReversal, ReversedGene | None]]:
    """Return every reversal that was tested, with what it says of a gene; None where the gene is on neither list."""
    tests = SignatureReversal.objects.filter(run__in=list(runs)).select_related("study", "region", "run")
    listed = ReversedGene.objects.filter(gene__in=genes, reversal__in=tests)
    by_test = {row.reversal_id: row for row in listed.order_by("-q_strict", "pk")}
    return [(test, by_test.get(test.pk)) for test in tests.order_by("study__code", "region_id", "arm", "pk")]
