"""How many mice a study needs: for a difference of SI ratios, from its own variance.

For a reversal, which no formula gives, `reversal_power` simulates studies of the same shape.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2, nct
from scipy.stats import t as t_distribution

from analysis.kernels.calibration import reversal_power

__all__ = [
    "SampleSize",
    "WithinGroupSpread",
    "mice_per_arm",
    "power_curve",
    "reversal_power",
    "sd_interval_factors",
    "smallest_n",
    "t_test_power",
    "within_group_spread",
]

FloatArray = npt.NDArray[np.float64]

TARGET_POWER = 0.8
MIN_CAGES = 3  # with fewer, the variance between cages is a guess
MIN_SHARED_CAGES = 3  # cages with more than one mouse, without which it cannot be told from that of mice
MIN_DF = 2
MAX_N = 10_000  # mice per arm; a plan beyond it is no plan

NO_CAGES = "NO_CAGES"
TOO_FEW_SHARED_CAGES = "TOO_FEW_SHARED_CAGES"
MESSAGES = {
    NO_CAGES: "No cage is given; mice are taken to be independent.",
    TOO_FEW_SHARED_CAGES: (
        "Fewer than 3 cages of the study hold more than one tested mouse of a group; "
        "how alike mice of a cage are cannot be estimated, and they are taken to be independent."
    ),
}


@dataclass(frozen=True)
class WithinGroupSpread:
    """How much mice of one group differ.

    Attributes
    ----------
    sd : float or None
        Of single mice, in the unit of the values; None when refused.
    df : int
        Degrees of freedom of that.
    cage_correlation : float or None
        Share of the variance that is between cages of a group, at least 0; None when not estimated.
    n_mice, n_cages : int
    messages : tuple of str
        Codes of `MESSAGES`.
    reason : str
        Why there is no spread; else empty.
    """

    sd: float | None
    df: int
    cage_correlation: float | None
    n_mice: int
    n_cages: int
    messages: tuple[str, ...] = ()
    reason: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """The messages in words."""
        return tuple(MESSAGES[code] for code in self.messages)


def within_group_spread(values: pd.Series, groups: pd.Series, cages: pd.Series | None = None) -> WithinGroupSpread:
    """Estimate how much mice of one group differ, with the cage as a random effect where it can be.

    Parameters
    ----------
    values : pandas.Series, shape (n_mice,)
        One value a mouse, as its SI ratio; missing ones are left out.
    groups, cages : pandas.Series
        By mouse. A mouse without a cage counts as alone in one.

    Returns
    -------
    WithinGroupSpread
        Variances by the analysis of variance of cages within groups (Henderson's method 1, unequal
        numbers); a negative variance between cages counts as 0.

    Raises
    ------
    ValueError
        If a value is infinite, a mouse comes twice or has no group.

    References
    ----------
    .. [1] Searle, Casella, McCulloch, Variance Components (1992), chapter 3.
    """
    if not values.index.is_unique:
        raise ValueError(f"values must have each mouse once; {values.index[values.index.duplicated()][0]} comes twice")
    numbers = values.astype(float)
    if np.isinf(numbers).any():
        raise ValueError(f"values must be finite; {values.index[np.isinf(numbers)][0]} is not")
    numbers = numbers.dropna()
    group = groups.reindex(numbers.index)
    if group.isna().any():
        raise ValueError(f"groups must name the group of every mouse; {group.index[group.isna()][0]} has none")
    n_mice, df = len(numbers), len(numbers) - group.nunique()
    if df < MIN_DF:
        reason = f"a spread needs at least {MIN_DF} mice more than groups; there are {n_mice} in {group.nunique()}"
        return WithinGroupSpread(None, max(df, 0), None, n_mice, 0, reason=reason)
    total_ss = float(((numbers - numbers.groupby(group).transform("mean")) ** 2).sum())
    if cages is None:
        return WithinGroupSpread(math.sqrt(total_ss / df), df, None, n_mice, 0, (NO_CAGES,))
    cage = cages.reindex(numbers.index).astype(object)
    cage = cage.where(cage.notna(), pd.Series([("alone", mouse) for mouse in numbers.index], index=numbers.index))
    cell = pd.Series(list(zip(group, cage, strict=True)), index=numbers.index)
    sizes = cell.value_counts()
    n_cages = int(cage.nunique())
    between_df = len(sizes) - group.nunique()
    if (sizes > 1).sum() < MIN_SHARED_CAGES or between_df < 1 or n_cages < MIN_CAGES:
        return WithinGroupSpread(math.sqrt(total_ss / df), df, None, n_mice, n_cages, (TOO_FEW_SHARED_CAGES,))
    within_ss = float(((numbers - numbers.groupby(cell).transform("mean")) ** 2).sum())
    within = within_ss / (n_mice - len(sizes))
    group_of_cell = pd.Series([key[0] for key in sizes.index], index=sizes.index)
    by_group = sizes.groupby(group_of_cell)
    mean_size = (n_mice - float((by_group.apply(lambda n: (n**2).sum()) / by_group.sum()).sum())) / between_df
    between = max(0.0, ((total_ss - within_ss) / between_df - within) / mean_size)
    variance = within + between
    share = between / variance if variance > 0 else 0.0
    return WithinGroupSpread(math.sqrt(variance), df, share, n_mice, n_cages)


@dataclass(frozen=True)
class SampleSize:
    """Mice per arm for one difference.

    Attributes
    ----------
    difference : float
        Of the two arms' means.
    n_per_arm : int or None
        None when more than 10,000 would be needed.
    power : float or None
        With so many.
    n_per_arm_low, n_per_arm_high : int or None
        With the ends of the 80 % interval of the standard deviation: what another sample of the same
        mice might have said.
    """

    difference: float
    n_per_arm: int | None
    power: float | None
    n_per_arm_low: int | None
    n_per_arm_high: int | None


def mice_per_arm(
    spread: WithinGroupSpread,
    differences: npt.ArrayLike,
    *,
    power: float = TARGET_POWER,
    alpha: float = 0.05,
    mice_per_cage: float = 1.0,
) -> list[SampleSize]:
    """Find the mice per arm that a two-sided t test of two arms needs for each difference.

    Parameters
    ----------
    spread : WithinGroupSpread
        Of the study.
    differences : array_like
        Not 0, in the unit of the values.
    power, alpha : float
        Wanted; two-sided.
    mice_per_cage : float
        Planned, all of one arm; mice of a cage are alike, so that more per cage need more mice in all.

    Returns
    -------
    list of SampleSize
        Empty for a spread that was refused.

    Raises
    ------
    ValueError
        If power or alpha is no probability, a difference 0, or a cage holds less than one mouse.
    """
    if not (0 < alpha < power < 1):
        raise ValueError(f"alpha and power must lie between 0 and 1, alpha below power; got {alpha} and {power}")
    if not mice_per_cage >= 1:
        raise ValueError(f"mice_per_cage must be at least 1; got {mice_per_cage}")
    wanted = np.abs(np.atleast_1d(np.asarray(differences, dtype=float)))
    if not (np.isfinite(wanted) & (wanted > 0)).all():
        raise ValueError("differences must be finite and not 0")
    if spread.sd is None:
        return []
    sd, low, high = _planned_sds(spread, mice_per_cage)
    return [_sample_size(float(difference), sd, low, high, power, alpha) for difference in wanted]


def _planned_sds(spread: WithinGroupSpread, mice_per_cage: float) -> tuple[float, float, float]:
    """Standard deviation of a mouse's share in the mean of an arm, and the ends of its interval."""
    sd = (spread.sd or 0.0) * math.sqrt(1 + (mice_per_cage - 1) * (spread.cage_correlation or 0.0))
    low, high = sd_interval_factors(spread.df)
    return sd, sd * low, sd * high


def power_curve(
    spread: WithinGroupSpread,
    difference: float,
    sizes: npt.ArrayLike,
    *,
    alpha: float = 0.05,
    mice_per_cage: float = 1.0,
) -> pd.DataFrame:
    """Power of the two-sided t test of two arms for each number of mice.

    Parameters
    ----------
    spread, difference, alpha, mice_per_cage
        As `mice_per_arm`.
    sizes : array_like of int
        Mice per arm, at least 2.

    Returns
    -------
    pandas.DataFrame
        ``n_per_arm``, ``power``; ``low`` and ``high`` with the ends of the 80 % interval of the standard
        deviation. Empty for a spread that was refused.
    """
    columns = ["n_per_arm", "power", "low", "high"]
    if spread.sd is None:
        return pd.DataFrame(columns=columns)
    sd, small, large = _planned_sds(spread, mice_per_cage)
    rows = [
        (n, *(t_test_power(n, difference, one, alpha) for one in (sd, large, small)))
        for n in np.asarray(sizes, dtype=int).tolist()
    ]
    return pd.DataFrame(rows, columns=columns)


def _sample_size(difference: float, sd: float, low: float, high: float, power: float, alpha: float) -> SampleSize:
    needed, fewer, more = (smallest_n(difference, spread, power, alpha) for spread in (sd, low, high))
    reached = None if needed is None else t_test_power(needed, difference, sd, alpha)
    return SampleSize(difference, needed, reached, fewer, more)


def sd_interval_factors(df: int, confidence: float = 0.8) -> tuple[float, float]:
    """Ends of the interval of a standard deviation, as multiples of it (chi-squared)."""
    tail = (1 - confidence) / 2
    return math.sqrt(df / chi2.isf(tail, df)), math.sqrt(df / chi2.ppf(tail, df))


def t_test_power(n_per_arm: int, difference: float, sd: float, alpha: float = 0.05) -> float:
    """Power of the two-sided t test of two arms of so many mice (noncentral t)."""
    if sd == 0:
        return 1.0
    df = 2 * n_per_arm - 2
    critical = float(t_distribution.isf(alpha / 2, df))
    shift = abs(difference) / sd * math.sqrt(n_per_arm / 2)
    power = float(nct.sf(critical, df, shift)) + float(nct.cdf(-critical, df, shift))
    # scipy's noncentral t is NaN far out in the tail, where the power is 1
    return 1.0 if math.isnan(power) else min(1.0, power)


def smallest_n(difference: float, sd: float, power: float = TARGET_POWER, alpha: float = 0.05) -> int | None:
    """Fewest mice per arm that reach the power; at least 2, None beyond 10,000."""
    low, high = 1, 2
    while t_test_power(high, difference, sd, alpha) < power:
        low, high = high, high * 2
        if high > 2 * MAX_N:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if t_test_power(middle, difference, sd, alpha) >= power else (middle, high)
    return high if high <= MAX_N else None
