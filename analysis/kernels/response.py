"""Did a susceptible mouse respond: the first against the second social-interaction (SI) test."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.kernels.phenotype import (
    CONTROL_GROUP,
    RESILIENT,
    SUSCEPTIBLE,
    UNCLASSIFIED,
    PhenotypeRule,
    classify_phenotype,
)
from analysis.kernels.si_tests import (
    IZ_COLUMNS,
    require_tests,
    time_ratio,
    times_s,
    why_unusable,
    within_band,
)

RESPONDER, NON_RESPONDER = "responder", "non_responder"
MIN_RETESTED_CONTROLS = 5  # an SEM from fewer is a guess
RELIABLE_CHANGE_Z = 1.96  # Jacobson & Truax 1991: the change of 5 % of unchanged subjects, two-sided


@dataclass(frozen=True)
class ResponseRule:
    """What makes a re-tested mouse a responder.

    Attributes
    ----------
    cutoff : float
        SI ratio that a responder reaches at the re-test.
    reliable_change : bool
        Ask also that the change exceeds what re-tested controls show by chance.
    borderline : float
        Half width of the band around the cutoff; a crossing inside it is not a response.
    """

    cutoff: float = 1.0
    reliable_change: bool = True
    borderline: float = 0.05

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cutoff) and self.cutoff > 0):
            raise ValueError(f"cutoff must be a positive ratio; got {self.cutoff}")
        if not (math.isfinite(self.borderline) and self.borderline >= 0):
            raise ValueError(f"borderline must be 0 or more; got {self.borderline}")


def classify_response(before: pd.DataFrame, after: pd.DataFrame, rule: ResponseRule = ResponseRule()) -> pd.DataFrame:
    """Call each re-tested mouse responder or non-responder.

    A responder was susceptible, is at or over the cutoff at the re-test, did not merely step across
    it inside the borderline band, and changed reliably: the difference of its log ratios exceeds
    1.96 sqrt(2) SEM, with SEM = SD(difference of log ratios of re-tested controls) / sqrt(2). With
    fewer than 5 such controls the plain rule (cutoff and band) holds, and `reason` says so.

    A resilient mouse that falls below the cutoff by the mirrored rule is a ``relapse`` and called
    ``non_responder``; one that does not has nothing to respond to and stays ``unclassified``.

    Parameters
    ----------
    before, after : pandas.DataFrame, indexed by mouse, one row each
        ``iz_absent_s``, ``iz_present_s`` (s), optional ``trial_s`` (s) of the first and second test.
        `before` also has ``group`` and, optionally, ``phenotype``; without it the phenotype is the
        one that the same cutoff gives. A ``group`` in `after` must agree.
    rule : ResponseRule
        Cutoff, reliable change, band.

    Returns
    -------
    pandas.DataFrame
        The mice of `before`, then those only in `after`: ``response``, ``delta_log_ratio`` (natural
        log; missing where a ratio is missing or 0), ``reliable_change`` (in either direction; missing
        when it cannot be known), ``borderline`` (the second ratio lies inside the band), ``reason``,
        ``relapse``.

    Raises
    ------
    ValueError
        If a mouse appears twice, a needed column is missing, a time is negative, or a mouse has
        another group at its re-test.

    References
    ----------
    .. [1] Jacobson & Truax, J Consult Clin Psychol 59, 12-19 (1991).
    """
    require_tests(before, "before", ("group", *IZ_COLUMNS))
    require_tests(after, "after", IZ_COLUMNS)
    _require_same_groups(before, after)
    mice = before.index.append(after.index.difference(before.index, sort=False))
    pair = _ratios(before, after, mice)
    delta_log_ratio, reliable, why_plain = _reliable_changes(pair, before["group"].reindex(mice))
    changed = pd.Series(True, index=mice)
    if rule.reliable_change and not why_plain:
        changed = reliable.fillna(False).astype(bool)

    phenotype = _phenotypes(before, rule).reindex(mice).where(pair["reason"] == "")
    was_susceptible, was_resilient = phenotype == SUSCEPTIBLE, phenotype == RESILIENT
    stepped = _crossed_inside_band(pair, rule)
    over = was_susceptible & (pair["after"] >= rule.cutoff) & (pair["after"] > pair["before"])
    under = was_resilient & (pair["after"] < rule.cutoff) & (pair["after"] < pair["before"])
    responded, relapse = over & changed & ~stepped, under & changed & ~stepped

    response = pd.Series(UNCLASSIFIED, index=mice, dtype=object)
    response[was_susceptible | relapse] = NON_RESPONDER
    response[responded] = RESPONDER
    reason = _reasons(pair["reason"], before["group"].reindex(mice), phenotype)
    reason[(over | under) & ~changed] = "crossed the cutoff, but by less than the error of the test"
    reason[(over | under) & stepped] = "crossed the cutoff inside the borderline band"
    reason[relapse] = "relapse: resilient before, below the cutoff after"
    if rule.reliable_change and why_plain:
        reason = _append(reason, why_plain, where=response != UNCLASSIFIED)
    near = within_band(pair["after"] - rule.cutoff, rule.borderline)
    return pd.DataFrame(
        {
            "response": response,
            "delta_log_ratio": delta_log_ratio,
            "reliable_change": reliable,
            "borderline": near & (was_susceptible | was_resilient),
            "reason": reason,
            "relapse": relapse,
        },
        index=mice,
    )


def retest_sem(delta_log_ratio: pd.Series) -> float:
    """Return the standard error of measurement of one log SI ratio.

    Parameters
    ----------
    delta_log_ratio : pandas.Series
        Second minus first log ratio of mice that nothing was done to in between.

    Returns
    -------
    float
        SD of the differences / sqrt(2); NaN for fewer than two mice.
    """
    return float(delta_log_ratio.std(ddof=1) / math.sqrt(2))


def _require_same_groups(before: pd.DataFrame, after: pd.DataFrame) -> None:
    if "group" not in after.columns:
        return
    both = before.index.intersection(after.index)
    first, second = before.loc[both, "group"], after.loc[both, "group"]
    changed = (first != second) & ~(first.isna() & second.isna())
    if changed.any():
        mouse = changed.idxmax()
        raise ValueError(f"{mouse} is {first[mouse]} in before and {second[mouse]} in after")


def _ratios(before: pd.DataFrame, after: pd.DataFrame, mice: pd.Index) -> pd.DataFrame:
    """``before``, ``after``: usable SI ratios; ``reason``: why one of them is missing, else empty."""
    pair = pd.DataFrame(index=mice)
    for test, tests, none in (("before", before, "no first test"), ("after", after, "not re-tested")):
        reason = why_unusable(tests)
        ratio = time_ratio(times_s(tests, "iz_present_s"), times_s(tests, "iz_absent_s"))
        pair[test] = ratio.where(reason == "").reindex(mice)
        pair[f"why_not_{test}"] = reason.reindex(mice).fillna(none)
    first = pair["why_not_before"].map(lambda why: why if why in ("", "no first test") else f"first test: {why}")
    second = pair["why_not_after"].map(lambda why: why if why in ("", "not re-tested") else f"re-test: {why}")
    pair["reason"] = first.where(first != "", second)
    return pair[["before", "after", "reason"]]


def _phenotypes(before: pd.DataFrame, rule: ResponseRule) -> pd.Series:
    if "phenotype" in before.columns:
        return before["phenotype"]
    return classify_phenotype(before, PhenotypeRule(cutoff=rule.cutoff))["phenotype"]


def _reliable_changes(pair: pd.DataFrame, group: pd.Series) -> tuple[pd.Series, pd.Series, str]:
    """Difference of log ratios, whether it is reliable, and why that cannot be known (else empty)."""
    positive = (pair["before"] > 0) & (pair["after"] > 0)
    delta = np.log(pair["after"].where(positive)) - np.log(pair["before"].where(positive))
    of_controls = delta[group == CONTROL_GROUP].dropna()
    if len(of_controls) < MIN_RETESTED_CONTROLS:
        unknown = pd.Series(pd.NA, index=pair.index, dtype="boolean")
        note = (
            f"plain rule: a reliable change needs {MIN_RETESTED_CONTROLS} re-tested controls with a ratio, "
            f"there are {len(of_controls)}"
        )
        return delta, unknown, note
    threshold = RELIABLE_CHANGE_Z * math.sqrt(2) * retest_sem(of_controls)
    reliable = (delta.abs() > threshold).astype("boolean")
    # From or to a ratio of 0 the log ratio changes without bound, so it exceeds any threshold.
    reliable[(pair["before"] == 0) ^ (pair["after"] == 0)] = True
    reliable[pair["before"].isna() | pair["after"].isna()] = pd.NA
    return delta, reliable, ""


def _crossed_inside_band(pair: pd.DataFrame, rule: ResponseRule) -> pd.Series:
    inside = within_band(pair["before"] - rule.cutoff, rule.borderline) & within_band(
        pair["after"] - rule.cutoff, rule.borderline
    )
    return inside & ((pair["before"] < rule.cutoff) != (pair["after"] < rule.cutoff))


def _reasons(unusable: pd.Series, group: pd.Series, phenotype: pd.Series) -> pd.Series:
    """Why a mouse can have no call; empty where it can."""
    reason = unusable.copy()
    reason[(reason == "") & (group == CONTROL_GROUP)] = "a control: its re-test sets the error of the test"
    reason[(reason == "") & (phenotype == RESILIENT)] = "resilient before: nothing to respond to"
    reason[(reason == "") & (phenotype != SUSCEPTIBLE)] = "no phenotype before the treatment"
    return reason


def _append(reason: pd.Series, sentence: str, where: pd.Series) -> pd.Series:
    return reason.mask(where, reason.map(lambda said: f"{said}; {sentence}" if said else sentence))
