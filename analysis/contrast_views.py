"""The contrasts of a study on one page: what could be estimated where, and the standard set at one touch."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from analysis.contrast_check import check_contrasts, hides_arms
from analysis.contrasts import Contrast
from analysis.links import storable
from analysis.models import AnalysisRun
from analysis.standard_contrasts import add_missing, missing_contrasts
from analysis.tasks.matrices import chosen_matrix
from labdb.colony.models import Study
from labdb.registry.forms import forbidden_sentence
from labdb.registry.permissions import may
from labdb.sequencing.models import CountMatrix

OF_ALLOCATORS = (
    "The standard set says which letter is the vehicle's: while the study is blinded, only its allocators propose it."
)


@require_http_methods(["GET", "HEAD", "POST"])
def study_contrasts(request: HttpRequest, code: str) -> HttpResponse:
    """Answer what could be estimated of every contrast, those of the standard set too; a POST makes these."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    try:
        matrix = chosen_matrix(study, {"matrix": ""})
    except ValueError as error:
        return render(request, "analysis/contrasts.html", {"study": study, "nothing": str(error)})
    if request.method == "POST":
        return _add_missing(request, study, matrix)
    own = Contrast.objects.filter(study=study).select_related("study", "region").order_by("pk")
    is_hidden = hides_arms(study, request.user)
    proposed = [] if is_hidden else [one.contrast(study) for one in missing_contrasts(study, matrix)]
    context: dict[str, Any] = {
        "study": study,
        "matrix": matrix,
        "checked": check_contrasts(study, matrix, [*own, *proposed], request.user),
        "n_proposed": len(proposed),
        "n_own": len(own),
        "hidden": OF_ALLOCATORS if is_hidden else "",
        "may_add": may(request.user, "add", Contrast, study),
        "may_run": may(request.user, "add", AnalysisRun, study),
    }
    return render(request, "analysis/contrasts.html", context)


def _add_missing(request: HttpRequest, study: Study, matrix: CountMatrix) -> HttpResponse:
    if not may(request.user, "add", Contrast, study):
        raise PermissionDenied(forbidden_sentence("add", Contrast, study))
    if hides_arms(study, request.user):
        raise PermissionDenied(OF_ALLOCATORS)
    report = add_missing(study, matrix, request.user)
    if not report.is_stored:
        messages.error(request, " ".join(refused.sentence for refused in report.refusals()))
    elif report.records:
        messages.success(request, f"Made: {', '.join(contrast.name for contrast in report.records)}.")
    else:
        messages.info(request, "Nothing of the standard set is missing.")
    return redirect("study-contrasts", study.code)
