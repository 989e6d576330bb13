"""The states of a run are kept by the database, and two requests at once make one run."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from analysis import runs
from analysis.models import AnalysisRun, RunStatus
from analysis.notices import RunNotice, mark_read, notices_of
from analysis.recovery import untaken_queues
from labdb.accounts.models import User
from labdb.accounts.sign_in import AccountBackend
from labdb.colony.models import Study
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import add_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    study = make_study()
    add_test(add_mouse(study, "d1"), 40, 20)
    return study


def refused(statement: str, run: AnalysisRun) -> str:
    """The sentence with which the database answers the application's role."""
    with (
        pytest.raises(IntegrityError) as error,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE analysis_analysisrun SET {statement} WHERE id = %s", [run.pk])
    return str(error.value).splitlines()[0].replace(f"un {run.pk} ", "un N ")


@pytest.mark.parametrize(
    ("stands", "statement", "sentence"),
    [
        ("queued", "status = 'done'", "Run N is queued; it cannot become done. A worker takes it up first."),
        ("done", "status = 'running'", "Run N is done; it cannot become running. Ask for a new run."),
        ("done", "status = 'queued'", "Run N is done; it cannot become queued. Ask for a new run."),
        ("failed", "status = 'done'", "Run N is failed; it cannot become done. Ask for a new run."),
        ("cancelled", "status = 'queued'", "Run N is cancelled; it cannot become queued. Ask for a new run."),
        ("running", "status = 'lost'", "Run N is running; it cannot become lost. A worker takes it up first."),
        ("running", "attempt = -1", "Run N has begun 0 attempts; they are not taken back."),
        ("queued", "parameters = '{}'", "What run N was asked for is not rewritten; ask for another run."),
        ("running", "task = 'response'", "What run N was asked for is not rewritten; ask for another run."),
    ],
)
def test_a_wrong_way_is_refused_by_the_database(study, stands, statement, sentence):
    assert refused(statement, add_run(study, "phenotype", stands)) == sentence


@pytest.mark.parametrize(
    "statement",
    [
        "input_digest = 'x'", "code_version = 'x'", "packages = '{}'", "same_as_id = id", "reason = 'x'", "log = 'x'",
        "attempt = 7", "started_at = NULL", "finished_at = now()", "queued_at = now()",
    ],
)  # fmt: skip
def test_how_an_ended_run_came_about_is_not_rewritten(study, statement):
    run = add_run(study, "phenotype", packages={"numpy": "2"})
    assert refused(statement, run) == "Run N is done; how it came about is not rewritten. Ask for a new run."


def test_a_run_begins_as_queued(study):
    with pytest.raises(IntegrityError, match="A run begins as queued, not as done"), transaction.atomic():
        AnalysisRun.objects.create(study=study, task="phenotype", code_version="x", status=RunStatus.DONE)


def test_a_lost_run_gives_way_to_one_that_was_asked_for_since(study):
    user = User.objects.create(username="ana")
    lost = runs.request_run("phenotype", study)
    AnalysisRun.objects.filter(pk=lost.pk).update(
        status=RunStatus.RUNNING, attempt=1, started_at=timezone.now() - timedelta(hours=2),
        heartbeat_at=timezone.now() - timedelta(hours=1),
    )  # fmt: skip
    runs.adopt(add_run(study, "response", is_adopted=False), user, "so that the lost run no longer answers")
    later, is_new = runs.request_or_find("phenotype", study)
    assert is_new
    assert runs.sweep() == []
    lost.refresh_from_db()
    assert (lost.status, later.status) == (RunStatus.CANCELLED, RunStatus.QUEUED)
    assert "a run that was asked for since computes the same" in lost.reason


@pytest.mark.django_db(transaction=True)
def test_a_running_run_answers_while_its_records_are_as_it_read_them():
    study = make_study()
    test = add_test(add_mouse(study, "d1"), 40, 20)
    run = runs.request_run("phenotype", study)
    AnalysisRun.objects.filter(pk=run.pk).update(
        status=RunStatus.RUNNING, attempt=1, started_at=timezone.now(), heartbeat_at=timezone.now()
    )
    add_mouse(make_study("S2"), "elsewhere")
    assert runs.request_or_find("phenotype", study) == (run, False)
    assert runs.request_or_find("phenotype", study, {"test_number": 2})[1]
    test.delete()
    later, is_new = runs.request_or_find("phenotype", study)
    assert (is_new, later.status) == (True, RunStatus.QUEUED)


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_make_one_run_and_tell_everyone():
    study = make_study()
    people = [User.objects.create(username=name) for name in ("ana", "ben", "cas", "dot")]
    together = Barrier(len(people))

    def ask(user):
        try:
            together.wait(timeout=60)
            return runs.request_or_find("phenotype", study, user=user)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as threads:
        answers = list(threads.map(ask, people))
    run = AnalysisRun.objects.get()
    assert {found for found, _is_new in answers} == {run}
    assert [is_new for _found, is_new in answers].count(True) == 1
    assert OrmQ.objects.count() == 1
    assert set(RunNotice.objects.values_list("account__username", flat=True)) == {"ana", "ben", "cas", "dot"}


def unread(account: User) -> int:
    return AccountBackend().get_user(account.pk).n_unread_notices


def test_who_asked_is_told_once_and_only_when_it_has_ended(study):
    ana = User.objects.create(username="ana", is_superuser=True)
    run = runs.request_run("phenotype", study, {"test_number": 3}, user=ana)
    assert runs.request_run("phenotype", study, {"test_number": 3}, user=ana) == run
    assert unread(ana) == 0
    runs.execute(run.pk)
    assert unread(ana) == 1
    (notice,) = notices_of(ana)
    assert notice.run.reason == "S1 has no SI test with number 3; enter or import SI tests."
    mark_read(ana, run)
    assert (unread(ana), notices_of(ana).count()) == (0, 1)
    ana.is_superuser = False  # and no role in the study
    assert not notices_of(ana)


def test_stopping_a_run_that_has_ended_says_so(study):
    run = add_run(study, "phenotype")
    assert runs.cancel(run) == f"Run {run.pk} had ended already: it is done."


def test_a_run_that_was_to_stop_is_not_taken_up_when_its_worker_dies(study):
    run = runs.request_run("pipeline", study)
    step = runs.request_run("phenotype", study, parent=run, queue=False)
    AnalysisRun.objects.filter(pk__in=[run.pk, step.pk]).update(
        status=RunStatus.RUNNING, attempt=1, heartbeat_at=timezone.now() - timedelta(hours=1), is_cancel_asked=True
    )
    assert runs.sweep() == []
    assert set(AnalysisRun.objects.values_list("status", "reason")) == {
        ("cancelled", "Cancelled on request; its worker had died."),
        ("cancelled", f"Run {run.pk}, of which it is a step, was cancelled."),
    }


def test_a_clock_that_was_set_back_keeps_no_dead_run(study):
    run = runs.request_run("phenotype", study)
    AnalysisRun.objects.filter(pk=run.pk).update(
        status=RunStatus.RUNNING, attempt=1, heartbeat_at=timezone.now() + timedelta(hours=1)
    )
    assert runs.sweep() == [run]


def test_workers_that_take_nothing_are_seen_while_nothing_is_being_computed(study):
    run = runs.request_run("phenotype", study)
    assert untaken_queues() == set()
    AnalysisRun.objects.filter(pk=run.pk).update(queued_at=timezone.now() - timedelta(minutes=1))
    assert untaken_queues() == {settings.SHORT_QUEUE}
    add_run(study, "quality", RunStatus.RUNNING)  # the workers for long work, which take nothing short
    assert untaken_queues() == {settings.SHORT_QUEUE}
    add_run(study, "response", RunStatus.RUNNING)
    assert untaken_queues() == set()
