"""The workers of a host as programs to keep running: one cluster a queue; for `up` and `work`."""

import sys
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import DatabaseError, connections

from analysis.models import RunStatus
from analysis.recovery import sweep, untaken_queues
from analysis.runs import task_named
from labdb.supervisor import Program, Supervisor

WORKERS_LOOK_S = 60.0  # replaced workers take some seconds to begin; a machine under load, some more
NAMES = {settings.LONG_QUEUE: "workers", settings.SHORT_QUEUE: "workers for short work"}


def worker_programs() -> list[Program]:
    """Return a cluster for each queue; a worker that is at work gets 20 s to end it."""
    command = [sys.executable, str(settings.CHECKOUT / "manage.py"), "qcluster"]
    return [Program(name, command, grace_s=20.0, environ={"Q_CLUSTER_NAME": queue}) for queue, name in NAMES.items()]


def refuse_unknown_tasks() -> None:
    """Refuse settings for a task that does not exist: nobody would keep them."""
    for setting in ("ANALYSIS_TIMEOUTS_S", "SHORT_TASKS"):
        for name in getattr(settings, setting):
            try:
                task_named(name)
            except ValidationError as error:
                raise CommandError(f"{setting}: {' '.join(error.messages)}") from None


def watch_runs(say: Callable[[str], None]) -> None:
    """Queue again the runs whose worker died: its successor knows nothing of them."""
    try:
        for run in sweep():
            what = (
                f"The worker of {run} died"
                if run.status == RunStatus.RUNNING
                else f"Whoever had taken {run} did not begin it"
            )
            say(f"{what}; the run is queued again.")
    except DatabaseError:
        pass  # the database is away; this looks again
    finally:
        connections.close_all()


def watch_workers(supervisor: Supervisor) -> None:
    """Replace workers that take nothing though nothing of their queue is being computed."""
    try:
        for queue in untaken_queues():
            supervisor.replace(NAMES[queue], older_than_s=WORKERS_LOOK_S)
    except DatabaseError:
        pass  # as above
    finally:
        connections.close_all()
