"""What is said of a run while it waits and works, and how its end is told."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from analysis import run_story
from analysis.models import AnalysisRun, RunStatus
from analysis.notices import tell_at_end
from labdb.accounts.models import User
from labdb.colony.models import Study
from tests.analysis.small_study import make_study
from tests.analysis.treated_study import add_run, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3600, "0 s"), (0.4, "0 s"), (59, "59 s"), (72, "1 min 12 s"), (1860, "31 min"), (7500, "2 h 5 min")],
)
def test_a_time_span_is_said_as_people_say_it(seconds, said):
    assert run_story.duration(seconds) == said


def test_a_silent_run_says_when_it_will_be_taken_up_or_given_up(study, monkeypatch):
    beat = timezone.make_aware(datetime(2026, 3, 14, 10, 4, 0))
    run = add_run(study, "phenotype", RunStatus.RUNNING, attempt=1, heartbeat_at=beat)

    def said_after(seconds: float) -> str:
        monkeypatch.setattr(run_story.timezone, "now", lambda: beat + timedelta(seconds=seconds))
        return run_story.sign_of_life(run)

    assert said_after(4) == "Last sign of life 4 s ago."
    # 45 s without a sign, and up to 15 s until labdb looks.
    assert said_after(30) == "No sign of life for 30 s; it will be taken up again at 10:05:00."
    assert "it should have been taken up again at 10:05:00, so labdb's watch does not run" in said_after(90)
    AnalysisRun.objects.filter(pk=run.pk).update(attempt=3)
    run.refresh_from_db()
    assert said_after(30) == "No sign of life for 30 s; it will be given up at 10:05:00."
    step = add_run(study, "quality", RunStatus.RUNNING, parent=run, attempt=1, heartbeat_at=beat)
    assert run_story.silence(step) == "No sign of life for 30 s; it will be taken up again at 10:05:00."


def test_a_waiting_run_names_what_it_waits_for_but_no_study_of_others(study):
    client = signed_in("analyst", study)
    other = add_run(make_study("HIDDEN"), "reversal", RunStatus.RUNNING, heartbeat_at=timezone.now())
    before = add_run(study, "quality", RunStatus.RUNNING, heartbeat_at=timezone.now())
    run = add_run(study, "phenotype", RunStatus.QUEUED)
    page = words(client.get(f"/analysis/runs/{run.pk}/"))
    assert f'<a href="/analysis/runs/{before.pk}/">run {before.pk} (quality, S1)</a>' in page
    assert "2 being computed, 0 waiting before it." in page
    assert "HIDDEN" not in page
    AnalysisRun.objects.filter(pk__in=[other.pk, before.pk]).update(status=RunStatus.CANCELLED)
    assert "A free worker takes it within a second." in words(client.get(f"/analysis/runs/{run.pk}/"))
    AnalysisRun.objects.filter(pk=run.pk).update(queued_at=timezone.now() - timedelta(minutes=3), attempt=1)
    page = words(client.get(f"/analysis/runs/{run.pk}/"))
    assert "Its worker died; attempt 2 of 3 is next. No worker has taken it for 3 min 0 s" in page


def test_a_second_request_is_told_that_the_first_answers_it(study):
    client = signed_in("analyst", study)
    for _ in range(2):
        answer = client.post("/analysis/request/", {"study": "S1", "task": "pipeline"}, follow=True)
    run = AnalysisRun.objects.get()
    assert f"Run {run.pk} computes the same and is queued: it answers this request too." in words(answer)


def test_the_bell_counts_what_ended_until_it_is_looked_at(study):
    client = signed_in("analyst", study)
    tina = User.objects.get(username="tina")
    failed = add_run(study, "response", RunStatus.FAILED, reason="There are no re-tests.")
    done, waits = add_run(study, "quality"), add_run(study, "phenotype", RunStatus.QUEUED)
    for run in (failed, done, waits):
        tell_at_end(run, tina)
    page = words(client.get("/analysis/notices/"))
    assert "Runs that you asked for: 2 ended since you looked" in page
    assert "There are no re-tests." in page
    assert f"run {waits.pk}" not in page
    client.get(f"/analysis/runs/{failed.pk}/")
    assert "Runs that you asked for: 1 ended since you looked" in words(client.get("/analysis/"))
    client.post("/analysis/notices/read/")
    assert "ended since you looked" not in words(client.get("/analysis/notices/"))
