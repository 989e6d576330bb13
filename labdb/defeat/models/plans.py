"""Who is to meet whom: a plan from a day of the course on, and its bouts."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from labdb.colony.models import Cage, Mouse, refuse_future
from labdb.defeat import encounters
from labdb.defeat.models.aggressors import Aggressor, ScreeningRule
from labdb.defeat.models.course import DefeatCourse
from labdb.registry.fields import CodeField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import between, one_per, unique_code


@tracked
class RotationPlan(StudyRecord):
    """A rotation of a course: all that is needed to make it again. From its first day on it replaces earlier ones."""

    study_from: ClassVar[str | None] = "course"

    course = models.ForeignKey(DefeatCourse, on_delete=models.PROTECT, related_name="rotation_plans")
    code = CodeField(help_text="Unique in the study, such as DC1-P2.")
    performed_at = models.DateTimeField("planned at", default=timezone.now)
    from_day = models.PositiveSmallIntegerField(
        default=1, help_text="Days before it stay as they were planned or done."
    )
    reason = models.CharField(max_length=200, blank=True, help_text="Why it replaces the plan before it.")
    screening_rule = models.ForeignKey(
        ScreeningRule, null=True, blank=True, on_delete=models.PROTECT, related_name="rotation_plans",
        help_text="By which the aggressors were kept.",
    )  # fmt: skip
    seed = models.BigIntegerField(null=True, blank=True)
    algorithm_version = models.CharField(max_length=30, blank=True)
    input_digest = models.CharField("digest of its inputs", max_length=64, blank=True)
    input_snapshot = models.TextField(
        "its inputs",
        blank=True,
        help_text="Mice, aggressors with their hardness, and who could not meet whom or when, as JSON.",
    )

    class Meta:
        ordering = ["study", "course", "performed_at", "pk"]
        constraints = [
            unique_code("rotation_plan", "a rotation plan"),
            between("from_day", 1, 365, "", "rotation_plan_from_day"),
        ]

    def clean(self) -> None:
        """Refuse a plan of the future, or one from beyond its course on."""
        super().clean()
        refuse_future(performed_at=self.performed_at)
        if self.course_id is not None and self.from_day is not None and self.from_day > self.course.days:
            raise ValidationError(
                {"from_day": f"Day {self.from_day} is beyond the {self.course.days} days of course {self.course}."}
            )

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Ask why a plan replaces another."""
        yield from super().findings(rows)
        others = cls.objects.exclude(pk__in=[row.pk for row in rows if row.pk])
        earlier: dict[int, list[tuple[object, str]]] = {}
        planned = others.filter(course__in={row.course_id for row in rows}).values_list(
            "course", "performed_at", "code"
        )
        for course, at, code in [*planned, *((row.course_id, row.performed_at, row.code) for row in rows)]:
            earlier.setdefault(course, []).append((at, code))
        for number, row in enumerate(rows):
            before = [code for at, code in earlier[row.course_id] if at < row.performed_at]  # type: ignore[operator]
            if before and not row.reason.strip():
                sentence = f"Course {row.course} has the plan {before[-1]} already; say why this one replaces it."
                yield Finding(number, "reason", sentence)


@tracked
class PlannedBout(StudyRecord):
    """One mouse and the aggressor that it is to meet on a day."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "plan"

    plan = models.ForeignKey(RotationPlan, on_delete=models.CASCADE, related_name="planned_bouts")
    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="planned_bouts")
    day = models.PositiveSmallIntegerField(help_text="Of the course, from 1.")
    aggressor = models.ForeignKey(Aggressor, on_delete=models.PROTECT, related_name="planned_bouts")
    place = models.PositiveSmallIntegerField(
        "place on the rack",
        null=True,
        blank=True,
        help_text="In the order in which the cages are gone through, from 1.",
    )
    cage = models.ForeignKey(Cage, null=True, blank=True, on_delete=models.PROTECT, related_name="planned_bouts")

    class Meta:
        ordering = ["plan", "day", "place", "mouse"]
        constraints = [
            between("day", 1, 365, "", "planned_bout_day"),
            between("place", 1, 1000, "", "planned_bout_place"),
            one_per(
                "plan", "mouse", "day", name="planned_bout_once_per_day", field="day",
                sentence="{row.plan} has a bout of {row.mouse} on day {value} already; edit that planned bout.",
            ),
            one_per(
                "plan", "day", "aggressor", name="planned_bout_aggressor_once_per_day", field="aggressor",
                sentence="{value} already has a mouse on day {row.day} of {row.plan}; choose another aggressor.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} day {self.day}"

    def clean(self) -> None:
        """Refuse a day that the plan does not cover, and a mouse of another cohort than its course."""
        super().clean()
        if self.plan_id is None or self.mouse_id is None or not self.day:
            return
        course = self.plan.course
        if not self.plan.from_day <= self.day <= course.days:
            raise ValidationError(
                {"day": f"Plan {self.plan} covers days {self.plan.from_day} to {course.days}, not {self.day}."}
            )
        if course.cohort_id and self.mouse.cohort_id and course.cohort_id != self.mouse.cohort_id:
            raise ValidationError(
                {
                    "mouse": f"{self.mouse} is of cohort {self.mouse.cohort}, course {course} of {course.cohort}; choose another mouse."
                }
            )

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn of a pair that the plan lets meet twice."""
        yield from super().findings(rows)
        others = cls.objects.exclude(pk__in=[row.pk for row in rows if row.pk])
        for plan in dict.fromkeys(row.plan_id for row in rows):
            numbers = [number for number, row in enumerate(rows) if row.plan_id == plan]
            found = encounters.met_before(
                [rows[number] for number in numbers], others.filter(plan=plan),
                partner="aggressor", what="Aggressor", advice="choose another aggressor", verb="meet",
            )  # fmt: skip
            for finding in found:
                yield Finding(numbers[finding.number], finding.field, finding.sentence, finding.grade)
