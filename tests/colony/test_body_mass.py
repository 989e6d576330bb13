"""A mass that no mouse reaches in a day is asked about; what was done for a mouse is kept."""

from typing import Any

import pytest

from labdb.colony.body_mass import allowed_percent
from labdb.colony.models import Mouse, Weighing, WelfareCheck
from labdb.registry.imports import import_dicts
from labdb.registry.record import record_for
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> Any:
    return make_world()


def weigh(user: Any, *masses: tuple[str, float], mouse: str = "M001", **options: Any) -> Any:
    rows = [{"mouse": mouse, "study": "S1", "performed_at": at, "body_mass_g": mass} for at, mass in masses]
    return import_dicts(record_for(Weighing), rows, user=user, **options)


def warned(report: Any) -> list[tuple[int, str]]:
    return [(one.line, one.sentence) for one in report.warnings]


def test_a_change_of_more_than_15_percent_in_a_day_needs_a_reason(writer: Any) -> None:
    assert weigh(writer, ("2025-06-01 09:00", 25.0)).is_stored
    late = weigh(writer, ("2025-06-02 09:00", 21.2))  # 3.8 of 25 g are 15.2 %
    assert (late.is_stored, late.lacks_reason) == (False, True)
    assert warned(late) == [
        (
            1,
            "M001 weighed 25 g on 2025-06-01 09:00; 21.2 g is 15 % less. Check the mouse, the balance and the decimal point.",
        )
    ]
    assert weigh(writer, ("2025-06-02 09:00", 21.2), reason="had no water").is_stored


@pytest.mark.parametrize(
    ("at", "mass"),
    [
        ("2025-06-02 09:00", 21.3),  # 14.8 % in a day
        ("2025-06-01 21:00", 28.7),  # 14.8 % in half a day
        ("2025-06-03 09:00", 17.6),  # 29.6 % in two days
        ("2025-07-01 09:00", 12.6),  # 49.6 % in a month
    ],
)
def test_what_a_mouse_may_do_is_stored_without_a_word(writer: Any, at: str, mass: float) -> None:
    weigh(writer, ("2025-06-01 09:00", 25.0))
    assert weigh(writer, (at, mass)).is_stored


def test_a_slip_of_the_decimal_point_is_asked_about_however_long_ago(writer: Any) -> None:
    weigh(writer, ("2025-06-01 09:00", 25.0))
    assert weigh(writer, ("2025-12-01 09:00", 2.5)).lacks_reason


def test_rows_of_one_sheet_are_held_against_each_other(writer: Any) -> None:
    report = weigh(writer, ("2025-06-02 09:00", 35.0), ("2025-06-01 09:00", 25.0), ("2025-06-03 09:00", 34.0))
    assert [line for line, _sentence in warned(report)] == [1, 2]  # the first of all is held against the one after it


def test_another_mouse_says_nothing(writer: Any) -> None:
    weigh(writer, ("2025-06-01 09:00", 25.0))
    assert weigh(writer, ("2025-06-02 09:00", 18.0), mouse="M002").is_stored


def test_a_correction_is_held_against_the_others_and_not_against_itself(writer: Any) -> None:
    weigh(writer, ("2025-06-01 09:00", 25.0), ("2025-06-02 09:00", 25.2))
    wrong = Weighing.objects.get(body_mass_g=25.2)
    wrong.body_mass_g = 25.4
    assert list(Weighing.findings([wrong])) == []


def test_the_allowance_grows_by_the_day_up_to_a_half() -> None:
    assert [allowed_percent(days) for days in (0.1, 1, 2, 30)] == [15, 15, 30, 50]


def test_a_welfare_check_names_what_was_seen_and_done(writer: Any) -> None:
    row = {
        "mouse": "M001", "study": "S1", "performed_at": "2025-06-01 09:30", "finding": "wound", "action": "vet",
        "finding_detail": "2 mm at the tail",
    }  # fmt: skip
    assert import_dicts(record_for(WelfareCheck), [row], user=writer).is_stored
    check = WelfareCheck.objects.get()
    assert (str(check), check.mouse) == ("M001: veterinarian called", Mouse.objects.get(code="M001"))
    again = import_dicts(record_for(WelfareCheck), [row], user=writer)
    assert "M001 was already checked for this at 2025-06-01 09:30" in str(again.errors[0])
