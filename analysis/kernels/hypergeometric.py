"""Upper tails of the hypergeometric distribution for many tables at once, as logarithms.

With a and b genes taken from n and x in both, ln P(X >= x) = ln P(X = x) + ln(1 + r_x + r_x r_{x+1} + ...),
r_k = (a - k)(b - k) / ((k + 1)(n - a - b + k + 1)), which falls with k: above the mode the series
converges and nothing underflows. Below the mode the other tail is summed and taken from 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

LN_10 = float(np.log(10.0))
NEGLIGIBLE = 1e-17  # of the sum: below half a unit in its last place
TERMS_AT_ONCE = 24  # finished tables leave after so many terms; more would compute what nobody needs


@dataclass(frozen=True)
class LogFactorials:
    """ln k! for k = 0 ... n.

    Attributes
    ----------
    values : numpy.ndarray, shape (n + 1,)
        Extended precision where the machine has it: a probability is a small difference of large ones.
    """

    values: NDArray[np.longdouble]

    def log_probability(self, x: IntArray, a: IntArray, b: IntArray, n: int) -> FloatArray:
        """ln P(X = x) for tables within the support; not checked."""
        f = self.values
        log_p = f[a] - f[x] - f[a - x] + f[n - a] - f[b - x] - f[n - a - b + x] + f[b] + f[n - b] - f[n]
        return np.asarray(log_p, dtype=float)


def log_factorials(n: int) -> LogFactorials:
    """Tabulate ln k! up to n."""
    values = np.zeros(n + 1, dtype=np.longdouble)
    np.cumsum(np.log(np.arange(1, n + 1, dtype=np.longdouble)), out=values[1:])
    return LogFactorials(values)


def log10_upper_tail(
    overlap: ArrayLike, n_first: ArrayLike, n_second: ArrayLike, n: int, table: LogFactorials | None = None
) -> FloatArray:
    """log10 of P(overlap >= observed) for two random selections from one population.

    Parameters
    ----------
    overlap, n_first, n_second : array_like of int, broadcast together
        Observed in both; size of either selection.
    n : int
        Of the population.
    table : LogFactorials, optional
        Up to `n` at least; made anew when not given.

    Returns
    -------
    numpy.ndarray, of the common shape
        At most 0; -inf for an overlap that cannot be.

    Raises
    ------
    ValueError
        If a selection is larger than the population or negative.
    """
    x, a, b = np.broadcast_arrays(*(np.asarray(one, dtype=np.intp) for one in (overlap, n_first, n_second)))
    if n < 0 or (x.size and (min(a.min(), b.min()) < 0 or max(a.max(), b.max()) > n)):
        raise ValueError(f"selections must hold 0 to {n} genes, the population; got {_extremes(a, b)}")
    tails = np.zeros(x.shape)
    lowest, highest = np.maximum(0, a + b - n), np.minimum(a, b)
    tails[x > highest] = -np.inf
    inside = (x > lowest) & (x <= highest)
    if inside.any():
        x, a, b = x[inside], a[inside], b[inside]
        tails[inside] = _log_tails(x, a, b, n, table or log_factorials(n)) / LN_10
    return tails


def _extremes(a: IntArray, b: IntArray) -> str:
    return f"{min(a.min(), b.min())} to {max(a.max(), b.max())}"


def _log_tails(x: IntArray, a: IntArray, b: IntArray, n: int, table: LogFactorials) -> FloatArray:
    is_above_mode = x > (a + 1) * (b + 1) // (n + 2)
    # P(X <= x - 1) is the upper tail of the genes of the first selection that are not in the second.
    start = np.where(is_above_mode, x, a - x + 1)
    second = np.where(is_above_mode, b, n - b)
    log_tail = table.log_probability(start, a, second, n) + np.log(_series(start, a, second, n))
    below = np.minimum(log_tail, 0.0)
    with np.errstate(divide="ignore"):  # of cells above the mode, where the result is not used
        return np.where(is_above_mode, below, np.log1p(-np.exp(below)))


def _series(x: IntArray, a: IntArray, b: IntArray, n: int) -> FloatArray:
    """1 + r_x + r_x r_{x+1} + ..."""
    total = np.ones(len(x))
    term = np.ones(len(x))
    rows = np.arange(len(x))
    step = np.arange(TERMS_AT_ONCE, dtype=float)
    from_a, from_b, k, rest = (one.astype(float) for one in (a - x, b - x, x + 1, n - a - b + x + 1))
    while len(rows):
        ratios = np.maximum(from_a[:, None] - step, 0.0)
        ratios *= np.maximum(from_b[:, None] - step, 0.0)
        ratios /= (k[:, None] + step) * (rest[:, None] + step)
        terms = np.multiply.accumulate(ratios, axis=1)
        terms *= term[:, None]
        total[rows] += terms.sum(axis=1)
        term = terms[:, -1]
        goes_on = term > NEGLIGIBLE * total[rows]
        rows, term = rows[goes_on], term[goes_on]
        from_a, from_b = from_a[goes_on] - TERMS_AT_ONCE, from_b[goes_on] - TERMS_AT_ONCE
        k, rest = k[goes_on] + TERMS_AT_ONCE, rest[goes_on] + TERMS_AT_ONCE
    return total
