"""The page that holds two runs of one task against each other; the one that does not count can be adopted there."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from analysis import summaries
from analysis.models import Adoption, AnalysisRun, RunStatus
from analysis.provenance import changed_parts, words_for
from analysis.run_comparison import can_compare, compare_runs
from analysis.runs import task_named
from labdb.registry.permissions import may


@require_GET
def comparison(request: HttpRequest, old: int, new: int) -> HttpResponse:
    """Answer the page of two runs; 404 where they cannot be compared, with why."""
    seen = AnalysisRun.objects.visible_to(request.user).select_related("study", "same_as__study", "requested_by")
    one, other = (get_object_or_404(seen, pk=pk) for pk in (old, new))
    if (one.study_id, one.task) != (other.study_id, other.task):
        raise Http404(f"Runs {old} and {new} are not of one task and one study; only such runs can be compared.")
    if not can_compare(one.task) or {one.status, other.status} != {RunStatus.DONE}:
        raise Http404(
            f"Runs {old} and {new} have no results to compare: one is not done, or {one.task} has none of its own."
        )
    is_current, is_same = summaries.is_current(other), one.results_run == other.results_run
    context = {
        "old": one,
        "new": other,
        "study": other.study,
        "is_same": is_same,
        "inputs": _inputs(one.results_run, other.results_run),
        "parameters": _parameters(one, other),
        "is_current": is_current,
        "old_is_current": summaries.is_current(one),
        "may_adopt": not is_current and may(request.user, "add", Adoption, other.study),
        **({} if is_same else compare_runs(one.results_run, other.results_run, request.user)),
    }
    return render(request, "analysis/comparison.html", context)


def _inputs(old: AnalysisRun, new: AnalysisRun) -> str:
    """Return which inputs were not the same, in words; empty where that is not known, or none was."""
    if not (old.input_parts and new.input_parts):
        return ""
    return words_for(changed_parts(old.input_parts, new.input_parts))


def _parameters(old: AnalysisRun, new: AnalysisRun) -> list[tuple[str, Any, Any]]:
    names = dict.fromkeys((*old.parameters, *new.parameters))
    pairs = [(name, old.parameters.get(name, ""), new.parameters.get(name, "")) for name in names]
    return [(name, one, other) for name, one, other in pairs if one != other]


def other_to_compare(run: AnalysisRun) -> AnalysisRun | None:
    """Return the run that a person would hold this one against: the one that counts, else the one that counted before."""
    if run.status != RunStatus.DONE or not can_compare(run.task):
        return None
    scope = task_named(run.task).scope(run.parameters)
    adoptions = Adoption.objects.filter(study=run.study_id, task=run.task, scope=scope).select_related("run__same_as")
    others = [one.run for one in adoptions.order_by("-pk") if one.run.results_run != run.results_run]
    return others[0] if others else None
