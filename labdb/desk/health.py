"""`/health/`: is the process alive, and can it do its work? Answered without sign-in, without names or numbers."""

from datetime import timedelta
from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analysis.models import AnalysisRun, RunStatus

FRESH = timedelta(minutes=5)  # a working run reports about once a second; results of one step take up to 20 s
PATIENCE = timedelta(minutes=1)  # a free worker takes a queued run within a second


@login_not_required
@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer live and ready; 503 when it could not serve a page."""
    checks = {"database": "unreachable", "migrations": "unknown", "workers": "unknown"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        checks["database"] = "answers"
        checks["migrations"] = _migrations()
        if checks["migrations"] == "applied":
            checks["workers"] = _workers()
    except DatabaseError:
        pass
    ready = checks["database"] == "answers" and checks["migrations"] == "applied"
    answer: dict[str, Any] = {"live": True, "ready": ready, **checks}
    return JsonResponse(answer, status=200 if ready else 503)


def _migrations() -> str:
    applied = MigrationRecorder(connection).applied_migrations()
    return "applied" if latest_migrations() <= applied.keys() else "pending"


@cache
def latest_migrations() -> frozenset[tuple[str, str]]:
    """Return the last migration of every app, read once: it takes a tenth of a second, and anyone may ask."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _workers() -> str:
    """Say what the runs show of the workers: nothing is known where nothing was asked of them."""
    now = timezone.now()
    beat = AnalysisRun.objects.aggregate(latest=Max("heartbeat_at"))["latest"]
    if beat is not None and now - beat < FRESH:
        return "seen working"
    waiting = AnalysisRun.objects.filter(status=RunStatus.QUEUED, parent=None, queued_at__lt=now - PATIENCE)
    return "not taking runs" if waiting.exists() else "unknown"
