"""One attempt at a run: claimed, computed outside any transaction, and all results stored with the word "done" in one."""

import logging
import traceback
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
from analysis.progress import Cancelled, Progress, Superseded
from analysis.provenance import keep_inputs, mark_of
from analysis.recovery import ATTEMPT_LIMIT, LOST_AFTER_S, end, end_over_time, give_up, silent, take_up
from analysis.run_requests import closed_sentence, task_named
from analysis.tasks.task import Task
from labdb.colony.models import Study

logger = logging.getLogger(__name__)

STORES = 7_432_012  # family of the advisory locks of storing; the second number is of study and task
GONE = "23503"  # PostgreSQL: a row refers to one that is not there
DELETED = (
    "A record that it read was deleted while it computed, and its results would point to nothing; ask for it again."
)


def claim(run_id: int) -> AnalysisRun | None:
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


def perform(run: AnalysisRun, progress: Progress) -> None:
    """Carry out a claimed run; what goes wrong stands on it."""
    with Heartbeat(run):
        try:
            _attempt(run, progress)
        except TimeoutException:  # the worker's alarm: it may have come amid a word to the database
            connection.close()
            end_over_time(run)
            raise  # the worker is replaced


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
        # One run of a task at a time: of two with the same inputs the second finds the first.
        study = _kept_open(run)
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


def _kept_open(run: AnalysisRun) -> Study:
    """Return the study, which nobody closes before the results are written; other tasks may write theirs meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [STORES, f"{run.study_id} {run.task}"])
        cursor.execute(f'SELECT 1 FROM "{Study._meta.db_table}" WHERE id = %s FOR SHARE', [run.study_id])  # noqa: S608
    return Study.objects.get(pk=run.study_id)


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


def _try_later(run: AnalysisRun, error: Exception) -> None:
    """The database went away: the run is fine, and is tried again when the server is back."""
    logger.warning("%s lost the database: %s", run, error)
    connection.close()
    if run.parent_id is not None:
        with suppress(OperationalError, InterfaceError):  # else it is silent soon, and then free
            AnalysisRun.objects.filter(pk=run.pk, status=RunStatus.RUNNING).update(status=RunStatus.QUEUED)
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
