"""What became of a tube, as the page of its sample shows it: a timeline, what is left, and where it is."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from labdb.desk.tube_left import left_of
from labdb.registry.permissions import may
from labdb.sequencing.models import ExtractionSample
from labdb.tissue.models import CheckedTube, TissueSample, TubeEvent, place_words


@require_safe
@never_cache
def tube_story(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer the part of a sample's page that tells of its tube."""
    seen = TissueSample.objects.visible_to(request.user).select_related("study", "box", "dissection", "created_by")
    tube = seen.filter(pk=pk).first()
    if tube is None:
        raise Http404(f"There is no tissue sample {pk}.")
    words = {
        "tube": tube,
        "left": left_of([tube], request.user)[tube.pk],
        "story": _story(tube, request.user),
        "may_write": may(request.user, "add", TubeEvent, tube.study),
    }
    return render(request, "desk/_tube_story_part.html", words)


def _story(tube: TissueSample, user: Any) -> list[dict[str, Any]]:
    """Return what happened to a tube, newest first; what has no time comes last."""
    told: list[dict[str, Any]] = [
        {
            "at": event.performed_at,
            "what": event.words,
            "who": event.performed_by or (event.created_by if event.is_edit else None),
            "is_edit": event.is_edit,
            "taken": _taken(event),
            "notes": event.notes,
            "url": event,
        }
        for event in TubeEvent.objects.visible_to(user)
        .filter(sample=tube)
        .select_related("box", "box_before", "performed_by", "created_by")
    ]
    if not any(one["what"].startswith("placed") for one in told) and (first := _first_place(tube)):
        told.append({"at": tube.created_at, "what": f"entered in {first}", "who": tube.created_by})
    for found in CheckedTube.objects.visible_to(user).filter(sample=tube).select_related("box_check__box"):
        check = found.box_check
        told.append(
            {
                "at": check.performed_at,
                "what": f"check of box {check.box}: {found.get_result_display()}",
                "who": check.performed_by,
            }
        )
    inputs = ExtractionSample.objects.visible_to(user).filter(sample=tube).select_related("extraction__performed_by")
    for used in inputs:
        taken = f"{used.amount_used_mg:g} mg" if used.amount_used_mg else ""
        what = f"into extraction {used.extraction}" + (", used up" if used.is_used_up else "")
        told.append({"at": None, "day": used.extraction.extraction_date, "what": what, "taken": taken})
    if tube.dissection is not None:
        told.append({"at": tube.dissection.performed_at, "what": "dissected", "who": tube.dissection.performed_by})
    return sorted(told, key=_when, reverse=True)


def _first_place(tube: TissueSample) -> str:
    """Return the place that a sample was entered with: where its first event found it, else where it is."""
    first = tube.tube_events.select_related("box_before").order_by("performed_at", "pk").first()
    if first is not None:
        return place_words(first.box_before, first.position_before)
    return place_words(tube.box, tube.position)


def _when(one: dict[str, Any]) -> tuple[str, str]:
    at = one["at"]
    return (str(timezone.localdate(at)) if at else str(one.get("day") or ""), at.isoformat() if at else "")


def _taken(event: TubeEvent) -> str:
    parts = []
    if event.amount_used_mg:
        parts.append(f"{event.amount_used_mg:g} mg")
    if event.punches_used:
        parts.append(f"{event.punches_used} punches")
    return " and ".join(parts)
