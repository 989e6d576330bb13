"""The p-value of an RRHO map: the same map for relabeled animals.

Two contrasts that share animals oppose each other by themselves, and genes that move together make
any overlap large. Both happen under every relabeling too, so the largest overlap is compared with
theirs.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.kernels.hypergeometric import FloatArray, LogFactorials, log_factorials
from analysis.kernels.rrho import QUADRANTS, RankedPair, grid_sizes, log10_tails, overlap_counts, rank_pair

N_ROWS = 40  # of the maps of relabelings: a finer map finds the same maximum within a few percent
OPPOSITE = ("up_down", "down_up")
SAME = ("up_up", "down_down")
TIE = 1e-9  # of log10 p: maps that differ by less are ties


@dataclass(frozen=True)
class RrhoRelabeling:
    """What the overlap is worth.

    Attributes
    ----------
    p_value : dict of float
        By quadrant, and for ``opposite`` (up_down, down_up) and ``same`` (up_up, down_down): share of
        relabelings whose smallest log10 p is at most the true one, the true one included.
    p_floor : float
        The smallest that a p could be.
    n_relabelings : int
        The true labeling included.
    minima : pandas.DataFrame, shape (n_relabelings, 4)
        Smallest log10 p of each map by quadrant, the true labeling first; 0 for an empty quadrant.
    null_log10_p : dict of pandas.DataFrame
        Mean map of the relabelings without the true one: what no effect of the relabeled treatment
        gives. A cell holds the relabelings that reach it.
    step : int
        Of these maps.
    """

    p_value: dict[str, float]
    p_floor: float
    n_relabelings: int
    minima: pd.DataFrame
    null_log10_p: dict[str, pd.DataFrame]
    step: int


def relabeling_p(signatures: Iterable[tuple[ArrayLike, ArrayLike]], step: int | None = None) -> RrhoRelabeling:
    """Compare the overlap of two signatures with that of relabeled animals.

    Parameters
    ----------
    signatures : iterable of pairs of array_like, shape (n_genes,)
        Signed significance of the same genes in both contrasts, the true labeling first, each
        other for one relabeling, as `relabeled_signatures.relabeled_signatures` gives them.
    step : int, optional
        Genes from one row of the maps to the next; by default 40 rows for the whole list.

    Returns
    -------
    RrhoRelabeling

    Raises
    ------
    ValueError
        If there are fewer than two labelings, their genes differ in number or a value is not finite.
    """
    minima: list[list[float]] = []
    sums: dict[str, _Mean] = {}
    table = None
    for first, second in signatures:
        pair = _checked_pair(first, second, None if table is None else len(table.values) - 1)
        if table is None:
            step = step or max(1, pair.n_genes // N_ROWS)
            table = log_factorials(pair.n_genes)
            sums = {quadrant: _Mean(pair.n_genes // step) for quadrant in QUADRANTS}
        maps = {quadrant: _map(pair, quadrant, step or 1, table) for quadrant in QUADRANTS}
        if minima:
            for quadrant, tails in maps.items():
                sums[quadrant].add(tails)
        minima.append([float(maps[quadrant].min(initial=0.0)) for quadrant in QUADRANTS])
    if len(minima) < 2 or step is None:
        raise ValueError(f"a p-value needs the true labeling and at least one other; got {len(minima)}")
    frame = pd.DataFrame(minima, columns=list(QUADRANTS))
    return RrhoRelabeling(
        p_value={
            **{quadrant: _share(frame[quadrant]) for quadrant in QUADRANTS},
            "opposite": _share(frame[list(OPPOSITE)].min(axis=1)),
            "same": _share(frame[list(SAME)].min(axis=1)),
        },
        p_floor=1 / len(frame),
        n_relabelings=len(frame),
        minima=frame,
        null_log10_p={quadrant: one.frame(step) for quadrant, one in sums.items()},
        step=step,
    )


def _map(pair: RankedPair, quadrant: str, step: int, table: LogFactorials) -> FloatArray:
    counts = overlap_counts(pair, quadrant, step)
    return log10_tails(counts, quadrant, grid_sizes(counts, step), pair.n_genes, 0, table)


def _checked_pair(first: ArrayLike, second: ArrayLike, n_genes: int | None) -> RankedPair:
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or not len(x) or (n_genes is not None and len(x) != n_genes):
        raise ValueError(f"every signature must have the same genes; got shapes {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("signatures must be finite")
    return rank_pair(x, y)


def _share(minima: pd.Series) -> float:
    return float((minima <= minima.iloc[0] + TIE).mean())


class _Mean:
    """Mean of maps of different extent: the sign change moves with the labels."""

    def __init__(self, n_rows: int):
        self.total = np.zeros((n_rows, n_rows))
        self.count = np.zeros((n_rows, n_rows))

    def add(self, tails: FloatArray) -> None:
        rows, columns = tails.shape
        self.total[:rows, :columns] += tails
        self.count[:rows, :columns] += 1

    def frame(self, step: int) -> pd.DataFrame:
        reached = self.count > 0
        rows, columns = int(reached.any(axis=1).sum()), int(reached.any(axis=0).sum())
        mean = np.divide(self.total, self.count, out=np.full(self.total.shape, np.nan), where=reached)
        genes = (np.arange(len(mean)) + 1) * step
        return pd.DataFrame(
            mean[:rows, :columns],
            index=pd.Index(genes[:rows], name="n_x"),
            columns=pd.Index(genes[:columns], name="n_y"),
        )
