"""A study at a glance: its question, its animals and how far they came, what is missing, and what was found."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from analysis import frames, summaries
from analysis.figure_views import CONTENT_TYPES, lazy_figures
from analysis.links import storable
from analysis.models import AnalysisRun
from analysis.refresh_views import refresh_of
from analysis.results import meanings_in
from analysis.tasks import TASKS
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Study, Weighing
from labdb.desk import study_facts
from labdb.desk.animal_flow import animal_flow
from labdb.desk.exclusions_page import n_exclusions
from labdb.desk.quick_entry import entries_of_study
from labdb.desk.sequencing_links import sequencing_links
from labdb.desk.study_figures import BODY_MASS, BODY_MASS_TITLE, FLOW
from labdb.desk.treatment_links import treatment_links
from labdb.registry.permissions import may

# By the task whose current results they show; the order is that of the experiment.
FIGURE_NAMES = {
    "phenotype": ("si-scatter", "iz-paired-lines", "corner-paired-lines"),
    "response": ("si-slope",),
    "reversal": ("reversal-forest",),
}


@require_GET
def study(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the page of a study."""
    found = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    runs = summaries.current_runs(found)
    phenotypes = _phenotypes(runs.get("phenotype"))
    mice = study_facts.read_mice(found, phenotypes, request.user)
    own_runs = AnalysisRun.objects.visible_to(request.user).filter(study=found).select_related("requested_by", "study")
    context = {
        "study": found,
        "steps": animal_flow(found, runs.get("phenotype")),
        "groups": mice.by_group(),
        "flow": mice.flow(),
        "gaps": study_facts.completeness(found),
        "n_exclusions": n_exclusions(found, request.user),
        "current": runs,
        "refresh": refresh_of(found, request.user),
        "runs": list(summaries.active_or_failed(own_runs)[:5]),
        "entries": entries_of_study(request.user, found),
        "may_weigh": may(request.user, "add", Weighing, found),
        "may_track": may(request.user, "add", SocialInteractionTest, found),
        "may_run": may(request.user, "add", AnalysisRun, found),
        "tasks": [task.name for task in TASKS if task.name != "pipeline"],
        "treatment_links": treatment_links(found, request.user),
        "sequencing_links": sequencing_links(found, request.user),
        **_figures(found, runs),
        **_results(runs, request.user),
    }
    return render(request, "desk/study.html", context)


def _phenotypes(run: AnalysisRun | None) -> dict[int, str]:
    return dict(run.results_run.phenotypecalls.values_list("mouse_id", "phenotype")) if run else {}


def _figures(found: Study, runs: dict[str, AnalysisRun]) -> dict[str, Any]:
    root = reverse("study-page", args=[found.code])
    drawn = {task: lazy_figures(list(names), root) for task, names in FIGURE_NAMES.items() if task in runs}
    body_mass = {"title": BODY_MASS_TITLE, "url": f"{root}figures/{BODY_MASS}.html"}
    return {
        "behavior_figures": drawn.get("phenotype", []),
        "response_figures": drawn.get("response", []),
        "flow_files": [(kind, f"{root}figures/{FLOW}.{kind}") for kind in CONTENT_TYPES],
        "body_mass_figure": body_mass if frames.has_weighings(found) else None,
        "reversal_figures": drawn.get("reversal", []),
    }


def _results(runs: dict[str, AnalysisRun], user: Any) -> dict[str, Any]:
    """Return what the current runs found, in the few numbers that a page at a glance has room for."""
    found: dict[str, Any] = {}
    if run := runs.get("response"):
        calls = frames.response_frame(run.results_run, user)
        first = run.results_run.responsecalls.select_related("rule").first()
        found["rates"] = summaries.response_rates(calls, first.rule.cutoff) if first else []
        found["drug_pairs"] = summaries.compare_drugs(found["rates"])
        found["warning"] = summaries.responder_warning(found["rates"]) if found["rates"] else ""
    if run := runs.get("differential_expression"):
        found["gene_counts"] = summaries.gene_counts(run.results_run)
    if run := runs.get("reversal"):
        tests = summaries.reversal_tests(run.results_run)
        found["reversals"] = [(test, summaries.reversal_sentence(test)) for test in tests]
        found["meanings"] = meanings_in([test.arm for test in tests], run.study, user)
    return found
