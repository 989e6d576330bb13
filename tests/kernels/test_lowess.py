"""Lowess against R's printed example and against what the method must do.

The curve inside voom is compared with R through its weights in test_differential_expression.
"""

import numpy as np
import pytest

from analysis.kernels.lowess import fit_lowess

# R's data set `cars` (mph, feet) and the output of `lowess(cars)` as R prints it:
# f = 2/3, iter = 3, delta = 0.01 x range.
SPEED = [
    4, 4, 7, 7, 8, 9, 10, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 16,
    16, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 20, 20, 20, 20, 20, 22, 23, 24, 24, 24, 24, 25,
]  # fmt: skip
DISTANCE = [
    2, 10, 4, 22, 16, 10, 18, 26, 34, 17, 28, 14, 20, 24, 28, 26, 34, 34, 46, 26, 36, 60, 80, 20, 26, 54,
    32, 40, 32, 40, 50, 42, 56, 76, 84, 36, 46, 68, 32, 48, 52, 56, 64, 66, 54, 70, 92, 93, 120, 85,
]  # fmt: skip
CARS_LOWESS = {
    4: 4.965459, 7: 13.124495, 8: 15.858633, 9: 18.579691, 10: 21.280313, 11: 24.129277, 12: 27.119549,
    13: 30.027276, 14: 32.962506, 15: 36.757728, 16: 40.435075, 17: 43.463492, 18: 46.885479, 19: 50.793152,
    20: 56.491224, 22: 67.585824, 23: 73.079695, 24: 78.643164, 25: 84.328698,
}  # fmt: skip


def test_the_curve_through_cars_is_the_one_r_prints():
    curve = fit_lowess(SPEED, DISTANCE, span=2 / 3)
    np.testing.assert_allclose(curve.evaluate(list(CARS_LOWESS)), list(CARS_LOWESS.values()), atol=5e-7)


def test_points_on_a_line_stay_on_it_in_any_order():
    x = np.random.default_rng(1).permutation(np.linspace(-3, 9, 301))
    curve = fit_lowess(x, 2 - 0.5 * x)
    np.testing.assert_allclose(curve.evaluate(x), 2 - 0.5 * x, rtol=0, atol=1e-12)


def test_beyond_its_ends_the_curve_is_constant():
    curve = fit_lowess([0.0, 1, 2, 3], [0.0, 2, 4, 6], span=1)
    np.testing.assert_allclose(curve.evaluate([-5.0, 8.0]), [0, 6], atol=1e-12)


def test_one_wild_point_is_given_no_weight():
    x = np.linspace(0, 1, 101)
    y = np.sin(3 * x) * 0.1 + 0.01 * np.cos(40 * x)
    wild = y.copy()
    wild[50] += 100
    robust, plain = fit_lowess(x, wild), fit_lowess(x, wild, iterations=0)
    clean = fit_lowess(x, y).evaluate(x)
    assert np.abs(robust.evaluate(x) - clean).max() < 0.01
    assert np.abs(plain.evaluate(x) - clean).max() > 1


def test_points_that_share_one_x_give_their_mean():
    curve = fit_lowess([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], iterations=0)
    assert curve.evaluate(2.0) == pytest.approx(2)


def test_a_single_point_is_its_own_curve():
    assert fit_lowess([1.0], [5.0]).evaluate([0.0, 1.0, 2.0]).tolist() == [5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [([], [], "not empty"), ([1.0, 2.0], [1.0], "one length"), ([1.0, np.nan], [1.0, 2.0], "finite")],
)
def test_unusable_points_are_refused(x, y, words):
    with pytest.raises(ValueError, match=words):
        fit_lowess(x, y)
