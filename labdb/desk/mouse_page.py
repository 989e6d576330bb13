"""One mouse from birth to score; every number leads to what it came from."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from analysis.links import storable
from analysis.models import MouseReversalScore, PhenotypeCall, ResponseCall
from analysis.summaries import current_runs
from labdb.colony.models import Mouse, Study
from labdb.desk.measurement_images import measurements_of
from labdb.desk.quick_entry import entries_of_mouse
from labdb.desk.study_figures import BODY_MASS
from labdb.registry.former_names import former_names
from labdb.registry.keys import KeyRing
from labdb.registry.permissions import conceal, may
from labdb.treatment.adherence import adherence_of
from labdb.treatment.models import Allocation, AllocationKey, Dose


@require_GET
def mouse(request: HttpRequest, code: str, mouse: str) -> HttpResponse:
    """Answer the page of a mouse; a name that it had leads to the one it has."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    seen = Mouse.objects.visible_to(request.user).select_related("study", "cohort", "strain")
    found = seen.filter(study=study, code=storable(mouse)).first()
    if found is None:
        return _under_its_new_name(request, study, storable(mouse))
    tests = list(found.si_tests.filter(counts=True).order_by("test_number"))
    dissections = list(found.dissections.all())
    holding = found.allocations.filter(Allocation.holding()).select_related("randomization")
    allocation = next(iter(conceal(holding[:1], request.user)), None)
    key = _key(allocation, request.user)
    context = {
        "mouse": found,
        "study": study,
        "si_tests": tests,
        "exclusions": list(found.exclusions.all()),
        "allocation": allocation,
        "key": key,
        "components": list(key.arm.components.select_related("drug")) if key else [],
        "doses": adherence_of(found.doses.all()).get(found.pk) if may(request.user, "view", Dose, study) else None,
        "dissections": dissections,
        "timeline": _timeline(found, tests, allocation, dissections),
        "measurements": measurements_of(found, request.user),
        "assay_results": list(found.assayresults.select_related("metric__assay")),
        "assay_trials": list(found.tracked_assay_trials.select_related("assay", "mouse__study")),
        **_results(found, request.user),
        "body_mass_figure": _body_mass_figure(found),
        "entries": entries_of_mouse(request.user, found),
        "may_merge": all(may(request.user, action, Mouse, study) for action in ("change", "delete")),
    }
    return render(request, "desk/mouse.html", context)


def _under_its_new_name(request: HttpRequest, study: Study, former: str) -> HttpResponse:
    try:
        found = KeyRing(request.user).find(Mouse, former, study)
    except ValidationError as error:
        raise Http404(error.messages[0]) from None
    for one in former_names(found):
        if one.name == former:
            messages.info(request, one.sentence(found))
    return redirect("mouse-page", found.study.code, found.code)


def _key(allocation: Any, user: Any) -> AllocationKey | None:
    """Return the arm, if this account may know it."""
    if allocation is None:
        return None
    return AllocationKey.objects.visible_to(user).filter(allocation=allocation).select_related("arm").first()


def _timeline(mouse: Mouse, tests: list[Any], allocation: Any, dissections: list[Any]) -> list[dict[str, Any]]:
    """Return what happened to a mouse, by day; undated events are left to their tables."""
    events: list[tuple[date | None, str]] = [(mouse.birth_date, "born")]
    if mouse.cohort and mouse.cohort.start_date:
        events.append((mouse.cohort.start_date, f"cohort {mouse.cohort} starts"))
    events += [(_day(test.test_at), f"SI test {test.test_number}") for test in tests]
    if allocation and allocation.randomization:
        events.append((_day(allocation.randomization.performed_at), f"allocated by {allocation.randomization}"))
    events += [(_day(dissection.performed_at), "dissected") for dissection in dissections]
    reason = f" ({mouse.death_reason})" if mouse.death_reason else ""
    events.append((mouse.death_date, ("humane endpoint" if mouse.is_humane_endpoint else "died") + reason))
    dated = sorted(((day, what) for day, what in events if day), key=lambda event: event[0])
    return [
        {"day": day, "what": what, "age": (day - mouse.birth_date).days if mouse.birth_date else None}
        for day, what in dated
    ]


def _day(moment: Any) -> date | None:
    return timezone.localdate(moment) if moment else None


def _results(mouse: Mouse, user: Any) -> dict[str, Any]:
    """Return what the current runs say of a mouse, each with the run and the records behind it."""
    runs = {task: run.results_run for task, run in current_runs(mouse.study).items()}
    phenotype = PhenotypeCall.objects.filter(mouse=mouse, run=runs.get("phenotype"))
    response = ResponseCall.objects.filter(mouse=mouse, run=runs.get("response"))
    scores = MouseReversalScore.objects.visible_to(user).filter(mouse=mouse, run=runs.get("mouse_scores"))
    answer = response.select_related("before", "after", "rule").first()
    ratio = answer.after.si_ratio if answer else None
    distance = ratio - answer.rule.cutoff if answer and ratio is not None else None
    return {
        "runs": runs,
        "phenotype": phenotype.select_related("si_test", "rule").first(),
        "response": answer,
        "response_distance": distance,
        "scores": list(scores.select_related("region", "library", "reversal").order_by("region_id", "arm")),
    }


def _body_mass_figure(mouse: Mouse) -> dict[str, str] | None:
    if not mouse.weighings.exists():
        return None
    url = reverse("study-figure", args=[mouse.study.code, BODY_MASS, "html"])
    return {"title": "Body mass", "url": f"{url}?{urlencode({'mouse': mouse.code})}"}
