"""Cleveland's robust locally weighted regression, step for step as R's ``lowess`` does it."""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

# Cleveland's cut-offs: weights of the nearest points are 1, of the farthest 0, whatever the rounding.
NEAREST = 0.001
FARTHEST = 0.999
NEGLIGIBLE_SPREAD = 0.001  # of the range of x: below it a slope cannot be told
NEGLIGIBLE_RESIDUAL = 1e-7  # of the mean: the fit is exact and robustness weights would be noise


@dataclass(frozen=True)
class LowessCurve:
    """A fitted curve: straight lines between knots, constant beyond them.

    Attributes
    ----------
    x, y : numpy.ndarray, shape (n_knots,)
        Knots, x ascending.
    """

    x: FloatArray
    y: FloatArray

    def evaluate(self, x: ArrayLike) -> FloatArray:
        """Return the curve's height at x, of any shape."""
        return np.interp(np.asarray(x, dtype=float), self.x, self.y)


@dataclass(frozen=True)
class _Window:
    """The points that a knot's local line is fitted to, with their tricube weights."""

    points: slice
    tricube: FloatArray
    has_width: bool


def fit_lowess(
    x: ArrayLike, y: ArrayLike, span: float = 0.5, iterations: int = 3, delta_fraction: float = 0.01
) -> LowessCurve:
    """Fit a robust locally weighted regression line.

    Parameters
    ----------
    x, y : array_like, shape (n_points,)
        Finite coordinates, in any order.
    span : float
        Share of the points that each local line is fitted to.
    iterations : int
        Robustness iterations after the first fit.
    delta_fraction : float
        Points within this fraction of the range of x are interpolated rather than fitted. The
        memory needed grows as n_points / delta_fraction.

    Returns
    -------
    LowessCurve
        Its heights at x are R's ``lowess(x, y, f=span, iter=iterations, delta=delta_fraction * range)``.

    Raises
    ------
    ValueError
        If x and y differ in length, are empty or not finite.

    References
    ----------
    .. [1] Cleveland, J Am Stat Assoc 74, 829-836 (1979).
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise ValueError(f"x and y must be of one length and not empty; got shapes {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("x and y must be finite")
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    if x.size == 1:
        return LowessCurve(x, y)
    n_window = max(2, min(x.size, int(span * x.size + 1e-7)))
    knots = _place_knots(x, delta_fraction * (x[-1] - x[0]))
    windows = _place_windows(x, knots, n_window)
    robustness = np.ones_like(x)
    for iteration in range(iterations + 1):
        heights = _fit_knots(x, y, knots, windows, robustness)
        if iteration == iterations:
            break
        residuals = np.abs(y - np.interp(x, x[knots], heights))
        scale = _six_median_absolute_deviations(residuals)
        if scale <= NEGLIGIBLE_RESIDUAL * residuals.mean():
            break
        robustness = _bisquare(residuals, scale)
    return LowessCurve(x[knots], heights)


def _place_knots(x: FloatArray, delta: float) -> list[int]:
    """First point of each tie that gets a fit of its own: the last one within delta of the previous."""
    knots = [0]
    while True:
        last_tied = int(np.searchsorted(x, x[knots[-1]], side="right")) - 1
        if last_tied >= x.size - 1:
            return knots
        beyond = int(np.searchsorted(x, x[knots[-1]] + delta, side="right"))
        knots.append(max(last_tied + 1, beyond - 1))


def _place_windows(x: FloatArray, knots: list[int], n_window: int) -> list[_Window]:
    windows = []
    left = 0
    for knot in knots:
        here = x[knot]
        left = _nearest_window_start(x, here, left, n_window)
        right = left + n_window - 1
        radius = max(here - x[left], x[right] - here)
        end = int(np.searchsorted(x, x[right], side="right"))  # ties on the right belong to the window
        distance = np.abs(x[left:end] - here)
        tricube = np.ones_like(distance)
        if radius > 0:
            tricube = (1 - (distance / radius) ** 3) ** 3
            tricube[distance <= NEAREST * radius] = 1.0
        tricube[distance > FARTHEST * radius] = 0.0
        windows.append(_Window(slice(left, end), tricube, bool(radius > 0)))
    return windows


def _nearest_window_start(x: FloatArray, here: float, left: int, n_window: int) -> int:
    """Move the window right, never back, while that makes its radius smaller."""

    def stays(start: int) -> bool:
        return bool(here - x[start] <= x[start + n_window] - here)

    return left + bisect_left(range(left, x.size - n_window), True, key=stays)


def _fit_knots(
    x: FloatArray, y: FloatArray, knots: list[int], windows: list[_Window], robustness: FloatArray
) -> FloatArray:
    slope_threshold = NEGLIGIBLE_SPREAD * (x[-1] - x[0])
    heights = np.empty(len(knots))
    for k, (knot, window) in enumerate(zip(knots, windows, strict=True)):
        weights = window.tricube * robustness[window.points]
        total = weights.sum()
        if total <= 0:
            heights[k] = y[knot]
            continue
        weights /= total
        heights[k] = weights @ y[window.points]
        if window.has_width:
            center = weights @ x[window.points]
            offset = x[window.points] - center
            weighted_offset = weights * offset
            spread = weighted_offset @ offset
            if np.sqrt(spread) > slope_threshold:
                heights[k] += (x[knot] - center) / spread * (weighted_offset @ y[window.points])
    return heights


def _six_median_absolute_deviations(residuals: FloatArray) -> float:
    upper = residuals.size // 2
    lower = residuals.size - upper - 1
    ordered = np.partition(residuals, (lower, upper))
    return 3.0 * float(ordered[lower] + ordered[upper])


def _bisquare(residuals: FloatArray, scale: float) -> FloatArray:
    weights = (1 - (residuals / scale) ** 2) ** 2
    weights[residuals <= NEAREST * scale] = 1.0
    weights[residuals > FARTHEST * scale] = 0.0
    return weights
