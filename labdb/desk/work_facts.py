"""What a manager asks of the machinery: queue, workers, failures, disk and database; each a query or two."""

import platform
import shutil
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q
from django.utils import timezone
from django_q.models import Failure, OrmQ

from analysis.models import AnalysisRun, RunStatus
from analysis.schedules import Outcome, ScheduledTask, ScheduleTurn

WEEK = timedelta(days=7)
SHOWN = 8
LOW_BYTES = 2 * 2**30  # ours: a backup of the demo takes a tenth of it
FULL_BYTES = 200 * 2**20  # ours: below it writes fail soon, and PostgreSQL with them
OVERDUE = timedelta(hours=36)  # a night was left out
# Workers are known by their connections to the database: the kernel closes that of a process that died.
CLUSTERS = """
SELECT (regexp_match(application_name, %s))[2], (regexp_match(application_name, %s))[1],
    count(*), min(backend_start), max(state_change)
FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE %s
GROUP BY application_name ORDER BY 1
"""


@dataclass(frozen=True)
class Cluster:
    """The task workers of one host for one queue.

    Attributes
    ----------
    queue : str
        short or long.
    n_connections : int
        To the database, of the processes that hand out, do and write down tasks.
    seen_at : datetime
        When one of them last asked the database something; long ago while all workers are busy.
    """

    host: str
    queue: str
    n_connections: int
    since: datetime
    seen_at: datetime


@dataclass(frozen=True)
class Queue:
    """Messages to the workers: those that wait, and those that a worker has."""

    n_waiting: int
    n_taken: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Disk:
    """The disk of a folder."""

    folder: Path
    free_bytes: int
    total_bytes: int

    @property
    def state(self) -> str:
        """In a word: enough, low or full."""
        if self.free_bytes < FULL_BYTES:
            return "full"
        return "low" if self.free_bytes < LOW_BYTES else "enough"


def clusters() -> list[Cluster]:
    """Return the hosts whose workers are connected now."""
    marker = settings.WORKERS_APPLICATION
    parts = f"{marker}, (short|long)@(.*)"
    with connection.cursor() as cursor:
        cursor.execute(CLUSTERS, [parts, parts, f"{marker}, %@%"])
        return [Cluster(*row) for row in cursor.fetchall()]


def queues_without_workers(found: list[Cluster]) -> list[str]:
    """Return which queues nobody serves."""
    return sorted({"long", "short"} - {cluster.queue for cluster in found})


def queue() -> Queue:
    """Return how much waits, and since when the oldest."""
    now = timezone.now()
    is_waiting = Q(lock__lte=now)
    found = OrmQ.objects.aggregate(
        n_waiting=Count("pk", filter=is_waiting), n_taken=Count("pk", filter=~is_waiting),
        oldest_at=Min("lock", filter=is_waiting),
    )  # fmt: skip
    return Queue(**found)


def disk() -> Disk:
    """Return the disk of the data folder."""
    folder = Path(settings.DATA_DIR)
    usage = shutil.disk_usage(folder)
    return Disk(folder, usage.free, usage.total)


def database_bytes() -> int:
    """Return the size of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def running_runs(now: datetime) -> list[tuple[AnalysisRun, int]]:
    """Return the runs that are worked at, the longest silent first, each with the age of its heartbeat (s)."""
    working = AnalysisRun.objects.filter(status=RunStatus.RUNNING, parent=None, heartbeat_at__isnull=False)
    found = working.select_related("study").order_by("heartbeat_at")[:SHOWN]
    return [(run, max(0, round((now - run.heartbeat_at).total_seconds()))) for run in found if run.heartbeat_at]


def failures(now: datetime) -> dict[str, Any]:
    """Return what failed in the last week: runs, schedules, and tasks that broke outside of both."""
    failed_runs = AnalysisRun.objects.filter(status=RunStatus.FAILED, parent=None, finished_at__gte=now - WEEK)
    failed_turns = ScheduleTurn.objects.filter(outcome=Outcome.FAILED, ended_at__gte=now - WEEK)
    broken = Failure.objects.filter(stopped__gte=now - WEEK)
    return {
        "runs": list(failed_runs.select_related("study").order_by("-finished_at")[:SHOWN]),
        "n_runs": failed_runs.count(),
        "turns": list(failed_turns.select_related("schedule")[:SHOWN]),
        "n_turns": failed_turns.count(),
        "tasks": [(one, str(one.result).strip().partition("\n")[0]) for one in broken.order_by("-stopped")[:SHOWN]],
        "n_tasks": broken.count(),
    }


def backup_facts(now: datetime) -> dict[str, Any]:
    """Return the last backup by the clock that was made and read back, and whether that is too long ago."""
    turns = ScheduleTurn.objects.filter(schedule__task=ScheduledTask.BACKUP).select_related("schedule")
    last = turns.filter(outcome=Outcome.DONE).order_by("-ended_at").first()
    return {
        "backup": last,
        "is_backup_overdue": last is None or last.ended_at is None or now - last.ended_at > OVERDUE,
    }


def versions() -> list[tuple[str, str]]:
    """Return what runs here, by name."""
    postgres = divmod(connection.pg_version, 10_000) if connection.pg_version else (0, 0)  # type: ignore[attr-defined]
    return [
        ("labdb", f"{settings.LABDB_VERSION}, code {settings.CODE_VERSION}"),
        ("PostgreSQL", f"{postgres[0]}.{postgres[1]}"),
        ("Python, Django", f"{platform.python_version()}, {django.get_version()}"),
        ("This host", socket.gethostname()),
        ("Time zone", settings.TIME_ZONE),
    ]
