"""What current results say of a mouse, as words that lists, REST, exports, the admin and questions filter by.

Only results that count: of the run that was adopted last, and not stale.
"""

from typing import Any

from django.db.models import Q

from analysis.declared_inputs import all_models_read
from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE, UNCLASSIFIED
from analysis.kernels.response import NON_RESPONDER, RESPONDER
from analysis.models import Adoption, AnalysisRun, MouseReversalScore, PhenotypeCall, ResponseCall
from analysis.staleness import stale_runs
from analysis.watermark import OPEN, Mark, mark_now, tables_of
from labdb.colony.models import Mouse, Study
from labdb.registry.kin import Kin, declare

TASKS = ("phenotype", "response", "mouse_scores")


def counting_runs(user: Any, study: Study | None) -> dict[str, list[int]]:
    """Return by task the runs whose results count, in one study or in all that the account sees; remembered by it.

    As its permissions are: until the account is loaded again, with the next request.
    """
    remembered: dict[Any, dict[str, list[int]]] = user.__dict__.setdefault("_counting_runs", {})
    key = study.pk if study is not None else None
    if key not in remembered:
        remembered[key] = _counting_runs(user, study)
    return remembered[key]


def _counting_runs(user: Any, study: Study | None) -> dict[str, list[int]]:
    adoptions = Adoption.objects.filter(task__in=TASKS, scope="").visible_to(user)
    if study is not None:
        adoptions = adoptions.filter(study=study)
    latest = adoptions.order_by("study_id", "task", "-pk").distinct("study_id", "task")
    found: dict[str, list[int]] = {task: [] for task in TASKS}
    by_study: dict[Study, list[Adoption]] = {}
    for one in latest.select_related("run__same_as", "study"):
        by_study.setdefault(one.study, []).append(one)
    mark = mark_now(tables_of(all_models_read())) if by_study else {}
    for its, adopted in by_study.items():
        stale = _stale(its, [one.run.results_run for one in adopted], mark)
        for one in adopted:
            if one.run.results_run.pk not in stale:
                found[one.task].append(one.run.results_run.pk)
    return found


_looked: dict[int, tuple[Mark, frozenset[int], frozenset[int]]] = {}  # by study: until where, at which runs, the stale


def _stale(study: Study, runs: list[AnalysisRun], mark: Mark) -> frozenset[int]:
    """Return the stale ones among runs; what this process found holds until any record that a task reads has changed.

    So a list over many studies does not look into each of them anew.
    """
    asked = frozenset(run.pk for run in runs)
    known = _looked.get(study.pk)
    if known is not None and known[:2] == (mark, asked):
        return known[2]
    stale = frozenset(stale_runs(study, runs))
    if OPEN not in mark:  # else a change that is on its way may get a number below the mark
        _looked[study.pk] = (mark, asked, stale)
    return stale


def _of_task(task: str) -> Any:
    def counting(user: Any, study: Study | None) -> Q:
        return Q(run__in=counting_runs(user, study)[task])

    return counting


def _as_choices(*words: str) -> list[tuple[str, str]]:
    return [(word, word.replace("_", "-")) for word in words]


declare(
    Kin(
        "phenotype_call", Mouse, PhenotypeCall, "mouse", {"phenotype": "phenotype"}, counting=_of_task("phenotype"),
        choices={"phenotype": _as_choices(CONTROL, SUSCEPTIBLE, RESILIENT, UNCLASSIFIED)},
    ),
    Kin(
        "response_call", Mouse, ResponseCall, "mouse", {"response": "response"}, counting=_of_task("response"),
        choices={"response": _as_choices(RESPONDER, NON_RESPONDER, UNCLASSIFIED)},
    ),
    Kin(
        "reversal_score", Mouse, MouseReversalScore, "mouse", {"score": "score"}, shared=("region",),
        counting=_of_task("mouse_scores"),
    ),
)  # fmt: skip
