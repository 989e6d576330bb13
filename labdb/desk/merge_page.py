"""Two records that are one mouse: both side by side, what moves, what stands in the way, and the merge."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import capfirst
from django.views.decorators.http import require_http_methods

from analysis.links import storable
from labdb.colony.models import Mouse, Study
from labdb.registry.cells import Cell, columns_of
from labdb.registry.deletion import Forbidden
from labdb.registry.keys import KeyRing
from labdb.registry.merging import Merge, merge_records
from labdb.registry.record import record_for

NOT_CHOSEN = ("study", "code")  # the code of the one that stays; the other's leads to it


@dataclass(frozen=True)
class Choice:
    """A field in which the two records differ."""

    name: str
    label: str
    kept: Cell
    dropped: Cell
    takes_dropped: bool


@require_http_methods(["GET", "HEAD", "POST"])
def merge_mice(request: HttpRequest, code: str, mouse: str) -> HttpResponse:
    """Ask for the other record, show both, and merge them."""
    study = get_object_or_404(Study.objects.all().visible_to(request.user), code=storable(code))
    kept = get_object_or_404(Mouse.objects.visible_to(request.user), study=study, code=storable(mouse))
    asked = request.POST.get("with", request.GET.get("with", "")).strip()
    words: dict[str, Any] = {"study": study, "mouse": kept, "with": asked, "reason": request.POST.get("reason", "")}
    try:
        dropped = KeyRing(request.user).find(Mouse, storable(asked), study) if asked else None
    except ValidationError as error:
        return render(request, "desk/merge.html", {**words, "sentence": error.messages[0]}, status=400)
    if dropped is None:
        return render(request, "desk/merge.html", words)
    choices = _choices(kept, dropped, request.POST if request.method == "POST" else None)
    names = [choice.name for choice in choices if choice.takes_dropped]
    is_trial = request.POST.get("step") != "merge"
    gone = dropped.code
    try:
        merge = merge_records(
            kept, dropped, names, user=request.user, reason=words["reason"].replace("\0", ""), is_trial=is_trial
        )
    except Forbidden as error:
        raise PermissionDenied(str(error)) from error
    if not is_trial and not merge.obstacles:
        said = " ".join(merge.sentences())
        messages.success(request, f"{gone} was merged into {kept.code}; its code leads here. {said}")
        return redirect("mouse-page", study.code, kept.code)
    words |= {"other": gone, "choices": choices, "merge": merge}
    return render(request, "desk/merge.html", words, status=_status(merge, is_trial))


def _status(merge: Merge, is_trial: bool) -> int:
    return 409 if merge.obstacles and not is_trial else 200


def _choices(kept: Mouse, dropped: Mouse, posted: Any) -> list[Choice]:
    """Return the fields that differ; what only one record knows is taken from it unless the person says otherwise."""
    record = record_for(Mouse)
    choices = []
    for column in columns_of(record, [name for name in record.entered() if name not in NOT_CHOSEN]):
        mine, other = column.cell(kept, whole=True), column.cell(dropped, whole=True)
        if mine != other:
            is_gap = mine.is_unknown or (column.name == "sex" and kept.sex == "U")
            takes = posted.get(f"take_{column.name}") == "dropped" if posted is not None else is_gap
            choices.append(Choice(column.name, str(capfirst(column.label)), mine, other, takes))
    return choices
