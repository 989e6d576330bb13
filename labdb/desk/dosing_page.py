"""Dosing at the bench: the mouse, its syringe, the volume; given, missed or in part; and the same round on paper."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from analysis.links import storable
from labdb.accounts.bench_shell import bench_words
from labdb.colony.models import Cohort, Study, Weighing
from labdb.desk.dosing_round import doses_of_day, dosing_round, newest_masses, stored_words
from labdb.desk.qr_code import qr_svg
from labdb.desk.weighing_page import ALL, cohort_named
from labdb.registry.forms import forbidden_sentence
from labdb.registry.json_doors import answered_in_json
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.treatment.models import Dose, DoseStatus

FIRST_YEAR, LAST_YEAR = 1990, 2200  # beyond is a slip of the year
PARTIAL_REASONS = ("leaked from the site", "the mouse moved", "air in the syringe")
MISSED_REASONS = ("the mouse is unwell", "syringe lost or broken", "out of time", "told to leave it out")


@require_safe
@never_cache
@ensure_csrf_cookie
def dosing(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a round, its paper sheet (``?print=1``), or the choice of a cohort."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    _refuse_without(request, study, "view" if "print" in request.GET else "change")
    asked, day = request.GET.get("cohort", ""), day_asked(request)
    words: dict[str, Any] = {
        "study": study,
        "day": day,
        "is_today": day == timezone.localdate(),
        "bench": bench_words(request, study, Dose, back=study.code, back_url=reverse("study-page", args=[study.code])),
    }
    if not asked:
        return render(request, "bench/dosing_cohorts.html", {**words, "cohorts": _cohorts(study, day), "all": ALL})
    cohort = cohort_named(study, asked)
    rows = dosing_round(study, cohort, day, request.user)
    address = {"cohort": asked, "day": day}
    words |= {
        "cohort": cohort,
        "rows": rows,
        "sheet_url": f"?{urlencode({**address, 'print': 1})}",
        "labels_url": f"{reverse('syringe-labels', args=[study.code])}?{urlencode(address)}",
        "mass_age_h": settings.DOSE_MASS_AGE_H,
    }
    if "print" in request.GET:
        back = request.build_absolute_uri(f"{request.path}?{urlencode(address)}")
        return render(request, "bench/dosing_sheet.html", {**words, "address": back, "qr": qr_svg(back)})
    return render(request, "bench/dosing.html", {**words, **_for_script(request.user, study, asked, day, rows)})


@answered_in_json()
@require_safe
@never_cache
def doses_stored(request: HttpRequest, code: str) -> JsonResponse:
    """Tell what is stored of a day's doses and masses, whichever tablet entered it."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    _refuse_without(request, study, "view")
    day = day_asked(request)
    doses = list(doses_of_day(study, cohort_named(study, request.GET.get("cohort", ALL)), day))
    masses = newest_masses([dose.mouse_id for dose in doses])
    return JsonResponse(
        {
            "day": str(day),
            "doses": {dose.pk: stored_words(dose) for dose in doses},
            "masses": {pk: {"g": mass.body_mass_g, "at": mass.at.isoformat()} for pk, mass in masses.items()},
        }
    )


@require_safe
@never_cache
def syringe_labels(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the labels of a day's syringes: mouse, code, hour and volume, and never a drug."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    _refuse_without(request, study, "view")
    asked, day = request.GET.get("cohort", ALL), day_asked(request)
    cohort = cohort_named(study, asked)
    rows = [
        row
        for row in dosing_round(study, cohort, day, request.user)
        if row.dose.status == DoseStatus.PLANNED and row.dose.solution_code
    ]
    labels = [(row, qr_svg(row.dose.solution_code, is_sized=False, title="QR code of the syringe")) for row in rows]
    words = {"study": study, "cohort": cohort, "day": day, "labels": labels}
    return render(request, "bench/syringe_labels.html", words)


def _refuse_without(request: HttpRequest, study: Study, action: str) -> None:
    if not may(request.user, action, Dose, study):
        raise PermissionDenied(forbidden_sentence(action, Dose, study))


def day_asked(request: HttpRequest) -> date:
    """Return the day of the address, today without one; 404 for what is no day."""
    text = request.GET.get("day", "")
    try:
        day = parse_date(text) if text else timezone.localdate()
    except ValueError:
        day = None
    if day is None or not is_usual(day):
        raise Http404(f"{text[:20]} is no day; write it as 2026-03-14.")
    return day


def is_usual(day: date) -> bool:
    """Whether a day lies where calendars can be counted on to either side of it."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def _cohorts(study: Study, day: date) -> Any:
    doses = doses_of_day(study, None, day).filter(mouse__cohort__isnull=False).order_by()
    counted = doses.values("mouse__cohort").annotate(
        n=Count("pk"), n_done=Count("pk", filter=~Q(status=DoseStatus.PLANNED))
    )
    numbers = {row["mouse__cohort"]: (row["n_done"], row["n"]) for row in counted}
    cohorts = Cohort.objects.filter(study=study).order_by("code")
    return [(cohort, *numbers.get(cohort.pk, (0, 0))) for cohort in cohorts]


def _for_script(user: Any, study: Study, asked: str, day: date, rows: list[Any]) -> dict[str, Any]:
    stored = f"{reverse('bench-doses-stored', args=[study.code])}?{urlencode({'cohort': asked, 'day': day})}"
    round_of_day = {
        "study": study.code,
        "day": str(day),
        "stored_url": stored,
        "record": record_for(Dose).resource,
        "weighings": record_for(Weighing).resource if may(user, "add", Weighing, study) else "",
        "step_ml": settings.SYRINGE_STEP_UL / 1000,
        "ip_limit_ml_per_kg": settings.IP_LIMIT_ML_PER_KG,
        "mass_age_h": settings.DOSE_MASS_AGE_H,
        "doses": [row.for_script() for row in rows],
    }
    return {"round": round_of_day, "partial_reasons": PARTIAL_REASONS, "missed_reasons": MISSED_REASONS}
