"""A run in parts, with helpers that come, fail, die or come too late: the same results, all together or none."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from analysis import run_requests, runs
from analysis.models import AnalysisRun, PhenotypeCall, RunStatus
from analysis.run_parts import PartState, RunPart
from analysis.tasks import phenotype, reversal
from analysis.tasks.task import Parts
from labdb.colony.models import Mouse, Study
from tests.analysis.small_study import add_mouse, add_test, make_study, make_treated_study

pytestmark = pytest.mark.django_db

KEYS = [("first", "a"), ("first", "b"), ("second", "a")]
During = Callable[[tuple[str, ...]], Any]


@pytest.fixture
def study() -> Study:
    study = make_study()
    for number, present_s in enumerate((20, 37, 61)):
        add_test(add_mouse(study, f"d{number}"), 40, present_s)
    return study


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[[During], list[tuple[str, ...]]]:
    """Make a task of three parts, during each of which something happens; its log of what was begun is returned."""

    def make(during: During) -> list[tuple[str, ...]]:
        begun: list[tuple[str, ...]] = []

        def compute(inputs: Any, key: tuple[str, ...], progress: Any) -> Any:
            begun.append(key)
            during(key)
            progress.show(1, 2, "half")
            return phenotype.compute(inputs, progress)

        parts = Parts(lambda inputs: KEYS, compute, lambda inputs, results: results[-1])
        task = dataclasses.replace(phenotype.TASK, name="in_parts", compute=parts.in_order, parts=parts)
        monkeypatch.setattr(run_requests, "TASKS", [*run_requests.TASKS, task])
        return begun

    return make


def carried_out(study: Study, task: str = "in_parts") -> AnalysisRun:
    run = runs.request_run(task, study, queue=False)
    runs.execute(run.pk)
    run.refresh_from_db()
    return run


def latest() -> int:
    return AnalysisRun.objects.latest("pk").pk


def test_helpers_are_asked_for_and_one_worker_alone_computes_all_parts(study, in_parts):
    begun = in_parts(lambda key: None)
    run = carried_out(study)
    assert (run.status, run.done, run.total, run.phenotypecalls.count()) == (RunStatus.DONE, 300, 300, 3)
    assert begun == KEYS
    assert [message.task["func"] for message in OrmQ.objects.all()] == ["analysis.runs.help_with"] * 2
    assert {message.key for message in OrmQ.objects.all()} == {"labdb-long"}
    assert not RunPart.objects.exists()
    runs.help_with(run.pk)  # too late
    assert begun == KEYS


def test_a_helper_takes_what_is_free_and_the_results_are_those_of_one_worker(monkeypatch):
    alone = make_treated_study(n_genes=60, regions=("NAc", "PFC"), code="ALONE")
    helped = make_treated_study(n_genes=60, regions=("NAc", "PFC"), code="HELPED")
    for study in (alone, helped):
        carried_out(study, "phenotype")
    runs_of = {"ALONE": carried_out(alone, "reversal")}
    states = []

    def compute(inputs: Any, key: tuple[str, ...], progress: Any) -> Any:
        if key == ("reversal", "NAc", "ketamine"):
            runs.help_with(latest())  # another worker, while this one is at its first part
            states.extend(RunPart.objects.order_by("place").values_list("state", flat=True))
        return reversal.compute_part(inputs, key, progress)

    parts = dataclasses.replace(reversal.PARTS, compute=compute)
    task = dataclasses.replace(reversal.TASK, parts=parts)
    monkeypatch.setattr(run_requests, "TASKS", [task if one.name == "reversal" else one for one in run_requests.TASKS])
    runs_of["HELPED"] = carried_out(helped, "reversal")
    assert states == [PartState.HELD, PartState.DONE, PartState.DONE]
    assert "reversal, PFC, ketamine was computed by another worker, on " in runs_of["HELPED"].log
    numbers = (
        "region__code",
        "arm",
        "estimand",
        "response",
        "statistic",
        "p_value",
        "adj_p_value",
        "fraction_undone",
        "cosine",
    )
    alone_rows, helped_rows = (list(run.signaturereversals.values_list(*numbers)) for run in runs_of.values())
    assert len(alone_rows) == 8  # four questions in two regions
    assert helped_rows == alone_rows


def test_a_helper_that_reads_other_records_takes_nothing(study, in_parts):
    def change_then_help(key: tuple[str, ...]) -> None:
        if key == KEYS[0]:
            add_test(Mouse.objects.get(code="d0"), 40, 80, number=2)
            add_test(add_mouse(study, "d9"), 40, 80)
            runs.help_with(latest())

    begun = in_parts(change_then_help)
    assert carried_out(study).status == RunStatus.DONE
    assert begun == KEYS  # each by the run's own worker
    assert PhenotypeCall.objects.count() == 3


def test_what_fails_in_a_helper_fails_in_the_runs_own_worker_which_says_so(study, in_parts):
    def fail(key: tuple[str, ...]) -> None:
        if key == KEYS[0]:
            runs.help_with(latest())
        if key == KEYS[1]:
            raise ValueError("first, b: no library has counts.")

    begun = in_parts(fail)
    run = carried_out(study)
    assert (run.status, run.reason) == (RunStatus.FAILED, "first, b: no library has counts.")
    assert begun == [KEYS[0], KEYS[1], KEYS[1]]
    assert not PhenotypeCall.objects.exists()
    assert not RunPart.objects.exists()


def test_a_run_that_is_cancelled_stops_its_helpers_too(study, in_parts):
    def cancel(key: tuple[str, ...]) -> None:
        run = AnalysisRun.objects.get(pk=latest())
        if key == KEYS[0]:
            runs.help_with(run.pk)
            runs.cancel(run)
        if key == KEYS[1]:
            runs.stop(run, "Stopped by a test.")

    begun = in_parts(cancel)
    run = carried_out(study)
    assert (run.status, run.reason) == (RunStatus.CANCELLED, "Stopped by a test.")
    assert begun == KEYS[:2]  # the helper's next sign of progress found that nobody wants its part
    runs.sweep()
    assert not RunPart.objects.exists()
    assert not PhenotypeCall.objects.exists()


def test_the_worker_that_takes_a_run_up_finds_the_parts_that_are_done(study, in_parts):
    class Killed(BaseException):
        """As kill -9: nothing is written any more."""

    def die_once(key: tuple[str, ...]) -> None:
        if key == KEYS[2] and begun.count(key) == 1:
            raise Killed

    begun = in_parts(die_once)
    run = runs.request_run("in_parts", study, queue=False)
    with pytest.raises(Killed):
        runs.execute(run.pk)
    AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.QUEUED)
    runs.execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempt, run.phenotypecalls.count()) == (RunStatus.DONE, 2, 3)
    assert begun == [*KEYS, KEYS[2]]


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_part_whose_helper_fell_silent_is_taken_back_until_it_has_killed_three(study, in_parts, attempts):
    def lose(key: tuple[str, ...]) -> None:
        if key == KEYS[0]:
            an_hour_ago = timezone.now() - timedelta(hours=1)
            RunPart.objects.filter(place=1).update(state=PartState.LENT, attempt=attempts, heartbeat_at=an_hour_ago)

    in_parts(lose)
    run = carried_out(study)
    if attempts == 1:
        assert (run.status, run.phenotypecalls.count()) == (RunStatus.DONE, 3)
    else:
        assert run.status == RunStatus.FAILED
        assert run.reason.startswith("first, b was begun 3 times and never came to an end; its worker died each time")
