"""Where boxes stand and how full they are: freezer, shelf, rack, box."""

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labdb.registry.forms import forbidden_sentence
from labdb.registry.natural_order import natural
from labdb.registry.permissions import may
from labdb.tissue.models import StorageBox, TissueSample

LEVELS = ("freezer", "shelf", "rack")


@dataclass
class Place:
    """A freezer, shelf or rack: what stands in it, and how full that is."""

    name: str
    level: str
    places: list["Place"] = field(default_factory=list)
    boxes: list[StorageBox] = field(default_factory=list)
    n_boxes: int = 0
    n_tubes: int = 0
    n_positions: int = 0

    @property
    def n_free(self) -> int:
        """Positions that no tube is in."""
        return self.n_positions - self.n_tubes

    def add(self, box: Any) -> None:
        """Count a box."""
        self.n_boxes += 1
        self.n_tubes += box.n_tubes
        self.n_positions += box.n_rows * box.n_columns


@require_safe
def freezers(request: HttpRequest) -> HttpResponse:
    """Answer the page of all freezers."""
    if not (may(request.user, "view", StorageBox) and may(request.user, "view", TissueSample)):
        raise PermissionDenied(forbidden_sentence("view", StorageBox))
    tubes = Count("tissue_samples", distinct=True)
    boxes: Any = StorageBox.objects.visible_to(request.user).annotate(
        n_tubes=tubes, checked_at=Max("checks__performed_at")
    )
    whole = Place("all", "")
    for box in sorted(boxes, key=lambda one: [natural(getattr(one, level)) for level in LEVELS] + [natural(one.code)]):
        box.n_positions = box.n_rows * box.n_columns
        box.n_free = box.n_positions - box.n_tubes
        box.percent = min(100, round(100 * box.n_tubes / box.n_positions))
        _put(whole, box)
    return render(request, "desk/freezers.html", {"whole": whole, "may_add": may(request.user, "add", StorageBox)})


def _put(whole: Place, box: Any) -> None:
    """Put a box where it stands; a level that nobody named is left out."""
    place = whole
    place.add(box)
    for level in LEVELS:
        name = getattr(box, level)
        if not name:
            continue
        if not place.places or (place.places[-1].level, place.places[-1].name) != (level, name):
            place.places.append(Place(name, level))
        place = place.places[-1]
        place.add(box)
    place.boxes.append(box)
