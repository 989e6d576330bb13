"""How much of the stress signature a drug undoes: lambda, its error, and whether there is a signature.

With K the Gram matrix of weighted expression and v_i the noise of mouse i,

    U = c1'K c2 - sum_i c1_i c2_i v_i;    A = c1'K c1 - sum_i c1_i^2 v_i;    lambda = -U / A.

The sums take out what the shared susceptible mice add to the product of the two contrasts.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from analysis.kernels.reversal_design import (
    SMALL,
    MergedDesign,
    Projection,
    count_relabelings,
    full_residual_maker,
    label_contrasts,
    leave_out,
    make_relabelings,
    stress_contrasts,
)
from analysis.kernels.reversal_inputs import BoolArray, FloatArray, RegionSamples
from analysis.kernels.reversal_messages import (
    AXIS_TOO_FEW_RELABELINGS,
    MIN_LABEL_SPREAD,
    MIN_RELABELINGS,
    NO_STRESS_SIGNATURE,
    UNEQUAL_SPREAD,
)
from analysis.kernels.reversal_weights import EffectGram

MAX_AXIS_P_VALUE = 0.05  # above it there is no signature of which to speak
MAX_SPREAD_RATIO = 1.5  # beyond it the p-value is measurably too small
INTERVAL_LEVEL = 0.95
TIE = 1e-10  # relative: statistics that differ by less are ties


def mouse_noise(gram: FloatArray, residual_maker: FloatArray) -> FloatArray:
    """v_i = (M K M)_ii / M_ii (HC2); trace(M K M) / trace(M) where M_ii is 0."""
    residual = residual_maker @ gram @ residual_maker
    leverage_left = np.diag(residual_maker)
    fitted = leverage_left < SMALL
    mean = np.trace(residual) / np.trace(residual_maker)
    return np.where(fitted, mean, np.diag(residual) / np.where(fitted, 1.0, leverage_left))


@dataclass(frozen=True)
class Effect:
    """Contrasts and noise from which fraction undone and mouse scores are made.

    Attributes
    ----------
    c1, c2 : numpy.ndarray, shape (n_samples,)
        Stress (S - C) and drug (D - S) contrasts.
    residual_maker : numpy.ndarray, shape (n_samples, n_samples)
        M, all groups apart.
    weighting : EffectGram
        K.
    noise : numpy.ndarray, shape (n_samples,)
        v.
    """

    c1: FloatArray
    c2: FloatArray
    residual_maker: FloatArray
    weighting: EffectGram
    noise: FloatArray

    @property
    def u(self) -> float:
        """U: product of the two signatures, noise taken out."""
        return float(self.c1 @ self.weighting.gram @ self.c2 - np.sum(self.c1 * self.c2 * self.noise))

    @property
    def a(self) -> float:
        """A: squared length of the stress signature, noise taken out."""
        return float(self.c1 @ self.weighting.gram @ self.c1 - np.sum(self.c1**2 * self.noise))

    @property
    def fraction_undone(self) -> float:
        """lambda."""
        return -self.u / self.a

    def without(self, mouse: int) -> "Effect":
        """Compute the same with one mouse left out, K not made anew."""
        return make_effect(
            leave_out(self.c1, self.residual_maker, mouse),
            leave_out(self.c2, self.residual_maker, mouse),
            leave_out(self.residual_maker, self.residual_maker, mouse),
            self.weighting,
        )


def make_effect(c1: FloatArray, c2: FloatArray, residual_maker: FloatArray, weighting: EffectGram) -> Effect:
    """Add each mouse's noise to the contrasts."""
    if weighting.constant_noise is None:
        noise = mouse_noise(weighting.gram, residual_maker)
    else:
        noise = np.full(len(c1), weighting.constant_noise)
    return Effect(c1, c2, residual_maker, weighting, noise)


def fit_effect(design: MergedDesign, weighting: EffectGram) -> Effect:
    """Fit the effect with the true labels."""
    label = design.is_labeled.astype(float)
    c2 = label_contrasts(design, label)
    return make_effect(stress_contrasts(design, label, c2), c2, full_residual_maker(design, c2), weighting)


def fraction_undone_se(samples: RegionSamples, effect: Effect) -> float:
    """SE^2 = sum_g (n_g - 1) / n_g sum_j (lambda(-j) - group mean)^2, over C, S and D."""
    variance = 0.0
    for group in (samples.is_control, samples.is_stress, samples.is_treated):
        left_out = np.array([effect.without(int(mouse)).fraction_undone for mouse in np.flatnonzero(group)])
        variance += float(jackknife_variance(left_out))
    return float(np.sqrt(variance))


def jackknife_variance(left_out: FloatArray) -> FloatArray:
    """(n - 1) / n sum_j (x_j - mean)^2 over the first axis."""
    n = len(left_out)
    return np.asarray((n - 1) / n * np.sum((left_out - left_out.mean(axis=0)) ** 2, axis=0), dtype=float)


def t_interval(center: FloatArray, se: FloatArray, df: int) -> tuple[FloatArray, FloatArray]:
    """Lower and upper end of the interval center +- t(df) se."""
    reach = stdtrit(df, (1 + INTERVAL_LEVEL) / 2) * np.asarray(se)
    return center - reach, center + reach


@dataclass(frozen=True)
class StressAxis:
    """Whether control and susceptible mice differ at all.

    Attributes
    ----------
    p_value : float or None
        None when no relabeling of control and susceptible mice can be made.
    n_available : int
        Relabelings that exist.
    """

    p_value: float | None
    n_available: int

    def objection(self, a: float) -> str | None:
        """Code of the reason not to show fraction undone and scores."""
        if self.p_value is None or self.n_available < MIN_RELABELINGS:
            return AXIS_TOO_FEW_RELABELINGS
        return NO_STRESS_SIGNATURE if a <= 0 or self.p_value > MAX_AXIS_P_VALUE else None


def make_stress_axis(
    gram: FloatArray, design: MergedDesign, rng: np.random.Generator, *, max_exhaustive: int, n_random: int
) -> StressAxis:
    """Relabel control and susceptible mice; p = share of relabelings with A* at least as large.

    Parameters
    ----------
    design : MergedDesign
        With control and susceptible mice merged, the treated a group of their own.
    """
    n_available = count_relabelings(design)
    if design.label_spread() < MIN_LABEL_SPREAD:
        return StressAxis(None, n_available)
    labels = make_relabelings(design, rng, max_exhaustive=max_exhaustive, n_random=n_random)
    lengths = squared_lengths(gram, design, labels)
    return StressAxis(float(np.mean(lengths >= lengths[0] - TIE * np.abs(lengths).max())), n_available)


def squared_lengths(gram: FloatArray, design: MergedDesign, labels: FloatArray) -> FloatArray:
    """A* = c2'K c2 - sum_i c2_i^2 v_i for each labeling, the noise v (HC2) of that labeling's model."""
    c2 = label_contrasts(design, labels)
    return np.sum((c2 @ gram) * c2, axis=1) - np.sum(c2**2 * label_noise(gram, design, c2), axis=1)


def label_products(gram: FloatArray, design: MergedDesign, contrast: FloatArray, labels: FloatArray) -> FloatArray:
    """U = c1'K c2 - sum_i c1_i c2_i v_i for each labeling, the noise v (HC2) of that labeling's model.

    Parameters
    ----------
    contrast : numpy.ndarray, shape (n_samples,)
        pa, in the merged design; c1 = pa - (pa.d) c2.
    labels : numpy.ndarray, shape (n_relabelings, n_samples)
    """
    c2 = label_contrasts(design, labels)
    c1 = contrast - (labels @ contrast)[:, None] * c2
    return np.sum((c1 @ gram) * c2, axis=1) - np.sum(c1 * c2 * label_noise(gram, design, c2), axis=1)


def label_noise(gram: FloatArray, design: MergedDesign, c2: FloatArray) -> FloatArray:
    """v_i of every mouse under each labeling; see `projected_noise`."""
    return projected_noise(gram, design.residuals, (c2 / np.linalg.norm(c2, axis=1, keepdims=True))[None])


def projected_noise(gram: FloatArray, merged: Projection, directions: FloatArray) -> FloatArray:
    """v_i = (M K M)_ii / M_ii under each labeling, M = M0 - sum_a q_a q_a' with few orthonormal q_a in M0's space.

    With H = M0 K M0: (M K M)_ii = H_ii - 2 sum_a q_ai (H q_a)_i + sum_ab q_ai q_bi q_a'H q_b.

    Parameters
    ----------
    merged : Projection
        M0.
    directions : numpy.ndarray, shape (n_directions, n_relabelings, n_samples)
        q_a; all zero where a labeling has one less.
    """
    maker = merged.residual_maker
    residual = maker @ gram @ maker
    turned = directions @ residual
    along = np.einsum("ari,bri->abr", directions, turned)
    diagonal = np.diag(residual) - 2 * np.sum(directions * turned, axis=0)
    diagonal = diagonal + np.einsum("ari,bri,abr->ri", directions, directions, along, optimize=True)
    leverage_left = np.diag(maker) - np.sum(directions**2, axis=0)
    n_projected = np.sum(directions**2, axis=(0, 2))
    mean = (np.trace(residual) - np.einsum("aar->r", along)) / (merged.df - n_projected)
    fitted = leverage_left < SMALL
    return np.where(fitted, mean[:, None], diagonal / np.where(fitted, 1.0, leverage_left))


@dataclass(frozen=True)
class Description:
    """What is shown beside the test.

    Attributes
    ----------
    cosine : float
        Between stress and drug signature; biased by the mice they share, so never shown alone.
    cosine_null_mean : float
        Its mean over relabelings: expected without any reversal.
    spread_ratio : float
        Mean noise of susceptible over treated mice.
    """

    cosine: float
    cosine_null_mean: float
    spread_ratio: float

    @property
    def note(self) -> str | None:
        """Code of the note on unequal spread."""
        unequal = not 1 / MAX_SPREAD_RATIO <= self.spread_ratio <= MAX_SPREAD_RATIO
        return UNEQUAL_SPREAD if unequal else None


def describe(samples: RegionSamples, gram: FloatArray, design: MergedDesign, labels: FloatArray) -> Description:
    """Compute the cosine with its mean over relabelings (identity, the first row, left out), and spread."""
    c2 = label_contrasts(design, labels)
    c1 = stress_contrasts(design, labels, c2)
    gram_c1 = c1 @ gram
    cosines = np.sum(gram_c1 * c2, axis=1) / np.sqrt(np.sum(gram_c1 * c1, axis=1) * np.sum((c2 @ gram) * c2, axis=1))
    noise = mouse_noise(gram, full_residual_maker(design, c2[0]))
    ratio = _group_mean(noise, samples.is_stress) / _group_mean(noise, samples.is_treated)
    return Description(float(cosines[0]), float(cosines[1:].mean()), ratio)


def _group_mean(noise: FloatArray, group: BoolArray) -> float:
    return float(noise[group].mean())
