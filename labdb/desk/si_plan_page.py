"""Planning a day of SI tests: what decides it, a preview, and exactly the one that was shown is stored."""

import secrets
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from labdb.behavior import si_planning
from labdb.behavior.models import Arena, SiTestPlan
from labdb.behavior.models.si_test import TargetSide
from labdb.behavior.si_order import DayError, Place
from labdb.behavior.si_planning import DayInputs
from labdb.colony.models import Cohort, Study
from labdb.desk.si_day_page import found_cohort
from labdb.registry.forms import forbidden_sentence
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may
from labdb.registry.plan_records import LARGEST_SEED, PlanRefused

FACTS = ("trial_s", "room", "lux", "lights_on", "target_side", "reason")  # checked by the record's own form


class DayForm(forms.Form):
    """What decides a day, beside the records."""

    test_number = forms.IntegerField(min_value=1, max_value=100)
    test_date = forms.DateField()
    arenas = forms.ModelMultipleChoiceField(
        Arena.objects.all(), error_messages={"required": "choose the boxes that are used; several are used at once."}
    )
    seed = forms.IntegerField(min_value=0, max_value=LARGEST_SEED)
    may_know = forms.BooleanField(required=False)
    digest = forms.CharField(max_length=64, required=False)


@require_http_methods(["GET", "HEAD", "POST"])
def si_plan(request: HttpRequest, code: str) -> HttpResponse:
    """Preview a day, and store exactly the one that was shown."""
    study, cohort = found_cohort(request, code)
    if cohort is None:
        raise Http404("Name the cohort in the address: ?cohort=C1.")
    if not may(request.user, "add", SiTestPlan, study):
        raise PermissionDenied(forbidden_sentence("add", SiTestPlan, study))
    if request.method != "POST":
        return _answer(request, study, cohort, _first_values(cohort))
    values = {**request.POST.dict(), "arenas": request.POST.getlist("arenas")}
    form = DayForm(request.POST)
    if not form.is_valid():
        sentences = [f"{name.replace('_', ' ')}: {said}" for name, some in form.errors.items() for said in some]
        return _answer(request, study, cohort, values, sentences=sentences, status=400)
    said = form.cleaned_data
    try:
        inputs = si_planning.read_inputs(
            cohort, test_number=said["test_number"], day=said["test_date"], arenas=said["arenas"], seed=said["seed"],
            may_know=said["may_know"],
        )  # fmt: skip
        places = inputs.plan()
        if "save" in request.POST and said["digest"] == inputs.digest:
            facts = {name: request.POST.get(name, "").strip() for name in FACTS}
            facts |= {"test_number": said["test_number"], "test_date": said["test_date"]}
            plan = si_planning.store_plan(cohort, inputs, places, user=request.user, **facts)
            messages.success(request, f"Plan {plan} saved: {len(places)} mice on {plan.test_date}.")
            asked = urlencode({"cohort": cohort.code, "test": plan.test_number})
            return redirect(f"{reverse('bench-si-tests', args=[study.code])}?{asked}")
    except DayError as error:
        return _answer(request, study, cohort, values, sentences=error.reasons, status=409)
    except PlanRefused as error:
        return _answer(request, study, cohort, values, sentences=[str(error)], status=409)
    changed = "Mice or targets were changed since the preview; look at the new plan and save it."
    sentences = [changed] if "save" in request.POST else []
    return _answer(request, study, cohort, values, sentences=sentences, **_preview(inputs, places))


def _first_values(cohort: Cohort) -> dict[str, Any]:
    """Return what the form starts with: as the last day of the study was, with a new seed."""
    today = timezone.localdate()
    last = SiTestPlan.objects.filter(study=cohort.study_id).order_by("performed_at", "pk").last() or SiTestPlan()
    boxes = last.planned_tests.order_by("arena").values_list("arena", flat=True).distinct() if last.pk else []
    return {
        "test_number": si_planning.next_test_number(cohort, today),
        "test_date": str(today),
        "trial_s": f"{last.trial_s:g}",
        "room": last.room,
        "lux": "" if last.lux is None else f"{last.lux:g}",
        "lights_on": last.lights_on or settings.LIGHTS_ON,
        "target_side": last.target_side,
        "arenas": [str(pk) for pk in boxes],
        "seed": secrets.randbelow(1_000_000),
    }


def _answer(
    request: HttpRequest, study: Study, cohort: Cohort, values: dict[str, Any], *, status: int = 200, **more: Any
) -> HttpResponse:
    plans = SiTestPlan.objects.filter(cohort=cohort).order_by("-performed_at", "-pk")
    words = {
        "study": study,
        "cohort": cohort,
        "values": values,
        "arenas": sorted(Arena.objects.all(), key=lambda arena: natural(arena.name)),
        "sides": TargetSide.choices,
        "plans": plans,
    }
    return render(request, "bench/si_plan.html", {**words, **more}, status=status)


def _preview(inputs: DayInputs, places: list[Place]) -> dict[str, Any]:
    mouse_of = {mouse.code: mouse for mouse in inputs.mice}
    uses = dict(inputs.used)
    for place in places:
        uses[place.target] = uses.get(place.target, 0) + 1
    return {
        "preview": [(inputs.first_place + place.order - 1, place, mouse_of[place.mouse]) for place in places],
        "inputs": inputs,
        "n_turns": places[-1].turn,
        "n_targets": len(inputs.targets),
        "most": max(uses.values()),
        "least": min(uses.get(code, 0) for code in inputs.targets),
        "met": [place for place in places if place.knows_target == "met"],
        "seen": [place for place in places if place.knows_target == "seen"],
        "no_group": [mouse.code for mouse in inputs.mice if not mouse.group],
    }
