"""Controls have a new partner every day as long as there is one."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labdb.defeat.partners import plan_partners


def pairs_of(partner: pd.DataFrame) -> list[tuple[str, str, int]]:
    return [
        (mouse, partner.at[mouse, day], day) for day in partner for mouse in partner.index if partner.at[mouse, day]
    ]


def met_in(partner: pd.DataFrame) -> dict[tuple[str, str], int]:
    met: dict[tuple[str, str], int] = {}
    for mouse, other, _day in pairs_of(partner):
        if mouse < other:
            met[mouse, other] = met.get((mouse, other), 0) + 1
    return met


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(1, 10))
def test_pairs_are_mutual_and_new_until_all_have_met(n_mice, n_days):
    mice = [f"C{number:02}" for number in range(n_mice)]
    plan = plan_partners(mice, range(1, n_days + 1))
    for mouse, other, day in pairs_of(plan.partner):
        assert other != mouse
        assert plan.partner.at[other, day] == mouse
    rounds = n_mice - 1 + n_mice % 2
    assert (plan.repeats == ()) == (n_days <= rounds)
    alone_a_day = plan.partner.isna().sum().unique().tolist()
    assert alone_a_day == [n_mice % 2]


def test_four_controls_meet_all_others_in_three_days_and_repeat_on_the_fourth():
    plan = plan_partners(["C1", "C2", "C3", "C4"], [1, 2, 3, 4])
    assert {frozenset(pair) for pair in met_in(plan.partner)} == {
        frozenset(pair) for pair in [("C1", "C2"), ("C1", "C3"), ("C1", "C4"), ("C2", "C3"), ("C2", "C4"), ("C3", "C4")]
    }
    assert [day for _one, _other, day in plan.repeats] == [4, 4]


def test_what_happened_is_counted():
    first = plan_partners(["C1", "C2", "C3", "C4"], [1, 2])
    rest = plan_partners(["C1", "C2", "C3", "C4"], [3], met=met_in(first.partner))
    assert rest.repeats == ()


@pytest.mark.parametrize("gone", ["C0", "C3", "C7"])
def test_when_a_control_is_lost_the_others_still_meet_new_ones(gone):
    """By hand: seven are left; after four days each has met 3 or 4 of six others, and a new one is there for each."""
    mice = [f"C{number}" for number in range(8)]
    first = plan_partners(mice, [1, 2, 3, 4])
    left = [mouse for mouse in mice if mouse != gone]
    rest = plan_partners(left, [5, 6], met=met_in(first.partner))
    assert rest.repeats == ()


def test_one_control_is_alone():
    assert plan_partners(["C1"], [1, 2]).partner.isna().all(axis=None)
