"""Response rates with their uncertainty: one rate, and the difference of two."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import barnard_exact, fisher_exact, norm


@dataclass(frozen=True)
class RateDifference:
    """One rate minus another.

    Attributes
    ----------
    difference, low, high : float
        Difference of the two rates and its interval (Newcombe's hybrid score method).
    p_value : float
        Barnard's unconditional exact test, two-sided.
    fisher_p_value : float
        Fisher's conditional exact test, two-sided: more conservative, what most readers know.
    """

    difference: float
    low: float
    high: float
    p_value: float
    fisher_p_value: float


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a rate by Wilson's score method, without continuity correction.

    Parameters
    ----------
    successes, n : int
        So many of so many; `n` at least 1.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : float
        Within 0 to 1.

    References
    ----------
    .. [1] Newcombe, Stat Med 17, 857-872 (1998), method 3.
    """
    _require_rate(successes, n)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1; got {confidence}")
    z = float(norm.isf((1 - confidence) / 2))
    rate = successes / n
    center = rate + z**2 / (2 * n)
    half_width = z * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    # At 0 or n successes the end is 0 or 1 exactly; rounding would leave 1e-17 beside it.
    low = 0.0 if successes == 0 else (center - half_width) / (1 + z**2 / n)
    high = 1.0 if successes == n else (center + half_width) / (1 + z**2 / n)
    return low, high


def compare_rates(
    successes: int, n: int, reference_successes: int, reference_n: int, confidence: float = 0.95
) -> RateDifference:
    """Compare a rate with a reference rate, as the response to a drug with that to saline.

    Parameters
    ----------
    successes, n : int
        So many of so many.
    reference_successes, reference_n : int
        The same of the reference.
    confidence : float
        Of the interval.

    Returns
    -------
    RateDifference
        Rate minus reference rate. Both p-values are 1 when all or none succeeded in both.

    References
    ----------
    .. [1] Newcombe, Stat Med 17, 873-890 (1998), method 10.
    .. [2] Barnard, Biometrika 34, 123-138 (1947).
    """
    low, high = wilson_interval(successes, n, confidence)
    reference_low, reference_high = wilson_interval(reference_successes, reference_n, confidence)
    rate, reference_rate = successes / n, reference_successes / reference_n
    difference = rate - reference_rate
    table = np.array([[successes, reference_successes], [n - successes, reference_n - reference_successes]])
    no_variation = successes + reference_successes in (0, n + reference_n)
    return RateDifference(
        difference=difference,
        low=difference - math.hypot(rate - low, reference_high - reference_rate),
        high=difference + math.hypot(high - rate, reference_rate - reference_low),
        p_value=1.0 if no_variation else float(barnard_exact(table).pvalue),
        fisher_p_value=float(fisher_exact(table).pvalue),
    )


def _require_rate(successes: int, n: int) -> None:
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"a rate needs 0 <= successes <= n and n >= 1; got {successes} of {n}")
