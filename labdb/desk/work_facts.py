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
from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Q
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import Failure, OrmQ

from analysis.cron import next_times
from analysis.models import AnalysisRun, RunStatus
from analysis.run_story import duration
from analysis.schedules import WRONG_CLOCK, Outcome, Schedule, ScheduledTask, ScheduleTurn

WEEK = timedelta(days=7)
TICK = timedelta(seconds=5)  # a question takes its time before its answer
SHOWN = 8
LOW_BYTES = 2 * 2**30  # ours: a backup of the demo takes a tenth of it
FULL_BYTES = 200 * 2**20  # ours: below it writes fail soon, and PostgreSQL with them
GRACE = timedelta(hours=12)  # ours: a backup that is late by less may wait for its workers
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


@dataclass(frozen=True)
class Backups:
    """The backups by the clock.

    Attributes
    ----------
    last : ScheduleTurn or None
        The last that was made and read back.
    next_at : datetime or None
        When the clock makes one again; None where no schedule that is on does.
    due_at : datetime or None
        The first time after the last one.
    """

    last: ScheduleTurn | None
    next_at: datetime | None
    due_at: datetime | None
    now: datetime

    @property
    def is_overdue(self) -> bool:
        """Whether a time passed without one, and not just now."""
        return self.due_at is not None and self.now - self.due_at > GRACE

    @property
    def when(self) -> str:
        """Say when the next comes, as people do."""
        if self.next_at is None:
            return ""
        at = timezone.localtime(self.next_at)
        days = (at.date() - timezone.localdate(self.now)).days
        is_night = at.hour < 6 or at.hour >= 20
        if days == 0 or (days == 1 and at.hour < 6):
            return f"{'tonight' if is_night else 'today'} at {at:%H:%M}"
        return f"{'tomorrow' if days == 1 else f'on {at:%a %-d %b}'} at {at:%H:%M}"


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


def running_runs(user: Any) -> list[tuple[AnalysisRun, str]]:
    """Return the runs that the account may see and that are worked at, the longest silent first, and when each beat."""
    working = AnalysisRun.objects.visible_to(user).filter(status=RunStatus.RUNNING, parent=None)
    found = working.filter(heartbeat_at__isnull=False).select_related("study").order_by("heartbeat_at")
    aged = found.annotate(age=ExpressionWrapper(Now() - F("heartbeat_at"), DurationField()))
    return [(run, _beat(run.age)) for run in aged[:SHOWN]]


def _beat(age: timedelta) -> str:
    """Say how old a heartbeat is by the clock that wrote it, the database's."""
    if age < -TICK:
        return "ahead of the clock, which was set back"
    return f"{duration(age.total_seconds())} ago"


def failures(now: datetime, user: Any, *, is_of_all: bool) -> dict[str, Any]:
    """Return what failed in the last week, as far as the account may see it: runs, schedules, and other tasks."""
    failed_runs = AnalysisRun.objects.visible_to(user).filter(status=RunStatus.FAILED, parent=None)
    failed_runs = failed_runs.filter(finished_at__gte=now - WEEK)
    failed_turns = ScheduleTurn.objects.filter(outcome=Outcome.FAILED, ended_at__gte=now - WEEK)
    broken = Failure.objects.filter(stopped__gte=now - WEEK)
    if not is_of_all:  # what a schedule of every study says names them; any of them may have broken a task
        failed_turns = failed_turns.filter(schedule__in=Schedule.objects.visible_to(user).exclude(only_study=None))
        broken = broken.none()
    return {
        "runs": list(failed_runs.select_related("study").order_by("-finished_at")[:SHOWN]),
        "n_runs": failed_runs.count(),
        "turns": list(failed_turns.select_related("schedule")[:SHOWN]),
        "n_turns": failed_turns.count(),
        "tasks": [(one, str(one.result).strip().partition("\n")[0]) for one in broken.order_by("-stopped")[:SHOWN]],
        "n_tasks": broken.count(),
    }


def backups(now: datetime) -> Backups:
    """Return what there is of backups by the clock, and of the times at which they should come."""
    turns = ScheduleTurn.objects.filter(schedule__task=ScheduledTask.BACKUP, outcome=Outcome.DONE)
    last = turns.filter(due_at__lte=now + WRONG_CLOCK).select_related("schedule").order_by("-ended_at").first()
    zone = timezone.get_current_timezone()
    due, following = [], []
    for schedule in Schedule.objects.filter(task=ScheduledTask.BACKUP, is_on=True):
        settled = min(schedule.modified_at, now)
        due += next_times(schedule.cron, max(settled, last.due_at) if last else settled, zone, 1)
        following += schedule.next_times(now)
    return Backups(last, min(following, default=None), min(due, default=None), now)


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
