"""Signs of life of a run, by a thread of its worker: a step that is silent for minutes is not taken for dead.

The thread shares nothing with the work but the process: a worker that is killed, frozen or out of power falls silent.
"""

import logging
import threading
import time
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models.functions import Now

from analysis.models import AnalysisRun, RunStatus
from analysis.recovery import end_over_time
from analysis.run_parts import PartState, RunPart
from analysis.run_queue import time_limit_s

logger = logging.getLogger(__name__)

BEATS = 9  # in the silence that counts as death: one lost to a slow machine or a restart of the database is no death
LATE_S = 1.0  # after the alarm of the worker's own clock, which the work may not hear


class SignsOfLife:
    """While it is entered, a thread gives a sign of life again and again; the first comes late enough for short work."""

    def __init__(self, whose: object) -> None:
        self._whose = whose
        self._every_s = settings.RUN_LOST_AFTER_S / BEATS
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat of {whose}", daemon=True)

    def give(self) -> bool:
        """Give one sign; False where there is nothing more to give it for."""
        raise NotImplementedError

    def until_next_s(self) -> float:
        """Return how long to wait for the next."""
        return self._every_s

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            while not self._over.wait(self.until_next_s()):
                try:
                    if not self.give():
                        return
                except (DatabaseError, InterfaceError) as error:
                    logger.warning("no sign of life of %s: %s", self._whose, error)
                    connection.close()  # the next beat finds the server again
        finally:
            connection.close()


class Heartbeat(SignsOfLife):
    """Of a run that this process claimed; over time, it is ended."""

    def __init__(self, run: AnalysisRun) -> None:
        super().__init__(run)
        self._run = run
        self._deadline_s = time.monotonic() + time_limit_s(run.task) + LATE_S  # no clock that anyone sets
        self._mine = AnalysisRun.objects.filter(pk=run.pk, attempt=run.attempt, status=RunStatus.RUNNING)

    def until_next_s(self) -> float:
        """Return how long to wait: not beyond the run's time."""
        return max(0.0, min(self._every_s, self._deadline_s - time.monotonic()))

    def give(self) -> bool:
        """Beat until the run is over, or somebody else's."""
        if time.monotonic() >= self._deadline_s:
            end_over_time(self._run)
            return False
        # While the results are written the row is locked, and nobody takes the run up; this waits.
        return bool(self._mine.update(heartbeat_at=Now()))


class PartHeartbeat(SignsOfLife):
    """Of a part of a run that was lent to this process."""

    def __init__(self, part: RunPart) -> None:
        super().__init__(part)
        self._mine = RunPart.objects.filter(pk=part.pk, attempt=part.attempt, state=PartState.LENT)

    def give(self) -> bool:
        """Beat until the part is done, or given to another."""
        return bool(self._mine.update(heartbeat_at=Now()))
