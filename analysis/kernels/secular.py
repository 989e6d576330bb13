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
SETTLED = 1e-9  # relative step; convergence is quadratic, so what is left is its square
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


def gaps_to_roots(poles: FloatArray, squares: FloatArray, n_roots: int) -> tuple[FloatArray, FloatArray]:
    """Solve the secular equation between each of the first poles and the next, row by row, all at once.

    Parameters
    ----------
    poles, squares : numpy.ndarray, shape (n, m)
        x, descending, and u^2 > 0.
    n_roots : int
        How many roots from the largest on, below m.

    Returns
    -------
    gaps : numpy.ndarray, shape (n_roots, n, m)
        x_j - y with small relative error, however close the root is to a pole.
    roots : numpy.ndarray, shape (n_roots, n)
        y.
    """
    upper, lower = poles[:, :n_roots].T, poles[:, 1 : n_roots + 1].T
    half = (upper - lower) / 2
    gaps = poles - (lower + half)[..., None]
    is_low = np.sum(np.divide(squares, gaps, out=gaps), axis=-1) > 0  # the root is in the lower half
    origin = np.where(is_low, lower, upper)
    shifted = poles - origin[..., None]
    low, high = np.where(is_low, 0.0, -half), np.where(is_low, half, 0.0)
    root = np.where(is_low, half, -half)
    step = _Step(shifted, squares, n_roots)
    is_open = np.ones(root.shape, dtype=bool)
    for _ in range(MAX_STEPS):
        step.evaluate(root)
        is_above = step.value > 0
        high, low = np.where(is_above, root, high), np.where(is_above, low, root)
        moved = root + step.length()
        inside = (moved > low) & (moved < high)  # not where not finite
        moved = np.where(inside, moved, (low + high) / 2)
        is_rounding = step.is_rounding()
        is_done = (np.abs(moved - root) <= SETTLED * np.abs(moved)) | is_rounding
        root = np.where(is_open & ~is_rounding, moved, root)
        is_open &= ~is_done
        if not is_open.any():
            break
    np.subtract(shifted, root[..., None], out=shifted)
    return shifted, origin + root


class _Step:
    """One step of the interpolation at the current distances x_j - y.

    The terms of the poles above and below the root are each replaced by one pole that has their
    slope; the root of the replacement solves a quadratic equation.
    """

    def __init__(self, shifted: FloatArray, squares: FloatArray, n_roots: int):
        self.shifted, self.squares = shifted, squares
        m = squares.shape[-1]
        ranks = np.arange(n_roots)
        is_above = np.arange(m) <= ranks[:, None]
        self._sides = np.stack([is_above, ~is_above], axis=-1).astype(float)  # roots x poles x (above, below)
        self._upper, self._lower = shifted[ranks, :, ranks], shifted[ranks, :, ranks + 1]
        self._inverse, self._terms = np.empty_like(shifted), np.empty_like(shifted)

    def evaluate(self, root: FloatArray) -> None:
        """Compute value and slopes at these distances from the origins."""
        np.subtract(self.shifted, root[..., None], out=self._inverse)
        np.divide(1.0, self._inverse, out=self._inverse)
        np.multiply(self.squares, self._inverse, out=self._terms)
        above, below = np.moveaxis(np.matmul(self._terms, self._sides), -1, 0)
        self.value, self.size = above + below, above - below
        np.multiply(self._terms, self._inverse, out=self._terms)
        self.slope_above, self.slope_below = np.moveaxis(np.matmul(self._terms, self._sides), -1, 0)
        self.to_upper, self.to_lower = self._upper - root, self._lower - root

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
