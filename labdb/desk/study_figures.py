"""Figures of a study: those of its current runs, and of records that no run is needed for."""

from collections.abc import Callable
from typing import Any

from altair.utils.schemapi import debug_mode as altair_checks
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from analysis.figure_views import (
    FIGURES,
    Drawn,
    Figure,
    FigureError,
    answer_figure,
    figure_named,
    refuse_figure,
    require_format,
    send_figure,
)
from analysis.figures.body_mass import body_mass
from analysis.figures.flow import animal_flow as draw_steps
from analysis.frames import body_mass_frame
from analysis.links import storable
from analysis.summaries import current_runs
from labdb.colony.models import Mouse, Study
from labdb.desk.animal_flow import ADDS_UP, animal_flow
from labdb.desk.scoring_page import AGREEMENT, AGREEMENT_TITLE, draw_agreement

BODY_MASS = "body-mass"
BODY_MASS_TITLE = "Body mass over days"
FLOW = "animal-flow"
FLOW_TITLE = "Flow of animals"


def study_figure(request: HttpRequest, code: str, name: str, file_format: str) -> HttpResponse:
    """Answer a figure of a study, as a part of a page or as a file."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    path = reverse("study-figure", args=[code, name, file_format])
    try:
        require_format(file_format)
        if name == BODY_MASS:
            return _send_body_mass(request, study, path)
        if name in OF_RECORDS:
            title, draw = OF_RECORDS[name]
            return send_figure(request, title, draw(study, request.user), path, (study.code, name))
        figure = _figure_named(name)
        run = current_runs(study).get(figure.task)
        if run is None:
            task = figure.task.replace("_", " ")
            raise FigureError(f"{code} has no current results of {task}; run {task} first.", 404)
    except FigureError as error:
        return refuse_figure(error)
    return answer_figure(request, lambda: figure, run, path, "current")


def _figure_named(name: str) -> Figure:
    try:
        return figure_named(name)
    except FigureError:
        names = ", ".join([*(figure.name for figure in FIGURES), BODY_MASS, *OF_RECORDS])
        raise FigureError(f"{name} is not a figure of a study; there are: {names}.", 404) from None


def _send_body_mass(request: HttpRequest, study: Study, path: str) -> HttpResponse:
    mouse = None
    if asked := request.GET.get("mouse"):
        mouse = Mouse.objects.filter(study=study, code=storable(asked)).first()
        if mouse is None:
            raise FigureError(f"{asked} is not a mouse of {study}.", 404)
    drawn = draw_body_mass(study, mouse)
    return send_figure(request, BODY_MASS_TITLE, drawn, path, (study.code, BODY_MASS))


def draw_body_mass(study: Study, mouse: Mouse | None = None) -> Drawn:
    """Body mass over days, of one mouse or of all by what they were called, else by group."""
    run = current_runs(study).get("phenotype")
    phenotypes = dict(run.results_run.phenotypecalls.values_list("mouse_id", "phenotype")) if run else {}
    weighings = body_mass_frame(study, phenotypes, mouse)
    with altair_checks(False):
        chart = body_mass(weighings)
    weighed = _counted(len(weighings), "weighing", "weighings")
    who = str(mouse) if mouse else "n = " + _counted(weighings["mouse"].nunique(), "mouse", "mice")
    return Drawn(chart, f"{who}, {weighed}.", (mouse.code,) if mouse else ())


def draw_flow(study: Study, _user: Any) -> Drawn:
    """Animals from their registration to expression, and why the others left."""
    steps = animal_flow(study, current_runs(study).get("phenotype"))
    with altair_checks(False):
        chart = draw_steps([step.lines for step in steps])
    return Drawn(chart, "An excluded mouse leaves before the first analysis that would have read it. " + ADDS_UP)


# By name: title, and what draws it for whoever asks; no run is needed.
OF_RECORDS: dict[str, tuple[str, Callable[[Study, Any], Drawn]]] = {
    FLOW: (FLOW_TITLE, draw_flow),
    AGREEMENT: (AGREEMENT_TITLE, draw_agreement),
}


def _counted(n: int, one: str, several: str) -> str:
    return f"{n} {one if n == 1 else several}"
