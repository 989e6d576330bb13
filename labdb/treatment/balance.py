"""How alike randomized arms are: standardized mean differences of what was measured, counts of what was not.

Pure: arrays in, frozen rows out. No p-values: after randomization any difference is by chance, and a test of it asks
nothing [1]_.

References
----------
.. [1] Austin, Balance diagnostics for comparing the distribution of baseline covariates between treatment groups in
       propensity-score matched samples, Stat Med 28, 3083-3107 (2009).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite, sqrt

import numpy as np

from labdb.registry.natural_order import natural

SMALL, NOTICEABLE = 0.1, 0.25  # the lines in use: Austin 2009; Rubin, Health Serv Outcomes Res Methodol 2, 169 (2001)
CHANCE_Z = 1.96  # 95 of 100 draws lie within


@dataclass(frozen=True)
class ArmMean:
    """One arm: how many mice have the value, their mean and standard deviation; None where there are too few."""

    arm: str
    n: int
    mean: float | None
    sd: float | None


@dataclass(frozen=True)
class Difference:
    """Standardized difference of two arms, and how large chance alone makes it in 95 of 100 draws."""

    arm: str
    other: str
    smd: float | None
    by_chance: float | None


@dataclass(frozen=True)
class Balance:
    """One measured characteristic over the arms.

    Attributes
    ----------
    differences : tuple of Difference
        Of each other arm less the reference.
    largest : Difference or None
        Of all pairs of arms.
    """

    name: str
    means: tuple[ArmMean, ...]
    differences: tuple[Difference, ...]
    largest: Difference | None


def balance_of(name: str, values: Sequence[float | None], arms: Sequence[str], order: Sequence[str]) -> Balance:
    """Compare the arms in one measured characteristic.

    Parameters
    ----------
    values : sequence of float or None
        One for each mouse; None or nan where it is not known.
    arms : sequence of str
        Of each mouse.
    order : sequence of str
        The arms, the reference first (vehicle).
    """
    known = np.array([np.nan if value is None else value for value in values], dtype=float)
    of_arm = {arm: known[[one == arm for one in arms]] for arm in order}
    of_arm = {arm: some[np.isfinite(some)] for arm, some in of_arm.items()}
    pairs = [_difference(other, arm, of_arm) for arm, other in combinations(order, 2)]
    sized = [pair for pair in pairs if pair.smd is not None]
    return Balance(
        name,
        tuple(_mean(arm, some) for arm, some in of_arm.items()),
        tuple(pair for pair in pairs if pair.other == order[0]),
        max(sized, key=lambda pair: abs(pair.smd or 0), default=None),
    )


def standardized_difference(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return the difference of two means over the root of the mean of their variances [1]_.

    None where an arm has fewer than two values, or neither has any spread and the means differ.
    """
    if len(one) < 2 or len(other) < 2:
        return None
    difference = float(one.mean() - other.mean())
    spread = sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)
    if difference == 0:
        return 0.0
    return difference / spread if spread > 0 and isfinite(difference / spread) else None


def counts_of(levels: Sequence[str], arms: Sequence[str], order: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Return how many mice of each level are in each arm, levels in natural order."""
    found = Counter(zip(levels, arms, strict=True))
    return [(level, [found[level, arm] for arm in order]) for level in sorted(set(levels), key=natural)]


def _mean(arm: str, values: np.ndarray) -> ArmMean:
    mean = float(values.mean()) if len(values) else None
    return ArmMean(arm, len(values), mean, float(values.std(ddof=1)) if len(values) > 1 else None)


def _difference(arm: str, other: str, of_arm: dict[str, np.ndarray]) -> Difference:
    smd = standardized_difference(of_arm[arm], of_arm[other])
    by_chance = CHANCE_Z * sqrt(1 / len(of_arm[arm]) + 1 / len(of_arm[other])) if smd is not None else None
    return Difference(arm, other, smd, by_chance)
