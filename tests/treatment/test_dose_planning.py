"""From arms and keys to syringes and doses: who gets which code on which days, out of which bottle."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labdb.accounts.models import User
from labdb.colony.models import Exclusion, Mouse, Study
from labdb.registry.plan_records import PlanRefused
from labdb.treatment.adherence import adherence_of, by_day
from labdb.treatment.dose_planning import DosePlan, plan_doses, store_dose_plan
from labdb.treatment.models import AllocationKey, Dose, Solution, SolutionKey, TreatmentComponent
from labdb.treatment.preparation import preparations
from tests.treatment.dosed_study import make_study, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def allocator(study: Study) -> User:
    return member(study, "alma", "allocator")


def plan(study: Study, user: User, **more: Any) -> DosePlan:
    """Return the plan from tomorrow on."""
    facts = {"day_1": timezone.localdate() + timedelta(days=1), "default_time": "09:00"}
    return plan_doses(study, None, user, **{**facts, **more})


def test_every_mouse_gets_a_code_for_each_span_in_which_no_arm_changes(study: Study, allocator: User) -> None:
    made = plan(study, allocator)
    assert (made.problems, made.warnings, made.spans) == ([], [], [(1, 13), (14, 14)])
    # 6 mice x 2 spans, 6 mice x 14 days
    assert store_dose_plan(made, allocator) == (12, 84)
    doses = Dose.objects.filter(mouse__code="M1").order_by("planned_at")
    codes = [dose.solution_code for dose in doses]
    assert len(set(codes[:13])) == 1
    assert codes[13] != codes[0]
    assert {(dose.status, dose.volume_ml_per_kg, dose.route, dose.volume_ml) for dose in doses} == {
        ("planned", 10, "i.p.", None)
    }
    first = timezone.localtime(doses[0].planned_at)
    assert (first.date(), f"{first:%H:%M}") == (timezone.localdate() + timedelta(days=1), "09:00")


def test_a_code_leads_to_the_bottle_of_the_mouses_arm_and_tells_nothing_else(study: Study, allocator: User) -> None:
    store_dose_plan(plan(study, allocator), allocator)
    arm_of = dict(AllocationKey.objects.values_list("allocation__mouse__code", "arm__name"))
    last_day = Dose.objects.order_by("-planned_at").values_list("planned_at", flat=True)[0]
    bottle = {key.code: key.solution.code for key in SolutionKey.objects.select_related("solution")}
    wanted = {"saline": "SAL1", "imipramine": "IMI1", "ketamine": "KET1"}
    for dose in Dose.objects.select_related("mouse"):
        arm = arm_of[dose.mouse.code]
        is_before = arm == "ketamine" and dose.planned_at < last_day
        assert bottle[dose.solution_code] == ("SAL1" if is_before else wanted[arm])
    keys = list(SolutionKey.objects.order_by("pk").values_list("code", flat=True))
    assert keys == sorted(keys)  # written in the order of what was drawn by chance
    assert all(len(code) == 5 and code[0].isalpha() and not {"I", "O", "0", "1"} & set(code) for code in keys)
    by_pk = Dose.objects.order_by("pk").values_list("planned_at", "mouse__code")
    assert list(by_pk) == sorted(by_pk)


def test_late_mice_are_planned_alone_and_who_cannot_be_dosed_is_counted(study: Study, allocator: User) -> None:
    Mouse.objects.filter(code="M2").update(death_date=timezone.localdate())
    Exclusion.objects.create(study=study, mouse=Mouse.objects.get(code="M3"), criterion="ill")
    key = AllocationKey.objects.get(allocation__code="X4")
    AllocationKey.objects.filter(pk=key.pk).delete()
    made = plan(study, allocator)
    assert [mouse.code for mouse in made.arm_of] == ["M1", "M5", "M6"]
    assert made.left_out == [("dead", 1), ("excluded", 1), ("not allocated", 1)]
    store_dose_plan(made, allocator)
    before = set(Dose.objects.values_list("pk", flat=True))
    AllocationKey.objects.create(study=study, allocation=key.allocation, arm=key.arm)
    late = plan(study, allocator)
    assert [mouse.code for mouse in late.arm_of] == ["M4"]
    store_dose_plan(late, allocator)
    assert set(Dose.objects.exclude(pk__in=before).values_list("mouse__code", flat=True)) == {"M4"}
    assert "No mouse is left to plan" in plan(study, allocator).problems[0]


def test_a_bottle_of_another_strength_is_refused_with_the_stock_that_would_fit(study: Study, allocator: User) -> None:
    Solution.objects.filter(code="IMI1").update(stock_mg_per_ml=20.0)  # ten times too strong
    made = plan(study, allocator)
    assert made.problems == [
        "Arm imipramine, part 1 (imipramine): no solution fits; 20 mg/kg of the salt in 10 ml/kg needs a stock of 2 mg/ml. "
        "IMI1 holds 20 mg/ml of the salt; 2 would fit."
    ]
    with pytest.raises(PlanRefused, match="no solution fits"):
        store_dose_plan(made, allocator)
    assert not Dose.objects.exists()
    assert not SolutionKey.objects.exists()


def test_a_bottle_that_ends_too_early_needs_a_reason_or_more_codes(study: Study, allocator: User) -> None:
    Solution.objects.filter(code="IMI1").update(expires_at=timezone.now() + timedelta(days=8))
    made = plan(study, allocator)
    assert len(made.warnings) == 2  # days 1-13 and 14
    assert "no solution is usable on all of days 1-13; IMI1 (usable until " in made.warnings[0]
    with pytest.raises(PlanRefused, match="usable on all of days"):
        store_dose_plan(made, allocator)
    weekly = plan(study, allocator, every_days=7)
    assert weekly.spans == [(1, 7), (8, 13), (14, 14)]
    assert len(weekly.warnings) == 2  # days 8-13 and 14
    assert store_dose_plan(weekly, allocator, "the next bottle is made on day 7") == (18, 84)


def test_two_injections_of_an_arm_at_one_time_and_a_part_without_volume_are_refused(
    study: Study, allocator: User
) -> None:
    part = TreatmentComponent.objects.get(arm__name="imipramine")
    TreatmentComponent.objects.create(
        study=study, arm=part.arm, part=2, drug=part.drug, day_to=3, time_of_day="09:00", route="i.p."
    )
    problems = plan(study, allocator).problems
    assert "Arm imipramine, day 1: 2 injections at 09:00; give its parts different times." in problems
    assert (
        "Arm imipramine, part 2 (imipramine): no volume is said; enter its ml/kg on the page of the arms." in problems
    )


def test_what_is_made_follows_from_masses_and_strengths(study: Study, allocator: User) -> None:
    store_dose_plan(plan(study, allocator), allocator)
    Solution.objects.filter(code="IMI1").update(drug_form="base", stock_mg_per_ml=2.0)
    key_of = {key.code: key.solution for key in SolutionKey.objects.select_related("solution__drug")}
    doses = [dose for dose in Dose.objects.select_related("mouse") if key_of[dose.solution_code].code == "IMI1"]
    masses = {dose.mouse_id: 25.0 for dose in doses}
    [made] = preparations(doses, key_of, masses, 20)
    # 2 mice x 14 days x 0.25 ml = 7 ml, and 20 % more: 8.4 ml of 2 mg/ml base = 16.8 mg base, x 316.87 / 280.41 = 18.984 mg
    assert (made.n_doses, len(made.syringes), made.mean_mass_g) == (28, 4, 25.0)
    assert made.drawn_ml == pytest.approx(7.0)
    assert made.made_ml == pytest.approx(8.4)
    assert made.weighed_mg == pytest.approx(18.984, abs=0.001)
    assert made.is_converted
    [unweighed] = preparations(doses, key_of, {}, 0)
    assert unweighed.n_unweighed == 4


def test_adherence_counts_what_was_due_and_what_became_of_it(study: Study, allocator: User) -> None:
    store_dose_plan(plan(study, allocator, day_1=timezone.localdate() - timedelta(days=3)), allocator, "late entry")
    first, second, third, *_later = Dose.objects.filter(mouse__code="M1").order_by("planned_at")
    Dose.objects.filter(pk=first.pk).update(status="given", given_at=first.planned_at, volume_ml=0.25)
    Dose.objects.filter(pk=second.pk).update(
        status="partial", given_at=second.planned_at, volume_ml=0.1, reason="leaked"
    )
    Dose.objects.filter(pk=third.pk).update(status="missed", reason="ill")
    own = Dose.objects.filter(mouse__code="M1")
    found = adherence_of(own)[first.mouse_id]
    assert (found.given, found.partial, found.missed, found.planned) == (1, 1, 1, 14)
    assert found.open + found.to_come == 11
    assert found.share == pytest.approx(100 / found.due)
    days, statuses = by_day(own)
    assert [statuses[first.mouse_id][day] for day in days[:4]] == ["given", "partial", "missed", "planned"]
