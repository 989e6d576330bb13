from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from labdb.colony.models import BenchEvent, Mouse
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.rules import RowRule, between, one_per, unique_code


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


@tracked
class Dissection(BenchEvent):
    """The death of one mouse for its tissue."""

    key_field: ClassVar[str] = "mouse__code"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="dissections")
    performed_at = models.DateTimeField("dissected at", null=True, blank=True)
    order_of_day = models.PositiveSmallIntegerField("order that day", null=True, blank=True)
    anesthesia = models.CharField(max_length=100, blank=True)
    minutes_to_freeze = FiniteFloatField("death to frozen tissue (min)", null=True, blank=True)

    class Meta:
        ordering = ["study", "performed_at", "order_of_day"]
        constraints = [
            one_per(
                "mouse", name="dissection_once_per_mouse", field="mouse", sentence="{value} was already dissected."
            ),
            between("minutes_to_freeze", 0, 240, "min", "dissection_minutes_to_freeze"),
        ]


class Hemisphere(models.TextChoices):
    """Side of the brain."""

    LEFT = "L", "left"
    RIGHT = "R", "right"
    BOTH = "B", "both"


@tracked
class TissueSample(StudyRecord):
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
    punch_mm = FiniteFloatField("punch diameter (mm)", null=True, blank=True)
    punch_count = models.PositiveSmallIntegerField("punches", null=True, blank=True)

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("tissue_sample", "a tissue sample"),
            between("punch_mm", 0.1, 10, "mm", "tissue_sample_punch"),
            RowRule(
                condition=models.Q(hemisphere__in=["", *Hemisphere.values]), name="tissue_sample_hemisphere",
                field="hemisphere", sentence="{value} is not L, R or B.",
            ),
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse the dissection of another mouse."""
        super().clean()
        if self.dissection is not None and self.mouse_id and self.dissection.mouse_id != self.mouse_id:
            raise ValidationError(
                {
                    "dissection": f"This dissection is of {self.dissection.mouse}, the sample of {self.mouse}; choose one mouse."
                }
            )
