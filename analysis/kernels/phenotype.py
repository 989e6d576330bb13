"""Susceptible or resilient: the call of a mouse by its social-interaction (SI) test."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

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
    corners = CORNER_COLUMNS if rule.max_corner_ratio is not None else ()
    require_tests(tests, "tests", ("group", *IZ_COLUMNS, *corners))
    calls = pd.DataFrame(index=tests.index)
    calls["si_ratio"] = time_ratio(times_s(tests, "iz_present_s"), times_s(tests, "iz_absent_s"))
    calls["corner_ratio"] = time_ratio(times_s(tests, "corner_present_s"), times_s(tests, "corner_absent_s"))
    reason = why_unusable(tests)
    cutoff, no_cutoff = _cutoffs(tests, calls["si_ratio"].where(reason == ""), rule)
    distance = calls["si_ratio"] - cutoff

    is_control = tests["group"] == CONTROL_GROUP
    is_defeated = tests["group"] == DEFEATED_GROUP
    reason = reason.mask((reason == "") & is_defeated, no_cutoff)
    would_be_resilient = is_defeated & (reason == "") & (distance >= 0)
    reason = reason.mask(would_be_resilient, _why_not_resilient(tests, calls["corner_ratio"], rule))
    other = ~is_control & ~is_defeated
    reason = reason.mask(other, tests["group"].map(_why_group_is_not_called))

    called = is_defeated & (reason == "")
    phenotype = pd.Series(UNCLASSIFIED, index=tests.index, dtype=object)
    phenotype[is_control] = CONTROL
    phenotype[called & (distance < 0)] = SUSCEPTIBLE
    phenotype[called & (distance >= 0)] = RESILIENT
    calls["phenotype"] = phenotype
    calls["distance_to_cutoff"] = distance
    calls["borderline"] = called & within_band(distance, rule.borderline)
    calls["reason"] = reason
    return calls


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
    labels = pd.DataFrame(
        {name: classify_phenotype(tests, rule)["phenotype"] for name, rule in rules.items()},
        index=tests.index,
    )
    flips = labels.ne(labels.iloc[:, 0], axis=0).sum(axis=1)
    return labels.assign(flips=flips)


def _cutoffs(tests: pd.DataFrame, si_ratio: pd.Series, rule: PhenotypeRule) -> tuple[pd.Series, pd.Series]:
    """Cutoff of each mouse, and why it has none (empty where it has one)."""
    if rule.control_sd is None:
        return pd.Series(rule.cutoff, index=tests.index), pd.Series("", index=tests.index, dtype=object)
    cutoff = pd.Series(np.nan, index=tests.index)
    reason = pd.Series("the cohort is missing, and with it the cutoff", index=tests.index, dtype=object)
    cohorts = tests["cohort"] if "cohort" in tests.columns else pd.Series("all mice", index=tests.index)
    for cohort, members in si_ratio.groupby(cohorts):
        controls = members[tests.loc[members.index, "group"] == CONTROL_GROUP].dropna()
        cohort_cutoff, why_none = _cutoff_from_controls(str(cohort), controls, rule.control_sd)
        cutoff[members.index] = cohort_cutoff
        reason[members.index] = why_none
    return cutoff, reason


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


def _why_not_resilient(tests: pd.DataFrame, corner_ratio: pd.Series, rule: PhenotypeRule) -> pd.Series:
    """Why the rule excludes a mouse that its ratio would make resilient; empty where it does not."""
    reason = pd.Series("", index=tests.index, dtype=object)
    if rule.max_corner_ratio is not None:
        above = f"corner ratio above {rule.max_corner_ratio:g} although the SI ratio is not below the cutoff"
        reason[corner_ratio > rule.max_corner_ratio] = above
        reason[corner_ratio.isna()] = "the rule asks for a corner ratio, and it is undefined"
    if rule.min_iz_present_s is not None:
        too_short = times_s(tests, "iz_present_s") < rule.min_iz_present_s
        reason[too_short] = f"less than {rule.min_iz_present_s:g} s in the interaction zone with target"
    return reason


def _why_group_is_not_called(group: object) -> str:
    if not isinstance(group, str) or not group:
        return "the group is missing"
    return f"only defeated mice are called; this one is {group}"
