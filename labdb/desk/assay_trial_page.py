"""One trial of an assay down to its track: where the mouse went, and what was read from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from analysis.figure_views import FigureError, refuse_figure, require_format, send_figure
from analysis.links import storable
from labdb.behavior.models import AssayReading, AssayResult, TrackedAssayTrial
from labdb.behavior.tracking.readings import readings_of, values_of
from labdb.behavior.tracking.rereading import SAME_S, Reread, read_again
from labdb.colony.models import Study
from labdb.desk.track_figures import TITLES, draw, drawable, figure_words
from labdb.desk.tracked_trials import take_away
from labdb.registry.attachments import attachments_of
from labdb.registry.permissions import may


@dataclass(frozen=True)
class Read:
    """One line of the table: what is read, what is stored of it, and what the file says today."""

    reading: AssayReading
    result: AssayResult | None
    today: float | None

    @property
    def digits(self) -> int:
        """How many decimals are shown."""
        return 0 if self.reading.is_count else 2

    @property
    def differs(self) -> bool:
        """Whether the file says something else today than what is stored."""
        stored = self.result.value if self.result else None
        if stored is None or self.today is None:
            return stored is not self.today
        return abs(stored - self.today) > SAME_S


@require_safe
def assay_trial(request: HttpRequest, code: str, pk: int, trial: int) -> HttpResponse:
    """Answer the page of a trial."""
    tracked, study = _trial_or_404(request, code, pk, trial)
    one = _reread(tracked)
    shown = [_figure(one, study, name) for name in TITLES] if drawable(_panels(one)) else []
    words = {
        "study": study, "trial": tracked, "assay": tracked.assay, "mouse": tracked.mouse, "reread": one,
        "lines": list(_lines(one, request.user)), "figures": shown,
        "file": attachments_of(tracked).filter(sha256=tracked.sha256).first(),
        "missing_limit": settings.TRACK_MISSING_LIMIT_PERCENT,
        "may_change": may(request.user, "change", TrackedAssayTrial, study),
    }  # fmt: skip
    return render(request, "desk/assay_trial.html", words)


@require_safe
def assay_trial_figure(
    request: HttpRequest, code: str, pk: int, trial: int, name: str, file_format: str
) -> HttpResponse:
    """Answer one figure of a trial as a file."""
    tracked, study = _trial_or_404(request, code, pk, trial)
    path = reverse("assay-trial-figure", args=[code, pk, trial, name, file_format])
    try:
        require_format(file_format)
        drawn = draw(name, _panels(_reread(tracked)))
    except FigureError as error:
        return refuse_figure(error)
    return send_figure(request, TITLES[name], drawn, path, (study.code, tracked.mouse.code, tracked.assay.name, name))


@require_POST
def assay_trial_remove(request: HttpRequest, code: str, pk: int, trial: int) -> HttpResponse:
    """Take a trial away, so that its file can be read anew; the results keep their values, the history the trial."""
    tracked, study = _trial_or_404(request, code, pk, trial)
    if take_away(request, tracked, "its results keep their values"):
        return redirect("assay-page", study.code, pk)
    return redirect("assay-trial", study.code, pk, trial)


def _trial_or_404(request: HttpRequest, code: str, pk: int, trial: int) -> tuple[TrackedAssayTrial, Study]:
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    rows = TrackedAssayTrial.objects.filter(study=study, assay=pk).visible_to(request.user)
    return get_object_or_404(rows.select_related("mouse__study", "assay", "arena", "study"), pk=trial), study


def _reread(tracked: TrackedAssayTrial) -> Reread:
    (one,) = read_again([tracked])
    return one


def _panels(one: Reread) -> list[tuple[str, Reread]]:
    return [(str(one.tracked), one)]


def _figure(one: Reread, study: Study, name: str) -> dict[str, Any]:
    trial: Any = one.tracked

    def url_of(kind: str) -> str:
        return reverse("assay-trial-figure", args=[study.code, trial.assay_id, trial.pk, name, kind])

    return figure_words(f"assay-trial-{trial.pk}", name, _panels(one), url_of)


def _lines(one: Reread, user: Any) -> Iterator[Read]:
    trial: Any = one.tracked
    results = AssayResult.objects.visible_to(user).filter(mouse=trial.mouse, session=trial.session)
    stored = {result.metric_id: result for result in results.filter(metric__assay=trial.assay)}
    readings = readings_of(trial.assay)
    today = values_of(readings, one.score) if one.score else {}
    for reading in readings:
        yield Read(reading, stored.get(reading.metric_id), today.get(reading.metric_id))
