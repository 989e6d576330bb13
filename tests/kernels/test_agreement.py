"""Scorers and methods held to published tables: Shrout & Fleiss 1979, Bland & Altman 1986."""

import math

import numpy as np
import pytest

from analysis.kernels.agreement import Icc, bland_altman, scorer_agreement

# Shrout & Fleiss 1979, table 2: six targets, four judges
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
# Bland & Altman 1986, table 1: first readings of 17 subjects (l/min)
LARGE_METER = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI_METER = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]


def test_shrout_and_fleiss_table():
    agreement = scorer_agreement(SHROUT_FLEISS)
    assert (agreement.n_tests, agreement.n_scorers, agreement.reason) == (6, 4, "")
    # Table 4 of the paper: .29 and .71; with the intervals that psych::ICC prints for these data
    absolute, consistency = agreement.absolute, agreement.consistency
    assert (absolute.icc, consistency.icc) == (pytest.approx(0.29, abs=0.005), pytest.approx(0.71, abs=0.005))
    assert (absolute.low, absolute.high) == (pytest.approx(0.019, abs=5e-4), pytest.approx(0.761, abs=5e-4))
    assert (consistency.low, consistency.high) == (pytest.approx(0.342, abs=5e-4), pytest.approx(0.946, abs=5e-4))


def test_a_scorer_who_is_always_higher_agrees_in_rank_but_not_in_seconds():
    seconds = np.array([20.0, 40.0, 60.0, 80.0])
    agreement = scorer_agreement(np.column_stack([seconds, seconds + 10]))
    assert agreement.consistency == Icc(1.0, 1.0, 1.0)
    # Between tests 2 var = 2 x 2000 / 3, between scorers 4 x var(0, 10) = 200, left 0:
    # (4000 / 3) / (4000 / 3 + 2 x 200 / 4) = 0.930
    assert agreement.absolute.icc == pytest.approx((4000 / 3) / (4000 / 3 + 100))
    assert agreement.absolute.low < agreement.absolute.icc < agreement.absolute.high
    assert scorer_agreement(np.column_stack([seconds, seconds])).absolute == Icc(1.0, 1.0, 1.0)


def test_scorers_who_contradict_each_other_are_below_0():
    agreement = scorer_agreement([[1, 4], [2, 3], [3, 2], [4, 1]])
    # Neither tests nor scorers differ in their means, so -1 / (2 - 1) and -1 / (2 - 1 - 2 / 4) of what is left.
    assert (agreement.consistency.icc, agreement.absolute.icc) == (pytest.approx(-1), pytest.approx(-2))
    assert agreement.consistency.high < 0


def test_intervals_hold_the_true_agreement_of_two_scorers():
    """Tests SD 20 s, scorer error SD 8 s: ICC 400 / 464; two scorers without bias."""
    rng = np.random.default_rng(1)
    truth = 400 / (400 + 64)
    held = {"absolute": 0, "consistency": 0}
    for _ in range(1000):
        agreement = scorer_agreement(rng.normal(50, 20, (15, 1)) + rng.normal(0, 8, (15, 2)))
        for kind in held:
            icc = getattr(agreement, kind)
            held[kind] += icc.low <= truth <= icc.high
    assert 925 <= held["consistency"] <= 970
    assert held["absolute"] >= 925  # scorers as random draws: no less than claimed


def test_tests_that_one_scorer_left_out_are_left_out():
    with_gap = [*SHROUT_FLEISS, [9, math.nan, 5, 8]]
    assert scorer_agreement(with_gap) == scorer_agreement(SHROUT_FLEISS)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ([[1, 2], [3, 4]], "agreement needs 3 tests that all 2 scorers scored; there are 2"),
        ([[1, 2], [3, 4], [math.nan, 5]], "agreement needs 3 tests that all 2 scorers scored; there are 2"),
        ([[5, 5], [5, 5], [5, 5]], "no scorer scored any two tests differently"),
        ([[0, 5], [0, 5], [0, 5]], "no scorer scored any two tests differently"),
    ],
)
def test_agreement_that_cannot_be_told_says_why(scores, reason):
    agreement = scorer_agreement(scores)
    assert (agreement.absolute, agreement.consistency) == (None, None)
    assert agreement.reason.startswith(reason)


def test_bland_and_altman_peak_flow():
    agreement = bland_altman(LARGE_METER, MINI_METER)
    assert (agreement.n_tests, agreement.difference) == (17, pytest.approx(-2.1, abs=0.05))
    assert agreement.sd == pytest.approx(38.8, abs=0.05)
    # Page 309: the interval of the bias is -22.0 to 17.8
    assert agreement.difference_low == pytest.approx(-22.0, abs=0.05)
    assert agreement.difference_high == pytest.approx(17.8, abs=0.05)
    # The paper takes 2 SD (-79.7 and 75.5); 1.96 SD are 1.55 less
    assert agreement.lower_limit == pytest.approx(-79.7 + 0.04 * 38.8, abs=0.1)
    assert agreement.upper_limit == pytest.approx(75.5 - 0.04 * 38.8, abs=0.1)
    # ... and sqrt(3 / n) for the error of a limit: -114.3 to -45.1 and 40.9 to 110.1, so 34.6 either way
    for low, high in (
        (agreement.lower_limit_low, agreement.lower_limit_high),
        (agreement.upper_limit_low, agreement.upper_limit_high),
    ):
        assert (high - low) / 2 == pytest.approx(34.6, rel=0.01)
    assert agreement.slope_low < 0 < agreement.slope_high
    assert agreement.slope_p_value > 0.5


def test_a_bias_that_grows_with_the_time_shows_as_slope():
    # second = 0.8 first: difference 0.2 first, mean 0.9 first, so slope 2 / 9
    first = np.array([10.0, 30.0, 55.0, 80.0, 120.0])
    agreement = bland_altman(first, 0.8 * first)
    assert agreement.slope == pytest.approx(2 / 9)
    assert agreement.slope_p_value < 1e-6
    assert bland_altman([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]).slope is None  # all means are 2


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: scorer_agreement([[1], [2], [3]]), "a column for each of two or more scorers"),
        (lambda: scorer_agreement([[1, math.inf]] * 3), "a score is infinite; a missing one is NaN"),
        (lambda: scorer_agreement(SHROUT_FLEISS, confidence=95), "confidence must lie between 0 and 1; got 95"),
        (lambda: bland_altman([1, 2, math.nan], [1, 2, 3]), "limits of agreement need 3 tests scored twice; got 2"),
        (lambda: bland_altman([1, 2, 3], [1, 2]), "both scorings must be of one length"),
        (lambda: bland_altman([1, 2, math.inf], [1, 2, 3]), "a score is infinite"),
    ],
)
def test_what_is_no_table_of_scores_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
