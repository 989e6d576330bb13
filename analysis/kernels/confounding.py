"""Do two labels of the same samples go together: group and pool, group and run, so that no model can part them."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

CONFOUNDED_FROM = 0.5  # of the corrected V: Cohen's large effect, Statistical Power Analysis, 2nd ed. (1988), 7.2.3


@dataclass(frozen=True)
class LabelAssociation:
    """Cramer's V of two labels.

    Attributes
    ----------
    n : int
        Samples that have both labels.
    table : pandas.DataFrame
        Counts, levels of the first label in rows, of the second in columns.
    v, v_corrected : float or None
        0 (independent) to 1 (one tells the other); corrected for the bias of small tables. None when refused.
    p_value : float or None
        Of Pearson's chi-square without continuity correction; rough where expected counts are small.
    parted : tuple of tuple of str
        Levels of the first label in sets that share no level of the second: what differs between two sets cannot be
        told from the second label by any model. Empty when all are linked.
    reason : str
        Why there is no V; else empty.
    """

    n: int
    table: pd.DataFrame
    v: float | None = None
    v_corrected: float | None = None
    p_value: float | None = None
    parted: tuple[tuple[str, ...], ...] = ()
    reason: str = ""

    @property
    def is_confounded(self) -> bool:
        """Whether the labels go together so strongly that a warning is due."""
        return bool(self.parted) or (self.v_corrected is not None and self.v_corrected >= CONFOUNDED_FROM)


def cramers_v(a: Sequence[Any], b: Sequence[Any]) -> LabelAssociation:
    """Measure how strongly two labels of the same samples go together.

    Parameters
    ----------
    a, b : sequence, shape (n_samples,)
        Labels in the same order; a sample with a missing one (None, NaN, empty text) is left out.

    Returns
    -------
    LabelAssociation
        With a reason where a label has one level only.

    Raises
    ------
    ValueError
        If the sequences differ in length.

    References
    ----------
    .. [1] Cramer, Mathematical Methods of Statistics (1946), 21.9.
    .. [2] Bergsma, J Korean Stat Soc 42, 323-328 (2013): the correction.
    """
    if len(a) != len(b):
        raise ValueError(f"both labels must be of one length; got {len(a)} and {len(b)}")
    pairs = [(str(x), str(y)) for x, y in zip(a, b, strict=True) if _is_given(x) and _is_given(y)]
    table = _table(pairs)
    n = len(pairs)
    rows, columns = table.shape
    if min(rows, columns) < 2:
        return LabelAssociation(n, table, reason="one of the labels is the same in all samples")
    counts = table.to_numpy(dtype=float)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    statistic = float(((counts - expected) ** 2 / expected).sum())
    phi2 = statistic / n
    return LabelAssociation(
        n,
        table,
        v=math.sqrt(min(1.0, phi2 / (min(rows, columns) - 1))),
        v_corrected=_corrected(phi2, n, rows, columns),
        p_value=float(chi2.sf(statistic, (rows - 1) * (columns - 1))),
        parted=_parted(table),
    )


def _is_given(label: Any) -> bool:
    return label is not None and label != "" and label == label  # NaN is not itself


def _table(pairs: list[tuple[str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(pairs, columns=["a", "b"])
    return pd.crosstab(frame["a"], frame["b"]) if pairs else pd.DataFrame()


def _corrected(phi2: float, n: int, rows: int, columns: int) -> float:
    """Return Bergsma's V; 0 where every sample is a level of its own, for then chance alone makes V 1."""
    excess = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n - 1))
    smaller = min(size - (size - 1) ** 2 / (n - 1) for size in (rows, columns)) - 1
    return min(1.0, math.sqrt(excess / smaller)) if smaller > 0 else 0.0


def _parted(table: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Return the levels of the rows by the connected parts of the table; empty when there is one part."""
    parts: list[tuple[set[Hashable], set[Hashable]]] = []
    for level, counts in table.iterrows():
        joined: tuple[set[Hashable], set[Hashable]] = ({level}, set(counts.index[counts > 0]))
        apart = []
        for levels, used in parts:
            if used & joined[1]:
                joined = (joined[0] | levels, joined[1] | used)
            else:
                apart.append((levels, used))
        parts = [*apart, joined]
    found = sorted(tuple(sorted(map(str, levels))) for levels, _used in parts)
    return tuple(found) if len(found) > 1 else ()
