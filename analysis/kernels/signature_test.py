"""Does one comparison move mice along the signature of another with which it shares no group?

Induction of resilience is R - C against T - S; whether two drugs undo the stress signature alike is
S - C against D2 - D1. No mouse is in both comparisons, so the null correlation is 0, and the groups of
the second are exchangeable when it does nothing.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.kernels.reversal_design import (
    MAX_EXHAUSTIVE,
    N_RANDOM,
    SMALL,
    MergedDesign,
    count_relabelings,
    indicator_columns,
    make_relabelings,
    merge_groups,
    run_columns,
    stress_design,
)
from analysis.kernels.reversal_effect import (
    TIE,
    Effect,
    jackknife_variance,
    label_products,
    make_effect,
    make_stress_axis,
    t_interval,
)
from analysis.kernels.reversal_inputs import NO_GROUP, BoolArray, FloatArray, RegionSamples, read_samples
from analysis.kernels.reversal_messages import MIN_GROUP_SIZE, MIN_LABEL_SPREAD, MIN_RELABELINGS
from analysis.kernels.reversal_weights import EffectGram, make_grams, moderated_gram
from analysis.kernels.score import axis_generator

REFUSED_TOO_FEW = "REFUSED_TOO_FEW"
REFUSED_RUNS = "REFUSED_RUNS"
REFUSED_RUNS_OF_SIGNATURE = "REFUSED_RUNS_OF_SIGNATURE"
TOO_FEW_RELABELINGS = "TOO_FEW_RELABELINGS"
NO_BYSTANDERS = "NO_BYSTANDERS"
NO_SIGNATURE = "NO_SIGNATURE"
MESSAGES = {
    REFUSED_TOO_FEW: "Needs at least 3 mice in each of the four groups.",
    REFUSED_RUNS: "{first} and {second} mice never share a sequencing run; run and group cannot be separated.",
    REFUSED_RUNS_OF_SIGNATURE: "The runs leave no comparison of {of} with {baseline}.",
    TOO_FEW_RELABELINGS: (
        "Only {n_relabelings} within-run relabelings exist; the smallest possible p would be "
        "1/{n_relabelings}. No p-value is given."
    ),
    NO_BYSTANDERS: (
        "There are too few mice of other groups to learn how genes vary together; the test has less power."
    ),
    NO_SIGNATURE: "{of} and {baseline} mice do not differ measurably; there is no signature to follow.",
}
ALTERNATIVES = ("greater", "less", "two-sided")


@dataclass(frozen=True)
class SignatureTest:
    """Answer of `signature_test`; what cannot be known is None, and `messages` says why.

    Attributes
    ----------
    share, share_se : float or None
        Along the signature: 1 when the second comparison moves mice by the whole of it, -1 by as much
        the other way; jackknife standard error.
    share_interval : tuple of float or None
        95 %.
    p_value, p_floor : float or None
        Of the alternative asked for; the smallest it could be.
    n_relabelings, n_relabelings_available : int or None
        Used, the true labeling included; in existence.
    cosine : float or None
        Between the two comparisons; 0 is expected without an effect.
    p_signature : float or None
        Whether there is a signature at all.
    messages : tuple of str
        Codes of `MESSAGES`.
    sentences : tuple of str
        The same in words.
    """

    share: float | None = None
    share_se: float | None = None
    share_interval: tuple[float, float] | None = None
    p_value: float | None = None
    p_floor: float | None = None
    n_relabelings: int | None = None
    n_relabelings_available: int | None = None
    cosine: float | None = None
    p_signature: float | None = None
    messages: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


def induction_test(
    expression: pd.DataFrame,
    groups: pd.Series,
    *,
    treated: str,
    stress: str = "susceptible",
    resilient: str = "resilient",
    control: str = "control",
    pools: pd.Series | None = None,
    seed: int = 0,
) -> SignatureTest:
    """Test whether a drug makes susceptible mice more like resilient ones: R - C against T - S.

    Parameters and errors as `signature_test`; one-sided, greater.
    """
    return signature_test(
        expression, groups, signature=(resilient, control), between=(treated, stress), pools=pools, seed=seed
    )


def drug_difference_test(
    expression: pd.DataFrame,
    groups: pd.Series,
    *,
    first: str,
    second: str,
    stress: str = "susceptible",
    control: str = "control",
    pools: pd.Series | None = None,
    seed: int = 0,
) -> SignatureTest:
    """Test whether two drugs undo different shares of the stress signature: S - C against D2 - D1.

    The share is the fraction undone by the first less that by the second. Two-sided.

    Parameters and errors as `signature_test`.
    """
    return signature_test(
        expression, groups, signature=(stress, control), between=(second, first),
        alternative="two-sided", pools=pools, seed=seed,
    )  # fmt: skip


def signature_test(
    expression: pd.DataFrame,
    groups: pd.Series,
    *,
    signature: tuple[str, str],
    between: tuple[str, str],
    alternative: str = "greater",
    pools: pd.Series | None = None,
    seed: int = 0,
    max_exhaustive: int = MAX_EXHAUSTIVE,
    n_random: int = N_RANDOM,
) -> SignatureTest:
    """Test how far one comparison goes along the signature of another.

    Parameters
    ----------
    expression : pandas.DataFrame, shape (n_genes, n_samples)
        log2 counts per million.
    groups, pools : pandas.Series, shape (n_samples,)
        Group and, optionally, sequencing run by sample; groups beside the four are bystanders.
    signature, between : tuple of str
        Numerator and denominator of either comparison: four groups, all different.
    alternative : str
        "greater": along the signature; "less": against it; "two-sided".
    seed : int
        Of the random relabelings.
    max_exhaustive, n_random : int
        As `reversal.reversal_test`.

    Returns
    -------
    SignatureTest

    Raises
    ------
    ValueError
        If the input is malformed or a group is in both comparisons.
    """
    if len({*signature, *between}) < 4:
        raise ValueError(
            f"the two comparisons must share no group; got {' - '.join(signature)} and {' - '.join(between)}. "
            "For S - C against D - S use reversal_test"
        )
    if alternative not in ALTERNATIVES:
        raise ValueError(f"alternative must be one of {', '.join(ALTERNATIVES)}; got {alternative!r}")
    samples = read_samples(expression, groups, pools, treated=between[0], stress=signature[0], control=signature[1])
    unlabeled = (groups.reindex(samples.samples) == between[1]).to_numpy(dtype=bool)
    names = {"of": signature[0], "baseline": signature[1], "first": between[0], "second": between[1]}
    if min(*samples.group_sizes, int(unlabeled.sum())) < MIN_GROUP_SIZE:
        return _with_words(SignatureTest(messages=(REFUSED_TOO_FEW,)), names)
    problem = _Problem(samples, unlabeled)
    code = problem.refusal()
    if code is not None:
        return _with_words(SignatureTest(messages=(code,)), names)
    rng = np.random.default_rng((seed, 0))
    labels = make_relabelings(problem.design, rng, max_exhaustive=max_exhaustive, n_random=n_random)
    limits = {"max_exhaustive": max_exhaustive, "n_random": n_random}
    return _with_words(_answer(problem, labels, alternative, seed, limits), names)


class _Problem:
    """Four groups: signature = stress - control of the samples; labeled = treated, unlabeled a bystander."""

    def __init__(self, samples: RegionSamples, unlabeled: BoolArray):
        self.samples, self.unlabeled = samples, unlabeled
        labeled = samples.is_treated
        self.outside = replace(
            samples,
            is_treated=labeled | unlabeled,
            bystander=np.where(unlabeled, NO_GROUP, samples.bystander),
        )
        self.others = [
            samples.is_control[:, None].astype(float),
            samples.is_stress[:, None].astype(float),
            indicator_columns(self.outside.bystander),
            run_columns(samples.pool, len(labeled)),
        ]
        own = self.outside.bystander.max(initial=NO_GROUP) + 1  # the signature's numerator, a group of its own
        merged = replace(self.outside, bystander=np.where(samples.is_stress, own, self.outside.bystander))
        self.design: MergedDesign = merge_groups(merged, samples.is_control, unlabeled, labeled)

    def refusal(self) -> str | None:
        if self.design.label_spread() < MIN_LABEL_SPREAD or count_relabelings(self.design) < 2:
            return REFUSED_RUNS
        contrasts = self.contrasts(self.samples.is_treated)
        return REFUSED_RUNS_OF_SIGNATURE if contrasts is None else None

    def contrasts(self, labeled: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Signature, labeled less unlabeled, and the residual maker; None where not estimable."""
        exchanged = self.samples.is_treated | self.unlabeled
        pair = np.column_stack([labeled, exchanged & ~labeled]).astype(float)
        design = np.hstack([pair, *self.others])
        inverse = np.linalg.pinv(design)
        c1, c2 = inverse[3] - inverse[2], inverse[0] - inverse[1]
        wanted = np.zeros((2, design.shape[1]))
        wanted[0, 2:4], wanted[1, :2] = (-1.0, 1.0), (1.0, -1.0)
        if np.abs(np.stack([c1, c2]) @ design - wanted).max() > SMALL:
            return None
        return c1, c2, np.eye(len(design)) - design @ inverse

    def merged_contrast(self) -> FloatArray:
        """The signature in the design in which labeled and unlabeled mice are one."""
        merged = (self.samples.is_treated | self.unlabeled)[:, None].astype(float)
        inverse = np.linalg.pinv(np.hstack([merged, *self.others]))
        return np.asarray(inverse[2] - inverse[1])

    def effect(self, labeled: BoolArray, weighting: EffectGram) -> Effect:
        found = self.contrasts(labeled)
        if found is None:
            raise ValueError("the comparison cannot be estimated; ask `refusal` first")
        return make_effect(*found, weighting)


def _answer(
    problem: _Problem, labels: FloatArray, alternative: str, seed: int, limits: dict[str, int]
) -> SignatureTest:
    samples, design = problem.samples, problem.design
    grams = make_grams(problem.outside, design.residuals, stress_design(problem.outside).residuals)
    has_bystanders = grams.effect.constant_noise is None
    # Weights and directions come from mice that no relabeling touches, so that p stays exact.
    fixed = EffectGram(grams.effect.gram if has_bystanders else grams.test, None)
    statistics = label_products(fixed.gram, design, problem.merged_contrast(), labels)
    effect = problem.effect(samples.is_treated, fixed if has_bystanders else moderated_gram(samples))
    axis = make_stress_axis(grams.axis, stress_design(samples), axis_generator(seed), **limits)
    objection = axis.objection(effect.a)
    n_available = count_relabelings(design)
    has_p = n_available >= MIN_RELABELINGS
    share = se = interval = None
    if objection is None:
        share, se = -effect.fraction_undone, _share_se(problem, effect)
        df = int((samples.is_compared | problem.unlabeled).sum()) - 4
        low, high = t_interval(np.array(share), np.array(se), df)
        interval = (float(low), float(high))
    codes = (
        None if has_bystanders else NO_BYSTANDERS,
        None if has_p else TOO_FEW_RELABELINGS,
        None if objection is None else NO_SIGNATURE,
    )
    gram = effect.weighting.gram
    lengths = float((effect.c1 @ gram @ effect.c1) * (effect.c2 @ gram @ effect.c2))
    return SignatureTest(
        share=share,
        share_se=se,
        share_interval=interval,
        p_value=_p_value(statistics, alternative) if has_p else None,
        p_floor=1 / len(labels),
        n_relabelings=len(labels),
        n_relabelings_available=n_available,
        cosine=float(effect.c1 @ gram @ effect.c2) / np.sqrt(lengths),
        p_signature=axis.p_value,
        messages=tuple(code for code in codes if code is not None),
    )


def _p_value(statistics: FloatArray, alternative: str) -> float:
    """Share of relabelings at least as extreme as the true one, the first."""
    signed = {"greater": statistics, "less": -statistics, "two-sided": np.abs(statistics)}[alternative]
    return float(np.mean(signed >= signed[0] - TIE * np.abs(signed).max()))


def _share_se(problem: _Problem, effect: Effect) -> float:
    """Delete-one jackknife over the four groups."""
    samples, variance = problem.samples, 0.0
    for group in (samples.is_control, samples.is_stress, samples.is_treated, problem.unlabeled):
        left_out = np.array([effect.without(int(mouse)).fraction_undone for mouse in np.flatnonzero(group)])
        variance += float(jackknife_variance(left_out))
    return float(np.sqrt(variance))


def _with_words(answer: SignatureTest, names: dict[str, str]) -> SignatureTest:
    numbers = {**names, "n_relabelings": answer.n_relabelings_available}
    sentences = (MESSAGES[code].format(**numbers) for code in answer.messages)
    return replace(answer, sentences=tuple(text[0].upper() + text[1:] for text in sentences))
