"""The page that takes trackers' files of SI tests: see what they say and all that is wrong, then store them, all or none."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from analysis.tasks.si_tests import TIMES
from labdb.behavior.models import SocialInteractionTest
from labdb.behavior.models.si_test import TargetSide
from labdb.behavior.models.tracked_trial import Target
from labdb.behavior.models.zones import ToldBy
from labdb.colony.models import Mouse, Study
from labdb.desk.class_preview import current_rule, preview_calls
from labdb.desk.si_drop import ANOTHER, SiDrop, SiRow
from labdb.desk.tracker_pages import shared_words, take, undo_sentence
from labdb.registry.forms import forbidden_sentence
from labdb.registry.permissions import may


@dataclass(frozen=True)
class Line:
    """One trial as the table shows it, and, at the first trial of a mouse, its ratio and call."""

    row: SiRow
    call: Any = None


@require_http_methods(["GET", "HEAD", "POST"])
def tracker_files(request: HttpRequest, code: str) -> HttpResponse:
    """Check trackers' files without storing anything, then store them."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    for action in ("add", "change"):
        if not may(request.user, action, SocialInteractionTest, study):
            raise PermissionDenied(forbidden_sentence(action, SocialInteractionTest, study))
    drop = SiDrop(request, study)
    if take(request, drop):
        messages.success(request, _stored_sentence(drop))
        return redirect(_back_url(drop))
    return render(request, "desk/si_files.html", _words(drop, study))


def _back_url(drop: SiDrop) -> str:
    """Return where to go from here: the day of tests on which the files were dropped, else the list of tests."""
    if day_of := drop.said.get("day_of", ""):
        asked = urlencode({"cohort": day_of, "test": drop.test_number})
        return f"{reverse('bench-si-tests', args=[drop.study.code])}?{asked}"
    asked = urlencode({"study": drop.study.code, "ordering": "-test_at"})
    return f"{reverse('record-list', args=['si-tests'])}?{asked}"


def _words(drop: SiDrop, study: Study) -> dict[str, Any]:
    rule = current_rule(study)
    return {
        **shared_words(drop),
        "lines": list(_lines(drop, study, rule)),
        "rule": rule,
        "targets": Target.choices,
        "sides": TargetSide.choices,
        "told_by": ToldBy.choices,
        "another": ANOTHER,
    }


def _lines(drop: SiDrop, study: Study, rule: Any) -> Iterator[Line]:
    """Yield the trials by mouse, the one without target first; those left out come last."""

    def place(row: SiRow) -> tuple[Any, ...]:
        return row.is_left_out, row.match.mouse.code if row.match.mouse else "", row.target, row.number

    calls = _calls(drop, study, rule)
    seen: set[int] = set()
    for row in sorted(drop.rows, key=place):
        pk = row.match.mouse.pk if row.match.mouse and not row.is_left_out else 0
        yield Line(row, calls.get(pk) if pk not in seen else None)
        seen.add(pk)


def _calls(drop: SiDrop, study: Study, rule: Any) -> dict[int, Any]:
    """Return the call of each mouse by what its files say, and what is stored where they say nothing."""
    if rule is None:
        return {}
    times: dict[Mouse, dict[str, float | None]] = {}
    for row in drop.wanted:
        if row.match.mouse is None or row.score is None:
            continue
        stored = {name: getattr(row.stored, name) for name in TIMES} if row.stored else {}
        values = times.setdefault(row.match.mouse, {**stored, "trial_s": drop.asked.trial_s})
        values[f"iz_{row.target}_s"] = row.score.zone_s
        if row.score.corner_s is not None:
            values[f"corner_{row.target}_s"] = row.score.corner_s
    return preview_calls(study, drop.test_number, times, rule) if times else {}


def _stored_sentence(drop: SiDrop) -> str:
    n_trials, n_tests, n_new = len(drop.wanted), len(drop.tests), drop.n_new
    what = f"{n_tests} SI test{'s' if n_tests != 1 else ''} {drop.test_number}"
    new = f"{n_new} of them new" if not drop.is_another_scoring else "another scoring that does not count yet"
    return f"{n_trials} trial{'s' if n_trials != 1 else ''} stored: {what}, {new}.{undo_sentence(drop)}"
