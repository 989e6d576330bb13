"""Whether the results that count still follow from the records: a sentence where they do not."""

import math
from collections.abc import Iterable
from typing import Any

from analysis.current import current_run
from analysis.models import AnalysisRun
from analysis.tasks.si_tests import included_tests
from labdb.colony.models import Study

SAME = 1e-9  # of a ratio that was computed again


def current_and_fresh(study: Study, task: str) -> tuple[AnalysisRun | None, str]:
    """Return the run of a task that counts, or why its results are not to be used; both empty where none has run."""
    run = current_run(study, task)
    if run is None:
        return None, ""
    why = why_stale(run)
    return (None, why) if why else (run, "")


def why_stale(run: AnalysisRun) -> str:
    """Say what changed since a run of phenotype, response or mouse_scores read it; empty where nothing did."""
    results = run.results_run
    if results.task == "phenotype" and not _same_ratios(results):
        return _sentence(run, "SI tests or exclusions changed")
    if results.task == "response" and not _same_responses(results):
        return _sentence(run, "SI tests or exclusions changed")
    for read in results.depends_on.select_related("same_as", "study"):
        current = current_run(read.study, read.task)
        if current is not None and current.results_run.pk != read.results_run.pk:
            return _sentence(run, f"run {current.pk} of {_spoken(read)} is current now")
        if why := why_stale(read):
            return _sentence(run, why[0].lower() + why[1:].rstrip("."))
    return ""


def _sentence(run: AnalysisRun, what: str) -> str:
    return f"Run {run.pk} of {_spoken(run)} is out of date ({what}); run it again and adopt the new run."


def _spoken(run: AnalysisRun) -> str:
    return run.task.replace("_", " ")


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
