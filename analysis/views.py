"""Pages of analysis: the runs, one run with its results, one reversal; and what a person may ask of a run."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import reswap, retarget

from analysis import run_story, summaries
from analysis import runs as run_actions
from analysis.comparison_views import other_to_compare
from analysis.figure_views import FigureError, lazy_figures
from analysis.figures.reversal import ESTIMANDS
from analysis.links import storable
from analysis.models import Adoption, AnalysisRun, RunStatus, SignatureReversal
from analysis.notices import mark_read
from analysis.provenance import spoken_parts
from analysis.refresh_views import refresh_of
from analysis.results import meanings_in, results_of
from analysis.reversal_figures import shows_mice
from analysis.reversal_page import figures_of_test, responder_warning_of
from analysis.reversal_summaries import why_not_the_plain_cosine
from analysis.stale_reasons import reasons_of
from analysis.staleness import staleness_of
from analysis.tasks import TASKS
from labdb.colony.models import Study
from labdb.registry.forms import forbidden_sentence
from labdb.registry.permissions import may

RUNS_A_PAGE = 50
POLL = "every 2s"  # while something waits or works


@require_GET
def run_list(request: HttpRequest) -> HttpResponse:
    """Answer the runs that the account may see, newest first, filtered by the address."""
    rows = AnalysisRun.objects.visible_to(request.user).select_related("study", "requested_by", "schedule", "parent")
    studies = list(Study.objects.all().visible_to(request.user))
    chosen = {name: storable(request.GET.get(name, "")) for name in ("study", "task", "status")}
    filters = {"study__code": chosen["study"], "task": chosen["task"], "status": chosen["status"]}
    rows = rows.filter(**{name: value for name, value in filters.items() if value})
    page = Paginator(rows.order_by("-pk"), RUNS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "chosen": chosen,
        "current": _current_ids(studies),
        "poll": POLL if any(summaries.is_active(run) for run in page) else "",
    }
    if request.headers.get("HX-Request"):
        return render(request, "analysis/_runs.html", context)
    context |= {
        "studies": studies,
        "tasks": [task.name for task in TASKS],
        "statuses": RunStatus.values,
        "may_run": [one for one in studies if one.state == "open" and may(request.user, "add", AnalysisRun, one)],
    }
    return render(request, "analysis/runs.html", context)


def _current_ids(studies: list[Study]) -> set[int]:
    """Return the runs whose results are current."""
    latest = Adoption.objects.filter(study__in=studies).order_by("study_id", "task", "scope", "-pk")
    return set(latest.distinct("study_id", "task", "scope").values_list("run_id", flat=True))


@require_GET
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer one run: while it works its progress, afterwards its results.

    The page looks again while the run waits or works. Once it has ended, the answer is the whole of it, with the results.
    """
    run = _run_or_404(request, pk)
    looks_again = bool(request.headers.get("HX-Request"))
    if looks_again and summaries.is_active(run):
        return render(request, "analysis/_state.html", _state(request, run) | {"looks_again": True})
    if not summaries.is_active(run):
        mark_read(request.user, run)
    context = _state(request, run) | {
        "looks_again": looks_again,
        "depends_on": run.depends_on.select_related("study").order_by("pk"),
        "dependents": run.dependents.select_related("study").order_by("pk"),
        "adoptions": run.results_run.adoptions.select_related("adopted_by").order_by("pk"),
        "other": other_to_compare(run),
        "parts": spoken_parts(run.results_run.input_parts),
        "reads_counts": run.status == RunStatus.DONE and "matrix" in run.parameters,
        "is_current": (is_current := summaries.is_current(run)),
        "may_adopt": not is_current and _has_results(run) and may(request.user, "add", Adoption, run.study),
    }
    if run.status == RunStatus.DONE and (found := staleness_of(run)):
        context |= {"stale": found, "reasons": reasons_of(found, request.user)}
        context["refresh"] = refresh_of(run.study, request.user) if is_current else {}
    status = 200
    if run.status == RunStatus.DONE:
        try:
            context["results"] = results_of(run, request.user, request.GET)
        except FigureError as error:
            context["no_results"] = str(error)
            status = error.status if request.GET else 200
    context |= _figures_of(run, context, request)
    if looks_again:
        return reswap(retarget(render(request, "analysis/_run.html", context), "#run"), "innerHTML")
    return render(request, "analysis/run.html", context, status=status)


def _figures_of(run: AnalysisRun, context: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    names = context.get("results", {}).get("figure_names", [])
    root = reverse("analysis-run", args=[run.pk])
    return {"figures": lazy_figures(names, root, request.GET.urlencode())}


def _state(request: HttpRequest, run: AnalysisRun) -> dict[str, Any]:
    active = summaries.is_active(run)
    return {
        "run": run,
        "percent": summaries.percent_done(run),
        "lasted": run_story.since(run),
        "attempt": run_story.attempt(run),
        "sign_of_life": run_story.sign_of_life(run),
        "waiting": run_story.waiting(run, request.user),
        "children": run.children.order_by("pk"),
        "poll": POLL if active else "",
        "may_cancel": active and may(request.user, "add", AnalysisRun, run.study),
    }


def _has_results(run: AnalysisRun) -> bool:
    return run.status == RunStatus.DONE and not run_actions.task_named(run.task).is_composite


@require_GET
def reversal_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer one reversal: all of its numbers, the mice behind it, its genes."""
    seen = SignatureReversal.objects.visible_to(request.user)
    reversal = get_object_or_404(seen.select_related("study", "region", "matrix", "run"), pk=pk)
    seen_scores = reversal.scores.visible_to(request.user)
    scores = seen_scores.select_related("mouse__study", "library", "run").order_by("group", "mouse__code")
    genes = reversal.genes.select_related("gene").order_by("-listed", "q_strict", "pk")
    context = {
        "reversal": reversal,
        "sentence": summaries.reversal_sentence(reversal),
        "why_not_naive": why_not_the_plain_cosine(reversal),
        "responder_warning": responder_warning_of(reversal.run, request.user) if reversal.response else "",
        "compared": ESTIMANDS[reversal.estimand][0],
        "figures": figures_of_test(reversal),
        "mice": _with_tests(reversal, list(scores)),
        "shows_mice": shows_mice(reversal.run, request.user),
        "meanings": meanings_in([reversal.arm], reversal.study, request.user),
        "genes": genes[:200],
        "n_genes": genes.count(),
        "n_listed": genes.filter(listed=True).count(),
    }
    return render(request, "analysis/reversal.html", context)


def _with_tests(reversal: SignatureReversal, scores: list[Any]) -> list[dict[str, Any]]:
    """Put beside every score the calls that gave the mouse its place in the comparison, as its run read them."""
    calls: dict[str, dict[int, Any]] = {}
    for run in reversal.run.depends_on.select_related("same_as"):
        results = run.results_run
        if run.task == "phenotype":
            calls["phenotype"] = {call.mouse_id: call for call in results.phenotypecalls.select_related("si_test")}
        if run.task == "response":
            calls["response"] = {call.mouse_id: call for call in results.responsecalls.select_related("after")}
    return [
        {"score": score, **{task: by_mouse.get(score.mouse_id) for task, by_mouse in calls.items()}} for score in scores
    ]


@require_POST
def request_run(request: HttpRequest) -> HttpResponse:
    """Queue a run and lead to its page."""
    seen = Study.objects.all().visible_to(request.user)
    study = get_object_or_404(seen, code=storable(request.POST.get("study", "")))
    _require(request, AnalysisRun, study)
    given = {
        name.removeprefix("set-"): value for name, value in request.POST.items() if name.startswith("set-") and value
    }
    try:
        run, is_new = run_actions.request_or_find(request.POST.get("task", ""), study, given, user=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("study-page", study.code)
    if not is_new:
        messages.info(request, f"Run {run.pk} computes the same and is {run.status}: it answers this request too.")
    return redirect("analysis-run", run.pk)


@require_POST
def cancel_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask a run to stop."""
    run = _run_or_404(request, pk)
    _require(request, AnalysisRun, run.study)
    messages.info(request, run_actions.cancel(run))
    return redirect("analysis-run", run.pk)


@require_POST
def adopt_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a run's results current; the reason is kept."""
    run = _run_or_404(request, pk)
    _require(request, Adoption, run.study)
    try:
        run_actions.adopt(run, request.user, request.POST.get("reason", ""))
        messages.success(request, f"The results of run {run.results_run.pk} are now current.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("analysis-run", run.pk)


def _run_or_404(request: HttpRequest, pk: int) -> AnalysisRun:
    seen: QuerySet[AnalysisRun] = AnalysisRun.objects.visible_to(request.user)
    return get_object_or_404(
        seen.select_related("study", "same_as__study", "requested_by", "schedule", "parent"), pk=pk
    )


def _require(request: HttpRequest, model: type[Any], study: Study) -> None:
    if not may(request.user, "add", model, study):
        raise PermissionDenied(forbidden_sentence("add", model, study))
