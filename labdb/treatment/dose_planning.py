"""From arms and keys to syringes and doses: who gets which code on which days, out of which bottle.

A syringe's code is of one mouse and one span of days, drawn by chance; all arms change codes on the same days.
"""

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from labdb.colony.models import Cohort, Mouse, Study
from labdb.registry.imports import import_dicts
from labdb.registry.natural_order import natural
from labdb.registry.plan_records import PlanRefused, stored_rows
from labdb.registry.record import record_for
from labdb.treatment.component_findings import parts_of
from labdb.treatment.dosing_schedule import Part, by_arm, days_of, injections_on, intervals, spelled_days
from labdb.treatment.models import (
    Allocation,
    AllocationKey,
    Dose,
    Solution,
    SolutionKey,
    TreatmentArm,
    TreatmentComponent,
)
from labdb.treatment.solution_choice import Bottle, stock_sentence, why_not

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I and O: they are read as 1 and 0
SIGNS = LETTERS + "23456789"
LENGTH = 5

Span = tuple[int, int]


@dataclass(frozen=True)
class Filling:
    """What one part puts into syringes over a span of days."""

    part: Part
    span: Span
    slot: int  # of the day: 0 is its first injection
    solution: Any


@dataclass
class DosePlan:
    """Syringes and doses that could be planned, or why not.

    Attributes
    ----------
    arm_of : dict of Mouse to str
        Who is planned, in the order of their codes.
    left_out : list of (str, int)
        Why mice are not planned, and how many.
    problems, warnings : list of str
        What refuses the plan; what lets it in only with a reason.
    """

    study: Study
    day_1: date
    default_time: str
    parts: list[Part]
    arm_of: dict[Any, str]
    left_out: list[tuple[str, int]]
    spans: list[Span]
    fillings: dict[tuple[str, Span, int], Filling] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def date_of(self, day: int) -> date:
        """Return the date of a day of treatment."""
        return self.day_1 + timedelta(days=day - 1)

    def at(self, part: Part, day: int) -> datetime:
        """Return when a part is due on a day."""
        due = time.fromisoformat(part.time_of_day[:5] or self.default_time)
        return timezone.make_aware(datetime.combine(self.date_of(day), due))

    def syringes(self) -> Iterator[tuple[Any, Filling]]:
        """Yield each mouse with each of its syringes' contents."""
        for mouse, arm in self.arm_of.items():
            for (name, _span, _slot), filling in self.fillings.items():
                if name == arm:
                    yield mouse, filling

    @property
    def n_doses(self) -> int:
        """How many doses it plans."""
        return sum(filling.span[1] - filling.span[0] + 1 for _mouse, filling in self.syringes())


def plan_doses(
    study: Study, cohort: Cohort | None, user: Any, *, day_1: date, default_time: str, every_days: int | None = None
) -> DosePlan:
    """Return what can be planned for the mice of a study, or of one cohort, that have a key and no dose yet.

    Parameters
    ----------
    default_time : str
        Of parts that say none, such as 09:00.
    every_days : int, optional
        New codes after so many days: for solutions that are made anew.
    """
    components = TreatmentComponent.objects.all().visible_to(user).filter(study=study).select_related("arm", "drug")
    parts = parts_of(list(components.order_by("arm", "part")))
    arm_of, left_out = _mice(study, cohort, user, {part.arm for part in parts if part.is_injection})
    spans = intervals(parts, every_days)
    plan = DosePlan(study, day_1, default_time, parts, arm_of, left_out, spans)
    if not arm_of:
        plan.problems.append(
            "No mouse is left to plan: each needs an allocation with its key, an arm with injections, and no dose yet."
        )
    _fill(plan, user)
    return plan


def _mice(
    study: Study, cohort: Cohort | None, user: Any, injected: set[str]
) -> tuple[dict[Any, str], list[tuple[str, int]]]:
    mice = Mouse.objects.filter(study=study).select_related("study", "cohort")
    chosen = list(mice.filter(cohort=cohort) if cohort is not None else mice)
    ids = [mouse.pk for mouse in chosen]
    holding = Allocation.objects.filter(Allocation.holding(), study=study)
    keys = AllocationKey.objects.all().visible_to(user).filter(allocation__in=holding)
    arms = dict(keys.values_list("allocation__mouse", "arm__name"))
    dosed = set(Dose.objects.filter(mouse__in=ids).values_list("mouse", flat=True))
    excluded = set(mice.filter(pk__in=ids, exclusions__isnull=False).values_list("pk", flat=True))
    left_out: Counter[str] = Counter()
    arm_of = {}
    for mouse in sorted(chosen, key=lambda one: natural(one.code)):
        reasons = {
            "not allocated": mouse.pk not in arms, "dead": mouse.death_date is not None,
            "excluded": mouse.pk in excluded, "planned already": mouse.pk in dosed,
            "in an arm without injections": arms.get(mouse.pk) not in injected,
        }  # fmt: skip
        reason = next((words for words, holds in reasons.items() if holds), "")
        if reason:
            left_out[reason] += 1
        else:
            arm_of[mouse] = arms[mouse.pk]
    return arm_of, sorted(left_out.items())


def _fill(plan: DosePlan, user: Any) -> None:
    """Choose a bottle for each part and span of the arms that are planned."""
    solutions = Solution.objects.all().visible_to(user).filter(study=plan.study).select_related("drug")
    bottles = [(solution, bottle_of(solution)) for solution in solutions]
    arms = by_arm(plan.parts)
    for arm in sorted(set(plan.arm_of.values())):
        plan.problems += _at_one_time(plan, arm, arms[arm])
        for span in plan.spans:
            for slot, part in enumerate(injections_on(arms[arm], span[0])):
                solution = _chosen(plan, part, span, bottles)
                if solution is not None:
                    plan.fillings[arm, span, slot] = Filling(part, span, slot, solution)
    plan.problems = list(dict.fromkeys(plan.problems))


def bottle_of(solution: Any) -> Bottle:
    """Return what is asked of a solution before it is chosen."""
    drug = solution.drug
    return Bottle(
        solution.code, drug.name, solution.stock_mg_per_ml, solution.drug_form, drug.molar_mass_g_per_mol,
        drug.base_molar_mass_g_per_mol,
    )  # fmt: skip


def _at_one_time(plan: DosePlan, arm: str, parts: list[Part]) -> Iterator[str]:
    for day in days_of(parts):
        due = Counter(part.time_of_day[:5] or plan.default_time for part in injections_on(parts, day))
        if twice := [at for at, n in due.items() if n > 1]:
            yield f"Arm {arm}, day {day}: {due[twice[0]]} injections at {twice[0]}; give its parts different times."
            return


def _chosen(plan: DosePlan, part: Part, span: Span, bottles: list[tuple[Any, Bottle]]) -> Any:
    """Return the newest bottle that fits and is usable on all days of a span, else the newest that fits."""
    place = f"Arm {part.arm}, part {part.part} ({part.drug})"
    if not part.volume_ml_per_kg:
        plan.problems.append(f"{place}: no volume is said; enter its ml/kg on the page of the arms.")
        return None
    refusals = [(solution, why_not(part, bottle)) for solution, bottle in bottles if bottle.drug == part.drug]
    fitting = [solution for solution, refusal in refusals if not refusal]
    if not fitting:
        said = " ".join(refusal for _solution, refusal in refusals[:3])
        plan.problems.append(f"{place}: no solution fits; {stock_sentence(part)}. {said}".rstrip())
        return None
    first, last = plan.at(part, span[0]), plan.at(part, span[1])
    newest = sorted(fitting, key=lambda one: (one.prepared_at is not None, one.prepared_at, one.pk))
    usable = [one for one in newest if _is_usable(one, first, last)]
    if usable:
        return usable[-1]
    days = spelled_days(range(span[0], span[1] + 1))
    until = newest[-1].expires_at
    ends = f" (usable until {timezone.localtime(until):%Y-%m-%d %H:%M})" if until else ""
    plan.warnings.append(
        f"{place}: no solution is usable on all of {days}; {newest[-1].code}{ends} is taken for now. Let codes change as often as it is made anew, and say then from which bottle they are filled."
    )
    return newest[-1]


def _is_usable(solution: Any, first: datetime, last: datetime) -> bool:
    is_ready = solution.prepared_at is None or solution.prepared_at <= first
    return is_ready and (solution.expires_at is None or last <= solution.expires_at)


def store_dose_plan(plan: DosePlan, user: Any, reason: str = "") -> tuple[int, int]:
    """Store keys and doses through their forms, all or nothing; return how many of each.

    Rows are written in the order of their codes and of the days: no number of a row follows the arms.
    """
    refusal = next(iter(plan.problems or ([] if reason.strip() else plan.warnings)), "")
    if refusal:
        raise PlanRefused(refusal)
    coded = sorted(zip(_new_codes(plan), plan.syringes(), strict=True), key=lambda one: one[0])
    keys = [{"code": code, "solution": filling.solution} for code, (_mouse, filling) in coded]
    doses = [
        {
            "mouse": mouse, "planned_at": plan.at(filling.part, day), "status": "planned", "solution_code": code,
            "volume_ml_per_kg": filling.part.volume_ml_per_kg, "route": filling.part.route,
        }
        for code, (mouse, filling) in coded
        for day in range(filling.span[0], filling.span[1] + 1)
    ]  # fmt: skip
    doses.sort(key=lambda dose: (dose["planned_at"], natural(dose["mouse"].code)))
    said: dict[str, Any] = {"user": user, "study": plan.study, "door": "web", "reason": reason}
    with transaction.atomic():
        stored_rows(import_dicts(record_for(SolutionKey), keys, **said))
        stored_rows(import_dicts(record_for(Dose), doses, **said))
    return len(keys), len(doses)


def _new_codes(plan: DosePlan) -> Sequence[str]:
    """Return as many codes as there are syringes, by chance, none of which names anything in the study yet."""
    n_needed = sum(1 for _one in plan.syringes())
    taken = {
        code
        for model in (SolutionKey, Allocation, Mouse)
        for code in model._default_manager.filter(study=plan.study).values_list("code", flat=True)
    }
    codes: list[str] = []
    while len(codes) < n_needed:
        code = secrets.choice(LETTERS) + "".join(secrets.choice(SIGNS) for _sign in range(LENGTH - 1))
        if code not in taken:
            taken.add(code)
            codes.append(code)
    return codes


def arms_of(study: Study, user: Any) -> list[Any]:
    """Return the arms of a study that the account may see, with their components, by name."""
    arms = TreatmentArm.objects.all().visible_to(user).filter(study=study)
    found = list(arms.prefetch_related("components__drug"))
    return sorted(found, key=lambda arm: natural(arm.name))
