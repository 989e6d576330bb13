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
    for said in ("none alive", "No SI test.", "Worker died : Traceback", "none by the clock yet", "overdue"):
        assert said in text
    assert "Nightly backup" in text
    backup = Schedule.objects.get(name="Nightly backup")
    now = timezone.now()
    ScheduleTurn.objects.create(schedule=backup, due_at=now, outcome=Outcome.DONE, said="whole", ended_at=now)
    text = _text(manager.get("/status/"))
    assert "verified" in text
    assert "overdue" not in text
    assert waiting.status == RunStatus.QUEUED


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
