import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from labdb.colony.blinding import BlindScore, scored_by_key_holders
from labdb.colony.excludable import Excludable
from labdb.colony.models import BenchEvent, Mouse, refuse_future
from labdb.colony.models.dates import spell
from labdb.registry import permissions
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding, Grade, stored_beside
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord, label_of
from labdb.registry.name_search import folded_index
from labdb.registry.rules import RowRule, between, one_per, unique_code
from labdb.tissue.dissection_findings import events_after_death
from labdb.tissue.place_triggers import sample_triggers
from labdb.tissue.places import POSITION, lies_in

# Of an extent or a number of things, which are never below 0; a change in mm3 is a metric of its own, named so.
EXTENT = re.compile(r"(?:[cmuµ]?m[23]?|[mu]l|per .+|cells(?: .+)?)", re.IGNORECASE)
CHANGE = re.compile(r"change|diff|delta|residual", re.IGNORECASE)


@tracked
class BrainRegion(LabRecord):
    """A dissected region."""

    code = CodeField(help_text="Short, as on tubes: PFC.")
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["code"]
        constraints = [
            one_per("code", name="brain_region_code_once", field="code", sentence="{value} is already a region.")
        ]


class DeathMethod(models.TextChoices):
    """How a mouse was killed."""

    CERVICAL_DISLOCATION = "cervical dislocation", "cervical dislocation"
    DECAPITATION = "decapitation", "decapitation"
    PERFUSION = "perfusion", "transcardial perfusion"
    ANESTHETIC = "anesthetic overdose", "anesthetic overdose"
    CO2 = "CO2", "carbon dioxide"
    OTHER = "other", "other (see notes)"


@tracked
class Dissection(BenchEvent):
    """The death of one mouse for its tissue."""

    key_field: ClassVar[str] = "mouse__code"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="dissections")
    performed_at = models.DateTimeField("dissected at", null=True, blank=True)
    order_of_day = models.PositiveSmallIntegerField("order that day", null=True, blank=True)
    anesthesia = models.CharField(max_length=100, blank=True, help_text="Agent and dose; none, if there was none.")
    death_method = models.CharField("method of death", max_length=30, choices=DeathMethod, blank=True)
    minutes_to_freeze = FiniteFloatField("death to frozen tissue (min)", null=True, blank=True)

    class Meta:
        ordering = ["study", "performed_at", "order_of_day"]
        constraints = [
            one_per(
                "mouse", name="dissection_once_per_mouse", field="mouse", sentence="{value} was already dissected."
            ),
            between("minutes_to_freeze", 0, 240, "min", "dissection_minutes_to_freeze"),
        ]

    def clean(self) -> None:
        """Refuse another day than that of the mouse's death."""
        super().clean()
        if self.mouse_id is None or self.performed_at is None or self.mouse.death_date is None:
            return
        day = timezone.localdate(self.performed_at)
        if day != self.mouse.death_date:
            raise ValidationError(
                {"performed_at": f"{self.mouse} died on {self.mouse.death_date}, not on {day}; correct one of the two."}
            )

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse a death before something was done with the living mouse."""
        yield from super().findings(rows)
        yield from events_after_death(rows)


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


class Modality(models.TextChoices):
    """How neuroplasticity is measured."""

    MRI = "MRI", "magnetic resonance imaging"
    PET = "PET", "positron emission tomography"
    DTI = "DTI", "diffusion tensor imaging"
    HISTOLOGY = "histology", "histology"
    OTHER = "other", "other"


@tracked
class TissueMeasurement(BlindScore, BenchEvent):
    """One measure of neuroplasticity in one region of one mouse: a volume, a binding, a spine density."""

    key_field: ClassVar[str] = "pk"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="tissue_measurements")
    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="tissue_measurements")
    hemisphere = models.CharField(max_length=1, choices=Hemisphere, blank=True)
    modality = models.CharField(max_length=9, choices=Modality)
    metric = models.CharField(
        max_length=100, help_text="What was measured, such as gray_matter_volume or spine_density; one word, one unit."
    )
    value = FiniteFloatField()
    unit = models.CharField(max_length=30, blank=True, help_text="Such as mm3 or per 10 um; empty for a ratio.")
    replicate = models.PositiveSmallIntegerField(default=1, help_text="1, 2, ... where it was measured several times.")
    performed_at = models.DateTimeField(
        "scanned at", null=True, blank=True,
        help_text="When the state that it tells of was fixed: the scan of a living mouse, or the death.",
    )  # fmt: skip
    rated_date = models.DateField("read out on", null=True, blank=True, help_text="May be long after the death.")
    rater = models.ForeignKey(
        "accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Who read it out."
    )
    is_rater_blinded = models.BooleanField(
        "rater was blinded", null=True, blank=True, help_text="Empty when nobody knows."
    )

    class Meta:
        ordering = ["mouse", "region", "metric", "replicate"]
        triggers = [*BlindScore.Meta.triggers]
        constraints = [
            one_per(
                "mouse", "region", "hemisphere", "modality", "metric", "replicate", name="tissue_measurement_once",
                field="metric",
                sentence="{row.mouse} already has {value} in {row.region} (replicate {row.replicate}); edit that measurement or enter the next replicate.",
            ),
            RowRule(
                condition=Q(replicate__gte=1), name="tissue_measurement_replicate_from_1", field="replicate",
                sentence="{value} is not a replicate; the first is 1.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} {self.region} {self.metric} {self.value:g} {self.unit}".strip()

    def clean(self) -> None:
        """Refuse a reading in the future, or before the scan, and a volume, length or density below 0."""
        super().clean()
        if self.value is not None and self.value < 0 and EXTENT.fullmatch(self.unit) and not CHANGE.search(self.metric):
            raise ValidationError(
                {"value": f"{self.value:g} {self.unit} is below 0, which {self.metric} cannot be; enter what was read."}
            )
        refuse_future(rated_date=self.rated_date)
        if self.performed_at is None or self.rated_date is None:
            return
        day = timezone.localdate(self.performed_at)
        if self.rated_date < day:
            raise ValidationError(
                {"rated_date": f"{self.rated_date} is before the scan ({day}); correct one of the two."}
            )

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn of a metric that comes in another unit than before, and of a rater who is not blind."""
        yield from super().findings(rows)
        yield from scored_by_key_holders(rows, "rater")
        stored = stored_beside(cls, rows).filter(
            study__in={row.study_id for row in rows}, metric__in={row.metric for row in rows}
        )
        units: dict[tuple[int, str], str] = {}
        for study, metric, unit in stored.order_by("pk").values_list("study", "metric", "unit"):
            units.setdefault((study, metric), unit)
        for number, row in enumerate(rows):
            known = units.setdefault((row.study_id, row.metric), row.unit)
            if row.unit != known:
                sentence = f"{row.metric} is in {row.unit or 'no unit'} here, in {known or 'no unit'} elsewhere in study {row.study}; use one unit, or say why."
                yield Finding(number, "unit", sentence, Grade.WARNING)


import labdb.tissue.region_not_taken  # noqa: E402  (a table of its own, built on these)

# What became of tubes, in a file of its own; it is built on the records above.
import labdb.tissue.storage  # noqa: E402, F401
