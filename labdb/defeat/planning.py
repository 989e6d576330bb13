"""From the records to a rotation and back: read what the planner must know, plan, store the plan with its bouts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from labdb.colony.models import Cage, Mouse
from labdb.defeat import course_facts
from labdb.defeat.aggressor_facts import AggressorFacts, all_facts
from labdb.defeat.models import DefeatBout, DefeatCourse, PlannedBout, RotationPlan, ScreeningRule
from labdb.defeat.rotation import ALGORITHM_VERSION, Rotation, plan_rotation
from labdb.registry.imports import import_dicts
from labdb.registry.natural_order import natural
from labdb.registry.plan_records import PlanRefused, Repeatable, stored_rows
from labdb.registry.record import record_for

MOST_NAMED = 10  # mice in a sentence; the rest are counted


@dataclass(frozen=True)
class PlanInputs(Repeatable):
    """All that decides a rotation."""

    mice: list[str]
    days: list[int]
    hardness: dict[str, float]
    met: list[tuple[str, str]]
    unavailable: list[tuple[str, int]]
    before: dict[str, float]
    daily_goal: float | None
    seed: int
    algorithm_version: str = field(default=ALGORITHM_VERSION)

    def plan(self) -> Rotation:
        """Make the plan; RotationError when there is none."""
        return plan_rotation(
            self.mice, list(self.hardness), self.days, met=self.met, unavailable=self.unavailable,
            hardness=self.hardness, before=self.before, daily_goal=self.daily_goal, seed=self.seed,
        )  # fmt: skip


def read_inputs(
    course: DefeatCourse, *, from_day: int, seed: int, rule: ScreeningRule | None, with_unscreened: bool = False
) -> PlanInputs:
    """Read mice, aggressors and who met whom; PlanRefused where something must be entered first.

    Parameters
    ----------
    with_unscreened : bool
        Take aggressors too that no session was entered for.
    """
    _refuse_unplannable(course, from_day)
    mice = [mouse for mouse in course_facts.course_mice(course) if mouse.death_date is None]
    if not mice:
        where = f"cohort {course.cohort}" if course.cohort else f"study {course.study}"
        raise PlanRefused(
            f"There is no living mouse of {where} to defeat; enter the mice, and their group if it is control."
        )
    _refuse_without_group(mice)
    facts = all_facts(rule)
    hardness = {one.code: round(one.hardness, 6) for one in facts}
    bouts = list(DefeatBout.objects.filter(mouse__in=mice).exclude(aggressor=None).select_related("mouse", "aggressor"))
    before: dict[str, float] = {}
    for bout in bouts:
        before[bout.mouse.code] = before.get(bout.mouse.code, 0.0) + hardness.get(bout.aggressor.code, 0.5)  # type: ignore[union-attr]
    days = list(range(from_day, course.days + 1))
    kept = [one for one in facts if one.has_passed or (with_unscreened and not one.sessions)]
    unavailable = {*_out_of_use(course, days, kept), *_elsewhere(course, days)}
    usable = [one.code for one in kept if any((one.code, day) not in unavailable for day in days)]
    return PlanInputs(
        mice=[mouse.code for mouse in mice],
        days=days,
        hardness={code: hardness[code] for code in usable},
        met=sorted({(bout.mouse.code, bout.aggressor.code) for bout in bouts}),  # type: ignore[union-attr]
        unavailable=sorted(pair for pair in unavailable if pair[0] in usable),
        before={code: round(total, 6) for code, total in sorted(before.items())},
        daily_goal=_goal_of_other_cohorts(course, hardness),
        seed=seed,
    )


def why_so_few(course: DefeatCourse, rule: ScreeningRule | None, *, with_unscreened: bool) -> str:
    """Say in a sentence where the aggressors are that a plan could not use, and what may be done about it."""
    facts = all_facts(rule)
    first_day = course.start_date or timezone.localdate()
    out_of_use = [one for one in facts if one.aggressor.unfit_on(first_day)]
    fit = [one for one in facts if one not in out_of_use]
    unscreened = [one for one in fit if not one.has_passed and not one.sessions]
    others = [one for one in fit if not one.has_passed and one.sessions]
    parts = (
        (len([one for one in fit if one.has_passed]), "passed the screening"),
        (len(unscreened), "were taken without one" if with_unscreened else "have none yet"),
        (len(others), "did not pass it so far"),
        (len(out_of_use), "are retired or resting"),
    )
    known = ", ".join(f"{number} {what}" for number, what in parts if number)
    advice = "screen them, or tick the box" if unscreened and not with_unscreened else "enter and screen more"
    return f"Of {len(facts)} aggressors known, {known}; {advice}." if facts else "No aggressor is entered yet."


def _refuse_unplannable(course: DefeatCourse, from_day: int) -> None:
    if course.first_day is None:
        raise PlanRefused(
            f"Enter the first day of course {course} first: who rests, is retired or fights elsewhere depends on the date."
        )
    if not 1 <= from_day <= course.days:
        raise PlanRefused(f"Day {from_day} is outside the days of course {course}; enter 1 to {course.days}.")
    done = course_facts.last_done_day(course)
    if from_day <= done:
        advice = f"plan from day {done + 1} on." if done < course.days else "the course is over."
        raise PlanRefused(f"Day {done} has bouts already, and what happened stays; {advice}")


def _refuse_without_group(mice: list[Mouse]) -> None:
    """Refuse mice that may yet turn out to be controls: these never meet an aggressor."""
    without = [mouse.code for mouse in mice if not mouse.group.strip()]
    if without:
        more = f" and {len(without) - MOST_NAMED} more" if len(without) > MOST_NAMED else ""
        one_has = len(without) == 1
        raise PlanRefused(
            f"{', '.join(without[:MOST_NAMED])}{more} {'has' if one_has else 'have'} no group, and a control never meets "
            f"an aggressor; enter the group of {'it' if one_has else 'each'}, such as defeated or control, then plan."
        )


def _out_of_use(course: DefeatCourse, days: list[int], known: list[AggressorFacts]) -> Iterator[tuple[str, int]]:
    for one in known:
        for day in days:
            if not one.aggressor.is_usable_on(course.date_of(day)):
                yield one.code, day


def _elsewhere(course: DefeatCourse, days: list[int]) -> Iterator[tuple[str, int]]:
    """Yield who fights in another course on the same date, in whatever study."""
    for other in DefeatCourse.objects.exclude(pk=course.pk).select_related("cohort"):
        on = {other.day_on(course.date_of(day)): day for day in days}  # type: ignore[arg-type]
        if set(on) == {None}:
            continue
        for (_mouse, its_day), planned in course_facts.planned_of(other).items():
            if its_day in on:
                yield planned.aggressor.code, on[its_day]


def _goal_of_other_cohorts(course: DefeatCourse, hardness: dict[str, float]) -> float | None:
    """Return how hard the mean bout was in the other courses of the study, so that cohorts are alike."""
    others = DefeatBout.objects.filter(course__study=course.study_id).exclude(course=course)
    met = [hardness[code] for code in others.values_list("aggressor__code", flat=True) if code in hardness]
    return round(sum(met) / len(met), 6) if met else None


def store_plan(
    course: DefeatCourse, inputs: PlanInputs, rotation: Rotation, *, rule: ScreeningRule | None, reason: str, user: Any
) -> RotationPlan:
    """Store a plan and its bouts through their forms, all or nothing; PlanRefused with the first sentence."""
    with transaction.atomic():
        made = {
            "course": course, "code": _free_code(course), "performed_at": timezone.now(), "from_day": inputs.days[0],
            "reason": reason, "screening_rule": rule, "seed": inputs.seed,
            "algorithm_version": inputs.algorithm_version, "input_digest": inputs.digest,
            "input_snapshot": inputs.snapshot,
        }  # fmt: skip
        plan = stored_rows(import_dicts(record_for(RotationPlan), [made], user=user, study=course.study, door="web"))[0]
        rows = list(_bout_rows(plan, rotation))
        stored_rows(import_dicts(record_for(PlannedBout), rows, user=user, study=course.study, door="web"))
    return plan


def _free_code(course: DefeatCourse) -> str:
    taken = set(RotationPlan.objects.filter(study=course.study_id).values_list("code", flat=True))
    number = 1 + course.rotation_plans.count()
    while f"{course.code}-P{number}" in taken:
        number += 1
    return f"{course.code}-P{number}"


def _bout_rows(plan: RotationPlan, rotation: Rotation) -> Iterator[dict[str, Any]]:
    """Yield the planned bouts; the place on the rack is that of the aggressor, who stays where it lives."""
    used = sorted(set(rotation.assignment.to_numpy().ravel()), key=natural)
    place_of = {code: place for place, code in enumerate(used, start=1)}
    cage_of = _cages(plan, used)
    mouse_of = {
        mouse.code: mouse for mouse in Mouse.objects.filter(study=plan.study_id).select_related("study", "cohort")
    }
    for mouse, row in rotation.assignment.iterrows():
        for day, code in row.items():
            yield {
                "plan": plan, "mouse": mouse_of[str(mouse)], "day": day, "aggressor": code,
                "place": place_of[code], "cage": cage_of.get(code),
            }  # fmt: skip


def _cages(plan: RotationPlan, aggressors: list[str]) -> dict[str, Cage]:
    """Return the cage of each aggressor: the one it last fought in at home, else the one that is called like it."""
    cage_of = {cage.code: cage for cage in Cage.objects.filter(study=plan.study_id, code__in=aggressors)}
    at_home = DefeatBout.objects.filter(study=plan.study_id, substituted=False, aggressor__code__in=aggressors)
    for bout in at_home.exclude(cage=None).order_by("performed_at").select_related("aggressor", "cage"):
        cage_of[bout.aggressor.code] = bout.cage  # type: ignore[union-attr,assignment]
    return cage_of
