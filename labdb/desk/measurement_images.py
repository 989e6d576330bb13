"""What was measured in the brain of one mouse, each reading with the pictures that it was read from."""

from dataclasses import dataclass
from typing import Any

from labdb.colony.models import Mouse
from labdb.registry.attachments import Attachment
from labdb.registry.record import record_for
from labdb.tissue.models import TissueMeasurement


@dataclass(frozen=True)
class Shown:
    """A measurement, its pictures, and how many other files are attached to it."""

    measurement: TissueMeasurement
    images: list[Attachment]
    n_files: int


def measurements_of(mouse: Mouse, user: Any) -> list[Shown]:
    """Return the measurements of a mouse that an account may see; two queries."""
    rows = TissueMeasurement.objects.visible_to(user).filter(mouse=mouse).select_related("region", "rater", "mouse")
    found = list(rows.order_by("region_id", "modality", "metric", "hemisphere", "replicate"))
    attached: dict[int, list[Attachment]] = {}
    resource = record_for(TissueMeasurement).resource
    for one in Attachment.objects.filter(resource=resource, record_id__in=[row.pk for row in found]):
        attached.setdefault(one.record_id, []).append(one)
    shown = []
    for row in found:
        images = [one for one in attached.get(row.pk, []) if one.is_image]
        shown.append(Shown(row, images, len(attached.get(row.pk, [])) - len(images)))
    return shown
