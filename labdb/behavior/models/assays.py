"""Other behavioral tests: what they measure, and what came out."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from labdb.behavior.derived_metrics import parts_beyond_their_whole
from labdb.colony.blinding import BlindScore, scored_by_key_holders
from labdb.colony.excludable import Excludable
from labdb.colony.models import BenchEvent
from labdb.registry.fields import FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord
from labdb.registry.rules import RowRule, one_per


@tracked
class Assay(LabRecord):
    """A behavioral test other than social interaction: sucrose preference, forced swim, or the lab's own."""

    key_field: ClassVar[str] = "name"

    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, help_text="How it is done here: apparatus, length, what is scored.")

    class Meta:
        ordering = ["name"]
        constraints = [one_per("name", name="assay_name_once", field="name", sentence="{value} is already an assay.")]


@tracked
class AssayMetric(LabRecord):
    """What an assay measures, its unit and its possible range."""

    key_field: ClassVar[str] = "name"

    assay = models.ForeignKey(Assay, on_delete=models.PROTECT, related_name="metrics")
    name = models.CharField(max_length=100, help_text="Unique over assays, such as forced_swim_immobile.")
    unit = models.CharField(max_length=30, blank=True, help_text="Empty for counts and ratios.")
    minimum = FiniteFloatField(null=True, blank=True, help_text="Least possible value; empty when there is none.")
    maximum = FiniteFloatField(null=True, blank=True, help_text="Greatest possible value; empty when there is none.")

    class Meta:
        ordering = ["assay", "name"]
        constraints = [
            one_per("name", name="assay_metric_name_once", field="name", sentence="{value} is already a metric."),
            RowRule(
                condition=Q(maximum__gte=F("minimum")), name="assay_metric_range", field="maximum",
                sentence="{value} is below the minimum ({row.minimum}); exchange the two.",
            ),
        ]  # fmt: skip


@tracked
class AssayResult(BlindScore, Excludable, BenchEvent):
    """One value of one metric of one mouse in one session."""

    key_field: ClassVar[str] = "pk"

    metric = models.ForeignKey(AssayMetric, on_delete=models.PROTECT, related_name="results")
    session = models.CharField(max_length=50, blank=True, help_text="Trial or day, in the lab's own words.")
    performed_at = models.DateTimeField("tested at", null=True, blank=True)
    value = FiniteFloatField(help_text="In the metric's unit.")

    class Meta:
        ordering = ["mouse", "metric", "session"]
        triggers = [*BlindScore.Meta.triggers]
        constraints = [
            *Excludable.Meta.constraints,
            one_per(
                "mouse", "metric", "session", name="assay_result_once", field="session",
                sentence="{row.mouse} already has {row.metric} in session {value}; edit that result.",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} {self.metric} {self.value}"

    def clean(self) -> None:
        """Refuse a value outside its metric's range."""
        super().clean()
        if self.metric_id is None or self.value is None:
            return
        low, high = self.metric.minimum, self.metric.maximum
        if (low is not None and self.value < low) or (high is not None and self.value > high):
            allowed = f"{'' if low is None else f'{low:g}'} to {'' if high is None else f'{high:g}'} {self.metric.unit}"
            raise ValidationError(
                {"value": f"{self.value:g} is outside the range of {self.metric} ({allowed.strip()}); check the unit."}
            )

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse an intake that is more than its total; warn of who tested and is not blind."""
        yield from super().findings(rows)
        others = cls.objects.exclude(pk__in=[row.pk for row in rows if row.pk])
        yield from parts_beyond_their_whole(rows, others)
        yield from scored_by_key_holders(rows, "performed_by")
