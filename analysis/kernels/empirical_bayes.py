"""Empirical Bayes moderation of gene-wise variances, as in limma."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, digamma, erfc, polygamma

FloatArray = NDArray[np.float64]

VARIANCE_FLOOR = 1e-5  # of the median; limma::fitFDist
MIN_DF = 1e-15  # fewer residual degrees of freedom count as none; limma::fitFDist
NEWTON_TOLERANCE = 1e-8  # relative; limma::trigammaInverse
NEAR_ZERO_RATIO = 1e-4  # of t^2 to df: there the plain form is still good to 1e-13


@dataclass(frozen=True)
class ModeratedVariances:
    """Gene-wise variances shrunk towards a common prior.

    Attributes
    ----------
    posterior : numpy.ndarray, shape (n_genes,)
        Moderated variances.
    df_prior : float
        Degrees of freedom that the prior is worth; infinite when the genes differ no more than
        chance makes them, 0 for a single gene.
    prior : float
        Prior variance.
    df_total : numpy.ndarray, shape (n_genes,)
        Degrees of freedom of a moderated t: own plus prior, at most the sum over all genes.
    """

    posterior: FloatArray
    df_prior: float
    prior: float
    df_total: FloatArray


def trigamma(x: ArrayLike) -> FloatArray:
    """Second derivative of the log gamma function."""
    return np.asarray(polygamma(1, np.asarray(x, dtype=np.float64)))


def invert_trigamma(y: float) -> float:
    """Find x > 0 whose trigamma is y.

    Newton's method on 1 / trigamma, which is convex and nearly linear, so that it converges from
    the start value for every y.

    References
    ----------
    .. [1] Smyth, Stat Appl Genet Mol Biol 3, 3 (2004), appendix.
    """
    if not y > 0:
        raise ValueError(f"trigamma takes positive values only; got {y}")
    if y > 1e7:
        return float(1 / np.sqrt(y))
    if y < 1e-6:
        return 1 / y
    x = 0.5 + 1 / y
    for _ in range(50):
        value = float(polygamma(1, x))
        step = value * (1 - value / y) / float(polygamma(2, x))
        x += step
        if -step / x < NEWTON_TOLERANCE:
            break
    return x


def fit_f_dist(variances: ArrayLike, df: ArrayLike) -> tuple[float, float]:
    """Fit a scaled F distribution to sample variances by the moments of their logarithms.

    Parameters
    ----------
    variances : array_like, shape (n_genes,)
        Sample variances. Missing, infinite and negative ones, and those without degrees of
        freedom, take no part.
    df : array_like, scalar or shape (n_genes,)
        Their degrees of freedom.

    Returns
    -------
    df_prior : float
        Denominator degrees of freedom; infinite when the variances scatter no more than
        their own degrees of freedom explain.
    variance_prior : float
        Scale of the distribution.

    Raises
    ------
    ValueError
        If no variance can be used, or df does not match the variances.

    References
    ----------
    .. [1] Smyth, Stat Appl Genet Mol Biol 3, 3 (2004); limma 3.54 fitFDist.
    """
    observed, own_df = _checked_variances(variances, df)
    usable = np.isfinite(own_df) & (own_df > MIN_DF) & np.isfinite(observed) & (observed > -MIN_DF)
    observed, own_df = observed[usable], own_df[usable]
    if observed.size == 0:
        raise ValueError("no variance is finite, non-negative and with residual degrees of freedom")
    if observed.size == 1:
        return 0.0, float(observed[0])
    observed = _away_from_zero(observed)
    # Genes of one fit have the same df; a trigamma for each is a quarter of the time of a relabeling.
    half_own = own_df[:1] / 2 if own_df.min() == own_df.max() else own_df / 2
    centered = np.log(observed) - digamma(half_own) + np.log(half_own)
    mean = centered.mean()
    excess = np.sum((centered - mean) ** 2) / (centered.size - 1) - trigamma(half_own).mean()
    if excess <= 0:
        return np.inf, float(observed.mean())  # pooled variance: the scale's maximum likelihood estimate
    half_df = invert_trigamma(float(excess))
    return 2 * half_df, float(np.exp(mean + digamma(half_df) - np.log(half_df)))


def squeeze_variances(variances: ArrayLike, df: ArrayLike) -> ModeratedVariances:
    """Shrink gene-wise variances towards the prior that they share.

    Parameters
    ----------
    variances : array_like, shape (n_genes,)
        Sample variances. One without degrees of freedom (df 0) may be NaN and gets the prior.
    df : array_like, scalar or shape (n_genes,)
        Their residual degrees of freedom.

    Returns
    -------
    ModeratedVariances

    Raises
    ------
    ValueError
        As `fit_f_dist`.
    """
    observed, own_df = _checked_variances(variances, df)
    observed = np.where(own_df > MIN_DF, observed, 0.0)
    df_prior, prior = fit_f_dist(observed, own_df)
    if np.isinf(df_prior):
        posterior = np.full_like(observed, prior)
    else:
        posterior = (own_df * observed + df_prior * prior) / (own_df + df_prior)
    return ModeratedVariances(posterior, df_prior, prior, np.minimum(own_df + df_prior, own_df.sum()))


def two_sided_p(t: ArrayLike, df: ArrayLike) -> FloatArray:
    """Two-sided p of Student's t, accurate to the far tail.

    Parameters
    ----------
    t, df : array_like, broadcastable
        Statistic and degrees of freedom (infinite: normal). NaN, or no degrees of freedom, gives NaN.
    """
    t, df = np.broadcast_arrays(np.asarray(t, dtype=float), np.asarray(df, dtype=float))
    df = np.where(df > 0, df, np.nan)
    with np.errstate(over="ignore"):  # |t| > 1e154: the ratio is infinite and p is 0, as it should be
        ratio = np.square(t) / np.where(np.isinf(df), 1.0, df)
    p = np.asarray(betainc(df / 2, 0.5, 1 / (1 + ratio)))
    # Close to t = 0 the argument is next to 1 and its rounding spoils p; its complement does not.
    near = ratio < NEAR_ZERO_RATIO
    p[near] = 1 - betainc(0.5, df[near] / 2, ratio[near] / (1 + ratio[near]))
    return np.where(np.isinf(df), erfc(np.abs(t) / np.sqrt(2)), p)


def _checked_variances(variances: ArrayLike, df: ArrayLike) -> tuple[FloatArray, FloatArray]:
    observed = np.asarray(variances, dtype=float)
    own_df = np.asarray(df, dtype=float)
    if observed.ndim != 1 or observed.size == 0:
        raise ValueError(f"variances must be one value per gene; got shape {observed.shape}")
    if own_df.shape not in ((), observed.shape):
        raise ValueError(f"df must be one number or one per gene; got shape {own_df.shape}")
    return observed, np.broadcast_to(own_df, observed.shape)


def _away_from_zero(observed: FloatArray) -> FloatArray:
    observed = np.maximum(observed, 0)
    median = float(np.median(observed))
    if median == 0:
        warnings.warn(
            "more than half of the residual variances are exactly zero; moderation is unreliable",
            RuntimeWarning,
            stacklevel=3,
        )
        median = 1.0
    return np.maximum(observed, VARIANCE_FLOOR * median)
