"""The plane of control (0, 0), susceptible (1, 0) and resilient (0, 1), and where treated mice lie in it.

T - C = s (S - C) + r (R - C): s says how much of a susceptible mouse is left, r how much of a
resilient one was made. Both axes share the controls, and a mouse its own noise with its group's mean;
from every product the noise that the two have in common is taken out, as in the reversal test.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.kernels.reversal_design import (
    SMALL,
    drug_design,
    indicator_columns,
    leave_out,
    run_columns,
    stress_design,
)
from analysis.kernels.reversal_effect import jackknife_variance, make_stress_axis, mouse_noise, t_interval
from analysis.kernels.reversal_inputs import NO_GROUP, BoolArray, FloatArray, RegionSamples, read_samples
from analysis.kernels.reversal_messages import MIN_GROUP_SIZE, MIN_RESIDUAL_DF
from analysis.kernels.reversal_weights import EffectGram, make_grams, moderated_gram, within_group_space
from analysis.kernels.score import ALONE_IN_RUN, MIN_LEVERAGE_LEFT, axis_generator, run_adjustment

MAX_AXIS_COSINE = 0.95  # beyond it the two signatures are one line, and a place between them is noise
MAX_EXHAUSTIVE, N_RANDOM = 5_000, 1_999
CONTROL, STRESS, RESILIENT = 0, 1, 2
MOUSE_COLUMNS = ("group", "susceptible", "resilient", "susceptible_se", "resilient_se", "reason")
GROUP_COLUMNS = (
    "n", "susceptible", "resilient", "susceptible_se", "resilient_se",
    "susceptible_low", "susceptible_high", "resilient_low", "resilient_high",
)  # fmt: skip

REFUSED_TOO_FEW = "REFUSED_TOO_FEW"
REFUSED_RUNS = "REFUSED_RUNS"
NO_STRESS_SIGNATURE = "NO_STRESS_SIGNATURE"
NO_RESILIENCE_SIGNATURE = "NO_RESILIENCE_SIGNATURE"
ONE_LINE = "ONE_LINE"
NO_BYSTANDERS = "NO_BYSTANDERS"
MESSAGES = {
    REFUSED_TOO_FEW: "Needs at least 3 control, 3 susceptible, 3 resilient and 3 treated mice.",
    REFUSED_RUNS: "The sequencing runs leave no comparison of the groups with each other.",
    NO_STRESS_SIGNATURE: "Control and susceptible mice do not differ measurably; there is no plane.",
    NO_RESILIENCE_SIGNATURE: "Control and resilient mice do not differ measurably; there is no plane.",
    ONE_LINE: "Susceptible and resilient mice differ from controls in nearly the same way; there is no plane.",
    NO_BYSTANDERS: "There are too few mice of other groups to learn how genes vary together; places are less certain.",
}


@dataclass(frozen=True)
class PhenotypePlane:
    """Answer of `phenotype_plane`; None where there is no plane, and `messages` says why.

    Attributes
    ----------
    mice : pandas.DataFrame, indexed by sample, or None
        ``group``, ``susceptible``, ``resilient`` (coordinates), ``susceptible_se``, ``resilient_se`` (spread of
        like mice), ``reason`` of a missing place.
    groups : pandas.DataFrame, indexed by group, or None
        ``n``, the mean place, its jackknife standard errors and 95 % intervals, of treated groups.
    axis_cosine : float or None
        Between the two signatures, noise taken out.
    messages : tuple of str
        Codes of `MESSAGES`.
    """

    mice: pd.DataFrame | None = None
    groups: pd.DataFrame | None = None
    axis_cosine: float | None = None
    messages: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The messages in words."""
        return tuple(MESSAGES[code] for code in self.messages)


def phenotype_plane(
    expression: pd.DataFrame,
    groups: pd.Series,
    *,
    treated: Sequence[str],
    stress: str = "susceptible",
    resilient: str = "resilient",
    control: str = "control",
    pools: pd.Series | None = None,
    seed: int = 0,
) -> PhenotypePlane:
    """Place every mouse of one region between control, susceptible and resilient.

    Parameters
    ----------
    expression : pandas.DataFrame, shape (n_genes, n_samples)
        log2 counts per million.
    groups, pools : pandas.Series, shape (n_samples,)
        Group and, optionally, sequencing run by sample; groups not named are bystanders.
    treated : sequence of str
        Groups to place, as the drug arms or their responders.
    stress, resilient, control : str
        The corners.
    seed : int
        Of the relabelings that ask whether there are signatures.

    Returns
    -------
    PhenotypePlane

    Raises
    ------
    ValueError
        If the input is malformed, or a group is named twice.
    """
    names = [control, stress, resilient, *treated]
    if not treated or len(set(names)) < len(names):
        raise ValueError(f"treated must name at least one group, and no group twice; got {', '.join(names)}")
    samples = read_samples(expression, groups, pools, treated=resilient, stress=stress, control=control)
    by_sample = groups.reindex(samples.samples)
    members = [(by_sample == name).to_numpy(dtype=bool) for name in names]
    if min(int(mice.sum()) for mice in members) < MIN_GROUP_SIZE:
        return PhenotypePlane(messages=(REFUSED_TOO_FEW,))
    everyone = np.ones(len(by_sample), dtype=bool)
    contrasts, residual_maker = _contrasts(samples, members)
    if contrasts is None or within_group_space(samples, everyone).df < MIN_RESIDUAL_DF:
        return PhenotypePlane(messages=(REFUSED_RUNS,))
    weighting, objection = _weighting(samples, members, seed)
    noise = (
        mouse_noise(weighting.gram, residual_maker)
        if weighting.constant_noise is None
        else np.full(len(everyone), weighting.constant_noise)
    )
    plane = _Plane(contrasts, residual_maker, weighting.gram, noise)
    objection = objection or plane.objection()
    if objection is not None:
        return PhenotypePlane(axis_cosine=plane.axis_cosine, messages=(objection,))
    note = () if weighting.constant_noise is None else (NO_BYSTANDERS,)
    return PhenotypePlane(
        _mouse_frame(samples, by_sample, members, plane),
        _group_frame(names, members, plane),
        plane.axis_cosine,
        note,
    )


def _contrasts(samples: RegionSamples, members: list[BoolArray]) -> tuple[FloatArray | None, FloatArray]:
    """Each group less controls, the controls first (0), and the residual maker of all groups apart."""
    named = np.logical_or.reduce(members)
    columns = np.column_stack([*members]).astype(float)
    others = indicator_columns(np.where(named, NO_GROUP, samples.bystander))
    design = np.hstack([columns, others, run_columns(samples.pool, len(named))])
    inverse = np.linalg.pinv(design)
    contrasts = inverse[: len(members)] - inverse[CONTROL]
    wanted = np.eye(len(members), design.shape[1])
    wanted[:, CONTROL] -= 1.0
    is_estimable = np.abs(contrasts @ design - wanted).max() <= SMALL
    return (contrasts if is_estimable else None), np.eye(len(design)) - design @ inverse


def _weighting(samples: RegionSamples, members: list[BoolArray], seed: int) -> tuple[EffectGram, str | None]:
    """Weights from mice of no named group, and the signature that is missing, if one is."""
    named = np.logical_or.reduce(members)
    outside = replace(
        samples,
        is_treated=named & ~samples.is_control & ~samples.is_stress,
        bystander=np.where(named, NO_GROUP, samples.bystander),
    )
    grams = make_grams(outside, drug_design(outside).residuals, stress_design(outside).residuals)
    turned = replace(samples, is_stress=samples.is_treated, is_treated=samples.is_stress)
    limits = {"max_exhaustive": MAX_EXHAUSTIVE, "n_random": N_RANDOM}
    for one, code in ((samples, NO_STRESS_SIGNATURE), (turned, NO_RESILIENCE_SIGNATURE)):
        axis = make_stress_axis(grams.axis, stress_design(one), axis_generator(seed), **limits)
        if axis.objection(1.0) is not None:
            return grams.effect, code
    has_bystanders = grams.effect.constant_noise is None
    return (grams.effect if has_bystanders else moderated_gram(samples)), None


@dataclass(frozen=True)
class _Plane:
    """Contrasts of the groups with controls, the axes in rows 1 and 2, and the noise of each mouse."""

    contrasts: FloatArray
    residual_maker: FloatArray
    gram: FloatArray
    noise: FloatArray

    @property
    def axes(self) -> FloatArray:
        return self.contrasts[[STRESS, RESILIENT]]

    def products(self, rows: FloatArray) -> FloatArray:
        """Inner products of some rows with the two axes, common noise taken out."""
        return rows @ self.gram @ self.axes.T - (rows * self.noise) @ self.axes.T

    def coordinates(self, rows: FloatArray) -> FloatArray:
        """Solve for s and r of each row."""
        return np.asarray(np.linalg.solve(self.products(self.axes), self.products(rows).T).T)

    @property
    def axis_cosine(self) -> float | None:
        squares = self.products(self.axes)
        if not (squares[0, 0] > 0 and squares[1, 1] > 0):
            return None
        return float(squares[0, 1] / np.sqrt(squares[0, 0] * squares[1, 1]))

    def objection(self) -> str | None:
        squares = np.diag(self.products(self.axes))
        for square, code in zip(squares, (NO_STRESS_SIGNATURE, NO_RESILIENCE_SIGNATURE), strict=True):
            if square <= 0:
                return code
        cosine = self.axis_cosine
        return ONE_LINE if cosine is None or abs(cosine) > MAX_AXIS_COSINE else None

    def without(self, mouse: int) -> "_Plane":
        return replace(self, contrasts=leave_out(self.contrasts, self.residual_maker, mouse))


def _mouse_frame(samples: RegionSamples, by_sample: pd.Series, members: list[BoolArray], plane: _Plane) -> pd.DataFrame:
    adjustment = run_adjustment(samples)
    places = plane.coordinates(adjustment - adjustment[members[CONTROL]].mean(axis=0))
    alone = np.diag(plane.residual_maker) < MIN_LEVERAGE_LEFT
    places[alone] = np.nan
    corners = [places[mice & ~alone] for mice in members[: RESILIENT + 1]]
    df = sum(max(len(corner) - 1, 0) for corner in corners)
    spread = sum(np.sum((corner - corner.mean(axis=0)) ** 2, axis=0) for corner in corners if len(corner))
    se = np.sqrt(spread / max(df, 1))
    frame = pd.DataFrame(
        {
            "group": by_sample,
            "susceptible": places[:, 0],
            "resilient": places[:, 1],
            "susceptible_se": np.where(alone, np.nan, se[0]),
            "resilient_se": np.where(alone, np.nan, se[1]),
            "reason": np.where(alone, ALONE_IN_RUN, ""),
        },
        index=samples.samples,
    )
    named = set(samples.samples[np.logical_or.reduce(members)])
    return frame.reindex(index=[name for name in samples.samples_as_given if name in named])


def _group_frame(names: list[str], members: list[BoolArray], plane: _Plane) -> pd.DataFrame:
    n_corners = RESILIENT + 1
    rows = {}
    for at in range(n_corners, len(names)):
        place = plane.coordinates(plane.contrasts[[at]])[0]
        variance = np.zeros(2)
        for mice in (*members[:n_corners], members[at]):
            without = [plane.without(int(mouse)) for mouse in np.flatnonzero(mice)]
            variance += jackknife_variance(np.array([one.coordinates(one.contrasts[[at]])[0] for one in without]))
        se = np.sqrt(variance)
        df = sum(int(mice.sum()) for mice in (*members[:n_corners], members[at])) - n_corners - 1
        low, high = t_interval(place, se, df)
        n_mice = int(members[at].sum())
        rows[names[at]] = (n_mice, *place, *se, low[0], high[0], low[1], high[1])
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(GROUP_COLUMNS)).rename_axis("group")
