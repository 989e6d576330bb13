"""Ask for runs, carry them out, say which of them count: the only writer of provenance.

A run is asked for and queued in one transaction. A worker claims it, counts the attempt before the work, computes
outside any transaction (so that progress is seen), and stores all results with the word "done" in one.
Delivery is at least once: whoever comes second finds nothing to claim.
"""

import logging
import traceback
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from analysis.current import current_run
from analysis.input_digest import input_digest, package_versions
from analysis.models import Adoption, AnalysisRun, RunStatus
from analysis.progress import Cancelled, Progress, Superseded
from analysis.provenance import keep_inputs, mark_of
from analysis.tasks import TASKS
from analysis.tasks.task import Task
from labdb.colony.models import Study

__all__ = ["adopt", "cancel", "current_run", "execute", "request_run", "stop", "sweep", "task_named"]

logger = logging.getLogger(__name__)

ATTEMPT_LIMIT = 3  # a task that kills its worker would be delivered for ever
LOST_AFTER_S = 300  # without a heartbeat; the longest silence measured is the writing of 390,000 rows, 8 s
EXECUTE = "analysis.runs.execute"  # the function a worker calls
ENDED = (RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED)


def task_named(name: str) -> Task:
    """Return a task, or say which there are."""
    for task in TASKS:
        if task.name == name:
            return task
    raise ValidationError({"task": f"{name} is not a task; the tasks are {', '.join(task.name for task in TASKS)}."})


def request_run(
    task_name: str,
    study: Study,
    parameters: Mapping[str, Any] | None = None,
    *,
    user: Any = None,
    parent: AnalysisRun | None = None,
    queue: bool = True,
) -> AnalysisRun:
    """Ask for a run.

    Parameters
    ----------
    parameters : mapping
        By name; the rest get their defaults. Values may be text.
    parent : AnalysisRun, optional
        The run that this one is a step of.
    queue : bool
        False when the caller carries it out itself by `execute`.

    Raises
    ------
    ValidationError
        No such task or parameter, or a value that is none; says what there is.
    """
    task = task_named(task_name)
    resolved = task.resolve(study, parameters or {})
    with transaction.atomic():
        run = AnalysisRun.objects.create(
            study=study, task=task.name, parameters=resolved, requested_by=user, parent=parent,
            code_version=settings.CODE_VERSION, packages=package_versions(),
        )  # fmt: skip
        if queue:
            _enqueue(run)
    return run


def execute(run_id: int) -> None:
    """Carry out a run, unless it is done or in other hands; what goes wrong stands on the run."""
    run = _claim(run_id)
    if run is not None:
        _attempt(run, Progress(run, _run_step))


def cancel(run: AnalysisRun) -> None:
    """Ask a run to stop: at once if it waits, else at its next sign of progress."""
    AnalysisRun.objects.filter(pk=run.pk).exclude(status__in=ENDED).update(is_cancel_asked=True)
    AnalysisRun.objects.filter(pk=run.pk, status=RunStatus.QUEUED).update(
        status=RunStatus.CANCELLED, reason="Cancelled before it began.", finished_at=Now()
    )


def stop(run: AnalysisRun, reason: str) -> None:
    """Mark a run and its steps as cancelled, whatever they are doing: their process is ending."""
    steps = AnalysisRun.objects.filter(Q(pk=run.pk) | Q(parent=run)).exclude(status__in=ENDED)
    steps.update(status=RunStatus.CANCELLED, reason=reason, finished_at=Now())


def sweep(older_than_s: float = LOST_AFTER_S) -> list[AnalysisRun]:
    """Queue again what was lost: runs whose worker died, and waiting ones that no message stands for.

    Parameters
    ----------
    older_than_s : float
        Silence (s) that counts as death; 0 where no other worker can be alive.

    Returns
    -------
    list of AnalysisRun
        Those queued again. Steps of a run are not among them: their parent takes them up.
    """
    before = Now() - timedelta(seconds=older_than_s)
    silent = Q(status=RunStatus.RUNNING, heartbeat_at__lte=before)
    waiting = Q(status=RunStatus.QUEUED, queued_at__lte=before) & ~Q(pk__in=_queued_ids())
    with transaction.atomic():
        lost = AnalysisRun.objects.select_for_update(skip_locked=True).filter(silent | waiting, parent=None)
        found = list(lost.order_by("pk"))
        for run in found:
            _requeue(run)
    return found


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


def _enqueue(run: AnalysisRun) -> None:
    async_task(EXECUTE, run.pk, task_name=f"run {run.pk}", group=f"{run.study.code} {run.task}"[:100])


def _requeue(run: AnalysisRun) -> None:
    AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.QUEUED, queued_at=Now())
    _enqueue(run)


def _queued_ids() -> set[int]:
    """Runs with a message that a worker may take (not one that a dead worker had taken)."""
    messages = OrmQ.objects.filter(lock__lte=timezone.now())
    return {message.args()[0] for message in messages if message.task.get("func") == EXECUTE}


def _claim(run_id: int) -> AnalysisRun | None:
    """Take a run that waits or was lost, counting the attempt; None if there is nothing to do."""
    lost = Q(status=RunStatus.RUNNING, heartbeat_at__lte=Now() - timedelta(seconds=LOST_AFTER_S))
    with transaction.atomic():
        free = AnalysisRun.objects.select_for_update(skip_locked=True, no_key=True).filter(
            Q(status=RunStatus.QUEUED) | lost
        )
        run = free.filter(pk=run_id).first()
        if run is None:
            return None
        if run.is_cancel_asked:
            _end(run, RunStatus.CANCELLED, "Cancelled before it began.")
            return None
        if run.attempt >= ATTEMPT_LIMIT:
            _give_up(run)
            return None
        run.attempt += 1
        run.status = RunStatus.RUNNING
        run.started_at = run.heartbeat_at = timezone.now()
        run.code_version, run.packages = settings.CODE_VERSION, package_versions()
        run.save(update_fields=["attempt", "status", "started_at", "heartbeat_at", "code_version", "packages"])
    return run


def _give_up(run: AnalysisRun) -> None:
    reason = (
        f"Given up: {run.attempt} attempts were begun and none came to an end; its worker died each time "
        "(out of memory, killed, or power)."
    )
    _end(run, RunStatus.FAILED, reason)
    stop(run, f"Run {run.pk}, of which it is a step, was given up.")


def _attempt(run: AnalysisRun, progress: Progress) -> None:
    """Carry out a claimed run and write down how it ended."""
    try:
        if run.attempt > 1:
            progress.note(f"Attempt {run.attempt} of {ATTEMPT_LIMIT}.")
        _carry_out(run, progress)
    except Cancelled:
        _end(run, RunStatus.CANCELLED, "Cancelled on request.")
    except Superseded:
        logger.warning("%s was taken over or stopped; this process wrote nothing.", run)
    except (OperationalError, InterfaceError) as error:
        _try_later(run, error)
    except ValidationError as error:
        _fail(run, " ".join(error.messages))
    except ValueError as error:
        logger.warning("%s failed: %s", run, error)  # nearly always a refusal, in words for people
        logger.info("where %s failed", run, exc_info=True)
        _fail(run, str(error))
    except Exception as error:
        logger.exception("%s failed", run)
        progress.note(traceback.format_exc())
        _fail(run, f"{type(error).__name__}: {error}")


def _carry_out(run: AnalysisRun, progress: Progress) -> None:
    task = task_named(run.task)
    progress.show(0, 0, "reading the records")
    if why_not := task.missing(run.study, run.parameters):
        raise ValueError(why_not)
    mark = mark_of(run)
    loaded = task.load(run.study, run.parameters)
    for note in loaded.notes:
        progress.note(note)
    run.depends_on.set(loaded.reads)
    if not task.is_composite:
        run.input_digest = input_digest(task.name, run.parameters, loaded.inputs)
        run.save(update_fields=["input_digest"])
        keep_inputs(run, loaded, mark)
        if earlier := _same_as(run):
            progress.note(f"Nothing has changed since run {earlier.pk}; its results stand.")
            _end(run, RunStatus.DONE, "", same_as=earlier)
            return
    result = task.compute(loaded.inputs, progress)
    progress.stop_if_asked()
    _store(run, task, loaded.inputs, result)


def _store(run: AnalysisRun, task: Task, inputs: Any, result: Any) -> None:
    """Write all results and the end of the run, or none of them."""
    AnalysisRun.objects.filter(pk=run.pk).update(doing="writing the results", heartbeat_at=Now())
    with transaction.atomic():
        # One run of a study at a time: of two with the same inputs the second finds the first.
        Study.objects.select_for_update(no_key=True).get(pk=run.study_id)
        mine = AnalysisRun.objects.select_for_update(no_key=True).filter(pk=run.pk, attempt=run.attempt)
        if not mine.filter(status=RunStatus.RUNNING).exists():
            raise Superseded
        earlier = None if task.is_composite else _same_as(run)
        if earlier is None:
            task.store(run, inputs, result)
            if not task.is_composite:
                _adopt_first(run, task)
        _end(run, RunStatus.DONE, "", same_as=earlier)


def _adopt_first(run: AnalysisRun, task: Task) -> None:
    scope = task.scope(run.parameters)
    current = current_run(run.study, run.task, scope)
    if current is None:
        Adoption.objects.create(study_id=run.study_id, task=run.task, scope=scope, run=run, reason="The first run.")
    else:
        Progress(run).note(f"Run {current.pk} stays current until someone adopts this one.")


def _same_as(run: AnalysisRun) -> AnalysisRun | None:
    """Return the done run that holds results of the same inputs, parameters and code."""
    done = AnalysisRun.objects.filter(study_id=run.study_id, task=run.task, status=RunStatus.DONE, same_as=None)
    return done.filter(input_digest=run.input_digest).exclude(pk=run.pk).order_by("pk").first()


def _run_step(
    progress: Progress, task_name: str, step: int, n_steps: int, parameters: Mapping[str, Any]
) -> AnalysisRun:
    """Carry out a step of a run in this process; one that an earlier attempt began is taken up."""
    parent = progress.run
    resolved = task_named(task_name).resolve(parent.study, parameters)
    run = AnalysisRun.objects.filter(parent=parent, task=task_name, parameters=resolved).order_by("pk").last()
    if run is None:
        run = request_run(task_name, parent.study, parameters, user=parent.requested_by, parent=parent, queue=False)
    elif run.status == RunStatus.RUNNING:  # by the worker that died: only one process holds the parent
        AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.QUEUED)
    claimed = _claim(run.pk)
    if claimed is not None:
        _attempt(claimed, Progress(claimed, outer=progress.part(step, n_steps)))
    run.refresh_from_db()
    return run


def _try_later(run: AnalysisRun, error: Exception) -> None:
    """The database went away: the run is fine, and is tried again when the server is back."""
    logger.warning("%s lost the database: %s", run, error)
    connection.close()
    if run.parent_id is not None:
        raise error  # its parent is tried again, and takes it up
    with transaction.atomic():
        _requeue(run)


def _fail(run: AnalysisRun, reason: str) -> None:
    _end(run, RunStatus.FAILED, reason)


def _end(run: AnalysisRun, status: RunStatus, reason: str, same_as: AnalysisRun | None = None) -> None:
    """Write how a run ended, unless it has gone to another process."""
    fields: dict[str, Any] = {"status": status, "reason": reason, "same_as": same_as, "doing": ""}
    if status == RunStatus.DONE:
        fields["done"] = F("total")
    mine = AnalysisRun.objects.filter(pk=run.pk, attempt=run.attempt).exclude(status__in=ENDED)
    mine.update(finished_at=timezone.now(), **fields)  # not Now(): that is when the transaction began
    run.refresh_from_db()
