"""Solutions for the doses of some days: what to weigh in, from which bottle each syringe is filled, and a new bottle."""

import uuid
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.colony.models import Study
from labdb.desk.dosing_page import is_usual
from labdb.desk.dosing_round import newest_masses
from labdb.registry.entry import reason_of
from labdb.registry.form_fields import AS_WRITTEN
from labdb.registry.forms import Conflict, forbidden_sentence
from labdb.registry.grid_entry import STORED, GridRow, GridSheet, save_grid
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.treatment.models import Dose, DoseStatus, Solution, SolutionKey
from labdb.treatment.preparation import USUAL_MASS_G, preparations

OVERAGE_PERCENT = 20  # dead volume of vial and needle; ours
LONGEST_DAYS = 92


class RangeForm(forms.Form):
    """Which days, and how much more is made than is drawn."""

    begin = forms.DateField()
    end = forms.DateField()
    overage = forms.FloatField(min_value=0, max_value=300)

    def clean(self) -> dict[str, Any]:
        """Refuse days in the wrong order, or more of them than a sheet has room for."""
        said = super().clean() or {}
        if not all(is_usual(said[name]) for name in ("begin", "end") if name in said):
            raise forms.ValidationError("These are not days of this experiment; check the year.")
        if "begin" in said and "end" in said and not 0 <= (said["end"] - said["begin"]).days < LONGEST_DAYS:
            raise forms.ValidationError(
                f"From {said['begin']} to {said['end']} is no span of 1 to {LONGEST_DAYS} days; correct one of the two."
            )
        return said


@require_http_methods(["GET", "HEAD", "POST"])
def solutions(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the sheet of some days; fill syringes from another bottle."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "view", SolutionKey, study):
        raise PermissionDenied(forbidden_sentence("view", SolutionKey, study))
    sentences: list[str] = []
    if request.method == "POST":
        sentences = _refill(request, study)
        if not sentences:
            return redirect(request.get_full_path())
    today = timezone.localdate()
    begin = request.GET.get("from", str(today))
    values = {
        "begin": begin,
        "end": request.GET.get("to", begin),
        "overage": request.GET.get("overage", OVERAGE_PERCENT),
    }
    form = RangeForm(values)
    words = {"study": study, "values": values, "sentences": sentences, "usual_mass_g": USUAL_MASS_G}
    if not form.is_valid():
        words["sentences"] = [*sentences, *(said for some in form.errors.values() for said in some)]
        return render(request, "desk/solutions.html", words, status=400)
    said = form.cleaned_data
    doses = planned_between(study, said["begin"], said["end"])
    masses = {pk: mass.body_mass_g for pk, mass in newest_masses([dose.mouse_id for dose in doses]).items()}
    solution_of = _solutions_behind(study, request.user, {dose.solution_code for dose in doses})
    words |= {
        "preparations": preparations(doses, solution_of, masses, said["overage"]),
        "n_without": sum(dose.solution_code not in solution_of for dose in doses),
        "n_doses": len(doses),
        "bottles": Solution.objects.all().visible_to(request.user).filter(study=study).select_related("drug"),
        "may_refill": may(request.user, "change", SolutionKey, study),
        "begin": said["begin"],
        "end": said["end"],
        "reason": reason_of(request) if request.method == "POST" else "",
    }
    return render(request, "desk/solutions.html", words, status=400 if sentences else 200)


def planned_between(study: Study, begin: date, end: date) -> list[Dose]:
    """Return the doses that are planned for some days and not given yet."""
    first, last = (
        timezone.make_aware(datetime.combine(day, datetime.min.time())) for day in (begin, end + timedelta(days=1))
    )
    doses = Dose.objects.filter(study=study, status=DoseStatus.PLANNED, planned_at__gte=first, planned_at__lt=last)
    return list(doses.exclude(solution_code="").filter(mouse__death_date=None).select_related("mouse"))


def _solutions_behind(study: Study, user: Any, codes: set[str]) -> dict[str, Any]:
    keys = SolutionKey.objects.all().visible_to(user).filter(study=study, code__in=codes)
    return {key.code: key.solution for key in keys.select_related("solution__drug")}


def _refill(request: HttpRequest, study: Study) -> list[str]:
    """Let syringes whose doses are all to come be filled from another bottle; return what refuses it."""
    names = request.POST.get("old", ""), request.POST.get("new", "")
    found = (
        Solution.objects.all().visible_to(request.user).filter(study=study, code__in=[storable(one) for one in names])
    )
    bottles = {bottle.code: bottle for bottle in found.select_related("drug")}
    old, new = (bottles.get(name) for name in names)
    since = _day(request.POST.get("since", ""))
    if old is None or new is None or old == new or since is None:
        return ["Choose the bottle that syringes are filled from instead, and the day from which on."]
    if old.drug_id != new.drug_id or (old.stock_mg_per_ml, old.drug_form) != (new.stock_mg_per_ml, new.drug_form):
        return [
            f"{new} is not the same drug in the same strength as {old}; its dose would be another. Make it alike, or plan anew."
        ]
    keys, begun = _keys_to_come(study, request.user, old, since)
    if not keys:
        return [
            f"No syringe of {old} is filled from {since} on"
            + (f"; {begun} codes were used before that day and stay with {old}. Plan with new codes every few days." if begun else ".")
        ]  # fmt: skip
    rows = [GridRow(n, {"solution": f"#{new.pk}"}, key.pk, key.version) for n, key in enumerate(keys, start=1)]
    sheet = GridSheet(rows, AS_WRITTEN, reason_of(request))
    try:
        answer = save_grid(record_for(SolutionKey), sheet, uuid.uuid4(), user=request.user, study=study)
    except Conflict as conflict:
        return [str(conflict)]
    if answer["state"] != STORED:
        said = [one for row in answer["rows"].values() for some in row["errors"].values() for one in some]
        return list(dict.fromkeys([*answer["sentences"], *said])) or ["Somebody else changed these keys; try again."]
    stays = f" {begun} codes that were used before stay with {old}." if begun else ""
    messages.success(request, f"{len(keys)} syringe codes are filled from {new} from {since} on.{stays}")
    return []


def _keys_to_come(study: Study, user: Any, old: Any, since: date) -> tuple[list[Any], int]:
    """Return the keys of a bottle whose doses are all planned for a day or later, and how many others have such doses."""
    start = timezone.make_aware(datetime.combine(since, datetime.min.time()))
    keys = SolutionKey.objects.all().visible_to(user).filter(study=study, solution=old)
    doses = Dose.objects.filter(study=study, solution_code__in=keys.values("code"))
    later = set(doses.filter(status=DoseStatus.PLANNED, planned_at__gte=start).values_list("solution_code", flat=True))
    used = set(doses.exclude(status=DoseStatus.PLANNED, planned_at__gte=start).values_list("solution_code", flat=True))
    return list(keys.filter(code__in=later - used)), len(later & used)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if is_usual(day) else None
