"""From the records to a day of SI tests and back: read what the planner must know, plan, store the plan with its places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from labdb.behavior.models import Arena, PlannedSiTest, SiTestPlan, SocialInteractionTest
from labdb.behavior.si_order import ALGORITHM_VERSION, DayMouse, Place, plan_day
from labdb.colony.models import Cohort, Mouse
from labdb.colony.places import housings_on
from labdb.defeat.models import Aggressor, DefeatBout
from labdb.registry.imports import import_dicts
from labdb.registry.plan_records import PlanRefused, Repeatable, stored_rows
from labdb.registry.record import record_for


@dataclass(frozen=True)
class DayInputs(Repeatable):
    """All that decides a day of SI tests."""

    mice: list[DayMouse]
    arenas: list[str]
    targets: list[str]
    met: list[tuple[str, str]]
    seen: list[tuple[str, str]]
    used: dict[str, int]
    first_place: int
    may_know: bool
    seed: int
    algorithm_version: str = field(default=ALGORITHM_VERSION)

    def plan(self) -> list[Place]:
        """Make the plan; DayError when there is none."""
        return plan_day(
            self.mice, self.arenas, self.targets, met=self.met, seen=self.seen, used=self.used,
            may_know=self.may_know, seed=self.seed,
        )  # fmt: skip


def next_test_number(cohort: Cohort, day: date) -> int:
    """Return the number of the test that a cohort has next: the one begun that day or later goes on."""
    tests = SocialInteractionTest.objects.filter(mouse__cohort=cohort)
    latest = tests.aggregate(latest=Max("test_number"))["latest"]
    if latest is None:
        return 1
    goes_on = tests.filter(test_number=latest, test_at__date__gte=day).exists()
    return int(latest) + (not goes_on)


def plan_in_force(cohort: Cohort, test_number: int | None = None) -> SiTestPlan | None:
    """Return the latest plan of a cohort's test; without a number, of the test that was planned last."""
    plans = SiTestPlan.objects.filter(cohort=cohort).select_related("cohort", "study")
    if test_number is not None:
        plans = plans.filter(test_number=test_number)
    return plans.order_by("performed_at", "pk").last()


def usable_targets(day: date) -> list[Aggressor]:
    """Return the aggressors that are there on a day, and neither rest nor are retired."""
    return [one for one in Aggressor.objects.all() if one.is_usable_on(day)]


def uses_on(day: date) -> dict[str, int]:
    """Return how often each target was used on a day, in whatever study."""
    tests = SocialInteractionTest.objects.filter(test_at__date=day, scoring_number=1).exclude(target=None)
    counted = tests.order_by().values_list("target__code").annotate(n=Count("pk"))
    return {code: n for code, n in counted if code is not None}


def meetings(mice: Sequence[int]) -> dict[tuple[str, str], int]:
    """Return whom mice (primary keys) met in bouts, witnessed ones too, with the first day of it."""
    bouts = DefeatBout.objects.filter(mouse__in=mice).exclude(aggressor=None).order_by("-day")
    return {
        (mouse, str(target)): day for mouse, target, day in bouts.values_list("mouse__code", "aggressor__code", "day")
    }


def mice_to_test(cohort: Cohort, test_number: int, day: date) -> QuerySet[Mouse]:
    """Return the mice of a cohort that live that day, are not excluded, and have not had this test."""
    tested = SocialInteractionTest.objects.filter(mouse__cohort=cohort, test_number=test_number).values("mouse")
    living = Mouse.objects.filter(Q(death_date=None) | Q(death_date__gt=day), cohort=cohort, exclusions=None)
    return living.exclude(pk__in=tested)


def read_inputs(
    cohort: Cohort, *, test_number: int, day: date, arenas: Sequence[Arena], seed: int, may_know: bool = False
) -> DayInputs:
    """Read mice, arenas, targets and who knows whom; PlanRefused where nobody is left to be tested."""
    mice = list(mice_to_test(cohort, test_number, day))
    if not mice:
        raise PlanRefused(
            f"No living mouse of cohort {cohort} is without SI test {test_number}; choose another test number, or enter the mice."
        )
    ids = [mouse.pk for mouse in mice]
    housings = housings_on(ids, day)
    targets = {one.code for one in usable_targets(day)}
    earlier = SocialInteractionTest.objects.filter(mouse__in=ids).exclude(target=None)
    seen = earlier.values_list("mouse__code", "target__code").distinct()
    done = SocialInteractionTest.objects.filter(mouse__cohort=cohort, test_number=test_number, test_at__date=day)
    return DayInputs(
        mice=[
            DayMouse(mouse.code, mouse.group, _cage(housings.get(mouse.pk)))
            for mouse in sorted(mice, key=lambda mouse: mouse.code)
        ],
        arenas=sorted(arena.name for arena in arenas),
        targets=sorted(targets),
        met=sorted(pair for pair in meetings(ids) if pair[1] in targets),
        seen=sorted((mouse, str(target)) for mouse, target in seen if target in targets),
        used=dict(sorted((code, n) for code, n in uses_on(day).items() if code in targets)),
        first_place=1 + (done.aggregate(last=Max("order_of_day"))["last"] or 0),
        may_know=may_know,
        seed=seed,
    )


def _cage(housing: Any) -> str:
    return housing.cage.code if housing is not None and housing.cage is not None else ""


def store_plan(cohort: Cohort, inputs: DayInputs, places: Sequence[Place], *, user: Any, **facts: Any) -> SiTestPlan:
    """Store a plan and its places through their forms, all or nothing; PlanRefused with the first sentence.

    Parameters
    ----------
    **facts
        The other fields of the plan: ``test_number``, ``test_date``, ``trial_s``, ``reason`` ...
    """
    study = cohort.study
    with transaction.atomic():
        made = {
            "cohort": cohort, "code": _free_code(cohort, facts["test_number"]), "performed_at": timezone.now(),
            "seed": inputs.seed, "algorithm_version": inputs.algorithm_version, "input_digest": inputs.digest,
            "input_snapshot": inputs.snapshot, **facts,
        }  # fmt: skip
        plan = stored_rows(import_dicts(record_for(SiTestPlan), [made], user=user, study=study, door="web"))[0]
        rows = list(_rows(plan, inputs, places))
        stored_rows(import_dicts(record_for(PlannedSiTest), rows, user=user, study=study, door="web"))
    return plan


def _free_code(cohort: Cohort, test_number: int) -> str:
    taken = set(SiTestPlan.objects.filter(study=cohort.study_id).values_list("code", flat=True))
    number = 1
    while f"{cohort.code}-T{test_number}-P{number}" in taken:
        number += 1
    return f"{cohort.code}-T{test_number}-P{number}"


def _rows(plan: SiTestPlan, inputs: DayInputs, places: Sequence[Place]) -> Iterator[dict[str, Any]]:
    mouse_of = {
        mouse.code: mouse for mouse in Mouse.objects.filter(cohort=plan.cohort).select_related("study", "cohort")
    }
    for place in places:
        yield {
            "plan": plan, "mouse": mouse_of[place.mouse], "order_of_day": inputs.first_place + place.order - 1,
            "turn": place.turn, "arena": place.arena, "target": place.target,
        }  # fmt: skip
