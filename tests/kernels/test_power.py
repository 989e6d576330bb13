"""Sample sizes against published tables and simulated cages."""

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.power import (
    mice_per_arm,
    sd_interval_factors,
    smallest_n,
    t_test_power,
    within_group_spread,
)


@pytest.mark.parametrize(
    ("d", "power", "n"),
    # Cohen, Statistical Power Analysis (1988), table 2.4.1, two-sided .05
    [(0.5, 0.8, 64), (0.8, 0.8, 26), (1.0, 0.8, 17), (0.2, 0.8, 394), (0.8, 0.9, 34)],
)
def test_mice_per_arm_are_those_of_cohen_s_table(d, power, n):
    assert smallest_n(d, 1.0, power) == n
    assert t_test_power(n, d, 1.0) >= power > t_test_power(n - 1, d, 1.0)


def test_power_is_the_level_without_a_difference_and_1_with_a_vast_one():
    assert t_test_power(10, 0.0, 1.0) == pytest.approx(0.05)
    assert t_test_power(50, 100.0, 1.0) == 1.0
    assert t_test_power(5, 1.0, 0.0) == 1.0
    assert smallest_n(0.001, 1.0) is None


def mice(values):
    return pd.Series(values, index=[f"M{number:03d}" for number in range(len(values))], dtype=float)


def test_the_spread_is_that_within_groups():
    values = mice([1, 2, 3, 11, 12, 13, np.nan])
    spread = within_group_spread(values, mice([0, 0, 0, 1, 1, 1, 1]))
    assert (spread.sd, spread.df, spread.n_mice) == (1.0, 4, 6)
    assert spread.sentences == ("No cage is given; mice are taken to be independent.",)
    sizes = mice_per_arm(spread, [0.5, 1.0])
    assert [size.n_per_arm for size in sizes] == [64, 17]
    # chi-squared with 4 degrees of freedom, 10 and 90 %: 1.0636 and 7.7794
    low, high = sd_interval_factors(4)
    assert (low, high) == (pytest.approx((4 / 7.7794) ** 0.5, rel=1e-4), pytest.approx((4 / 1.0636) ** 0.5, rel=1e-4))
    assert sizes[1].n_per_arm_low == smallest_n(1.0, low)
    assert sizes[1].n_per_arm_high == smallest_n(1.0, high)


def test_the_variance_between_cages_is_that_of_a_balanced_table():
    # Two groups, two cages each of two mice: within cages (1 - 3)^2 / 2 = 2 four times over 4 df: 2.
    # Cage means 2, 6 and 12, 16: between SS 2 x (2 x 4 + 2 x 4) = 32 over 2 df: 16; (16 - 2) / 2 = 7.
    values = mice([1, 3, 5, 7, 11, 13, 15, 17])
    spread = within_group_spread(values, mice([0] * 4 + [1] * 4), mice([0, 0, 1, 1, 2, 2, 3, 3]))
    assert spread.sd == pytest.approx(3.0)  # 2 + 7 = 9
    assert spread.cage_correlation == pytest.approx(7 / 9)
    assert (spread.n_cages, spread.messages) == (4, ())
    alone, three = (mice_per_arm(spread, 3.0, mice_per_cage=per_cage)[0].n_per_arm for per_cage in (1, 3))
    assert alone == 17
    assert three == smallest_n(1.0, (1 + 2 * 7 / 9) ** 0.5)


def test_simulated_cages_are_recovered_with_unequal_numbers():
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 6, 400)
    cage = np.repeat(np.arange(400), sizes)
    values = rng.normal(0, 0.6, 400)[cage] + rng.normal(0, 0.8, len(cage))
    spread = within_group_spread(mice(values), mice(cage % 4), mice(cage))
    assert spread.sd == pytest.approx(1.0, abs=0.06)  # .36 + .64
    assert spread.cage_correlation == pytest.approx(0.36, abs=0.08)


def test_cages_that_say_nothing_are_said_to():
    values = mice(np.arange(8))
    spread = within_group_spread(values, mice([0] * 4 + [1] * 4), mice([0, 0, 1, 2, 3, 4, 5, 6]))
    assert spread.messages == ("TOO_FEW_SHARED_CAGES",)
    assert spread.cage_correlation is None
    refused = within_group_spread(values[:3], mice([0, 1, 2]))
    assert refused.sd is None
    assert refused.reason == "a spread needs at least 2 mice more than groups; there are 3 in 3"
    assert mice_per_arm(refused, 1.0) == []


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda s: mice_per_arm(s, 0.0), "not 0"),
        (lambda s: mice_per_arm(s, 1.0, power=0.04), "alpha below power"),
        (lambda s: mice_per_arm(s, 1.0, mice_per_cage=0.5), "at least 1"),
        (lambda s: within_group_spread(mice([np.inf]), mice([0])), "M000 is not"),
        (lambda s: within_group_spread(mice([1.0, 2.0]), mice([0])), "M001 has none"),
        (lambda s: within_group_spread(pd.Series([1.0, 2.0], index=["a", "a"]), mice([0])), "a comes twice"),
    ],
)
def test_plans_without_meaning_are_refused(call, sentence):
    spread = within_group_spread(mice([1, 2, 3, 4]), mice([0, 0, 1, 1]))
    with pytest.raises(ValueError, match=sentence):
        call(spread)
