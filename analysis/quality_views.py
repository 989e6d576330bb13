"""The quality page of a study, and the decision on one finding."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from analysis.current import current_run
from analysis.figure_views import FigureError, lazy_figures
from analysis.links import storable
from analysis.models import AnalysisRun, QualityDecision, QualityFinding, RunStatus
from analysis.quality_results import decide
from analysis.results import results_of
from labdb.colony.models import Study
from labdb.registry.forms import forbidden_sentence
from labdb.registry.permissions import may


@require_GET
def study_quality(request: HttpRequest, code: str) -> HttpResponse:
    """Answer the quality of a study: the findings that are current, then the figures."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    run = current_run(study, "quality")
    newer = AnalysisRun.objects.filter(study=study, task="quality").order_by("-pk").first()
    context: dict[str, Any] = {
        "study": study,
        "run": run,
        "newer": newer if newer is not None and newer != run and newer.status != RunStatus.CANCELLED else None,
        "may_run": may(request.user, "add", AnalysisRun, study),
    }
    if run is not None:
        try:
            results = results_of(run, request.user, request.GET)
        except FigureError as error:
            return render(request, "analysis/quality.html", {**context, "no_results": str(error)}, status=error.status)
        root = reverse("analysis-run", args=[run.pk])
        context["results"] = results
        context["figures"] = lazy_figures(results["figure_names"], root, request.GET.urlencode())
    return render(request, "analysis/quality.html", context)


@require_POST
def decide_finding(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was decided on a finding, and lead back to it."""
    seen = QualityFinding.objects.visible_to(request.user)
    finding = get_object_or_404(seen.select_related("study"), pk=pk)
    if not may(request.user, "add", QualityDecision, finding.study):
        raise PermissionDenied(forbidden_sentence("add", QualityDecision, finding.study))
    try:
        made = decide(finding, request.user, request.POST.get("decision", ""), storable(request.POST.get("reason", "")))
        messages.success(request, f"{finding.subject}: {made.get_decision_display()}.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = reverse("study-quality", args=[finding.study.code])
    return redirect(f"{back}#finding-{finding.pk}")
