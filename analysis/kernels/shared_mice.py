"""What two contrasts of one study have in common before anything has an effect: the mice that they share.

An estimate is a weighted sum of mice. Two estimates correlate as far as they weigh the same mice, with the same sign or with
opposite ones, so a correlation, an overlap or a map of two contrasts is to be held against this and never against 0.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.kernels.reversal_inputs import FloatArray

GroupNumbers = Sequence[float] | pd.Series


def mouse_weights(design: pd.DataFrame, contrast: pd.Series) -> pd.Series:
    """Return what each sample adds to a contrast's least-squares estimate, which is their weighted sum.

    Parameters
    ----------
    design : pandas.DataFrame, shape (n_samples, n_coefficients)
        Of full rank: groups and covariates, or what a formula makes.
    contrast : pandas.Series, shape (n_coefficients,)
        Indexed as the columns of the design.

    Returns
    -------
    pandas.Series, shape (n_samples,)

    Raises
    ------
    ValueError
        If the contrast names other coefficients than the design.
    """
    if not contrast.index.equals(design.columns):
        raise ValueError("contrast must be indexed by the columns of the design, in their order")
    columns = design.to_numpy(dtype=float)
    weights = columns @ np.linalg.solve(columns.T @ columns, contrast.to_numpy(dtype=float))
    return pd.Series(weights, index=design.index)


def shared_mice_null(first: pd.Series, second: pd.Series) -> float:
    """Correlation that two weighted sums of mice have when no contrast has any effect: w1'w2 / (|w1| |w2|).

    Parameters
    ----------
    first, second : pandas.Series
        Weights by sample, as `mouse_weights` gives them; a sample that one lacks weighs nothing there.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a sample is named twice, a weight is not finite, or one side weighs no mouse.
    """
    if not (first.index.is_unique and second.index.is_unique):
        raise ValueError("weights must name each sample once")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("weights must be finite")
    one, other = first.align(second, join="outer", fill_value=0.0)
    return _correlation(one.to_numpy(dtype=float), other.to_numpy(dtype=float))


def shared_group_null(c1: GroupNumbers, c2: GroupNumbers, n: GroupNumbers) -> float:
    """Correlation that two contrasts of one study have when neither has any effect.

    c1' N^-1 c2 / sqrt(c1' N^-1 c1 . c2' N^-1 c2), N = diag(n). It is what to compare a correlation
    or an overlap of the two with, instead of 0.

    Parameters
    ----------
    c1, c2 : sequence of float or pandas.Series, shape (n_groups,)
        Contrast weights by group.
    n : sequence of float or pandas.Series, shape (n_groups,)
        Mice by group. Where all three are Series they are matched by group name.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If lengths differ, a size is not positive, or a contrast is 0 everywhere.
    """
    first, second, size = _aligned(c1, c2, n)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("contrast weights must be finite")
    if not (size > 0).all():
        raise ValueError(f"n must be positive for every group; got {size[~(size > 0)][0]}")
    return _correlation(first / np.sqrt(size), second / np.sqrt(size))


def _correlation(first: FloatArray, second: FloatArray) -> float:
    lengths = np.sum(first**2) * np.sum(second**2)
    if lengths == 0:
        raise ValueError("a contrast must weigh at least one group")
    return float(np.sum(first * second) / np.sqrt(lengths))


def _aligned(*columns: GroupNumbers) -> list[FloatArray]:
    series = [column for column in columns if isinstance(column, pd.Series)]
    if len(series) == len(columns):
        names = series[0].index
        if any(not names.is_unique or set(names) != set(other.index) for other in series):
            raise ValueError("c1, c2 and n must name the same groups, each once")
        columns = tuple(one.reindex(names) for one in series)
    arrays = [np.asarray(column, dtype=float) for column in columns]
    if any(array.ndim != 1 or array.shape != arrays[0].shape for array in arrays):
        raise ValueError(f"c1, c2 and n must have one number per group; got {[array.shape for array in arrays]}")
    return arrays
