"""What a page sees of a run while it works: how far, what it is doing, its log; and the way to stop it."""

import time
from collections.abc import Callable
from typing import Any

from django.db.models import F, Value
from django.db.models.functions import Concat, Now
from django.utils import timezone

from analysis.models import AnalysisRun, RunStatus

WRITE_EVERY_S = 1.0
STEP_PARTS = 100  # into which a step of a run of several steps is divided


class Cancelled(Exception):
    """Someone asked the run to stop."""


class Superseded(Exception):
    """The run was taken for lost and given to another worker; this one must write nothing."""


class Progress:
    """Given to a task's compute: `tick` as often as is convenient, `note` what a person should read.

    Nothing is buffered and compute runs outside any transaction, so a page sees what is written at once.

    Parameters
    ----------
    run : AnalysisRun
        Claimed by this process; its `attempt` tells this process from one that takes the run over.
    steps : callable, optional
        Makes of this progress what carries out its steps (`analysis.run_steps`); for tasks that consist of others.
    outer : callable, optional
        Told (done, total, doing) too: the progress of the parent.
    """

    def __init__(
        self,
        run: AnalysisRun,
        steps: Callable[["Progress"], Any] | None = None,
        outer: Callable[[int, int, str], None] | None = None,
    ) -> None:
        self.run = run
        self._steps = steps
        self._outer = outer
        self._written_at = -WRITE_EVERY_S
        self._mine = AnalysisRun.objects.filter(pk=run.pk, attempt=run.attempt, status=RunStatus.RUNNING)

    def tick(self, done: int, total: int, doing: str) -> None:
        """Say how far the work is, at most once a second; stops the work if someone asked for it."""
        if time.monotonic() - self._written_at >= WRITE_EVERY_S:
            self.show(done, total, doing)

    def show(self, done: int, total: int, doing: str) -> None:
        """As `tick`, now: for the beginning of something."""
        self._written_at = time.monotonic()
        if not self._mine.update(done=done, total=total, doing=doing[:200], heartbeat_at=Now()):
            raise Superseded
        self.stop_if_asked()
        if self._outer is not None:
            self._outer(done, total, doing)

    def note(self, line: str) -> None:
        """Add a line to the run's log."""
        stamped = f"{timezone.localtime():%H:%M:%S} {line}\n"
        self._mine.update(log=Concat(F("log"), Value(stamped)), heartbeat_at=Now())

    def stop_if_asked(self) -> None:
        """Raise `Cancelled` if someone asked for it."""
        if self._mine.filter(is_cancel_asked=True).exists():
            raise Cancelled

    @property
    def steps(self) -> Any:
        """What carries out the steps of a run that consists of others, a `analysis.run_steps.RunSteps`."""
        if self._steps is None:
            raise ValueError("this run has no steps")
        return self._steps(self)

    def part(self, step: int, n_steps: int) -> Callable[[int, int, str], None]:
        """Return the progress of one step as a share of the whole."""

        def tell(done: int, total: int, doing: str) -> None:
            share = STEP_PARTS * done // total if total else 0
            self.show(step * STEP_PARTS + share, n_steps * STEP_PARTS, doing)

        return tell


class PartProgress:
    """Progress of one part of a run's own work: to its compute what `Progress` is to a whole run's.

    Parameters
    ----------
    tell : callable
        Told how much of the part is done (of `STEP_PARTS`) and what it is doing, at most once a second.
    note : callable
        Adds a line to the run's log.
    """

    def __init__(self, tell: Callable[[int, str], None], note: Callable[[str], None]) -> None:
        self._tell = tell
        self.note = note
        self._told_at = -WRITE_EVERY_S

    def tick(self, done: int, total: int, doing: str) -> None:
        """Say how far the part is, at most once a second; stops the work if nobody wants it any more."""
        if time.monotonic() - self._told_at >= WRITE_EVERY_S:
            self.show(done, total, doing)

    def show(self, done: int, total: int, doing: str) -> None:
        """As `tick`, now."""
        self._told_at = time.monotonic()
        self._tell(STEP_PARTS * done // total if total else 0, doing)
