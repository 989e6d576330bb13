"""A list of SI tests to be scored again, blind: a mouse, a day and a file, in random order, and room for the times.

Who may enter SI tests here needs no right to see any record (the role of a blind scorer), and gets no number of the
first scoring, no group, phenotype or arm from this page.
"""

from dataclasses import dataclass, field
from secrets import randbelow
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.behavior.models import SocialInteractionTest
from labdb.behavior.second_scoring import another_scoring
from labdb.colony.models import Study
from labdb.desk.scoring_page import LARGEST_SEED
from labdb.registry.batch import check_rows
from labdb.registry.forms import Conflict, conflicts, forbidden_sentence
from labdb.registry.import_report import CheckedSheet
from labdb.registry.import_storing import Storing, store_sheet
from labdb.registry.permissions import may, visible
from labdb.registry.record import record_for

TIMES = {
    "iz_absent_s": "IZ, target absent (s)",
    "iz_present_s": "IZ, target present (s)",
    "corner_absent_s": "corners, target absent (s)",
    "corner_present_s": "corners, target present (s)",
}
NEEDED = ("iz_absent_s", "iz_present_s")
REASON = "scored again, blind"
MOST_TESTS = 500


@dataclass
class Line:
    """One test of the list: what is shown of it, what was typed, what is wrong."""

    place: int
    test: SocialInteractionTest
    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def cells(self) -> list[tuple[str, str, str, list[str]]]:
        """The inputs: name, label, what was typed, what is wrong."""
        return [
            (f"{name}-{self.test.pk}", label, self.typed.get(name, ""), self.errors.get(name, []))
            for name, label in TIMES.items()
        ]

    @property
    def other_errors(self) -> list[str]:
        """What is wrong with no cell of the line."""
        return [said for name, some in self.errors.items() if name not in TIMES for said in some]


@dataclass(frozen=True)
class Assignment:
    """The tests that an account is given, and why not others.

    Attributes
    ----------
    lines : list of Line
        In random order, without those done.
    n_done, n_own : int
        Of the list: scored twice already; scored by this account before, and so not given to it again.
    """

    lines: list[Line]
    n_done: int
    n_own: int


@dataclass(frozen=True)
class Asked:
    """What the address says: which tests, how many, in which order."""

    test_number: int
    cohort: str
    n: int
    seed: int

    @classmethod
    def of(cls, request: HttpRequest) -> "Asked":
        """Read the address; what is no number has its default."""
        query = request.GET
        return cls(
            _whole(query.get("test", ""), 1, 100, 1),
            storable(query.get("cohort", "")) if query.get("cohort") else "",
            _whole(query.get("n", ""), 1, MOST_TESTS, MOST_TESTS),
            _whole(query.get("seed", ""), 0, LARGEST_SEED, -1),
        )

    @property
    def query(self) -> str:
        """The address of the same list."""
        return urlencode({"test": self.test_number, "cohort": self.cohort, "n": self.n, "seed": self.seed})


def _whole(text: str, least: int, most: int, default: int) -> int:
    return min(max(int(text), least), most) if text.isascii() and text.isdecimal() and len(text) < 10 else default


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def scoring_again(request: HttpRequest, code: str) -> HttpResponse:
    """Show the list, and store the tests whose times were typed, all or none."""
    study = _study(request, code)
    asked = Asked.of(request)
    if asked.seed < 0:
        query = request.GET.copy()
        query["seed"] = str(randbelow(LARGEST_SEED + 1))
        return redirect(f"{request.path}?{query.urlencode()}")
    assignment = assigned(study, asked, request.user)
    sentence = ""
    if request.method == "POST":
        typed = _typed(request, assignment.lines)
        sentence = _store(request.user, study, typed) if typed else ""
        if not sentence and not any(line.errors for line in typed):
            done = f"{len(typed)} test{'s' if len(typed) > 1 else ''} scored again." if typed else "No time was typed."
            messages.success(request, done) if typed else messages.info(request, done)
            return redirect(f"{request.path}?{asked.query}")
    words = {
        "study": study,
        "asked": asked,
        "assignment": assignment,
        "labels": list(TIMES.values()),
        "is_visible": visible(Study.objects.filter(pk=study.pk), request.user).exists(),
        "sentence": sentence,
        "has_errors": any(line.errors for line in assignment.lines),
    }
    return render(request, "desk/scoring_again.html", words, status=400 if sentence or words["has_errors"] else 200)


def _study(request: HttpRequest, code: str) -> Study:
    """Return the study; one that an account neither sees nor may enter tests in is as good as none."""
    study = Study.objects.filter(code=storable(code)).first()
    if study is None:
        raise Http404("There is no such study.")
    if not may(request.user, "add", SocialInteractionTest, study):
        if visible(Study.objects.filter(pk=study.pk), request.user).exists():
            raise PermissionDenied(forbidden_sentence("add", SocialInteractionTest, study))
        raise Http404("There is no such study.")
    return study


def assigned(study: Study, asked: Asked, user: Any) -> Assignment:
    """Return the tests of a list, in the order that its seed gives; what is done meanwhile changes no place."""
    tests = SocialInteractionTest.objects.filter(study=study, test_number=asked.test_number)
    if asked.cohort:
        tests = tests.filter(mouse__cohort__code=asked.cohort)
    included = tests.filter(scoring_number=1, exclusion_criterion="", mouse__exclusions=None)
    rows = list(included.select_related("mouse", "study", "arena", "target", "scorer", "performed_by").order_by("pk"))
    order = np.random.default_rng(asked.seed).permutation(len(rows))[: asked.n]
    scorings: dict[int, list[tuple[Any, Any]]] = {}
    for mouse, scorer, typist in tests.values_list("mouse_id", "scorer_id", "created_by_id"):
        scorings.setdefault(mouse, []).append((scorer, typist))
    lines, n_done, n_own = [], 0, 0
    for place, at in enumerate(order, start=1):
        known = scorings[rows[at].mouse_id]
        # Where no scorer is recorded, who typed the numbers has seen them.
        if any(user.pk == (scorer or typist) for scorer, typist in known):
            n_own += len(known) == 1
            n_done += len(known) > 1
        elif len(known) > 1:
            n_done += 1
        else:
            lines.append(Line(place, rows[at]))
    return Assignment(lines, n_done, n_own)


def _typed(request: HttpRequest, lines: list[Line]) -> list[Line]:
    """Return the lines in which something was typed; an empty cell that is needed is said by the form."""
    found = []
    for line in lines:
        line.typed = {name: request.POST.get(f"{name}-{line.test.pk}", "").strip() for name in TIMES}
        if any(line.typed.values()):
            found.append(line)
    return found


def _store(user: Any, study: Study, typed: list[Line]) -> str:
    """Write the second scorings, all or none; say why none was written, or put it beside the cells."""
    record = record_for(SocialInteractionTest)
    texts = [
        (number, {**another_scoring(line.test, 2, user), **line.typed}) for number, line in enumerate(typed, start=1)
    ]
    checked = check_rows(record, texts, user=user, study=study, word="row")
    for line, row in zip(typed, checked, strict=True):
        line.errors = row.errors
    if any(row.errors for row in checked):
        return ""
    storing = Storing(user, "web", REASON, study)
    try:
        with conflicts(SocialInteractionTest), transaction.atomic(), storing.history(None):
            store_sheet(CheckedSheet(record, checked), storing, None)
    except Conflict as conflict:
        return str(conflict)
    return ""
