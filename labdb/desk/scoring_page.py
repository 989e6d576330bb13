"""Tests scored twice: who agrees with whom, which label hangs on it, and which scoring counts."""

from dataclasses import dataclass
from secrets import randbelow
from typing import Any

import pandas as pd
from altair.utils.schemapi import debug_mode as altair_checks
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from analysis.figure_views import Drawn
from analysis.figures.agreement import Scorings, scorer_agreement
from analysis.links import mouse_urls, storable
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.excludable import EXCLUSION_FIELDS
from labdb.colony.models import Cohort, Study
from labdb.desk import scoring
from labdb.desk.class_preview import current_rule
from labdb.desk.retest import retest
from labdb.registry.batch import check_rows
from labdb.registry.entry import reason_of
from labdb.registry.forms import Conflict, conflicts, forbidden_sentence
from labdb.registry.import_report import CheckedSheet
from labdb.registry.import_storing import Storing, store_sheet
from labdb.registry.permissions import may
from labdb.registry.record import record_for

AGREEMENT = "scorer-agreement"
AGREEMENT_TITLE = "Difference of two scorings against their mean"
LARGEST_SEED = 999_999
NO_REASON = "Say why this scoring counts from now on; the history keeps it."


@dataclass(frozen=True)
class Tally:
    """How many tests of one number have one scoring, how many more."""

    test_number: int
    n_once: int
    n_twice: int


@require_GET
def scoring_page(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a study's scorings."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    return render(request, "desk/scoring.html", _words(request, study))


def _words(request: HttpRequest, study: Study, **more: Any) -> dict[str, Any]:
    tests = scoring.scored_tests(study, request.user)
    twice = scoring.compared(tests)
    pairs = scoring.pairs(twice)
    rule = current_rule(study)
    return {
        "study": study,
        "tallies": _tallies(tests),
        "n_excluded": sum(test.is_excluded and len(test.scorings) > 1 for test in tests),
        "twice": twice,
        "scorers": scoring.scorers_of(pairs),
        "measures": scoring.measures(pairs) if pairs else [],
        "n_more": sum(len(test.scorings) > 2 for test in twice),
        "labeled": scoring.labeled(study, twice, rule) if twice and rule else [],
        "rule": rule,
        "retest": retest(study, rule),
        "figure": {"title": AGREEMENT_TITLE, "url": reverse("study-figure", args=[study.code, AGREEMENT, "html"])},
        "cohorts": Cohort.objects.filter(study=study).order_by("code"),
        "seed": randbelow(LARGEST_SEED + 1),
        "may_score": may(request.user, "add", SocialInteractionTest, study),
        "may_choose": may(request.user, "change", SocialInteractionTest, study),
        **more,
    }


def _tallies(tests: list[scoring.Scored]) -> list[Tally]:
    numbers = sorted({test.test_number for test in tests})
    return [
        Tally(
            number,
            sum(test.test_number == number and len(test.scorings) == 1 for test in tests),
            sum(test.test_number == number and len(test.scorings) > 1 for test in tests),
        )
        for number in numbers
    ]


def draw_agreement(study: Study, user: Any) -> Drawn:
    """Difference against mean of the scoring that counts and each other one."""
    pairs = scoring.pairs(scoring.compared(scoring.scored_tests(study, user)))
    mice = pd.Series([pair.scored.mouse.code for pair in pairs], dtype=object)
    urls = mouse_urls(study.code, mice)
    panels = [
        Scorings(
            one.name, one.unit, pd.DataFrame({"mouse": mice, "url": urls, "first": one.first, "second": one.second}),
            one.limits,
        )
        for one in scoring.measures(pairs)
    ]  # fmt: skip
    with altair_checks(False):
        chart = scorer_agreement(panels if pairs else [])
    who = "; ".join(f"{first} and {second}, n = {n}" for first, second, n in scoring.scorers_of(pairs))
    return Drawn(chart, f"Earlier scoring minus later. Dashed: mean difference and limits of agreement. {who}.")


@require_POST
def scoring_counts(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Let another scoring of a test count, for a reason; both are written in one transaction."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "change", SocialInteractionTest, study):
        raise PermissionDenied(forbidden_sentence("change", SocialInteractionTest, study))
    chosen = SocialInteractionTest.objects.visible_to(request.user).filter(study=study, pk=pk).first()
    if chosen is None:
        raise Http404(f"There is no SI test {pk} in study {study}.")
    reason = reason_of(request)
    if not reason:
        return render(request, "desk/scoring.html", _words(request, study, error=NO_REASON, error_pk=pk), status=400)
    try:
        sentences = let_count(chosen, request.user, reason)
    except Conflict as conflict:
        sentences = [str(conflict)]
    if sentences:
        return render(request, "desk/scoring.html", _words(request, study, error=" ".join(sentences)), status=409)
    messages.success(request, f"{chosen} counts now. Runs that read the other scoring keep their results; run anew.")
    return redirect("scoring-page", study.code)


def let_count(chosen: SocialInteractionTest, user: Any, reason: str) -> list[str]:
    """Move what counts to this scoring, and return what refuses it; an exclusion of the test goes along.

    Raises
    ------
    Conflict
        Somebody changed one of the scorings meanwhile.
    """
    record = record_for(SocialInteractionTest)
    scorings = SocialInteractionTest.objects.filter(mouse=chosen.mouse_id, test_number=chosen.test_number)
    others = list(scorings.filter(counts=True).exclude(pk=chosen.pk).select_related("study"))
    excluded = next((one for one in others if one.exclusion_criterion), None)
    along = {name: _entered(getattr(excluded, name)) for name in EXCLUSION_FIELDS} if excluded else {}
    texts = [(1, {"counts": "yes", **along})]
    texts += [(number, {"counts": "no"}) for number, _one in enumerate(others, start=2)]
    stored = {1: chosen, **dict(enumerate(others, start=2))}
    checked = check_rows(record, texts, user=user, word="row", stored=stored)
    sentences = [said for row in checked for some in row.errors.values() for said in some]
    if not sentences:
        storing = Storing(user, "web", reason)
        with conflicts(SocialInteractionTest), transaction.atomic(), storing.history(None):
            store_sheet(CheckedSheet(record, checked), storing, None)
    return sentences


def _entered(value: Any) -> Any:
    """Return a value as the form reads it."""
    return {True: "yes", False: "no", None: ""}.get(value, value)
