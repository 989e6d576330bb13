"""Does a drug undo the stress signature? A test that stays at its level when the two share mice.

Stress (S - C) and drug (D - S) signature share the susceptible mice, so their correlation is about
-0.5 when nothing is reversed, and genes move together, so genes are no replicates. Here mice are
relabeled and the shared mice's noise is kept out of the product.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.reversal_crossfit import Progress, crossfitted_statistics
from analysis.kernels.reversal_design import (
    MAX_EXHAUSTIVE,
    N_RANDOM,
    MergedDesign,
    count_relabelings,
    drug_design,
    make_relabelings,
    stress_design,
)
from analysis.kernels.reversal_effect import (
    TIE,
    Effect,
    describe,
    fit_effect,
    fraction_undone_se,
    make_stress_axis,
    t_interval,
)
from analysis.kernels.reversal_inputs import FloatArray, RegionSamples, read_samples
from analysis.kernels.reversal_messages import (
    MESSAGES,
    MIN_RELABELINGS,
    NO_BYSTANDERS,
    TOO_FEW_RELABELINGS,
    message_sentence,
    refuse_design,
    refuse_groups,
)
from analysis.kernels.reversal_responders import (
    RandomizedArms,
    arm_design,
    arm_grams,
    read_arms,
    responder_statistics,
)
from analysis.kernels.reversal_weights import make_grams
from analysis.kernels.reversed_genes import reversed_genes
from analysis.kernels.score import axis_generator, score_frame
from analysis.kernels.shared_mice import shared_group_null

__all__ = ["MESSAGES", "ReversalTest", "reversal_test", "reversed_genes", "shared_group_null"]

TEST_STREAM = 0  # see score.AXIS_STREAM


@dataclass(frozen=True)
class ReversalTest:
    """Answer of `reversal_test`; what cannot be known is None, and `messages` says why.

    Attributes
    ----------
    statistic : float or None
        U_test; negative: reversal.
    p_value, p_floor : float or None
        One-sided p of reversal; the smallest it could be with these relabelings.
    n_relabelings, n_relabelings_available : int or None
        Used, the true labeling included; in existence.
    fraction_undone, fraction_undone_se : float or None
        lambda: 0 none, 1 all of the stress signature, < 0 deepened; jackknife standard error.
    fraction_undone_interval : tuple of float or None
        95 %.
    u, a : float or None
        Product of the signatures and squared length of the stress signature, noise taken out.
    cosine, cosine_null_mean : float or None
        Between the signatures; its mean over relabelings, which is what no reversal gives.
    p_stress_axis : float or None
        Whether there is a stress signature to undo.
    mouse_scores : pandas.DataFrame or None
        As `score.mouse_scores`.
    messages : tuple of str
        Codes of `MESSAGES`.
    seed : int or None
        Of the random relabelings.
    relabeled_statistics : numpy.ndarray or None
        `statistic` under every relabeling, the true labeling first.
    """

    statistic: float | None = None
    p_value: float | None = None
    p_floor: float | None = None
    n_relabelings: int | None = None
    n_relabelings_available: int | None = None
    fraction_undone: float | None = None
    fraction_undone_se: float | None = None
    fraction_undone_interval: tuple[float, float] | None = None
    u: float | None = None
    a: float | None = None
    cosine: float | None = None
    cosine_null_mean: float | None = None
    p_stress_axis: float | None = None
    mouse_scores: pd.DataFrame | None = None
    messages: tuple[str, ...] = ()
    seed: int | None = None
    relabeled_statistics: FloatArray | None = None

    @property
    def sentences(self) -> tuple[str, ...]:
        """The messages in words."""
        return tuple(message_sentence(code, self.n_relabelings_available) for code in self.messages)


def reversal_test(
    expression: pd.DataFrame,
    groups: pd.Series,
    *,
    treated: str,
    stress: str = "susceptible",
    control: str = "control",
    pools: pd.Series | None = None,
    arm: pd.Series | None = None,
    responded: pd.Series | None = None,
    chosen_by_outcome: bool = False,
    seed: int = 0,
    max_exhaustive: int = MAX_EXHAUSTIVE,
    n_random: int = N_RANDOM,
    with_p: bool = True,
    progress: Progress | None = None,
) -> ReversalTest:
    """Test whether a drug undoes the stress signature of one brain region, and say how much of it.

    Parameters
    ----------
    expression : pandas.DataFrame, shape (n_genes, n_samples)
        log2 counts per million, genes kept by a filter that pools stressed and treated mice.
    groups : pandas.Series, shape (n_samples,)
        Group by sample. Every group beside the three compared is a bystander group of its own.
    treated, stress, control : str
        The groups compared.
    pools : pandas.Series, shape (n_samples,), optional
        Sequencing run by sample; labels are exchanged within runs only.
    arm, responded : pandas.Series, shape (n_samples,), optional
        Both or neither. With them responders of the drug arm are compared with all saline mice, and the
        arm is relabeled over all mice randomized to saline or to this drug. Arm by sample, missing for
        mice that were not randomized; whether the mouse responded, saline mice too.
    chosen_by_outcome : bool
        Mice were picked for sequencing by their re-test: the comparison of responders is refused.
    seed : int
        Of the random relabelings.
    max_exhaustive, n_random : int
        All relabelings are used up to the first number, else the true one and so many random ones.
    with_p : bool
        False: a description of whole arms, without the relabelings that a p-value takes and without one.
    progress : callable, optional
        Called with the numbers of relabelings done and to do.

    Returns
    -------
    ReversalTest

    Raises
    ------
    ValueError
        If the input is malformed: names repeat, a value is missing, samples do not match.
    """
    if max_exhaustive < 1 or n_random < MIN_RELABELINGS - 1:
        raise ValueError(
            f"max_exhaustive must be at least 1 and n_random at least {MIN_RELABELINGS - 1}; "
            f"got {max_exhaustive} and {n_random}"
        )
    samples = read_samples(expression, groups, pools, treated=treated, stress=stress, control=control)
    relabeling = _Relabeling(seed, max_exhaustive, n_random, with_p)
    if arm is not None or responded is not None:
        if arm is None or responded is None:
            raise ValueError("arm and responded go together; give both or neither")
        arms, refusal = read_arms(samples, arm, responded, chosen_by_outcome=chosen_by_outcome)
        if arms is None:
            return ReversalTest(messages=(refusal or "",))
        return _answer_responders(arms, relabeling, progress)
    code = refuse_groups(samples)
    if code is not None:
        return ReversalTest(messages=(code,))
    drug = drug_design(samples)
    code = refuse_design(samples, drug)
    if code is not None:
        return ReversalTest(messages=(code,), n_relabelings_available=count_relabelings(drug))
    return _answer(samples, drug, relabeling, progress)


@dataclass(frozen=True)
class _Relabeling:
    seed: int
    max_exhaustive: int
    n_random: int
    with_p: bool

    @property
    def limits(self) -> dict[str, int]:
        return {"max_exhaustive": self.max_exhaustive, "n_random": self.n_random}


def _answer(
    samples: RegionSamples, drug: MergedDesign, relabeling: _Relabeling, progress: Progress | None
) -> ReversalTest:
    apart = stress_design(samples)
    grams = make_grams(samples, drug.residuals, apart.residuals)
    generator = np.random.default_rng((relabeling.seed, TEST_STREAM))
    labels = make_relabelings(drug, generator, **relabeling.limits)
    n_available = count_relabelings(drug)
    statistic, p_value, statistics = None, None, None
    if relabeling.with_p and n_available >= MIN_RELABELINGS:
        statistics = crossfitted_statistics(grams.test, drug, labels, progress)
        statistic, p_value = float(statistics[0]), _p_value(statistics)
    description = describe(samples, grams.description, drug, labels)
    effect = fit_effect(drug, grams.effect)
    axis = make_stress_axis(grams.axis, apart, axis_generator(relabeling.seed), **relabeling.limits)
    objection = axis.objection(effect.a)
    codes = (
        NO_BYSTANDERS if grams.effect.constant_noise is not None else None,
        TOO_FEW_RELABELINGS if relabeling.with_p and p_value is None else None,
        description.note,
        objection,
    )
    return ReversalTest(
        statistic=statistic,
        p_value=p_value,
        p_floor=1 / len(labels),
        n_relabelings=len(labels),
        n_relabelings_available=n_available,
        **(_shown_effect(samples, effect) if objection is None else {}),
        u=effect.u,
        a=effect.a,
        cosine=description.cosine,
        cosine_null_mean=description.cosine_null_mean,
        p_stress_axis=axis.p_value,
        messages=tuple(code for code in codes if code is not None),
        seed=relabeling.seed,
        relabeled_statistics=statistics,
    )


def _answer_responders(arms: RandomizedArms, relabeling: _Relabeling, progress: Progress | None) -> ReversalTest:
    samples, design = arms.by_response, arm_design(arms)
    code = refuse_groups(samples) or refuse_design(arms.by_arm, design) or refuse_design(samples, drug_design(samples))
    if code is not None:
        return ReversalTest(messages=(code,))
    grams = arm_grams(arms)
    generator = np.random.default_rng((relabeling.seed, TEST_STREAM))
    labels = make_relabelings(design, generator, **relabeling.limits)
    n_available = count_relabelings(design)
    answer = responder_statistics(arms, grams, labels, progress)
    effect = answer.effect
    apart = stress_design(samples)
    axis = make_stress_axis(grams.axis, apart, axis_generator(relabeling.seed), **relabeling.limits)
    objection = axis.objection(effect.a)
    has_p = n_available >= MIN_RELABELINGS
    codes = (
        None if answer.has_bystanders else NO_BYSTANDERS,
        None if has_p else TOO_FEW_RELABELINGS,
        objection,
    )
    others = answer.cosines[1:]
    others = others[np.isfinite(others)]
    return ReversalTest(
        statistic=float(answer.statistics[0]) if has_p else None,
        p_value=answer.p_value if has_p else None,
        p_floor=1 / len(labels),
        n_relabelings=len(labels),
        n_relabelings_available=n_available,
        **(_shown_effect(samples, effect) if objection is None else {}),
        u=effect.u,
        a=effect.a,
        cosine=float(answer.cosines[0]),
        cosine_null_mean=float(others.mean()) if len(others) else None,
        p_stress_axis=axis.p_value,
        messages=tuple(code for code in codes if code is not None),
        seed=relabeling.seed,
        relabeled_statistics=answer.statistics if has_p else None,
    )


def _p_value(statistics: FloatArray) -> float:
    """Share of relabelings at most as large as the true one, the first."""
    return float(np.mean(statistics <= statistics[0] + TIE * np.abs(statistics).max()))


def _shown_effect(samples: RegionSamples, effect: Effect) -> dict[str, Any]:
    se = fraction_undone_se(samples, effect)
    low, high = t_interval(np.array(effect.fraction_undone), np.array(se), sum(samples.group_sizes) - 3)
    return {
        "fraction_undone": effect.fraction_undone,
        "fraction_undone_se": se,
        "fraction_undone_interval": (float(low), float(high)),
        "mouse_scores": score_frame(samples, effect),
    }
