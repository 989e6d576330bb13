"""Runs of the time before inputs were kept part by part: whether the ratios that they saw are still the same."""

import math
from collections.abc import Iterable
from typing import Any

from analysis.models import AnalysisRun
from analysis.tasks.si_tests import included_tests
from labdb.colony.models import Study

SAME = 1e-9  # of a ratio that was computed again


def saw_other_ratios(run: AnalysisRun) -> bool:
    """Whether a run of phenotype or response saw other ratios than there are now; of other tasks nothing is known."""
    if run.task == "phenotype":
        return not _same_ratios(run)
    return run.task == "response" and not _same_responses(run)


def _ratios(study: Study, number: Any) -> dict[int, float | None]:
    tests = included_tests(study).filter(test_number=number)
    return dict(tests.values_list("mouse_id", "si_ratio"))


def _same_ratios(run: AnalysisRun) -> bool:
    now = _ratios(run.study, run.parameters.get("test_number", 1))
    then = dict(run.phenotypecalls.values_list("mouse_id", "si_ratio"))
    # A test that cannot be used has no ratio in its call, whatever its times are divided by.
    return now.keys() == then.keys() and _all_same((now[mouse], ratio) for mouse, ratio in then.items() if ratio)


def _same_responses(run: AnalysisRun) -> bool:
    before, after = (
        _ratios(run.study, run.parameters.get(name, usual)) for name, usual in (("before", 1), ("after", 2))
    )
    then = dict(run.responsecalls.values_list("mouse_id", "delta_log_ratio"))
    if before.keys() & after.keys() != then.keys():
        return False
    # A change without a logarithm is stored as none: only those that have one can be held against it.
    known = {mouse: change for mouse, change in then.items() if change is not None}
    return _all_same((_change(before[mouse], after[mouse]), change) for mouse, change in known.items())


def _change(before: float | None, after: float | None) -> float | None:
    """Return the difference of log ratios; None where one of them has no logarithm."""
    return math.log(after / before) if before and after else None


def _all_same(pairs: Iterable[tuple[float | None, float]]) -> bool:
    return all(now is not None and math.isclose(now, then, rel_tol=SAME, abs_tol=SAME) for now, then in pairs)
