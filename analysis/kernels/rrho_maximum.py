"""The most improbable overlap of two ranked lists, at the resolution of single genes."""

from dataclasses import dataclass

import numpy as np

from analysis.kernels.hypergeometric import FloatArray, IntArray, LogFactorials, log10_upper_tail

MAX_EXHAUSTIVE_CELLS = 1_000_000  # of a quadrant: lists of 2,000 genes are searched through
MAX_MOVES = 50  # of the window; each improves the maximum
SLACK = 1e-9  # of a natural logarithm: bounds are compared with rounding in mind


@dataclass(frozen=True)
class RrhoMaximum:
    """Where the overlap of a quadrant is most improbable.

    Attributes
    ----------
    n_x, n_y : int
        Genes taken from the end of x and of y.
    overlap : int
        Genes in both.
    log10_p : float
        log10 of P(overlap >= observed).
    """

    n_x: int
    n_y: int
    overlap: int
    log10_p: float


def find_maximum(
    ranks: tuple[IntArray, IntArray],
    sizes: tuple[int, int],
    coarse: FloatArray,
    step: int,
    phantom: int,
    population: int,
    table: LogFactorials,
) -> RrhoMaximum | None:
    """Find the smallest tail of a quadrant.

    Small quadrants are searched through. In large ones a window of one step to every side of the
    best cell of the coarse map is, and moves on while the best lies on its edge.

    Parameters
    ----------
    ranks : tuple of numpy.ndarray, shape (n_genes,)
        Places from the end of x and of y, from 0.
    sizes : tuple of int
        Genes up to the sign change of x and of y.
    coarse : numpy.ndarray
        log10 tails of the map.
    step : int
        Of the map.
    phantom, population : int
        Added to counts and selections; genes from which the selections are taken.
    table : LogFactorials
        Up to the population.

    Returns
    -------
    RrhoMaximum or None
        None for a quadrant without genes.
    """
    if min(sizes) == 0:
        return None
    search = _Search(ranks, phantom, population, table)
    if sizes[0] * sizes[1] <= MAX_EXHAUSTIVE_CELLS or coarse.size == 0:
        return search.best((1, sizes[0]), (1, sizes[1]))
    row, column = np.unravel_index(np.argmin(coarse), coarse.shape)
    center = ((int(row) + 1) * step, (int(column) + 1) * step)
    best: RrhoMaximum | None = None
    for _ in range(MAX_MOVES):
        x_window, y_window = ((max(1, at - step), min(size, at + step)) for at, size in zip(center, sizes, strict=True))
        found = search.best(x_window, y_window)
        if best is not None and found.log10_p >= best.log10_p:
            break
        best = found
        center = (found.n_x, found.n_y)
        is_inside = all(
            low < at < high or at in (1, size)
            for at, (low, high), size in zip(center, (x_window, y_window), sizes, strict=True)
        )
        if is_inside:
            break
    return best


@dataclass(frozen=True)
class _Search:
    ranks: tuple[IntArray, IntArray]
    phantom: int
    population: int
    table: LogFactorials

    def best(self, x_window: tuple[int, int], y_window: tuple[int, int]) -> RrhoMaximum:
        """Smallest tail with both numbers of genes in their windows, ends included."""
        counts = _window_counts(self.ranks, x_window, y_window)
        n_x = np.arange(x_window[0], x_window[1] + 1)[:, None]
        n_y = np.arange(y_window[0], y_window[1] + 1)[None, :]
        rows, columns = self._candidates(counts, n_x, n_y)
        overlap, first, second = counts[rows, columns], n_x[rows, 0], n_y[0, columns]
        tails = log10_upper_tail(
            overlap + self.phantom, first + self.phantom, second + self.phantom, self.population, self.table
        )
        at = int(np.argmin(tails))
        return RrhoMaximum(int(first[at]), int(second[at]), int(overlap[at]), float(tails[at]))

    def _candidates(self, counts: IntArray, n_x: IntArray, n_y: IntArray) -> tuple[IntArray, IntArray]:
        """Cells that may hold the smallest tail.

        With ratio r < 1 of the next to this probability p, the tail lies between p and p / (1 - r);
        cells whose p exceeds the smallest such upper bound are out. Where no overlap exceeds its
        expectation, every cell is in.
        """
        f = np.asarray(self.table.values, dtype=float)
        x, a, b, n = counts + self.phantom, n_x + self.phantom, n_y + self.phantom, self.population
        rest = n - a - b
        is_enriched = x * n > a * b
        rows, columns = np.nonzero(is_enriched)
        if not len(rows):
            rows, columns = np.nonzero(np.ones(counts.shape, dtype=bool))
            return rows, columns
        x, rest = x[rows, columns], rest[rows, columns]
        a, b = a[rows, 0], b[0, columns]
        log_p = f[a] - f[x] - f[a - x] + f[n - a] - f[b - x] - f[rest + x] + f[b] + f[n - b] - f[n]
        ratio = (a - x) * (b - x) / ((x + 1.0) * (rest + x + 1.0))
        upper = log_p - np.log1p(-np.minimum(ratio, 1 - 1e-6))
        kept = log_p <= upper.min() + SLACK * max(1.0, abs(float(upper.min())))
        return rows[kept], columns[kept]


def _window_counts(ranks: tuple[IntArray, IntArray], x_window: tuple[int, int], y_window: tuple[int, int]) -> IntArray:
    """Genes among the first n_x of x and the first n_y of y, for every n_x and n_y of the windows."""
    x, y = ranks
    n_rows, n_columns = x_window[1] - x_window[0] + 1, y_window[1] - y_window[0] + 1
    inside = (x < x_window[1]) & (y < y_window[1])
    # Row and column at which a gene joins; all that lie before the window join at its first.
    row = np.maximum(x[inside] - (x_window[0] - 1), 0)
    column = np.maximum(y[inside] - (y_window[0] - 1), 0)
    joins = np.bincount(row * n_columns + column, minlength=n_rows * n_columns).reshape(n_rows, n_columns)
    return np.asarray(joins.cumsum(axis=0).cumsum(axis=1), dtype=np.intp)
