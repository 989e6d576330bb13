"""Rank correlation against hand arithmetic and a published example."""

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.association import correlate_by_group, rank_correlation


def test_five_mice_in_one_order_reach_the_least_p_value():
    found = rank_correlation([1, 2, 3, 4, 5], [10, 20, 30, 40, 50])
    assert found.rho == pytest.approx(1)
    assert found.p_value == pytest.approx(2 / 120)  # this order and its reverse, of 5! = 120


def test_the_exact_p_value_counts_orders():
    # Squared rank differences 1, 1, 0, 1, 1: rho = 1 - 6 x 4 / (5 x 24) = .8. Orders of 5 with a sum of squares of at
    # most 4: 8 (Kendall, Rank Correlation Methods, table 2: P(S >= 36) = .067); two-sided 16 of 120.
    found = rank_correlation([1, 2, 3, 4, 5], [2, 1, 3, 5, 4])
    assert found.rho == pytest.approx(0.8)
    assert found.p_value == pytest.approx(16 / 120)


def test_ten_pairs_have_the_interval_of_bonett_and_wright():
    # IQ and hours of television (the example of Wikipedia's "Spearman's rank correlation coefficient"):
    # sum of squares 194, rho = 1 - 6 x 194 / 990 = -29/165 = -.17576, t = -.505, df = 8, p = .627.
    iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    found = rank_correlation(iq, hours)
    assert found.rho == pytest.approx(-29 / 165)
    assert found.p_value == pytest.approx(0.627, abs=5e-4)
    # atanh(-.17576) = -.17761; half = 1.95996 x sqrt((1 + .03089 / 2) / 7) = .74652; tanh of -.92413 and .56891
    assert (found.low, found.high) == pytest.approx((-0.7278, 0.5146), abs=2e-4)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [([1, 2, 3, 4, np.nan], [1, 2, 3, 4, 5], "there are 4"), ([1] * 6, range(6), "the same in all mice")],
)
def test_what_cannot_be_correlated_says_why(x, y, reason):
    found = rank_correlation(x, list(y))
    assert found.rho is None
    assert reason in found.reason


def test_p_values_are_adjusted_over_the_measures_of_each_group():
    mice = [f"M{number}" for number in range(12)]
    reference = pd.Series(np.arange(12.0), index=mice)
    group = pd.Series(["control"] * 6 + ["defeated"] * 6, index=mice)
    values = pd.DataFrame({"same": np.arange(12.0), "few": [1, 2, 3] + [np.nan] * 9}, index=mice)
    found = correlate_by_group(values, reference, group).set_index(["group", "measure"])
    assert list(found.index.get_level_values("group").unique()) == ["", "control", "defeated"]
    assert found.loc[("control", "same"), "p_value"] == pytest.approx(2 / 720)
    assert found.loc[("control", "same"), "adj_p_value"] == pytest.approx(2 / 720)  # the other measure has none
    assert found.loc[("defeated", "few"), "n"] == 0
    two = values.assign(few=[2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11])
    adjusted = correlate_by_group(two, reference, group).set_index(["group", "measure"])["adj_p_value"]
    assert adjusted["control", "same"] == pytest.approx(4 / 720)  # the smaller of two p-values, times two
