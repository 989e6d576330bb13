"""Where each mouse stands between control (0) and susceptible (1) along the stress signature.

t_i is the pool-adjusted position of mouse i less the mean of the controls, and

    s_i = (t_i'K c1 - sum_j t_ij c1_j v_j) / A,

so that a mouse's own noise does not define its own axis. The mean over controls is 0, over
susceptible mice 1 and over treated mice 1 - lambda, exactly.
"""

import numpy as np
import pandas as pd

from analysis.kernels.reversal_design import (
    MAX_EXHAUSTIVE,
    N_RANDOM,
    SMALL,
    drug_design,
    indicator_columns,
    leave_out,
    stress_design,
)
from analysis.kernels.reversal_effect import (
    Effect,
    fit_effect,
    jackknife_variance,
    make_stress_axis,
    t_interval,
)
from analysis.kernels.reversal_inputs import BoolArray, FloatArray, RegionSamples, read_samples
from analysis.kernels.reversal_messages import message_sentence, refuse_design, refuse_groups
from analysis.kernels.reversal_weights import group_numbers, make_grams

COLUMNS = ["score", "se", "low", "high", "reason"]
MIN_LEVERAGE_LEFT = 0.2  # below it a mouse's position is its run's
ALONE_IN_RUN = "alone in its run"
MIN_SIZE_FOR_FIXED_AXIS = 5  # with fewer, the axis' own error counts; simulated coverage
AXIS_STREAM = 1  # random numbers of the axis are independent of those of the test


def mouse_scores(
    expression: pd.DataFrame,
    groups: pd.Series,
    *,
    treated: str,
    stress: str = "susceptible",
    control: str = "control",
    pools: pd.Series | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Score each control, susceptible and treated mouse along the stress signature of one region.

    Parameters
    ----------
    expression : pandas.DataFrame, shape (n_genes, n_samples)
        log2 counts per million.
    groups : pandas.Series, shape (n_samples,)
        Group by sample. Every group beside the three compared is a bystander group of its own.
    treated, stress, control : str
        The groups compared.
    pools : pandas.Series, shape (n_samples,), optional
        Sequencing run by sample.
    seed : int
        Of the relabelings that ask whether there is a stress signature, where not all are listed.

    Returns
    -------
    pandas.DataFrame, indexed by the samples compared, in the order of `expression`
        ``score`` (0 control, 1 susceptible), ``se``, ``low``, ``high`` (95 % interval), NaN where
        there is none, and ``reason`` why (else empty).

    Raises
    ------
    ValueError
        If the input is malformed.
    """
    samples = read_samples(expression, groups, pools, treated=treated, stress=stress, control=control)
    code = refuse_groups(samples)
    if code is not None:
        return missing_scores(samples, message_sentence(code))
    drug = drug_design(samples)
    code = refuse_design(samples, drug)
    if code is not None:
        return missing_scores(samples, message_sentence(code))
    apart = stress_design(samples)
    grams = make_grams(samples, drug.residuals, apart.residuals)
    effect = fit_effect(drug, grams.effect)
    axis = make_stress_axis(grams.axis, apart, axis_generator(seed), max_exhaustive=MAX_EXHAUSTIVE, n_random=N_RANDOM)
    code = axis.objection(effect.a)
    if code is not None:
        return missing_scores(samples, message_sentence(code))
    return score_frame(samples, effect)


def axis_generator(seed: int) -> np.random.Generator:
    """Random numbers for relabeling control and susceptible mice."""
    return np.random.default_rng((seed, AXIS_STREAM))


def missing_scores(samples: RegionSamples, reason: str) -> pd.DataFrame:
    """No score for any mouse, and why."""
    empty = np.full(len(samples.samples), np.nan)
    return _as_frame(samples, empty, empty, empty, empty, np.full(len(empty), reason, dtype=object))


def score_frame(samples: RegionSamples, effect: Effect) -> pd.DataFrame:
    """Scores, standard errors and intervals of the mice compared."""
    scores = positions(effect, run_adjustment(samples), samples.is_control)
    alone = np.diag(effect.residual_maker) < MIN_LEVERAGE_LEFT
    scores[alone] = np.nan
    se, df = _score_se(samples, effect, scores)
    se[alone] = np.nan
    low, high = t_interval(scores, se, df)
    return _as_frame(samples, scores, se, low, high, np.where(alone, ALONE_IN_RUN, "").astype(object))


def run_adjustment(samples: RegionSamples) -> FloatArray:
    """Row i takes the pool coefficients of the full model from mouse i's expression."""
    n_samples = len(samples.samples)
    if samples.pool is None:
        return np.eye(n_samples)
    groups, runs = indicator_columns(group_numbers(samples)), indicator_columns(samples.pool)
    coefficients = np.linalg.pinv(np.hstack([groups, runs]))
    return np.eye(n_samples) - runs @ coefficients[groups.shape[1] :]


def positions(effect: Effect, adjustment: FloatArray, is_control: BoolArray) -> FloatArray:
    """s_i for every mouse, by the equation at the top."""
    t = adjustment - adjustment[is_control].mean(axis=0)
    return (t @ (effect.weighting.gram @ effect.c1) - t @ (effect.c1 * effect.noise)) / effect.a


def axis_variance(samples: RegionSamples, effect: Effect) -> FloatArray:
    """sa_i^2: delete-one jackknife of s_i over control and susceptible mice.

    A mouse left out is placed on the axis of the others.
    """
    adjustment = run_adjustment(samples)
    variance = np.zeros(len(samples.samples))
    for group in (samples.is_control, samples.is_stress):
        left_out = []
        for mouse in np.flatnonzero(group):
            remaining = samples.is_control.copy()
            if effect.residual_maker[mouse, mouse] > SMALL:
                remaining[mouse] = False
            adjusted = _adjust_without(adjustment, effect.residual_maker, int(mouse))
            left_out.append(positions(effect.without(int(mouse)), adjusted, remaining))
        variance += jackknife_variance(np.array(left_out))
    return variance


def _adjust_without(adjustment: FloatArray, residual_maker: FloatArray, mouse: int) -> FloatArray:
    """Adjust with pool coefficients estimated without the mouse."""
    identity = np.eye(len(adjustment))
    return identity - leave_out(identity - adjustment, residual_maker, mouse)


def _score_se(samples: RegionSamples, effect: Effect, scores: FloatArray) -> tuple[FloatArray, int]:
    """sw, the spread within control and susceptible mice, with the axis' own error where it counts."""
    groups = [scores[group & np.isfinite(scores)] for group in (samples.is_control, samples.is_stress)]
    df = sum(len(group) - 1 for group in groups if len(group))
    spread = sum(float(np.sum((group - group.mean()) ** 2)) for group in groups if len(group))
    within = spread / df if df > 0 else np.nan
    n_control, n_stress, _ = samples.group_sizes
    is_fixed = min(n_control, n_stress) >= MIN_SIZE_FOR_FIXED_AXIS and effect.weighting.constant_noise is None
    axis = np.zeros(len(scores)) if is_fixed else axis_variance(samples, effect)
    return np.sqrt(within + axis), max(df, 1)


def _as_frame(samples: RegionSamples, *columns: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=samples.samples)[samples.is_compared]
    return frame.reindex([name for name in samples.samples_as_given if name in frame.index])
