"""Measures of neuroplasticity."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labdb.colony.blinding import BlindScore, scored_by_key_holders
from labdb.colony.models import BenchEvent, Mouse, refuse_future
from labdb.registry.fields import FiniteFloatField
from labdb.registry.findings import Finding, Grade, stored_beside
from labdb.registry.history import tracked
from labdb.registry.rules import RowRule, one_per
from labdb.tissue.models.dissections import BrainRegion
from labdb.tissue.models.samples import Hemisphere

# Of an extent or a number of things, which are never below 0; a change in mm3 is a metric of its own, named so.
EXTENT = re.compile(r"(?:[cmuµ]?m[23]?|[mu]l|per .+|cells(?: .+)?)", re.IGNORECASE)
CHANGE = re.compile(r"change|diff|delta|residual", re.IGNORECASE)


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
