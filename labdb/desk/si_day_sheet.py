"""The mice of a day of SI tests in their order: what is planned for each, and what is stored of it."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from analysis.kernels.phenotype import DEFEATED_GROUP
from labdb.behavior.models import PlannedSiTest, SiTestPlan, SocialInteractionTest
from labdb.behavior.si_planning import meetings, usable_targets, uses_on
from labdb.colony.models import Mouse, Sex
from labdb.colony.places import housings_on, place_words
from labdb.registry.natural_order import natural

TIMES = ("iz_absent_s", "corner_absent_s", "iz_present_s", "corner_present_s")


@dataclass(frozen=True)
class DayRow:
    """One mouse of the day; planned, tested, or both."""

    mouse: Mouse
    place: str
    planned: PlannedSiTest | None
    test: SocialInteractionTest | None
    met: dict[str, int]

    @property
    def order(self) -> int | None:
        """Its place in the order of the day."""
        return self.planned.order_of_day if self.planned else self.test.order_of_day if self.test else None

    @property
    def target(self) -> str:
        """The target that it is to have, or had where it was not planned."""
        one = self.planned.target if self.planned else self.test.target if self.test else None
        return one.code if one else ""

    @property
    def warning(self) -> str:
        """What speaks against the planned target; empty when nothing does."""
        return f"met {self.target} on day {self.met[self.target]}" if self.target in self.met else ""

    def for_script(self) -> dict[str, Any]:
        """Return what the page's script knows of the mouse."""
        planned, mouse = self.planned, self.mouse
        arena = planned.arena if planned else self.test.arena if self.test else None
        return {
            "id": mouse.pk,
            "code": mouse.code,
            "place": self.place,
            "order": self.order,
            "turn": planned.turn if planned else None,
            "arena": arena.name if arena else "",
            "target": self.target,
            "met": self.met,
            "is_female": mouse.sex == Sex.FEMALE,
            "is_called": mouse.group == DEFEATED_GROUP,
            "died": str(mouse.death_date or ""),
            "planned": spoken_plan(planned),
            "stored": spoken_test(self.test),
        }


def day_rows(plan: SiTestPlan) -> list[DayRow]:
    """Return the mice of a plan, and those that were tested before it replaced another, in the order of the day."""
    planned = {one.mouse_id: one for one in planned_of(plan)}
    tests = {test.mouse_id: test for test in tests_of(plan)}
    before = {pk for pk, test in tests.items() if test.test_at and timezone.localdate(test.test_at) == plan.test_date}
    mice = list(Mouse.objects.filter(pk__in=planned.keys() | before).select_related("study", "cohort"))
    housings = housings_on([mouse.pk for mouse in mice], plan.test_date)
    met: dict[str, dict[str, int]] = {}
    for (mouse, target), day in meetings([mouse.pk for mouse in mice]).items():
        met.setdefault(mouse, {})[target] = day
    rows = [
        DayRow(
            mouse,
            place_words(housings.get(mouse.pk)),
            planned.get(mouse.pk),
            tests.get(mouse.pk),
            met.get(mouse.code, {}),
        )
        for mouse in mice
    ]
    return sorted(rows, key=lambda row: (row.order or 0, natural(row.mouse.code)))


def planned_of(plan: SiTestPlan) -> Any:
    """Return the places of a plan."""
    return plan.planned_tests.select_related("mouse", "arena", "target")


def tests_of(plan: SiTestPlan) -> Any:
    """Return the stored tests that the plan is about, of each its first scoring."""
    tests = SocialInteractionTest.objects.filter(
        mouse__cohort=plan.cohort, test_number=plan.test_number, scoring_number=1
    )
    return tests.select_related("mouse", "arena", "target", "performed_by")


def spoken_plan(planned: PlannedSiTest | None) -> dict[str, Any] | None:
    """Return what became of a place, for the script."""
    if planned is None:
        return None
    return {
        "id": planned.pk, "version": planned.version, "state": planned.state, "reason": planned.state_reason,
    }  # fmt: skip


def spoken_test(test: SocialInteractionTest | None) -> dict[str, Any] | None:
    """Return a stored test, for the script."""
    if test is None:
        return None
    return {
        "id": test.pk,
        "version": test.version,
        "at": test.test_at.isoformat() if test.test_at else "",
        "trial_s": test.trial_s,
        **{name: getattr(test, name) for name in TIMES},
        "gap_min": test.gap_between_trials_min,
        "target": test.target.code if test.target else "",
        "estrous_stage": test.estrous_stage,
        "exclusion": test.exclusion_criterion,
        "notes": test.notes,
        "by": str(test.performed_by) if test.performed_by else "",
        "url": reverse("record-detail", args=["si-tests", test.pk]),
    }


def targets_of(plan: SiTestPlan, rows: list[DayRow]) -> list[dict[str, Any]]:
    """Return who can be a target that day, each with its uses outside these rows; the page counts its own."""
    uses = uses_on(plan.test_date)
    for row in rows:
        test = row.test
        if test and test.target and test.test_at and timezone.localdate(test.test_at) == plan.test_date:
            uses[test.target.code] -= 1
    codes = {one.code for one in usable_targets(plan.test_date)} | {row.target for row in rows if row.target}
    return [{"code": code, "used": uses.get(code, 0)} for code in sorted(codes, key=natural)]
