"""Intervals of log2 fold changes from what a differential expression keeps: the change, its t, and its p.

The standard error is change / t, moderated as t is. The degrees of freedom are those that lead from t to p: a
moderated t has more than its design leaves, by what all genes together say of their variances.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtr, stdtrit

FEWEST_DF = 1.0
N_HALVINGS = 60  # of the reciprocal of df: to the last bit
NORMAL = 1e-7  # reciprocals of df below this are not told from a normal distribution
SLACK = 1e-6  # relative, of p: what the last digits of t and p may be off


def degrees_of_freedom(t: ArrayLike, p_value: ArrayLike) -> np.ndarray:
    """Find the degrees of freedom of a two-sided test from its t and p.

    Parameters
    ----------
    t, p_value : array_like, shape (n,)

    Returns
    -------
    numpy.ndarray of float, shape (n,)
        Infinity for a normal distribution; NaN where t is 0, p is 0 or 1, or no t distribution with at least
        one degree of freedom leads from t to p.
    """
    sizes, wanted = np.abs(np.asarray(t, dtype=float)), np.asarray(p_value, dtype=float)
    if sizes.shape != wanted.shape:
        raise ValueError(f"t and p_value must be of one length; got {sizes.shape} and {wanted.shape}")
    is_usable = np.isfinite(sizes) & (sizes > 0) & (wanted > 0) & (wanted < 1)
    found = np.full(sizes.shape, np.nan)
    sizes, wanted = sizes[is_usable], wanted[is_usable]
    low, high = np.zeros(sizes.shape), np.full(sizes.shape, 1 / FEWEST_DF)  # of 1 / df: the larger, the larger is p
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        is_below = _two_sided(sizes, middle) < wanted
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    reached = _two_sided(sizes, high)
    is_normal = np.abs(2 * ndtr(-sizes) / wanted - 1) <= SLACK
    with np.errstate(divide="ignore"):
        degrees = np.where(is_normal | (high <= NORMAL), np.inf, 1 / high)
    found[is_usable] = np.where(is_normal | (np.abs(reached / wanted - 1) <= SLACK), degrees, np.nan)
    return found


def _two_sided(t: np.ndarray, reciprocal_df: np.ndarray) -> np.ndarray:
    is_normal = reciprocal_df <= NORMAL
    df = 1 / np.where(is_normal, 1.0, reciprocal_df)
    return np.asarray(2 * np.where(is_normal, ndtr(-t), stdtr(df, -t)))


def estimate_intervals(results: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Put an interval around each log2 fold change.

    Parameters
    ----------
    results : pandas.DataFrame
        ``log2_fold_change``, ``t``, ``p_value``.
    level : float
        Share of intervals that hold the true change.

    Returns
    -------
    pandas.DataFrame
        ``low``, ``high``, ``df``, with the same index; NaN where `degrees_of_freedom` finds none.

    Raises
    ------
    ValueError
        If the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1; got {level}")
    change, t = (results[name].to_numpy(dtype=float) for name in ("log2_fold_change", "t"))
    df = degrees_of_freedom(t, results["p_value"].to_numpy(dtype=float))
    se = np.abs(np.divide(change, t, out=np.full(len(t), np.nan), where=t != 0))
    tail = (1 + level) / 2
    half = se * np.where(np.isinf(df), ndtri(tail), stdtrit(np.where(np.isinf(df), 1.0, df), tail))
    return pd.DataFrame({"low": change - half, "high": change + half, "df": df}, index=results.index)
