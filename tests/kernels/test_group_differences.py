"""Two groups compared: against R's t.test, SciPy's Mann-Whitney, counting by hand, and by coverage."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, rankdata

from analysis.kernels.adjusting import benjamini_hochberg
from analysis.kernels.group_differences import mean_difference, rank_difference

# Student's sleep data, as in R's `sleep`: extra hours with two drugs.
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_the_difference_of_means_is_that_of_r():
    # R 4: t.test(extra ~ group, sleep): t = -1.8608, df = 17.776, p = .07939, interval -3.3654832 to .2054832
    found = mean_difference(FIRST, SECOND)
    assert (found.n, found.n_reference) == (10, 10)
    assert (found.mean, found.reference_mean) == pytest.approx((0.75, 2.33))
    assert (found.low, found.high) == pytest.approx((-3.3654832, 0.2054832), abs=1e-7)
    assert found.p_value == pytest.approx(0.07939, abs=5e-6)


def test_three_against_three_reach_a_tenth_and_say_so():
    found = rank_difference([4, 5, 6], [1, 2, 3])
    assert (found.rank_biserial, found.high) == (1, 1)
    assert found.p_value == pytest.approx(2 / 20)  # this division and its reverse, of 6! / (3! 3!) = 20
    assert found.p_floor == pytest.approx(2 / 20)
    assert (found.median, found.reference_median) == (5, 2)


@pytest.mark.parametrize("seed", range(4))
def test_p_values_without_ties_are_those_of_scipy(seed: int):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0.8, 1, 7 + seed), rng.normal(0, 2, 9)
    theirs = mannwhitneyu(x, y, method="exact")
    found = rank_difference(x, y)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-12)
    assert found.rank_biserial == pytest.approx(2 * theirs.statistic / (len(x) * len(y)) - 1)


def test_p_values_with_ties_count_every_division():
    x, y = [1, 2, 2, 5, 5], [2, 5, 6, 6, 7, 7]
    ranks = rankdata([*x, *y])
    middle = ranks.sum() * len(x) / len(ranks)
    sums = np.array([sum(chosen) for chosen in combinations(ranks, len(x))])
    expected = np.mean(np.abs(sums - middle) >= abs(ranks[: len(x)].sum() - middle) - 1e-9)
    assert rank_difference(x, y).p_value == pytest.approx(expected, rel=1e-12)


def test_beyond_a_hundred_mice_the_normal_distribution_stands_in():
    rng = np.random.default_rng(5)
    x, y = rng.integers(0, 12, 80), rng.integers(1, 13, 90)
    found = rank_difference(x, y)
    assert found.p_value == pytest.approx(mannwhitneyu(x, y, method="asymptotic").pvalue, rel=1e-9)
    assert found.p_floor is None


def test_the_interval_holds_the_true_share_as_often_as_it_says():
    # x ~ N(1, 1), y ~ N(0, 1): P(x > y) = Phi(1 / sqrt 2) = .76025, so .5205 as rank-biserial.
    rng, held, draws = np.random.default_rng(11), 0, 600
    for _ in range(draws):
        found = rank_difference(rng.normal(1, 1, 8), rng.normal(0, 1, 12))
        held += found.low <= 0.5205 <= found.high
    assert held / draws == pytest.approx(0.95, abs=0.025)  # 3 SE of a share of 600


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [([1, 2, np.nan], [1, 2, 3], "there are 2 and 3"), ([4] * 3, [4] * 5, "the same in all mice")],
)
def test_what_cannot_be_compared_says_why(x, y, reason):
    for found in (rank_difference(x, y), mean_difference(x, y)):
        assert found.p_value is None
        assert reason in found.reason
    assert "of each group" in mean_difference([1] * 3, [2] * 3).reason


def test_questions_without_an_answer_are_not_of_the_family():
    # Of two p-values the smaller is doubled, the larger stays: .02 and .03.
    assert benjamini_hochberg([0.01, None, 0.03]) == [pytest.approx(0.02), None, pytest.approx(0.03)]
    assert benjamini_hochberg([None]) == [None]
