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
from analysis.run_queue import time_limit_s

logger = logging.getLogger(__name__)

BEATS = 9  # in the silence that counts as death: one lost to a slow machine or a restart of the database is no death
LATE_S = 1.0  # after the alarm of the worker's own clock, which the work may not hear


class Heartbeat:
    """While it is entered, a run that this process claimed shows that its worker lives; over time, it is ended."""

    def __init__(self, run: AnalysisRun) -> None:
        self._run = run
        self._every_s = settings.RUN_LOST_AFTER_S / BEATS
        self._deadline_s = time.monotonic() + time_limit_s(run.task) + LATE_S  # no clock that anyone sets
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat of {run}", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        """Beat until the run is over, or somebody else's; its first beat comes late enough for a short run to need none."""
        mine = AnalysisRun.objects.filter(pk=self._run.pk, attempt=self._run.attempt, status=RunStatus.RUNNING)
        try:
            while not self._over.wait(max(0.0, min(self._every_s, self._deadline_s - time.monotonic()))):
                try:
                    if time.monotonic() >= self._deadline_s:
                        end_over_time(self._run)
                        return
                    # While the results are written the row is locked, and nobody takes the run up; this waits.
                    if not mine.update(heartbeat_at=Now()):
                        return
                except (DatabaseError, InterfaceError) as error:
                    logger.warning("no sign of life of %s: %s", self._run, error)
                    connection.close()  # the next beat finds the server again
        finally:
            connection.close()
