"""How sure one SI ratio is, from the two tracks it was computed from.

A mouse stays in the zone and away from it for seconds at a time, so neighboring frames say the same:
the trial is resampled in blocks of time, not in frames.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.kernels.shapes import FloatArray

BIN_S = 0.1  # blocks begin on this grid, far finer than any visit is long
BLOCK_S = 10.0  # longer than most visits (seconds) and still 15 blocks in a trial of 150 s; measured below
MIN_BLOCKS = 5  # fewer cannot show how much a trial varies
N_RESAMPLES = 2000


@dataclass(frozen=True)
class RatioInterval:
    """What a pair of tracks says of its ratio.

    Attributes
    ----------
    ratio : float or None
        Time with target over time without; None when undefined.
    low, high : float or None
        Interval of the ratio; `high` is infinite and `low` 0 where the track sets no bound. None when
        refused.
    other_side : float or None
        Probability (0 to 1) that the ratio lies on the other side of the cutoff; None when refused.
    reason : str
        Why there is no interval; else empty.
    """

    ratio: float | None
    low: float | None
    high: float | None
    other_side: float | None
    reason: str


def ratio_interval(
    absent_s: npt.ArrayLike,
    present_s: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    cutoff: float = 1.0,
    bin_s: float = BIN_S,
    block_s: float = BLOCK_S,
    n_resamples: int = N_RESAMPLES,
    confidence: float = 0.95,
) -> RatioInterval:
    """Interval of an SI ratio by a block bootstrap over the time of each trial.

    Each trial is closed to a circle and rebuilt from blocks that begin anywhere on it [1]_, the last
    one shorter where blocks don't fill the trial. The interval is the basic one [2]_ of the log ratio:
    the resamples mirrored at the estimate. The plain percentile interval leans to the wrong side, since
    a trial that by chance has few visits also resamples narrowly.

    Measured with 1,000 pairs of two-state Markov tracks of 150 s (visits and absences of 1 to 16 s on
    average, occupancies of 10 to 67 %), the 95 % interval held the true ratio in 93.8 to 96.7 % of
    pairs, and the percentile interval in 80 to 91 %. In trials of 300 s it was 92.5 % for visits of 4
    and absences of 8 s, and 90.7 % for 8 and 16 s, against which the block is short. Blocks by the
    automatic rule of [3]_ came out at 6 to 8 s and did not do better.

    The interval covers chance within these two trials alone, not another day, target or arena.

    Parameters
    ----------
    absent_s, present_s : array_like, shape (n_bins,)
        Time in the zone (s) in each of the equal, consecutive bins of the trial without and with target,
        as `tracks.zone_series` gives it; leave out bins without tracked time.
    rng : numpy.random.Generator
        Source of the resamples.
    cutoff : float
        Positive ratio.
    bin_s : float
        Length of a bin (s).
    block_s : float
        Length of a block (s).
    n_resamples : int
        How many.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    RatioInterval
        Without an interval, and with the reason, when a time is 0, a trial is shorter than 5 blocks or
        nothing varies.

    Raises
    ------
    ValueError
        If a bin holds a negative, missing or longer time than itself, or a parameter makes no sense.

    References
    ----------
    .. [1] Politis & Romano, A circular block-resampling procedure for stationary data, in: Exploring
       the Limits of Bootstrap, 263-270 (1992); J Am Stat Assoc 89, 1303-1313 (1994).
    .. [2] Davison & Hinkley, Bootstrap Methods and their Application, section 5.2 (1997).
    .. [3] Politis & White, Econom Rev 23, 53-70 (2004); correction 28, 372-375 (2009).
    """
    _require_parameters(cutoff, bin_s, block_s, n_resamples, confidence)
    absent, present = _require_bins(absent_s, "absent_s", bin_s), _require_bins(present_s, "present_s", bin_s)
    total_absent, total_present = float(absent.sum()), float(present.sum())
    ratio = total_present / total_absent if total_absent > 0 else None
    block = max(round(block_s / bin_s), 1)
    if reason := _why_none(absent, present, block, bin_s):
        return RatioInterval(ratio, None, None, None, reason)
    estimate = math.log(total_present) - math.log(total_absent)
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled = np.log(_totals(present, block, n_resamples, rng)) - np.log(_totals(absent, block, n_resamples, rng))
    # A resample with 0 s with target and without has no ratio; one with either has an infinite log.
    mirrored = np.sort(2 * estimate - resampled[~np.isnan(resampled)])
    if mirrored[-1] - mirrored[0] < 1e-9:
        return RatioInterval(ratio, None, None, None, "the time in the zone does not vary within either trial")
    tail = int((1 - confidence) / 2 * len(mirrored))
    is_below = estimate < math.log(cutoff)
    return RatioInterval(
        ratio=ratio,
        low=float(np.exp(mirrored[tail])),
        high=float(np.exp(mirrored[-1 - tail])),
        other_side=float(np.mean((mirrored < math.log(cutoff)) != is_below)),
        reason="",
    )


def _totals(inside_s: FloatArray, block: int, n_resamples: int, rng: np.random.Generator) -> FloatArray:
    """Zone time (s) of each resampled trial: sums of block sums, no trial is ever laid out."""
    n = len(inside_s)
    n_blocks, rest = divmod(n, block)
    total = _block_sums(inside_s, block)[rng.integers(n, size=(n_resamples, n_blocks))].sum(axis=1)
    if rest:
        total += _block_sums(inside_s, rest)[rng.integers(n, size=n_resamples)]
    return np.where(total > 1e-9, total, 0.0)  # differences of sums leave rounding where nothing was


def _block_sums(inside_s: FloatArray, length: int) -> FloatArray:
    until = np.append(0.0, np.cumsum(np.append(inside_s, inside_s[:length])))
    return until[length : length + len(inside_s)] - until[: len(inside_s)]


def _why_none(absent: FloatArray, present: FloatArray, block: int, bin_s: float) -> str:
    if absent.sum() == 0:
        return "0 s in the interaction zone without target: the ratio is undefined"
    if present.sum() == 0:
        return "0 s in the interaction zone with target: the ratio is 0, and the track sets no bound above it"
    shortest = min(len(absent), len(present))
    if shortest < MIN_BLOCKS * block:
        return (
            f"a trial with {shortest * bin_s:g} s of track is shorter than {MIN_BLOCKS} blocks of {block * bin_s:g} s"
        )
    return ""


def _require_bins(inside_s: npt.ArrayLike, name: str, bin_s: float) -> FloatArray:
    bins = np.asarray(inside_s, dtype=float)
    if bins.ndim != 1 or not ((bins >= -1e-9) & (bins <= bin_s + 1e-9)).all():
        raise ValueError(f"{name} must be times of 0 to {bin_s:g} s in one dimension, none missing")
    return np.maximum(bins, 0.0)


def _require_parameters(cutoff: float, bin_s: float, block_s: float, n_resamples: int, confidence: float) -> None:
    for name, number in (("cutoff", cutoff), ("bin_s", bin_s), ("block_s", block_s)):
        if not (math.isfinite(number) and number > 0):
            raise ValueError(f"{name} must be more than 0; got {number}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1; got {confidence}")
    if n_resamples * (1 - confidence) / 2 < 1:
        raise ValueError(f"{n_resamples} resamples are too few for an interval of {confidence:g}")
