"""The page of a course: who met and is to meet whom, and the planning of the days to come."""

import secrets
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from labdb.colony.models import Mouse, Study
from labdb.defeat import course_facts, planning
from labdb.defeat.aggressor_facts import AggressorFacts, all_facts, newest_rule
from labdb.defeat.course_facts import Meeting
from labdb.defeat.models import DefeatBout, DefeatCourse, RotationPlan, ScreeningRule
from labdb.defeat.partners import PartnerPlan, plan_partners
from labdb.defeat.rotation import Rotation
from labdb.defeat.rotation_reasons import RotationError
from labdb.registry.form_fields import is_storable
from labdb.registry.forms import forbidden_sentence
from labdb.registry.page_context import study_named, visible_studies
from labdb.registry.permissions import may
from labdb.registry.plan_records import LARGEST_SEED, PlanRefused


@dataclass(frozen=True)
class Row:
    """One mouse of the course with its days."""

    mouse: Mouse
    cells: list[Meeting]
    hardness: float | None


class PlanForm(forms.Form):
    """What decides a plan, beside the records."""

    from_day = forms.IntegerField(min_value=1, max_value=365)
    seed = forms.IntegerField(min_value=0, max_value=LARGEST_SEED)
    rule = forms.ModelChoiceField(ScreeningRule.objects.all(), required=False)
    with_unscreened = forms.BooleanField(required=False)
    reason = forms.CharField(max_length=200, required=False)
    digest = forms.CharField(max_length=64, required=False)


def found_course(request: HttpRequest, code: str, course: str) -> tuple[Study, DefeatCourse]:
    """Return a course that the account may see; 404 otherwise."""
    study = study_named(code, visible_studies(request.user))
    if not is_storable(course) or not may(request.user, "view", DefeatCourse, study):
        raise Http404
    found = DefeatCourse.objects.select_related("cohort", "study").filter(study=study, code=course).first()
    if found is None:
        raise Http404(f"There is no defeat course {course[:50]} in study {study}.")
    return study, found


@require_safe
def course_index(request: HttpRequest, code: str) -> HttpResponse:
    """Show the courses of a study."""
    study = study_named(code, visible_studies(request.user))
    courses = DefeatCourse.objects.visible_to(request.user).filter(study=study).select_related("cohort")
    rows = [(one, course_facts.last_done_day(one), one.date_of(one.days)) for one in courses]
    words = {"study": study, "rows": rows, "may_add": may(request.user, "add", DefeatCourse, study)}
    return render(request, "defeat/courses.html", words)


@require_safe
def course_page(request: HttpRequest, code: str, course: str) -> HttpResponse:
    """Show a course as it stands."""
    study, found = found_course(request, code, course)
    return render(request, "defeat/course.html", _words(request, study, found))


@require_http_methods(["GET", "HEAD", "POST"])
def course_plan(request: HttpRequest, code: str, course: str) -> HttpResponse:
    """Preview a rotation, and store exactly the one that was shown."""
    study, found = found_course(request, code, course)
    if not may(request.user, "add", RotationPlan, study):
        raise PermissionDenied(forbidden_sentence("add", RotationPlan, study))
    if request.method != "POST":
        return render(request, "defeat/plan.html", _plan_words(request, study, found, _first_values(found)))
    form = PlanForm(request.POST)
    words = _plan_words(request, study, found, dict(request.POST.items()))
    if not form.is_valid():
        sentences = [f"{name.replace('_', ' ')}: {said}" for name, some in form.errors.items() for said in some]
        return render(request, "defeat/plan.html", {**words, "sentences": sentences}, status=400)
    said = form.cleaned_data
    rule = said["rule"] or newest_rule()
    try:
        inputs = planning.read_inputs(
            found, from_day=said["from_day"], seed=said["seed"], rule=rule,
            with_unscreened=said["with_unscreened"],
        )  # fmt: skip
        rotation = inputs.plan()
        if "save" in request.POST and said["digest"] == inputs.digest:
            plan = planning.store_plan(found, inputs, rotation, rule=rule, reason=said["reason"], user=request.user)
            messages.success(request, f"Plan {plan} saved: {len(inputs.mice)} mice from day {plan.from_day} on.")
            return redirect("defeat-course", study.code, found.code)
    except RotationError as error:
        words["remedy"] = planning.why_so_few(found, rule, with_unscreened=said["with_unscreened"])
        return render(request, "defeat/plan.html", {**words, "sentences": error.reasons}, status=409)
    except PlanRefused as error:
        return render(request, "defeat/plan.html", {**words, "sentences": [str(error)]}, status=409)
    if "save" in request.POST:
        words["sentences"] = ["Mice or aggressors were changed since the preview; look at the new plan and save it."]
    words |= _preview(found, inputs, rotation, rule)
    return render(request, "defeat/plan.html", words)


def _first_values(course: DefeatCourse) -> dict[str, Any]:
    rule = newest_rule()
    return {
        "from_day": min(course_facts.last_done_day(course) + 1, course.days),
        "seed": secrets.randbelow(1_000_000),
        "rule": str(rule.pk) if rule else "",
    }


def _plan_words(request: HttpRequest, study: Study, course: DefeatCourse, values: dict[str, Any]) -> dict[str, Any]:
    return {
        "study": study,
        "course": course,
        "values": values,
        "rules": ScreeningRule.objects.order_by("-pk"),
        "replaces": course.rotation_plans.order_by("performed_at", "pk").last(),
        "edit_url": reverse("record-edit", args=["defeat-courses", course.pk]),
    }


def _preview(
    course: DefeatCourse, inputs: planning.PlanInputs, rotation: Rotation, rule: ScreeningRule | None
) -> dict[str, Any]:
    facts = {one.code: one for one in all_facts(rule)}
    table = [
        (mouse, [facts[code] for code in row], rotation.summed_hardness[str(mouse)])
        for mouse, row in rotation.assignment.iterrows()
    ]
    n_bouts = len(inputs.days) + max(
        (sum(mouse == code for mouse, _a in inputs.met) for code in inputs.mice), default=0
    )
    return {
        "preview": table,
        "days": [(day, course.date_of(day)) for day in inputs.days],
        "inputs": inputs,
        "spread": rotation.spread,
        "n_bouts": n_bouts,
        "smallest": rotation.summed_hardness.min(),
        "largest": rotation.summed_hardness.max(),
        "n_aggressors": len(inputs.hardness),
        "n_unscreened": sum(not facts[code].sessions for code in inputs.hardness),
    }


def _words(request: HttpRequest, study: Study, course: DefeatCourse) -> dict[str, Any]:
    rule = newest_rule()
    facts = all_facts(rule)
    mice = course_facts.course_mice(course)
    planned, bouts = course_facts.planned_of(course), course_facts.bouts_of(course, mice)
    hardness = {one.code: one for one in facts}
    days = range(1, course.days + 1)
    rows = [_row(mouse, days, planned, bouts, hardness) for mouse in mice]
    done = course_facts.last_done_day(course)
    return {
        "study": study,
        "course": course,
        "rows": rows,
        "days": [_day(course, day, rows) for day in days],
        "facts": hardness,
        "aggressors": _available(facts, mice, bouts),
        "rule": rule,
        "partners": _partners(course, done),
        "plan": course.rotation_plans.order_by("performed_at", "pk").last(),
        "again": _meeting_again(rows),
        "is_over": done >= course.days,
        "may_plan": may(request.user, "add", RotationPlan, study),
        "record_url": reverse("record-detail", args=["defeat-courses", course.pk]),
    }


def _row(mouse: Mouse, days: range, planned: Any, bouts: Any, hardness: dict[str, AggressorFacts]) -> Row:
    cells = [Meeting(day, planned.get((mouse.pk, day)), bouts.get((mouse.pk, day))) for day in days]
    met = [hardness[one.aggressor.code].hardness for one in cells if one.aggressor]
    return Row(mouse, cells, sum(met) if met else None)


def _day(course: DefeatCourse, day: int, rows: list[Row]) -> dict[str, Any]:
    cells = [row.cells[day - 1] for row in rows]
    return {
        "number": day,
        "date": course.date_of(day),
        "n_done": sum(cell.bout is not None for cell in cells),
        "n": sum(cell.aggressor is not None for cell in cells),
    }


def _available(
    facts: list[AggressorFacts], mice: list[Mouse], bouts: dict[tuple[int, int], DefeatBout]
) -> list[tuple[AggressorFacts, int]]:
    """Return the aggressors that can be used today, each with the number of living mice that it has not met."""
    living = {mouse.pk for mouse in mice if mouse.death_date is None}
    met = {(bout.mouse_id, bout.aggressor_id) for bout in bouts.values()}
    return [
        (one, len(living) - sum((mouse, one.aggressor.pk) in met for mouse in living))
        for one in facts
        if one.has_passed and not one.state
    ]


def _meeting_again(rows: list[Row]) -> list[str]:
    """Return who is planned to meet an aggressor that it has met meanwhile."""
    found = []
    for row in rows:
        met = {cell.bout.aggressor_id: cell.day for cell in row.cells if cell.bout and cell.bout.aggressor_id}
        for cell in row.cells:
            if cell.planned and not cell.bout and cell.planned.aggressor_id in met:
                earlier = met[cell.planned.aggressor_id]
                found.append(
                    f"{row.mouse} and {cell.planned.aggressor} met on day {earlier}, and are planned for day {cell.day}"
                )
    return found


def _partners(course: DefeatCourse, done: int) -> PartnerPlan | None:
    """Return the daily partners of the controls, planned from the first day to come; None without controls."""
    controls = course_facts.course_controls(course)
    if not controls or done >= course.days:
        return None
    days = range(done + 1, course.days + 1)
    met = course_facts.met_partners(controls, before_day=done + 1)
    return plan_partners([mouse.code for mouse in controls], days, met=met)
