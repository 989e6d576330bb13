"""Does one measure go along with another: Spearman's rank correlation with its interval, by group and pooled."""

import math
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm, rankdata
from scipy.stats import t as t_distribution

from analysis.kernels.adjusting import benjamini_hochberg
from analysis.kernels.shapes import FloatArray

MIN_MICE = 5  # with 4 no rank correlation reaches p = .05
MOST_FOR_EXACT = 8  # mice of which all orders are gone through: 40,320
TIE = 1e-12  # a correlation of another order that rounding alone makes smaller is as large


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho.

    Attributes
    ----------
    n : int
        Mice with both values.
    rho, low, high : float or None
        The correlation and its interval; None when refused.
    p_value : float or None
        Two-sided.
    reason : str
        Why there is none; else empty.
    """

    n: int
    rho: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    reason: str = ""


def rank_correlation(x: npt.ArrayLike, y: npt.ArrayLike, confidence: float = 0.95) -> RankCorrelation:
    """Spearman's rank correlation of two measures of the same mice.

    The interval is that of Fisher's z with Bonett and Wright's variance (1 + rho^2 / 2) / (n - 3). The p-value
    goes through all orders for up to 8 mice, and takes Student's t beyond.

    Parameters
    ----------
    x, y : array_like, shape (n_mice,)
        In the same order; a pair with a missing one (NaN) is left out.
    confidence : float
        Of the interval.

    Returns
    -------
    RankCorrelation
        With a reason for fewer than 5 pairs, or a measure that is the same in all mice.

    Raises
    ------
    ValueError
        If the arrays differ in length or a value is infinite.

    References
    ----------
    .. [1] Bonett & Wright, Psychometrika 65, 23-28 (2000).
    """
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"both measures must be of one length; got {a.shape} and {b.shape}")
    if np.isinf(a).any() or np.isinf(b).any():
        raise ValueError("a value is infinite; a missing one is NaN")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1; got {confidence}")
    both = ~(np.isnan(a) | np.isnan(b))
    a, b, n = a[both], b[both], int(both.sum())
    if n < MIN_MICE:
        return RankCorrelation(n, reason=f"a rank correlation needs {MIN_MICE} mice with both values, there are {n}")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return RankCorrelation(n, reason="one of the measures is the same in all mice")
    of_a, of_b = _standardized(a), _standardized(b)
    rho = float(np.clip(of_a @ of_b, -1, 1))
    low, high = _interval(rho, n, confidence)
    return RankCorrelation(n, rho, low, high, _p_value(of_a, of_b, rho))


def correlate_by_group(values: pd.DataFrame, reference: pd.Series, group: pd.Series) -> pd.DataFrame:
    """Correlate several measures with one, in all mice and within each group.

    Pooled, a correlation is mostly the difference of the groups: read it beside those within them. P-values are
    adjusted by Benjamini and Hochberg over the measures, by themselves pooled and in each group.

    Parameters
    ----------
    values : pandas.DataFrame, shape (n_mice, n_measures)
        Indexed by mouse; NaN where a mouse has none.
    reference : pandas.Series
        What they are correlated with (the SI ratio), by mouse.
    group : pandas.Series of str
        By mouse; mice without one are in the pooled correlation alone.

    Returns
    -------
    pandas.DataFrame
        One row per measure and group, pooled first (``group`` empty): ``measure``, ``group``, ``n``, ``rho``, ``low``,
        ``high``, ``p_value``, ``adj_p_value``, ``reason``.
    """
    reference, group = reference.reindex(values.index).astype(float), group.reindex(values.index)
    rows = []
    for name in ["", *dict.fromkeys(group.dropna())]:
        members = group.eq(name) if name else pd.Series(True, index=values.index)
        some, of_reference = values[members], reference[members].to_numpy()
        found = {str(measure): rank_correlation(column.to_numpy(), of_reference) for measure, column in some.items()}
        adjusted = benjamini_hochberg([one.p_value for one in found.values()])
        rows += [
            {"measure": measure, "group": name, **vars(one), "adj_p_value": p_value}
            for (measure, one), p_value in zip(found.items(), adjusted, strict=True)
        ]
    columns = ["measure", "group", "n", "rho", "low", "high", "p_value", "adj_p_value", "reason"]
    return pd.DataFrame(rows, columns=columns)


def _standardized(values: FloatArray) -> FloatArray:
    """Ranks with mean 0 and length 1, so that a product of two is their correlation."""
    ranks = rankdata(values)
    centered = ranks - ranks.mean()
    return np.asarray(centered / np.linalg.norm(centered), dtype=float)


def _interval(rho: float, n: int, confidence: float) -> tuple[float, float]:
    if abs(rho) == 1:
        return rho, rho
    half = float(norm.isf((1 - confidence) / 2)) * math.sqrt((1 + rho**2 / 2) / (n - 3))
    return math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)


def _p_value(of_a: FloatArray, of_b: FloatArray, rho: float) -> float:
    n = len(of_a)
    if n <= MOST_FOR_EXACT:
        return float((np.abs(of_b[_orders(n)] @ of_a) >= abs(rho) - TIE).mean())
    if abs(rho) == 1:
        return 0.0
    return float(2 * t_distribution.sf(abs(rho) * math.sqrt((n - 2) / (1 - rho**2)), n - 2))


@cache
def _orders(n: int) -> npt.NDArray[np.intp]:
    return np.array(list(permutations(range(n))), dtype=np.intp)
