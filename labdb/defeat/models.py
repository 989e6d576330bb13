from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from labdb.colony.models import BenchEvent, Cage, Cohort, Mouse, Strain, refuse_future, refuse_outside_life
from labdb.colony.models.dates import day_of
from labdb.defeat import encounters
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.rules import RowRule, between, one_per, unique_code


class StressModel(models.TextChoices):
    """How mice are stressed."""

    CSDS = "CSDS", "chronic social defeat stress"
    WITNESS = "witness", "witness (vicarious) defeat"
    CNSDS = "CNSDS", "chronic non-discriminatory social defeat"
    SUBTHRESHOLD = "subthreshold", "subthreshold defeat"
    OTHER = "other", "other"


@tracked
class DefeatCourse(StudyRecord):
    """The days of stress that the mice of a cohort go through."""

    code = CodeField()
    cohort = models.ForeignKey(Cohort, null=True, blank=True, on_delete=models.PROTECT, related_name="defeat_courses")
    stress_model = models.CharField(max_length=12, choices=StressModel, default=StressModel.CSDS)
    stress_model_detail = models.CharField(
        "stress model in words",
        max_length=200,
        blank=True,
        help_text="What the lab does differently, or what other is.",
    )
    days = models.PositiveSmallIntegerField(
        "days of defeat", default=10, help_text="10 in the standard protocol (Golden et al. 2011)."
    )
    bout_length_min = FiniteFloatField(
        "length of a bout (min)", null=True, blank=True, help_text="Planned physical contact a day, commonly 5 to 10."
    )
    sensory_contact_h = FiniteFloatField(
        "sensory contact after a bout (h)",
        null=True,
        blank=True,
        help_text="Planned time across the divider, commonly 24.",
    )

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("defeat_course", "a defeat course"),
            between("days", 1, 60, "days", "defeat_course_days"),
            between("bout_length_min", 0.1, 60, "min", "defeat_course_bout_length"),
            between("sensory_contact_h", 0, 72, "h", "defeat_course_sensory_contact"),
            RowRule(
                condition=~Q(stress_model=StressModel.OTHER) | ~Q(stress_model_detail=""),
                name="defeat_course_other_in_words", field="stress_model_detail",
                sentence="The stress model is other; say in words which.",
            ),
        ]  # fmt: skip


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
