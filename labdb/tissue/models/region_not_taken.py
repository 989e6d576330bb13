"""What was to be dissected and is missing: a region of which there is no tube, and why."""

from typing import ClassVar

from django.db import models

from labdb.colony.models import Mouse
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import one_per
from labdb.tissue.models.dissections import BrainRegion


@tracked
class RegionNotTaken(StudyRecord):
    """A region that was to be dissected and of which there is no tube."""

    study_from: ClassVar[str | None] = "mouse"
    key_field: ClassVar[str] = "pk"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="regions_not_taken")
    region = models.ForeignKey(BrainRegion, on_delete=models.PROTECT, related_name="not_taken")
    reason = models.CharField(max_length=200, help_text="Such as crushed, lost, kept for histology.")

    class Meta:
        ordering = ["study", "mouse", "region"]
        verbose_name = "region not taken"
        verbose_name_plural = "regions not taken"
        constraints = [
            one_per(
                "mouse", "region", name="region_not_taken_once", field="region",
                sentence="{value} of {row.mouse} is marked as not taken already; edit that reason.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} {self.region}"
