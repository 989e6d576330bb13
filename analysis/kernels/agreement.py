"""How well several scorers, or two methods, agree on the same tests."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import f as f_distribution
from scipy.stats import linregress
from scipy.stats import t as t_distribution

from analysis.kernels.shapes import FloatArray

MIN_PAIRS = 3  # a slope and a spread from two have nothing left to be judged by
LIMIT_Z = 1.96  # Bland & Altman 1999: 95 % of the differences


@dataclass(frozen=True)
class Icc:
    """An intraclass correlation.

    Attributes
    ----------
    icc : float
        At most 1; below 0 where scorers disagree more than tests differ.
    low, high : float
        Its interval.
    """

    icc: float
    low: float
    high: float


@dataclass(frozen=True)
class ScorerAgreement:
    """Intraclass correlations of single scores.

    Attributes
    ----------
    n_tests, n_scorers : int
        Tests that all scorers scored, and scorers.
    absolute : Icc or None
        ICC(2,1): a scorer who is always 5 s higher lowers it. None when refused.
    consistency : Icc or None
        ICC(3,1): such a scorer does not lower it. None when refused.
    reason : str
        Why there is none; else empty.
    """

    n_tests: int
    n_scorers: int
    absolute: Icc | None
    consistency: Icc | None
    reason: str


@dataclass(frozen=True)
class BlandAltman:
    """Differences of two scorings of the same tests, first minus second, in their unit.

    Attributes
    ----------
    n_tests : int
        Tests with both.
    difference, sd : float
        Mean and standard deviation of the differences.
    difference_low, difference_high : float
        Interval of the mean difference.
    lower_limit, upper_limit : float
        Limits of agreement, mean -+ 1.96 SD: 95 % of differences lie within.
    lower_limit_low, lower_limit_high, upper_limit_low, upper_limit_high : float
        Intervals of the limits.
    slope, slope_low, slope_high, slope_p_value : float or None
        Of the differences against the means: other than 0, the bias grows with the time. None when all
        means are equal.
    """

    n_tests: int
    difference: float
    sd: float
    difference_low: float
    difference_high: float
    lower_limit: float
    upper_limit: float
    lower_limit_low: float
    lower_limit_high: float
    upper_limit_low: float
    upper_limit_high: float
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    slope_p_value: float | None


def scorer_agreement(scores: npt.ArrayLike, confidence: float = 0.95) -> ScorerAgreement:
    """Intraclass correlations of scorers who scored the same tests.

    Parameters
    ----------
    scores : array_like, shape (n_tests, n_scorers)
        One score per test and scorer, in one unit; a test with a missing one (NaN) is left out.
    confidence : float
        Of the intervals.

    Returns
    -------
    ScorerAgreement
        With a reason instead of numbers for fewer than 3 complete tests, or scores that do not vary.

    Raises
    ------
    ValueError
        If there are fewer than two scorers or a score is infinite.

    References
    ----------
    .. [1] Shrout & Fleiss, Psychol Bull 86, 420-428 (1979).
    .. [2] McGraw & Wong, Psychol Methods 1, 30-46 (1996), table 7: the intervals.
    """
    table = np.asarray(scores, dtype=float)
    if table.ndim != 2 or table.shape[1] < 2:
        raise ValueError(f"scores must have a column for each of two or more scorers; got shape {table.shape}")
    if np.isinf(table).any():
        raise ValueError("a score is infinite; a missing one is NaN")
    _require_confidence(confidence)
    table = table[~np.isnan(table).any(axis=1)]
    n, k = table.shape
    if n < MIN_PAIRS:
        reason = f"agreement needs {MIN_PAIRS} tests that all {k} scorers scored; there are {n}"
        return ScorerAgreement(n, k, None, None, reason)
    if np.ptp(table, axis=0).max() == 0:
        reason = "no scorer scored any two tests differently: there is nothing to agree on"
        return ScorerAgreement(n, k, None, None, reason)
    squares = _mean_squares(table)
    return ScorerAgreement(n, k, _absolute(squares, n, k, confidence), _consistency(squares, n, k, confidence), "")


def bland_altman(first: npt.ArrayLike, second: npt.ArrayLike, confidence: float = 0.95) -> BlandAltman:
    """Mean difference and limits of agreement of two scorings.

    Parameters
    ----------
    first, second : array_like, shape (n_tests,)
        The same tests in the same order, in one unit; a pair with a missing one (NaN) is left out.
    confidence : float
        Of the intervals.

    Returns
    -------
    BlandAltman
        See there.

    Raises
    ------
    ValueError
        If the arrays differ in length, a score is infinite, or fewer than 3 pairs are complete.

    References
    ----------
    .. [1] Bland & Altman, Lancet 327, 307-310 (1986).
    .. [2] Bland & Altman, Stat Methods Med Res 8, 135-160 (1999): variance of the limits.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"both scorings must be of one length; got {a.shape} and {b.shape}")
    if np.isinf(a).any() or np.isinf(b).any():
        raise ValueError("a score is infinite; a missing one is NaN")
    _require_confidence(confidence)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b, n = a[both], b[both], int(both.sum())
    if n < MIN_PAIRS:
        raise ValueError(f"limits of agreement need {MIN_PAIRS} tests scored twice; got {n}")
    differences = a - b
    mean, sd = float(differences.mean()), float(differences.std(ddof=1))
    t = float(t_distribution.isf((1 - confidence) / 2, n - 1))
    of_mean = t * sd / math.sqrt(n)
    of_limit = t * sd * math.sqrt(1 / n + LIMIT_Z**2 / (2 * (n - 1)))
    lower, upper = mean - LIMIT_Z * sd, mean + LIMIT_Z * sd
    slope, slope_low, slope_high, slope_p_value = _slope((a + b) / 2, differences, confidence)
    return BlandAltman(
        n_tests=n,
        difference=mean,
        sd=sd,
        difference_low=mean - of_mean,
        difference_high=mean + of_mean,
        lower_limit=lower,
        upper_limit=upper,
        lower_limit_low=lower - of_limit,
        lower_limit_high=lower + of_limit,
        upper_limit_low=upper - of_limit,
        upper_limit_high=upper + of_limit,
        slope=slope,
        slope_low=slope_low,
        slope_high=slope_high,
        slope_p_value=slope_p_value,
    )


@dataclass(frozen=True)
class _MeanSquares:
    """Of the two-way table: between tests, between scorers, and what is left."""

    tests: float
    scorers: float
    error: float


def _mean_squares(table: FloatArray) -> _MeanSquares:
    n, k = table.shape
    of_tests, of_scorers = table.mean(axis=1), table.mean(axis=0)
    left = table - of_tests[:, None] - of_scorers + table.mean()
    error = float((left**2).sum()) / ((n - 1) * (k - 1))
    # Rounding of scores that differ by a constant alone would pass for disagreement.
    if error < (np.finfo(float).eps * np.abs(table).max()) ** 2 * n * k:
        error = 0.0
    return _MeanSquares(k * float(of_tests.var(ddof=1)), n * float(of_scorers.var(ddof=1)), error)


def _consistency(squares: _MeanSquares, n: int, k: int, confidence: float) -> Icc:
    if squares.error == 0:
        return Icc(1.0, 1.0, 1.0)
    ratio, alpha = squares.tests / squares.error, 1 - confidence
    low = ratio / f_distribution.isf(alpha / 2, n - 1, (n - 1) * (k - 1))
    high = ratio * f_distribution.isf(alpha / 2, (n - 1) * (k - 1), n - 1)
    icc, low, high = (float((value - 1) / (value + k - 1)) for value in (ratio, low, high))
    return Icc(icc, low, high)


def _absolute(squares: _MeanSquares, n: int, k: int, confidence: float) -> Icc:
    tests, scorers, error = squares.tests, squares.scorers, squares.error
    icc = (tests - error) / (tests + (k - 1) * error + k * (scorers - error) / n)
    if scorers == error == 0:
        return Icc(1.0, 1.0, 1.0)
    # Satterthwaite's degrees of freedom of the scorers' and the remaining variance together
    a, b = k * icc / (n * (1 - icc)), 1 + k * icc * (n - 1) / (n * (1 - icc))
    spread = (a * scorers) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    df = (a * scorers + b * error) ** 2 / spread if spread > 0 else float((n - 1) * (k - 1))
    alpha, rest = 1 - confidence, k * scorers + (k * n - k - n) * error
    f_low, f_high = f_distribution.isf(alpha / 2, n - 1, df), f_distribution.isf(alpha / 2, df, n - 1)
    low = n * (tests - f_low * error) / (f_low * rest + n * tests)
    high = n * (f_high * tests - error) / (rest + n * f_high * tests)
    return Icc(float(icc), float(low), float(high))


def _slope(means: FloatArray, differences: FloatArray, confidence: float) -> tuple[float | None, ...]:
    if np.ptp(means) == 0:
        return None, None, None, None
    fit = linregress(means, differences)
    half = float(t_distribution.isf((1 - confidence) / 2, len(means) - 2)) * fit.stderr
    return float(fit.slope), float(fit.slope - half), float(fit.slope + half), float(fit.pvalue)


def _require_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1; got {confidence}")
