"""What people and clocks do to a run: a sentence and a defined state each."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analysis import run_attempt, runs
from analysis.models import Adoption, AnalysisRun, PhenotypeCall, RunStatus
from analysis.tasks import phenotype
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Study
from tests.analysis.test_runs import carried_out, replaced, study
from tests.analysis.treated_study import signed_in

__all__ = ["replaced", "study"]  # fixtures
pytestmark = pytest.mark.django_db
CLOSED = "Study S1 is closed: nothing is computed in it. A manager can open it again."


def while_it_computes(replaced: Any, happens: Any) -> None:
    """Let something happen once the records are read and before the results are written."""

    def compute(frames: Any, progress: Any) -> Any:
        happens()
        return phenotype.TASK.compute(frames, progress)

    replaced(compute=compute)


def test_a_run_that_is_cancelled_as_it_finishes_is_cancelled_and_stores_nothing(study, monkeypatch):
    real = run_attempt._store

    def store(run: AnalysisRun, *rest: Any) -> None:
        assert runs.cancel(run) == f"Run {run.pk} was asked to stop; it does at its next sign of progress."
        real(run, *rest)

    monkeypatch.setattr(run_attempt, "_store", store)
    run = carried_out(study)
    assert (run.status, run.reason) == (RunStatus.CANCELLED, "Cancelled on request.")
    assert not PhenotypeCall.objects.exists() and not Adoption.objects.exists()
    assert runs.cancel(run) == f"Run {run.pk} had ended already: it is cancelled."
    monkeypatch.undo()
    assert carried_out(study).status == RunStatus.DONE


def test_a_study_with_a_run_is_not_deleted_under_it_by_page_or_rest(study):
    run = runs.request_run("phenotype", study)
    boss = signed_in(name="boss")
    answer = boss.delete(f"/api/v1/studies/{study.pk}/")
    assert answer.status_code == 409
    assert "analysis run" in answer.content.decode()
    page = boss.post(f"/records/studies/{study.pk}/delete/")
    assert "analysis run" in page.content.decode()
    run.refresh_from_db()
    assert (run.status, Study.objects.filter(pk=study.pk).exists()) == (RunStatus.QUEUED, True)


def test_nothing_is_computed_in_a_study_that_was_closed_before_or_meanwhile(study, replaced):
    done = carried_out(study)
    SocialInteractionTest.objects.filter(mouse__code="d1").update(iz_present_s=70)
    waiting = runs.request_run("phenotype", study)
    Study.objects.filter(pk=study.pk).update(state="closed")
    boss = signed_in(name="boss")
    answer = boss.post("/api/v1/analysis-runs/", {"study": "S1", "task": "quality"}, "application/json")
    assert (answer.status_code, answer.json()) == (400, {"study": [CLOSED]})
    page = boss.post("/analysis/request/", {"study": "S1", "task": "quality"}, follow=True)
    assert CLOSED in page.content.decode()
    page = boss.post("/analysis/studies/S1/refresh/", follow=True)
    assert CLOSED in page.content.decode()
    assert "Bring up to date" not in boss.get(f"/analysis/runs/{done.pk}/").content.decode()
    with pytest.raises(CommandError, match=CLOSED):
        call_command("run_analysis", "quality", "--study", "S1")
    runs.execute(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.reason) == (RunStatus.FAILED, CLOSED)

    Study.objects.filter(pk=study.pk).update(state="open")
    study.refresh_from_db()
    while_it_computes(replaced, lambda: Study.objects.filter(pk=study.pk).update(state="closed"))
    run = carried_out(study)
    assert (run.status, run.reason) == (RunStatus.FAILED, CLOSED)
    assert not PhenotypeCall.objects.filter(run=run).exists()


@pytest.mark.django_db(transaction=True)
def test_a_record_that_is_deleted_under_a_run_fails_it_in_words(study, replaced):
    while_it_computes(replaced, lambda: SocialInteractionTest.objects.filter(mouse__code="d1").delete())
    run = carried_out(study)
    assert (run.status, run.reason) == (
        RunStatus.FAILED,
        "A record that it read was deleted while it computed, and its results would point to nothing; ask for it again.",
    )
    assert not PhenotypeCall.objects.exists()


@pytest.mark.parametrize(
    ("task", "parameters", "says"),
    [
        ("phenotype", {"test_number": "0"}, "test_number: 0 is not a whole number from 1 on."),
        (
            "phenotype",
            {"test_number": "2147483648"},
            "2147483648 is too large; enter a whole number from 1 to 2147483647.",
        ),
        ("reversal", {"seed": "-1"}, "seed: -1 is not a whole number"),
        ("reversal", {"n_random": "1e9"}, "n_random: 1e9 is not a whole number"),
        (
            "reversal",
            {"n_random": "1000001"},
            "n_random: 1000001 is too large; enter a whole number from 19 to 1000000.",
        ),
    ],
)
def test_parameters_out_of_range_are_refused_by_page_rest_and_command(study, task, parameters, says):
    boss = signed_in(name="boss")
    answer = boss.post(
        "/api/v1/analysis-runs/", {"study": "S1", "task": task, "parameters": parameters}, "application/json"
    )
    assert answer.status_code == 400
    assert says in answer.content.decode()
    sent = {f"set-{name}": value for name, value in parameters.items()}
    page = boss.post("/analysis/request/", {"study": "S1", "task": task, **sent}, follow=True)
    assert says in page.content.decode()
    with pytest.raises(CommandError, match=says):
        call_command("run_analysis", task, "--study", "S1", *[f"--set={n}={v}" for n, v in parameters.items()])
    assert not AnalysisRun.objects.exists()
