"""Gene weights, shared gene directions and Gram matrices (mice x mice) for the reversal test.

All that follows needs genes only through inner products between mice, so the genes are visited
once here and never again.
"""

from dataclasses import dataclass

import numpy as np

from analysis.kernels.empirical_bayes import fit_f_dist
from analysis.kernels.reversal_design import Projection, indicator_columns, project, run_columns
from analysis.kernels.reversal_inputs import BoolArray, FloatArray, IntArray, RegionSamples

MIN_BYSTANDER_DF = 8  # fewer residual degrees of freedom count as no bystanders; simulated sizes
MIN_WEIGHT_DF = 2  # fewer say nothing of a gene's variance
MAX_DIRECTIONS = 5  # too many never cost power, too few did; simulated
PRIOR_DF = 4  # pseudo degrees of freedom that pull a gene's variance to the geometric mean
VARIANCE_FLOOR = 1e-5  # of the median; limma::fitFDist
ROUNDING = 1e-13  # relative: a gene that varies less than this is constant
NO_DIRECTION = 1e-10  # relative: an eigenvalue this small is rounding, as with fewer genes than mice


@dataclass(frozen=True)
class NoiseResiduals:
    """Residuals of the mice that say how much each gene varies between like mice.

    Attributes
    ----------
    variance : numpy.ndarray, shape (n_genes,)
    df : int
        Residual degrees of freedom.
    values : numpy.ndarray, shape (n_genes, df)
        Residuals in an orthonormal basis of their space: same inner products between genes.
    """

    variance: FloatArray
    df: int
    values: FloatArray


def n_directions(df: int) -> int:
    """min(5, df // 3) gene directions shared by mice can be learned."""
    return max(0, min(MAX_DIRECTIONS, df // 3))


def group_numbers(samples: RegionSamples) -> IntArray:
    """Number every group, bystander groups included."""
    compared = np.select([samples.is_control, samples.is_stress], [0, 1], 2)
    return np.where(samples.is_bystander, 3 + samples.bystander, compared)


def within_group_space(samples: RegionSamples, mice: BoolArray) -> Projection:
    """Residual space of [groups | pools] among some of the mice."""
    groups = indicator_columns(group_numbers(samples))
    return project(np.hstack([groups, run_columns(samples.pool, len(mice))])[mice])


def residuals_of(expression: FloatArray, mice: BoolArray, space: Projection) -> NoiseResiduals:
    """Gene-wise residuals of some of the mice about their group and pool means."""
    measured = expression[:, mice]
    values = (measured - measured.mean(axis=1, keepdims=True)) @ space.basis
    variance = np.einsum("gj,gj->g", values, values) / space.df
    variance[variance <= (ROUNDING * np.abs(measured).max(axis=1)) ** 2] = 0.0
    return NoiseResiduals(variance, space.df, values)


def gene_weights(noise: NoiseResiduals) -> FloatArray:
    """w_g = 1 / sqrt((df s2_g + 4 s0) / (df + 4)), s0 = exp(mean log s2).

    Raises
    ------
    ValueError
        If no gene varies between like mice.
    """
    floor = VARIANCE_FLOOR * float(np.median(noise.variance))
    if not floor > 0:
        raise ValueError("expression must vary between mice of one group in at least half of the genes")
    variance = np.maximum(noise.variance, floor)
    shared = np.exp(np.log(variance).mean())
    return 1 / np.sqrt((noise.df * variance + PRIOR_DF * shared) / (noise.df + PRIOR_DF))


def weighted_gram(expression: FloatArray, weights: FloatArray) -> FloatArray:
    """K0 = Y'Y with Y = w (E - row mean)."""
    weighted = _weighted(expression, weights)
    return weighted.T @ weighted


def directions_gram(expression: FloatArray, weights: FloatArray, noise: NoiseResiduals, n_removed: int) -> FloatArray:
    """(U'Y)'(U'Y), U the leading left singular vectors of w x residuals: K_B = K0 less this."""
    residuals = noise.values * weights[:, None]
    # Left singular vectors by way of the small Gram matrix: U = R v / sqrt(eigenvalue).
    eigenvalues, vectors = np.linalg.eigh(residuals.T @ residuals)
    is_leading = np.arange(len(eigenvalues)) >= len(eigenvalues) - n_removed
    is_leading &= eigenvalues > NO_DIRECTION * eigenvalues[-1]
    leading = vectors[:, is_leading] / np.sqrt(eigenvalues[is_leading])
    shared = leading.T @ (residuals.T @ _weighted(expression, weights))
    return shared.T @ shared


def _weighted(expression: FloatArray, weights: FloatArray) -> FloatArray:
    return (expression - expression.mean(axis=1, keepdims=True)) * weights[:, None]


@dataclass(frozen=True)
class EffectGram:
    """Gram matrix for the size of an effect.

    Attributes
    ----------
    gram : numpy.ndarray, shape (n_samples, n_samples)
    constant_noise : float or None
        Expected summed noise of every mouse; None: each mouse's own, from its residuals.
    """

    gram: FloatArray
    constant_noise: float | None


@dataclass(frozen=True)
class Grams:
    """The Gram matrices of the steps; with bystanders the last three are one.

    Attributes
    ----------
    test : numpy.ndarray
        K0 of the p-value.
    effect : EffectGram
        Fraction undone and mouse scores.
    description : numpy.ndarray
        Cosine and spread.
    axis : numpy.ndarray
        p of the stress axis.
    """

    test: FloatArray
    effect: EffectGram
    description: FloatArray
    axis: FloatArray


def bystander_space(samples: RegionSamples) -> Projection | None:
    """Residual space of the bystanders; None when it is too small to learn from."""
    if not samples.is_bystander.any():
        return None
    space = within_group_space(samples, samples.is_bystander)
    return space if space.df >= MIN_BYSTANDER_DF else None


def make_grams(samples: RegionSamples, drug: Projection, stress: Projection) -> Grams:
    """Gram matrices for all steps.

    Parameters
    ----------
    drug, stress : Projection
        Residuals with susceptible and treated, with control and susceptible mice merged.
    """
    bystanders = bystander_space(samples)
    if bystanders is None:
        return _grams_without_bystanders(samples, drug, stress)
    noise = residuals_of(samples.expression, samples.is_bystander, bystanders)
    weights = gene_weights(noise)
    gram = weighted_gram(samples.expression, weights)
    unshared = gram - directions_gram(samples.expression, weights, noise, n_directions(noise.df))
    return Grams(test=gram, effect=EffectGram(unshared, None), description=unshared, axis=unshared)


def _grams_without_bystanders(samples: RegionSamples, drug: Projection, stress: Projection) -> Grams:
    everyone = np.ones(len(samples.samples), dtype=bool)
    merged = residuals_of(samples.expression, everyone, drug)
    return Grams(
        test=_control_gram(samples, merged),
        effect=moderated_gram(samples),
        description=weighted_gram(samples.expression, gene_weights(merged)),
        axis=_axis_gram(samples, stress),
    )


def _control_gram(samples: RegionSamples, merged: NoiseResiduals) -> FloatArray:
    """Weights from controls: they are never relabeled, so the p-value stays exact."""
    space = within_group_space(samples, samples.is_control)
    if space.df >= MIN_WEIGHT_DF:
        merged = residuals_of(samples.expression, samples.is_control, space)
    return weighted_gram(samples.expression, gene_weights(merged))


def _axis_gram(samples: RegionSamples, stress: Projection) -> FloatArray:
    """Weights and directions from mice that are not relabeled when control and stress are."""
    apart = samples.is_treated | samples.is_bystander
    space = within_group_space(samples, apart)
    if space.df < MIN_WEIGHT_DF:
        everyone = np.ones(len(apart), dtype=bool)
        return weighted_gram(samples.expression, gene_weights(residuals_of(samples.expression, everyone, stress)))
    noise = residuals_of(samples.expression, apart, space)
    weights = gene_weights(noise)
    gram = weighted_gram(samples.expression, weights)
    return gram - directions_gram(samples.expression, weights, noise, n_directions(noise.df))


def moderated_gram(samples: RegionSamples) -> EffectGram:
    """Weights w2 = (df + d0) / (df s2 + d0 s0) and the noise they lead one to expect.

    V = sum_g w2_g (d0 s0 + df s2_g) / (d0 + df - 2), which is n_genes (df + d0) / (df + d0 - 2).
    Ordinary residual weights bias the fraction undone towards 0.
    """
    everyone = np.ones(len(samples.samples), dtype=bool)
    noise = residuals_of(samples.expression, everyone, within_group_space(samples, everyone))
    df_prior, prior = fit_f_dist(noise.variance, noise.df)
    n_genes = len(noise.variance)
    if np.isinf(df_prior):
        return EffectGram(weighted_gram(samples.expression, np.full(n_genes, prior**-0.5)), float(n_genes))
    df = noise.df + df_prior
    squared = df / (noise.df * noise.variance + df_prior * prior)
    return EffectGram(weighted_gram(samples.expression, np.sqrt(squared)), n_genes * df / (df - 2))
