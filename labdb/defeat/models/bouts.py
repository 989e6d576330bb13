"""What happened: the daily bouts of the defeated, the daily partners of the controls."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from labdb.colony.models import BenchEvent, Cage, Mouse, refuse_outside_life
from labdb.colony.models.dates import day_of
from labdb.defeat import encounters
from labdb.defeat.models.aggressors import Aggressor
from labdb.defeat.models.course import DefeatCourse
from labdb.registry.fields import FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.rules import RowRule, between, one_per


class BoutKind(models.TextChoices):
    """Whether the mouse was defeated or saw another defeated."""

    PHYSICAL = "physical", "physical defeat"
    WITNESS = "witness", "witnessed the defeat of another"


@tracked
class DefeatBout(BenchEvent):
    """One mouse with one aggressor on one day of its course."""

    key_field: ClassVar[str] = "pk"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="defeat_bouts")
    course = models.ForeignKey(DefeatCourse, null=True, blank=True, on_delete=models.PROTECT, related_name="bouts")
    day = models.PositiveSmallIntegerField(help_text="Of the stress, counted for the mouse from 1.")
    performed_at = models.DateTimeField("started at", null=True, blank=True)
    aggressor = models.ForeignKey(
        Aggressor, null=True, blank=True, on_delete=models.PROTECT, related_name="bouts",
        help_text="The one that it met, after a substitution if there was one.",
    )  # fmt: skip
    kind = models.CharField(max_length=8, choices=BoutKind, default=BoutKind.PHYSICAL)
    physical_s = FiniteFloatField(
        "physical contact (s)", null=True, blank=True, help_text="Time in one compartment; empty for a witness."
    )
    attack_latency_s = FiniteFloatField("latency to the first attack (s)", null=True, blank=True)
    attacks = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Bites less than 2 s apart count as one, where the lab counts so."
    )
    score = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Intensity by the lab's own scale.")
    wound_score = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="0 none to 4 beyond the limit of the protocol."
    )
    substituted = models.BooleanField(
        "aggressor substituted",
        default=False,
        help_text="Another one than planned, for instance as that did not attack.",
    )
    substitution_reason = models.CharField(max_length=200, blank=True)
    stopped_early = models.BooleanField(default=False, help_text="Cut short for the welfare of the mouse.")
    sensory_contact_h = FiniteFloatField(
        "sensory contact afterwards (h)", null=True, blank=True, help_text="Time across the divider, commonly 24."
    )
    cage = models.ForeignKey(Cage, null=True, blank=True, on_delete=models.PROTECT, related_name="defeat_bouts")

    class Meta:
        ordering = ["mouse", "day"]
        indexes = [models.Index(fields=["study", "performed_at"], name="defeat_bout_study_time")]
        constraints = [
            between("day", 1, 365, "", "defeat_bout_day"),
            between("physical_s", 0, 3600, "s", "defeat_bout_physical"),
            between("attacks", 0, 1000, "", "defeat_bout_attacks"),
            between("score", 0, 10, "", "defeat_bout_score"),
            between("wound_score", 0, 4, "", "defeat_bout_wound_score"),
            between("sensory_contact_h", 0, 72, "h", "defeat_bout_sensory_contact"),
            between("attack_latency_s", 0, 3600, "s", "defeat_bout_attack_latency"),
            RowRule(
                condition=Q(attack_latency_s__lte=F("physical_s")), name="defeat_bout_attack_within_contact",
                field="attack_latency_s",
                sentence="{value} s to the first attack is longer than the contact ({row.physical_s} s); correct one of the two.",
            ),
            RowRule(
                condition=Q(kind=BoutKind.PHYSICAL) | Q(physical_s=None, attack_latency_s=None, attacks=None),
                name="defeat_bout_witness_untouched", field="kind",
                sentence="A witness is not touched; leave contact, latency and attacks empty, or enter physical.",
            ),
            RowRule(
                condition=Q(substituted=True) | Q(substitution_reason=""), name="defeat_bout_reason_of_substitution",
                field="substituted",
                sentence="A reason for a substitution is entered; enter yes, or leave the reason empty.",
            ),
            one_per(
                "mouse", "day", name="defeat_bout_once_per_day", field="day",
                sentence="{row.mouse} already has a bout on day {value}; edit that bout or correct the day.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} day {self.day}"

    def clean(self) -> None:
        """Refuse the course of another cohort, and an aggressor that had not arrived yet."""
        super().clean()
        course, mouse = self.course, self.mouse if self.mouse_id else None
        if course and mouse and course.cohort and mouse.cohort and course.cohort != mouse.cohort:
            raise ValidationError(
                {
                    "course": f"{course} is the course of cohort {course.cohort}, {mouse} is of {mouse.cohort}; choose another course."
                }
            )
        if self.aggressor is None or self.performed_at is None:
            return
        day = day_of(self.performed_at)
        for word, date in (("arrived", self.aggressor.arrival_date), ("was born", self.aggressor.birth_date)):
            if date and day < date:
                raise ValidationError(
                    {
                        "aggressor": f"{self.aggressor} {word} on {date}; the bout of {day} is before it. Correct the date or the aggressor."
                    }
                )

    @property
    def span(self) -> tuple[Any, Any]:
        """Start and end of the physical contact, by the course's plan where it was not measured; None when not known."""
        if self.performed_at is None or self.kind != BoutKind.PHYSICAL:
            return None, None
        planned_s = 60 * self.course.bout_length_min if self.course and self.course.bout_length_min else 1
        return self.performed_at, self.performed_at + timedelta(seconds=max(self.physical_s or planned_s, 1))

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse one aggressor with two mice at once; warn of a pair that met before and of an unfit choice."""
        yield from super().findings(rows)
        others = cls.objects.exclude(pk__in=[row.pk for row in rows if row.pk]).select_related("mouse", "course")
        yield from encounters.unfit(rows)
        yield from encounters.met_before(
            rows, others, partner="aggressor", what="Aggressor", advice="choose another aggressor"
        )
        yield from encounters.two_at_once(rows, others.filter(kind=BoutKind.PHYSICAL))


@tracked
class ControlRotation(BenchEvent):
    """One day of a control mouse beside another control, across the divider."""

    key_field: ClassVar[str] = "pk"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="control_rotations")
    day = models.PositiveSmallIntegerField(help_text="Of the course, counted for the mouse from 1.")
    performed_at = models.DateTimeField("moved at", null=True, blank=True)
    partner = models.ForeignKey(
        Mouse, on_delete=models.PROTECT, related_name="control_rotations_as_partner", help_text="Across the divider."
    )
    cage = models.ForeignKey(Cage, null=True, blank=True, on_delete=models.PROTECT, related_name="control_rotations")

    class Meta:
        ordering = ["mouse", "day"]
        constraints = [
            between("day", 1, 365, "", "control_rotation_day"),
            RowRule(
                condition=~Q(partner=F("mouse")), name="control_rotation_of_two_mice", field="partner",
                sentence="{value} cannot be its own partner; enter the other mouse.",
            ),
            one_per(
                "mouse", "day", name="control_rotation_once_per_day", field="day",
                sentence="{row.mouse} already has a partner on day {value}; edit that rotation or correct the day.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} day {self.day}"

    def clean(self) -> None:
        """Refuse a day outside the partner's life."""
        super().clean()
        if self.partner_id is not None:
            refuse_outside_life(self.partner, "performed_at", self.performed_at)

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn of a partner that the mouse had before."""
        yield from super().findings(rows)
        others = cls.objects.exclude(pk__in=[row.pk for row in rows if row.pk]).select_related("mouse")
        yield from encounters.met_before(
            rows, others, partner="partner", what="Partner", advice="choose another partner"
        )
