"""A run that consists of others: its steps, each a run of its own, on every worker that is free.

The run's own worker carries out one step after another; of steps that wait for no other, it asks other workers to take
some. A step that another worker is at gives signs of life like any run: when that worker dies, whoever is at the run
takes the step up again. When the run's own worker dies, the next finds the steps as they are.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Q

from analysis.models import ENDED, AnalysisRun, RunStatus
from analysis.progress import STEP_PARTS, Progress
from analysis.recovery import LOST_AFTER_S, silent
from analysis.run_attempt import claim, perform
from analysis.run_queue import ask_for_help
from analysis.run_requests import request_run, task_named

LOOK_S = 0.1  # how often a run looks for the steps that others are at


class RunSteps:
    """The steps of one run, carried out by its own worker and whoever helps.

    Parameters
    ----------
    progress : Progress
        Of the run whose steps they are.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress, self._run = progress, progress.run
        self._n_steps = 1

    def one(self, task_name: str, place: int, n_steps: int, parameters: Mapping[str, Any]) -> AnalysisRun:
        """Carry out one step, the `place`-th (from 0) of `n_steps`; one that an earlier attempt began is taken up."""
        step = self._begun(task_name, parameters)
        while step.status not in ENDED:
            if not _take_one(self._steps().filter(pk=step.pk), self._progress.part(place, n_steps)):
                self._wait()
            step.refresh_from_db()
        return step

    def side_by_side(
        self,
        after: Mapping[str, Sequence[str]],
        prepare: Callable[[str], bool],
        tell: Callable[[AnalysisRun], None],
    ) -> list[AnalysisRun]:
        """Carry out steps, each as soon as those that it comes after have ended.

        Parameters
        ----------
        after : mapping
            Task -> tasks that it comes after; in the order in which they are begun.
        prepare : callable
            Asked of each task when its turn comes: whether it has what it needs.
        tell : callable
            Told of each step that has ended.

        Returns
        -------
        list of AnalysisRun
            The steps that were begun, all of them ended.
        """
        self._n_steps = len(after)
        waiting, begun, ended = list(after), list[AnalysisRun](), list[AnalysisRun]()
        while waiting or begun:
            ready = [
                task for task in waiting if not {*waiting, *(step.task for step in begun)}.intersection(after[task])
            ]
            for task in ready:
                waiting.remove(task)
                if prepare(task):
                    begun.append(self._begun(task, {}))
            if ready:
                self._ask_for_help()
            if not _take_one(self._steps(), self._tell_whole) and not ready:
                self._wait()
            self._progress.stop_if_asked()
            for step in begun:
                step.refresh_from_db()
            for step in [step for step in begun if step.status in ENDED]:
                begun.remove(step)
                ended.append(step)
                tell(step)
        return sorted(ended, key=lambda step: step.pk)

    def _ask_for_help(self) -> None:
        n_free = self._steps().filter(status=RunStatus.QUEUED).count()
        if n_free > 1:
            ask_for_help(self._run, n_free - 1)

    def _begun(self, task_name: str, parameters: Mapping[str, Any]) -> AnalysisRun:
        resolved = task_named(task_name).resolve(self._run.study, parameters)
        earlier = self._steps().filter(task=task_name, parameters=resolved).order_by("pk").last()
        return earlier or request_run(
            task_name, self._run.study, parameters, user=self._run.requested_by, parent=self._run, queue=False
        )

    def _steps(self) -> Any:
        return AnalysisRun.objects.filter(parent=self._run)

    def _unended(self) -> Any:
        return self._steps().exclude(status__in=ENDED)

    def _wait(self) -> None:
        """Let another worker get on with a step that it has."""
        names = ", ".join(self._unended().order_by("pk").values_list("task", flat=True))
        self._progress.tick(*self._whole(), f"waiting for {names}, which another worker is at")
        time.sleep(LOOK_S)

    def _tell_whole(self, done: int, total: int, doing: str) -> None:
        self._progress.show(*self._whole(), doing)

    def _whole(self) -> tuple[int, int]:
        """Return how far all steps are together: (done, total)."""
        found = self._steps().values_list("status", "done", "total")
        shares = [STEP_PARTS if status in ENDED else STEP_PARTS * done // (total or 1) for status, done, total in found]
        return sum(shares), self._n_steps * STEP_PARTS


def help_with_steps(run: AnalysisRun) -> None:
    """Carry out steps of another worker's run as long as one is free."""

    def stop_if_asked(done: int, total: int, doing: str) -> None:
        whole.stop_if_asked()

    whole = Progress(run)
    while _take_one(AnalysisRun.objects.filter(parent=run, parent__status=RunStatus.RUNNING), stop_if_asked):
        pass


def _take_one(steps: Any, tell: Callable[[int, int, str], None]) -> bool:
    """Carry out the first step that is free; False where none is."""
    for key in (
        steps.filter(Q(status=RunStatus.QUEUED) | silent(LOST_AFTER_S)).order_by("pk").values_list("pk", flat=True)
    ):
        if step := claim(key):
            perform(step, Progress(step, outer=tell))
            return True
    return False
