"""Who is sequenced: a rule, a lot with its seed, a list; and beside each selection who of it was sequenced at last."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from secrets import randbelow
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.excludable import marks_of_mice
from labdb.colony.models import Mouse, Study
from labdb.desk.randomize_page import read_phenotypes
from labdb.registry.forms import forbidden_sentence
from labdb.registry.imports import import_dicts
from labdb.registry.keys import KeyRing
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may
from labdb.registry.plan_records import LARGEST_SEED, PlanRefused, stored_rows
from labdb.registry.record import record_for
from labdb.sequencing.models import Library, SelectionMoment, SequencingSelection
from labdb.sequencing.selecting import NO_DAY, Candidate, SelectionInputs, choose_again, moment_of
from labdb.treatment.models import Allocation, Randomization

LOT = "lot-"  # one input per group: how many are drawn
MOST_LISTED = 20_000  # characters of a typed list
MOST_SHOWN = 20  # of what is known otherwise since
CHANGED = "Other mice come out than you looked at; look at them, then store the selection."
NO_ONE = "Nobody is chosen yet: tick the rule, draw some of a group, or list mice."


@dataclass(frozen=True)
class Choice:
    """Who is chosen, by what rule, and when that was decided."""

    mice: list[Mouse]
    inputs: SelectionInputs
    seed: int

    @property
    def rule(self) -> str:
        """The rule in words."""
        return self.inputs.rule(self.seed)

    @property
    def moment(self) -> SelectionMoment:
        """Whether it is chosen before any mouse was tested again."""
        return self.inputs.moment(timezone.now())

    @property
    def n_retested(self) -> int:
        """How many were tested again already."""
        return len(self.inputs.retests)

    @property
    def codes(self) -> str:
        """The chosen mice as one text: what was looked at is what is stored."""
        return "; ".join(mouse.code for mouse in self.mice)


class Candidates:
    """The mice of a study, their groups, and when they were tested again."""

    def __init__(self, study: Study, user: Any) -> None:
        self.study, self.user = study, user
        rows = Mouse.objects.filter(study=study).visible_to(user).select_related("study")
        self.mice = sorted(rows, key=lambda mouse: natural(mouse.code))
        excluded = marks_of_mice([mouse.pk for mouse in self.mice])
        self.free = [mouse for mouse in self.mice if not excluded.get(mouse.pk)]
        self.calls = read_phenotypes(study, user)
        tests = SocialInteractionTest.objects.filter(study=study, counts=True, test_number__gte=2).visible_to(user)
        self.retests: dict[int, datetime | None] = dict(tests.order_by("-test_at").values_list("mouse_id", "test_at"))
        self.knows_lists = may(user, "view", Randomization, study)

    @property
    def groups(self) -> dict[str, list[Mouse]]:
        """Mice by phenotype, where one was called, else by group."""
        found: dict[str, list[Mouse]] = defaultdict(list)
        for mouse in self.free:
            found[self.group_of(mouse)].append(mouse)
        return dict(sorted(found.items()))

    def group_of(self, mouse: Mouse) -> str:
        """Return the phenotype of a mouse, where one was called, else its group."""
        call = self.calls.calls.get(mouse.pk)
        return call.phenotype if call else mouse.group or "no group"

    @cached_property
    def allocated(self) -> set[int]:
        """The mice of the rule: randomized ones, for whom the lists are known; else all with an allocation."""
        holding = Allocation.objects.filter(Allocation.holding(), study=self.study)
        if self.knows_lists:
            holding = holding.filter(randomization__isnull=False)
        return set(holding.values_list("mouse_id", flat=True))

    def inputs(
        self, *, takes_allocated: str = "", lots: tuple[tuple[str, int], ...] = (), listed: Collection[int] = ()
    ) -> SelectionInputs:
        """Return all that a selection is decided from; of no mouse more than its rule looks at."""
        free = {mouse.pk for mouse in self.free}
        rows = tuple(
            Candidate(
                mouse.code,
                self.group_of(mouse),
                is_excluded=mouse.pk not in free,
                is_allocated=bool(takes_allocated) and mouse.pk in self.allocated,
                is_listed=mouse.pk in listed,
                retest=self._retest(mouse),
            )
            for mouse in self.mice
        )
        return SelectionInputs(rows, takes_allocated, lots, self.calls.run)

    def _retest(self, mouse: Mouse) -> str:
        at = self.retests.get(mouse.pk, "")
        return at.isoformat() if isinstance(at, datetime) else NO_DAY if at is None else ""

    @property
    def rule_words(self) -> str:
        """What the rule is called."""
        return "all randomized mice" if self.knows_lists else "all allocated mice"


@require_http_methods(["GET", "HEAD", "POST"])
def selection(request: HttpRequest, code: str) -> HttpResponse:
    """Show the selections of a study, choose mice, and store the choice."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "view", SequencingSelection, study):
        raise PermissionDenied(forbidden_sentence("view", SequencingSelection, study))
    candidates = Candidates(study, request.user)
    if request.method != "POST":
        return _answer(request, candidates)
    if not may(request.user, "add", SequencingSelection, study):
        raise PermissionDenied(forbidden_sentence("add", SequencingSelection, study))
    try:
        choice = _choose(candidates, request.POST)
        if "save" not in request.POST:
            return _answer(request, candidates, choice)
        if request.POST.get("looked") != choice.codes:
            return _answer(request, candidates, choice, sentence=CHANGED, status=409)
        stored = _store(study, choice, request.user)
    except (PlanRefused, ValueError) as error:
        return _answer(request, candidates, sentence=str(error), status=400)
    n = len(choice.mice)
    messages.success(request, f"{stored} stored: {n} {'mouse' if n == 1 else 'mice'} chosen.")
    return redirect("selection-page", study.code)


def _choose(candidates: Candidates, said: Mapping[str, str]) -> Choice:
    seed = _whole(said.get("seed", ""), "seed", LARGEST_SEED)
    seed = randbelow(LARGEST_SEED + 1) if seed is None else seed
    asked = ((group, _whole(said.get(f"{LOT}{group}", ""), group, 10_000)) for group in candidates.groups)
    inputs = candidates.inputs(
        takes_allocated=candidates.rule_words if said.get("allocated") else "",
        lots=tuple((group, n) for group, n in asked if n),
        listed={mouse.pk for mouse in _listed(candidates, said.get("listed", ""))},
    )
    codes = set(inputs.draw(seed))
    if not codes:
        raise ValueError(NO_ONE)
    return Choice([mouse for mouse in candidates.mice if mouse.code in codes], inputs, seed)


def _whole(text: str, what: str, largest: int) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 12 and int(text) <= largest):
        raise ValueError(f"{what}: {text[:20]} is no whole number from 0 to {largest}.")
    return int(text)


def _listed(candidates: Candidates, text: str) -> list[Mouse]:
    """Return the mice that are named, by code or former code; ValueError for a name that is none."""
    ring = KeyRing(candidates.user)
    names = dict.fromkeys(part for part in re.split(r"[;,\s]+", text.replace("\0", "")[:MOST_LISTED]) if part)
    found = []
    for name in names:
        try:
            mouse = ring.find(Mouse, name, candidates.study)
        except ValidationError as error:
            raise ValueError(error.messages[0]) from None
        if mouse not in candidates.free:
            raise ValueError(f"{mouse} is excluded; leave it out of the list.")
        found.append(mouse)
    return found


def _store(study: Study, choice: Choice, user: Any) -> SequencingSelection:
    taken = set(SequencingSelection.objects.filter(study=study).values_list("code", flat=True))
    number = next(number for number in range(1, len(taken) + 2) if f"SEL{number}" not in taken)
    made = {
        "study": study, "code": f"SEL{number}", "rule": choice.rule, "decided": choice.moment.value,
        "decided_at": timezone.now(), "decided_by": user, "mice": choice.mice, "seed": choice.seed,
        "algorithm_version": choice.inputs.algorithm_version, "input_digest": choice.inputs.digest,
        "input_snapshot": choice.inputs.snapshot,
    }  # fmt: skip
    report = import_dicts(record_for(SequencingSelection), [made], user=user, study=study, door="web")
    stored: SequencingSelection = stored_rows(report)[0]
    return stored


def _sequenced(study: Study, user: Any) -> set[int]:
    """Return the mice that have a library on a run, or counts."""
    path = "extractions__samples__mouse"
    libraries = Library.objects.filter(study=study).visible_to(user).order_by()
    on_runs = libraries.filter(run_lanes__isnull=False).values_list(path, flat=True)
    counted = libraries.filter(count_blocks__isnull=False).values_list(path, flat=True)
    return {*on_runs.distinct(), *counted.distinct()} - {None}


def _repeated(row: SequencingSelection, candidates: Candidates) -> dict[str, Any]:
    """Return a selection made again from what it was decided from, or why it cannot be."""
    try:
        again = choose_again(row, candidates.inputs(takes_allocated=candidates.rule_words))
    except (PlanRefused, ValueError) as error:
        return {"not_repeated": str(error)}
    return {"repeated": again, "since": again.since[:MOST_SHOWN], "n_more": max(len(again.since) - MOST_SHOWN, 0)}


def _held_against(candidates: Candidates, asked: str) -> list[dict[str, Any]]:
    """Return each selection with who of it was sequenced, who was without being chosen, and what the days say.

    The one whose primary key is ``asked`` for is made again.
    """
    rows = SequencingSelection.objects.filter(study=candidates.study).visible_to(candidates.user)
    sequenced = _sequenced(candidates.study, candidates.user)
    retests = list(candidates.retests.values())
    found = []
    for row in rows.prefetch_related("mice"):
        chosen = {mouse.pk for mouse in row.mice.all()}
        by_days = moment_of(row.decided_at, retests)
        found.append(
            {
                "row": row,
                "n": len(chosen),
                "n_sequenced": len(chosen & sequenced),
                "not_sequenced": [mouse.code for mouse in candidates.mice if mouse.pk in chosen - sequenced],
                "not_chosen": [mouse.code for mouse in candidates.mice if mouse.pk in sequenced - chosen],
                "by_days": by_days.label,
                "differs": by_days != row.decided and by_days.value != "unknown",
                **(_repeated(row, candidates) if asked == str(row.pk) else {}),
            }
        )
    return found


def _answer(
    request: HttpRequest, candidates: Candidates, choice: Choice | None = None, *, sentence: str = "", status: int = 200
) -> HttpResponse:
    said = request.POST
    words = {
        "study": candidates.study,
        "selections": _held_against(candidates, request.GET.get("again", "")),
        "may_choose": may(request.user, "add", SequencingSelection, candidates.study),
        "rule_words": candidates.rule_words,
        "n_allocated": sum(mouse.pk in candidates.allocated for mouse in candidates.free),
        "groups": [
            (group, f"{LOT}{group}", said.get(f"{LOT}{group}", ""), len(m)) for group, m in candidates.groups.items()
        ],
        "said": said,
        "choice": choice,
        "sentence": sentence,
    }
    return render(request, "desk/selection.html", words, status=status)
