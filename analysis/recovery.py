"""Runs whose worker died, froze or fell silent: taken up again, or ended with the reason.

Silence is measured by the database's clock alone, so that hosts need not agree on the time.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from analysis.models import ENDED, AnalysisRun, RunStatus
from analysis.run_parts import RunPart
from analysis.run_queue import enqueue, queued_ids, queues_with, time_limit_s

LOST_AFTER_S: float = settings.RUN_LOST_AFTER_S
SWEEP_S = LOST_AFTER_S / 3  # how often `up` looks for lost runs: a dead worker's run goes on within a minute
UNTAKEN_S = 30.0  # a free worker takes a run within a second; less than the silence after which it is queued anew
ATTEMPT_LIMIT = 3  # a task that kills its worker would be delivered for ever


def untaken_queues(for_s: float = UNTAKEN_S) -> set[str]:
    """Return the queues in which a run waits so long (s) though none of them is computed: their workers take nothing.

    A worker that is killed while it waits for its next task takes the lock of django-q's queue with it to the grave.
    """
    waits = AnalysisRun.objects.filter(
        status=RunStatus.QUEUED,
        parent=None,
        queued_at__lte=Now() - timedelta(seconds=for_s),
    )
    working = AnalysisRun.objects.filter(status=RunStatus.RUNNING, parent=None)
    return queues_with(waits.values_list("task", flat=True)) - queues_with(working.values_list("task", flat=True))


def silent(for_s: float) -> Q:
    """Return the condition that a run works and gave no sign of life for so long (s)."""
    return Q(status=RunStatus.RUNNING) & no_sign_of_life(for_s)


def no_sign_of_life(for_s: float) -> Q:
    """Return the condition that a heartbeat is older (s).

    One from the future is none either: the clock of the database was set back, and whoever lives has beaten since.
    """
    patience = timedelta(seconds=for_s)
    return Q(heartbeat_at__lte=Now() - patience) | Q(heartbeat_at__gt=Now() + patience) | Q(heartbeat_at=None)


def sweep(older_than_s: float = LOST_AFTER_S) -> list[AnalysisRun]:
    """Queue again what was lost: runs whose worker died, and waiting ones that no message stands for.

    Parameters
    ----------
    older_than_s : float
        Silence (s) that counts as death; 0 where no other worker can be alive.

    Returns
    -------
    list of AnalysisRun
        Those queued again. Steps of a run are not among them: their parent takes them up. A run that was asked to
        stop, or had used up its attempts, is ended instead.
    """
    before = Now() - timedelta(seconds=older_than_s)
    waiting = Q(status=RunStatus.QUEUED, queued_at__lte=before) & ~Q(pk__in=queued_ids())
    with transaction.atomic():
        lost = AnalysisRun.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).filter(
            silent(older_than_s) | waiting, parent=None
        )
        found = [run for run in lost.select_related("study").order_by("pk") if take_up(run)]
    # A step waits again for whoever is at the run it belongs to.
    AnalysisRun.objects.filter(silent(older_than_s), parent__isnull=False).update(status=RunStatus.QUEUED)
    orphans = AnalysisRun.objects.filter(parent__status__in=ENDED).exclude(status__in=ENDED)
    orphans.update(status=RunStatus.CANCELLED, reason="The run of which it is a step has ended.", finished_at=Now())
    RunPart.objects.filter(run__status__in=ENDED).delete()
    return found


def take_up(run: AnalysisRun) -> bool:
    """Queue a lost run again, or end it where nobody should compute it; its row is locked by the caller."""
    if run.is_cancel_asked:
        end(run, RunStatus.CANCELLED, "Cancelled on request; its worker had died.")
    elif run.attempt >= ATTEMPT_LIMIT:
        give_up(run)
    else:
        return requeue(run)
    return False


def requeue(run: AnalysisRun) -> bool:
    """Put a run back into the queue; not where another, asked for since, waits there for the same."""
    try:
        with transaction.atomic():
            AnalysisRun.objects.filter(pk=run.pk).exclude(status__in=ENDED).update(
                status=RunStatus.QUEUED, queued_at=Now()
            )
            enqueue(run)
    except IntegrityError:
        end(run, RunStatus.CANCELLED, "Its worker died, and a run that was asked for since computes the same.")
        return False
    return True


def give_up(run: AnalysisRun) -> None:
    """Fail a run of which no attempt came to an end."""
    reason = (
        f"Given up: {run.attempt} attempts were begun and none came to an end; its worker died each time "
        "(out of memory, killed, or power), or the database went away."
    )
    end(run, RunStatus.FAILED, reason)
    _stop_steps(run, f"Run {run.pk}, of which it is a step, was given up.")


def end_over_time(run: AnalysisRun) -> None:
    """Fail a run that used up the time of its task, and its steps with it."""
    limit_s = time_limit_s(run.task)
    reason = (
        f"It took longer than {run.task} may take, {limit_s} s. Ask for less at once, or have a manager raise the limit "
        f"(ANALYSIS_TIMEOUT_S, or ANALYSIS_TIMEOUTS_S={run.task}={2 * limit_s})."
    )
    end(run, RunStatus.FAILED, reason)
    _stop_steps(run, f"Run {run.pk}, of which it is a step, ran out of time.")


def stop(run: AnalysisRun, reason: str) -> None:
    """Mark a run and its steps as cancelled, whatever they are doing: their process is ending."""
    steps = AnalysisRun.objects.filter(Q(pk=run.pk) | Q(parent=run)).exclude(status__in=ENDED)
    steps.update(status=RunStatus.CANCELLED, reason=reason, finished_at=Now())


def end(run: AnalysisRun, status: RunStatus, reason: str, same_as: AnalysisRun | None = None) -> None:
    """Write how a run ended, unless it has gone to another process."""
    fields: dict[str, Any] = {"status": status, "reason": reason, "same_as": same_as, "doing": ""}
    if status == RunStatus.DONE:
        fields["done"] = F("total")
    mine = AnalysisRun.objects.filter(pk=run.pk, attempt=run.attempt).exclude(status__in=ENDED)
    if mine.update(finished_at=Now(), **fields):
        RunPart.objects.filter(run=run).delete()  # of no use any more
        if status == RunStatus.CANCELLED:
            _stop_steps(run, f"Run {run.pk}, of which it is a step, was cancelled.")
    run.refresh_from_db()


def _stop_steps(run: AnalysisRun, reason: str) -> None:
    steps = AnalysisRun.objects.filter(parent=run).exclude(status__in=ENDED)
    steps.update(status=RunStatus.CANCELLED, reason=reason, finished_at=Now())
