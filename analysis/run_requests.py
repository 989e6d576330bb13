"""Ask for a run: checked, written down and queued in one transaction; two equal requests are one run."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from analysis.input_digest import package_versions
from analysis.models import AnalysisRun
from analysis.notices import tell_at_end
from analysis.run_queue import enqueue
from analysis.same_run import run_of_the_same
from analysis.tasks import TASKS
from analysis.tasks.task import Task
from labdb.colony.models import Study

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
