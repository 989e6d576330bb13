"""One SI test down to its tracks: both trials side by side, the ratio, and how sure it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from analysis.figure_views import FigureError, refuse_figure, require_format, send_figure
from analysis.kernels.track_bootstrap import RatioInterval
from analysis.links import storable
from analysis.tasks.si_tests import TIMES
from labdb.behavior.models import SocialInteractionTest, TrackedTrial
from labdb.behavior.tracking.rereading import Reread, read_again
from labdb.behavior.tracking.sources import interval_of_tracks
from labdb.behavior.tracking.targets import ABSENT, PRESENT
from labdb.colony.models import Study
from labdb.desk.class_preview import current_rule, preview_calls
from labdb.desk.track_figures import TITLES, draw, drawable, figure_words
from labdb.desk.tracked_trials import take_away
from labdb.registry.attachments import attachments_of
from labdb.registry.permissions import may

TARGETS = {ABSENT: "target absent", PRESENT: "target present"}


@dataclass(frozen=True)
class Measure:
    """One line of the table: what, and both trials."""

    label: str
    absent: Any
    present: Any
    digits: int = 1


@require_safe
def si_test(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Answer the page of a test."""
    test, study = _test_or_404(request, code, pk)
    tracks = _tracks(test)
    rule = current_rule(study)
    call = preview_calls(study, test.test_number, {test.mouse: _times(test)}, rule)[test.mouse_id] if rule else None
    distance = call["distance_to_cutoff"] if call else None
    cutoff = None if test.si_ratio is None or distance is None else test.si_ratio - distance
    files = {one.sha256: one for one in attachments_of(test)}
    words = {
        "study": study, "test": test, "mouse": test.mouse, "rule": rule, "call": call, "cutoff": cutoff,
        "measures": list(_measures(test, tracks)),
        "interval": _interval(tracks, cutoff or 1.0, test) if len(tracks) == 2 else None,
        "trials": [(one, files.get(one.tracked.sha256)) for one in tracks],
        "figures": [_figure(test, study, tracks, name) for name in TITLES] if drawable(_panels(tracks)) else [],
        "missing_limit": settings.TRACK_MISSING_LIMIT_PERCENT,
        "may_change": may(request.user, "change", TrackedTrial, study),
        "may_add": may(request.user, "add", SocialInteractionTest, study),
    }  # fmt: skip
    return render(request, "desk/si_test.html", words)


@require_safe
def si_test_figure(request: HttpRequest, code: str, pk: int, name: str, file_format: str) -> HttpResponse:
    """Answer one figure of a test as a file."""
    test, study = _test_or_404(request, code, pk)
    path = reverse("si-test-figure", args=[code, pk, name, file_format])
    try:
        require_format(file_format)
        drawn = draw(name, _panels(_tracks(test)))
    except FigureError as error:
        return refuse_figure(error)
    number = f"si-test-{test.test_number}"
    return send_figure(request, TITLES[name], drawn, path, (study.code, test.mouse.code, number, name))


@require_POST
def tracked_trial_remove(request: HttpRequest, code: str, pk: int, trial: int) -> HttpResponse:
    """Take a tracked trial away, so that its file can be read anew; the test keeps its numbers, the history the trial."""
    test, _study = _test_or_404(request, code, pk)
    take_away(request, get_object_or_404(TrackedTrial, si_test=test, pk=trial), "the test keeps its numbers")
    return redirect("si-test-page", code, pk)


def _test_or_404(request: HttpRequest, code: str, pk: int) -> tuple[SocialInteractionTest, Study]:
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    rows = SocialInteractionTest.objects.filter(study=study).visible_to(request.user)
    related = rows.select_related("mouse__study", "mouse__cohort", "arena", "target", "scorer", "study")
    return get_object_or_404(related, pk=pk), study


def _tracks(test: SocialInteractionTest) -> list[Reread]:
    """Return the test's trials, the one without target first, each with its track."""
    trials = list(test.tracked_trials.order_by("target"))
    for trial in trials:
        trial.si_test = test  # with the arena that is loaded already
    return read_again(trials)


def _times(test: SocialInteractionTest) -> dict[str, float | None]:
    return {name: getattr(test, name) for name in TIMES}


def _measures(test: SocialInteractionTest, tracks: Sequence[Reread]) -> Iterator[Measure]:
    """Yield what both trials say: what counts is the test's, the rest the tracker's."""
    trials = {one.tracked.target: one.tracked for one in tracks if isinstance(one.tracked, TrackedTrial)}

    def both(name: str, scale: float = 1) -> tuple[Any, Any]:
        values = (getattr(trials.get(target), name, None) for target in (ABSENT, PRESENT))
        return tuple(None if value is None else value * scale for value in values)  # type: ignore[return-value]

    yield Measure("Time in the interaction zone (s)", test.iz_absent_s, test.iz_present_s)
    yield Measure("Time in the corners (s)", test.corner_absent_s, test.corner_present_s)
    if trials:
        yield Measure("Entries into the interaction zone", *both("entries"), 0)
        yield Measure("Latency to it (s)", *both("latency_s"))
    yield Measure("Distance (cm)", test.distance_absent_cm, test.distance_present_cm)
    yield Measure("Mean velocity (cm/s)", test.velocity_absent_cm_per_s, test.velocity_present_cm_per_s)
    if trials:
        yield Measure("Time covered by the file (s)", *both("covered_s"))
        yield Measure("Not found (% of samples)", *both("missing_share", 100))
        yield Measure("Longest gap (s)", *both("longest_gap_s"), 2)


def _interval(tracks: Sequence[Reread], cutoff: float, test: SocialInteractionTest) -> RatioInterval | None:
    """Return how sure the ratio is; None where one of the two trials has no track."""
    sampled = []
    for one in tracks:
        if one.samples is None or one.how is None:
            return None
        sampled.append((one.samples, replace(one.how, layout=one.layout)))  # as the stored times
    return interval_of_tracks(*sampled, test=test.pk, cutoff=cutoff)


def _panels(tracks: Sequence[Reread]) -> list[tuple[str, Reread]]:
    return [(TARGETS[one.tracked.target], one) for one in tracks if isinstance(one.tracked, TrackedTrial)]


def _figure(test: SocialInteractionTest, study: Study, tracks: Sequence[Reread], name: str) -> dict[str, Any]:
    def url_of(kind: str) -> str:
        return reverse("si-test-figure", args=[study.code, test.pk, name, kind])

    return figure_words(f"si-test-{test.pk}", name, _panels(tracks), url_of)
