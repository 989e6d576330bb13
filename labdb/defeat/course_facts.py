"""A course as it stands: its mice, what was done, and what is planned for the days to come."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from analysis.kernels.phenotype import CONTROL_GROUP
from labdb.colony.models import Mouse
from labdb.defeat.models import ControlRotation, DefeatBout, DefeatCourse, PlannedBout, RotationPlan
from labdb.registry.natural_order import natural

WITNESS_GROUP = "witness"


@dataclass(frozen=True)
class Meeting:
    """One cell of the course: what is planned, what was done, or both."""

    day: int
    planned: PlannedBout | None = None
    bout: DefeatBout | None = None

    @property
    def aggressor(self) -> Any:
        """The one that it met, else the one that it is to meet."""
        return self.bout.aggressor if self.bout else self.planned.aggressor if self.planned else None


def course_mice(course: DefeatCourse) -> list[Mouse]:
    """Return the mice that the course defeats, by code: those of its cohort that are no controls, alive or not."""
    mice = _mice_of(course).exclude(group__in=[CONTROL_GROUP, WITNESS_GROUP])
    return sorted(mice, key=lambda mouse: natural(mouse.code))


def course_controls(course: DefeatCourse) -> list[Mouse]:
    """Return the living controls of the course's cohort, by code."""
    controls = _mice_of(course).filter(group=CONTROL_GROUP, death_date=None)
    return sorted(controls, key=lambda mouse: natural(mouse.code))


def _mice_of(course: DefeatCourse) -> QuerySet[Mouse]:
    mice = Mouse.objects.filter(study=course.study_id).select_related("cohort", "study")
    return mice.filter(cohort=course.cohort_id) if course.cohort_id else mice


def bouts_of(course: DefeatCourse, mice: Iterable[Mouse]) -> dict[tuple[int, int], DefeatBout]:
    """Return the stored bouts of these mice by mouse and day; those that name no course count as well."""
    mine = DefeatBout.objects.filter(Q(course=course) | Q(course=None), mouse__in=[mouse.pk for mouse in mice])
    return {
        (bout.mouse_id, bout.day): bout for bout in mine.select_related("mouse", "aggressor", "cage", "performed_by")
    }


def plan_by_day(course: DefeatCourse) -> dict[int, RotationPlan]:
    """Return the plan in force on each day: the latest that covers it."""
    in_force: dict[int, RotationPlan] = {}
    for plan in course.rotation_plans.order_by("performed_at", "pk"):
        in_force |= dict.fromkeys(range(plan.from_day, course.days + 1), plan)
    return in_force


def planned_of(course: DefeatCourse) -> dict[tuple[int, int], PlannedBout]:
    """Return the planned bouts in force by mouse and day."""
    in_force = {day: plan.pk for day, plan in plan_by_day(course).items()}
    planned = PlannedBout.objects.filter(plan__in=set(in_force.values()))
    rows = planned.select_related("mouse__study", "aggressor", "cage")
    return {(row.mouse_id, row.day): row for row in rows if in_force.get(row.day) == row.plan_id}


def met_partners(controls: Iterable[Mouse], before_day: int) -> dict[tuple[str, str], int]:
    """Return how often each pair of controls lived side by side before a day of the course."""
    moves = ControlRotation.objects.filter(mouse__in=[mouse.pk for mouse in controls], day__lt=before_day)
    days: dict[frozenset[str], set[int]] = {}
    for mouse, partner, day in moves.values_list("mouse__code", "partner__code", "day"):
        days.setdefault(frozenset((mouse, partner)), set()).add(day)
    return {(min(pair), max(pair)): len(on) for pair, on in days.items()}


def last_done_day(course: DefeatCourse) -> int:
    """Return the last day that has a stored bout; 0 before the first."""
    days = [day for _mouse, day in bouts_of(course, course_mice(course))]
    return max(days, default=0)
