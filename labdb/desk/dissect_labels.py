"""Labels of a day of dissections: of the tubes that there are, and of those that will be, as the page at the bench names them."""

from datetime import date
from typing import Any

from django.conf import settings

from labdb.colony.models import Study
from labdb.desk.dissect_sheet import MouseOfSheet
from labdb.tissue.label_page import label_day, labels_of
from labdb.tissue.label_sheets import TubeLabel
from labdb.tissue.models import TissueSample
from labdb.tissue.sample_codes import sample_code


def planned_labels(study: Study, rows: list[MouseOfSheet], columns: list[dict[str, Any]], day: date) -> list[TubeLabel]:
    """Return a label for each region of each mouse, in the order of the sheet; none for what was not taken."""
    taken = set(TissueSample.objects.filter(study=study).order_by().values_list("code", flat=True))
    labels = []
    for row in rows:
        for column, cell in zip(columns, row.cells(columns), strict=True):
            if cell.sample is not None:
                labels += labels_of([cell.sample])
            elif not cell.reason:
                labels.append(_planned(study, row, column, day, taken))
    return labels


def _planned(study: Study, row: MouseOfSheet, column: dict[str, Any], day: date, taken: set[str]) -> TubeLabel:
    mouse, region = row.mouse.code, column["region"]
    side = column["hemisphere"]
    code = sample_code(settings.SAMPLE_CODE, mouse=mouse, region=region, hemisphere=side, taken=taken)
    taken.add(code)
    return TubeLabel(study.code, code, mouse, region, label_day(day))
