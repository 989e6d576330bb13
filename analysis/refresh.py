"""Bring a study up to date: the current runs that are stale, in order of dependence, and nothing else."""

from typing import Any

from analysis import runs
from analysis.current import current_run
from analysis.models import AnalysisRun, RunStatus
from analysis.staleness import Staleness, in_short, stale_current_runs
from analysis.tasks import TASKS, bring_up_to_date
from labdb.colony.models import Study

TASK = bring_up_to_date.TASK.name
ON_REQUEST = {task.name for task in TASKS if task.is_on_request}
ORDER = [task.name for task in TASKS]  # a task reads results of tasks before it alone


def stale_chain(study: Study) -> list[Staleness]:
    """Return the stale ones among the runs that count, in the order in which to compute them again."""
    found = stale_current_runs(study, [task for task in ORDER if task not in ON_REQUEST])
    return sorted(found, key=lambda one: (ORDER.index(one.run.task), one.run.pk))


def refresh_under_way(study: Study) -> AnalysisRun | None:
    """Return the run that is bringing a study up to date now."""
    active = AnalysisRun.objects.filter(study=study, task=TASK, status__in=(RunStatus.QUEUED, RunStatus.RUNNING))
    return active.order_by("pk").first()


def request_refresh(study: Study, user: Any = None) -> AnalysisRun | None:
    """Queue the chain of a study's stale runs; None where none is stale, and the run under way where there is one."""
    if under_way := refresh_under_way(study):
        return under_way
    chain = stale_chain(study)
    if not chain:
        return None
    keys = " ".join(str(one.run.pk) for one in chain)
    return runs.request_run(TASK, study, {"runs": keys}, user=user)


def adopt_in_place_of(old: AnalysisRun, new: AnalysisRun, found: Staleness, user: Any) -> None:
    """Let new results count in place of stale ones, unless they do already."""
    scope = runs.task_named(old.task).scope(old.parameters)
    current = current_run(old.study, old.task, scope)
    if current is None or current.results_run != new.results_run:
        runs.adopt(new, user, f"Brought up to date: run {old.pk} was stale ({in_short(found)}).")
