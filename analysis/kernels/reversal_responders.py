"""Do responders reverse the stress signature? The arm is relabeled and the response rule applied anew.

Responders are chosen after treatment, and saline mice would have been chosen too: comparing the
chosen with all saline mice calls the choice an effect. Here every relabeling of the arm carries each
mouse's re-test and expression along, so the drug is chosen from as saline would have been.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.kernels.reversal_crossfit import Progress
from analysis.kernels.reversal_design import (
    SMALL,
    MergedDesign,
    drug_design,
    indicator_columns,
    run_columns,
    stress_design,
)
from analysis.kernels.reversal_effect import TIE, Effect, make_effect, projected_noise
from analysis.kernels.reversal_inputs import NO_GROUP, BoolArray, FloatArray, RegionSamples
from analysis.kernels.reversal_messages import (
    MIN_GROUP_SIZE,
    REFUSED_CHOSEN_BY_OUTCOME,
    REFUSED_NOT_RETESTED,
    REFUSED_SALINE_NOT_RETESTED,
)
from analysis.kernels.reversal_weights import EffectGram, Grams, make_grams, moderated_gram

BLOCK_RELABELINGS = 100  # few enough to show progress


@dataclass(frozen=True)
class RandomizedArms:
    """Both arms of one comparison, and who responded.

    Attributes
    ----------
    by_arm : RegionSamples
        The whole drug arm as treated.
    by_response : RegionSamples
        Its responders as treated, the others as a bystander group of their own.
    responded : numpy.ndarray of bool, shape (n_samples,)
        Of saline mice as well.
    """

    by_arm: RegionSamples
    by_response: RegionSamples
    responded: BoolArray


def read_arms(
    samples: RegionSamples, arm: pd.Series, responded: pd.Series, *, chosen_by_outcome: bool
) -> tuple[RandomizedArms | None, str | None]:
    """Read which mice were randomized to what and who responded, or the code of the refusal.

    Parameters
    ----------
    samples : RegionSamples
        The treated are those of the drug arm, all of them or the responders.
    arm, responded : pandas.Series
        By sample. A mouse without an arm was not randomized.
    chosen_by_outcome : bool
        Whether mice were picked for sequencing by their re-test.

    Raises
    ------
    ValueError
        If a mouse compared has no arm, or an arm does not belong to one group.
    """
    arms = arm.reindex(samples.samples)
    arms = arms.where(arms.notna() & (arms.astype(str).str.strip() != ""))
    saline, drug = (_one_arm(arms, mice, what) for mice, what in _compared(samples))
    if saline == drug:
        raise ValueError(f"arm must tell saline from drug; both are {saline!r}")
    is_saline, is_drug = ((arms == name).to_numpy(dtype=bool) for name in (saline, drug))
    if (is_saline & ~samples.is_stress).any():
        other = samples.samples[is_saline & ~samples.is_stress][0]
        raise ValueError(f"every mouse of arm {saline!r} must be in the stress group; {other} is not")
    if (is_drug & samples.is_control).any():
        raise ValueError(f"{samples.samples[is_drug & samples.is_control][0]} is a control and in arm {drug!r}")
    if chosen_by_outcome:
        return None, REFUSED_CHOSEN_BY_OUTCOME
    outcomes = responded.reindex(samples.samples)
    if outcomes[is_saline].isna().any():
        return None, REFUSED_SALINE_NOT_RETESTED
    if outcomes[is_drug].isna().any():
        return None, REFUSED_NOT_RETESTED
    did_respond = np.zeros(len(outcomes), dtype=bool)
    did_respond[is_saline | is_drug] = outcomes[is_saline | is_drug].astype(bool)
    left = is_drug & ~did_respond
    bystander = np.where(is_drug, NO_GROUP, samples.bystander)
    return RandomizedArms(
        by_arm=replace(samples, is_treated=is_drug, bystander=bystander),
        by_response=replace(
            samples,
            is_treated=is_drug & did_respond,
            bystander=np.where(left, samples.bystander.max(initial=NO_GROUP) + 1, bystander),
        ),
        responded=did_respond,
    ), None


def _compared(samples: RegionSamples) -> tuple[tuple[BoolArray, str], tuple[BoolArray, str]]:
    return (samples.is_stress, "stress"), (samples.is_treated, "treated")


def _one_arm(arms: pd.Series, mice: BoolArray, what: str) -> object:
    names = arms[mice]
    if names.isna().any():
        raise ValueError(
            f"arm must name the arm of every mouse of the {what} group; {names.index[names.isna()][0]} has none"
        )
    if names.nunique() != 1:
        raise ValueError(
            f"the mice of the {what} group must be of one arm; got {', '.join(map(str, names.unique()[:3]))}"
        )
    return names.iloc[0]


@dataclass(frozen=True)
class ResponderStatistics:
    """The statistic under every relabeling, and the effect under the true one.

    Attributes
    ----------
    statistics : numpy.ndarray, shape (n_relabelings,)
        -lambda, or U where A is not positive; infinite with fewer than 3 responders. The true
        labeling first.
    cosines : numpy.ndarray, shape (n_relabelings,)
        Between the signatures; NaN where there is no statistic.
    effect : Effect
        Responders as treated, with the weighting for the size of an effect.
    has_bystanders : bool
    """

    statistics: FloatArray
    cosines: FloatArray
    effect: Effect
    has_bystanders: bool

    @property
    def p_value(self) -> float:
        """Share of relabelings at most as large as the true one, itself included."""
        finite = self.statistics[np.isfinite(self.statistics)]
        return float(np.mean(self.statistics <= self.statistics[0] + TIE * np.abs(finite).max()))


def arm_grams(arms: RandomizedArms) -> Grams:
    """Gram matrices from mice that are in neither arm."""
    return make_grams(arms.by_arm, drug_design(arms.by_arm).residuals, stress_design(arms.by_arm).residuals)


def responder_statistics(
    arms: RandomizedArms, grams: Grams, labels: FloatArray, progress: Progress | None = None
) -> ResponderStatistics:
    """Compute the statistic for every relabeling of the arm.

    Parameters
    ----------
    grams : Grams
        Of `arm_grams`.
    labels : numpy.ndarray, shape (n_relabelings, n_samples)
        1.0 for mice labeled drug, the true labeling first.
    progress : callable, optional
        Called with the numbers of relabelings done and to do.
    """
    has_bystanders = grams.effect.constant_noise is None
    weighting = EffectGram(grams.effect.gram if has_bystanders else grams.test, None)
    statistics, cosines = np.full(len(labels), np.inf), np.full(len(labels), np.nan)
    for start in range(0, len(labels), BLOCK_RELABELINGS):
        block = slice(start, start + BLOCK_RELABELINGS)
        statistics[block], cosines[block] = _block_statistics(arms, weighting.gram, labels[block])
        if progress is not None:
            progress(min(block.stop, len(labels)), len(labels))
    shown = weighting if has_bystanders else moderated_gram(arms.by_response)
    effect = effect_of(arms, labels[0] > 0, shown)
    if effect is None:
        raise ValueError("the true labeling has no estimable effect; ask `refuse_design` first")
    return ResponderStatistics(statistics, cosines, effect, has_bystanders)


def effect_of(arms: RandomizedArms, is_drug: BoolArray, weighting: EffectGram) -> Effect | None:
    """Saline against responders of the mice labeled drug; None when it cannot be estimated."""
    samples = arms.by_arm
    treated = is_drug & arms.responded
    if int(treated.sum()) < MIN_GROUP_SIZE:
        return None
    stressed = (samples.is_stress | samples.is_treated) & ~is_drug
    left = is_drug & ~arms.responded  # a column of zeros, where all responded, changes nothing
    groups = np.column_stack([samples.is_control, stressed, treated, left]).astype(float)
    others = indicator_columns(samples.bystander)
    design = np.hstack([groups, others, run_columns(samples.pool, len(is_drug))])
    inverse = np.linalg.pinv(design)
    c1, c2 = inverse[1] - inverse[0], inverse[2] - inverse[1]
    wanted = np.zeros((2, design.shape[1]))
    wanted[0, :2] = wanted[1, 1:3] = -1.0, 1.0
    if np.abs(np.stack([c1, c2]) @ design - wanted).max() > SMALL:
        return None
    return make_effect(c1, c2, np.eye(len(design)) - design @ inverse, weighting)


def _block_statistics(arms: RandomizedArms, gram: FloatArray, labels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Statistic and cosine of some relabelings at once, by partialling: X0 first, then who responded and who did not.

    With t and l indicators of responders and of the others among mice labeled drug, and Z = M0 [t l],
    (Z'Z)^-1 Z' has rows c2 (responders less saline) and cl, and c1 = pa - (pa.t) c2 - (pa.l) cl.
    """
    design = arm_design(arms)
    treated = labels * arms.responded
    left = labels - treated
    merged, basis = design.estimable_contrast(), design.residuals.basis
    z_treated, z_left = ((one @ basis) @ basis.T for one in (treated, left))
    statistics, cosines = np.full(len(labels), np.inf), np.full(len(labels), np.nan)
    spread_left = np.sum(z_left**2, axis=1)
    has_left = spread_left > SMALL
    to_left = np.where(has_left, np.sum(z_treated * z_left, axis=1) / np.where(has_left, spread_left, 1.0), 0.0)
    own = z_treated - to_left[:, None] * z_left  # of the responders alone
    spread = np.sum(own**2, axis=1)
    usable = (treated.sum(axis=1) >= MIN_GROUP_SIZE) & (spread > SMALL)
    safe, safe_left = np.where(usable, spread, 1.0)[:, None], np.where(has_left, spread_left, 1.0)[:, None]
    c2 = own / safe
    c_left = np.where(has_left[:, None], z_left / safe_left, 0.0) - to_left[:, None] * c2
    c1 = merged - (treated @ merged)[:, None] * c2 - (left @ merged)[:, None] * c_left
    directions = np.stack([own / np.sqrt(safe), np.where(has_left[:, None], z_left / np.sqrt(safe_left), 0.0)])
    noise = projected_noise(gram, design.residuals, directions)
    gram_c1 = c1 @ gram
    product, square = np.sum(gram_c1 * c2, axis=1), np.sum(gram_c1 * c1, axis=1)
    u, a = product - np.sum(c1 * c2 * noise, axis=1), square - np.sum(c1**2 * noise, axis=1)
    found = np.where(a > 0, u / np.where(a > 0, a, 1.0), u)  # -lambda, or U
    statistics[usable] = found[usable]
    lengths = square * np.sum((c2 @ gram) * c2, axis=1)
    cosines[usable] = product[usable] / np.sqrt(lengths[usable])
    return statistics, cosines


def arm_design(arms: RandomizedArms) -> MergedDesign:
    """The design whose labels are the arm."""
    return drug_design(arms.by_arm)
