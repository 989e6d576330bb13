"""One SI test down to its tracks: both trials side by side, the ratio, and how sure it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from altair.utils.schemapi import debug_mode as altair_checks
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from analysis import figures
from analysis.figure_views import (
    CONTENT_TYPES,
    Drawn,
    FigureError,
    figure_id,
    refuse_figure,
    require_format,
    send_figure,
)
from analysis.figures.tracks import MOST_POINTS, Track, occupancy_maps, thinning, track_paths
from analysis.kernels.track_bootstrap import RatioInterval
from analysis.kernels.tracks import occupancy
from analysis.links import storable
from analysis.tasks.si_tests import TIMES
from labdb.behavior.models import SocialInteractionTest, TrackedTrial
from labdb.behavior.tracking.rereading import Path, Reread, read_again
from labdb.behavior.tracking.sources import interval_of_tracks
from labdb.behavior.tracking.targets import ABSENT, PRESENT
from labdb.colony.models import Study
from labdb.desk.class_preview import current_rule, preview_calls
from labdb.registry.attachments import attachments_of
from labdb.registry.entry import reason_of
from labdb.registry.forms import Conflict, conflicts, forbidden_sentence
from labdb.registry.history import writing
from labdb.registry.permissions import may

SQUARES_ALONG = 30  # of an occupancy map: squares of 1.4 cm in a box of 42 cm, smaller than a mouse
TITLES = {"track": "Track over the arena", "occupancy": "Where it stayed"}
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
        "figures": [_figure(test, study, tracks, name) for name in TITLES] if _drawable(tracks) else [],
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
        if name not in TITLES:
            raise FigureError(f"{name} is not a figure of an SI test; there are: {', '.join(TITLES)}.", 404)
        drawn = _draw(name, _tracks(test))
    except FigureError as error:
        return refuse_figure(error)
    number = f"si-test-{test.test_number}"
    return send_figure(request, TITLES[name], drawn, path, (study.code, test.mouse.code, number, name))


@require_POST
def tracked_trial_remove(request: HttpRequest, code: str, pk: int, trial: int) -> HttpResponse:
    """Take a tracked trial away, so that its file can be read anew; the test keeps its numbers, the history the trial."""
    test, study = _test_or_404(request, code, pk)
    if not may(request.user, "change", TrackedTrial, study):
        raise PermissionDenied(forbidden_sentence("change", TrackedTrial, study))
    found = get_object_or_404(TrackedTrial, si_test=test, pk=trial)
    reason = reason_of(request)
    if not reason:
        messages.error(request, "Say why the trial is taken away.")
        return redirect("si-test-page", code, pk)
    try:
        with conflicts(TrackedTrial), writing(user=request.user, door="web", reason=reason):
            found.delete()
    except Conflict as conflict:
        messages.error(request, str(conflict))
    else:
        messages.success(request, f"{found} taken away; the test keeps its numbers until the file is read anew.")
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
    trials = {one.tracked.target: one.tracked for one in tracks}

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
    absent, present = tracks
    if absent.samples is None or absent.how is None or present.samples is None or present.how is None:
        return None
    return interval_of_tracks(
        (absent.samples, absent.how), (present.samples, present.how), test=test.pk, cutoff=cutoff
    )  # fmt: skip


def _drawable(tracks: Sequence[Reread]) -> list[Reread]:
    return [one for one in tracks if one.path is not None]


def _figure(test: SocialInteractionTest, study: Study, tracks: Sequence[Reread], name: str) -> dict[str, Any]:
    drawn = _draw(name, tracks)
    urls = {kind: reverse("si-test-figure", args=[study.code, test.pk, name, kind]) for kind in CONTENT_TYPES}
    return {
        "id": figure_id(f"si-test-{test.pk}-{name}"),
        "title": TITLES[name],
        "spec": figures.specification_of(drawn.chart),
        "files": [(kind.upper(), url) for kind, url in urls.items()],
        "caption": drawn.caption,
    }


def _draw(name: str, tracks: Sequence[Reread]) -> Drawn:
    drawable = _drawable(tracks)
    if not drawable:
        raise FigureError("This test has no track; drop its tracker's files.", 404)
    with altair_checks(False):
        return _draw_tracks(drawable) if name == "track" else _draw_occupancy(drawable)


def _draw_tracks(tracks: Sequence[Reread]) -> Drawn:
    drawn = [
        Track(TARGETS[one.tracked.target], path.time_s, path.x_cm, path.y_cm, one.layout)
        for one, path in _counted(tracks)
    ]
    steps = [thinning(track) for track in drawn]
    most = max(steps)
    thinned = f" One sample in {most} is drawn, at most {MOST_POINTS:,} a trial; scores are of all." if most > 1 else ""
    about = "The triangle is the start; blue: interaction zone, orange: corners. Gaps are times when it was not found."
    return Drawn(track_paths(drawn), about + thinned)


def _draw_occupancy(tracks: Sequence[Reread]) -> Drawn:
    maps = []
    for one, path in _counted(tracks):
        if one.layout is None or one.how is None:
            continue
        floor = one.layout.floor
        side_cm = max(floor.width_cm, floor.height_cm) / SQUARES_ALONG
        seconds = occupancy(
            path.time_s, path.x_cm, path.y_cm, floor.width_cm, floor.height_cm, side_cm, max_gap_s=one.how.max_gap_s
        )  # fmt: skip
        maps.append((TARGETS[one.tracked.target], one.layout, seconds, side_cm))
    if not maps:
        return Drawn(figures.no_data("no data: the arena or the wall with the target is not known"), "")
    side = (
        f"Seconds in each square of {maps[0][3]:.1f} cm; both trials have one scale of colors, which rises as a root."
    )
    return Drawn(occupancy_maps(maps), side)


def _counted(tracks: Sequence[Reread]) -> Iterator[tuple[Reread, Path]]:
    """Yield each track with the part that its score is of: the protocol's length from the start."""
    for one in tracks:
        if one.path is not None:
            yield one, one.path.first(one.how.length_s if one.how else np.inf)
