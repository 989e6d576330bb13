"""No pair meets twice, no aggressor fights twice a day, hard and soft are shared out; what cannot be is said."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labdb.defeat.rotation import plan_rotation
from labdb.defeat.rotation_reasons import RotationError


def codes(letter: str, number: int) -> list[str]:
    return [f"{letter}{place:03}" for place in range(1, number + 1)]


def hardness_of(aggressors: list[str], seed: int) -> dict[str, float]:
    return dict(zip(aggressors, np.random.default_rng(seed).random(len(aggressors)).tolist(), strict=True))


def pairs(assignment: pd.DataFrame) -> list[tuple[str, str]]:
    return [(mouse, aggressor) for mouse, row in assignment.iterrows() for aggressor in row]


def assert_is_rotation(assignment: pd.DataFrame, met: Any = (), unavailable: Any = ()) -> None:
    met_now = pairs(assignment)
    assert len(set(met_now)) == len(met_now)
    assert not set(met_now) & set(met)
    for day in assignment.columns:
        assert assignment[day].is_unique
        assert not {(aggressor, day) for aggressor in assignment[day]} & set(unavailable)


@st.composite
def problems(draw: Any) -> dict[str, Any]:
    mice, aggressors = codes("M", draw(st.integers(1, 7))), codes("A", draw(st.integers(1, 9)))
    days = list(range(1, draw(st.integers(1, 7)) + 1))
    return {
        "mice": mice,
        "aggressors": aggressors,
        "days": days,
        "met": draw(st.sets(st.tuples(st.sampled_from(mice), st.sampled_from(aggressors)), max_size=8)),
        "unavailable": draw(st.sets(st.tuples(st.sampled_from(aggressors), st.sampled_from(days)), max_size=8)),
        "hardness": hardness_of(aggressors, draw(st.integers(0, 99))),
        "seed": draw(st.integers(0, 99)),
    }


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems())
def test_every_plan_keeps_the_rules_and_every_refusal_has_a_reason(problem):
    try:
        rotation = plan_rotation(**problem)
    except RotationError as error:
        assert error.reasons
        assert all(reason.endswith(".") for reason in error.reasons)
        return
    assert list(rotation.assignment.index) == problem["mice"]
    assert list(rotation.assignment.columns) == problem["days"]
    assert_is_rotation(rotation.assignment, problem["met"], problem["unavailable"])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(0, 3), st.integers(0, 99))
def test_a_rotation_that_exists_is_found_however_tight(n_days, spare, seed):
    """A hidden solution is laid first and every other pair forbidden, but for a few."""
    rng = np.random.default_rng(seed)
    mice, aggressors = codes("M", 9), codes("A", 9)
    shuffled = rng.permutation(9)
    hidden = {(mice[m], aggressors[shuffled[(m + day) % 9]]) for m in range(9) for day in range(n_days)}
    others = sorted({(mouse, aggressor) for mouse in mice for aggressor in aggressors} - hidden)
    kept = {others[at] for at in rng.permutation(len(others))[:spare].tolist()}
    met = set(others) - kept
    assert_is_rotation(plan_rotation(mice, aggressors, range(1, n_days + 1), met=met, seed=seed).assignment, met)


def test_a_day_that_only_all_days_together_can_fill_is_solved():
    """A1 is free on day 1 only and new to both mice: whoever takes B1 on day 1 finds nobody on day 2.

    By hand: M1 has met C1, so that on day 2 (B1 and C1 free) it must meet B1 and on day 1 A1; M2 has B1 on day 1 and
    C1 on day 2.
    """
    for seed in range(20):
        rotation = plan_rotation(
            ["M1", "M2"], ["A1", "B1", "C1"], [1, 2], met=[("M1", "C1")],
            unavailable=[("C1", 1), ("A1", 2)], seed=seed,
        )  # fmt: skip
        assert rotation.assignment.loc["M1"].tolist() == ["A1", "B1"]
        assert rotation.assignment.loc["M2"].tolist() == ["B1", "C1"]


def test_two_hard_and_two_soft_are_shared_out_evenly():
    """By hand: over two days each of two mice meets one hard (1) and one soft (0) aggressor: 1 each."""
    hardness = {"H1": 1.0, "H2": 1.0, "S1": 0.0, "S2": 0.0}
    rotation = plan_rotation(["M1", "M2"], list(hardness), [1, 2], hardness=hardness)
    assert rotation.summed_hardness.tolist() == [1.0, 1.0]
    assert rotation.spread == 0


@pytest.mark.parametrize("seed", range(5))
def test_hardness_is_spread_far_more_evenly_than_by_chance(seed):
    mice, aggressors, days = codes("M", 24), codes("A", 28), range(1, 11)
    hardness = hardness_of(aggressors, seed)
    planned = plan_rotation(mice, aggressors, days, hardness=hardness, seed=seed).summed_hardness
    shuffled = np.random.default_rng(seed).permutation(28)
    by_chance = [sum(hardness[aggressors[shuffled[(m + day) % 28]]] for day in days) for m in range(24)]
    assert planned.std() < np.std(by_chance) / 5
    halves = planned.iloc[:12].mean(), planned.iloc[12:].mean()  # two cohorts
    assert abs(halves[0] - halves[1]) < 0.05


def test_a_second_cohort_can_be_as_hard_a_bout_as_the_first():
    mice, aggressors = codes("M", 10), codes("A", 30)
    hardness = hardness_of(aggressors, 1)
    for goal in (0.4, 0.6):
        rotation = plan_rotation(mice, aggressors, range(1, 6), hardness=hardness, daily_goal=goal)
        assert rotation.summed_hardness.mean() / 5 == pytest.approx(goal, abs=0.05)


def test_the_same_seed_gives_the_same_plan_in_whatever_order_the_codes_come():
    mice, aggressors = codes("M", 12), codes("A", 15)
    hardness = hardness_of(aggressors, 3)
    first = plan_rotation(mice, aggressors, range(1, 11), hardness=hardness, seed=7).assignment
    again = plan_rotation(mice[::-1], aggressors[::-1], range(1, 11), hardness=hardness, seed=7).assignment
    other = plan_rotation(mice, aggressors, range(1, 11), hardness=hardness, seed=8).assignment
    pd.testing.assert_frame_equal(first, again.loc[mice])
    assert not first.equals(other)


def test_replanning_from_a_day_on_knows_who_met_and_how_hard_it_was():
    mice, aggressors = codes("M", 8), codes("A", 12)
    hardness = hardness_of(aggressors, 5)
    happened = plan_rotation(mice, aggressors, range(1, 5), hardness=hardness).assignment
    before = {mouse: 3.0 if mouse == "M001" else 1.5 for mouse in mice}  # M001 had it hard
    later = plan_rotation(
        mice, aggressors, range(5, 9), hardness=hardness, met=pairs(happened), before=before,
        unavailable=[("A003", day) for day in range(5, 9)],
    )  # fmt: skip
    assert list(later.assignment.columns) == [5, 6, 7, 8]
    assert_is_rotation(later.assignment, pairs(happened), [("A003", day) for day in range(5, 9)])
    of_m001 = later.summed_hardness["M001"] - 3.0
    assert of_m001 < (later.summed_hardness - 1.5).drop("M001").min()


def refusal(*arguments: Any, **options: Any) -> list[str]:
    with pytest.raises(RotationError) as refused:
        plan_rotation(*arguments, **options)
    return refused.value.reasons


def test_too_few_aggressors_on_a_day_are_counted():
    unavailable = [(aggressor, 7) for aggressor in codes("A", 4)]
    assert refusal(codes("M", 20), codes("A", 22), range(1, 11), unavailable=unavailable) == [
        "Too few aggressors on day 7: 18 for 20 mice; 2 more are needed."
    ]


def test_a_mouse_that_met_nearly_all_is_named():
    met = [("M002", aggressor) for aggressor in codes("A", 6)]
    assert refusal(codes("M", 3), codes("A", 9), range(1, 6), met=met) == [
        "M002 has 3 of 9 aggressors left that it has not met, for 5 days; 2 more are needed."
    ]


def test_mice_that_crowd_round_the_same_aggressors_are_named():
    met = [(mouse, aggressor) for mouse in codes("M", 3) for aggressor in ("A003", "A004", "A005")]
    assert refusal(codes("M", 5), codes("A", 5), [1, 2], met=met) == [
        f"On day {day} M001, M002 and M003 have only A001 and A002 left that they have not met: 2 for 3 mice."
        for day in (1, 2)
    ]


def test_what_no_single_day_shows_is_counted_over_all_days():
    """By hand: 3 mice need 12 bouts in 4 days. A1 and A2 give 3 each, for a mouse meets each once; A3 and A4 give one on
    each of their two days: 3 + 3 + 2 + 2 = 10. Each day has three aggressors for three mice.
    """
    unavailable = [("A3", 3), ("A3", 4), ("A4", 1), ("A4", 2)]
    assert refusal(codes("M", 3), ["A1", "A2", "A3", "A4"], [1, 2, 3, 4], unavailable=unavailable) == [
        "M001, M002 and M003 need 12 bouts in 4 days, and the aggressors that they have not met can give 10; "
        "add an aggressor, or plan fewer days."
    ]


def test_a_code_that_comes_twice_is_refused():
    with pytest.raises(ValueError, match="a mouse comes twice"):
        plan_rotation(["M1", "M1"], ["A1", "A2"], [1])


def test_nothing_to_plan_is_an_empty_plan():
    assert plan_rotation([], ["A1"], [1]).assignment.empty
