"""Susceptible or resilient: the call of a mouse by its social-interaction (SI) test."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.kernels.si_tests import (
    CORNER_COLUMNS,
    IZ_COLUMNS,
    require_tests,
    time_ratio,
    times_s,
    why_unusable,
    within_band,
)

CONTROL, SUSCEPTIBLE, RESILIENT, UNCLASSIFIED = "control", "susceptible", "resilient", "unclassified"
CONTROL_GROUP, DEFEATED_GROUP = "control", "defeated"
MIN_CONTROLS_FOR_CUTOFF = 8  # an SD from fewer is too uncertain to set a cutoff by


@dataclass(frozen=True)
class PhenotypeRule:
    """What makes a defeated mouse susceptible, and what leaves it without a call.

    Attributes
    ----------
    cutoff : float
        A mouse is susceptible below this SI ratio; not used when `control_sd` is given.
    control_sd : float or None
        Take the cutoff as control mean minus so many SD of the mouse's own cohort.
    min_iz_present_s : float or None
        A would-be resilient mouse with less time in the zone with target (s) gets no call.
    max_corner_ratio : float or None
        A would-be resilient mouse with a higher corner ratio gets no call.
    borderline : float
        Half width of the band around the cutoff within which a label may flip on noise.
    """

    cutoff: float = 1.0
    control_sd: float | None = None
    min_iz_present_s: float | None = None
    max_corner_ratio: float | None = None
    borderline: float = 0.05

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cutoff) and self.cutoff > 0):
            raise ValueError(f"cutoff must be a positive ratio; got {self.cutoff}")
        for name in ("control_sd", "min_iz_present_s", "max_corner_ratio", "borderline"):
            number = getattr(self, name)
            if number is not None and not (math.isfinite(number) and number >= 0):
                raise ValueError(f"{name} must be 0 or more; got {number}")


def classify_phenotype(tests: pd.DataFrame, rule: PhenotypeRule = PhenotypeRule()) -> pd.DataFrame:
    """Call each defeated mouse susceptible or resilient by its SI test.

    Controls are never classified: they stay ``control`` whatever their ratio. A mouse of any other
    group than ``control`` and ``defeated`` is left unclassified.

    Parameters
    ----------
    tests : pandas.DataFrame, shape (n_mice, >= 3)
        ``group``, ``iz_absent_s``, ``iz_present_s`` (s); indexed by mouse, one row each. Optional:
        ``corner_absent_s``, ``corner_present_s``, ``trial_s`` (s), ``cohort`` (without it all mice
        are one cohort). A missing, infinite or too long time leaves the mouse unclassified.
    rule : PhenotypeRule
        Cutoff and exclusions.

    Returns
    -------
    pandas.DataFrame, shape (n_mice, 6)
        ``si_ratio``, ``corner_ratio`` (dimensionless), ``phenotype``, ``distance_to_cutoff``,
        ``borderline``, ``reason`` (why there is no call, or no ratio; else empty).

    Raises
    ------
    ValueError
        If a mouse appears twice, a needed column is missing, or a time is negative or no number.

    References
    ----------
    .. [1] Golden et al., Nat Protoc 6, 1183-1191 (2011).
    """
    facts = _read(tests, (rule,))
    phenotype, distance, reason = _call(facts, rule)
    called = (phenotype == SUSCEPTIBLE) | (phenotype == RESILIENT)
    return pd.DataFrame(
        {
            "si_ratio": facts.si_ratio,
            "corner_ratio": facts.corner_ratio,
            "phenotype": phenotype,
            "distance_to_cutoff": distance,
            "borderline": called & within_band(distance, rule.borderline),
            "reason": reason,
        },
        index=tests.index,
    )


def compare_phenotype_rules(tests: pd.DataFrame, rules: Mapping[str, PhenotypeRule]) -> pd.DataFrame:
    """Label every mouse under several rules, to see which labels hang on the rule.

    Parameters
    ----------
    tests : pandas.DataFrame
        As for `classify_phenotype`.
    rules : mapping of str to PhenotypeRule
        Rules by name; the first is the one the others are held against.

    Returns
    -------
    pandas.DataFrame, shape (n_mice, n_rules + 1)
        One column of labels per rule, and ``flips``: how many rules label the mouse otherwise than
        the first does.
    """
    if not rules:
        raise ValueError("rules must name at least one rule")
    facts = _read(tests, rules.values())
    labels = pd.DataFrame({name: _call(facts, rule)[0] for name, rule in rules.items()}, index=tests.index)
    flips = labels.ne(labels.iloc[:, 0], axis=0).sum(axis=1)
    return labels.assign(flips=flips)


def cutoff_curve(tests: pd.DataFrame, rule: PhenotypeRule, cutoffs: Iterable[float]) -> pd.DataFrame:
    """Count the calls under a range of cutoffs, and name the mice that flip against a rule.

    Parameters
    ----------
    tests : pandas.DataFrame
        As for `classify_phenotype`.
    rule : PhenotypeRule
        The rule to hold the others against. They have its exclusions, and a fixed cutoff in place of
        its own.
    cutoffs : iterable of float
        SI ratios.

    Returns
    -------
    pandas.DataFrame, shape (n_cutoffs, 5), indexed by cutoff in the order given
        ``susceptible``, ``resilient``, ``unclassified``: how many mice; controls are in none.
        ``flips``: how many mice have another label than under `rule`; ``flipped``: which, as a tuple.
    """
    cutoffs = list(cutoffs)
    for cutoff in cutoffs:
        replace(rule, cutoff=cutoff)  # refuses what is no cutoff
    facts = _read(tests, (rule,))
    over = facts.si_ratio.to_numpy() >= np.array(cutoffs, dtype=float)[:, None]
    is_callable = (facts.is_defeated & (facts.reason == "")).to_numpy()
    is_susceptible = is_callable & ~over
    is_resilient = is_callable & over & (_why_not_resilient(facts, rule) == "").to_numpy()
    label = _call(facts, rule)[0]
    flips = is_susceptible != (label == SUSCEPTIBLE).to_numpy()
    flips |= is_resilient != (label == RESILIENT).to_numpy()
    susceptible, resilient = is_susceptible.sum(axis=1), is_resilient.sum(axis=1)
    n_not_control = int((~facts.is_control).sum())
    return pd.DataFrame(
        {
            SUSCEPTIBLE: susceptible,
            RESILIENT: resilient,
            UNCLASSIFIED: n_not_control - susceptible - resilient,
            "flips": flips.sum(axis=1),
            "flipped": pd.Series([tuple(tests.index[row]) for row in flips], index=cutoffs, dtype=object),
        },
        index=cutoffs,
    )


@dataclass(frozen=True)
class _Facts:
    """What every rule needs to know of the tests, indexed by mouse."""

    tests: pd.DataFrame
    si_ratio: pd.Series
    corner_ratio: pd.Series
    reason: pd.Series  # why no rule can call the mouse; empty where one can
    is_control: pd.Series
    is_defeated: pd.Series


def _read(tests: pd.DataFrame, rules: Iterable[PhenotypeRule]) -> _Facts:
    corners = CORNER_COLUMNS if any(rule.max_corner_ratio is not None for rule in rules) else ()
    require_tests(tests, "tests", ("group", *IZ_COLUMNS, *corners))
    # Texts of pandas compare to NA where they are missing; such a mouse is in neither group.
    is_control, is_defeated = (
        (tests["group"] == group).fillna(False).astype(bool) for group in (CONTROL_GROUP, DEFEATED_GROUP)
    )
    reason = why_unusable(tests)
    other = ~is_control & ~is_defeated
    return _Facts(
        tests=tests,
        si_ratio=time_ratio(times_s(tests, "iz_present_s"), times_s(tests, "iz_absent_s")),
        corner_ratio=time_ratio(times_s(tests, "corner_present_s"), times_s(tests, "corner_absent_s")),
        reason=reason.mask(other, tests["group"].map(_why_group_is_not_called)),
        is_control=is_control,
        is_defeated=is_defeated,
    )


def _call(facts: _Facts, rule: PhenotypeRule) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Label, distance to the cutoff, and why there is no call, of each mouse."""
    cutoff, no_cutoff = _cutoffs(facts, rule)
    distance = facts.si_ratio - cutoff
    is_callable = facts.is_defeated & (facts.reason == "")
    reason = facts.reason.mask(is_callable, no_cutoff)
    would_be_resilient = is_callable & (reason == "") & (distance >= 0)
    reason = reason.mask(would_be_resilient, _why_not_resilient(facts, rule))
    called = is_callable & (reason == "")
    label = np.where(called, np.where(distance < 0, SUSCEPTIBLE, RESILIENT), UNCLASSIFIED)
    label = np.where(facts.is_control, CONTROL, label)
    return pd.Series(label.astype(object), index=facts.tests.index), distance, reason


def _cutoffs(facts: _Facts, rule: PhenotypeRule) -> tuple[pd.Series, pd.Series]:
    """Cutoff of each mouse, and why it has none (empty where it has one)."""
    mice = facts.tests.index
    if rule.control_sd is None:
        return pd.Series(rule.cutoff, index=mice), pd.Series("", index=mice, dtype=object)
    cohorts = facts.tests["cohort"] if "cohort" in facts.tests.columns else pd.Series("all mice", index=mice)
    controls = facts.si_ratio.where(facts.is_control & (facts.reason == ""))
    of_cohort = {
        cohort: _cutoff_from_controls(str(cohort), ratios.dropna(), rule.control_sd)
        for cohort, ratios in controls.groupby(cohorts)
    }
    cutoff = cohorts.map({cohort: cutoff for cohort, (cutoff, _) in of_cohort.items()}).astype(float)
    reason = cohorts.map({cohort: why_none for cohort, (_, why_none) in of_cohort.items()}).astype(object)
    return cutoff, reason.where(cohorts.notna(), "the cohort is missing, and with it the cutoff")


def _cutoff_from_controls(cohort: str, controls: pd.Series, n_sd: float) -> tuple[float, str]:
    if len(controls) < MIN_CONTROLS_FOR_CUTOFF:
        return math.nan, (
            f"cohort {cohort} has {len(controls)} controls with a ratio; a cutoff from their SD needs "
            f"{MIN_CONTROLS_FOR_CUTOFF}"
        )
    cutoff = float(controls.mean() - n_sd * controls.std(ddof=1))
    if cutoff <= 0:
        return math.nan, f"control mean - {n_sd:g} SD of cohort {cohort} is {cutoff:.3f}: no ratio lies below"
    return cutoff, ""


def _why_not_resilient(facts: _Facts, rule: PhenotypeRule) -> pd.Series:
    """Why the rule excludes a mouse that its ratio would make resilient; empty where it does not."""
    reason = pd.Series("", index=facts.tests.index, dtype=object)
    if rule.max_corner_ratio is not None:
        above = f"corner ratio above {rule.max_corner_ratio:g} although the SI ratio is not below the cutoff"
        reason = reason.mask(facts.corner_ratio > rule.max_corner_ratio, above)
        undefined = "the rule asks for a corner ratio, and it is undefined"
        reason = reason.mask(facts.corner_ratio.isna(), undefined)
    if rule.min_iz_present_s is not None:
        too_short = times_s(facts.tests, "iz_present_s") < rule.min_iz_present_s
        reason = reason.mask(too_short, f"less than {rule.min_iz_present_s:g} s in the interaction zone with target")
    return reason


def _why_group_is_not_called(group: object) -> str:
    if not isinstance(group, str) or not group:
        return "the group is missing"
    return f"only defeated mice are called; this one is {group}"
