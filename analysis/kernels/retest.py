"""How far an SI ratio moves on its own, from mice tested twice with nothing done in between."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as t_distribution

from analysis.kernels.agreement import Icc, scorer_agreement
from analysis.kernels.response import MIN_RETESTED_CONTROLS, RELIABLE_CHANGE_Z, retest_sem
from analysis.kernels.shapes import FloatArray


@dataclass(frozen=True)
class RetestError:
    """What controls tested twice say of the error of one test.

    Attributes
    ----------
    n_controls : int
        Controls with two ratios above 0.
    n_left_out : int
        Controls with a missing ratio or one of 0, whose log is not defined.
    sem : float or None
        Standard error of measurement of one natural log ratio; None when refused.
    detectable_factor : float or None
        Smallest change that is not error: the ratio must grow, or fall, so many-fold.
    shift_factor : float or None
        Geometric mean of second over first ratios: what a second test does to all mice.
    reliability : Icc or None
        ICC(3,1) of the log ratios: the share of their variance in which mice differ. None when all controls
        have one ratio.
    reason : str
        Why there is none; else empty.
    """

    n_controls: int
    n_left_out: int
    sem: float | None
    detectable_factor: float | None
    shift_factor: float | None
    reliability: Icc | None
    reason: str


@dataclass(frozen=True)
class RegressionToMean:
    """The second ratio that a mouse's first one leads to expect when nothing happened to it.

    Attributes
    ----------
    slope : float
        0 to 1: of the log second against the log first ratio.
    mean_ratio : float
        Geometric mean of the first ratios: the mouse moves toward it.
    shift_factor : float
        By which a second test multiplies every ratio.
    sem : float
        Standard error of measurement of one log ratio.
    n_controls, n_mice : int
        Mice behind the error, and behind the mean and the slope.
    reason : str
        Why there is nothing to expect; else empty, and all numbers are finite.
    """

    slope: float
    mean_ratio: float
    shift_factor: float
    sem: float
    n_controls: int
    n_mice: int
    reason: str

    def second_ratio(self, first_ratio: npt.ArrayLike, confidence: float = 0.95) -> pd.DataFrame:
        """Expected second ratio of mice with these first ratios.

        Parameters
        ----------
        first_ratio : array_like, shape (n_mice,)
            Above 0; elsewhere nothing is expected (NaN).
        confidence : float
            Of the interval for the second ratio of a single mouse.

        Returns
        -------
        pandas.DataFrame, shape (n_mice, 4)
            ``first_ratio``, ``expected``, ``low``, ``high``; missing when refused.
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must lie between 0 and 1; got {confidence}")
        first = np.asarray(first_ratio, dtype=float)
        log_first = np.log(np.where(first > 0, first, np.nan))
        if self.reason:
            expected, half = np.full(first.shape, np.nan), math.nan
        else:
            log_mean = math.log(self.mean_ratio)
            expected = log_mean + self.slope * (log_first - log_mean) + math.log(self.shift_factor)
            spread = self.sem * math.sqrt((1 + self.slope) * (1 + 1 / self.n_mice) + 2 / self.n_controls)
            half = float(t_distribution.isf((1 - confidence) / 2, self.n_controls - 1)) * spread
        columns = {"expected": expected, "low": expected - half, "high": expected + half}
        return pd.DataFrame({"first_ratio": first, **{name: np.exp(values) for name, values in columns.items()}})


def retest_error(first_ratio: npt.ArrayLike, second_ratio: npt.ArrayLike) -> RetestError:
    """Error of one test from controls tested twice.

    Parameters
    ----------
    first_ratio, second_ratio : array_like, shape (n_controls,)
        SI ratios of the same controls in the same order; NaN where there is none.

    Returns
    -------
    RetestError
        With a reason instead of numbers for fewer than 5 controls with both ratios.

    Raises
    ------
    ValueError
        If the arrays differ in length or a ratio is negative or infinite.

    References
    ----------
    .. [1] Jacobson & Truax, J Consult Clin Psychol 59, 12-19 (1991): the change beyond error.
    .. [2] McGraw & Wong, Psychol Methods 1, 30-46 (1996): the correlation.
    """
    first, second = _require_ratios(first_ratio, "first_ratio"), _require_ratios(second_ratio, "second_ratio")
    if first.shape != second.shape:
        raise ValueError(f"both tests must be of one length; got {first.shape} and {second.shape}")
    both = (first > 0) & (second > 0)
    n, n_left_out = int(both.sum()), int((~both).sum())
    if n < MIN_RETESTED_CONTROLS:
        reason = f"the error of a test needs {MIN_RETESTED_CONTROLS} controls tested twice with a ratio above 0, there are {n}"
        return RetestError(n, n_left_out, None, None, None, None, reason)
    logs = np.log(np.column_stack([first[both], second[both]]))
    change = pd.Series(logs[:, 1] - logs[:, 0])
    sem = retest_sem(change)
    return RetestError(
        n_controls=n,
        n_left_out=n_left_out,
        sem=sem,
        detectable_factor=math.exp(RELIABLE_CHANGE_Z * math.sqrt(2) * sem),
        shift_factor=math.exp(change.mean()),
        reliability=scorer_agreement(logs).consistency,
        reason="",
    )


def regression_to_mean(error: RetestError, first_ratios: npt.ArrayLike) -> RegressionToMean:
    """What second ratio a first one leads to expect, by the error of the test alone.

    A mouse chosen for a low ratio was, in part, measured too low. Its expected second log ratio lies
    nearer to the mean of the mice it was chosen from, by the reliability of the log ratio among those
    mice: slope = 1 - SEM^2 / variance of their log first ratios. The error comes from the controls;
    mean and variance do not, for defeated mice regress to the mean of defeated mice.

    The interval is for one mouse. It takes true log ratios and errors as normal and of one spread, and
    knows the uncertainty of the means and of the SEM, not that of the slope.

    Parameters
    ----------
    error : RetestError
        Of controls tested twice.
    first_ratios : array_like, shape (n_mice,)
        First ratios of all mice from which mice were chosen: for susceptible mice, of all defeated mice,
        resilient ones too. NaN and 0 are left out.

    Returns
    -------
    RegressionToMean
        With a reason when `error` has one, or fewer than 5 first ratios are above 0 or all are equal.

    References
    ----------
    .. [1] Davis, Am J Epidemiol 104, 493-498 (1976).
    """
    ratios = _require_ratios(first_ratios, "first_ratios")
    logs = np.log(ratios[ratios > 0])
    reason = error.reason
    if not reason and len(logs) < MIN_RETESTED_CONTROLS:
        reason = f"the mean to regress to needs {MIN_RETESTED_CONTROLS} mice with a first ratio above 0, there are {len(logs)}"
    if not reason and np.ptp(logs) == 0:
        reason = "all first ratios are equal"
    if reason or error.sem is None or error.shift_factor is None:
        return RegressionToMean(math.nan, math.nan, math.nan, math.nan, error.n_controls, len(logs), reason)
    return RegressionToMean(
        slope=max(0.0, 1 - error.sem**2 / float(logs.var(ddof=1))),
        mean_ratio=math.exp(logs.mean()),
        shift_factor=error.shift_factor,
        sem=error.sem,
        n_controls=error.n_controls,
        n_mice=len(logs),
        reason="",
    )


def _require_ratios(ratios: npt.ArrayLike, name: str) -> FloatArray:
    values = np.asarray(ratios, dtype=float)
    if values.ndim != 1:
        raise ValueError(f"{name} must have one dimension; got shape {values.shape}")
    bad = (values < 0) | np.isinf(values)
    if bad.any():
        raise ValueError(f"{name} must be ratios of 0 or more, NaN where there is none; got {values[bad][0]:g}")
    return values
