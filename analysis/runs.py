"""Ask for runs, carry them out, say which of them count: the only writer of provenance.

A run is asked for and queued in one transaction. A worker claims it, counts the attempt before the work, computes
outside any transaction (so that progress is seen), and stores all results with the word "done" in one.
Delivery is at least once: whoever comes second finds nothing to claim.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models.functions import Now

from analysis import fan_out
from analysis.current import current_run
from analysis.models import Adoption, AnalysisRun, RunStatus
from analysis.progress import Progress
from analysis.recovery import LOST_AFTER_S, stop, sweep
from analysis.run_attempt import claim, perform
from analysis.run_requests import request_or_find, request_run, task_named
from analysis.run_steps import RunSteps, help_with_steps

__all__ = [
    "LOST_AFTER_S", "adopt", "cancel", "current_run", "execute", "help_with", "request_or_find", "request_run", "stop", "sweep",
    "task_named",
]  # fmt: skip


def execute(run_id: int) -> None:
    """Carry out a run, unless it is done or in other hands; what goes wrong stands on the run."""
    if run := claim(run_id):
        perform(run, Progress(run, RunSteps))


def help_with(run_id: int) -> None:
    """Compute parts or steps of a run that another worker carries out, as long as there are any."""
    run = AnalysisRun.objects.select_related("study").filter(pk=run_id, status=RunStatus.RUNNING).first()
    if run is None:
        return
    task = task_named(run.task)
    if task.is_composite:
        help_with_steps(run)
    else:
        fan_out.help_with(run, task)


def cancel(run: AnalysisRun) -> str:
    """Ask a run to stop, at once if it waits, else at its next sign of progress; return what comes of it."""
    queued = AnalysisRun.objects.filter(pk=run.pk, status=RunStatus.QUEUED)
    if queued.update(
        is_cancel_asked=True, status=RunStatus.CANCELLED, reason="Cancelled before it began.", finished_at=Now()
    ):
        return f"Run {run.pk} is cancelled; it had not begun."
    if AnalysisRun.objects.filter(pk=run.pk, status=RunStatus.RUNNING).update(is_cancel_asked=True):
        return f"Run {run.pk} was asked to stop; it does at its next sign of progress."
    run.refresh_from_db()
    return f"Run {run.pk} had ended already: it is {run.status}."


def adopt(run: AnalysisRun, user: Any, reason: str) -> Adoption:
    """Make a run's results the current ones of its study, task and scope.

    Raises
    ------
    ValidationError
        The run is not done, has no results of its own, or no reason is given.
    """
    task = task_named(run.task)
    if run.status != RunStatus.DONE:
        raise ValidationError({"run": f"Run {run.pk} is {run.status}; only a run that is done can be adopted."})
    if task.is_composite:
        raise ValidationError({"run": f"{run.task} has no results of its own; adopt its steps."})
    if not reason.strip():
        raise ValidationError({"reason": "Say why these results should count from now on."})
    return Adoption.objects.create(
        study_id=run.study_id, task=run.task, scope=task.scope(run.parameters), run=run.results_run,
        reason=reason.strip(), adopted_by=user,
    )  # fmt: skip
