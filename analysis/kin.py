"""What current results say of a mouse, as words that lists, REST, exports, the admin and questions filter by.

Only results that count: of the run that was adopted last, and not stale.
"""

from typing import Any

from django.db.models import Q

from analysis.kernels.phenotype import CONTROL, RESILIENT, SUSCEPTIBLE, UNCLASSIFIED
from analysis.kernels.response import NON_RESPONDER, RESPONDER
from analysis.models import Adoption, MouseReversalScore, PhenotypeCall, ResponseCall
from analysis.staleness import stale_ids
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
    latest = adoptions.order_by("study_id", "task", "-pk").distinct("study_id", "task").select_related("run", "study")
    runs = [(one.task, one.run.same_as_id or one.run_id, one.study) for one in latest]
    stale = stale_ids({study for _task, _run, study in runs})
    return {task: sorted(run for its, run, _study in runs if its == task and run not in stale) for task in TASKS}


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
