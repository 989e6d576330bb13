"""What reversal is computed from: one brain region's expression, checked and aligned by sample."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]

NO_GROUP = -1


@dataclass(frozen=True)
class RegionSamples:
    """One region's expression with the group and the pool of every mouse.

    Samples are sorted by name, so that nothing computed from them, random relabelings included,
    depends on the order in which they were given.

    Attributes
    ----------
    expression : numpy.ndarray, shape (n_genes, n_samples)
        log2 counts per million.
    genes, samples, samples_as_given : pandas.Index
        Row names; column names, sorted; column names in the order of the input.
    is_control, is_stress, is_treated : numpy.ndarray of bool, shape (n_samples,)
        The three groups under comparison.
    bystander : numpy.ndarray of int, shape (n_samples,)
        Number of the bystander group; -1 for the other mice.
    pool : numpy.ndarray of int, shape (n_samples,), or None
        Number of the sequencing run; None when runs are not modeled.
    """

    expression: FloatArray
    genes: pd.Index
    samples: pd.Index
    samples_as_given: pd.Index
    is_control: BoolArray
    is_stress: BoolArray
    is_treated: BoolArray
    bystander: IntArray
    pool: IntArray | None

    @property
    def is_bystander(self) -> BoolArray:
        """Mice of every other group."""
        return self.bystander != NO_GROUP

    @property
    def is_compared(self) -> BoolArray:
        """Control, stress and treated mice."""
        return ~self.is_bystander

    @property
    def group_sizes(self) -> tuple[int, int, int]:
        """Numbers of control, stress and treated mice."""
        return int(self.is_control.sum()), int(self.is_stress.sum()), int(self.is_treated.sum())


def read_samples(
    expression: pd.DataFrame,
    groups: pd.Series,
    pools: pd.Series | None,
    *,
    treated: str,
    stress: str,
    control: str,
) -> RegionSamples:
    """Check the inputs and align them by sample.

    Parameters
    ----------
    expression : pandas.DataFrame, shape (n_genes, n_samples)
        log2 counts per million.
    groups, pools : pandas.Series, shape (n_samples,)
        Group and sequencing run by sample. `pools` that is None or wholly empty means no runs.
    treated, stress, control : str
        Names of the three groups compared.

    Raises
    ------
    ValueError
        If names repeat, a value is missing or infinite, or the samples do not match.
    """
    if len({treated, stress, control}) < 3:
        raise ValueError(f"treated, stress and control must be three groups; got {treated!r}, {stress!r}, {control!r}")
    _check_expression(expression)
    samples = pd.Index(sorted(expression.columns, key=str))
    group = _by_sample(groups, samples, "groups")
    pool = None if pools is None or _is_empty(pools).all() else _by_sample(pools, samples, "pools")
    compared = group.isin([treated, stress, control]).to_numpy()
    return RegionSamples(
        expression=np.ascontiguousarray(expression[samples].to_numpy(dtype=float)),
        genes=expression.index,
        samples=samples,
        samples_as_given=expression.columns,
        is_control=(group == control).to_numpy(),
        is_stress=(group == stress).to_numpy(),
        is_treated=(group == treated).to_numpy(),
        bystander=_numbered(group.to_numpy(dtype=object), ~compared),
        pool=None if pool is None else _numbered(pool.to_numpy(dtype=object), np.ones(len(samples), bool)),
    )


def _check_expression(expression: pd.DataFrame) -> None:
    if expression.shape[0] == 0 or expression.shape[1] == 0:
        raise ValueError(f"expression must have genes and samples; got shape {expression.shape}")
    _refuse_repeats(expression.index, "gene")
    _refuse_repeats(expression.columns, "sample")
    not_numeric = [name for name, kind in expression.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if not_numeric:
        raise ValueError(
            f"expression must be numbers; sample {not_numeric[0]} holds {expression[not_numeric[0]].dtype}"
        )
    bad = ~np.isfinite(expression.to_numpy(dtype=float))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"expression must be finite; got {expression.iat[row, column]} for "
            f"{expression.index[row]} in {expression.columns[column]}"
        )


def _refuse_repeats(names: pd.Index, what: str) -> None:
    if not names.is_unique:
        raise ValueError(f"expression must have each {what} once; {names[names.duplicated()][0]} comes twice")


def _by_sample(labels: pd.Series, samples: pd.Index, what: str) -> pd.Series:
    """Values in the order of `samples`, every one present."""
    if not isinstance(labels, pd.Series):
        raise ValueError(f"{what} must be a Series by sample; got {type(labels).__name__}")
    if not labels.index.is_unique:
        raise ValueError(f"{what} must name each sample once; {labels.index[labels.index.duplicated()][0]} comes twice")
    _refuse_difference(samples, labels.index, f"{what} has no value for", "of expression")
    _refuse_difference(labels.index, samples, f"{what} names", "which expression has no column for")
    aligned = labels.reindex(samples)
    empty = _is_empty(aligned)
    if empty.any():
        raise ValueError(f"{what} must have a value for every sample; {samples[empty.to_numpy()][0]} has none")
    return aligned.astype(object)


def _refuse_difference(names: pd.Index, known: pd.Index, before: str, after: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{before} {_listed(unknown)}, {after}")


def _listed(names: Iterable[object]) -> str:
    texts = [str(name) for name in names]
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3} more" if len(texts) > 3 else "")


def _is_empty(labels: pd.Series) -> pd.Series:
    return labels.isna() | (labels.astype(str).str.strip() == "")


def _numbered(names: NDArray[np.object_], wanted: BoolArray) -> IntArray:
    """Number the names from 0 in sorted order; -1 where not wanted."""
    numbers = {name: i for i, name in enumerate(sorted(set(names[wanted]), key=str))}
    return np.array([numbers[name] if keep else NO_GROUP for name, keep in zip(names, wanted, strict=True)])
