"""A list becomes codes and a key, goes on with late entrants, is replaced for a reason, and repeats."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from labdb.accounts.models import User
from labdb.colony.models import Cage, Cohort, Exclusion, Housing, Mouse, Study, Weighing
from labdb.registry.imports import import_dicts, import_table
from labdb.registry.plan_records import PlanRefused
from labdb.registry.record import record_for
from labdb.treatment.allocating import Follows, ListInputs, store_list, store_vehicle
from labdb.treatment.eligibility import Call, Wanted, candidates, cuts_of, with_levels
from labdb.treatment.models import Allocation, AllocationKey, Dose, Randomization, TreatmentArm
from labdb.treatment.randomization import MINIMIZATION, STRATIFIED, Design, RandomizationError
from labdb.treatment.repeating import continued_inputs, repeat

pytestmark = pytest.mark.django_db
SUSCEPTIBLE = Wanted(("susceptible",), (), ("cohort", "SI ratio tertile"))
DESIGN = Design(MINIMIZATION, ("saline", "imipramine", "ketamine"), (1, 1, 1), ("cohort", "SI ratio tertile"))


@pytest.fixture
def user() -> User:
    return User.objects.create_superuser("alma", password="a long password")


@pytest.fixture
def study() -> Study:
    study = Study.objects.create(code="S1", title="one")
    for name in DESIGN.arms:
        TreatmentArm.objects.create(study=study, name=name, is_vehicle=name == "saline")
    add_mice(study, 1, 18)
    return study


def add_mice(study: Study, first: int, last: int) -> None:
    for number in range(first, last + 1):
        cohort, _ = Cohort.objects.get_or_create(study=study, code=f"C{1 + number % 2}")
        Mouse.objects.create(
            study=study, code=f"M{number}", group="defeated", cohort=cohort, sex="M", birth_date="2025-01-01"
        )


def calls_of(study: Study, **others: str) -> dict[int, Call]:
    """Every mouse susceptible, with a ratio of its own, but for those named."""
    return {
        mouse.pk: Call(others.get(mouse.code, "susceptible"), int(mouse.code[1:]) / 40, "2025-05-01")
        for mouse in Mouse.objects.filter(study=study)
    }


def inputs_of(
    study: Study, calls: dict[int, Call] | None = None, *, free: Any = (), design: Design = DESIGN
) -> ListInputs:
    found = candidates(study, calls_of(study) if calls is None else calls, SUSCEPTIBLE, free=free)
    mice = [one.facts for one in found if not one.why_not]
    cuts = cuts_of(mice, design.factors)
    return ListInputs(design, tuple(with_levels(mice, design.factors, cuts)), cuts)


def arms_of(randomization: Randomization) -> dict[str, str]:
    keys = AllocationKey.objects.filter(allocation__randomization=randomization)
    return dict(keys.values_list("allocation__mouse__code", "arm__name"))


def add_late(study: Study, before: Randomization, user: User, first: int, last: int) -> Randomization:
    add_mice(study, first, last)
    late = [one.facts for one in candidates(study, calls_of(study), SUSCEPTIBLE) if not one.why_not]
    return store_list(study, continued_inputs(before, late), seed=None, user=user, follows=Follows(continues=before))


def test_who_is_eligible_and_why_others_are_not_is_said(study: Study):
    today = timezone.localdate()
    Mouse.objects.filter(code="M1").update(death_date=today)
    Exclusion.objects.create(study=study, mouse=Mouse.objects.get(code="M2"), criterion="fight wound")
    Allocation.objects.create(study=study, mouse=Mouse.objects.get(code="M3"), code="KKKK")
    calls = calls_of(study, M4="resilient")
    calls[Mouse.objects.get(code="M5").pk] = Call("susceptible", None, "2025-05-01")
    del calls[Mouse.objects.get(code="M6").pk]
    mouse, cage = Mouse.objects.get(code="M7"), Cage.objects.create(study=study, code="K1")
    Housing.objects.create(study=study, mouse=mouse, cage=cage, housed_from="2025-02-01")
    for days, mass in ((9, 22.0), (2, 23.5)):
        Weighing.objects.create(
            study=study, mouse=mouse, body_mass_g=mass, performed_at=timezone.now() - timedelta(days=days)
        )
    found = {
        one.mouse.code: one
        for one in candidates(study, calls, Wanted(("susceptible",), ("C2",), ("SI ratio tertile",)))
    }
    assert {code: one.why_not for code, one in found.items() if one.why_not and "not chosen" not in one.why_not} == {
        "M1": f"died on {today}", "M2": "excluded: fight wound", "M3": "allocated as KKKK", "M4": "resilient",
        "M5": "SI ratio is not known", "M6": "not called",
    }  # fmt: skip
    assert found["M8"].why_not == "cohort C1 is not chosen"
    seven = found["M7"].facts
    assert (seven.cage, seven.body_mass_g, seven.si_ratio, seven.day, seven.sex) == (
        "K1",
        23.5,
        7 / 40,
        "2025-05-01",
        "M",
    )
    assert list(found) == [f"M{number}" for number in range(1, 19)]


def test_a_list_is_stored_with_its_inputs_and_repeats(study: Study, user: User):
    Randomization.objects.create(study=Study.objects.create(code="S2"), code="R1")  # numbers are of a study
    inputs = inputs_of(study)
    stored = store_list(study, inputs, seed=11, user=user, eligibility=SUSCEPTIBLE.words("4"), phenotype_run="4")
    stored.refresh_from_db()
    assert (stored.code, stored.seed, stored.method) == ("R1", 11, "minimization")
    assert stored.ratio == "saline 1; imipramine 1; ketamine 1"
    assert stored.parameters == "best arm with probability 0.8; range; weights cohort 1, SI ratio tertile 1; seed typed"
    assert stored.eligibility == "susceptible by run 4; alive, not excluded, not allocated"
    assert ListInputs.of_snapshot(stored.input_snapshot) == inputs
    assert arms_of(stored) == inputs.draw(11).by_mouse
    again = repeat(stored)
    assert (again.is_same, again.sentence) == (True, "The same list, 18 of 18.")
    # Mice and arms that were renamed since are still the same ones.
    Mouse.objects.filter(code="M3").update(code="M300")
    TreatmentArm.objects.filter(name="ketamine").update(name="ketamine 10")
    assert repeat(stored).is_same
    # Somebody who writes another arm into the key is found out.
    key = AllocationKey.objects.filter(allocation__randomization=stored).exclude(arm__name="saline").first()
    AllocationKey.objects.filter(pk=key.pk).update(arm=TreatmentArm.objects.get(name="saline"))
    found = repeat(stored)
    assert found.sentence == "Not the same list: 17 of 18 mice have the arm that was drawn."
    assert f"{key.allocation.mouse} was drawn for" in found.differences[0]
    assert "and has saline by the key" in found.differences[0]


def test_codes_and_their_order_tell_nothing_of_mouse_or_arm(study: Study, user: User):
    add_mice(study, 19, 90)
    stored = store_list(study, inputs_of(study), seed=5, user=user)
    rows = list(
        AllocationKey.objects.filter(allocation__randomization=stored)
        .order_by("pk")
        .select_related("allocation__mouse", "arm")
    )
    codes = [key.allocation.code for key in rows]
    assert codes == sorted(codes)  # rows stand in the order of random codes
    assert [key.allocation_id for key in rows] == sorted(key.allocation_id for key in rows)
    order = [int(key.allocation.mouse.code[1:]) for key in rows]
    assert order not in (sorted(order), sorted(order, reverse=True))
    places: dict[str, list[int]] = {}
    for place, key in enumerate(rows):
        places.setdefault(key.arm.name, []).append(place)
    # Mean places of 30 of 90 rows: 44.5 +- 3.9 by chance; a table written arm by arm has 14.5, 44.5 and 74.5.
    assert all(abs(sum(some) / len(some) - 44.5) < 5 * 3.9 for some in places.values())


def test_late_entrants_continue_the_list_and_leave_the_old_one(study: Study, user: User):
    first = store_list(study, inputs_of(study), seed=3, user=user)
    before = arms_of(first)
    second = add_late(study, first, user, 19, 24)
    assert (second.code, second.continues, second.seed) == ("R2", first, 3)
    assert arms_of(first) == before
    assert set(arms_of(second)) == {f"M{number}" for number in range(19, 25)}
    assert repeat(second).sentence == "The same list, 24 of 24."
    assert ListInputs.of_snapshot(second.input_snapshot).cuts == ListInputs.of_snapshot(first.input_snapshot).cuts
    with pytest.raises(PlanRefused, match="R1 goes on in R2; late entrants go there"):
        add_late(study, first, user, 25, 26)
    third = add_late(study, second, user, 27, 28)
    assert repeat(third).n == 28
    with pytest.raises(PlanRefused, match="No mouse is eligible that is not in R3 yet"):
        continued_inputs(third, [])


def test_a_new_randomization_needs_a_reason_and_keeps_the_old_list(study: Study, user: User):
    first = store_list(study, inputs_of(study), seed=3, user=user)
    second = add_late(study, first, user, 19, 24)
    old = {**arms_of(first), **arms_of(second)}
    Mouse.objects.filter(code="M1").update(death_date=timezone.localdate())
    inputs = inputs_of(study, free=[first.pk, second.pk])
    assert len(inputs.mice) == 23
    with pytest.raises(PlanRefused, match="Say why R2 is replaced"):
        store_list(study, inputs, seed=4, user=user, follows=Follows(replaces=second))
    assert Allocation.objects.filter(superseded_by=None).count() == 24
    third = store_list(study, inputs, seed=4, user=user, follows=Follows(replaces=second, reason="wrong factor"))
    assert len(arms_of(third)) == 23
    assert {**arms_of(first), **arms_of(second)} == old
    assert repeat(first).is_same
    assert set(Allocation.objects.filter(superseded_by=third).values_list("mouse__code", flat=True)) == set(old)
    assert Allocation.objects.filter(Allocation.holding()).count() == 23
    with pytest.raises(PlanRefused, match="R2 was replaced by R3; late entrants go there"):
        continued_inputs(second, inputs.mice)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("given", "was dosed as .* already, so that its allocation stays"),
        ("planned", "are planned by .* delete the planned"),
    ],
)
def test_a_list_that_was_dosed_by_is_not_replaced(study: Study, user: User, status: str, sentence: str):
    first = store_list(study, inputs_of(study), seed=3, user=user)
    at = timezone.now()
    Dose.objects.create(
        study=study,
        mouse=Mouse.objects.get(code="M9"),
        planned_at=at,
        status=status,
        given_at=at if status == "given" else None,
    )
    inputs = inputs_of(study, free=[first.pk])
    with pytest.raises(PlanRefused, match=f"M9.*{sentence}|{sentence}"):
        store_list(study, inputs, seed=4, user=user, follows=Follows(replaces=first, reason="again"))
    assert not Randomization.objects.filter(replaces=first).exists()
    assert not Allocation.objects.exclude(superseded_by=None).exists()


def test_a_mouse_is_in_one_arm_at_a_time_on_every_door(study: Study, user: User):
    first = store_list(study, inputs_of(study), seed=3, user=user)
    row = {"mouse": "M9", "code": "ZZZZ", "randomization": "R1"}
    report = import_dicts(record_for(Allocation), [row], user=user, study=study)
    assert "M9 is already allocated; a mouse is in one arm at a time." in str(report.refusals()[0])
    with pytest.raises(IntegrityError), transaction.atomic():
        Allocation.objects.create(study=study, mouse=Mouse.objects.get(code="M9"), code="ZZZZ")
    with pytest.raises(ValidationError, match="cannot follow itself"):
        first.continues = first
        first.clean()


def test_two_rows_of_one_sheet_allocate_a_mouse_once(study: Study, user: User):
    rows = [{"mouse": "M9", "code": "Z1"}, {"mouse": "M9", "code": "Z2"}]
    report = import_dicts(record_for(Allocation), rows, user=user, study=study)
    assert "have the same mouse" in str(report.refusals()[0])


def test_controls_and_resilient_mice_get_vehicle_without_randomization(study: Study, user: User):
    saline = TreatmentArm.objects.get(name="saline")
    assert store_vehicle(study, ["M1", "M2"], saline, user=user) == 2
    keys = AllocationKey.objects.filter(allocation__randomization=None)
    assert set(keys.values_list("allocation__mouse__code", "arm__name")) == {("M1", "saline"), ("M2", "saline")}
    with pytest.raises(PlanRefused, match="M1 is already allocated"):
        store_vehicle(study, ["M1"], saline, user=user)


def test_a_list_that_was_not_drawn_here_or_was_changed_does_not_repeat(study: Study, user: User):
    by_hand = Randomization.objects.create(study=study, code="R1", method="envelopes", seed=1)
    with pytest.raises(PlanRefused, match="It was not drawn here"):
        repeat(by_hand)
    stored = store_list(study, inputs_of(study), seed=3, user=user)
    stored.input_snapshot = stored.input_snapshot.replace('"M9"', '"M8"')
    with pytest.raises(PlanRefused, match="The inputs of R2 do not have its digest"):
        repeat(stored)


def test_what_cannot_be_drawn_stores_nothing(study: Study, user: User):
    design = Design(STRATIFIED, DESIGN.arms, (1, 1, 1), ("cohort", "SI ratio tertile"), block_sizes=(3,))
    Mouse.objects.filter(code="M1").update(cohort=Cohort.objects.create(study=study, code="C9"))
    with pytest.raises(RandomizationError, match="The stratum C9, low SI ratio has one mouse"):
        store_list(study, inputs_of(study, design=design), seed=1, user=user)
    assert not Randomization.objects.exists()


def test_lists_that_follow_each_other_come_in_by_one_file_in_any_order(study: Study, user: User):
    def table(*lines: str) -> Any:
        header = "code,method,continues,replaces,reason"
        content = "\n".join([header, *lines]).encode()
        return import_table(record_for(Randomization), content, "lists.csv", user=user, study=study)

    without = table("R3,simple,,R2,", "R2,simple,R1,,", "R1,simple,,,")
    assert [str(one.sentence) for one in without.refusals()] == ["Say why R2 is replaced."]
    unknown = table("R2,simple,R7,,", "R1,simple,R1,,")
    assert ["There is no randomization" in one.sentence for one in unknown.refusals()] == [True, True]
    assert not Randomization.objects.exists()
    assert table("R3,simple,,R2,wrong ratio", "R2,simple,R1,,", "R1,simple,,,").is_stored
    found = Randomization.objects.order_by("code").values_list("code", "continues__code", "replaces__code")
    assert list(found) == [("R1", None, None), ("R2", "R1", None), ("R3", None, "R2")]
    again = table("R3,simple,,R2,wrong ratio", "R2,simple,R1,,", "R1,simple,,,")
    assert (again.is_stored, again.created, again.changed) == (True, 0, 0)
