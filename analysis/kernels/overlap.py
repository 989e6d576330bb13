"""Plain overlap of two lists of differential genes, for people who expect it.

Two contrasts of one study that share a group make overlap by themselves, and genes that move together
are no replicates: the counts describe, their p-value comes from relabeled animals
(`overlap_relabeling_p`), and beside them stands what the shared group alone gives.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import owens_t
from scipy.stats import norm

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

COLUMNS = ("log2_fold_change", "p_value")
CONTINUITY = 0.5  # Haldane 1956, Anscombe 1956: added to each cell of the odds ratio
NO_COMMON_GENES = "NO_COMMON_GENES"
NO_SIGNIFICANT_GENES = "NO_SIGNIFICANT_GENES"
MESSAGES = {
    NO_COMMON_GENES: "No gene was tested in both comparisons; are their identifiers of one kind?",
    NO_SIGNIFICANT_GENES: "No gene passes the thresholds in {which}; there is nothing to overlap.",
}


@dataclass(frozen=True)
class DirectionOverlap:
    """The 2 x 2 table of one kind of agreement: significant in x by significant in y.

    Attributes
    ----------
    both, only_x, only_y, neither : int
        Genes.
    odds_ratio, low, high : float
        With 1/2 added to each cell, and its 95 % interval, as if genes were independent.
    expected : float
        Genes in both if the lists were independent of each other.
    genes : pandas.Index
        The genes in both, the smaller of their larger p first.
    """

    both: int
    only_x: int
    only_y: int
    neither: int
    odds_ratio: float
    low: float
    high: float
    expected: float
    genes: pd.Index


@dataclass(frozen=True)
class SignedOverlap:
    """Answer of `signed_overlap`; None where nothing can be compared, and `messages` says why.

    Attributes
    ----------
    opposite, same : DirectionOverlap or None
        Genes that go in opposite directions, and in the same, in the two comparisons.
    directions : pandas.DataFrame or None, shape (2, 2)
        Genes significant in both, up and down in x (rows) by up and down in y (columns).
    n_genes, n_dropped : int
        Genes tested in both; left out because one comparison has no number for them.
    n_x, n_y : int
        Genes that pass the thresholds.
    null_opposite_share : float or None
        Share of genes significant in both that would oppose without any effect, given the correlation
        `null_correlation` that a shared group makes; one half without a shared group.
    messages : tuple of str
        Codes of `MESSAGES`.
    sentences : tuple of str
        The same in words.
    """

    opposite: DirectionOverlap | None
    same: DirectionOverlap | None
    directions: pd.DataFrame | None
    n_genes: int
    n_dropped: int
    n_x: int
    n_y: int
    null_opposite_share: float | None
    messages: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


def signed_overlap(
    x: pd.DataFrame,
    y: pd.DataFrame,
    p_cutoff: float = 0.05,
    min_abs_log2_fc: float = 0.0,
    null_correlation: float = 0.0,
) -> SignedOverlap:
    """Count the genes that two comparisons call, by direction.

    Parameters
    ----------
    x, y : pandas.DataFrame, shape (n_genes, >= 2)
        ``log2_fold_change`` and ``p_value`` by gene, as `voom_limma` gives them. A gene is called with a
        p below the cutoff and at least the smallest change.
    p_cutoff, min_abs_log2_fc : float
        Thresholds, the same for both.
    null_correlation : float
        Of the two contrasts when neither has an effect: `reversal.shared_group_null`.

    Returns
    -------
    SignedOverlap

    Raises
    ------
    ValueError
        If a column is missing, a gene comes twice, a p-value is no probability or a threshold is out of
        range.
    """
    if not 0 < p_cutoff <= 1:
        raise ValueError(f"p_cutoff must be above 0 and at most 1; got {p_cutoff}")
    if not (min_abs_log2_fc >= 0 and math.isfinite(min_abs_log2_fc)):
        raise ValueError(f"min_abs_log2_fc must be 0 or more; got {min_abs_log2_fc}")
    if not -1 <= null_correlation <= 1:
        raise ValueError(f"null_correlation must be between -1 and 1; got {null_correlation}")
    first, second = _tested(x, "x"), _tested(y, "y")
    genes = first.index.intersection(second.index)
    n_dropped = len(x.index.union(y.index)) - len(genes)
    if not len(genes):
        return SignedOverlap(
            None, None, None, 0, n_dropped, 0, 0, None, (NO_COMMON_GENES,), (MESSAGES[NO_COMMON_GENES],)
        )
    first, second = first.loc[genes], second.loc[genes]
    in_x, in_y = (_direction(one, p_cutoff, min_abs_log2_fc) for one in (first, second))
    worse_p = np.maximum(first["p_value"].to_numpy(), second["p_value"].to_numpy())
    n_x, n_y = int(np.count_nonzero(in_x)), int(np.count_nonzero(in_y))
    which = " and ".join(name for name, n in (("the first comparison", n_x), ("the second", n_y)) if n == 0)
    return SignedOverlap(
        opposite=_table(genes, in_x, in_y, -1, worse_p),
        same=_table(genes, in_x, in_y, 1, worse_p),
        directions=_directions(in_x, in_y),
        n_genes=len(genes),
        n_dropped=n_dropped,
        n_x=n_x,
        n_y=n_y,
        null_opposite_share=opposite_share(null_correlation, p_cutoff),
        messages=(NO_SIGNIFICANT_GENES,) if which else (),
        sentences=(MESSAGES[NO_SIGNIFICANT_GENES].format(which=which),) if which else (),
    )


def opposite_share(correlation: float, p_cutoff: float) -> float:
    """Share of pairs of normal deviates, both beyond the two-sided cutoff, that have opposite signs.

    Parameters
    ----------
    correlation : float
        Between the two, from -1 to 1.
    p_cutoff : float
        Two-sided, for each.

    Returns
    -------
    float
        1/2 for independent ones.

    References
    ----------
    .. [1] Owen, Ann Math Stat 27, 1075-1090 (1956): the normal corner by his function T.
    """
    if abs(correlation) >= 1:
        return 0.0 if correlation > 0 else 1.0
    opposite, same = (_both_above(norm.isf(p_cutoff / 2), sign * correlation) for sign in (-1, 1))
    return float(opposite / (opposite + same)) if opposite + same > 0 else float(correlation < 0)


def _both_above(z: float, correlation: float) -> float:
    """P(X > z and Y > z) for two standard normal deviates, z at least 0."""
    slope = math.sqrt((1 - correlation) / (1 + correlation))
    return max(0.0, float(norm.sf(z) - 2 * owens_t(z, slope)))


def overlap_relabeling_p(
    signatures: Iterable[tuple[ArrayLike, ArrayLike]], n_top: int, *, opposite: bool = True
) -> tuple[float, FloatArray]:
    """Compare the overlap of the strongest genes with that of relabeled animals.

    Parameters
    ----------
    signatures : iterable of pairs of array_like, shape (n_genes,)
        Signed significance of the same genes in both contrasts, the true labeling first, as
        `relabeled_signatures.relabeled_signatures` gives them.
    n_top : int
        Genes taken from either contrast, so that all relabelings are compared at one size.
    opposite : bool
        Count genes of opposite direction; else of the same.

    Returns
    -------
    p_value : float
        Share of relabelings with at least as many genes, the true labeling included.
    counts : numpy.ndarray, shape (n_relabelings,)
        Genes in both, the true labeling first.

    Raises
    ------
    ValueError
        If there are fewer than two labelings or not so many genes.
    """
    counts = []
    for pair in signatures:
        x, y = (np.asarray(one, dtype=float) for one in pair)
        if not 1 <= n_top <= len(x) or x.shape != y.shape:
            raise ValueError(f"n_top must be between 1 and the number of genes, {len(x)}; got {n_top}")
        chosen = np.intersect1d(_strongest(x, n_top), _strongest(y, n_top))
        counts.append(int(np.count_nonzero((x[chosen] * y[chosen] < 0) == opposite)))
    if len(counts) < 2:
        raise ValueError(f"a p-value needs the true labeling and at least one other; got {len(counts)}")
    numbers = np.array(counts, dtype=float)
    return float(np.mean(numbers >= numbers[0])), numbers


def _strongest(values: FloatArray, n_top: int) -> NDArray[np.intp]:
    return np.argpartition(-np.abs(values), n_top - 1)[:n_top]


def _tested(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Genes with a number in both columns."""
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise ValueError(f"{name} must have the columns {' and '.join(COLUMNS)}; it has no {missing[0]}")
    if not frame.index.is_unique:
        raise ValueError(f"{name} must have each gene once; {frame.index[frame.index.duplicated()][0]} comes twice")
    tested = frame[list(COLUMNS)].astype(float)
    tested = tested[np.isfinite(tested.to_numpy()).all(axis=1)]
    beyond = ~tested["p_value"].between(0, 1)
    if beyond.any():
        raise ValueError(f"{name} must have p-values between 0 and 1; got {tested['p_value'][beyond].iloc[0]}")
    return tested


def _direction(tested: pd.DataFrame, p_cutoff: float, min_abs_log2_fc: float) -> FloatArray:
    """1 or -1 for genes called up or down, 0 for the others."""
    change = tested["log2_fold_change"].to_numpy()
    called = (tested["p_value"].to_numpy() < p_cutoff) & (np.abs(change) >= min_abs_log2_fc)
    return np.where(called, np.sign(change), 0.0)


def _directions(in_x: FloatArray, in_y: FloatArray) -> pd.DataFrame:
    ends = {"up": 1.0, "down": -1.0}
    counts = [[int(np.sum((in_x == x) & (in_y == y))) for y in ends.values()] for x in ends.values()]
    return pd.DataFrame(counts, index=pd.Index(ends, name="x"), columns=pd.Index(ends, name="y"))


def _table(genes: pd.Index, in_x: FloatArray, in_y: FloatArray, sign: int, worse_p: FloatArray) -> DirectionOverlap:
    """Significant in x by significant in y, over the genes that are not called in the other relation."""
    is_both = in_x * in_y == sign
    is_other = in_x * in_y == -sign
    n_x, n_y = (int(np.count_nonzero(one)) - int(is_other.sum()) for one in (in_x, in_y))
    both, n_genes = int(is_both.sum()), len(genes) - int(is_other.sum())
    only_x, only_y = n_x - both, n_y - both
    neither = n_genes - both - only_x - only_y
    cells = np.array([both, only_x, only_y, neither]) + CONTINUITY
    log_ratio = math.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    reach = float(norm.isf(0.025)) * math.sqrt(float(np.sum(1 / cells)))
    found = np.flatnonzero(is_both)
    return DirectionOverlap(
        both, only_x, only_y, neither,
        math.exp(log_ratio), math.exp(log_ratio - reach), math.exp(log_ratio + reach),
        expected=n_x * n_y / n_genes if n_genes else 0.0,
        genes=genes[found[np.argsort(worse_p[found], kind="stable")]],
    )  # fmt: skip
