"""Ask for runs, carry them out, say which of them count: the only writer of provenance.

A run is asked for and queued in one transaction. A worker claims it, counts the attempt before the work, computes
outside any transaction (so that progress is seen), and stores all results with the word "done" in one.
Delivery is at least once: whoever comes second finds nothing to claim.
"""

import logging
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django_q.exceptions import TimeoutException

from analysis import fan_out
from analysis.current import current_run
from analysis.heartbeat import Heartbeat
from analysis.input_digest import input_digest, package_versions
from analysis.models import Adoption, AnalysisRun, RunStatus
from analysis.notices import tell_at_end
from analysis.progress import Cancelled, Progress, Superseded
from analysis.provenance import keep_inputs, mark_of
from analysis.recovery import (
    ATTEMPT_LIMIT,
    LOST_AFTER_S,
    end,
    end_over_time,
    give_up,
    silent,
    stop,
    sweep,
    take_up,
)
from analysis.run_queue import enqueue
from analysis.same_run import run_of_the_same
from analysis.tasks import TASKS
from analysis.tasks.task import Task
from labdb.colony.models import Study

__all__ = [
    "LOST_AFTER_S", "adopt", "cancel", "current_run", "execute", "help_with", "request_or_find", "request_run", "stop", "sweep",
    "task_named",
]  # fmt: skip

logger = logging.getLogger(__name__)

GONE = "23503"  # PostgreSQL: a row refers to one that is not there
DELETED = (
    "A record that it read was deleted while it computed, and its results would point to nothing; ask for it again."
)
INSERT_TRIES = 3  # the first run may be taken up, and its records changed, before the second request finds it


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
    """Ask for a run; as `request_or_find`, where it does not matter whether somebody had asked before."""
    run, _is_new = request_or_find(task_name, study, parameters, user=user, parent=parent, queue=queue)
    return run


def request_or_find(
    task_name: str,
    study: Study,
    parameters: Mapping[str, Any] | None = None,
    *,
    user: Any = None,
    parent: AnalysisRun | None = None,
    queue: bool = True,
) -> tuple[AnalysisRun, bool]:
    """Ask for a run, and have who asks told of its end.

    Parameters
    ----------
    parameters : mapping
        By name; the rest get their defaults. Values may be text.
    parent : AnalysisRun, optional
        The run that this one is a step of.
    queue : bool
        False when the caller carries it out itself by `execute`.

    Returns
    -------
    tuple of AnalysisRun and bool
        The run, and whether it is new: one that waits for the same, or computes it from the same records, answers both.

    Raises
    ------
    ValidationError
        No such task or parameter, a value that is none, or a closed study; says what there is.
    """
    task = task_named(task_name)
    if why_not := closed_sentence(study):
        raise ValidationError({"study": why_not})
    resolved = task.resolve(study, parameters or {})
    run, is_new = _insert_or_find(study, task.name, resolved, user, parent, queue)
    if parent is None:
        tell_at_end(run, user)
    return run, is_new


def _insert_or_find(
    study: Study, task_name: str, resolved: dict[str, Any], user: Any, parent: AnalysisRun | None, queue: bool
) -> tuple[AnalysisRun, bool]:
    for _try in range(INSERT_TRIES):
        if parent is None and (found := run_of_the_same(study, task_name, resolved)):
            return found, False
        # Of two at the same time the database takes one; the other finds it on the next try.
        with suppress(IntegrityError), transaction.atomic():
            run = AnalysisRun.objects.create(
                study=study, task=task_name, parameters=resolved, requested_by=user, parent=parent,
                code_version=settings.CODE_VERSION, packages=package_versions(),
            )  # fmt: skip
            if queue:
                enqueue(run)
            return run, True
    raise ValidationError({"task": f"{task_name} is being asked for by others at this moment; ask once more."})


def closed_sentence(study: Study) -> str:
    """Say that nothing is computed in a closed study; empty while it is open."""
    if study.state != "closed":
        return ""
    return f"Study {study} is closed: nothing is computed in it. A manager can open it again."


def execute(run_id: int) -> None:
    """Carry out a run, unless it is done or in other hands; what goes wrong stands on the run."""
    run = _claim(run_id)
    if run is None:
        return
    with Heartbeat(run):
        try:
            _attempt(run, Progress(run, _run_step))
        except TimeoutException:  # the worker's alarm: it may have come amid a word to the database
            connection.close()
            end_over_time(run)
            raise  # the worker is replaced


def help_with(run_id: int) -> None:
    """Compute parts of a run that another worker carries out, as long as there are any."""
    run = AnalysisRun.objects.select_related("study").filter(pk=run_id, status=RunStatus.RUNNING).first()
    if run is not None:
        fan_out.help_with(run, task_named(run.task))


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


def _claim(run_id: int) -> AnalysisRun | None:
    """Take a run that waits or was lost, counting the attempt; None if there is nothing to do."""
    with transaction.atomic():
        free = AnalysisRun.objects.select_for_update(skip_locked=True, no_key=True).filter(
            Q(status=RunStatus.QUEUED) | silent(LOST_AFTER_S)
        )
        run = free.filter(pk=run_id).first()
        if run is None:
            return None
        if run.is_cancel_asked:
            end(run, RunStatus.CANCELLED, "Cancelled before it began.")
            return None
        if run.attempt >= ATTEMPT_LIMIT:
            give_up(run)
            return None
        AnalysisRun.objects.filter(pk=run.pk).update(
            attempt=F("attempt") + 1, status=RunStatus.RUNNING, started_at=Now(), heartbeat_at=Now(), done=0, total=0,
            code_version=settings.CODE_VERSION, packages=package_versions(),
        )  # fmt: skip
    run.refresh_from_db()
    return run


def _attempt(run: AnalysisRun, progress: Progress) -> None:
    """Carry out a claimed run and write down how it ended."""
    try:
        if run.attempt > 1:
            progress.note(f"Attempt {run.attempt} of {ATTEMPT_LIMIT}.")
        _carry_out(run, progress)
    except Cancelled:
        end(run, RunStatus.CANCELLED, "Cancelled on request.")
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
    except MemoryError as error:
        logger.warning("%s failed: %r", run, error)
        _fail(run, _too_little_memory(error))
    except Exception as error:
        logger.exception("%s failed", run)
        progress.note(traceback.format_exc())
        is_gone = isinstance(error, IntegrityError) and getattr(error.__cause__, "sqlstate", "") == GONE
        _fail(run, DELETED if is_gone else f"{type(error).__name__}: {error}")


def _carry_out(run: AnalysisRun, progress: Progress) -> None:
    task = task_named(run.task)
    progress.show(0, 0, "reading the records")
    if why_not := closed_sentence(run.study) or task.missing(run.study, run.parameters):
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
            end(run, RunStatus.DONE, "", same_as=earlier)
            return
    if task.parts:
        result = fan_out.compute_in_parts(run, task.parts, loaded.inputs, progress)
    else:
        result = task.compute(loaded.inputs, progress)
    progress.stop_if_asked()
    _store(run, task, loaded.inputs, result)


def _store(run: AnalysisRun, task: Task, inputs: Any, result: Any) -> None:
    """Write all results and the end of the run, or none of them."""
    AnalysisRun.objects.filter(pk=run.pk).update(doing="writing the results", heartbeat_at=Now())
    with transaction.atomic():
        # One run of a study at a time: of two with the same inputs the second finds the first.
        study = Study.objects.select_for_update(no_key=True).get(pk=run.study_id)
        mine = AnalysisRun.objects.select_for_update(no_key=True).filter(pk=run.pk, attempt=run.attempt)
        held = mine.filter(status=RunStatus.RUNNING).first()
        if held is None:
            raise Superseded
        if held.is_cancel_asked:
            raise Cancelled
        if why_not := closed_sentence(study):
            raise ValueError(why_not)
        earlier = None if task.is_composite else _same_as(run)
        if earlier is None:
            task.store(run, inputs, result)
            if not task.is_composite:
                _adopt_first(run, task)
        end(run, RunStatus.DONE, "", same_as=earlier)


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
    try:
        with transaction.atomic():
            run.refresh_from_db(fields=["is_cancel_asked"])
            take_up(run)
    except (OperationalError, InterfaceError):
        logger.warning("%s stays as it is until the sweep finds it: the database is not back.", run)


def _too_little_memory(error: MemoryError) -> str:
    limit = f"{settings.WORKER_MEMORY_MB} MB (WORKER_MEMORY_MB)" if settings.WORKER_MEMORY_MB else "the machine has"
    return f"It needs more memory than {limit}. Raise the limit or take fewer WORKERS. {error}".strip()


def _fail(run: AnalysisRun, reason: str) -> None:
    end(run, RunStatus.FAILED, reason)
