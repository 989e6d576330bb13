"""Eigenvalues of a symmetric matrix after a rank-one projection, many at a time.

If H = V diag(x) V' and u is a unit vector with coordinates V'u, then the eigenvalues of
(I - u u') H (I - u u') within the complement of u are the roots y of the secular equation

    sum_j u_j^2 / (x_j - y) = 0,

one between every two neighbors of x, with eigenvector coordinates proportional to u_j / (x_j - y).
An eigendecomposition of order n costs n^3; a root costs n times a handful of steps.

References
----------
.. [1] Golub, SIAM Rev 15, 318-334 (1973).
.. [2] Li, LAPACK Working Note 89 (1993): the rational interpolation used here.
"""

import numpy as np

from analysis.kernels.reversal_inputs import BoolArray, FloatArray

MAX_STEPS = 80  # bisection alone needs 53; the interpolation 4 to 6
TOLERANCE = 4 * np.finfo(float).eps
MIN_SQUARE = 1e-24  # smaller coordinates, or
MIN_GAP = 1e-11  # closer poles relative to the largest, cost digits: take an eigendecomposition instead


def is_well_separated(poles: FloatArray, squares: FloatArray) -> BoolArray:
    """Which rows of (poles, squares) the secular equation solves to full precision.

    Parameters
    ----------
    poles, squares : numpy.ndarray, shape (n, m)
        x, descending, and u^2, row by row.
    """
    gaps = poles[:, :-1] - poles[:, 1:]
    wide = gaps.min(axis=1) > MIN_GAP * np.abs(poles).max(axis=1)
    return wide & (squares.min(axis=1) > MIN_SQUARE)


def gaps_to_root(poles: FloatArray, squares: FloatArray, upper: int) -> tuple[FloatArray, FloatArray]:
    """Solve the secular equation between poles `upper` and `upper` + 1, row by row.

    Parameters
    ----------
    poles, squares : numpy.ndarray, shape (n, m)
        x, descending, and u^2 > 0.
    upper : int
        Column of the pole above the root: the root is the eigenvalue of that rank.

    Returns
    -------
    gaps : numpy.ndarray, shape (n, m)
        x_j - y with small relative error, however close the root is to a pole.
    roots : numpy.ndarray, shape (n,)
        y.
    """
    half = (poles[:, upper] - poles[:, upper + 1]) / 2
    at_middle = np.sum(squares / (poles - (poles[:, upper + 1] + half)[:, None]), axis=1)
    is_low = at_middle > 0  # the root is in the lower half
    origin = np.where(is_low, poles[:, upper + 1], poles[:, upper])
    shifted = poles - origin[:, None]
    low, high = np.where(is_low, 0.0, -half), np.where(is_low, half, 0.0)
    root = np.where(is_low, half, -half)
    active = np.arange(len(poles))
    for _ in range(MAX_STEPS):
        step = _Step(shifted[active] - root[active, None], squares[active], upper)
        above = step.value > 0
        high[active[above]], low[active[~above]] = root[active[above]], root[active[~above]]
        moved = root[active] + step.length()
        outside = ~((moved > low[active]) & (moved < high[active]))  # also where not finite
        moved[outside] = (low[active][outside] + high[active][outside]) / 2
        done = (np.abs(moved - root[active]) <= TOLERANCE * np.abs(moved)) | step.is_rounding()
        root[active] = np.where(step.is_rounding(), root[active], moved)
        active = active[~done]
        if len(active) == 0:
            break
    return shifted - root[:, None], origin + root


class _Step:
    """One step of the interpolation at the current distances x_j - y.

    The terms of the poles above and below the root are each replaced by one pole that has their
    slope; the root of the replacement solves a quadratic equation.
    """

    def __init__(self, gaps: FloatArray, squares: FloatArray, upper: int):
        inverse = 1 / gaps
        terms = squares * inverse
        above, below = terms[:, : upper + 1].sum(axis=1), terms[:, upper + 1 :].sum(axis=1)
        self.value = above + below
        self.size = above - below
        terms *= inverse
        self.slope_above, self.slope_below = (
            terms[:, : upper + 1].sum(axis=1),
            terms[:, upper + 1 :].sum(axis=1),
        )
        self.to_upper, self.to_lower = gaps[:, upper], gaps[:, upper + 1]

    def is_rounding(self) -> BoolArray:
        """Whether the value is no more than the rounding of its terms."""
        return np.abs(self.value) <= TOLERANCE * self.size

    def length(self) -> FloatArray:
        """Distance to the root of the interpolation; not finite where there is none."""
        c = self.value - self.slope_above * self.to_upper - self.slope_below * self.to_lower
        product = self.to_upper * self.to_lower
        a = (self.to_upper + self.to_lower) * self.value - product * (self.slope_above + self.slope_below)
        b = product * self.value
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.sqrt(np.maximum(a * a - 4 * b * c, 0.0))
            return np.where(a > 0, 2 * b / (a + root), (a - root) / (2 * c))
