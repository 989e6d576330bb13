"""`/health/`: is the process alive, and can it do its work? Answered without sign-in, without names or numbers."""

from datetime import timedelta
from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analysis.models import AnalysisRun
from analysis.recovery import untaken_queues
from labdb.desk.work_facts import clusters, disk, queues_without_workers

FRESH = timedelta(minutes=5)  # a working run reports about once a second; results of one step take up to 20 s
PATIENCE_S = 60.0  # a free worker takes a queued run within a second

WORKING, WAITING = ALIVE = ("seen working", "waiting for work")


@login_not_required
@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer live and ready; 503 when it could not serve a page, or store what is entered on it."""
    answer = _checked()
    return JsonResponse(answer, status=200 if answer["ready"] else 503)


@login_not_required
@never_cache
@require_safe
def work_health(request: HttpRequest) -> JsonResponse:
    """As `health`, and 503 when nobody would compute what is asked for."""
    answer = _checked()
    does_work = answer["ready"] and answer["workers"] in ALIVE
    return JsonResponse({**answer, "works": does_work}, status=200 if does_work else 503)


def _checked() -> dict[str, Any]:
    checks = {"database": "unreachable", "migrations": "unknown", "workers": "unknown", "disk": _disk()}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        checks["database"] = "answers"
        checks["migrations"] = _migrations()
        if checks["migrations"] == "applied":
            checks["workers"] = _workers()
    except DatabaseError:
        pass
    ready = checks["database"] == "answers" and checks["migrations"] == "applied" and checks["disk"] != "full"
    return {"live": True, "ready": ready, **checks}


def _disk() -> str:
    try:
        return disk().state
    except OSError:
        return "unreadable"


def _migrations() -> str:
    applied = MigrationRecorder(connection).applied_migrations()
    return "applied" if latest_migrations() <= applied.keys() else "pending"


@cache
def latest_migrations() -> frozenset[tuple[str, str]]:
    """Return the last migration of every app, read once: it takes a tenth of a second, and anyone may ask."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _workers() -> str:
    """Say what the runs, then the connections to the database, show of the workers.

    By the clock that wrote it, the database's; a heartbeat that is ahead of it was written before it was set back.
    """
    if untaken_queues(PATIENCE_S):
        return "not taking runs"
    if AnalysisRun.objects.filter(heartbeat_at__range=(Now() - FRESH, Now() + FRESH)).exists():
        return WORKING
    unserved = queues_without_workers(clusters())
    if len(unserved) == 1:
        return f"none alive for {unserved[0]} work"
    return "none alive" if unserved else WAITING
