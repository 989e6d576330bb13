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

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.kernels.reversal_inputs import BoolArray, FloatArray

_Sums = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

STEPS_TOGETHER = 4  # measured: five of six roots settle in these, the others in a few more
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
    bracket = _Bracket(
        root=np.where(is_low, half, -half), low=np.where(is_low, 0.0, -half), high=np.where(is_low, half, 0.0)
    )
    ranks = np.arange(n_roots)
    is_above = np.arange(poles.shape[-1]) <= ranks[:, None]
    step = _Step(shifted, squares, shifted[ranks, :, ranks], shifted[ranks, :, ranks + 1], _columns_of(is_above))
    is_open = np.ones(upper.shape, dtype=bool)
    for _ in range(STEPS_TOGETHER):
        is_open &= bracket.narrow(step, is_open)
    if is_open.any():
        bracket.root[is_open] = _settle(bracket, step, squares, is_open, is_above)
    np.subtract(shifted, bracket.root[..., None], out=shifted)
    return shifted, origin + bracket.root


def _settle(
    together: "_Bracket", step: "_Step", squares: FloatArray, is_open: BoolArray, is_above: BoolArray
) -> FloatArray:
    """Go on with the roots that are still open, so that a settled one costs nothing more."""
    ranks, rows = np.nonzero(is_open)
    shifted = step.shifted.reshape(-1, step.shifted.shape[-1]).take(np.flatnonzero(is_open), axis=0)
    places = np.arange(len(ranks))
    one = _Step(
        shifted, squares.take(rows, axis=0), shifted[places, ranks], shifted[places, ranks + 1],
        _rows_of(is_above.take(ranks, axis=0).astype(float)),
    )  # fmt: skip
    bracket = _Bracket(together.root[is_open], together.low[is_open], together.high[is_open])
    still_open = np.ones(len(ranks), dtype=bool)
    for _ in range(MAX_STEPS):
        still_open &= bracket.narrow(one, still_open)
        if not still_open.any():
            break
    return bracket.root


def _columns_of(is_above: BoolArray) -> _Sums:
    """Sums over the poles above and below, for all rows of each root."""
    sides = np.stack([is_above, ~is_above], axis=-1).astype(float)  # roots x poles x (above, below)

    def sums(terms: FloatArray) -> tuple[FloatArray, FloatArray]:
        both = np.matmul(terms, sides)
        return both[..., 0], both[..., 1]

    return sums


def _rows_of(above: FloatArray) -> _Sums:
    """Sums over the poles above and below, where every row is of a root of its own."""
    below = 1.0 - above

    def sums(terms: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.einsum("nj,nj->n", terms, above), np.einsum("nj,nj->n", terms, below)

    return sums


@dataclass
class _Bracket:
    """Distances of the roots from their origins, and between which they lie."""

    root: FloatArray
    low: FloatArray
    high: FloatArray

    def narrow(self, step: "_Step", is_open: BoolArray) -> BoolArray:
        """Move every open root by one step; say which are to go on."""
        step.evaluate(self.root)
        is_above = step.value > 0
        self.high, self.low = np.where(is_above, self.root, self.high), np.where(is_above, self.low, self.root)
        moved = self.root + step.length()
        inside = (moved > self.low) & (moved < self.high)  # not where not finite
        moved = np.where(inside, moved, (self.low + self.high) / 2)
        is_rounding = step.is_rounding()
        is_done = (np.abs(moved - self.root) <= SETTLED * np.abs(moved)) | is_rounding
        self.root = np.where(is_open & ~is_rounding, moved, self.root)
        return ~is_done


class _Step:
    """One step of the interpolation at the current distances x_j - y.

    The terms of the poles above and below the root are each replaced by one pole that has their
    slope; the root of the replacement solves a quadratic equation.
    """

    def __init__(self, shifted: FloatArray, squares: FloatArray, upper: FloatArray, lower: FloatArray, sums: _Sums):
        self.shifted, self.squares = shifted, squares
        self._upper, self._lower, self._sums = upper, lower, sums
        self._inverse, self._terms = np.empty_like(shifted), np.empty_like(shifted)

    def evaluate(self, root: FloatArray) -> None:
        """Compute value and slopes at these distances from the origins."""
        np.subtract(self.shifted, root[..., None], out=self._inverse)
        np.divide(1.0, self._inverse, out=self._inverse)
        np.multiply(self.squares, self._inverse, out=self._terms)
        above, below = self._sums(self._terms)
        self.value, self.size = above + below, above - below
        np.multiply(self._terms, self._inverse, out=self._terms)
        self.slope_above, self.slope_below = self._sums(self._terms)
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
