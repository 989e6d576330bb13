"""At the humane endpoint, or after three falls in a row, somebody must decide."""

from datetime import date, timedelta

import pytest

from labdb.colony.mass_loss import baseline_of, endpoint_g, falling, mass_alert

FIRST = date(2026, 3, 1)


def on(*masses: float) -> list[tuple[date, float]]:
    """One mass a day from the first day on."""
    return [(FIRST + timedelta(days=day), mass) for day, mass in enumerate(masses)]


@pytest.mark.parametrize(
    ("masses", "expected"),
    [
        (on(25.0, 24.7, 24.4, 24.1), [25.0, 24.7, 24.4, 24.1]),
        (on(20.0, 25.0, 24.7, 24.4, 24.1), [25.0, 24.7, 24.4, 24.1]),
        (on(25.0, 24.7, 24.7, 24.1), []),  # to weigh the same is no fall
        (on(24.7, 24.4, 24.1), []),  # two falls
        ([*on(25.0, 24.7), (FIRST + timedelta(days=1), 24.4), (FIRST + timedelta(days=2), 24.1)], []),  # two on one day
        ([], []),
    ],
)
def test_three_falls_in_a_row_are_from_day_to_day(masses, expected):
    assert falling(masses) == expected


@pytest.mark.parametrize(
    ("baseline_g", "percent", "limit_g"), [(25.0, 80, 20.0), (24.1, 80, 19.28), (23.3, 85, 19.805)]
)
def test_the_limit_is_a_mass_as_one_would_write_it(baseline_g, percent, limit_g):
    assert endpoint_g(baseline_g, percent) == limit_g


@pytest.mark.parametrize(("mass", "is_limit"), [(19.28, True), (19.2, True), (19.29, None)])
def test_at_the_limit_and_below_it_a_decision_is_due(mass, is_limit):
    alert = mass_alert(on(24.1, 24.0, mass), FIRST, 80)
    assert (alert.is_limit if alert else None) is is_limit


def test_the_only_mass_is_no_baseline_of_itself():
    assert mass_alert(on(25.0), FIRST, 100) is None


@pytest.mark.parametrize(("first", "expected"), [(1, 24.0), (9, 22.0), (-1, 25.0), (None, 25.0)])
def test_the_baseline_is_the_mass_from_before_the_stress(first, expected):
    first_day = None if first is None else FIRST + timedelta(days=first)
    found = baseline_of(on(25.0, 24.0, 22.0), first_day)
    assert found is not None
    assert found[1] == expected
