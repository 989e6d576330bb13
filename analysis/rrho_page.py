"""What the page of an `rrho` run shows: every map with its p, one of them in full, and its cells as a file."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from analysis.figure_types import FigureError
from analysis.figure_views import file_name
from analysis.models import AnalysisRun, RrhoGene, RrhoMap
from analysis.rrho_cells import tidy, unpack
from analysis.rrho_figures import chosen_map
from analysis.summaries import probability

TOP_GENES = 50
QUADRANTS_OF = {"opposite": {"up_down", "down_up"}, "same": {"up_up", "down_down"}}


def rrho_results(run: AnalysisRun, user: Any, parameters: Mapping[str, str]) -> dict[str, Any]:
    """Every map with its p and its sentence; one with its quadrants and genes."""
    rows = run.rrhomaps.defer("cells").select_related("region")
    maps = list(rows.order_by("kind", "first", "second", "region_id"))
    chosen = chosen_map(run, parameters)
    quadrants = list(chosen.quadrants.order_by("pk"))
    shown = _quadrant(quadrants, chosen, parameters.get("quadrant", ""))
    genes = RrhoGene.objects.filter(rrho_quadrant=shown).select_related("gene").order_by("place")
    return {
        "maps": [(one, sentence(one)) for one in maps],
        "map": chosen,
        "sentence": sentence(chosen),
        "quadrants": quadrants,
        "quadrant": shown,
        "genes": genes[:TOP_GENES] if shown else [],
        "top": TOP_GENES,
        "results_run": run,
    }


def _quadrant(quadrants: list[Any], chosen: RrhoMap, asked: str) -> Any:
    """Return the quadrant whose genes are listed: the one asked for, else the most improbable of what p is of."""
    if asked:
        for one in quadrants:
            if one.quadrant == asked:
                return one
        known = ", ".join(one.quadrant for one in quadrants) or "none"
        raise FigureError(f"{asked} is not a quadrant with genes; there are: {known}.")
    of_direction = [one for one in quadrants if one.quadrant in QUADRANTS_OF.get(chosen.direction, {one.quadrant})]
    return min(of_direction, key=lambda one: one.log10_p, default=None)


def sentence(one: RrhoMap) -> str:
    """Say what a map shows, and whether it is more than the shared group and the correlation of genes give."""
    if not one.cells_sha256:
        return one.messages.replace("\n", " ")
    parts = []
    if one.correlation is not None:
        null = one.correlation_null
        expected = "" if null is None else f"; {_signed(null)} is expected of the shared group alone"
        parts.append(f"Both signatures correlate {_signed(one.correlation)}{expected}.")
    if one.p_value is not None and one.n_relabelings:
        what = "opposite changes" if one.direction == "opposite" else "changes in the same direction"
        n_extreme = round(one.p_value * one.n_relabelings)
        parts.append(
            f"Of {one.n_relabelings:,} labelings of the animals, the true one among them, {n_extreme:,} give an overlap of {what} "
            f"as improbable: p = {probability(one.p_value)}, and {probability(one.p_floor or 0)} is the smallest possible."
        )
    return " ".join(parts)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


@require_GET
def map_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer all cells of a map as CSV: genes taken of each list, overlap, log10 p, its mean where labels were exchanged."""
    seen = RrhoMap.objects.visible_to(request.user)
    one = get_object_or_404(seen.select_related("study", "region"), pk=pk)
    if one.cells is None:
        return HttpResponse("This map was refused; it has no cells.", status=404, content_type="text/plain")
    cells, keys = unpack(bytes(one.cells)), ["quadrant", "n_x", "n_y"]
    table = tidy(cells.log10_p, "log10_p").merge(tidy(cells.overlap, "overlap"), on=keys)
    table = table.merge(tidy(cells.null_log10_p, "relabeled_mean_log10_p"), on=keys, how="outer")
    table = table.rename(columns={"n_x": "n_first", "n_y": "n_second"})
    answer = HttpResponse(table.to_csv(index=False), content_type="text/csv; charset=utf-8")
    name = file_name(one.study.code, "rrho", one.region.code, one.first, one.second)
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer
