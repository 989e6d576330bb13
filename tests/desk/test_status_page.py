"""The status page: for managers, what works and what does not, and the doors of the schedules."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_q.models import Task

from analysis import runs
from analysis.models import AnalysisRun, RunStatus
from analysis.schedules import Outcome, Schedule, ScheduleTurn
from labdb.archive import connection_parameters
from labdb.colony.models import Study
from labdb.desk.scheduled_work import carry_out
from labdb.registry.history import events_of
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db


def _text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_status_is_a_managers_and_a_technician_finds_no_door() -> None:
    study = Study.objects.create(code="S1", title="one")
    technician = signed_in("technician", study)
    assert 'href="/status/"' not in _text(technician.get("/"))
    schedule = Schedule.objects.first()
    assert schedule is not None
    for address in ("/status/", "/schedules/times/?cron=x", f"/schedules/{schedule.pk}/turns/"):
        answer = technician.get(address)
        assert answer.status_code == 403
        assert "Your role may not see the status and the schedules; ask a manager." in _text(answer)
    for door in ("switch", "now"):
        assert technician.post(f"/schedules/{schedule.pk}/{door}/").status_code == 403
    assert 'href="/status/"' in _text(signed_in(name="boss").get("/"))
    assert Client().get("/status/").status_code == 302


def test_the_page_shows_what_waits_what_failed_and_what_is_old() -> None:
    study = Study.objects.create(code="S1", title="one")
    waiting, failed = (runs.request_run("phenotype", study, queue=queue) for queue in (True, False))
    AnalysisRun.objects.filter(pk=failed.pk).update(
        status=RunStatus.FAILED, reason="No SI test.", finished_at=timezone.now() - timedelta(days=1)
    )
    Task.objects.create(
        id="t1", name="a task", func="x", started=timezone.now(), stopped=timezone.now(), success=False,
        result="Worker died : Traceback\nmore",
    )  # fmt: skip
    manager = signed_in(name="boss")
    answer = manager.get("/status/")
    assert (answer.context["queue"].n_waiting, answer.context["failures"]["n_runs"]) == (1, 1)
    text = _text(answer)
    for said in ("none alive", "No SI test.", "Worker died : Traceback", "Nightly backup"):
        assert said in text
    assert waiting.status == RunStatus.QUEUED


def test_a_new_laboratory_reads_when_its_first_backup_comes_and_red_is_for_one_that_is_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manager = signed_in(name="boss")
    backup = Schedule.objects.get(name="Nightly backup")  # at 02:15
    [first] = backup.next_times(backup.modified_at)

    def read(after: timedelta) -> str:
        with monkeypatch.context() as clock:
            clock.setattr(timezone, "now", lambda: first + after)
            return _text(manager.get("/status/"))

    hour = timedelta(hours=1)
    text = read(-hour / 2)
    assert "None yet; the first is due tonight at 02:15." in text
    assert "overdue" not in text
    assert "overdue" not in read(11 * hour)
    text = read(13 * hour)
    assert '<span class="badge bg-red-lt">overdue</span> It was due' in text
    assert "The next is due tonight at 02:15." in text
    ScheduleTurn.objects.create(schedule=backup, due_at=first, outcome=Outcome.DONE, said="whole", ended_at=first)
    for hours, is_late in ((13, False), (35, False), (37, True)):  # the next is due after 24 hours, and has 12 more
        text = read(hours * hour)
        assert "verified" in text
        assert ("overdue" in text) is is_late
    Schedule.objects.filter(pk=backup.pk).update(is_on=False)
    text = read(37 * hour)
    assert "not scheduled" in text
    assert "overdue" not in text


def test_a_manager_of_one_study_writes_its_schedules_and_none_of_others_or_of_the_laboratory() -> None:
    mine, other = (Study.objects.create(code=code, title=code) for code in ("S1", "S2"))
    manager = signed_in("manager", mine)
    nightly = Schedule.objects.get(name="Nightly backup")
    of_other = Schedule.objects.create(name="Quality of S2", task="quality", cron="0 5 * * *", only_study=other)
    now = timezone.now()
    weekly = Schedule.objects.get(name="Weekly quality")
    ScheduleTurn.objects.create(schedule=weekly, due_at=now, outcome=Outcome.DONE, said="S2: run 7.", ended_at=now)
    for study in (mine, other):
        run = runs.request_run("phenotype", study, queue=False)
        AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.FAILED, reason=f"{study}!", finished_at=now)

    text = _text(manager.get("/status/"))
    assert "Nightly backup" in text and "S1!" in text
    for kept in ("Quality of S2", "S2!", "S2: run 7.", "Pause Nightly backup", "Run now: Nightly backup"):
        assert kept not in text
    assert "S2: run 7." not in _text(manager.get(f"/schedules/{weekly.pk}/turns/"))

    row = {"name": "Classes", "task": "classify", "cron": "0 4 * * *", "is_on": "true"}
    of_all = "Your role may not add schedules of the whole laboratory; name a study of yours under only study, or ask"
    for given, said in (({}, of_all), ({"only_study": "S2"}, "There is no study S2")):
        answer = manager.post("/api/v1/schedules/", {**row, **given}, content_type="application/json")
        assert answer.status_code in (400, 403)
        assert said in answer.content.decode()
    assert of_all in _text(manager.post("/records/schedules/add/", row))
    answer = manager.post("/records/schedules/add/", {**row, "only_study": "S1"}, follow=True)
    assert "Classes saved." in _text(answer)
    own = Schedule.objects.get(name="Classes")
    assert "Classes pauses." in _text(manager.post(f"/schedules/{own.pk}/switch/", {"on": "0"}, follow=True))
    assert "is queued" in _text(manager.post(f"/schedules/{own.pk}/now/", follow=True))
    taken = manager.post(f"/records/schedules/{own.pk}/edit/", {**row, "only_study": "", "version": own.version + 1})
    assert "Your role may not change schedules of the whole laboratory" in _text(taken)

    for schedule, status in ((nightly, 403), (of_other, 404)):
        for address, sent in (
            (f"/schedules/{schedule.pk}/switch/", {"on": "0"}), (f"/schedules/{schedule.pk}/now/", {}),
            (f"/records/schedules/{schedule.pk}/edit/", row), (f"/records/schedules/{schedule.pk}/delete/", {}),
        ):  # fmt: skip
            assert manager.post(address, sent).status_code == status, address
        patched = manager.patch(f"/api/v1/schedules/{schedule.pk}/", {"cron": "0 1 * * *"}, "application/json")
        assert patched.status_code == status
    assert "/edit/" not in _text(manager.get(f"/records/schedules/{nightly.pk}/"))
    nightly.refresh_from_db()
    assert (nightly.is_on, nightly.cron) == (True, "15 2 * * *")


def test_workers_are_alive_while_they_are_connected() -> None:
    parameters = connection_parameters(connection.get_connection_params())
    long, short = (
        {**parameters, "application_name": f"{settings.WORKERS_APPLICATION}, {queue}@bench2"}
        for queue in ("long", "short")
    )
    manager = signed_in(name="boss")
    with psycopg.connect(**long) as worker:
        worker.execute("SELECT 1")
        answer = manager.get("/status/", headers={"HX-Request": "true"})
        [cluster] = answer.context["clusters"]
        assert (cluster.host, cluster.queue, cluster.n_connections) == ("bench2", "long", 1)
        assert "none alive for short work" in _text(answer)
        assert Client().get("/health/").json()["workers"] == "none alive for short work"
        with psycopg.connect(**short) as another:
            another.execute("SELECT 1")
            with connection.cursor() as cursor:  # this test is one transaction, and sees what it saw first
                cursor.execute("SELECT pg_stat_clear_snapshot()")
            assert len(manager.get("/status/").context["clusters"]) == 2
            assert Client().get("/health/").json()["workers"] == "waiting for work"


def test_a_schedule_is_paused_resumed_and_run_at_once() -> None:
    manager = signed_in(name="boss")
    schedule = Schedule.objects.get(name="Sweep of lost runs")
    answer = manager.post(f"/schedules/{schedule.pk}/switch/", {"on": "0"}, follow=True)
    assert "Sweep of lost runs pauses." in _text(answer)
    row = next(row for row in answer.context["schedules"] if row["schedule"] == schedule)
    assert row["next"] is None
    schedule.refresh_from_db()
    assert (schedule.is_on, schedule.cron, schedule.notes[:10]) == (False, "*/5 * * * *", "Every five")
    assert events_of(schedule).first().pgh_context.metadata["door"] == "web"
    assert "goes on." in _text(manager.post(f"/schedules/{schedule.pk}/switch/", {"on": "1"}, follow=True))
    assert "is queued" in _text(manager.post(f"/schedules/{schedule.pk}/now/", follow=True))
    assert "is under way already" in _text(manager.post(f"/schedules/{schedule.pk}/now/", follow=True))
    [turn] = schedule.turns.all()
    carry_out(turn.pk)
    text = _text(manager.get(f"/schedules/{schedule.pk}/turns/"))
    assert "No run was lost." in text
    assert "Next:" in text


def test_times_are_answered_as_they_are_typed() -> None:
    manager = signed_in(name="boss")
    assert _text(manager.get("/schedules/times/?cron=0+3+1+1+*")).count("<li>") == 3
    assert "24 is not an hour" in _text(manager.get("/schedules/times/?cron=0+24+*+*+*"))
    assert "stand here" in _text(manager.get("/schedules/times/?cron="))
    assert manager.get("/schedules/times/?cron=%00").status_code == 200
    assert 'hx-get="/schedules/times/"' in _text(manager.get("/records/schedules/add/"))
