"""Other behavioral tests: what they measure, what of it a track says, and what came out."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from labdb.behavior.derived_metrics import DERIVED, parts_beyond_their_whole
from labdb.colony.blinding import BlindScore, scored_by_key_holders
from labdb.colony.excludable import Excludable
from labdb.colony.models import BenchEvent
from labdb.registry.fields import FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord
from labdb.registry.rules import RowRule, between, one_per


@tracked
class Assay(LabRecord):
    """A behavioral test other than social interaction: sucrose preference, forced swim, or the lab's own."""

    key_field: ClassVar[str] = "name"

    name = models.CharField(max_length=100)
    description = models.TextField(blank=True, help_text="How it is done here: apparatus, length, what is scored.")
    trial_s = FiniteFloatField(
        "trial length (s)", null=True, blank=True, help_text="Usual length; trackers' files are held against it."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            one_per("name", name="assay_name_once", field="name", sentence="{value} is already an assay."),
            between("trial_s", 10, 86_400, "s", "assay_trial_length"),
        ]


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


class Statistic(models.TextChoices):
    """What can be read from a track, or from what a tracker computed of it."""

    TIME = "time in zones", "time in zones (s)"
    SHARE = "share of time", "share of time in zones (%)"
    ENTRIES = "entries", "entries into zones"
    LATENCY = "latency", "latency to zones (s)"
    DISTANCE = "distance", "distance (cm)"
    VELOCITY = "mean velocity", "mean velocity (cm/s)"
    COVERED = "time covered", "time covered by the file (s)"


UNITS = {
    Statistic.TIME: "s", Statistic.SHARE: "%", Statistic.ENTRIES: "", Statistic.LATENCY: "s",
    Statistic.DISTANCE: "cm", Statistic.VELOCITY: "cm/s", Statistic.COVERED: "s",
}  # fmt: skip
OF_ZONES = (Statistic.TIME, Statistic.SHARE, Statistic.ENTRIES, Statistic.LATENCY)


@tracked
class AssayReading(LabRecord):
    """What a metric is in a tracker's file: a statistic of a trial, of some zones or of the whole."""

    key_field: ClassVar[str] = "pk"

    metric = models.ForeignKey(AssayMetric, on_delete=models.PROTECT, related_name="readings")
    statistic = models.CharField(max_length=13, choices=Statistic, help_text="In the unit that stands beside it.")
    zones = models.CharField(
        max_length=300, blank=True,
        help_text="Names of the arena's zones that count together, separated by |, such as open arm 1 | open arm 2.",
    )  # fmt: skip
    share_of = models.CharField(
        max_length=300, blank=True,
        help_text="Of a share: zones whose time is 100 %; empty for the time in which the mouse was seen.",
    )  # fmt: skip

    class Meta:
        ordering = ["metric"]
        constraints = [
            one_per(
                "metric", name="assay_reading_once", field="metric",
                sentence="It is entered already how {value} is read; edit that.",
            ),
            RowRule(
                condition=~Q(statistic__in=OF_ZONES) | ~Q(zones=""), name="assay_reading_names_zones", field="zones",
                sentence="Name the zones of which {row.metric} is read, separated by |.",
            ),
            RowRule(
                condition=Q(statistic__in=OF_ZONES) | Q(zones=""), name="assay_reading_of_whole_trial", field="zones",
                sentence="The {row.statistic} is of the whole trial, not of {value}; leave the zones empty.",
            ),
            RowRule(
                condition=Q(statistic=Statistic.SHARE) | Q(share_of=""), name="assay_reading_share_of_zones",
                field="share_of",
                sentence="{value} stands for the 100 % of a share, and the {row.statistic} is none; leave it empty.",
            ),
        ]  # fmt: skip

    @property
    def is_count(self) -> bool:
        """Whether its values are whole numbers."""
        return self.statistic == Statistic.ENTRIES

    def __str__(self) -> str:
        zones = f" of {self.zones}" if self.zones else ""
        share_of = f", in % of {self.share_of}" if self.share_of else ""
        return f"{self.metric}: {self.get_statistic_display()}{zones}{share_of}"

    def clean(self) -> None:
        """Refuse a statistic in another unit than its metric's, and a metric that follows from others."""
        super().clean()
        if self.metric_id is None or not self.statistic:
            return
        if self.metric.name in DERIVED:
            raise ValidationError({"metric": f"{self.metric} is computed ({DERIVED[self.metric.name].formula})."})
        unit = UNITS[Statistic(self.statistic)]
        if self.metric.unit != unit:
            of_metric = f"in {self.metric.unit}" if self.metric.unit else "without a unit"
            of_reading = f"in {unit}" if unit else "without a unit"
            raise ValidationError(
                {
                    "statistic": f"{self.metric} is {of_metric}, and {self.statistic} would be {of_reading}; choose another statistic."
                }
            )


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
