"""Planning doses: who, from which day, out of which bottles; what would be planned is shown before it is stored."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.colony.models import Cohort, Study
from labdb.desk.dosing_page import is_usual
from labdb.registry.entry import reason_of
from labdb.registry.forms import forbidden_sentence
from labdb.registry.permissions import may
from labdb.registry.plan_records import PlanRefused
from labdb.treatment.blinding_check import differences
from labdb.treatment.dose_planning import DosePlan, plan_doses, store_dose_plan
from labdb.treatment.models import Dose, SolutionKey

LONGEST_DAYS = 366


class PlanForm(forms.Form):
    """What is asked beside the records."""

    cohort = forms.CharField(required=False, max_length=50)
    day_1 = forms.DateField(error_messages={"required": "enter the date of the first dose."})
    default_time = forms.RegexField(
        r"^([01][0-9]|2[0-3]):[0-5][0-9]$", error_messages={"invalid": "enter hours and minutes such as 09:00."}
    )
    every_days = forms.IntegerField(required=False, min_value=1, max_value=LONGEST_DAYS)

    def clean_day_1(self) -> Any:
        """Refuse a slip of the year."""
        day = self.cleaned_data["day_1"]
        if not is_usual(day):
            raise forms.ValidationError(f"{day} is not a day of this experiment; check the year.")
        return day


@require_http_methods(["GET", "HEAD", "POST"])
def dose_plan(request: HttpRequest, code: str) -> HttpResponse:
    """Preview the plan that the address asks for, and store it."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    for model in (SolutionKey, Dose):
        if not may(request.user, "add", model, study):
            raise PermissionDenied(forbidden_sentence("add", model, study))
    asked = request.POST if request.method == "POST" else request.GET
    if "day_1" not in asked:
        return _answer(request, study, {"day_1": str(timezone.localdate()), "default_time": settings.DOSE_TIME})
    form = PlanForm(asked)
    values = {name: asked.get(name, "") for name in form.fields}
    if not form.is_valid():
        sentences = [f"{name.replace('_', ' ')}: {said}" for name, some in form.errors.items() for said in some]
        return _answer(request, study, values, sentences=sentences, status=400)
    said = form.cleaned_data
    cohort = Cohort.objects.filter(study=study, code=storable(said["cohort"])).first()
    if said["cohort"] and cohort is None:
        sentences = [f"There is no cohort {said['cohort']} in study {study}; choose one of the list."]
        return _answer(request, study, values, sentences=sentences, status=400)
    plan = plan_doses(
        study, cohort, request.user, day_1=said["day_1"], default_time=said["default_time"],
        every_days=said["every_days"],
    )  # fmt: skip
    if request.method != "POST":
        return _answer(request, study, values, plan=plan)
    return _store(request, study, values, plan)


def _store(request: HttpRequest, study: Study, values: dict[str, str], plan: DosePlan) -> HttpResponse:
    if request.POST.get("n_doses") != str(plan.n_doses):
        sentences = ["Mice, arms or solutions were changed since the plan was shown; look at it again and save it."]
        return _answer(request, study, values, plan=plan, sentences=sentences, status=409)
    try:
        n_keys, n_doses = store_dose_plan(plan, request.user, reason_of(request))
    except PlanRefused as refusal:
        return _answer(request, study, values, plan=plan, sentences=[str(refusal)], status=409)
    messages.success(request, f"{n_doses:,} doses of {len(plan.arm_of)} mice planned, out of {n_keys:,} syringes.")
    days = {"from": plan.date_of(plan.spans[0][0]), "to": plan.date_of(plan.spans[-1][1])}
    return redirect(f"{reverse('solutions-page', args=[study.code])}?{urlencode(days)}")


def _answer(
    request: HttpRequest, study: Study, values: dict[str, Any], *, plan: DosePlan | None = None,
    sentences: list[str] | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    words = {
        "study": study,
        "values": values,
        "plan": plan,
        "sentences": sentences or [],
        "cohorts": Cohort.objects.filter(study=study).order_by("code"),
        "reason": reason_of(request) if request.method == "POST" else "",
        "longest": LONGEST_DAYS,
    }
    if plan is not None:
        words |= {
            "spans": [(first, last, plan.date_of(first), plan.date_of(last)) for first, last in plan.spans],
            "fillings": _fillings(plan),
            "differences": differences(plan.parts) if study.is_blinded else [],
            "n_syringes": sum(1 for _one in plan.syringes()),
        }
    return render(request, "desk/dose_plan.html", words, status=status)


def _fillings(plan: DosePlan) -> list[tuple[str, Any, str, Any]]:
    """Return what is in the syringes: arm, part, days, solution."""
    rows = []
    for (arm, (first, last), _slot), filling in plan.fillings.items():
        days = f"{first}" if first == last else f"{first}-{last}"
        rows.append((arm, filling.part, days, filling.solution))
    return rows
