"""Rank-rank hypergeometric overlap (RRHO) of two signatures, stratified by direction.

For the genes taken from the top or the bottom of either list, how improbable is it that so many are
the same? The map describes: genes are no replicates, and contrasts that share animals agree or oppose
each other by themselves. Its p-value comes from relabeled animals, `rrho_relabeling.relabeling_p`.

References
----------
.. [1] Plaisier, Taschereau, Wong, Graeber, Nucleic Acids Res 38, e169 (2010).
.. [2] Cahill, Huo, Tseng, Logan, Seney, Sci Rep 8, 9588 (2018): the four quadrants.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.kernels.hypergeometric import FloatArray, IntArray, LogFactorials, log10_upper_tail, log_factorials
from analysis.kernels.rrho_maximum import RrhoMaximum, find_maximum

QUADRANTS = ("up_up", "down_down", "up_down", "down_up")  # of x, of y
TIE_STREAMS = (0, 1)  # tied genes stand in another random order in either list, or they would agree by name

NO_COMMON_GENES = "NO_COMMON_GENES"
TIED_RANKS = "TIED_RANKS"
ONE_DIRECTION_X = "ONE_DIRECTION_X"
ONE_DIRECTION_Y = "ONE_DIRECTION_Y"
DROPPED_GENES = "DROPPED_GENES"
MESSAGES = {
    NO_COMMON_GENES: "The two lists share no gene with a number in both; are their identifiers of one kind?",
    TIED_RANKS: "{n_tied} genes share their value with another gene of their list; ties are broken at random.",
    ONE_DIRECTION_X: "The first list changes in one direction only; two quadrants are empty.",
    ONE_DIRECTION_Y: "The second list changes in one direction only; two quadrants are empty.",
    DROPPED_GENES: "{n_dropped} genes are left out: in one list only, there twice, or without a number.",
}


@dataclass(frozen=True)
class RankedPair:
    """Two signatures by rank: what the map is computed from.

    Attributes
    ----------
    x_rank, y_rank : numpy.ndarray of int, shape (n_genes,)
        Place from the top, from 0.
    n_up_x, n_down_x, n_up_y, n_down_y : int
        Genes above and below 0.
    """

    x_rank: IntArray
    y_rank: IntArray
    n_up_x: int
    n_down_x: int
    n_up_y: int
    n_down_y: int

    @property
    def n_genes(self) -> int:
        """Genes in both lists."""
        return len(self.x_rank)

    def from_ends(self, quadrant: str) -> tuple[IntArray, IntArray]:
        """Places counted from the end of x and of y that the quadrant takes."""
        x_end, y_end = quadrant.split("_")
        last = self.n_genes - 1
        return (
            self.x_rank if x_end == "up" else last - self.x_rank,
            self.y_rank if y_end == "up" else last - self.y_rank,
        )

    def sizes(self, quadrant: str) -> tuple[int, int]:
        """Genes between either end and the sign change."""
        x_end, y_end = quadrant.split("_")
        return (
            self.n_up_x if x_end == "up" else self.n_down_x,
            self.n_up_y if y_end == "up" else self.n_down_y,
        )


@dataclass(frozen=True)
class Rrho:
    """Answer of `rrho`; None where there was nothing to rank, and `messages` says why.

    Attributes
    ----------
    log10_p : dict of pandas.DataFrame, or None
        By quadrant, log10 of P(overlap >= observed); rows and columns are the numbers of genes taken
        from the respective end of x and y.
    overlap : dict of pandas.DataFrame, or None
        Genes in both, same shape.
    maxima : dict of RrhoMaximum, or None
        By quadrant, the most improbable overlap, at the resolution of single genes; a quadrant
        without genes has none.
    n_genes, n_dropped, n_tied : int
        Genes used; left out because they were in one list only, not finite, or named twice; used
        genes that share their value with another.
    step : int or None
        Genes from one row of a map to the next.
    messages : tuple of str
        Codes of `MESSAGES`.
    """

    log10_p: dict[str, pd.DataFrame] | None
    overlap: dict[str, pd.DataFrame] | None
    maxima: dict[str, RrhoMaximum] | None
    n_genes: int
    n_dropped: int
    n_tied: int
    step: int | None
    messages: tuple[str, ...]
    _genes: pd.Index
    _pair: RankedPair | None

    @property
    def sentences(self) -> tuple[str, ...]:
        """The messages in words."""
        numbers = {"n_tied": self.n_tied, "n_dropped": self.n_dropped}
        return tuple(MESSAGES[code].format(**numbers) for code in self.messages)

    def overlapping_genes(self, quadrant: str) -> pd.Index:
        """Genes in both lists at the maximum of a quadrant, the furthest from 0 in both first.

        Raises
        ------
        ValueError
            If there is no such quadrant.
        """
        _require_quadrant(quadrant)
        if self._pair is None or self.maxima is None or quadrant not in self.maxima:
            return self._genes[:0]
        x, y = self._pair.from_ends(quadrant)
        best = self.maxima[quadrant]
        common = np.flatnonzero((x < best.n_x) & (y < best.n_y))
        return self._genes[common[np.argsort((x + y)[common], kind="stable")]]


def rrho(x: pd.Series, y: pd.Series, step: int | None = None, population_offset: int = 0) -> Rrho:
    """Map the overlap of two ranked gene lists.

    Parameters
    ----------
    x, y : pandas.Series
        Signed significance, -log10 p with the sign of the change, indexed by gene.
    step : int, optional
        Genes from one row of the map to the next; by default the root of their number, rounded up.
    population_offset : int
        Added to the number of genes; 1 reproduces R's RRHO and RRHO2, which count one too many.
        Theirs is a gene beyond the bottom of the first list for what is counted from its top, and
        one that both selections hold for what is counted from the bottom of the second.

    Returns
    -------
    Rrho

    Raises
    ------
    ValueError
        If a list is not a Series of numbers, step is below 1 or the offset negative.
    """
    if step is not None and step < 1:
        raise ValueError(f"step must be at least 1; got {step}")
    if population_offset < 0:
        raise ValueError(f"population_offset must be 0 or more; got {population_offset}")
    genes, first, second = _common(x, y)
    n_dropped = len(x.index.union(y.index).unique()) - len(genes)
    if not len(genes):
        return Rrho(None, None, None, 0, n_dropped, 0, None, (NO_COMMON_GENES,), genes, None)
    pair = rank_pair(first, second)
    step = step or default_step(len(genes))
    table = log_factorials(len(genes) + population_offset)
    log10_p, overlap, maxima = {}, {}, {}
    for quadrant in QUADRANTS:
        counts = overlap_counts(pair, quadrant, step)
        tails = log10_tails(counts, quadrant, grid_sizes(counts, step), pair.n_genes, population_offset, table)
        overlap[quadrant] = _as_frame(counts, step)
        log10_p[quadrant] = _as_frame(tails, step)
        best = find_maximum(
            pair.from_ends(quadrant), pair.sizes(quadrant), tails, step,
            _phantom(quadrant, population_offset), pair.n_genes + population_offset, table,
        )  # fmt: skip
        if best is not None:
            maxima[quadrant] = best
    n_tied = int((_is_tied(first) | _is_tied(second)).sum())
    codes = {
        ONE_DIRECTION_X: not (pair.n_up_x and pair.n_down_x),
        ONE_DIRECTION_Y: not (pair.n_up_y and pair.n_down_y),
        TIED_RANKS: n_tied > 0,
        DROPPED_GENES: n_dropped > 0,
    }
    messages = tuple(code for code, applies in codes.items() if applies)
    return Rrho(log10_p, overlap, maxima, len(genes), n_dropped, n_tied, step, messages, genes, pair)


def default_step(n_genes: int) -> int:
    """Root of the number of genes, rounded up, as RRHO2 does."""
    return max(1, math.isqrt(n_genes - 1) + 1) if n_genes > 0 else 1


def rank_pair(x: FloatArray, y: FloatArray) -> RankedPair:
    """Rank two signatures of the same genes, the highest first; ties in a random order of a fixed seed."""
    return RankedPair(
        _ranks(x, TIE_STREAMS[0]), _ranks(y, TIE_STREAMS[1]),
        int((x > 0).sum()), int((x < 0).sum()), int((y > 0).sum()), int((y < 0).sum()),
    )  # fmt: skip


def overlap_counts(pair: RankedPair, quadrant: str, step: int) -> IntArray:
    """Genes in both selections for every cell: a histogram of ranks, summed from the corner."""
    (x, y), (size_x, size_y) = pair.from_ends(quadrant), pair.sizes(quadrant)
    n_rows, n_columns = size_x // step, size_y // step
    inside = (x < n_rows * step) & (y < n_columns * step)
    cells = (x[inside] // step) * n_columns + y[inside] // step
    counts = np.bincount(cells, minlength=n_rows * n_columns).reshape(n_rows, n_columns)
    return np.asarray(counts.cumsum(axis=0).cumsum(axis=1), dtype=np.intp)


def log10_tails(
    counts: IntArray,
    quadrant: str,
    sizes: tuple[IntArray, IntArray],
    n_genes: int,
    population_offset: int,
    table: LogFactorials,
) -> FloatArray:
    """log10 P(overlap >= counts) for the cells of one quadrant.

    Parameters
    ----------
    counts : numpy.ndarray of int, shape (n_rows, n_columns)
    sizes : tuple of numpy.ndarray of int, shapes (n_rows,) and (n_columns,)
        Genes taken from the end of x and of y.
    """
    phantom = _phantom(quadrant, population_offset)
    n_x, n_y = sizes
    return log10_upper_tail(
        counts + phantom, n_x[:, None] + phantom, n_y[None, :] + phantom, n_genes + population_offset, table
    )


def grid_sizes(counts: IntArray, step: int) -> tuple[IntArray, IntArray]:
    """Genes taken from the end of x and of y in the rows and columns of a map."""
    n_rows, n_columns = counts.shape
    return (np.arange(n_rows) + 1) * step, (np.arange(n_columns) + 1) * step


def _phantom(quadrant: str, population_offset: int) -> int:
    """How many of the genes that R counts too much lie in both selections.

    RRHO2 counts the second list from its top throughout; what is taken from its bottom is the
    complement, which then holds the additional gene, and that of the first list as well.
    """
    return population_offset if quadrant.endswith("down") else 0


def _common(x: pd.Series, y: pd.Series) -> tuple[pd.Index, FloatArray, FloatArray]:
    """Genes that are finite and named once in both, sorted by name, and their values."""
    kept = [_usable(one, name) for one, name in ((x, "x"), (y, "y"))]
    genes = kept[0].index.intersection(kept[1].index)
    genes = genes[np.argsort(genes.astype(str), kind="stable")]
    return genes, kept[0].loc[genes].to_numpy(), kept[1].loc[genes].to_numpy()


def _usable(values: pd.Series, name: str) -> pd.Series:
    if not isinstance(values, pd.Series):
        raise ValueError(f"{name} must be a Series indexed by gene; got {type(values).__name__}")
    if len(values) and not pd.api.types.is_numeric_dtype(values.dtype):
        raise ValueError(f"{name} must hold numbers; got {values.dtype}")
    values = values.astype(float)
    return values[np.isfinite(values.to_numpy()) & ~values.index.duplicated(keep=False) & values.index.notna()]


def _ranks(values: FloatArray, stream: int) -> IntArray:
    order = np.argsort(-values)
    if (np.diff(values[order]) == 0).any():
        shuffled = np.random.default_rng((0, stream)).permutation(len(values))
        order = shuffled[np.argsort(-values[shuffled], kind="stable")]
    ranks = np.empty(len(values), dtype=np.intp)
    ranks[order] = np.arange(len(values))
    return ranks


def _is_tied(values: FloatArray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse] > 1)


def _as_frame(values: np.ndarray, step: int) -> pd.DataFrame:
    rows, columns = grid_sizes(values, step)
    return pd.DataFrame(values, index=pd.Index(rows, name="n_x"), columns=pd.Index(columns, name="n_y"))


def _require_quadrant(quadrant: str) -> None:
    if quadrant not in QUADRANTS:
        raise ValueError(f"there is no quadrant {quadrant!r}; there are {', '.join(QUADRANTS)}")
