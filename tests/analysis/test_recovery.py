"""Real workers that are really killed: every run is taken up or failed with the reason, and nothing is doubled."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection

from analysis import runs
from analysis.models import ENDED, Adoption, AnalysisRun, PhenotypeCall, RunStatus
from labdb.colony.models import Study
from tests.analysis.awkward_tasks import awkward_tasks
from tests.analysis.small_study import add_mouse, add_test, make_study

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LOST_AFTER_S = 6  # a machine that runs two tests at once is slow, not dead
LIMIT_S = 200.0
CALLED = ("mouse__code", "si_ratio", "phenotype", "distance_to_cutoff", "borderline")


class Cluster:
    """The workers of one host, in a session of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        environ = {
            **os.environ, "WORKERS": "2", "RUN_LOST_AFTER_S": str(LOST_AFTER_S), "ANALYSIS_TIMEOUTS_S": "endless=3",
            "WORKER_MEMORY_MB": "3000", "LOG_LEVEL": "CRITICAL",
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.analysis.awkward_tasks"]
        with (self.folder / "cluster.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, connection.settings_dict["NAME"], str(self.folder)],
                cwd=settings.CHECKOUT, env=environ, start_new_session=True, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        """As the power goes: all at once, none of them is asked."""
        ours = [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]
        for pid in ours:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(30)

    def worker_of(self, task: str) -> int:
        """The pid of the worker that is at a task; forgets it, so that the next is another's."""
        path = self.folder / f"{task}.pid"
        wait_until(lambda: path.exists() and path.read_text().isdecimal())
        pid = int(path.read_text())
        path.unlink()
        return pid

    def release(self) -> None:
        (self.folder / "release").touch()

    def withhold(self) -> None:
        (self.folder / "release").unlink()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look after the runs as `up` does, until something is so."""
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, list(AnalysisRun.objects.values_list("task", "status", "attempt", "reason"))
        runs.sweep(LOST_AFTER_S)
        time.sleep(0.2)


@pytest.fixture
def cluster(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    settings.ANALYSIS_TIMEOUTS_S = {"endless": 3}
    monkeypatch.setattr(runs, "TASKS", [*runs.TASKS, *awkward_tasks(tmp_path)])
    started = Cluster(tmp_path)
    yield started
    if started.process.poll() is None:
        started.kill()
    wait_until(lambda: not others())


def others() -> list[int]:
    """The server processes of all connections to this database but ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND usename = current_user"
        )
        return [pid for (pid,) in cursor.fetchall()]


def make_tested_study() -> Study:
    study = make_study()
    for number, present_s in enumerate((20, 37, 61, 80)):
        add_test(add_mouse(study, f"d{number}"), 40 + number / 3, present_s)
    return study


def ended(*asked: AnalysisRun) -> Callable[[], bool]:
    keys = [run.pk for run in asked]
    return lambda: AnalysisRun.objects.filter(pk__in=keys, status__in=ENDED).count() == len(keys)


def calls_of(run: AnalysisRun) -> list[Any]:
    return list(PhenotypeCall.objects.filter(run=run).order_by("mouse__code").values_list(*CALLED))


def undisturbed(study: Study) -> list[Any]:
    run = runs.request_run("phenotype", study, queue=False)
    runs.execute(run.pk)
    return calls_of(run)


def test_a_killed_worker_a_poison_an_endless_and_a_hungry_task_harm_no_other_run(cluster: Cluster):
    study = make_tested_study()
    waits = runs.request_run("waits", study)
    awkward = [runs.request_run(task, study) for task in ("poison", "endless", "hungry")]
    os.kill(cluster.worker_of("waits"), signal.SIGKILL)
    cluster.worker_of("waits")  # another has it
    cluster.release()
    wait_until(ended(waits, *awkward))
    for run in (waits, *awkward):
        run.refresh_from_db()
    poison, endless, hungry = awkward
    assert waits.status == RunStatus.DONE
    assert waits.attempt >= 2
    assert "Attempt 2 of 3." in waits.log
    assert calls_of(waits) == undisturbed(study)
    assert Adoption.objects.filter(task="waits").count() == 1
    assert (poison.status, poison.attempt) == (RunStatus.FAILED, 3)
    assert poison.reason.startswith("Given up: 3 attempts were begun and none came to an end; its worker died")
    assert endless.status == RunStatus.FAILED
    assert endless.reason.startswith("It took longer than endless may take, 3 s.")
    assert hungry.status == RunStatus.FAILED
    assert hungry.reason.startswith("It needs more memory than ")


def test_runs_outlive_their_database_connections_and_their_cluster(cluster: Cluster):
    study = make_tested_study()
    cut_off = runs.request_run("waits", study)
    cluster.worker_of("waits")
    with connection.cursor() as cursor:
        for pid in others():
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    cluster.worker_of("waits")  # it was begun anew, by whichever worker
    cluster.release()
    wait_until(ended(cut_off))
    cluster.withhold()
    killed = runs.request_run("waits", study, {"rule": "Ratio below 1, 60 s with target"})
    cluster.worker_of("waits")
    cluster.kill()
    cluster.start()
    cluster.worker_of("waits")
    cluster.release()
    wait_until(ended(killed))
    for run in (cut_off, killed):
        run.refresh_from_db()
        assert (run.status, run.attempt > 1) == (RunStatus.DONE, True), run.reason
    assert calls_of(cut_off) == undisturbed(study)
    assert PhenotypeCall.objects.filter(run=killed).count() == 4
