"""The mark beside results that do not follow from the records any more."""

from typing import Any

from django import template
from django.urls import reverse

from analysis.models import AnalysisRun
from analysis.staleness import Staleness, in_short, stale_runs

register = template.Library()


@register.inclusion_tag("analysis/_stale_mark.html", takes_context=True)
def stale_mark(context: Any, run: AnalysisRun | None) -> dict[str, Any]:
    """Show that the results of a run are out of date, with why in short; nothing where they are not."""
    found = staleness_on_page(context["request"], run) if run else None
    if not found:
        return {"found": None}
    assert run is not None
    return {
        "found": found,
        "why": in_short(found),
        "url": f"{reverse('analysis-run', args=[run.pk])}#stale",
        "run": run,
    }


def staleness_on_page(request: Any, run: AnalysisRun) -> Staleness | None:
    """Return why a run is stale; a page asks once for each study."""
    known: dict[int, dict[int, Staleness]] = request.__dict__.setdefault("stale_runs", {})
    if run.study_id not in known:
        known[run.study_id] = stale_runs(run.study)
    return known[run.study_id].get(run.results_run.pk)
