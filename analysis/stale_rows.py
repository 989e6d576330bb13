"""Results of stale runs stay out of lists, exports and REST unless they are asked for; runs say that they are stale."""

from typing import Any

from django.db.models import Q

from analysis.models import AnalysisRun, RunStatus
from analysis.staleness import in_short, stale_ids, stale_runs
from labdb.colony.models import Study
from labdb.registry.left_out import LeftOut
from labdb.registry.record import Record


def _rows_of_stale_runs(user: Any, study: Study | None) -> Q:
    done = AnalysisRun.objects.filter(status=RunStatus.DONE).values("study")
    studies = Study.objects.visible_to(user).filter(pk__in=done)
    if study is not None:
        studies = studies.filter(pk=study.pk)
    return Q(run__in=sorted(stale_ids(studies)))


STALE = LeftOut("include_stale", "Include results that are out of date", _rows_of_stale_runs, made_by="run")


class ResultRecord(Record):
    """A record that a run writes, and nobody else; what does not follow from the records any more is left out."""

    left_out = STALE
    read_only = True


def with_staleness(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return runs as REST shows them, each with whether it is stale and why in short (null: not done)."""
    shown = AnalysisRun.objects.filter(pk__in=[row["id"] for row in rows]).select_related("study", "same_as")
    by_key = {run.pk: run for run in shown}
    found = {
        study: stale_runs(study, [run.results_run for run in by_key.values() if run.study == study])
        for study in {run.study for run in by_key.values()}
    }
    return [row | _said(by_key[row["id"]], found) for row in rows]


def _said(run: AnalysisRun, found: dict[Study, Any]) -> dict[str, Any]:
    if run.status != RunStatus.DONE:
        return {"is_stale": None, "stale_because": ""}
    stale = found[run.study].get(run.results_run.pk)
    return {"is_stale": stale is not None, "stale_because": in_short(stale) if stale else ""}
