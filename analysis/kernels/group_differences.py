"""Does a measure differ between two groups of mice: by ranks, and in its own unit."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import norm, rankdata
from scipy.stats import t as t_distribution

from analysis.kernels.shapes import FloatArray

MIN_PER_GROUP = 3  # a spread from two mice says nothing
MOST_FOR_EXACT = 100  # mice of both groups: beyond, the normal distribution is as good


@dataclass(frozen=True)
class RankDifference:
    """One group against a reference by ranks.

    Attributes
    ----------
    n, n_reference : int
        Mice with a value.
    median, reference_median : float or None
        In the measure's unit.
    rank_biserial, low, high : float or None
        Share of pairs in which the group's mouse is higher minus the share in which it is lower (-1 to 1), and its
        interval; None when refused.
    p_value : float or None
        Mann-Whitney, two-sided.
    p_floor : float or None
        The smallest p that so many mice could give.
    reason : str
        Why there is none; else empty.
    """

    n: int
    n_reference: int
    median: float | None = None
    reference_median: float | None = None
    rank_biserial: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_floor: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class MeanDifference:
    """One group minus a reference in the measure's unit.

    Attributes
    ----------
    n, n_reference : int
        Mice with a value.
    mean, reference_mean : float or None
        Of each group.
    difference, low, high : float or None
        And its interval (Welch); None when refused.
    p_value : float or None
        Welch's t-test, two-sided.
    reason : str
        Why there is none; else empty.
    """

    n: int
    n_reference: int
    mean: float | None = None
    reference_mean: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    reason: str = ""


def rank_difference(values: npt.ArrayLike, reference: npt.ArrayLike, confidence: float = 0.95) -> RankDifference:
    """Compare two groups by Mann and Whitney's test.

    The p-value counts all ways to divide these values, ties included, for up to 100 mice, and takes the normal
    distribution (corrected for ties and continuity) beyond. The interval is Newcombe's method 5.

    Parameters
    ----------
    values, reference : array_like, shape (n_mice,)
        One value a mouse; missing ones (NaN) are left out.
    confidence : float
        Of the interval.

    Returns
    -------
    RankDifference
        With a reason for fewer than 3 mice in a group, or values that are all the same.

    Raises
    ------
    ValueError
        If a value is infinite.

    References
    ----------
    .. [1] Newcombe, Stat Med 25, 559-573 (2006).
    """
    own, other = _checked(values, reference, confidence)
    n, m = len(own), len(other)
    if reason := _refusal(own, other):
        return RankDifference(n, m, reason=reason)
    ranks = rankdata(np.concatenate([own, other]))
    higher = (float(ranks[:n].sum()) - n * (n + 1) / 2) / (n * m)  # share of pairs, a tie as half
    low, high = _share_interval(higher, n, m, confidence)
    p_value, p_floor = _exact(ranks, n) if n + m <= MOST_FOR_EXACT else (_normal(ranks, n), None)
    return RankDifference(
        n, m, float(np.median(own)), float(np.median(other)), 2 * higher - 1, 2 * low - 1, 2 * high - 1, p_value, p_floor
    )  # fmt: skip


def mean_difference(values: npt.ArrayLike, reference: npt.ArrayLike, confidence: float = 0.95) -> MeanDifference:
    """Compare the means of two groups whose spreads may differ.

    Parameters
    ----------
    values, reference : array_like, shape (n_mice,)
        One value a mouse, in one unit; missing ones (NaN) are left out.
    confidence : float
        Of the interval.

    Returns
    -------
    MeanDifference
        With a reason for fewer than 3 mice in a group, or values that are all the same within both.

    Raises
    ------
    ValueError
        If a value is infinite.

    References
    ----------
    .. [1] Welch, Biometrika 34, 28-35 (1947).
    """
    own, other = _checked(values, reference, confidence)
    n, m = len(own), len(other)
    reason = _refusal(own, other)
    if not reason and np.ptp(own) == 0 and np.ptp(other) == 0:
        reason = "the measure is the same in all mice of each group"
    if reason:
        return MeanDifference(n, m, reason=reason)
    of_own, of_other = own.var(ddof=1) / n, other.var(ddof=1) / m
    error = math.sqrt(of_own + of_other)
    df = (of_own + of_other) ** 2 / (of_own**2 / (n - 1) + of_other**2 / (m - 1))
    difference = float(own.mean() - other.mean())
    half = float(t_distribution.isf((1 - confidence) / 2, df)) * error
    p_value = float(2 * t_distribution.sf(abs(difference) / error, df))
    return MeanDifference(
        n, m, float(own.mean()), float(other.mean()), difference, difference - half, difference + half, p_value
    )  # fmt: skip


def mean_interval(values: npt.ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the mean and Student's interval of it; NaN for fewer than 3 values."""
    own, _none = _checked(values, [], confidence)
    if len(own) < MIN_PER_GROUP:
        return math.nan, math.nan, math.nan
    mean = float(own.mean())
    half = float(t_distribution.isf((1 - confidence) / 2, len(own) - 1)) * float(own.std(ddof=1)) / math.sqrt(len(own))
    return mean, mean - half, mean + half


def _checked(values: npt.ArrayLike, reference: npt.ArrayLike, confidence: float) -> tuple[FloatArray, FloatArray]:
    own, other = np.asarray(values, dtype=float), np.asarray(reference, dtype=float)
    if own.ndim != 1 or other.ndim != 1:
        raise ValueError(f"each group must be a list of values; got shapes {own.shape} and {other.shape}")
    if np.isinf(own).any() or np.isinf(other).any():
        raise ValueError("a value is infinite; a missing one is NaN")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1; got {confidence}")
    return own[~np.isnan(own)], other[~np.isnan(other)]


def _refusal(own: FloatArray, other: FloatArray) -> str:
    if min(len(own), len(other)) < MIN_PER_GROUP:
        return f"a comparison needs {MIN_PER_GROUP} mice in each group, there are {len(own)} and {len(other)}"
    if np.ptp(np.concatenate([own, other])) == 0:
        return "the measure is the same in all mice"
    return ""


def _exact(ranks: FloatArray, n: int) -> tuple[float, float]:
    """Return the p-value among all ways to choose the group, and the smallest that there is.

    Ranks are doubled so that those of ties are whole; ``ways[k, s]`` counts the choices of k mice with sum s.
    """
    doubled = np.rint(2 * ranks).astype(int)
    total = int(doubled.sum())
    ways = np.zeros((n + 1, total + 1))
    ways[0, 0] = 1
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, : total + 1 - rank]
    # Whole numbers, so that a sum as far from the mean on the other side counts as equally far.
    far = np.abs(len(ranks) * np.arange(total + 1) - n * total)
    observed = abs(len(ranks) * int(doubled[:n].sum()) - n * total)
    of_group = ways[n] / ways[n].sum()
    farthest = far[of_group > 0].max()
    return min(1.0, float(of_group[far >= observed].sum())), float(of_group[far >= farthest].sum())


def _normal(ranks: FloatArray, n: int) -> float:
    count = len(ranks)
    variance = n * (count - n) * float(ranks.var(ddof=1)) / count  # that of a sum of n of these ranks, ties and all
    distance = max(abs(float(ranks[:n].sum()) - n * (count + 1) / 2) - 0.5, 0.0)
    return float(2 * norm.sf(distance / math.sqrt(variance)))


def _share_interval(share: float, n: int, m: int, confidence: float) -> tuple[float, float]:
    """Return the shares whose own standard error just reaches the one that was seen."""
    z, pseudo = float(norm.isf((1 - confidence) / 2)), (n + m) / 2 - 1

    def excess(true: float) -> float:
        spread = 1 + pseudo * ((1 - true) / (2 - true) + true / (1 + true))
        return (share - true) ** 2 - z**2 * true * (1 - true) * spread / (n * m)

    edge = 1e-9  # at 0 and at 1 nothing varies, and both sides are 0
    low = 0.0 if share <= edge else float(brentq(excess, 0.0, min(share, 1 - edge)))
    high = 1.0 if share >= 1 - edge else float(brentq(excess, max(share, edge), 1.0))
    return low, high
