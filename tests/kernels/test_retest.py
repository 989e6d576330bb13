"""Mice tested twice: hand arithmetic, and simulated mice whose reliability is known."""

import math

import numpy as np
import pytest

from analysis.kernels.retest import regression_to_mean, retest_error

# Log ratios change by .1, -.1, .2, -.2, 0: SD sqrt(.1 / 4) = .15811, SEM .15811 / sqrt 2 = .11180
FIRST = np.exp([0.0, 0.2, 0.4, 0.6, 0.8])
SECOND = np.exp([0.1, 0.1, 0.6, 0.4, 0.8])


def simulated(rng, n, mean=0.1, true_sd=0.5, error_sd=0.3, shift=0.0):
    true = rng.normal(mean, true_sd, n)
    return np.exp(true + rng.normal(0, error_sd, n)), np.exp(true + shift + rng.normal(0, error_sd, n))


def test_the_error_of_one_test_and_the_smallest_change_beyond_it():
    error = retest_error(FIRST, SECOND)
    assert error.sem == pytest.approx(0.11180, abs=1e-5)
    assert error.detectable_factor == pytest.approx(math.exp(1.96 * 0.15811), abs=1e-4)  # 1.363
    assert error.shift_factor == pytest.approx(1.0)
    # Means of both .05, .15, .5, .5, .8: 2 var = 2 x .09125; left SEM^2 = .0125; (.1825 - .0125) / (.1825 + .0125)
    assert error.reliability.icc == pytest.approx(0.17 / 0.195)
    assert error.reliability.low < error.reliability.icc < error.reliability.high
    assert (error.n_controls, error.n_left_out, error.reason) == (5, 0, "")


def test_a_second_test_that_doubles_all_ratios_is_shift_and_not_error():
    error = retest_error(FIRST, 2 * FIRST)
    assert error.shift_factor == pytest.approx(2)
    assert error.sem == pytest.approx(0, abs=1e-12)
    assert error.detectable_factor == pytest.approx(1)
    assert error.reliability.icc == 1


def test_missing_ratios_and_ratios_of_0_are_left_out_and_counted():
    error = retest_error([*FIRST, 0.0, 1.0, math.nan], [*SECOND, 1.0, math.nan, 1.0])
    assert (error.n_controls, error.n_left_out) == (5, 3)
    assert error.sem == retest_error(FIRST, SECOND).sem


def test_fewer_than_5_controls_tell_no_error():
    error = retest_error(FIRST[:4], SECOND[:4])
    assert error.reason == "the error of a test needs 5 controls tested twice with a ratio above 0, there are 4"
    assert (error.sem, error.detectable_factor, error.reliability) == (None, None, None)
    expectation = regression_to_mean(error, FIRST)
    assert expectation.reason == error.reason
    assert expectation.second_ratio([0.5]).loc[0, ["expected", "low", "high"]].isna().all()


def test_a_low_mouse_is_expected_nearer_to_the_mean():
    # Population: log ratios -1 to 1, mean 0, variance .625; slope 1 - .0125 / .625 = .98
    expectation = regression_to_mean(retest_error(FIRST, SECOND), np.exp([-1.0, -0.5, 0.0, 0.5, 1.0]))
    assert expectation.slope == pytest.approx(0.98)
    assert expectation.mean_ratio == pytest.approx(1)
    expected = expectation.second_ratio([math.exp(-1), 1.0, math.exp(1), 0.0])
    assert expected["expected"].to_numpy()[:3] == pytest.approx(np.exp([-0.98, 0, 0.98]))
    assert (expected["low"] < expected["expected"])[:3].all()
    assert (expected["expected"] < expected["high"])[:3].all()
    assert expected.loc[3, ["expected", "low", "high"]].isna().all()


def test_mice_that_differ_by_less_than_the_error_regress_all_the_way():
    expectation = regression_to_mean(retest_error(FIRST, SECOND), [1.0, 1.01, 1.02, 1.0, 0.99])
    assert expectation.slope == 0


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_susceptible_mice_come_back_where_expected_and_the_interval_holds_them(shift):
    """True SD .5 and error SD .3: reliability .25 / .34. Defeated mice are lower than controls."""
    rng = np.random.default_rng(4)
    error = retest_error(*simulated(rng, 4000, mean=0.3, shift=shift))
    assert error.sem == pytest.approx(0.3, rel=0.08)
    assert error.reliability.icc == pytest.approx(0.25 / 0.34, abs=0.06)
    first, second = simulated(rng, 4000, mean=-0.2, shift=shift)
    expectation = regression_to_mean(error, first)
    assert expectation.slope == pytest.approx(0.25 / 0.34, abs=0.03)
    susceptible = first < 0.8
    expected = expectation.second_ratio(first[susceptible])
    # No drug was given, and they rise:
    rise = np.log(second[susceptible]).mean() - np.log(first[susceptible]).mean()
    assert rise > 0.1
    assert np.log(expected["expected"]).mean() == pytest.approx(np.log(second[susceptible]).mean(), abs=0.03)
    held = ((second[susceptible] >= expected["low"]) & (second[susceptible] <= expected["high"])).mean()
    assert held == pytest.approx(0.95, abs=0.015)


def test_few_controls_widen_the_interval_enough():
    rng = np.random.default_rng(5)
    held = []
    for _ in range(200):
        first, second = simulated(rng, 30)
        expected = regression_to_mean(retest_error(*simulated(rng, 8)), first).second_ratio(first)
        held.append(((second >= expected["low"]) & (second <= expected["high"])).mean())
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(
    ("first_ratios", "reason"),
    [([1.0, 2.0, 0.0, math.nan], "the mean to regress to needs 5 mice with a first ratio above 0, there are 2"),
     ([1.0] * 6, "all first ratios are equal")],
)  # fmt: skip
def test_no_population_no_mean(first_ratios, reason):
    assert regression_to_mean(retest_error(FIRST, SECOND), first_ratios).reason == reason


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: retest_error(FIRST, SECOND[:4]), "both tests must be of one length"),
        (lambda: retest_error(-FIRST, SECOND), "first_ratio must be ratios of 0 or more, NaN where there is none; got -1"),
        (lambda: regression_to_mean(retest_error(FIRST, SECOND), [math.inf]), "first_ratios must be ratios of 0 or more"),
        (lambda: regression_to_mean(retest_error(FIRST, SECOND), FIRST).second_ratio([1], 95), "confidence must lie"),
    ],
)  # fmt: skip
def test_what_is_no_ratio_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
