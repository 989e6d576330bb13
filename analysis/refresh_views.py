"""What pages say of stale results, and the one button that brings a study up to date."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from analysis.links import storable
from analysis.models import Adoption, AnalysisRun
from analysis.refresh import refresh_under_way, request_refresh, stale_chain
from analysis.stale_reasons import own_reasons
from labdb.colony.models import Study
from labdb.registry.forms import forbidden_sentence
from labdb.registry.permissions import may


def refresh_of(study: Study, user: Any) -> dict[str, Any]:
    """Return what is stale of a study, why, and whether the account may bring it up to date."""
    chain, under_way = stale_chain(study), refresh_under_way(study)
    reasons = dict.fromkeys(reason for own in own_reasons(chain, user).values() for reason in own)
    return {"chain": chain, "reasons": list(reasons), "under_way": under_way, "may": _may(user, study)}


def _may(user: Any, study: Study) -> bool:
    return study.state == "open" and all(may(user, "add", model, study) for model in (AnalysisRun, Adoption))


@require_POST
def refresh(request: HttpRequest, code: str) -> HttpResponse:
    """Queue the chain of stale runs, and lead to the run that carries it out."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    for model in (AnalysisRun, Adoption):
        if not may(request.user, "add", model, study):
            raise PermissionDenied(forbidden_sentence("add", model, study))
    try:
        run = request_refresh(study, request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("study-page", study.code)
    if run is None:
        messages.info(request, f"Nothing that counts in {study} is out of date.")
        return redirect("study-page", study.code)
    return redirect("analysis-run", run.pk)
