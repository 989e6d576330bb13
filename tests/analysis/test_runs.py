"""Runs: all or none, never twice, and every failure in words."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from analysis import run_attempt, run_requests, runs
from analysis.models import Adoption, AnalysisRun, PhenotypeCall, RunStatus
from analysis.progress import Progress
from analysis.tasks import phenotype
from labdb.accounts.models import User
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse, Study
from tests.analysis.small_study import add_mouse, add_test, make_study, make_treated_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """Two controls and two defeated mice, one on each side of the cutoff."""
    study = make_study()
    for code, group, present_s in (
        ("c1", "control", 60),
        ("c2", "control", 30),
        ("d1", "defeated", 20),
        ("d2", "defeated", 80),
    ):
        add_test(add_mouse(study, code, group), 40, present_s)
    return study


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace a part of the phenotype task."""

    def replace(**parts: Any) -> None:
        task = dataclasses.replace(phenotype.TASK, **parts)
        monkeypatch.setattr(
            run_requests, "TASKS", [task, *(one for one in run_requests.TASKS if one.name != "phenotype")]
        )

    return replace


def carried_out(study: Study, task: str = "phenotype", **parameters: Any) -> AnalysisRun:
    run = runs.request_run(task, study, parameters, queue=False)
    runs.execute(run.pk)
    run.refresh_from_db()
    return run


def test_an_unknown_task_is_refused_with_those_there_are(study):
    with pytest.raises(ValidationError, match="telepathy is not a task; the tasks are phenotype, response"):
        runs.request_run("telepathy", study)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"cutoff": 1}, "phenotype has no parameter cutoff; its parameters are rule, test_number."),
        ({"rule": "Mine"}, "rule: there is no phenotype rule Mine; there are: .*Ratio below 1"),
        ({"test_number": "0"}, "test_number: 0 is not a whole number from 1 on."),
        ({"test_number": "1.5"}, "test_number: 1.5 is not a whole number from 1 on."),
        ({"test_number": True}, "test_number: True is not a whole number from 1 on."),
        ({"test_number": None}, "test_number: None is not a whole number from 1 on."),
    ],
)
def test_a_bad_parameter_is_refused_with_what_would_be_right(study, parameters, sentence):
    with pytest.raises(ValidationError, match=sentence):
        runs.request_run("phenotype", study, parameters)
    assert not AnalysisRun.objects.exists()


def test_a_run_records_its_parameters_with_the_defaults(study):
    run = runs.request_run("phenotype", study, {"test_number": "1"})
    assert run.parameters == {"rule": "Ratio below 1", "test_number": 1}
    assert run.status == RunStatus.QUEUED
    assert run.code_version
    assert set(run.packages) == {"numpy", "scipy", "pandas"}


def test_a_run_is_queued_by_its_key_in_the_transaction_of_its_row(study):
    with pytest.raises(RuntimeError), transaction.atomic():
        runs.request_run("phenotype", study)
        raise RuntimeError
    assert not AnalysisRun.objects.exists()
    assert not OrmQ.objects.exists()
    run = runs.request_run("phenotype", study)
    (message,) = OrmQ.objects.all()
    assert (message.task["func"], message.args()) == ("analysis.runs.execute", (run.pk,))


def test_a_done_run_has_results_log_and_times(study):
    run = carried_out(study)
    assert (run.status, run.reason, run.attempt) == (RunStatus.DONE, "", 1)
    assert run.phenotypecalls.count() == 4
    assert "4 mice: 2 control, 1 susceptible, 1 resilient." in run.log
    assert run.started_at <= run.heartbeat_at <= run.finished_at
    assert len(run.input_digest) == 64


def test_a_run_that_fails_while_storing_leaves_no_result(study, replaced):
    def store_half(run, inputs, calls):
        phenotype.store(run, inputs, calls.iloc[:2])
        raise RuntimeError("the disk is full")

    replaced(store=store_half)
    run = carried_out(study)
    assert (run.status, run.reason) == (RunStatus.FAILED, "RuntimeError: the disk is full")
    assert "store_half" in run.log  # the traceback
    assert not PhenotypeCall.objects.exists()
    assert not Adoption.objects.exists()


def test_a_sentence_of_a_kernel_is_the_reason_as_it_is(study, replaced):
    def refuse(inputs, progress):
        raise ValueError("tests must have one row per mouse")

    replaced(compute=refuse)
    run = carried_out(study)
    assert (run.status, run.reason) == (RunStatus.FAILED, "tests must have one row per mouse")


def test_missing_records_are_the_reason_in_words(study):
    run = carried_out(study, test_number=3)
    assert run.status == RunStatus.FAILED
    assert run.reason == "S1 has no SI test with number 3; enter or import SI tests."


def test_a_second_delivery_does_nothing(study):
    run = carried_out(study)
    runs.execute(run.pk)
    run.refresh_from_db()
    assert run.attempt == 1
    assert run.phenotypecalls.count() == 4


def test_a_run_in_other_hands_is_left_alone(study):
    run = runs.request_run("phenotype", study)
    AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, attempt=1, heartbeat_at=timezone.now())
    runs.execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempt) == (RunStatus.RUNNING, 1)


def test_a_run_whose_worker_died_is_taken_up_again(study):
    run = died(runs.request_run("phenotype", study), attempt=1)
    runs.execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempt) == (RunStatus.DONE, 2)
    assert "Attempt 2 of 3." in run.log


def test_a_run_that_kills_its_worker_is_given_up(study):
    run = died(runs.request_run("phenotype", study), attempt=3)
    runs.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.FAILED
    assert run.reason.startswith("Given up: 3 attempts were begun and none came to an end")
    assert not PhenotypeCall.objects.exists()


def test_the_attempt_is_counted_before_the_work(study, replaced):
    seen = []
    replaced(missing=lambda study, parameters: seen.append(AnalysisRun.objects.get().attempt) or "stop here")
    carried_out(study)
    assert seen == [1]


def test_a_worker_that_was_taken_for_dead_writes_nothing(study, replaced):
    def slow(inputs, progress):
        AnalysisRun.objects.filter(pk=progress.run.pk).update(attempt=2)  # another worker's claim
        return phenotype.classify_phenotype(inputs.tests, inputs.rule)

    replaced(compute=slow)
    run = carried_out(study)
    assert (run.status, run.attempt) == (RunStatus.RUNNING, 2)
    assert not PhenotypeCall.objects.exists()


def test_the_sweep_queues_the_dead_and_the_lost_but_not_the_living(study):
    dead, lost, living = (
        runs.request_run("phenotype", study, {"test_number": number}, queue=False) for number in (1, 2, 3)
    )
    waiting = runs.request_run("phenotype", study, {"test_number": 4})
    died(dead, attempt=1)
    AnalysisRun.objects.filter(pk=living.pk).update(status=RunStatus.RUNNING, heartbeat_at=timezone.now())
    AnalysisRun.objects.filter(pk__in=[lost.pk, waiting.pk]).update(queued_at=timezone.now() - timedelta(hours=1))
    assert runs.sweep() == [dead, lost]
    assert {message.args()[0] for message in OrmQ.objects.all()} == {dead.pk, lost.pk, waiting.pk}
    assert runs.sweep() == []


def test_a_message_that_a_dead_worker_holds_does_not_keep_a_run_waiting(study):
    run = runs.request_run("phenotype", study)
    OrmQ.objects.update(lock=timezone.now() + timedelta(hours=1))
    AnalysisRun.objects.filter(pk=run.pk).update(queued_at=timezone.now() - timedelta(hours=1))
    assert runs.sweep() == [run]


def test_the_same_inputs_are_not_computed_twice(study, replaced):
    first = carried_out(study)
    replaced(store=lambda run, inputs, calls: pytest.fail("computed again"))
    second = carried_out(study)
    assert (second.status, second.same_as, second.results_run) == (RunStatus.DONE, first, first)
    assert second.input_digest == first.input_digest
    assert PhenotypeCall.objects.count() == 4


def test_a_changed_input_is_computed_anew(study):
    first = carried_out(study)
    test = SocialInteractionTest.objects.get(mouse__code="d1")
    test.iz_present_s = 90
    test.save()
    second = carried_out(study)
    assert second.same_as is None
    assert second.phenotypecalls.get(mouse__code="d1").phenotype == "resilient"
    assert first.phenotypecalls.get(mouse__code="d1").phenotype == "susceptible"


def test_another_rule_is_another_run_and_changed_code_too(study, monkeypatch):
    first = carried_out(study)
    assert carried_out(study, rule="Ratio below 1, 60 s with target").same_as is None
    assert carried_out(study).same_as == first
    monkeypatch.setattr("analysis.input_digest.code_digest", lambda: "edited")
    assert carried_out(study).same_as is None


def test_the_first_run_is_adopted_by_itself_and_a_later_one_by_a_person(study):
    user = User.objects.create(username="ana")
    first = carried_out(study)
    assert runs.current_run(study, "phenotype") == first
    second = carried_out(study, rule="Ratio below 1, 60 s with target")
    assert runs.current_run(study, "phenotype") == first
    assert f"Run {first.pk} stays current until someone adopts this one." in second.log
    runs.adopt(second, user, "the lab's rule")
    assert runs.current_run(study, "phenotype") == second
    assert Adoption.objects.filter(task="phenotype").count() == 2


def test_another_test_number_is_another_question_with_its_own_current_run(study):
    add_test(Mouse.objects.get(code="d1"), 40, 60, number=2)
    first, retest = carried_out(study), carried_out(study, test_number=2)
    assert runs.current_run(study, "phenotype") == first
    assert runs.current_run(study, "phenotype", "test_number=2") == retest


def test_adoption_needs_a_done_run_and_a_reason(study):
    run = runs.request_run("phenotype", study, queue=False)
    with pytest.raises(ValidationError, match="is queued; only a run that is done can be adopted"):
        runs.adopt(run, None, "why not")
    with pytest.raises(ValidationError, match="Say why"):
        runs.adopt(carried_out(study), None, "  ")


def test_adopting_a_repeat_adopts_the_run_that_holds_the_results(study):
    first, second = carried_out(study), carried_out(study)
    assert runs.adopt(second, None, "looked at it").run == first


def test_a_waiting_run_is_cancelled_at_once(study):
    run = runs.request_run("phenotype", study)
    runs.cancel(run)
    runs.execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.reason) == (RunStatus.CANCELLED, "Cancelled before it began.")


def test_a_working_run_stops_at_its_next_sign_of_progress(study, replaced):
    def compute(inputs, progress):
        runs.cancel(progress.run)
        progress.show(1, 2, "half way")
        pytest.fail("went on")

    replaced(compute=compute)
    run = carried_out(study)
    assert (run.status, run.reason) == (RunStatus.CANCELLED, "Cancelled on request.")
    assert not PhenotypeCall.objects.exists()


def test_a_run_cancelled_while_it_computes_stores_nothing(study, replaced):
    def compute(inputs, progress):
        runs.cancel(progress.run)
        return phenotype.compute(inputs, progress)

    replaced(compute=compute)
    assert carried_out(study).status == RunStatus.CANCELLED
    assert not PhenotypeCall.objects.exists()


def test_progress_is_written_at_most_once_a_second(study, monkeypatch, django_assert_num_queries):
    now = [100.0]
    monkeypatch.setattr("analysis.progress.time.monotonic", lambda: now[0])
    run = runs.request_run("phenotype", study, queue=False)
    AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
    progress = Progress(run)
    progress.tick(1, 10, "one")
    with django_assert_num_queries(0):
        now[0] = 100.9
        progress.tick(2, 10, "two")
    now[0] = 101.0
    progress.tick(3, 10, "three")
    run.refresh_from_db()
    assert (run.done, run.total, run.doing) == (3, 10, "three")


@pytest.mark.django_db(transaction=True)
def test_another_connection_sees_progress_while_the_task_computes(replaced):
    study = make_study()
    add_test(add_mouse(study, "d1"), 40, 20)
    seen = []

    def look(pk):
        try:
            return AnalysisRun.objects.values_list("status", "done", "total", "doing", "attempt").get(pk=pk)
        finally:
            connection.close()

    def compute(inputs, progress):
        progress.show(1, 4, "a quarter")
        with ThreadPoolExecutor(1) as other:
            seen.append(other.submit(look, progress.run.pk).result())
        return phenotype.compute(inputs, progress)

    replaced(compute=compute)
    carried_out(study)
    assert seen == [("running", 1, 4, "a quarter", 1)]


@pytest.mark.django_db(transaction=True)
def test_two_deliveries_at_once_compute_once():
    study = make_study()
    add_test(add_mouse(study, "d1"), 40, 20)
    run = runs.request_run("phenotype", study)
    together = Barrier(2)

    def deliver():
        try:
            together.wait(timeout=60)
            runs.execute(run.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as workers:
        for delivered in [workers.submit(deliver) for _ in range(2)]:
            delivered.result()
    run.refresh_from_db()
    assert (run.status, run.attempt) == (RunStatus.DONE, 1)
    assert PhenotypeCall.objects.count() == 1


def test_the_pipeline_runs_what_there_is_and_says_what_is_missing(study):
    run = carried_out(study, "pipeline")
    assert run.status == RunStatus.DONE
    steps = run.children.order_by("pk")
    assert [(step.task, step.status) for step in steps] == [("phenotype", RunStatus.DONE), ("quality", RunStatus.DONE)]
    assert "response skipped: S1 has no mouse with SI tests 1 and 2; enter or import the re-tests." in run.log
    assert "differential_expression skipped: S1 has no contrasts; define at least one." in run.log
    assert "reversal skipped: S1 has no counts; import a count matrix." in run.log


def test_a_pipeline_of_nothing_fails_in_words():
    run = carried_out(make_study("EMPTY"), "pipeline")
    assert run.status == RunStatus.FAILED
    assert run.reason.startswith("EMPTY has no records that an analysis could start from")


def test_a_pipeline_tells_which_step_failed_and_why(study, replaced):
    def refuse(inputs, progress):
        raise ValueError("no two mice are alike")

    replaced(compute=refuse)
    run = carried_out(study, "pipeline")
    step = run.children.get(task="phenotype")
    assert (run.status, step.status) == (RunStatus.FAILED, RunStatus.FAILED)
    assert run.reason == f"phenotype (run {step.pk}) failed: no two mice are alike"


def test_a_cancelled_pipeline_stops_its_step(study, replaced):
    def compute(inputs, progress):
        runs.cancel(progress.run.parent)
        progress.show(1, 2, "half way")
        pytest.fail("went on")

    replaced(compute=compute)
    run = carried_out(study, "pipeline")
    assert [run.status, run.children.get().status] == [RunStatus.CANCELLED, RunStatus.CANCELLED]


def test_a_pipeline_whose_worker_died_goes_on_with_the_step_it_was_at(study):
    run = runs.request_run("pipeline", study, queue=False)
    step = runs.request_run("phenotype", study, parent=run, queue=False)
    died(run, attempt=1)
    died(step, attempt=1)
    assert runs.sweep() == [run]  # the step is the parent's business
    runs.execute(run.pk)
    step.refresh_from_db()
    run.refresh_from_db()
    assert (run.status, step.status, step.attempt) == (RunStatus.DONE, RunStatus.DONE, 2)
    assert run.children.filter(task="phenotype").count() == 1


def test_a_second_pipeline_computes_nothing_again():
    study = make_treated_study(n_genes=60)
    first, second = carried_out(study, "pipeline"), carried_out(study, "pipeline")
    assert first.status == second.status == RunStatus.DONE, first.reason
    assert [step.task for step in first.children.order_by("pk")] == [
        "phenotype", "response", "quality", "differential_expression", "reversal", "resilience", "drug_genes", "rrho",
        "mouse_scores",  # waits for the reversal
    ]  # fmt: skip
    assert "outside_signature skipped: S1 has no outside signature; upload one." in first.log
    assert [step.same_as for step in second.children.order_by("pk")] == list(first.children.order_by("pk"))


def test_the_command_queues_and_prints_the_number(study, capsys):
    call_command("run_analysis", "phenotype", "--study", "S1")
    run = AnalysisRun.objects.get()
    assert capsys.readouterr().out.strip() == str(run.pk)
    assert run.status == RunStatus.QUEUED


def test_the_command_waits_and_prints_what_came_of_it(study, capsys):
    call_command("run_analysis", "phenotype", "--study", "S1", "--set", "test_number=1", "--wait")
    run = AnalysisRun.objects.get()
    assert f"Run {run.pk} (phenotype) done." in capsys.readouterr().out
    assert (run.status, str(run.requested_by)) == (RunStatus.DONE, "labdb")
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["phenotype", "--study", "NO"], "There is no study NO; there are: S1."),
        (["phenotype", "--study", "S1", "--set", "rule"], "--set takes key=value; got rule."),
        (["phenotype", "--study", "S1", "--set", "x=1"], "phenotype has no parameter x"),
        (["phenotype", "--study", "S1", "--set", "test_number=2", "--wait"], "failed: S1 has no SI test with number 2"),
        (["dance", "--study", "S1"], "dance is not a task"),
    ],
)
def test_the_command_refuses_in_words(study, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("run_analysis", *arguments)


def test_the_sweep_command_names_what_it_queued(study, capsys):
    run = died(runs.request_run("phenotype", study, queue=False), attempt=1)
    call_command("sweep_runs", "--older-than-s", "0")
    assert capsys.readouterr().out == f"run {run.pk} (phenotype) of S1 was lost and is queued again.\n"


def died(run: AnalysisRun, attempt: int) -> AnalysisRun:
    AnalysisRun.objects.filter(pk=run.pk).update(
        status=RunStatus.RUNNING, attempt=attempt, heartbeat_at=timezone.now() - timedelta(hours=1)
    )
    return run


def test_ctrl_c_leaves_a_cancelled_run_without_results(study, replaced):
    def compute(inputs, progress):
        raise KeyboardInterrupt

    replaced(compute=compute)
    with pytest.raises(CommandError, match="was stopped; it wrote no results"):
        call_command("run_analysis", "pipeline", "--study", "S1", "--wait")
    assert set(AnalysisRun.objects.values_list("status", "reason")) == {("cancelled", "Stopped from the keyboard.")}
    assert not PhenotypeCall.objects.exists()


def test_a_database_that_goes_away_puts_the_run_back_in_the_queue(study, replaced, monkeypatch):
    monkeypatch.setattr(run_attempt.connection, "close", lambda: None)  # this test's transaction lives on it

    def compute(inputs, progress):
        raise OperationalError("server closed the connection unexpectedly")

    replaced(compute=compute)
    run = carried_out(study)
    assert (run.status, run.attempt) == (RunStatus.QUEUED, 1)
    assert OrmQ.objects.count() == 1
