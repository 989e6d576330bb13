"""Dissection at the bench: one tap starts a mouse, one tap says that a region is frozen; and the same sheet on paper."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_http_methods, require_safe

from analysis.links import storable
from labdb.accounts.bench_shell import bench_words
from labdb.colony.models import Cohort, Mouse, Study
from labdb.desk.dissect_labels import planned_labels
from labdb.desk.dissect_protocol import columns_asked, protocol_of, regions_and_boxes, tubes_in
from labdb.desk.dissect_sheet import CHANCE, ORDERS, MouseOfSheet, sheet_of
from labdb.desk.dosing_page import day_asked
from labdb.desk.qr_code import qr_svg
from labdb.desk.weighing_page import ALL, cohort_named
from labdb.registry.forms import forbidden_sentence
from labdb.registry.json_doors import answered_in_json
from labdb.registry.keys import is_id
from labdb.registry.permissions import may
from labdb.registry.record import record_for
from labdb.tissue.label_page import label_page
from labdb.tissue.models import DeathMethod, Dissection, Hemisphere, RegionNotTaken, StorageBox, TissueSample

DEATH_REASON = "dissected"
NOT_TAKEN_REASONS = ("crushed or torn", "lost", "not in this slice", "kept whole for histology", "no time left")
PAST_DAYS = 30  # days of dissections that the choice of a cohort lists


@require_safe
@never_cache
@ensure_csrf_cookie
def dissection(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the sheet of a day, its paper (``?print=1``), or the choice of a cohort; a past day is looked at only."""
    study = _study(request, code)
    day, asked = day_asked(request), request.GET.get("cohort", "")
    words: dict[str, Any] = {
        "study": study,
        "day": day,
        "is_today": day == timezone.localdate(),
        "bench": bench_words(
            request, study, Dissection, back=study.code, back_url=reverse("study-page", args=[study.code])
        ),
    }
    if not asked:
        return render(request, "bench/dissection_cohorts.html", {**words, **_choices(study), "all": ALL})
    cohort, order, chosen = cohort_named(study, asked), _order(request), _chosen(request)
    rows = sheet_of(study, cohort, day, request.user, order=order, chosen=chosen)
    protocol = _protocol(request, study, day)
    address = {"cohort": asked, "order": order, **({"mice": ".".join(sorted(chosen))} if chosen is not None else {})}
    if not words["is_today"]:
        address["day"] = str(day)
    words |= {
        "cohort": cohort,
        "rows": rows,
        "order": order,
        "orders": [(name, label, f"?{urlencode({**address, 'order': name}, safe='.')}") for name, label in ORDERS],
        "columns": protocol["columns"],
        "protocol": protocol,
        "sheet_url": f"?{urlencode({**address, 'print': 1}, safe='.')}",
        "labels_url": f"{reverse('dissection-labels', args=[study.code])}?{urlencode(address, safe='.')}",
    }
    if "print" in request.GET:
        back = request.build_absolute_uri(f"{request.path}?{urlencode(address, safe='.')}")
        lines = [(row, row.cells(protocol["columns"])) for row in rows]
        return render(
            request, "bench/dissection_sheet.html", {**words, "lines": lines, "address": back, "qr": qr_svg(back)}
        )
    may_enter = words["is_today"] and may(request.user, "add", Dissection, study)
    sheet = _for_script(request, study, address, rows, protocol) | {"may_enter": may_enter, "day": str(day)}
    choices = {"methods": DeathMethod.choices, "sides": Hemisphere.choices, "reasons": NOT_TAKEN_REASONS}
    words |= {"may_enter": may_enter, "sheet": sheet, "choices": choices}
    return render(request, "bench/dissection.html", words)


@answered_in_json()
@require_safe
@never_cache
def dissected(request: HttpRequest, code: str) -> JsonResponse:
    """Tell what is stored of a sheet, whichever tablet entered it."""
    study = _study(request, code)
    cohort = cohort_named(study, request.GET.get("cohort", ALL))
    rows = sheet_of(study, cohort, day_asked(request), request.user, order=_order(request), chosen=_chosen(request))
    return JsonResponse({"day": str(day_asked(request)), "mice": {row.mouse.pk: row.stored() for row in rows}})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def dissection_labels(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the labels of a sheet: of tubes that there are, and before the day begins, of those that will be."""
    study = _study(request, code)
    day, cohort = day_asked(request), cohort_named(study, request.GET.get("cohort", ALL))
    rows = sheet_of(study, cohort, day, request.user, order=_order(request), chosen=_chosen(request))
    labels = planned_labels(study, rows, _protocol(request, study, day)["columns"], day)
    if not labels:
        raise Http404("This sheet has no tubes yet: choose the regions in the protocol of the day.")
    return label_page(request, labels, {}, request.get_full_path())


@answered_in_json()
@require_safe
@never_cache
def box_positions(request: HttpRequest, pk: int) -> JsonResponse:
    """Tell which positions of a box are taken, and by which tube; of a study that the account does not see, only that."""
    if not may(request.user, "view", StorageBox):
        raise PermissionDenied(forbidden_sentence("view", StorageBox))
    box = get_object_or_404(StorageBox, pk=pk)
    size = {"rows": box.n_rows, "columns": box.n_columns}
    return JsonResponse({"id": box.pk, "code": box.code, **size, "taken": tubes_in(box, request.user)})


def _study(request: HttpRequest, code: str) -> Study:
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "view", Dissection, study):
        raise PermissionDenied(forbidden_sentence("view", Dissection, study))
    return study


def _order(request: HttpRequest) -> str:
    asked = request.GET.get("order", CHANCE)
    if asked not in dict(ORDERS):
        raise Http404(f"{asked[:20]} is no order; choose {' or '.join(dict(ORDERS))}.")
    return asked


def _protocol(request: HttpRequest, study: Study, day: date) -> dict[str, Any]:
    protocol = protocol_of(study, day)
    if asked := request.GET.get("columns", ""):
        try:
            protocol["columns"] = columns_asked(asked, protocol["columns"])
        except ValueError as error:
            raise Http404(str(error)) from None
    return protocol


def _chosen(request: HttpRequest) -> set[str] | None:
    ticked = request.GET.get("mice", "")
    return {one for one in ticked.split(".") if is_id(one)} if ticked else None


def _choices(study: Study) -> dict[str, Any]:
    living = Count("mice", filter=Q(mice__death_date=None))
    days = Dissection.objects.filter(study=study, performed_at__isnull=False).annotate(day=TruncDate("performed_at"))
    return {
        "cohorts": Cohort.objects.filter(study=study).annotate(n_living=living).order_by("code"),
        "days": list(days.order_by("-day").values_list("day").annotate(n=Count("pk"))[:PAST_DAYS]),
    }


def _for_script(
    request: HttpRequest, study: Study, address: dict[str, Any], rows: list[MouseOfSheet], protocol: dict[str, Any]
) -> dict[str, Any]:
    records = {"dissection": Dissection, "sample": TissueSample, "not_taken": RegionNotTaken, "mouse": Mouse}
    codes = TissueSample.objects.filter(study=study).order_by().values_list("code", flat=True)
    used = StorageBox.objects.filter(code__in={column["box"] for column in protocol["columns"]})
    return {
        "study": study.code,
        "records": {name: record_for(model).resource for name, model in records.items()},
        "may_end": may(request.user, "change", Mouse, study),
        "death_reason": DEATH_REASON,
        "stored_url": f"{reverse('bench-dissected', args=[study.code])}?{urlencode(address, safe='.')}",
        "positions_url": reverse("box-positions", args=[0]),
        "code_pattern": settings.SAMPLE_CODE,
        "codes": list(codes),
        "lights_on": settings.LIGHTS_ON,
        "mice": [row.for_script() for row in rows],
        "protocol": protocol,
        "taken": {box.code: tubes_in(box, request.user) for box in used},
        **regions_and_boxes(),
    }
