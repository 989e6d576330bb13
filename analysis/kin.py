"""What current results say of a mouse, as words that lists, REST, exports, the admin and questions filter by.

Only results that count: of the run that was adopted last, and not stale.
"""

from typing import Any

from django.db.models import Q

from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE, UNCLASSIFIED
from analysis.kernels.response import NON_RESPONDER, RESPONDER
from analysis.models import Adoption, MouseReversalScore, PhenotypeCall, ResponseCall
from analysis.staleness import stale_runs
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
    for its, adopted in by_study.items():
        stale = stale_runs(its, [one.run.results_run for one in adopted])
        for one in adopted:
            if one.run.results_run.pk not in stale:
                found[one.task].append(one.run.results_run.pk)
    return found


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
