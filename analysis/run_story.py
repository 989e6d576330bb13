"""What is said of a run while it waits and works: since when, what for, its attempt, its last sign of life."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from analysis.heartbeat import BEATS
from analysis.models import AnalysisRun, RunStatus
from analysis.recovery import ATTEMPT_LIMIT, LOST_AFTER_S, SWEEP_S

QUIET_S = 3 * LOST_AFTER_S / BEATS  # two beats were missed: said, though it may be nothing
UNTAKEN_S = 60.0  # a free worker takes a run within a second
SHOWN = 3  # of the runs that one waits for


@dataclass(frozen=True)
class Waiting:
    """What a queued run waits for.

    Attributes
    ----------
    working : list of AnalysisRun
        Runs on the workers that the account may see, the first few.
    n_working, n_ahead : int
        All runs on the workers, and those that wait before it; of studies that the account does not see too.
    """

    working: list[AnalysisRun]
    n_working: int
    n_ahead: int
    sentence: str


def waiting(run: AnalysisRun, user: Any) -> Waiting | None:
    """Return what a run waits for; None if it does not wait."""
    if run.status != RunStatus.QUEUED:
        return None
    if run.parent_id:
        return Waiting([], 0, 0, "It waits for its turn among the steps.")
    top = AnalysisRun.objects.filter(parent=None)
    working, ahead = top.filter(status=RunStatus.RUNNING), top.filter(status=RunStatus.QUEUED)
    n_working, n_ahead = working.count(), ahead.filter(queued_at__lt=run.queued_at).count()
    seen = list(working.visible_to(user).select_related("study").order_by("pk")[:SHOWN])
    return Waiting(seen, n_working, n_ahead, _why_it_waits(run, n_working + n_ahead))


def _why_it_waits(run: AnalysisRun, n_before: int) -> str:
    waited_s = (timezone.now() - run.queued_at).total_seconds()
    again = f"Its worker died; attempt {run.attempt + 1} of {ATTEMPT_LIMIT} is next. " if run.attempt else ""
    if n_before:
        return f"{again}It waits for a worker."
    if waited_s > UNTAKEN_S:
        return (
            f"{again}No worker has taken it for {duration(waited_s)}, though none is busy: the workers may not run. "
            "Whoever runs labdb sees to it (make run)."
        )
    return f"{again}A free worker takes it within a second."


def since(run: AnalysisRun) -> str:
    """Say how long a run has waited or worked, or took."""
    begun = run.queued_at if run.status == RunStatus.QUEUED else run.started_at
    if begun is None:
        return ""
    return duration(((run.finished_at or timezone.now()) - begun).total_seconds())


def attempt(run: AnalysisRun) -> str:
    """Say which attempt it is, from the second on."""
    return f"attempt {run.attempt} of {ATTEMPT_LIMIT}" if run.attempt > 1 else ""


def sign_of_life(run: AnalysisRun) -> str:
    """Say when a working run last gave a sign of life."""
    if run.status != RunStatus.RUNNING or run.heartbeat_at is None:
        return ""
    return silence(run) or f"Last sign of life {duration(_age_s(run))} ago."


def silence(run: AnalysisRun) -> str:
    """Say that a run is silent and what will come of it; empty while it is not."""
    if run.status != RunStatus.RUNNING or run.heartbeat_at is None or _age_s(run) < QUIET_S:
        return ""
    taken_up = run.heartbeat_at + timedelta(seconds=LOST_AFTER_S + SWEEP_S)
    what = "taken up again" if run.attempt < ATTEMPT_LIMIT else "given up"
    if run.is_cancel_asked:
        what = "cancelled"
    if timezone.now() < taken_up:
        return f"No sign of life for {duration(_age_s(run))}; it will be {what} at {_clock(taken_up)}."
    return (
        f"No sign of life for {duration(_age_s(run))}; it should have been {what} at {_clock(taken_up)}, so labdb's "
        "watch does not run. Whoever runs labdb sees to it (make run)."
    )


def duration(seconds: float) -> str:
    """Return a time span as people say it; a clock that was set back makes none negative."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _age_s(run: AnalysisRun) -> float:
    assert run.heartbeat_at is not None
    return max(0.0, (timezone.now() - run.heartbeat_at).total_seconds())


def _clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M:%S}"
