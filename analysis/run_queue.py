"""The queues of the workers: a run is in one by its primary key, with the time that its task may take.

Long work has workers of its own, so that what takes a second never waits for what takes an hour.
"""

from collections.abc import Iterable

from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from analysis.models import AnalysisRun

EXECUTE = "analysis.runs.execute"  # the functions a worker calls
HELP = "analysis.runs.help_with"
QUEUES = (settings.SHORT_QUEUE, settings.LONG_QUEUE)
MOST_HELPERS = 31  # messages for one run; more workers than that no lab has


def queue_of(task_name: str) -> str:
    """Return the queue that a task's runs wait in."""
    return settings.SHORT_QUEUE if task_name in settings.SHORT_TASKS else settings.LONG_QUEUE


def enqueue(run: AnalysisRun) -> None:
    """Put a run into its queue, in the transaction of its row."""
    async_task(
        EXECUTE, run.pk, task_name=f"run {run.pk}", group=f"{run.study.code} {run.task}"[:100],
        timeout=time_limit_s(run.task), cluster=queue_of(run.task),
    )  # fmt: skip


def ask_for_help(run: AnalysisRun, n_helpers: int) -> None:
    """Ask as many other workers to compute parts of a run; one that comes too late finds nothing to do."""
    for _ in range(min(n_helpers, MOST_HELPERS)):
        async_task(
            HELP, run.pk, task_name=f"part of run {run.pk}", group=f"{run.study.code} {run.task}"[:100],
            timeout=time_limit_s(run.task), cluster=queue_of(run.task),
        )  # fmt: skip


def queued_ids() -> set[int]:
    """Return the runs with a message that a worker may take (not one that a dead worker had taken)."""
    messages = OrmQ.objects.filter(lock__lte=timezone.now())
    return {message.args()[0] for message in messages if message.task.get("func") == EXECUTE}


def queues_with(task_names: Iterable[str]) -> set[str]:
    """Return the queues of some tasks."""
    return {queue_of(name) for name in task_names}


def time_limit_s(task_name: str) -> int:
    """Return how long a run of a task may take (s), all of its steps together."""
    return settings.ANALYSIS_TIMEOUTS_S.get(task_name, settings.ANALYSIS_TIMEOUT_S)
