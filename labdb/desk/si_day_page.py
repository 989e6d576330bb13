"""A day of SI tests at the bench: the order, two timed trials in each arena, zone times with ratio and class as typed."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from analysis.links import storable
from labdb.accounts.bench_shell import bench_words
from labdb.behavior.models import EstrousStage, PlannedSiTest, SiTestPlan, SocialInteractionTest
from labdb.behavior.si_planning import plan_in_force
from labdb.colony.models import Cohort, Mouse, Study
from labdb.desk.class_preview import class_words
from labdb.desk.qr_code import qr_svg
from labdb.desk.si_day_sheet import TIMES, DayRow, day_rows, planned_of, spoken_plan, spoken_test, targets_of, tests_of
from labdb.desk.weighing_page import cohort_named
from labdb.registry.attachment_pages import refusal
from labdb.registry.headers import WHOLE_ROW
from labdb.registry.json_doors import answered_in_json
from labdb.registry.keys import LARGEST_ID
from labdb.registry.numbers import read_number
from labdb.registry.permissions import may
from labdb.registry.record import record_for

TRIALS = (("absent", "Trial 1, without target"), ("present", "Trial 2, with target"))
MAY_BE_EMPTY = ("corner_absent_s", "corner_present_s")


def found_cohort(request: HttpRequest, code: str) -> tuple[Study, Cohort | None]:
    """Return the study and the cohort that is asked for, None where none is; 404 for one that is not seen."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "view", SocialInteractionTest, study):
        raise Http404
    asked = request.GET.get("cohort", "")
    return study, cohort_named(study, asked) if asked else None


def found_plan(request: HttpRequest, cohort: Cohort) -> SiTestPlan | None:
    """Return the plan in force of the test that is asked for (``?test=2``), else of the one that was planned last."""
    asked = request.GET.get("test", "")
    if asked and not (asked.isascii() and asked.isdecimal() and len(asked) < 4):
        raise Http404(f"{asked[:50]} is not the number of an SI test; enter 1 or more.")
    return plan_in_force(cohort, int(asked) if asked else None)


@require_safe
@never_cache
@ensure_csrf_cookie
def si_tests(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a day, its paper sheet (``?print=1``), or the choice of a cohort."""
    study, cohort = found_cohort(request, code)
    back = {"back": study.code, "back_url": reverse("study-page", args=[study.code])}
    words: dict[str, Any] = {
        "study": study,
        "cohort": cohort,
        "bench": bench_words(request, study, SocialInteractionTest, **back),
        "may_plan": may(request.user, "add", SiTestPlan, study),
    }
    if cohort is None:
        cohorts = Cohort.objects.filter(study=study).annotate(last_day=Max("si_test_plans__test_date")).order_by("code")
        return render(request, "bench/si_cohorts.html", {**words, "cohorts": cohorts})
    plan = found_plan(request, cohort)
    rows = day_rows(plan) if plan else []
    asked = {"cohort": cohort.code, **({"test": plan.test_number} if plan else {})}
    words |= {"plan": plan, "rows": rows, "sheet_url": f"?{urlencode({**asked, 'print': 1})}"}
    if "print" in request.GET and plan:
        address = request.build_absolute_uri(f"{request.path}?{urlencode(asked)}")
        return render(request, "bench/si_sheet.html", {**words, "address": address, "qr": qr_svg(address)})
    words |= {
        "may_enter": may(request.user, "add", SocialInteractionTest, study),
        "may_track": may(request.user, "change", SocialInteractionTest, study),
        "photo": {"resource": record_for(Cohort).resource, "record": f"#{cohort.pk}"},
        "photo_refusal": refusal(request.user, cohort),
    }
    sheet = _for_script(request, plan, rows, asked) if plan else None
    return render(
        request, "bench/si_tests.html", {**words, "sheet": sheet, "stages": EstrousStage.choices, "trials": TRIALS}
    )


def _for_script(request: HttpRequest, plan: SiTestPlan, rows: list[DayRow], asked: dict[str, Any]) -> dict[str, Any]:
    root = reverse("bench-si-tests", args=[plan.study.code])
    return {
        "study": plan.study.code,
        "cohort": plan.cohort.code,
        "test_number": plan.test_number,
        "date": str(plan.test_date),
        "trial_s": plan.trial_s,
        "room": plan.room,
        "lux": plan.lux,
        "lights_on": plan.lights_on or settings.LIGHTS_ON,
        "target_side": plan.target_side,
        "record": record_for(SocialInteractionTest).resource,
        "planned_record": record_for(PlannedSiTest).resource,
        "plan": plan.code,
        "mice": [row.for_script() for row in rows],
        "targets": targets_of(plan, rows),
        "may_enter": may(request.user, "add", SocialInteractionTest, plan.study),
        "stored_url": f"{root}stored/?{urlencode(asked)}",
        "class_url": f"{root}class/",
    }


@answered_in_json()
@require_safe
@never_cache
def stored_tests(request: HttpRequest, code: str) -> JsonResponse:
    """Tell what is stored of the day, whichever device entered it."""
    _study, cohort = found_cohort(request, code)
    plan = found_plan(request, cohort) if cohort else None
    if plan is None:
        raise Http404("No day of SI tests is planned.")
    return JsonResponse(
        {
            "plan": plan.code,
            "tests": {test.mouse.code: spoken_test(test) for test in tests_of(plan)},
            "planned": {one.mouse.code: spoken_plan(one) for one in planned_of(plan)},
            "now": timezone.now().isoformat(),
        }
    )


@answered_in_json()
@require_safe
@never_cache
def si_class(request: HttpRequest, code: str) -> JsonResponse:
    """Tell ratio and class of a mouse by the study's current rule, as these times would give them."""
    study, _none = found_cohort(request, code)
    try:
        pk, test_number = (_whole(request, name) for name in ("mouse", "test_number"))
        times = {name: _seconds(request, name) for name in ("trial_s", *TIMES)}
    except ValidationError as error:
        return JsonResponse({WHOLE_ROW: error.messages}, status=400)
    mouse = get_object_or_404(Mouse.objects.select_related("study", "cohort"), study=study, pk=pk)
    return JsonResponse(class_words(mouse, test_number, times))


def _whole(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "")
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:20]) <= LARGEST_ID):
        raise ValidationError(f"{name} must be a whole number from 1; it is {text[:50] or 'not given'}.")
    return int(text)


def _seconds(request: HttpRequest, name: str) -> float | None:
    text = request.GET.get(name, "").strip()
    if not text and name in MAY_BE_EMPTY:
        return None
    if not text:
        raise ValidationError(f"{name} is not given; send seconds.")
    seconds = read_number(text[:50])
    if seconds < 0:
        raise ValidationError(f"{name} must be 0 or more; it is {seconds:g}.")
    return seconds
