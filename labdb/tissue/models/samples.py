"""Tissue in tubes, and the boxes that they stand in."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from labdb.colony.excludable import Excludable
from labdb.colony.models import Mouse, refuse_future
from labdb.colony.models.dates import spell
from labdb.registry import permissions
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding, stored_beside
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord, label_of
from labdb.registry.name_search import folded_index
from labdb.registry.rules import RowRule, between, one_per, unique_code
from labdb.tissue.models.dissections import BrainRegion, Dissection
from labdb.tissue.place_triggers import sample_triggers
from labdb.tissue.places import POSITION, lies_in


class Hemisphere(models.TextChoices):
    """Side of the brain."""

    LEFT = "L", "left"
    RIGHT = "R", "right"
    BOTH = "B", "both"


@tracked
class StorageBox(LabRecord):
    """A box of tubes in a freezer; studies may share it."""

    code = CodeField(help_text="As on the lid.")
    freezer = models.CharField(max_length=50, blank=True)
    shelf = models.CharField(max_length=20, blank=True)
    rack = models.CharField(max_length=20, blank=True)
    n_rows = models.PositiveSmallIntegerField("rows", default=9, help_text="Lettered from A.")
    n_columns = models.PositiveSmallIntegerField("columns", default=9, help_text="Numbered from 1.")

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "storage boxes"
        constraints = [
            one_per("code", name="storage_box_code_once", field="code", sentence="{value} is already a box."),
            between("n_rows", 1, 26, "rows", "storage_box_rows"),
            between("n_columns", 1, 99, "columns", "storage_box_columns"),
        ]

    def has(self, position: str) -> bool:
        """Whether a position such as ``A1`` lies in this box."""
        return lies_in(position, self.n_rows, self.n_columns)

    @property
    def last_position(self) -> str:
        """The corner opposite ``A1``."""
        return f"{chr(ord('A') + self.n_rows - 1)}{self.n_columns}"

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse a box that is made smaller than its tubes need."""
        yield from super().findings(rows)
        boxes: dict[int | None, int] = {row.pk: number for number, row in enumerate(rows) if row.pk is not None}
        tubes = TissueSample.objects.filter(box__in=boxes).exclude(position="") if boxes else ()
        outside: dict[int, list[str]] = {}
        for tube in tubes:
            if not rows[boxes[tube.box_id]].has(tube.position):
                outside.setdefault(boxes[tube.box_id], []).append(tube.position)
        for number, left in outside.items():
            row, some = rows[number], ", ".join(sorted(left)[:5]) + (", ..." if len(left) > 5 else "")
            field = "n_rows" if any(ord(one[0]) - ord("A") >= row.n_rows for one in left) else "n_columns"
            what = "1 tube stands" if len(left) == 1 else f"{len(left)} tubes stand"
            sentence = f"{what} outside A1 to {row.last_position} ({some}); move what stands there first."
            yield Finding(number, field, sentence)


@tracked
class TissueSample(Excludable, StudyRecord):
    """Tissue of one region of one mouse, in one tube."""

    study_from: ClassVar[str | None] = "mouse"

    code = CodeField(help_text="As on the tube.")
    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="tissue_samples")
    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="tissue_samples")
    dissection = models.ForeignKey(
        Dissection, null=True, blank=True, on_delete=models.PROTECT, related_name="tissue_samples",
        help_text="Empty when the day was not recorded.",
    )  # fmt: skip
    hemisphere = models.CharField(max_length=1, choices=Hemisphere, blank=True)
    bregma_from_mm = FiniteFloatField(
        "anterior end from bregma (mm)", null=True, blank=True,
        help_text="On the anterior-posterior axis; anterior of bregma is positive.",
    )  # fmt: skip
    bregma_to_mm = FiniteFloatField(
        "posterior end from bregma (mm)", null=True, blank=True,
        help_text="On the same axis, so it is at most the anterior end.",
    )  # fmt: skip
    punch_mm = FiniteFloatField("punch diameter (mm)", null=True, blank=True)
    punch_count = models.PositiveSmallIntegerField("punches", null=True, blank=True)
    box = models.ForeignKey(StorageBox, null=True, blank=True, on_delete=models.PROTECT, related_name="tissue_samples")
    position = models.CharField(
        max_length=3, blank=True, help_text="In the box, such as A1; empty once the tube is used up."
    )
    tissue_mg = FiniteFloatField(
        "tissue at first (mg)", null=True, blank=True, help_text="Weighed when the tube was filled."
    )
    thaws = models.PositiveSmallIntegerField("times thawed", null=True, blank=True)
    frozen_at = models.DateTimeField(
        null=True, blank=True, help_text="With the time of the dissection it gives the minutes from death."
    )

    class Meta:
        ordering = ["study", "code"]
        indexes = [folded_index("code", "tissue_sample_code_folded")]
        triggers = sample_triggers()
        constraints = [
            unique_code("tissue_sample", "a tissue sample"),
            between("bregma_from_mm", -10, 6, "mm", "tissue_sample_bregma_from"),
            between("bregma_to_mm", -10, 6, "mm", "tissue_sample_bregma_to"),
            RowRule(
                condition=Q(bregma_from_mm__gte=F("bregma_to_mm")), name="tissue_sample_bregma_in_order",
                field="bregma_to_mm",
                sentence="{value} mm lies anterior of the anterior end ({row.bregma_from_mm} mm); exchange the two, and mind the signs.",
            ),
            between("punch_mm", 0.1, 10, "mm", "tissue_sample_punch"),
            between("tissue_mg", 0.01, 1000, "mg", "tissue_sample_tissue"),
            RowRule(
                condition=Q(hemisphere__in=["", *Hemisphere.values]), name="tissue_sample_hemisphere",
                field="hemisphere", sentence="{value} is not L, R or B.",
            ),
            RowRule(
                condition=Q(position="") | Q(position__regex=f"^{POSITION}$"), name="tissue_sample_position",
                field="position",
                sentence="{value} is not a position; enter the row's letter and the column's number, such as A1.",
            ),
            RowRule(
                condition=Q(position="") | Q(box__isnull=False), name="tissue_sample_position_in_box", field="box",
                sentence="Position {row.position} needs its box; enter the box, or empty the position.",
            ),
            *Excludable.Meta.constraints,
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse the dissection of another mouse, a position that the box does not have, tissue frozen before death."""
        super().clean()
        refuse_future(frozen_at=self.frozen_at)
        errors = {}
        if self.dissection is not None and self.mouse_id and self.dissection.mouse_id != self.mouse_id:
            errors["dissection"] = (
                f"This dissection is of {self.dissection.mouse}, the sample of {self.mouse}; choose one mouse."
            )
        errors |= self._frozen_too_early()
        if self.box is not None and re.fullmatch(POSITION, self.position or "") and not self.box.has(self.position):
            errors["position"] = (
                f"{self.position} is not in box {self.box}; its positions are A1 to {self.box.last_position}."
            )
        if errors:
            raise ValidationError(errors)

    def _frozen_too_early(self) -> dict[str, str]:
        died_at = self.dissection.performed_at if self.dissection is not None else None
        if self.frozen_at is None or died_at is None or self.frozen_at >= died_at:
            return {}
        return {
            "frozen_at": f"{spell(self.frozen_at)} is before {self.mouse} was dissected ({spell(died_at)}); correct one of the two times."
        }

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse two tubes in one position."""
        yield from super().findings(rows)
        placed = [(number, row) for number, row in enumerate(rows) if row.box_id and row.position]
        if not placed:
            return
        stored = stored_beside(cls, rows).filter(
            box__in={row.box_id for _number, row in placed}, position__in={row.position for _number, row in placed}
        )
        holds = named_places(stored, rows[0].writer)
        for number, row in placed:
            place = row.box_id, row.position
            if place in holds:
                sentence = f"{row.position} of box {row.box} holds {holds[place]}; choose another position, or move that sample first."
                yield Finding(number, "position", sentence)
            holds.setdefault(place, label_of(row))


def named_places(tubes: models.QuerySet[TissueSample], writer: Any) -> dict[tuple[int | None, str], str]:
    """Return what stands where, by box and position; without its name for a writer who does not see its study."""
    seen = None if writer is None else set(permissions.visible(tubes, writer).values_list("pk", flat=True))
    return {
        (box, position): f"{study}-{code}" if seen is None or pk in seen else "a tube of a study that you do not see"
        for pk, box, position, study, code in tubes.values_list("pk", "box", "position", "study__code", "code")
    }
