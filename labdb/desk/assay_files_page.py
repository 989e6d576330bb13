"""The page that takes trackers' files of an assay: see what it reads from them and all that is wrong, then store them."""

from collections.abc import Sequence

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.behavior.models import Assay, AssayResult, TrackedAssayTrial
from labdb.colony.models import Study
from labdb.desk.assay_drop import AssayDrop, AssayRow
from labdb.desk.tracker_pages import shared_words, take, undo_sentence
from labdb.registry.forms import forbidden_sentence
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may


@require_http_methods(["GET", "HEAD", "POST"])
def assay_files(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """Check trackers' files of an assay without storing anything, then store them."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    assay = get_object_or_404(Assay, pk=pk)
    for action, model in (("add", AssayResult), ("change", AssayResult), ("add", TrackedAssayTrial)):
        if not may(request.user, action, model, study):
            raise PermissionDenied(forbidden_sentence(action, model, study))
    drop = AssayDrop(request, study, assay)
    if take(request, drop):
        messages.success(request, _stored_sentence(drop))
        return redirect("assay-page", study.code, assay.pk)
    sessions = TrackedAssayTrial.objects.filter(study=study, assay=assay).exclude(session="")
    words = {
        **shared_words(drop),
        "assay": assay,
        "rows": _in_order(drop.rows),
        "sessions": sorted(set(sessions.values_list("session", flat=True)), key=natural),
        "may_define": may(request.user, "change", Assay),
    }
    return render(request, "desk/assay_files.html", words)


def _in_order(rows: Sequence[AssayRow]) -> list[AssayRow]:
    """Return the trials by mouse; those left out come last."""
    return sorted(
        rows, key=lambda row: (row.is_left_out, natural(row.match.mouse.code if row.match.mouse else ""), row.number)
    )


def _stored_sentence(drop: AssayDrop) -> str:
    n_trials = len(drop.wanted)
    n_results = drop.outcome.n_created + drop.outcome.n_changed - n_trials
    session = f" in session {drop.session}" if drop.session else ""
    return (
        f"{n_trials} trial{'s' if n_trials != 1 else ''} stored{session}: {n_results} "
        f"result{'s' if n_results != 1 else ''} of {drop.assay}.{undo_sentence(drop)}"
    )
