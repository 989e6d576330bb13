"""How measures of neuroplasticity go along with behavior, response and reversal, and differ between arms.

Of results the current ones alone, and none that is out of date; each is named with its run.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from analysis.frames import arms_of_mice, phenotypes_read_by
from analysis.kernels.adjusting import benjamini_hochberg
from analysis.kernels.association import RankCorrelation, correlate_by_group, rank_correlation
from analysis.kernels.group_differences import MeanDifference, RankDifference, mean_difference, rank_difference
from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE
from analysis.kernels.response import NON_RESPONDER, RESPONDER
from analysis.kernels.shapes import FloatArray
from analysis.models import AnalysisRun, MouseReversalScore
from analysis.staleness import current_and_fresh
from analysis.tasks.si_tests import included_tests
from labdb.colony.models import Mouse, Study
from labdb.desk.measures import Measure, Measured

CALLS = (CONTROL, SUSCEPTIBLE, RESILIENT)
FEWEST_BLIND = 5  # mice of a letter: beside the values of all mice, the mean of fewer all but names them


@dataclass(frozen=True)
class Groups:
    """What each mouse is: its phenotype by the run, else its group as registered (``run`` is None then)."""

    of_mice: dict[int, str]
    run: AnalysisRun | None
    why_not: str


@dataclass(frozen=True)
class Relation:
    """One measure against one number of each mouse, in one group (empty: all, pooled)."""

    measure: Measure
    group: str
    found: RankCorrelation
    adj_p_value: float | None
    arm: str = ""  # of a reversal score
    region: str = ""


@dataclass(frozen=True)
class Compared:
    """One measure in two groups of mice."""

    measure: Measure
    name: str
    reference: str
    by_ranks: RankDifference
    by_means: MeanDifference
    adj_p_value: float | None


def groups_of(study: Study, mice: pd.Index) -> Groups:
    """Return what each measured mouse is."""
    run, why_not = current_and_fresh(study, "phenotype")
    registered = dict(Mouse.objects.filter(pk__in=mice.tolist()).values_list("pk", "group"))
    if run is None:
        return Groups({mouse: group for mouse, group in registered.items() if group}, None, why_not)
    calls = dict(run.results_run.phenotypecalls.filter(mouse__in=mice.tolist()).values_list("mouse_id", "phenotype"))
    return Groups({mouse: call for mouse, call in calls.items() if call in CALLS}, run, "")


def si_ratios(study: Study, test_number: int) -> pd.Series:
    """Return the SI ratio of every mouse that has one in this test, and is not excluded from it."""
    tests = included_tests(study).filter(test_number=test_number).exclude(si_ratio=None)
    return pd.Series(dict(tests.values_list("mouse_id", "si_ratio")), dtype=float)


def test_numbers(study: Study) -> list[int]:
    """Return which SI tests there are."""
    return list(included_tests(study).order_by("test_number").values_list("test_number", flat=True).distinct())


def with_si_ratio(measured: Measured, ratios: pd.Series, groups: Groups) -> list[Relation]:
    """Correlate every measure with the SI ratio, pooled and within each group that has mice with both."""
    of_mice = pd.Series(groups.of_mice, dtype=object)
    table = correlate_by_group(measured.values, ratios, of_mice)
    rows = [
        Relation(
            next(one for one in measured.measures if one.key == row["measure"]), str(row["group"]),
            RankCorrelation(*(row[name] for name in ("n", "rho", "low", "high", "p_value", "reason"))),
            row["adj_p_value"],
        )
        for row in _plain(table) if row["n"] or not row["group"]
    ]  # fmt: skip
    places = {one.key: place for place, one in enumerate(measured.measures)}
    return sorted(rows, key=lambda row: (places[row.measure.key], _place(row.group)))


def with_scores(measured: Measured, scores: pd.DataFrame) -> list[Relation]:
    """Correlate every measure with the reversal scores of treated mice, for each arm and region of the score.

    Parameters
    ----------
    scores : pandas.DataFrame
        As `score_frame_of`.
    """
    found = []
    for (arm, region), own in scores.groupby(["arm", "region"], sort=False):
        of_mice = own.set_index("mouse_id")["score"].reindex(measured.values.index)
        for measure in measured.measures:
            correlation = rank_correlation(measured.values[measure.key], of_mice)
            if correlation.n:
                found.append((measure, str(arm), str(region), correlation))
    adjusted = benjamini_hochberg([correlation.p_value for *_names, correlation in found])
    return [
        Relation(measure, "", correlation, p_value, arm, region)
        for (measure, arm, region, correlation), p_value in zip(found, adjusted, strict=True)
    ]


def score_frame_of(study: Study, run: AnalysisRun, user: Any) -> pd.DataFrame:
    """Return ``mouse_id``, ``arm``, ``region``, ``score`` of treated mice, as far as this account may see scores.

    Controls and susceptible mice anchor the axis: a correlation over them would be circular.
    """
    rows = MouseReversalScore.objects.visible_to(user).filter(study=study, run=run.results_run, score__isnull=False)
    rows = rows.order_by("arm", "region_id", "mouse_id")
    columns = ["mouse_id", "arm", "region__code", "group", "score"]
    scores = pd.DataFrame(rows.values_list(*columns), columns=["mouse_id", "arm", "region", "group", "score"])
    treated = [group.startswith(f"{arm} ") for group, arm in zip(scores["group"], scores["arm"], strict=True)]
    return scores[pd.Series(treated, dtype=bool)]


def by_response(measured: Measured, run: AnalysisRun) -> list[Compared]:
    """Compare responders with non-responders among re-tested mice that were susceptible."""
    results = run.results_run
    calls = dict(results.responsecalls.values_list("mouse_id", "response"))
    # A resilient mouse that relapsed is called a non-responder as well; it had nothing to respond to.
    before = phenotypes_read_by(results)
    of_mice = {mouse: call for mouse, call in calls.items() if before.get(mouse) == SUSCEPTIBLE}
    return _compared(measured, [(RESPONDER, NON_RESPONDER, of_mice)], by_ranks=True)


@dataclass(frozen=True)
class Arms:
    """The arms of the randomized mice that were measured.

    Attributes
    ----------
    of_mice : dict
        What the arm of each is called: a letter while the study is blinded.
    reference : str
        The vehicle, where one arm is known to be it; else every two arms are compared.
    are_letters : bool
        Whether they are letters: then no mouse may be shown with its own.
    """

    of_mice: dict[int, str]
    reference: str
    are_letters: bool

    @property
    def names(self) -> list[str]:
        """The arms, the reference first."""
        return sorted(set(self.of_mice.values()), key=lambda name: (name != self.reference, name))


def arms_of(study: Study, user: Any, mice: pd.Index) -> Arms:
    """Return the arms of measured mice that were randomized; none for whom the key is not."""
    keys = arms_of_mice(study, user)
    keys = keys[keys["is_randomized"].astype(bool) & keys["label"].notna() & keys.index.isin(mice)]
    vehicles = sorted(set(keys.loc[keys["is_vehicle"].astype(bool), "label"]))
    of_mice = dict(zip(keys.index.tolist(), keys["label"].tolist(), strict=True))
    return Arms(of_mice, vehicles[0] if len(vehicles) == 1 else "", study.is_blinded)


def by_arm(measured: Measured, arms: Arms) -> list[Compared]:
    """Compare every arm with the reference, or every two arms where there is none."""
    names = arms.names
    pairs = [(name, arms.reference) for name in names[1:]] if arms.reference in names else _pairs(names)
    sets = [(name, reference, arms.of_mice) for name, reference in pairs]
    return _compared(measured, sets, by_ranks=False, fewest=FEWEST_BLIND if arms.are_letters else 0)


def _pairs(names: list[str]) -> list[tuple[str, str]]:
    return [(later, earlier) for earlier, later in combinations(names, 2)]


def _compared(
    measured: Measured, sets: list[tuple[str, str, dict[int, str]]], *, by_ranks: bool, fewest: int = 0
) -> list[Compared]:
    """Compare two groups in every measure that some mouse of them has, p-values adjusted over all.

    Parameters
    ----------
    fewest : int
        Mice that a group must have to be told of.
    """
    found = []
    for measure in measured.measures:
        values = measured.values[measure.key].dropna()
        for name, reference, of_mice in sets:
            called = values.index.map(of_mice)
            own, other = values[called == name].to_numpy(), values[called == reference].to_numpy()
            if len(own) or len(other):
                found.append((measure, name, reference, *_both_ways(own, other, fewest)))
    adjusted = benjamini_hochberg([(ranks if by_ranks else means).p_value for *_names, ranks, means in found])
    return [Compared(*one, adj_p_value=p_value) for one, p_value in zip(found, adjusted, strict=True)]


def _both_ways(own: FloatArray, other: FloatArray, fewest: int) -> tuple[RankDifference, MeanDifference]:
    if min(len(own), len(other)) >= fewest:
        return rank_difference(own, other), mean_difference(own, other)
    sizes = len(own), len(other)
    reason = f"letters are told of {fewest} mice or more in each arm, there are {sizes[0]} and {sizes[1]}"
    return RankDifference(*sizes, reason=reason), MeanDifference(*sizes, reason=reason)


def _place(group: str) -> tuple[int, str]:
    """Return the place of a group in a table: all mice first, then in the order of the experiment."""
    if not group:
        return -1, ""
    return (CALLS.index(group) if group in CALLS else len(CALLS)), group


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of a frame with None where a number is missing."""
    plain = table.astype(object).mask(table.isna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]
