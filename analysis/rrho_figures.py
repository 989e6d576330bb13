"""The figures of an `rrho` run: from a stored map to a chart and the sentence below it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from django.db.models import F

from analysis.figure_types import Asked, Drawn, Figure, FigureError
from analysis.figures.rrho import Lists, rrho_map, rrho_null
from analysis.figures.theme import no_data
from analysis.models import AnalysisRun, RrhoMap
from analysis.rrho_cells import tidy, unpack

QUADRANT_COLUMNS = {
    "quadrant": "quadrant",
    "n_first": "n_x",
    "n_second": "n_y",
    "overlap": "overlap",
    "log10_p": "log10_p",
}


def chosen_map(run: AnalysisRun, parameters: Mapping[str, str]) -> RrhoMap:
    """Return the map that an address names, by default the one with the smallest p."""
    maps = run.rrhomaps.select_related("study", "region", "run")
    asked = parameters.get("map", "")
    if not asked:
        first = maps.order_by("refusal", F("p_value").asc(nulls_last=True), "pk").first()
        if first is None:
            raise FigureError("This run drew no map.", 404)
        return first
    found = maps.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    if found is None:
        raise FigureError(f"{asked} is not a map of this run; choose one of its list.")
    return found


def draw_map(asked: Asked) -> Drawn:
    """Draw the map of two signatures and its null, on one scale of colors."""
    one = chosen_map(asked.run, asked.parameters)
    if one.cells is None:
        return Drawn(no_data(f"no map: {(one.messages.splitlines() or ['refused'])[-1]}"), "", _parts(one))
    cells = unpack(bytes(one.cells))
    keys = ["quadrant", "n_x", "n_y"]
    observed = tidy(cells.log10_p, "log10_p").merge(tidy(cells.overlap, "overlap"), on=keys)
    maxima = pd.DataFrame.from_records(
        list(one.quadrants.order_by("pk").values_list(*QUADRANT_COLUMNS)), columns=list(QUADRANT_COLUMNS.values())
    )
    lists = Lists(
        one.first, one.second, one.n_genes, (one.n_up_first, one.n_up_second), (one.n_down_first, one.n_down_second)
    )
    chart = rrho_map(observed, tidy(cells.null_log10_p, "log10_p"), maxima, lists)
    of_mice = f" Mice: {one.groups}." if one.groups else ""
    caption = (
        f"{one.region.code}: {one.second} against {one.first}, n = {one.n_genes:,} genes.{of_mice} Color: how improbable the overlap of the genes "
        "taken from either end would be, were genes independent and the animals of both lists others. They are not: the map "
        "describes, and p comes from exchanging the labels of animals. Dashed: where a list goes from up to down."
    )
    return Drawn(chart, caption, _parts(one))


def draw_null(asked: Asked) -> Drawn:
    """Draw the most improbable overlap of every relabeling."""
    one = chosen_map(asked.run, asked.parameters)
    minima = unpack(bytes(one.cells)).minima if one.cells is not None else np.empty(0)
    if len(minima) < 2:
        return Drawn(
            no_data("no relabelings: " + (one.messages.splitlines() or ["none were made"])[0]), "", _parts(one)
        )
    of_two = " Of the two drugs the one whose labels show less is drawn." if one.kind == "drug_drug" else ""
    caption = (
        f"{one.region.code}: {one.second} against {one.first}. Saline and treated animals change their labels within sequencing "
        f"pools, and the map is drawn anew: this is what a drug without any effect gives.{of_two}"
    )
    return Drawn(rrho_null(minima, direction=one.direction), caption, _parts(one))


def _parts(one: RrhoMap) -> tuple[str, ...]:
    return (one.region.code, one.first, one.second)


FIGURES = (
    Figure("rrho-map", "Overlap by rank, and what chance gives", "rrho", draw_map, is_wide=True),
    Figure("rrho-null", "The largest overlap, labels exchanged", "rrho", draw_null),
)
