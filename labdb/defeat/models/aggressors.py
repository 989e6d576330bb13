"""Aggressors, and the sessions in which it was seen whether they attack."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from labdb.colony.models import Strain, refuse_future
from labdb.colony.models.dates import day_of
from labdb.defeat import screening
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord
from labdb.registry.rules import RowRule, between, one_per
from labdb.registry.versioned_rule import Rule


@tracked
class Aggressor(LabRecord):
    """A resident mouse that attacks intruders; it serves all studies."""

    code = CodeField(help_text="As on its cage, such as 2A; unique in the laboratory.")
    strain = models.ForeignKey(Strain, null=True, blank=True, on_delete=models.PROTECT, related_name="aggressors")
    birth_date = models.DateField(null=True, blank=True)
    arrival_date = models.DateField("arrived on", null=True, blank=True)
    retired_date = models.DateField("retired on", null=True, blank=True, help_text="From this day on it is not used.")
    is_resting = models.BooleanField("resting", default=False, help_text="Not to be used for some days.")
    resting_from = models.DateField(null=True, blank=True, help_text="First day of rest; empty when not noted.")
    resting_until = models.DateField(null=True, blank=True, help_text="Last day of rest; empty when not decided.")

    class Meta:
        ordering = ["code"]
        constraints = [
            one_per(
                "code", name="aggressor_code_once", field="code",
                sentence="{value} is already an aggressor; choose another code.",
            ),
            RowRule(
                condition=Q(arrival_date__gte=F("birth_date")), name="aggressor_arrives_after_birth",
                field="arrival_date",
                sentence="{value} is before its birth ({row.birth_date}); correct one of the two dates.",
            ),
            RowRule(
                condition=Q(retired_date__gte=F("arrival_date")), name="aggressor_retires_after_arrival",
                field="retired_date",
                sentence="{value} is before its arrival ({row.arrival_date}); correct one of the two dates.",
            ),
            RowRule(
                condition=Q(is_resting=True) | Q(resting_from=None, resting_until=None),
                name="aggressor_rest_is_stated", field="is_resting",
                sentence="Days of rest are entered; enter yes, or leave resting from and resting until empty.",
            ),
            RowRule(
                condition=Q(resting_until__gte=F("resting_from")), name="aggressor_rest_in_order",
                field="resting_until",
                sentence="{value} is before the first day of rest ({row.resting_from}); exchange the two.",
            ),
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse a birth, an arrival or a retirement that lies in the future."""
        super().clean()
        refuse_future(birth_date=self.birth_date, arrival_date=self.arrival_date, retired_date=self.retired_date)

    def unfit_on(self, day: Any) -> str:
        """Say why it should not have been used on a day; empty when nothing speaks against it."""
        if self.retired_date and day >= self.retired_date:
            return f"was retired on {self.retired_date}"
        has_begun = self.resting_from is None or day >= self.resting_from
        has_ended = self.resting_until is not None and day > self.resting_until
        if self.is_resting and has_begun and not has_ended:
            return f"rests until {self.resting_until}" if self.resting_until else "rests"
        return ""

    def is_usable_on(self, day: Any) -> bool:
        """Whether it is there on a day, and neither rests nor is retired."""
        is_there = all(day >= begins for begins in (self.arrival_date, self.birth_date) if begins)
        return is_there and not self.unfit_on(day)


@tracked
class AggressorScreening(LabRecord):
    """One session in which it was seen whether an aggressor attacks."""

    key_field: ClassVar[str] = "pk"

    aggressor = models.ForeignKey(Aggressor, on_delete=models.PROTECT, related_name="screenings")
    series = models.PositiveSmallIntegerField(
        default=1, help_text="1 is its first screening, 2 a later one, and so on."
    )
    day = models.PositiveSmallIntegerField(default=1, help_text="Of the series, from 1; commonly three.")
    performed_at = models.DateTimeField("screened at", null=True, blank=True)
    screener = models.CharField(max_length=50, blank=True, help_text="The mouse it was shown, as its cage names it.")
    latency_s = FiniteFloatField(
        "latency to attack (s)", null=True, blank=True, help_text="To the first attack; empty when it did not attack."
    )
    attacks = models.PositiveSmallIntegerField(null=True, blank=True)
    passed = models.BooleanField(
        null=True, blank=True, help_text="By the lab's own rule, such as an attack within 60 s; empty when not judged."
    )

    class Meta:
        ordering = ["aggressor", "series", "day"]
        constraints = [
            between("series", 1, 100, "", "aggressor_screening_series"),
            between("day", 1, 60, "", "aggressor_screening_day"),
            between("latency_s", 0, 3600, "s", "aggressor_screening_latency"),
            between("attacks", 0, 1000, "", "aggressor_screening_attacks"),
            RowRule(
                condition=~Q(attacks=0) | Q(latency_s=None), name="aggressor_screening_latency_of_an_attack",
                field="latency_s",
                sentence="{value} s to an attack, but 0 attacks; leave the latency empty or correct the attacks.",
            ),
            one_per(
                "aggressor", "series", "day", name="aggressor_screening_once_per_day", field="day",
                sentence="{row.aggressor} was already screened on day {value} of series {row.series}; edit that screening.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.aggressor} screening {self.series}, day {self.day}"

    def clean(self) -> None:
        """Refuse a screening in the future or before the aggressor's birth."""
        super().clean()
        refuse_future(performed_at=self.performed_at)
        if self.aggressor_id is None or self.performed_at is None:
            return
        born, day = self.aggressor.birth_date, day_of(self.performed_at)
        if born and day < born:
            raise ValidationError(
                {"performed_at": f"{self.aggressor} was born on {born}; {day} is before it. Correct one of the two."}
            )


@tracked
class ScreeningRule(Rule):
    """When screening keeps an aggressor; the newest rule is offered first."""

    kernel_rule = screening.ScreeningRule

    max_latency_s = FiniteFloatField(
        "first attack before (s)", default=60.0, help_text="A session counts when the first attack comes before this."
    )
    consecutive_sessions = models.PositiveSmallIntegerField(
        "sessions in a row", default=2, help_text="So many that count, one after the other, keep it."
    )
    sessions = models.PositiveSmallIntegerField(
        "sessions of a series", default=3, help_text="After them it is decided."
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            one_per(
                "name", name="screening_rule_name_once", field="name", sentence="{value} is already a screening rule."
            ),
            between("max_latency_s", 0.1, 3600, "s", "screening_rule_max_latency"),
            between("sessions", 1, 60, "", "screening_rule_sessions"),
            RowRule(
                condition=Q(consecutive_sessions__gte=1, consecutive_sessions__lte=F("sessions")),
                name="screening_rule_consecutive_within_series", field="consecutive_sessions",
                sentence="{value} sessions in a row do not fit a series of {row.sessions}; enter 1 to {row.sessions}.",
            ),
        ]  # fmt: skip
