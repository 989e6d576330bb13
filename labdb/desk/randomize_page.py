"""Randomizing: who is eligible and how it is drawn are shown before, the list and its balance only once it is stored.

A preview of lists would be a choice among seeds. So the page draws once, when it stores.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from analysis.kernels.phenotype import CONTROL, RESILIENT
from analysis.links import storable
from analysis.models import AnalysisRun
from analysis.summaries import current_runs
from labdb.colony.models import Study
from labdb.desk.randomize_form import METHOD_WORDS, ListForm, WhoForm, arms_in_order
from labdb.registry.forms import forbidden_sentence
from labdb.registry.keys import is_id
from labdb.registry.permissions import may
from labdb.registry.plan_records import PlanRefused
from labdb.treatment.allocating import (
    Follows,
    ListInputs,
    chain_of,
    latest_of,
    replacement_of,
    store_list,
    store_vehicle,
)
from labdb.treatment.eligibility import (
    Call,
    Candidate,
    Wanted,
    candidates,
    cuts_of,
    with_levels,
)
from labdb.treatment.models import Allocation, AllocationKey, Randomization, TreatmentArm
from labdb.treatment.randomization import (
    MINIMIZATION,
    STRATIFIED,
    Entrant,
    RandomizationError,
    design_faults,
    entrant_faults,
)
from labdb.treatment.repeating import continued_inputs, trusted_inputs

CHANGED = "Mice or results were changed since you looked; look at who is eligible now, and randomize."
NO_REASON = "Say why it is randomized anew; the record keeps it beside the old list."


@dataclass(frozen=True)
class Phenotypes:
    """What the phenotype run that counts says, and its number; empty without one."""

    calls: Mapping[int, Call]
    run: str


@dataclass(frozen=True)
class Preview:
    """What is shown before anything is drawn.

    Attributes
    ----------
    others : list of (str, list of str)
        Why mice are not eligible, and which.
    strata : list of (str, int)
        How many mice are in each stratum, or have each level.
    """

    inputs: ListInputs
    wanted: Wanted
    eligible: list[Candidate]
    others: list[tuple[str, list[str]]]
    strata: list[tuple[str, int]]
    n_before: int = 0


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def randomize(request: HttpRequest, code: str) -> HttpResponse:
    """Show who is eligible, and store a list at one click."""
    study = study_of_allocator(request, code)
    follows = _follows(request, study)
    phenotypes = read_phenotypes(study, request.user)

    def answer(form: Any, **more: Any) -> HttpResponse:
        return _answer(request, study, follows, phenotypes, form, **more)

    if request.method != "POST":
        return answer(_form(request, study, follows))
    form = _form(request, study, follows, request.POST)
    if not form.is_valid():
        return answer(form, sentences=form.sentences, status=400)
    try:
        preview = _preview(study, form, follows, phenotypes)
        if "save" not in request.POST:
            return answer(form, preview=preview, sentences=_faults(preview))
        if request.POST.get("digest") != preview.inputs.digest:
            return answer(form, preview=preview, sentences=[CHANGED], status=409)
        reason = form.cleaned_data.get("reason", "")
        if follows.replaces and not reason:
            return answer(form, preview=preview, sentences=[NO_REASON], status=400)
        stored = store_list(
            study, preview.inputs, seed=form.cleaned_data.get("seed"), user=request.user,
            follows=Follows(follows.continues, follows.replaces, reason),
            eligibility=preview.wanted.words(phenotypes.run), phenotype_run=phenotypes.run,
        )  # fmt: skip
    except (RandomizationError, PlanRefused) as error:
        return answer(form, sentences=getattr(error, "reasons", [str(error)]), status=409)
    n = stored.allocations.count()
    messages.success(request, f"{stored} stored: {n} {'mouse' if n == 1 else 'mice'} allocated.")
    return redirect("randomization-page", study.code, stored.pk)


@require_POST
def vehicle(request: HttpRequest, code: str) -> HttpResponse:
    """Allocate controls, resilient mice or both to one arm without randomization."""
    study = study_of_allocator(request, code)
    arms = TreatmentArm.objects.filter(study=study).visible_to(request.user)
    arm = _by_id(arms, request.POST.get("arm", ""))
    who = tuple(one for one in (CONTROL, RESILIENT) if one in request.POST.getlist("who"))
    if arm is None or not who:
        messages.error(request, "Choose an arm, and controls, resilient mice or both.")
        return redirect("randomize", study.code)
    waiting = _waiting(study, read_phenotypes(study, request.user))
    mice = [one.mouse.code for some in who for one in waiting[some]]
    try:
        n = store_vehicle(study, mice, arm, user=request.user)
    except PlanRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{n} {'mouse' if n == 1 else 'mice'} allocated to {arm} without randomization.")
    return redirect("randomize", study.code)


def study_of_allocator(request: HttpRequest, code: str) -> Study:
    """Return a study in which the account may randomize."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    for model in (Randomization, Allocation, AllocationKey):
        if not may(request.user, "add", model, study):
            raise PermissionDenied(forbidden_sentence("add", model, study))
    return study


def read_phenotypes(study: Study, user: Any) -> Phenotypes:
    """Return the calls of the phenotype run that counts."""
    run = current_runs(study).get("phenotype")
    if run is None or not AnalysisRun.objects.visible_to(user).filter(pk=run.pk).exists():
        return Phenotypes({}, "")
    rows = run.results_run.phenotypecalls.values_list("mouse_id", "phenotype", "si_ratio", "si_test__test_at")
    calls = {
        mouse: Call(phenotype, ratio, timezone.localdate(at).isoformat() if at else "")
        for mouse, phenotype, ratio, at in rows
    }
    return Phenotypes(calls, str(run.pk))


def _follows(request: HttpRequest, study: Study) -> Follows:
    """Return what the address says the new list follows: ``?continues=12`` or ``?replaces=12``."""
    seen = Randomization.objects.filter(study=study).visible_to(request.user)
    for word in ("continues", "replaces"):
        asked = request.GET.get(word, "")
        if not asked:
            continue
        found = _by_id(seen, asked)
        if found is None:
            raise Http404(f"There is no such randomization in {study}.")
        latest = latest_of(found)
        return Follows(continues=latest) if word == "continues" else Follows(replaces=latest)
    return Follows()


def _by_id(rows: QuerySet[Any], text: str) -> Any:
    return rows.filter(pk=int(text.removeprefix("#"))).first() if is_id(text) else None


def _form(request: HttpRequest, study: Study, follows: Follows, data: Any = None) -> Any:
    return (WhoForm if follows.continues else ListForm)(study, request.user, data)


def _preview(study: Study, form: Any, follows: Follows, phenotypes: Phenotypes) -> Preview:
    before = follows.continues
    design = trusted_inputs(before).design if before else form.design()
    wanted = form.wanted(design.factors)
    free = [one.pk for one in chain_of(follows.replaces)] if follows.replaces else []
    found = candidates(study, phenotypes.calls, wanted, free=free)
    eligible = [one for one in found if not one.why_not]
    facts = [one.facts for one in eligible]
    if before:
        inputs = continued_inputs(before, facts)
    else:
        cuts = cuts_of(facts, design.factors)
        inputs = ListInputs(design, tuple(with_levels(facts, design.factors, cuts)), cuts)
    others: dict[str, list[str]] = {}
    for one in found:
        if one.why_not:
            others.setdefault(one.why_not, []).append(one.mouse.code)
    n_before = len(inputs.mice) - len(facts)
    ordered = sorted(others.items(), key=lambda some: -len(some[1]))
    return Preview(inputs, wanted, eligible, ordered, _strata(inputs), n_before)


def _strata(inputs: ListInputs) -> list[tuple[str, int]]:
    if inputs.design.method == STRATIFIED:
        return sorted(Counter(", ".join(mouse.levels) for mouse in inputs.mice).items())
    return [
        (f"{factor}: {level}", n)
        for place, factor in enumerate(inputs.design.factors)
        for level, n in sorted(Counter(mouse.levels[place] for mouse in inputs.mice).items())
    ]


def _faults(preview: Preview) -> list[str]:
    """Return what will refuse the list, before anything is drawn."""
    entrants = [Entrant(mouse.code, mouse.levels) for mouse in preview.inputs.mice]
    design = preview.inputs.design
    return [*design_faults(design), *entrant_faults(entrants, design, preview.n_before)]


def _hints(study: Study, preview: Preview) -> Iterator[str]:
    """Yield what is allowed, and should be known before it is drawn."""
    design = preview.inputs.design
    if study.is_blinded and len(set(design.ratio)) > 1:
        yield (
            "In an unequal ratio, counts of mice by letter tell which arm is which, though not which mice are in it; an "
            "equal ratio tells nothing."
        )
    small = [n for _label, n in preview.strata if design.method == STRATIFIED and n < min(design.block_sizes)]
    if small:
        yield (
            f"{len(small)} of {len(preview.strata)} strata have fewer mice than a block, so that arms may come out uneven "
            "over all; fewer factors or minimization keep them closer."
        )
    if design.method == MINIMIZATION and design.best_arm_probability == 1:
        yield "With probability 1 whoever knows the list so far can tell most of the next arms; 0.8 is usual."


def _waiting(study: Study, phenotypes: Phenotypes) -> dict[str, list[Candidate]]:
    """Return the controls and the resilient mice that have no allocation."""
    found = candidates(study, phenotypes.calls, Wanted((CONTROL, RESILIENT), (), ()))
    return {
        who: [one for one in found if not one.why_not and one.facts.phenotype == who] for who in (CONTROL, RESILIENT)
    }


def _answer(
    request: HttpRequest,
    study: Study,
    follows: Follows,
    phenotypes: Phenotypes,
    form: Any,
    *,
    preview: Preview | None = None,
    sentences: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    waiting = _waiting(study, phenotypes)
    old = follows.continues or follows.replaces
    may_save = preview is not None and not _faults(preview)
    words = {
        "study": study,
        "form": form,
        "follows": follows,
        "address": request.get_full_path(),
        "method_words": METHOD_WORDS,
        "phenotype_run": phenotypes.run,
        "phenotype_url": reverse("analysis-run", args=[phenotypes.run]) if phenotypes.run else "",
        "randomizations": _randomizations(study, request.user),
        "arms": arms_in_order(study, request.user),
        "waiting": [
            (who, "controls" if who == CONTROL else "resilient mice", len(some)) for who, some in waiting.items()
        ],
        "replacement": replacement_of(old) if old else None,
        "may_save": may_save,
        "hints": list(_hints(study, preview)) if preview and may_save else [],
        "preview": preview,
        "rule": preview.wanted.words(phenotypes.run) if preview else "",
        "sentences": sentences,
    }
    return render(request, "desk/randomize.html", words, status=status)


def _randomizations(study: Study, user: Any) -> list[tuple[Randomization, int, str]]:
    """Return each with how many mice it allocated, and what became of it."""
    rows = Randomization.objects.filter(study=study).visible_to(user).select_related("continues", "replaces", "study")
    found = []
    counts = Counter(Allocation.objects.filter(study=study).values_list("randomization", flat=True))
    for row in rows.order_by("performed_at", "pk"):
        replaced = replacement_of(row)
        found.append((row, counts[row.pk], f"replaced by {replaced}" if replaced else "holds"))
    return found
