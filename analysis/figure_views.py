"""Figures by name: from a run's results to one chart, for the page and as a file for a paper."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from altair.utils.schemapi import debug_mode as altair_checks
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from analysis import (
    calibration_figures,
    expression_figures,
    figures,
    frames,
    outside_figures,
    quality_figures,
    reversal_figures,
    rrho_figures,
    summaries,
)
from analysis.figure_types import Asked, Drawn, Figure, FigureError
from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE
from analysis.models import AnalysisRun
from analysis.staleness import staleness_of

CONTENT_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}


def draw_si_scatter(asked: Asked) -> Drawn:
    """Zone time without and with target, each mouse by its call, and the cutoff."""
    calls = frames.phenotype_frame(asked.run)
    rule_call = asked.run.phenotypecalls.select_related("rule").first()
    if rule_call is None:
        raise FigureError("This run called no mouse.", 404)
    by_cohort = calls.dropna(subset=["cutoff"]).groupby(calls["cohort"].fillna(""))["cutoff"].median()
    cutoff: Any = by_cohort.to_dict() if by_cohort.nunique() > 1 else float(rule_call.rule.cutoff)
    if by_cohort.nunique() == 1:
        cutoff = float(by_cohort.iloc[0])
    chart = figures.si_scatter(calls, cutoff=cutoff, borderline=rule_call.rule.borderline)
    caption = (
        f"n = {len(calls)} mice, rule “{rule_call.rule}”. Below the line a defeated mouse is susceptible; "
        "in the gray band a call may flip on noise."
    )
    return Drawn(chart, caption)


def draw_iz_paired_lines(asked: Asked) -> Drawn:
    """Zone time without and with target as paired lines by group."""
    return _paired_lines(asked, "iz", "interaction zone")


def draw_corner_paired_lines(asked: Asked) -> Drawn:
    """Corner time without and with target as paired lines by group."""
    return _paired_lines(asked, "corner", "corners")


def _paired_lines(asked: Asked, zone: Any, where: str) -> Drawn:
    calls = frames.phenotype_frame(asked.run)
    chart = figures.iz_paired_lines(calls.assign(group=calls["phenotype"]), zone=zone)
    return Drawn(chart, f"Time in the {where}, one line a mouse. n = {len(calls)} mice.")


def draw_si_slope(asked: Asked) -> Drawn:
    """SI ratio before and after treatment, by arm, saline included."""
    calls, cutoff = _response(asked)
    shown = calls[(calls["phenotype"] == SUSCEPTIBLE) & (calls["arm"] != frames.NOT_ALLOCATED)]
    if shown.empty:
        return Drawn(figures.no_data("no re-tested susceptible mouse was allocated to an arm"), "")
    chart = figures.si_slope(shown, cutoff=cutoff)
    caption = (
        f"n = {len(shown)} re-tested susceptible mice, vehicle included: what crosses the line there, "
        "crosses it without any drug."
    )
    return Drawn(chart, caption)


def _response(asked: Asked, *, with_labels: bool = False) -> tuple[pd.DataFrame, float]:
    """Return the calls of a response run, and its cutoff.

    A figure carries its whole frame: what only rates may be made of is left out where mice are drawn one by one.
    """
    rule_call = asked.run.responsecalls.select_related("rule").first()
    if rule_call is None:
        raise FigureError("This run called no mouse.", 404)
    calls = frames.response_frame(asked.run, asked.user)
    return (calls if with_labels else calls.drop(columns=frames.OF_AGGREGATES)), rule_call.rule.cutoff


COMPARED = (CONTROL, SUSCEPTIBLE, RESILIENT)
COURSE_AXES = {
    "test": "SI test",
    "first-test": "days since the first SI test",
    "first-dose": "days since the first dose",
}


def draw_si_course(asked: Asked) -> Drawn:
    """SI ratio over all tests, by arm; the address says since when."""
    since = asked.parameters.get("since") or "test"
    if since not in COURSE_AXES:
        raise FigureError(f"{since} is not an axis of this figure; there are: {', '.join(COURSE_AXES)}.")
    calls, cutoff = _response(asked)
    calls = calls[calls["phenotype"].isin(COMPARED)]
    tests = frames.course_frame(calls, asked.run.study, asked.user, since)
    chart = figures.si_course(tests, x_title=COURSE_AXES[since], cutoff=cutoff)
    n_left_out = int(tests["x"].isna().sum())
    without = f" {n_left_out} tests have no such day and are left out." if n_left_out else ""
    caption = (
        f"n = {len(calls)} re-tested mice, {len(tests) - n_left_out} tests; controls, resilient mice, and susceptible "
        f"mice by arm. Thick line: medians of each test.{without}"
    )
    return Drawn(chart, caption, (since,))


def draw_si_retest(asked: Asked) -> Drawn:
    """Second SI ratio against the first, and what is expected of the second where nothing is done."""
    calls, cutoff = _response(asked)
    expected, regression = frames.expected_second_ratios(asked.run, calls)
    calls = calls[calls["phenotype"].isin(COMPARED)]
    chart = figures.si_retest(calls, expected, cutoff=cutoff)
    return Drawn(chart, f"n = {len(calls)} re-tested mice. {summaries.regression_sentence(regression)}")


def draw_response_rates(asked: Asked) -> Drawn:
    """Response rate of every arm beside that of the vehicle, and the differences."""
    calls, cutoff = _response(asked, with_labels=True)
    rates = summaries.response_rates(calls, cutoff)
    n = sum(rate.called for rate in rates)
    caption = f"n = {n} randomized susceptible mice with a re-test. {summaries.responder_warning(rates)}"
    return Drawn(figures.response_rates(summaries.rates_frame(rates)), caption)


FIGURES = (
    Figure("si-scatter", "Social interaction and the cutoff", "phenotype", draw_si_scatter),
    Figure("iz-paired-lines", "Interaction zone, without and with target", "phenotype", draw_iz_paired_lines),
    Figure("corner-paired-lines", "Corners, without and with target", "phenotype", draw_corner_paired_lines),
    Figure("si-slope", "SI ratio before and after treatment", "response", draw_si_slope, is_wide=True),
    Figure("response-rates", "Response rates", "response", draw_response_rates),
    Figure("si-retest", "Second SI test against the first", "response", draw_si_retest),
    Figure("si-course", "SI ratio over all tests", "response", draw_si_course, is_wide=True),
    *quality_figures.FIGURES,
    *expression_figures.FIGURES,
    *reversal_figures.FIGURES,
    *rrho_figures.FIGURES,
    *outside_figures.FIGURES,
    *calibration_figures.FIGURES,
)


def figure_named(name: str, task: str = "") -> Figure:
    """Return a figure (of one task), or say which there are."""
    known = [figure for figure in FIGURES if task in ("", figure.task)]
    for figure in known:
        if figure.name == name:
            return figure
    of = f" of {task}" if task else ""
    there_are = f"there are: {', '.join(one.name for one in known)}" if known else "there are none"
    raise FigureError(f"{name} is not a figure{of}; {there_are}.", 404)


def run_figure(request: HttpRequest, pk: int, name: str, file_format: str) -> HttpResponse:
    """Answer one figure of a run, as a part of a page or as a file."""
    run = get_object_or_404(
        AnalysisRun.objects.visible_to(request.user).select_related("study", "same_as__study"), pk=pk
    )
    base = reverse("run-figure", args=[pk, name, file_format])
    return answer_figure(request, lambda: figure_named(name, run.task), run, base, f"run-{pk}")


def answer_figure(
    request: HttpRequest, find: Callable[[], Figure], run: AnalysisRun, path: str, origin: str
) -> HttpResponse:
    """Draw a figure and answer it in the format that its address ends in; what cannot be drawn is said in words.

    Parameters
    ----------
    path : str
        Address of this figure in this format.
    origin : str
        What it was drawn from, for the name of a file.
    """
    try:
        figure = find()
        require_format(path.rpartition(".")[2])
        with altair_checks(False):  # of every part of a chart while it is put together: most of the time it takes
            drawn = figure.draw(Asked(run.results_run, request.user, request.GET))
    except FigureError as error:
        return refuse_figure(error)
    return send_figure(request, figure.title, drawn, path, (run.study.code, origin, figure.name), run)


def refuse_figure(error: FigureError) -> HttpResponse:
    """Answer why a figure cannot be drawn, in a sentence."""
    return HttpResponse(str(error), status=error.status, content_type="text/plain; charset=utf-8")


def require_format(file_format: str) -> None:
    """Refuse a format that no figure is drawn in."""
    if file_format != "html" and file_format not in CONTENT_TYPES:
        raise FigureError(f"A figure is not drawn as {file_format}; ask for {', '.join(CONTENT_TYPES)}.", 404)


def send_figure(
    request: HttpRequest, title: str, drawn: Drawn, path: str, naming: tuple[str, ...], run: AnalysisRun | None = None
) -> HttpResponse:
    """Answer a drawn figure: ``.html`` for a page, else the file; either says if the results of its run are stale."""
    stem, _, file_format = path.rpartition(".")
    if file_format == "html":
        query = request.GET.urlencode()
        files = [(kind.upper(), f"{stem}.{kind}" + (f"?{query}" if query else "")) for kind in CONTENT_TYPES]
        name = figure_id(f"{stem}-{query}" if query else stem)  # one page may hold several that differ by what is asked
        context = {
            "id": name,
            "title": drawn.title or title,
            "spec": figures.specification_of(drawn.chart),
            "files": files,
        }
        return render(request, "components/figure.html", {**context, "caption": drawn.caption, "run": run})
    if run is not None and staleness_of(run):
        naming = (*naming, "out-of-date")
    saved = figures.save_figure(drawn.chart, file_format)  # type: ignore[arg-type]
    answer = HttpResponse(saved, content_type=CONTENT_TYPES[file_format])
    answer["Content-Disposition"] = f'attachment; filename="{file_name(*naming, *drawn.parts)}.{file_format}"'
    return answer


def figure_id(stem: str) -> str:
    """Return an id for the page from an address, unique as the address is."""
    return "figure-" + re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")


def file_name(*parts: str) -> str:
    """Return a name that says what is in the file, in characters that every system takes."""
    safe = (re.sub(r"[^A-Za-z0-9.+-]+", "-", part).strip("-") for part in parts)
    return "_".join(part for part in safe if part)


def lazy_figures(names: Mapping[str, str] | list[str], root: str, query: str = "") -> list[dict[str, Any]]:
    """Return what a page needs to let figures be drawn after it is there."""
    return [
        {
            "title": (figure := figure_named(name)).title,
            "is_wide": figure.is_wide,
            "url": f"{root}figures/{name}.html" + (f"?{query}" if query else ""),
        }
        for name in names
    ]
