"""Parts of the page of differential expression that are read after it is there: gene sets by name, and the overlap."""

import csv
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from analysis.contrast_check import hides_arms
from analysis.contrasts import Contrast
from analysis.figure_choices import chosen_genes, contrasts_of, named_choice
from analysis.figure_types import FigureError
from analysis.figure_views import file_name, refuse_figure
from analysis.gene_lists import OVERLAP_P, ContrastOverlap, GeneSet, in_full, named_gene_sets, overlap_of
from analysis.models import AnalysisRun
from analysis.tasks.expression_design import without_pools
from analysis.tested_lists import set_key
from labdb.sequencing.models import Gene
from labdb.tissue.models import BrainRegion

N_NAMED = 12  # genes of a set that the page names; the file has all
N_LISTED = 200  # genes of an overlap


@require_GET
def gene_sets(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the gene sets of one region, as a part of the page of the run."""
    try:
        run, _, region = _chosen(request, pk)
    except FigureError as error:
        return refuse_figure(error)
    sets = named_gene_sets(run, region)
    shown = {key for one in sets for key in one.genes.index[:N_NAMED]}
    names = Gene.objects.in_bulk(list(shown))
    rows = [(one, [names[key] for key in one.genes.index[:N_NAMED]], set_key(run, region, one.slug)) for one in sets]
    return render(request, "analysis/_gene_sets.html", {"run_pk": pk, "region": region, "rows": rows, "shown": N_NAMED})


@require_GET
def gene_set_file(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Answer all genes of one set, with the rule that made it."""
    try:
        run, _, region = _chosen(request, pk)
        sets = {one.slug: one for one in named_gene_sets(run, region)}
        if name not in sets:
            raise FigureError(f"{name} is not a set of this run; there are: {', '.join(sets) or 'none'}.", 404)
    except FigureError as error:
        return refuse_figure(error)
    return _file(run, region, sets[name])


def _file(run: AnalysisRun, region: BrainRegion, found: GeneSet) -> HttpResponse:
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    named = file_name(run.study.code, f"run-{run.pk}", region.code, found.title)
    answer["Content-Disposition"] = f'attachment; filename="{named}.csv"'
    table = in_full(found.genes)
    writer = csv.writer(answer)
    writer.writerow([*table.columns, "region", "set", "rule"])
    for row in table.itertuples(index=False):
        writer.writerow([*row, region.code, found.title, found.rule])
    return answer


@require_GET
def overlap(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the overlap of the contrast with another, as a part of the page of the run."""
    try:
        run, contrast, region = _chosen(request, pk)
        asked = request.GET.get("with", "")
        other: Contrast = named_choice(contrasts_of(run), asked, "name", "contrast")
        if other == contrast:
            raise FigureError(f"{contrast.name} overlaps with all of itself; choose another contrast.")
    except FigureError as error:
        return refuse_figure(error)
    found = overlap_of(run, contrast, other, region)
    reason = without_pools(found.reason) if hides_arms(run.study, request.user) else found.reason
    context = {
        "one": contrast, "other": other, "region": region, "overlap": found, "reason": reason, "cutoff": OVERLAP_P,
        "tables": _tables(found), "listed": N_LISTED,
    }  # fmt: skip
    return render(request, "analysis/_overlap.html", context)


def _tables(overlap: ContrastOverlap) -> list[dict[str, Any]]:
    """Return the 2 x 2 of opposite and of same direction, each with its genes."""
    if overlap.found.opposite is None or overlap.found.same is None:
        return []
    tables = []
    for title, table in (("Opposite direction", overlap.found.opposite), ("Same direction", overlap.found.same)):
        names = Gene.objects.in_bulk(list(table.genes[:N_LISTED]))
        tables.append({"title": title, "table": table, "genes": [names[key] for key in table.genes[:N_LISTED]]})
    return tables


def _chosen(request: HttpRequest, pk: int) -> tuple[AnalysisRun, Contrast, BrainRegion]:
    seen = AnalysisRun.objects.visible_to(request.user).filter(task="differential_expression")
    run = get_object_or_404(seen.select_related("study", "same_as__study"), pk=pk).results_run
    return run, *chosen_genes(run, request.GET)
