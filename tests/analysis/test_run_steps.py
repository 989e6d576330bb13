"""The steps of a run on several workers: each once, in order of what they read, taken up when a helper dies."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from analysis import run_requests, run_steps, runs
from analysis.models import AnalysisRun, PhenotypeCall, RunStatus
from tests.analysis.small_study import add_mouse, add_test, make_study, make_treated_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[AnalysisRun], Any]], None]:
    """Let something happen, once, while a task computes; it is given the run that the step belongs to."""

    def arrange(name: str, happens: Callable[[AnalysisRun], Any]) -> None:
        real = run_requests.task_named(name)
        waiting = [happens]

        def compute(inputs: Any, progress: Any) -> Any:
            if waiting:
                waiting.pop()(progress.run.parent)
                progress.show(0, 1, "goes on")
            return real.compute(inputs, progress)

        task = dataclasses.replace(real, compute=compute, parts=None)
        monkeypatch.setattr(run_requests, "TASKS", [task if one.name == name else one for one in run_requests.TASKS])

    return arrange


def pipeline_of(study: Any) -> AnalysisRun:
    run = runs.request_run("pipeline", study, queue=False)
    runs.execute(run.pk)
    run.refresh_from_db()
    return run


def test_a_helper_takes_the_steps_that_wait_for_no_other(meanwhile):
    study = make_treated_study(n_genes=60)
    seen = []

    def help_then_look(whole: AnalysisRun) -> None:
        runs.help_with(whole.pk)  # another worker, while this one is at the quality
        seen.extend(whole.children.filter(status=RunStatus.DONE).order_by("pk").values_list("task", flat=True))

    meanwhile("quality", help_then_look)
    run = pipeline_of(study)
    assert run.status == RunStatus.DONE, run.reason
    # Not the scores of mice: they read the reversal, and are begun by the run's own worker when it is there.
    assert seen == ["phenotype", "response", "differential_expression", "reversal", "resilience", "drug_genes", "rrho"]
    steps = run.children.order_by("pk")
    assert [step.attempt for step in steps] == [1] * 9
    assert [step.task for step in steps][-1] == "mouse_scores"
    assert (run.done, run.total) == (1000, 1000)
    asked = [message.args()[0] for message in OrmQ.objects.all() if message.task["func"] == "analysis.runs.help_with"]
    assert asked.count(run.pk) == 5  # six steps wait for no other, and one is the run's own worker's


def test_a_helper_that_comes_too_late_finds_nothing(meanwhile):
    study = make_study()
    add_test(add_mouse(study, "d1"), 40, 20)
    run = pipeline_of(study)
    runs.help_with(run.pk)
    assert [step.attempt for step in run.children.all()] == [1, 1]


def test_a_step_whose_helper_died_is_taken_up_by_the_runs_own_worker(meanwhile):
    study = make_treated_study(n_genes=60)

    def begin_and_die(whole: AnalysisRun) -> None:
        long_ago = timezone.now() - timedelta(hours=1)
        whole.children.filter(task="resilience").update(status=RunStatus.RUNNING, attempt=1, heartbeat_at=long_ago)

    meanwhile("quality", begin_and_die)
    run = pipeline_of(study)
    step = run.children.get(task="resilience")
    assert (run.status, step.status, step.attempt) == (RunStatus.DONE, RunStatus.DONE, 2), run.reason


def test_a_run_waits_for_the_step_that_a_living_helper_is_at(meanwhile, monkeypatch):
    study = make_treated_study(n_genes=60)
    waited = []

    def begin(whole: AnalysisRun) -> None:
        whole.children.filter(task="resilience").update(
            status=RunStatus.RUNNING, attempt=1, heartbeat_at=timezone.now(), started_at=timezone.now()
        )

    def time_passes(_seconds: float) -> None:
        step = AnalysisRun.objects.get(task="resilience")
        waited.append(step.parent.doing)
        AnalysisRun.objects.filter(pk=step.pk).update(status=RunStatus.DONE, finished_at=timezone.now())

    meanwhile("quality", begin)
    monkeypatch.setattr(run_steps.time, "sleep", time_passes)
    run = pipeline_of(study)
    assert run.status == RunStatus.DONE, run.reason
    assert len(waited) == 1


def test_a_cancelled_run_stops_the_step_of_a_helper(meanwhile):
    study = make_treated_study(n_genes=60)

    def cancel_then_help(whole: AnalysisRun) -> None:
        meanwhile("differential_expression", runs.cancel)
        runs.help_with(whole.pk)

    meanwhile("quality", cancel_then_help)
    run = pipeline_of(study)
    assert run.status == RunStatus.CANCELLED
    states = dict(run.children.values_list("task", "status"))
    assert states.pop("phenotype") == states.pop("response") == RunStatus.DONE
    assert set(states.values()) == {RunStatus.CANCELLED}
    assert PhenotypeCall.objects.count() == run.children.get(task="phenotype").phenotypecalls.count()
