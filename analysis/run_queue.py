"""The queue of the workers: a run is in it by its primary key, with the time that its task may take."""

from django.conf import settings
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from analysis.models import AnalysisRun

EXECUTE = "analysis.runs.execute"  # the function a worker calls


def enqueue(run: AnalysisRun) -> None:
    """Put a run into the queue, in the transaction of its row."""
    async_task(
        EXECUTE, run.pk, task_name=f"run {run.pk}", group=f"{run.study.code} {run.task}"[:100],
        timeout=time_limit_s(run.task),
    )  # fmt: skip


def queued_ids() -> set[int]:
    """Return the runs with a message that a worker may take (not one that a dead worker had taken)."""
    messages = OrmQ.objects.filter(lock__lte=timezone.now())
    return {message.args()[0] for message in messages if message.task.get("func") == EXECUTE}


def time_limit_s(task_name: str) -> int:
    """Return how long a run of a task may take (s), all of its steps together."""
    return settings.ANALYSIS_TIMEOUTS_S.get(task_name, settings.ANALYSIS_TIMEOUT_S)
