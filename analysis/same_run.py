"""A run that is on its way and will answer a request too: the same task and parameters, from the same records.

One that waits reads the records when it begins, so it always does. One that works has read them already: it does while
no record of the study was changed since, and no other results came to count. To ask too seldom would be wrong; to ask
once too often costs a look at the inputs, whose digest then shows that they are the same.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection
from pghistory.models import Event

from analysis.models import Adoption, AnalysisRun, RunStatus
from labdb.colony.models import Study

LOOKED_AT = 100  # of the last changes of each table, whichever study they are of


def run_of_the_same(study: Study, task: str, parameters: Mapping[str, Any]) -> AnalysisRun | None:
    """Return the run that answers a request for this, or None."""
    asked = AnalysisRun.objects.filter(study=study, task=task, parameters=dict(parameters), parent=None)
    active = asked.filter(status__in=(RunStatus.QUEUED, RunStatus.RUNNING), is_cancel_asked=False).order_by("pk")
    by_status = {run.status: run for run in active}
    if queued := by_status.get(RunStatus.QUEUED):
        return queued
    running = by_status.get(RunStatus.RUNNING)
    return running if running and not _changed_since(running) else None


def _changed_since(run: AnalysisRun) -> bool:
    """Whether a record of its study was written, or other results adopted, since a run began to read."""
    adopted = Adoption.objects.filter(study_id=run.study_id, adopted_at__gte=run.started_at)
    if adopted.exclude(run__parent=run).exists():  # those of its own steps are its work
        return True
    with connection.cursor() as cursor:
        cursor.execute(_latest_changes(), {"study": run.study_id, "since": run.started_at, "looked_at": LOOKED_AT})
        return bool(cursor.fetchone()[0])


@cache
def _latest_changes() -> str:
    """Return the question to all histories of a study's records; by the key of an event, its only index by time."""
    histories = [model for model in apps.get_models() if issubclass(model, Event) and _has_study(model)]
    parts = [  # the names of our own tables
        f"""(SELECT coalesce(bool_or(study_id = %(study)s), false) OR count(*) = %(looked_at)s
        FROM (SELECT study_id, pgh_created_at FROM "{model._meta.db_table}" ORDER BY pgh_id DESC LIMIT %(looked_at)s) AS last
        WHERE pgh_created_at >= %(since)s)"""  # noqa: S608
        for model in histories
    ]
    return "SELECT " + " OR ".join(parts)


def _has_study(model: Any) -> bool:
    return any(field.name == "study" for field in model._meta.fields)
