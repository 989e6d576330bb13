"""A bout is held against other bouts, the aggressor's life and the mouse's group."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from labdb.colony.models import Mouse, Study
from labdb.defeat.models import Aggressor, ControlRotation, DefeatBout, DefeatCourse
from tests.analysis.small_study import add_mouse, make_study
from tests.registry.looking import said, warned

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def mice(study: Study) -> list[Mouse]:
    return [add_mouse(study, code) for code in ("M1", "M2", "M3")]


@pytest.fixture
def aggressor() -> Aggressor:
    return Aggressor.objects.create(code="2A")


def bout(mouse: Mouse, aggressor: Aggressor, day: int = 1, at: str = "10:00", **fields: Any) -> DefeatBout:
    hour, minute = map(int, at.split(":"))
    started_at = datetime(2025, 6, day, hour, minute, tzinfo=UTC)
    values = {"physical_s": 300.0, **fields}
    return DefeatBout(study=mouse.study, mouse=mouse, aggressor=aggressor, day=day, performed_at=started_at, **values)


def test_the_same_pair_again_is_a_warning_that_names_the_earlier_day(mice: list[Mouse], aggressor: Aggressor):
    bout(mice[0], aggressor, day=3).save()
    again, other = bout(mice[0], aggressor, day=5), bout(mice[1], aggressor, day=6)
    assert warned([again, other]) == [
        (0, "aggressor", "Aggressor 2A and M1 also met on day 3; choose another aggressor, or say why.")
    ]
    assert said([again, other]) == []


def test_the_same_pair_twice_in_a_sheet_is_told_at_the_later_day(mice: list[Mouse], aggressor: Aggressor):
    (found,) = warned([bout(mice[0], aggressor, day=9), bout(mice[0], aggressor, day=2)])
    assert found[0] == 0
    assert "also met on day 2" in found[2]


def test_an_edited_bout_did_not_meet_itself(mice: list[Mouse], aggressor: Aggressor):
    stored = bout(mice[0], aggressor)
    stored.save()
    assert warned([stored]) == []


def test_one_aggressor_with_two_mice_at_once_is_refused(mice: list[Mouse], aggressor: Aggressor):
    bout(mice[0], aggressor, at="10:00").save()  # 300 s: until 10:05
    assert said([bout(mice[1], aggressor, at="10:05")]) == []
    assert said([bout(mice[1], aggressor, at="10:04")]) == [
        (
            0,
            "performed_at",
            "Aggressor 2A was with M1 at 2025-06-01 10:00; correct the time or the aggressor.",
        )
    ]
    (found,) = said([bout(mice[1], aggressor, at="9:50"), bout(mice[2], aggressor, at="9:52")])
    assert found[0] == 1
    assert "was with M2" in found[2]


def test_a_mouse_of_another_study_is_not_named(mice: list[Mouse], aggressor: Aggressor):
    bout(add_mouse(make_study("S2"), "X1"), aggressor).save()
    (found,) = said([bout(mice[0], aggressor)])
    assert "was with a mouse of another study" in found[2]


def test_contact_that_was_not_measured_lasts_as_planned(study: Study, mice: list[Mouse], aggressor: Aggressor):
    course = DefeatCourse.objects.create(study=study, code="DC1", bout_length_min=10)
    bout(mice[0], aggressor, at="10:00", physical_s=None, course=course).save()
    assert len(said([bout(mice[1], aggressor, at="10:09")])) == 1
    assert said([bout(mice[1], aggressor, at="10:10")]) == []


def test_a_witness_and_a_pair_of_the_non_discriminatory_model_share_an_aggressor(
    study: Study, mice: list[Mouse], aggressor: Aggressor
):
    shared = DefeatCourse.objects.create(study=study, code="DC1", stress_model="CNSDS")
    bout(mice[0], aggressor, course=shared).save()
    witness = bout(mice[1], aggressor, kind="witness", physical_s=None)
    assert said([witness, bout(mice[2], aggressor, course=shared)]) == []
    assert len(said([bout(mice[2], aggressor)])) == 1


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"retired_date": date(2025, 6, 1)}, "2A was retired on 2025-06-01; the bout is of 2025-06-01"),
        ({"is_resting": True, "resting_until": date(2025, 6, 1)}, "2A rests until 2025-06-01"),
        ({"is_resting": True}, "2A rests; the bout"),
    ],
)
def test_an_aggressor_out_of_use_is_a_warning(mice: list[Mouse], aggressor: Aggressor, fields: Any, says: str):
    for name, value in fields.items():
        setattr(aggressor, name, value)
    (found,) = warned([bout(mice[0], aggressor)])
    assert found[1] == "aggressor"
    assert says in found[2]


@pytest.mark.parametrize(
    "fields",
    [
        {"retired_date": date(2025, 6, 2)},
        {"is_resting": True, "resting_until": date(2025, 5, 31)},
        {"is_resting": True, "resting_from": date(2025, 6, 2)},
    ],
)
def test_an_aggressor_in_use_on_the_day_is_none(mice: list[Mouse], aggressor: Aggressor, fields: Any):
    for name, value in fields.items():
        setattr(aggressor, name, value)
    assert warned([bout(mice[0], aggressor)]) == []


def test_the_defeat_of_a_control_and_a_day_beyond_the_course_are_warnings(study: Study, aggressor: Aggressor):
    course = DefeatCourse.objects.create(study=study, code="DC1", days=10)
    row = bout(add_mouse(study, "C1", group="control"), aggressor, day=11, course=course)
    assert [(field, sentence.split(";")[0]) for _number, field, sentence in warned([row])] == [
        ("day", "Day 11 is beyond the 10 days of course DC1"),
        ("mouse", "C1 is a control, and controls never meet an aggressor"),
    ]


def test_a_sheet_of_bouts_is_looked_at_in_a_few_queries(
    study: Study, aggressor: Aggressor, django_assert_max_num_queries
):
    rows = [bout(add_mouse(study, f"D{n}"), aggressor, day=1 + n % 28) for n in range(60)]
    with django_assert_max_num_queries(4):
        list(DefeatBout.findings(rows))


def test_the_same_partner_twice_is_a_warning(study: Study, mice: list[Mouse]):
    ControlRotation.objects.create(study=study, mouse=mice[0], partner=mice[1], day=1)
    again = ControlRotation(study=study, mouse=mice[0], partner=mice[1], day=4)
    fresh = ControlRotation(study=study, mouse=mice[0], partner=mice[2], day=2)
    assert warned([fresh, again]) == [
        (1, "partner", "Partner M2 and M1 also met on day 1; choose another partner, or say why.")
    ]
