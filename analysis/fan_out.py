"""One run, several workers: its work falls into parts, and every free worker takes one after another.

The run's own worker asks others for help, and computes parts itself as long as one is free. So it waits for those alone
that another worker is at, and one worker by itself computes them all. Results wait in the database; when all are there
the run's own worker stores them at once. A part whose helper fell silent is taken back, and that part alone. When the
run's own worker dies, whichever worker takes the run up finds the parts that are done.
"""

import logging
import socket
import time
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Q, Sum
from django.db.models.functions import Now
from django_q.signing import SignedPackage

from analysis.heartbeat import PartHeartbeat
from analysis.input_digest import input_digest
from analysis.models import ENDED, AnalysisRun
from analysis.progress import STEP_PARTS, PartProgress, Progress, Superseded
from analysis.recovery import ATTEMPT_LIMIT, LOST_AFTER_S, no_sign_of_life
from analysis.run_parts import PartState, RunPart
from analysis.run_queue import ask_for_help
from analysis.tasks.task import Parts, Task, name_of

logger = logging.getLogger(__name__)

LOOK_S = 0.1  # how often the run's own worker looks for the parts that others are at


def compute_in_parts(run: AnalysisRun, parts: Parts, inputs: Any, progress: Progress) -> Any:
    """Compute all parts of a claimed run, with whoever helps; return the result of the whole.

    Raises
    ------
    ValueError
        A part was begun time and again and never came to an end.
    """
    keys = parts.keys(inputs)
    _lay_out(run, [name_of(key) for key in keys])
    unfinished = RunPart.objects.filter(run=run).exclude(state=PartState.DONE)
    if (n_free := unfinished.count()) > 1:
        ask_for_help(run, n_free - 1)
    while unfinished.exists():
        progress.stop_if_asked()
        if part := _take(_free_for_holder(), run, PartState.HELD):
            part_progress = _part_progress(part, run, _whole(run, progress.show))
            _finish(part, parts.compute(inputs, keys[part.place], part_progress))
        else:
            _whole(run, progress.tick)("waiting for the parts that others are at")
            time.sleep(LOOK_S)
    signed = RunPart.objects.filter(run=run).order_by("place").values_list("result", flat=True)
    return parts.join(inputs, [SignedPackage.loads(text) for text in signed])


def help_with(run: AnalysisRun, task: Task) -> None:
    """Compute parts of another worker's run as long as one is free; nothing where what is read here differs."""
    if task.parts is None or not RunPart.objects.filter(run=run, state=PartState.FREE).exists():
        return
    try:
        loaded = task.load(run.study, run.parameters)
    except ValueError as error:
        logger.warning("no help for %s, whose records were changed since: %s", run, error)
        return
    digest = input_digest(task.name, run.parameters, loaded.inputs)
    keys = task.parts.keys(loaded.inputs)
    free = Q(state=PartState.FREE, input_digest=digest, attempt__lt=ATTEMPT_LIMIT)
    while part := _take(free, run, PartState.LENT):
        try:
            with PartHeartbeat(part):
                progress = _part_progress(part, run, lambda doing: None)
                result = task.parts.compute(loaded.inputs, keys[part.place], progress)
            _finish(part, result)
            progress.note(f"{part.name} was computed by another worker, on {socket.gethostname()}.")
        except Superseded:
            return
        except BaseException as error:  # over time, too: the run's own worker meets the error itself, and says so
            logger.warning("%s is returned: %r", part, error)
            _mine(part).update(state=PartState.RETURNED)
            if not isinstance(error, Exception):
                raise
            return


def _lay_out(run: AnalysisRun, names: list[str]) -> None:
    """Make a run's parts; those that an earlier attempt finished stay, if it had read the same."""
    with transaction.atomic():
        RunPart.objects.filter(run=run).exclude(input_digest=run.input_digest).delete()
        # Held by this run's worker before this one, which is dead: only one process holds a run.
        RunPart.objects.filter(run=run, state=PartState.HELD).update(state=PartState.FREE)
        RunPart.objects.bulk_create(
            [
                RunPart(run=run, place=place, name=name[:200], input_digest=run.input_digest)
                for place, name in enumerate(names)
            ],
            ignore_conflicts=True,
        )


def _free_for_holder() -> Q:
    silent = Q(state=PartState.LENT) & no_sign_of_life(LOST_AFTER_S)
    return Q(state__in=(PartState.FREE, PartState.RETURNED)) | silent


def _take(which: Q, run: AnalysisRun, state: PartState) -> RunPart | None:
    """Take the first part that is to be had, counting the attempt."""
    with transaction.atomic():
        found = RunPart.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).filter(which, run=run)
        part = found.exclude(run__status__in=ENDED).order_by("place").first()
        if part is None:
            return None
        if part.attempt >= ATTEMPT_LIMIT:
            raise ValueError(
                f"{part.name} was begun {part.attempt} times and never came to an end; its worker died each time "
                "(out of memory, killed, or power)."
            )
        part.attempt, part.state, part.share = part.attempt + 1, state, 0
        RunPart.objects.filter(pk=part.pk).update(attempt=part.attempt, state=state, share=0, heartbeat_at=Now())
    return part


def _mine(part: RunPart) -> Any:
    """Return the part if it is still this process's, and its run has not ended."""
    mine = RunPart.objects.filter(pk=part.pk, attempt=part.attempt, state=part.state)
    return mine.exclude(run__status__in=ENDED)


def _finish(part: RunPart, result: Any) -> None:
    """Keep a part's result, unless somebody else was given the part."""
    if not _mine(part).update(state=PartState.DONE, share=STEP_PARTS, result=SignedPackage.dumps(result)):
        raise Superseded


def _part_progress(part: RunPart, run: AnalysisRun, tell_run: Callable[[str], None]) -> PartProgress:
    def tell(share: int, doing: str) -> None:
        if not _mine(part).update(share=min(share, STEP_PARTS), heartbeat_at=Now()):
            raise Superseded
        tell_run(f"{part.name}: {doing}" if doing else part.name)

    progress = PartProgress(tell, Progress(run).note)
    progress.show(0, 1, "")
    return progress


def _whole(run: AnalysisRun, say: Callable[[int, int, str], None]) -> Callable[[str], None]:
    """Return the way to say how far the whole run is: all of its parts together."""

    def tell(doing: str) -> None:
        parts = RunPart.objects.filter(run=run)
        say(parts.aggregate(done=Sum("share"))["done"] or 0, parts.count() * STEP_PARTS, doing)

    return tell
