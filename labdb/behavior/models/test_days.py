"""Who is to be tested on a day, in which order, where, and with whom behind the mesh."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labdb.behavior.models.si_test import Arena, TargetSide
from labdb.colony.models import Cohort, Mouse, refuse_future
from labdb.defeat.models import Aggressor
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import RowRule, between, one_per, unique_code


@tracked
class SiTestPlan(StudyRecord):
    """A day of SI tests of a cohort: all that is needed to make its order again. It replaces earlier ones of this test."""

    study_from: ClassVar[str | None] = "cohort"

    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="si_test_plans")
    code = CodeField(help_text="Unique in the study, such as C1-T1-P1.")
    performed_at = models.DateTimeField("planned at", default=timezone.now)
    test_number = models.PositiveSmallIntegerField(default=1, help_text="1 is the test after the defeats.")
    test_date = models.DateField("day of the tests", default=timezone.localdate)
    trial_s = FiniteFloatField("trial length (s)", default=150, help_text="Of each of the two trials.")
    room = models.CharField(max_length=50, blank=True)
    lux = FiniteFloatField("light (lux)", null=True, blank=True, help_text="At the floor of the arena.")
    lights_on = models.CharField(
        "lights on at", max_length=5, blank=True, help_text="By the clock, such as 07:00; hour 0 of the light cycle."
    )
    target_side = models.CharField(max_length=6, choices=TargetSide, blank=True, help_text="As the camera sees it.")
    reason = models.CharField(max_length=200, blank=True, help_text="Why it replaces the plan before it.")
    seed = models.BigIntegerField(null=True, blank=True)
    algorithm_version = models.CharField(max_length=30, blank=True)
    input_digest = models.CharField("digest of its inputs", max_length=64, blank=True)
    input_snapshot = models.TextField(
        "its inputs",
        blank=True,
        help_text="Mice with group and cage, arenas, and targets that each mouse knows, as JSON.",
    )

    class Meta:
        ordering = ["study", "cohort", "test_number", "performed_at", "pk"]
        verbose_name = "SI test plan"
        constraints = [
            unique_code("si_test_plan", "an SI test plan"),
            between("test_number", 1, 100, "", "si_test_plan_test_number"),
            between("trial_s", 10, 3600, "s", "si_test_plan_trial_length"),
            between("lux", 0, 10_000, "lux", "si_test_plan_lux"),
            RowRule(
                condition=Q(lights_on="") | Q(lights_on__regex=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"),
                name="si_test_plan_lights_on", field="lights_on",
                sentence="{value} is not a time of day; enter it as 07:00.",
            ),
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse a plan that was made in the future."""
        super().clean()
        refuse_future(performed_at=self.performed_at)

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Ask why a plan replaces another."""
        yield from super().findings(rows)
        others = cls.objects.exclude(pk__in=[row.pk for row in rows if row.pk])
        stored = others.filter(cohort__in={row.cohort_id for row in rows})
        known = [*stored.values_list("cohort", "test_number", "performed_at", "code")]
        known += [(row.cohort_id, row.test_number, row.performed_at, row.code) for row in rows]
        for number, row in enumerate(rows):
            test = row.cohort_id, row.test_number
            before = [one for one in known if one[:2] == test and one[2] < row.performed_at]
            if before and not row.reason.strip():
                latest = max(before, key=lambda one: one[2])[3]
                sentence = f"SI test {row.test_number} of cohort {row.cohort} has the plan {latest} already; say why this one replaces it."
                yield Finding(number, "reason", sentence)


class PlannedState(models.TextChoices):
    """What became of a planned test, where none came of it."""

    PLANNED = "planned", "planned"
    SKIPPED = "skipped", "skipped"
    STOPPED = "stopped", "stopped"


@tracked
class PlannedSiTest(StudyRecord):
    """One mouse of a day of SI tests: when its turn is, where, and with which target."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "plan"

    plan = models.ForeignKey(SiTestPlan, on_delete=models.CASCADE, related_name="planned_tests")
    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="planned_si_tests")
    order_of_day = models.PositiveSmallIntegerField("order that day", help_text="1 is the first mouse of the day.")
    turn = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Mice of one turn are tested at once, each in an arena of its own."
    )
    arena = models.ForeignKey(
        Arena, null=True, blank=True, on_delete=models.PROTECT, related_name="planned_si_tests"
    )  # fmt: skip
    target = models.ForeignKey(
        Aggressor, null=True, blank=True, on_delete=models.PROTECT, related_name="planned_si_tests",
        help_text="The mouse behind the mesh.",
    )  # fmt: skip
    state = models.CharField(
        max_length=7, choices=PlannedState, default=PlannedState.PLANNED,
        help_text="Skipped or stopped, where the mouse has no test.",
    )  # fmt: skip
    state_reason = models.CharField(
        "why it was skipped or stopped", max_length=200, blank=True, help_text="Empty while it is planned."
    )

    class Meta:
        ordering = ["plan", "order_of_day"]
        verbose_name = "planned SI test"
        constraints = [
            between("order_of_day", 1, 500, "", "planned_si_test_order_of_day"),
            between("turn", 1, 500, "", "planned_si_test_turn"),
            RowRule(
                condition=~Q(state=PlannedState.PLANNED) | Q(state_reason=""), name="planned_si_test_reason_of_a_state",
                field="state_reason", sentence="{value}: the test is planned; leave this empty, or enter skipped or stopped.",
            ),
            RowRule(
                condition=Q(state=PlannedState.PLANNED) | ~Q(state_reason=""), name="planned_si_test_state_has_reason",
                field="state_reason", sentence="The test is {row.state}; say why.",
            ),
            one_per(
                "plan", "mouse", name="planned_si_test_once", field="mouse",
                sentence="{value} is in {row.plan} already; edit that planned test.",
            ),
            one_per(
                "plan", "order_of_day", name="planned_si_test_order_once", field="order_of_day",
                sentence="Place {value} of {row.plan} is taken; choose another.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse}, place {self.order_of_day} of {self.plan}"

    def clean(self) -> None:
        """Refuse a mouse of another cohort than that of the plan."""
        super().clean()
        if self.plan_id is None or self.mouse_id is None:
            return
        if self.mouse.cohort_id != self.plan.cohort_id:
            of = f"of cohort {self.mouse.cohort}" if self.mouse.cohort else "of no cohort"
            raise ValidationError(
                {"mouse": f"{self.mouse} is {of}, plan {self.plan} of {self.plan.cohort}; choose another mouse."}
            )
