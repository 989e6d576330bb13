"""The status of labdb for its managers: work, workers, failures, disk, backups, and the schedules with their doors.

A manager of single studies sees the machinery, the runs of these studies, and writes their schedules. What a schedule of
every study did in each of them is for managers of the laboratory.
"""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from analysis.cron import cron_error, next_times
from analysis.models import AnalysisRun
from analysis.schedules import UNDER_WAY, Schedule, ScheduleTurn
from labdb.desk import work_facts
from labdb.desk.scheduling import queue_turn
from labdb.registry.forms import Conflict, complete, forbidden_sentence, form_for
from labdb.registry.permissions import LABORATORY, may, place_of
from labdb.registry.record import record_for

TIMES_SHOWN = 3
TURNS_SHOWN = 20
MOST_TYPED = 100  # characters of a cron line


def status_link(request: HttpRequest) -> dict[str, Any]:
    """Say whether the navigation leads to the status; asked only by pages that have one."""
    user = getattr(request, "user", None)
    return {"has_status_link": SimpleLazyObject(lambda: user is not None and _sees_status(user))}


def _sees_status(user: Any) -> bool:
    return may(user, "change", Schedule)


def _manages_all(user: Any) -> bool:
    return may(user, "change", Schedule, LABORATORY)


def _schedule_or_404(request: HttpRequest, pk: int, *, to_change: bool) -> Schedule:
    _require_manager(request)
    schedule = get_object_or_404(Schedule.objects.visible_to(request.user).select_related("only_study"), pk=pk)
    place = place_of(schedule)
    if to_change and not may(request.user, "change", Schedule, place):
        raise PermissionDenied(forbidden_sentence("change", Schedule, place))
    return schedule


def _require_manager(request: HttpRequest) -> None:
    if not _sees_status(request.user):
        raise PermissionDenied("Your role may not see the status and the schedules; ask a manager.")


@require_GET
@never_cache
def status(request: HttpRequest) -> HttpResponse:
    """Answer the page, or for htmx what changes from moment to moment."""
    _require_manager(request)
    now = timezone.now()
    clusters = work_facts.clusters()
    words: dict[str, Any] = {
        "now": now,
        "queue": work_facts.queue(),
        "clusters": clusters,
        "unserved": work_facts.queues_without_workers(clusters),
        "running": work_facts.running_runs(request.user),
    }
    if request.headers.get("HX-Request"):
        return render(request, "desk/_status_work.html", words)
    words |= {
        "failures": work_facts.failures(now, request.user, is_of_all=_manages_all(request.user)),
        "disk": work_facts.disk(),
        "database_bytes": work_facts.database_bytes(),
        "backups": work_facts.backups(now),
        "schedules": _schedule_rows(request.user),
        "versions": work_facts.versions(),
        "may_add": may(request.user, "add", Schedule),
    }
    return render(request, "desk/status.html", words)


def _schedule_rows(user: Any) -> list[dict[str, Any]]:
    """Return every schedule that the account may see with its last time and its next, and whether it may change it."""
    now = timezone.now()
    last = _with_runs(ScheduleTurn.objects.order_by("schedule_id", "-pk").distinct("schedule_id"), user)
    schedules = Schedule.objects.visible_to(user).select_related("only_study")
    return [
        {
            "schedule": one, "last": one.last[0] if one.last else None, "next": next(iter(one.next_times(now)), None),
            "may_change": may(user, "change", Schedule, place_of(one)),
        }
        for one in schedules.prefetch_related(Prefetch("turns", last, to_attr="last"))
    ]  # fmt: skip


def _with_runs(turns: QuerySet[ScheduleTurn], user: Any) -> QuerySet[ScheduleTurn]:
    return turns.prefetch_related(Prefetch("runs", AnalysisRun.objects.visible_to(user), to_attr="seen_runs"))


@require_GET
@never_cache
def schedule_times(request: HttpRequest) -> HttpResponse:
    """Answer the next times of a line as it is typed, or what is wrong with it."""
    _require_manager(request)
    cron = request.GET.get("cron", "").strip()[:MOST_TYPED]
    sentence = cron_error(cron) if cron else "Enter when, and the next three times stand here."
    times = [] if sentence else next_times(cron, timezone.now(), timezone.get_current_timezone(), TIMES_SHOWN)
    return render(request, "desk/_schedule_times.html", {"sentence": sentence, "times": times})


@require_GET
def schedule_turns(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer what came of a schedule, for its record's page."""
    schedule = _schedule_or_404(request, pk, to_change=False)
    words = {
        "schedule": schedule,
        "times": schedule.next_times(timezone.now(), TIMES_SHOWN),
        "turns": _with_runs(schedule.turns.all(), request.user)[:TURNS_SHOWN],
        "is_told": may(request.user, "change", Schedule, place_of(schedule)),
    }
    return render(request, "desk/_schedule_turns.html", words)


@require_POST
def schedule_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause a schedule, or let it go on, by the one form of its record."""
    schedule = _schedule_or_404(request, pk, to_change=True)
    is_on = "true" if request.POST.get("on") == "1" else "false"
    record = record_for(Schedule)
    form = form_for(record)(complete({"is_on": is_on}, record, schedule), user=request.user, instance=schedule)
    if not form.is_valid():
        messages.error(request, " ".join(str(sentence) for some in form.errors.values() for sentence in some))
        return redirect("status")
    try:
        form.save()
    except Conflict as conflict:
        messages.error(request, str(conflict))
        return redirect("status")
    messages.success(request, f"{schedule} {'goes on.' if schedule.is_on else 'pauses.'}")
    return redirect("status")


@require_POST
def schedule_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue a schedule now, whatever the clock says, unless it is under way."""
    schedule = _schedule_or_404(request, pk, to_change=True)
    with transaction.atomic():
        Schedule.objects.select_for_update(no_key=True).get(pk=pk)
        if schedule.turns.filter(outcome__in=UNDER_WAY).exists():
            messages.error(request, f"{schedule} is under way already; wait until it has ended.")
        else:
            queue_turn(schedule, timezone.now())
            messages.success(request, f"{schedule} is queued; reload this page to see what comes of it.")
    return redirect("status")
