"""Weighing at the bench: the balance types, the page accepts, and the next mouse comes; and the same round on paper."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from analysis.links import storable
from labdb.accounts.bench_shell import bench_words
from labdb.colony.body_mass import JUMP_PERCENT, MOST_PERCENT
from labdb.colony.mass_loss import FALLS_IN_A_ROW
from labdb.colony.models import Cohort, Study, Weighing, WelfareAction, WelfareCheck, WelfareFinding
from labdb.desk.qr_code import qr_svg
from labdb.desk.weighing_sheet import masses_of_today, weighing_round
from labdb.registry.attachment_pages import refusal
from labdb.registry.forms import forbidden_sentence
from labdb.registry.json_doors import answered_in_json
from labdb.registry.permissions import may
from labdb.registry.record import record_for

ALL = "all"  # in place of a cohort's code: every mouse of the study


@require_safe
@never_cache
@ensure_csrf_cookie
def weighing(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a round, its paper sheet (``?print=1``), or the choice of a cohort."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    asked = request.GET.get("cohort", "")
    if "print" not in request.GET and not may(request.user, "add", Weighing, study):
        raise PermissionDenied(forbidden_sentence("add", Weighing, study))
    words = {
        "study": study,
        "bench": bench_words(
            request, study, Weighing, back=study.code, back_url=reverse("study-page", args=[study.code])
        ),
    }
    if not asked:
        return render(request, "bench/weighing_cohorts.html", {**words, "cohorts": _cohorts(study), "all": ALL})
    cohort = cohort_named(study, asked)
    rows = weighing_round(study, cohort)
    round_address = {"cohort": asked}
    if chosen := request.GET.get("mice"):  # ticked in a list
        rows = [row for row in rows if str(row.mouse.pk) in chosen.split(".")]
        round_address["mice"] = chosen
    words |= {"cohort": cohort, "rows": rows, "sheet_url": f"?{urlencode({**round_address, 'print': 1})}"}
    if "print" in request.GET:
        address = request.build_absolute_uri(f"{request.path}?{urlencode(round_address)}")
        return render(
            request,
            "bench/weighing_sheet.html",
            {**words, "today": timezone.localdate(), "address": address, "qr": qr_svg(address)},
        )
    return render(request, "bench/weighing.html", {**words, **_for_script(request.user, study, cohort, rows)})


@answered_in_json()
@require_safe
@never_cache
def weighed_today(request: HttpRequest, code: str) -> JsonResponse:
    """Tell what is stored of today's round, whichever tablet entered it."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "view", Weighing, study):
        raise PermissionDenied(forbidden_sentence("view", Weighing, study))
    cohort = cohort_named(study, request.GET.get("cohort", ALL))
    return JsonResponse({"day": str(timezone.localdate()), "masses": masses_of_today(study, cohort)})


def cohort_named(study: Study, asked: str) -> Cohort | None:
    """Return the cohort of the address, None for all mice of the study; 404 where there is none of that name."""
    if asked == ALL:
        return None
    cohort = Cohort.objects.select_related("study").filter(study=study, code=storable(asked)).first()
    if cohort is None:
        raise Http404(f"There is no cohort {asked[:50]} in study {study}.")
    return cohort


def _cohorts(study: Study) -> Any:
    living = Count("mice", filter=Q(mice__death_date=None))
    return Cohort.objects.filter(study=study).annotate(n_living=living).order_by("code")


def _for_script(user: Any, study: Study, cohort: Cohort | None, rows: list[Any]) -> dict[str, Any]:
    photo_refusal = refusal(user, cohort) if cohort else "Choose one cohort to attach a photo of its sheet."
    rule = {
        "endpoint_percent": settings.HUMANE_ENDPOINT_PERCENT,
        "falls": FALLS_IN_A_ROW,
        "jump_percent": JUMP_PERCENT,
        "most_percent": MOST_PERCENT,
    }
    welfare = {
        "resource": record_for(WelfareCheck).resource,
        "limit": WelfareFinding.MASS_LIMIT,
        "falling": WelfareFinding.MASS_FALLING,
        "may_record": may(user, "add", WelfareCheck, study),
    }
    sheet = {
        "study": study.code,
        "day": str(timezone.localdate()),
        "stored_url": f"{reverse('bench-weighed', args=[study.code])}?{urlencode({'cohort': cohort.code if cohort else ALL})}",
        "record": record_for(Weighing).resource,
        "mice": [row.for_script() for row in rows],
        "rule": rule,
        "welfare": welfare,
    }
    photo = {"resource": record_for(Cohort).resource, "record": f"#{cohort.pk}"} if cohort else None
    return {
        "sheet": sheet,
        "actions": WelfareAction.choices,
        "rule": rule,
        "photo": photo,
        "photo_refusal": photo_refusal,
    }
