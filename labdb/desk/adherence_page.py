"""What became of the doses of a study: by mouse, and over days."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET

from analysis.links import storable
from labdb.colony.models import Cohort, Mouse, Study
from labdb.desk.exclusions_page import Filter
from labdb.registry.forms import forbidden_sentence
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may
from labdb.treatment.adherence import Adherence, adherence_of, by_day, total
from labdb.treatment.models import Allocation, Dose, SolutionKey, TreatmentArm

SIGNS = {"given": "●", "partial": "◐", "missed": "○", "planned": "·"}
COMPLETE, LACKING = "complete", "not complete"


@dataclass(frozen=True)
class Line:
    """One mouse."""

    mouse: Mouse
    code: str  # of its allocation
    adherence: Adherence
    cells: str  # of the table, one for each day

    @property
    def is_complete(self) -> bool:
        """Whether every dose that was due was given in full."""
        return self.adherence.given == self.adherence.due


@require_GET
def adherence(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the table and the strip of a study's doses, those that ``?cohort=&doses=`` select."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    if not may(request.user, "view", Dose, study):
        raise PermissionDenied(forbidden_sentence("view", Dose, study))
    cohorts = tuple(Cohort.objects.filter(study=study).order_by("code").values_list("code", flat=True))
    filters = [
        Filter("cohort", "Cohort", request.GET.get("cohort", ""), cohorts),
        Filter("doses", "Doses", request.GET.get("doses", ""), (COMPLETE, LACKING)),
    ]
    doses = Dose.objects.all().visible_to(request.user).filter(study=study)
    if chosen := filters[0].chosen:
        doses = doses.filter(mouse__cohort__code=storable(chosen))
    days, lines = _lines(study, request.user, doses)
    if chosen := filters[1].chosen:
        lines = [line for line in lines if chosen == (COMPLETE if line.is_complete else LACKING)]
    words = {
        "study": study,
        "filters": filters,
        "is_filtered": any(one.chosen for one in filters),
        "lines": lines,
        "days": days,
        "total": total([line.adherence for line in lines]),
        "may_plan": may(request.user, "add", SolutionKey, study),
        "may_see_arms": may(request.user, "view", TreatmentArm, study),
        "may_dose": may(request.user, "change", Dose, study),
    }
    return render(request, "desk/adherence.html", words)


def _lines(study: Study, user: Any, doses: Any) -> tuple[list[date], list[Line]]:
    counts, (days, statuses) = adherence_of(doses), by_day(doses)
    mice = Mouse.objects.filter(pk__in=counts).select_related("cohort")
    codes = dict(
        Allocation.objects.all()
        .visible_to(user)
        .filter(Allocation.holding(), mouse__in=counts)
        .values_list("mouse", "code")
    )
    drawn: dict[tuple[date, str], str] = {}  # few are unlike, and a study has ten thousand
    lines = []
    for mouse in mice:
        keys = [(day, statuses[mouse.pk].get(day, "")) for day in days]
        drawn |= {key: _cell(*key) for key in keys if key not in drawn}
        cells = mark_safe("".join(drawn[key] for key in keys))  # noqa: S308 (each is escaped by itself)
        lines.append(Line(mouse, codes.get(mouse.pk, ""), counts[mouse.pk], cells))
    return days, sorted(lines, key=lambda line: natural(line.mouse.code))


def _cell(day: date, status: str) -> str:
    """Return one day of a mouse: a sign for the eye, words for who hears the page."""
    if not status:
        return '<td class="dose-day"></td>'
    words = f"{day.day} {day:%b}: {status}"
    return format_html(
        '<td class="dose-day dose-{}"><span role="img" aria-label="{}" title="{}">{}</span></td>',
        status, words, words, SIGNS[status],
    )  # fmt: skip
