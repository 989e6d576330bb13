"""The first page: what is due today, what went wrong, what is being computed, and the studies of an account."""

from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from analysis import summaries
from analysis.models import AnalysisRun
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse, Study
from labdb.desk.quick_entry import entries_of_study
from labdb.desk.today import due_today, troubles
from labdb.registry.permissions import codename, may, studies_where
from labdb.sequencing.models import Library

RUNS_SHOWN = 10


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Answer the first page."""
    runs = AnalysisRun.objects.visible_to(request.user).select_related("study", "requested_by")
    shown = list(runs.filter(status__in=summaries.ACTIVE)[:RUNS_SHOWN])
    context: dict[str, Any] = {
        "runs": shown,
        "poll": "every 2s" if shown else "",
    }
    if request.headers.get("HX-Request"):
        return render(request, "desk/_home_runs.html", context)
    studies = list(_with_counts(Study.objects.all().visible_to(request.user)))
    entries = [(study, entries_of_study(request.user, study)) for study in studies]
    context |= {
        "today": timezone.localdate(),
        "due": due_today(request.user) if studies else [],
        "troubles": troubles(request.user) if studies else [],
        "studies": studies,
        "entries": [(study, its_entries) for study, its_entries in entries if its_entries],
        "to_score": [] if studies else _to_score_blind(request.user),
        "may_add_study": may(request.user, "add", Study),
    }
    return render(request, "desk/home.html", context)


def _to_score_blind(user: Any) -> list[Study]:
    """Return the studies whose tests an account may score, though it sees no record of them."""
    scored = studies_where(user, codename(SocialInteractionTest, "add"))
    return list(Study.objects.filter(pk__in=scored, state="open").order_by("code"))


def _with_counts(studies: QuerySet[Study]) -> QuerySet[Study]:
    """Count each table by itself: joined in one query they would multiply."""
    return studies.annotate(
        n_mice=_count(Mouse), n_si_tests=_count(SocialInteractionTest), n_libraries=_count(Library)
    ).order_by("code")


def _count(model: Any) -> Coalesce:
    rows = model.objects.filter(study=OuterRef("pk")).order_by().values("study").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(rows, output_field=IntegerField()), 0)
