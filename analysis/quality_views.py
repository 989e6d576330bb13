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
from analysis.quality_decisions import carry_out
from analysis.quality_page import rows_left_out
from analysis.results import results_of
from labdb.colony.models import Study
from labdb.registry.forms import Conflict, forbidden_sentence
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
        context["left_out"] = rows_left_out(run, request.user)
        context["figures"] = lazy_figures(results["figure_names"], root, request.GET.urlencode())
    return render(request, "analysis/quality.html", context)


@require_POST
def decide_finding(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was decided on a finding, leave out or take in what that means, and lead back to it."""
    seen = QualityFinding.objects.visible_to(request.user)
    records = ("study", "mouse__study", "si_test__study", "sample__study")
    finding = get_object_or_404(seen.select_related(*records), pk=pk)
    if not may(request.user, "add", QualityDecision, finding.study):
        raise PermissionDenied(forbidden_sentence("add", QualityDecision, finding.study))
    sent = {name: storable(request.POST.get(name, "")) for name in ("decision", "reason", "a_priori", "blind")}
    sent["take_in"] = request.POST.get("take_in", "")
    try:
        messages.success(request, carry_out(finding, request.user, sent, request.POST.getlist("target")))
    except (ValidationError, Conflict) as error:
        messages.error(request, " ".join(getattr(error, "messages", [str(error)])))
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = reverse("study-quality", args=[finding.study.code])
    return redirect(f"{back}#finding-{finding.pk}")
