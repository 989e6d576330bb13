"""Neuroplasticity of a study: what was measured, how it goes along with behavior and reversal, and by arm."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from altair.utils.schemapi import debug_mode as altair_checks
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_safe

from analysis.figure_views import Drawn, FigureError, refuse_figure, require_format, send_figure
from analysis.figures.measures import measure_by_group, measure_forest, measure_vs_si
from analysis.kernels.group_differences import mean_interval
from analysis.kernels.phenotype import UNCLASSIFIED
from analysis.links import mouse_urls, storable
from analysis.models import MouseReversalScore
from analysis.results import meanings_in
from analysis.staleness import current_and_fresh
from analysis.summaries import probability, signed
from labdb.colony.models import Study
from labdb.desk import measure_relations as relations
from labdb.desk.measures import Measure, Measured, measured
from labdb.registry.permissions import is_kept_from, may
from labdb.tissue.models import TissueMeasurement
from labdb.treatment.models import AllocationKey

FIRST_TEST = 1


@require_GET
def measures(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a study's measures."""
    study = _study(request, code)
    found = measured(study, request.user)
    numbers = relations.test_numbers(study)
    number = _test_number(request, numbers)
    groups = relations.groups_of(study, found.values.index)
    context = {
        "study": study,
        "measured": found,
        "numbers": numbers,
        "number": number,
        "groups": groups,
        "relations": relations.with_si_ratio(found, relations.si_ratios(study, number), groups),
        "forest": _lazy(study, "Spearman's rho, every measure", "forest", test=number),
        "scatters": [_lazy(study, str(one), "si-scatter", measure=one.key, test=number) for one in found.measures],
        "may_enter": may(request.user, "add", TissueMeasurement, study),
        **_response(study, found),
        **_scores(study, found, request.user),
        **_arms(study, found, request.user),
    }
    return render(request, "desk/measures.html", context)


def _study(request: HttpRequest, code: str) -> Study:
    return get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))


def _test_number(request: HttpRequest, numbers: list[int]) -> int:
    """Return the SI test that is asked for, by default the first."""
    asked = request.GET.get("test", "")
    if asked and asked not in map(str, numbers):
        raise Http404(
            f"There is no SI test {asked[:20]} here; there are: {', '.join(map(str, numbers)) or 'none yet'}."
        )
    return int(asked or FIRST_TEST)


def _lazy(study: Study, title: str, name: str, **asked: Any) -> dict[str, Any]:
    url = reverse("measures-figure", args=[study.code, name, "html"])
    return {"title": title, "url": f"{url}?{urlencode(asked)}"}


def _response(study: Study, found: Measured) -> dict[str, Any]:
    run, why_not = current_and_fresh(study, "response")
    compared = relations.by_response(found, run) if run else []
    return {"response_run": run, "response_why_not": why_not, "by_response": compared}


def _scores(study: Study, found: Measured, user: Any) -> dict[str, Any]:
    run, why_not = current_and_fresh(study, "mouse_scores")
    if is_kept_from(user, "view", MouseReversalScore, study):
        return {"scores_kept": True}
    scores = relations.with_scores(found, relations.score_frame_of(study, run, user)) if run else []
    meanings = meanings_in(sorted({one.arm for one in scores}), study, user)
    return {"score_run": run, "score_why_not": why_not, "by_score": scores, "meanings": meanings}


def _arms(study: Study, found: Measured, user: Any) -> dict[str, Any]:
    if not study.is_blinded and not may(user, "view", AllocationKey, study):
        return {"arms_kept": True}
    arms = relations.arms_of(study, user, found.values.index)
    own = [one for one in found.measures if found.values[one.key].dropna().index.isin(list(arms.of_mice)).any()]
    return {
        "arms": arms,
        "by_arm": relations.by_arm(found, arms),
        "arm_figures": [_lazy(study, f"{one}, by arm", "arms", measure=one.key) for one in own],
    }


@require_safe
def measures_figure(request: HttpRequest, code: str, name: str, file_format: str) -> HttpResponse:
    """Answer a figure of the measures, for a page or as a file."""
    study = _study(request, code)
    path = reverse("measures-figure", args=[study.code, name, file_format])
    try:
        require_format(file_format)
        if name not in FIGURES:
            raise FigureError(f"{name} is not a figure of measures; there are: {', '.join(FIGURES)}.", 404)
        found = measured(study, request.user)
        with altair_checks(False):
            title, drawn = FIGURES[name](request, study, found)
    except FigureError as error:
        return refuse_figure(error)
    return send_figure(request, title, drawn, path, (study.code, "measures", name))


def _chosen(request: HttpRequest, found: Measured) -> Measure:
    asked = request.GET.get("measure", "")
    chosen = found.measure(asked)
    if chosen is None:
        keys = ", ".join(one.key for one in found.measures) or "none yet"
        raise FigureError(f"{asked or 'Nothing'} is not a measure of this study in one unit; there are: {keys}.", 404)
    return chosen


def _draw_forest(request: HttpRequest, study: Study, found: Measured) -> tuple[str, Drawn]:
    """Every correlation with the SI ratio."""
    number = _test_number(request, relations.test_numbers(study))
    groups = relations.groups_of(study, found.values.index)
    rows = pd.DataFrame(
        [
            {
                "measure": str(one.measure), "group": one.group, "n": one.found.n, "rho": one.found.rho,
                "low": one.found.low, "high": one.found.high, "reason": one.found.reason, "p_text": _p_text(one),
            }
            for one in relations.with_si_ratio(found, relations.si_ratios(study, number), groups)
        ],
        columns=["measure", "group", "n", "rho", "low", "high", "reason", "p_text"],
    )  # fmt: skip
    caption = f"SI test {number}. {_grouped_by(groups)} Pooled, it is mostly the difference of the groups."
    return "Spearman's rho, every measure", Drawn(measure_forest(rows), caption, (f"test-{number}",))


def _p_text(one: relations.Relation) -> str:
    if one.found.p_value is None:
        return "–"
    return f"{probability(one.found.p_value)} ({probability(one.adj_p_value)})"


def _grouped_by(groups: relations.Groups) -> str:
    if groups.run is None:
        return "Groups as registered."
    return f"Groups: phenotypes of run {groups.run.pk}."


def _draw_scatter(request: HttpRequest, study: Study, found: Measured) -> tuple[str, Drawn]:
    """One measure against the SI ratio."""
    chosen = _chosen(request, found)
    number = _test_number(request, relations.test_numbers(study))
    ratios, groups = relations.si_ratios(study, number), relations.groups_of(study, found.values.index)
    mice = _mice(study, found, chosen, pd.Series(groups.of_mice, dtype=object))
    mice["si_ratio"] = ratios.reindex(mice.index)
    both = mice.dropna(subset=["si_ratio"])
    own = [one for one in relations.with_si_ratio(found, ratios, groups) if one.measure == chosen]
    heading, *within = [_rho_words(one) for one in own]
    test = "first test" if number == FIRST_TEST else f"test {number}"
    chart = measure_vs_si(
        both.assign(group=both["group"].fillna(UNCLASSIFIED if groups.run else "no group")), y_title=chosen.quantity, heading=heading, subtitle=within,
        x_title=f"SI ratio, {test} (log scale)",
    )  # fmt: skip
    lacking = len(mice) - len(both)
    none = int((both["si_ratio"] == 0).sum())
    caption = f"n = {len(both)} mice{f'; {lacking} more without an SI ratio' if lacking else ''}"
    caption += f"; {none} with a ratio of 0 not drawn" if none else ""
    return str(chosen), Drawn(chart, f"{caption}. {_grouped_by(groups)}", (chosen.key, f"test-{number}"))


def _rho_words(one: relations.Relation) -> str:
    who = one.group or "all, pooled"
    found = one.found
    if found.rho is None or found.low is None or found.high is None:
        return f"{who}: n = {found.n}, no correlation"
    return (
        f"{who}: n = {found.n}, ρ = {signed(found.rho)} ({signed(found.low)} to {signed(found.high)}), "
        f"p = {probability(found.p_value)}"
    )


def _mice(study: Study, found: Measured, chosen: Measure, groups: pd.Series) -> pd.DataFrame:
    """Return the mice of a measure with their groups and pages, indexed by mouse."""
    values = found.values[chosen.key].dropna()
    mice = pd.DataFrame(
        {"value": values, "mouse": values.index.map(found.codes), "group": groups.reindex(values.index)}
    )
    return mice.assign(url=mouse_urls(study.code, mice["mouse"]))


def _draw_arms(request: HttpRequest, study: Study, found: Measured) -> tuple[str, Drawn]:
    """One measure by arm: points where the study is not blinded."""
    chosen = _chosen(request, found)
    if not study.is_blinded and not may(request.user, "view", AllocationKey, study):
        raise FigureError("Arms are not shown to your role.", 403)
    arms = relations.arms_of(study, request.user, found.values.index)
    mice = _mice(study, found, chosen, pd.Series(arms.of_mice, dtype=object)).dropna(subset=["group"])
    fewest = relations.FEWEST_BLIND if arms.are_letters else 0
    means = pd.DataFrame(
        [
            (name, len(own), *mean_interval(own["value"] if len(own) >= fewest else []))
            for name, own in mice.groupby("group")
        ],
        columns=["group", "n", "mean", "low", "high"],
    )
    shown = mice.iloc[:0] if arms.are_letters else mice
    chart = measure_by_group(
        shown[["mouse", "group", "value", "url"]], means, y_title=chosen.quantity,
        subtitle="bar and line: mean and its 95 % interval",
    )  # fmt: skip
    caption = f"n = {len(mice)} randomized mice."
    if arms.are_letters:
        caption += " Arms are letters while the study is blinded, and no mouse is drawn: a point would tell its letter."
    return f"{chosen}, by arm", Drawn(chart, caption, (chosen.key,))


FIGURES: dict[str, Callable[[HttpRequest, Study, Measured], tuple[str, Drawn]]] = {
    "forest": _draw_forest,
    "si-scatter": _draw_scatter,
    "arms": _draw_arms,
}
