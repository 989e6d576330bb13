"""The other assays of a study: what was measured, every value by group and session, and how it goes with the SI ratio."""

from typing import Any

import pandas as pd
from altair.utils.schemapi import debug_mode as altair_checks
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from analysis.figure_views import Drawn, FigureError, refuse_figure, require_format, send_figure
from analysis.figures.assays import assay_metric
from analysis.links import storable
from labdb.behavior.derived_metrics import DERIVED
from labdb.behavior.models import Assay, AssayMetric, AssayReading, AssayResult, TrackedAssayTrial
from labdb.behavior.tracking.readings import readings_of
from labdb.colony.models import Study
from labdb.desk import assays
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may


@require_GET
def assay_index(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the list of assays with how much of each the study has."""
    study = _study(request, code)
    of_study = Q(metrics__results__study=study)
    found = Assay.objects.prefetch_related("metrics").annotate(
        n_results=Count("metrics__results", filter=of_study, distinct=True),
        n_mice=Count("metrics__results__mouse", filter=of_study, distinct=True),
    )
    words = {
        "study": study,
        "assays": sorted(found, key=lambda one: (not one.n_results, one.name)),
        "may_enter": may(request.user, "add", AssayResult, study),
        "may_define": may(request.user, "add", Assay) and may(request.user, "add", AssayMetric),
    }
    return render(request, "desk/assays.html", words)


@require_GET
def assay_page(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Answer the page of an assay in a study."""
    study, assay = _study(request, code), _assay(pk)
    everything = assays.results(study, request.user)
    found = everything[everything["assay_id"] == assay.pk]
    table = assays.correlations(study, everything)
    root = reverse("assay-page", args=[study.code, assay.pk])
    metrics = []
    for metric in assay.metrics.order_by("pk"):
        own = found[found["metric_id"] == metric.pk]
        metrics.append(
            {
                "metric": metric,
                "formula": DERIVED[metric.name].formula if metric.name in DERIVED else "",
                "summaries": assays.summaries(own),
                "excluded": own[own["is_excluded"]].to_dict("records"),
                "n_computed": int(own["is_computed"].sum()),
                "correlations": _rows(table[table["measure"] == metric.name]),
                "figure": {"title": metric.name, "url": f"{root}figures/{metric.pk}.html"},
            }
        )
    readings = readings_of(assay)
    words = {
        "study": study,
        "assay": assay,
        "metrics": [one for one in metrics if one["summaries"] or one["excluded"]],
        "empty": [one for one in metrics if not one["summaries"] and not one["excluded"]],
        "n_measures": table["measure"].nunique(),
        "may_enter": may(request.user, "add", AssayResult, study),
        "trials": _trials(study, assay, request.user),
        "may_track": may(request.user, "add", TrackedAssayTrial, study) and bool(readings),
        "may_say_readings": may(request.user, "add", AssayReading) and not readings,
    }
    return render(request, "desk/assay.html", words)


def _trials(study: Study, assay: Assay, user: Any) -> list[TrackedAssayTrial]:
    """Return the trials that were read from tracks, by session and mouse."""
    found = TrackedAssayTrial.objects.visible_to(user).filter(study=study, assay=assay)
    trials = found.select_related("mouse__study", "study")
    return sorted(trials, key=lambda one: (natural(one.session), natural(one.mouse.code)))


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of a frame with None where a number is missing."""
    plain = table.astype(object).mask(table.isna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def assay_figure(request: HttpRequest, code: str, pk: int, metric: int, file_format: str) -> HttpResponse:
    """Answer the figure of one metric, for a page or as a file."""
    study, assay = _study(request, code), _assay(pk)
    path = reverse("assay-figure", args=[study.code, pk, metric, file_format])
    try:
        require_format(file_format)
        chosen = assay.metrics.filter(pk=metric).first()
        if chosen is None:
            raise FigureError(f"{assay} has no metric {metric}.", 404)
        drawn = _drawn(study, chosen, request.user)
    except FigureError as error:
        return refuse_figure(error)
    return send_figure(request, chosen.name, drawn, path, (study.code, chosen.name))


def _drawn(study: Study, metric: AssayMetric, user: Any) -> Drawn:
    found = assays.results(study, user)
    found = found[(found["metric_id"] == metric.pk)]
    included = found[~found["is_excluded"]]
    title = f"{metric.name} ({metric.unit})" if metric.unit else metric.name
    with altair_checks(False):
        chart = assay_metric(included, title, assays.session_order(included))
    n_out = len(found) - len(included)
    out = f"; {n_out} excluded result{'s are' if n_out > 1 else ' is'} not drawn" if n_out else ""
    return Drawn(chart, f"n = {included['mouse'].nunique()} mice, {len(included)} results{out}.")


def _study(request: HttpRequest, code: str) -> Study:
    return get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))


def _assay(pk: int) -> Assay:
    assay = Assay.objects.filter(pk=pk).first()
    if assay is None:
        raise Http404(f"There is no assay {pk}.")
    return assay
