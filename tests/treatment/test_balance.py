"""How alike arms are, against hand arithmetic."""

import numpy as np
import pytest

from labdb.treatment.balance import balance_of, counts_of, standardized_difference

ORDER = ["saline", "drug"]


def test_the_standardized_difference_is_as_by_hand():
    # Means 22 and 25, variances 4 and 16: 3 / sqrt(10) = 0.94868.
    assert standardized_difference(np.array([21.0, 25.0, 29.0]), np.array([20.0, 22.0, 24.0])) == pytest.approx(
        0.948683
    )


def test_arms_without_spread_differ_by_nothing_or_by_no_number():
    same, other = np.array([2.0, 2.0]), np.array([3.0, 3.0])
    assert standardized_difference(same, same) == 0
    assert standardized_difference(same, other) is None
    assert standardized_difference(np.array([1.0]), other) is None


def test_missing_values_are_left_out_and_counted():
    found = balance_of("mass", [20, 22, 24, None, 21, 25, 29], ["saline"] * 4 + ["drug"] * 3, ORDER)
    assert [(one.arm, one.n, one.mean, one.sd) for one in found.means] == [("saline", 3, 22, 2), ("drug", 3, 25, 4)]
    assert found.largest is not None and found.largest.smd == pytest.approx(0.948683)
    assert found.largest.by_chance == pytest.approx(1.96 * np.sqrt(2 / 3))


def test_the_largest_difference_is_of_all_pairs_and_not_only_from_vehicle():
    values = [10.0, 12.0, 11.0, 9.0, 11.0, 10.0, 11.0, 13.0, 12.0]
    found = balance_of("age", values, ["saline"] * 3 + ["low"] * 3 + ["high"] * 3, ["saline", "low", "high"])
    # Means 11, 10, 12 and the variance 1 in each: 1 from saline either way, 2 between the drugs.
    assert [(one.arm, one.smd) for one in found.differences] == [("low", -1.0), ("high", 1.0)]
    assert found.largest is not None
    assert (found.largest.arm, found.largest.other, found.largest.smd) == ("high", "low", 2.0)


def test_levels_are_counted_in_the_order_of_people():
    counts = counts_of(["C10", "C2", "C2", "C10"], ["saline", "drug", "drug", "drug"], ORDER)
    assert counts == [("C2", [0, 2]), ("C10", [1, 1])]


def test_a_value_that_nobody_has_says_nothing():
    found = balance_of("SI ratio", [None, float("nan")], ORDER, ORDER)
    assert found.largest is None
    assert [one.smd for one in found.differences] == [None]
