"""How a study dissects: what was chosen last is offered again."""

from datetime import date
from typing import Any

from django.db.models import F
from django.utils import timezone

from labdb.colony.models import Study
from labdb.desk.dissect_sheet import OF_TISSUE
from labdb.tissue.models import BrainRegion, Dissection, Hemisphere, StorageBox, TissueSample, named_places


def protocol_of(study: Study, day: date) -> dict[str, Any]:
    """Return anesthesia, method and the columns (region, side, punches, box) of the last dissections until a day.

    Of a study that never dissected there is no column: nobody can know which.
    """
    done = Dissection.objects.filter(study=study, performed_at__date__lte=day).order_by("performed_at", "pk")
    newest = done.last()
    samples = TissueSample.objects.filter(study=study).select_related("region", "box")
    if newest is not None and newest.performed_at is not None:
        samples = samples.filter(dissection__performed_at__date=timezone.localdate(newest.performed_at))
    columns: dict[tuple[str, str], dict[str, Any]] = {}
    for sample in samples.order_by("pk"):
        facts = {name: getattr(sample, name) for name in OF_TISSUE}
        box = sample.box.code if sample.box else ""
        columns[sample.region.code, sample.hemisphere] = {"region": sample.region.code, **facts, "box": box}
    return {
        "anesthesia": newest.anesthesia if newest else "",
        "death_method": newest.death_method if newest else "",
        "columns": list(columns.values()),
    }


def columns_asked(text: str, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the columns that an address asks for (``PFC:B.NAc:L``), each as the protocol has it; ValueError else.

    The page at the bench may have changed them for the day, and paper and labels are made here.
    """
    by_name = {(one["region"], one["hemisphere"]): one for one in known}
    regions = set(BrainRegion.objects.values_list("code", flat=True))
    columns = []
    for part in text.split("/"):
        region, _colon, side = part.partition(":")
        if region not in regions or side not in ("", *Hemisphere.values):
            raise ValueError(f"{part[:30]} is no region with its side; write PFC:B, and / between two.")
        columns.append(by_name.get((region, side)) or {"region": region, "hemisphere": side, "box": ""})
    return columns


def tubes_in(box: StorageBox, user: Any) -> dict[str, str]:
    """Return the tube in each position that is taken, by name where the account sees its study."""
    tubes = TissueSample.objects.filter(box=box).exclude(position="")
    return {position: name for (_box, position), name in named_places(tubes, user).items()}


def regions_and_boxes() -> dict[str, Any]:
    """Return the regions and boxes that can be chosen."""
    sizes = {"rows": F("n_rows"), "columns": F("n_columns")}
    boxes = StorageBox.objects.order_by("code").values("id", "code", "freezer", **sizes)
    return {
        "regions": [{"code": one.code, "name": one.name} for one in BrainRegion.objects.all()],
        "boxes": list(boxes),
    }
