"""What lets arms be told at the bench: by day, time, route, volume, number of syringes, device."""

from dataclasses import replace

import pytest

from labdb.treatment.blinding_check import differences
from labdb.treatment.dosing_schedule import Part, intervals, spelled_days

SALINE = Part("saline", 1, 1, 14, "09:00", drug="saline", route="i.p.", volume_ml_per_kg=10)
IMIPRAMINE = replace(SALINE, arm="imipramine", drug="imipramine", dose_mg_per_kg=20)
BEFORE = replace(SALINE, arm="ketamine", day_to=13)
KETAMINE = Part("ketamine", 2, 14, 14, "09:00", "ketamine", 10, "", "i.p.", 10)
DBS = Part("DBS", 2, 1, 14, "11:00", device="DBS", hours_per_day=8)


def said(*parts: Part, changed: set[str] | None = None) -> list[str]:
    return [one.sentence for one in differences(parts, changed)]


def test_arms_that_are_handled_alike_say_nothing() -> None:
    assert said(SALINE, IMIPRAMINE, BEFORE, KETAMINE) == []
    sham = replace(DBS, arm="saline")
    assert said(SALINE, sham, replace(SALINE, arm="DBS"), DBS) == []
    assert said() == said(SALINE) == []


def test_ketamine_without_saline_before_is_told_by_its_days() -> None:
    assert said(SALINE, IMIPRAMINE, KETAMINE) == [
        "Arm ketamine, days 1-13: no injections, arm saline has 1; add the vehicle on these days."
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"time_of_day": "17:00"}, "Arm imipramine, part 1, days 1-14: time is 17:00, in arm saline 09:00; give both alike."),
        ({"route": "s.c."}, "Arm imipramine, part 1, days 1-14: route is s.c., in arm saline i.p.; give both alike."),
        (
            {"volume_ml_per_kg": 5.0},
            "Arm imipramine, part 1, days 1-14: volume is 5 ml/kg, in arm saline 10 ml/kg; give both alike by a stock of another strength.",
        ),
        ({"volume_ml_per_kg": None}, "Arm imipramine, part 1: no volume is said; enter the ml/kg that all arms get."),
        ({"day_to": 10}, "Arm imipramine, days 11-14: no injections, arm saline has 1; add the vehicle on these days."),
        (
            {"day_to": 15},
            "Arm imipramine, day 15: 1 injection, arm saline has none; add the vehicle to saline, or take these days out.",
        ),
    ],
)  # fmt: skip
def test_one_arm_unlike_the_others_is_named_with_the_remedy(change: dict[str, object], sentence: str) -> None:
    assert said(SALINE, BEFORE, KETAMINE, replace(IMIPRAMINE, **change)) == [sentence]  # type: ignore[arg-type]


def test_a_second_syringe_tells() -> None:
    second = replace(IMIPRAMINE, part=2, time_of_day="17:00")
    assert said(SALINE, BEFORE, KETAMINE, IMIPRAMINE, second) == [
        "Arm imipramine, days 1-14: 2 injections, arm saline has 1; add the vehicle to saline, or take these days out."
    ]


def test_a_device_needs_a_sham_in_the_other_arms() -> None:
    assert said(SALINE, IMIPRAMINE, replace(SALINE, arm="DBS"), DBS) == [
        "Arm DBS, days 1-14: DBS at 11:00 for 8 h, which arm saline has not; add it there as sham."
    ]
    shorter = replace(DBS, arm="saline", hours_per_day=1)
    assert len(said(SALINE, shorter, replace(SALINE, arm="DBS"), DBS)) == 2


def test_only_what_is_being_entered_is_spoken_of() -> None:
    late = replace(IMIPRAMINE, time_of_day="10:00")
    assert said(SALINE, late, BEFORE, KETAMINE, changed={"ketamine"}) == []
    assert (
        "time is 09:00, in arm saline 10:00"
        in said(replace(SALINE, time_of_day="10:00"), late, BEFORE, changed={"ketamine"})[0]
    )


def test_codes_change_for_all_arms_when_one_changes() -> None:
    # ketamine changes to its drug on day 14, so every mouse has two codes
    assert intervals([SALINE, IMIPRAMINE, BEFORE, KETAMINE]) == [(1, 13), (14, 14)]
    assert intervals([SALINE, DBS]) == [(1, 14)]
    assert intervals([SALINE, BEFORE, KETAMINE], every_days=7) == [(1, 7), (8, 13), (14, 14)]
    assert intervals([replace(SALINE, day_to=3), replace(KETAMINE, day_from=10)]) == [(1, 3), (10, 14)]
    assert intervals([DBS]) == []


def test_days_are_spelled_as_people_do() -> None:
    assert spelled_days([14]) == "day 14"
    assert spelled_days([3, 1, 2, 5, 7, 8]) == "days 1-3, 5, 7-8"
