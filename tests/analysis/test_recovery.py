"""Real workers that are really killed: every run is taken up or failed with the reason, and nothing is doubled."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from analysis import run_requests, runs
from analysis.models import ENDED, Adoption, AnalysisRun, PhenotypeCall, RunStatus
from analysis.run_parts import RunPart
from labdb.colony.models import Study
from tests.analysis.awkward_tasks import awkward_tasks
from tests.analysis.small_study import add_mouse, add_test, make_study

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LOST_AFTER_S = 6  # a machine that runs two tests at once is slow, not dead
LIMIT_S = 200.0
CALLED = ("mouse__code", "si_ratio", "phenotype", "distance_to_cutoff", "borderline")


class Cluster:
    """The workers of one host for one queue, in a session of their own."""

    def __init__(self, folder: Path, queue: str = settings.LONG_QUEUE, lost_after_s: int = LOST_AFTER_S) -> None:
        self.folder, self.queue, self.lost_after_s = folder, queue, lost_after_s
        self.before = frozenset(others())  # a page's server of an earlier test may keep its connection
        self.start()

    def start(self) -> None:
        environ = {
            **os.environ, "WORKERS": "2", "RUN_LOST_AFTER_S": str(self.lost_after_s), "ANALYSIS_TIMEOUTS_S": "endless=3",
            "WORKER_MEMORY_MB": "3000", "LOG_LEVEL": "CRITICAL", "Q_CLUSTER_NAME": self.queue,
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.analysis.awkward_tasks"]
        with (self.folder / "cluster.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, connection.settings_dict["NAME"], str(self.folder)],
                cwd=settings.CHECKOUT, env=environ, start_new_session=True, stdout=log, stderr=log,
            )  # fmt: skip

    def connections(self) -> list[int]:
        """The server processes of its connections, and of clusters that were started after it."""
        return [pid for pid in others() if pid not in self.before]

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

    def workers_at_part(self, number: int, begun: int = 1) -> list[int]:
        """The pids of those that began a part, when so many have."""
        path = self.folder / f"part {number}"
        wait_until(lambda: path.exists() and len(path.read_text().splitlines()) >= begun, self.lost_after_s)
        return [int(line) for line in path.read_text().splitlines()]

    def release(self) -> None:
        (self.folder / "release").touch()

    def withhold(self) -> None:
        (self.folder / "release").unlink()


def wait_until(is_so: Callable[[], bool], lost_after_s: float = LOST_AFTER_S) -> None:
    """Look after the runs as `up` does, until something is so."""
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, list(AnalysisRun.objects.values_list("task", "status", "attempt", "reason"))
        runs.sweep(lost_after_s)
        time.sleep(0.2)


@pytest.fixture
def clusters(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Cluster]]:
    """Start clusters, each in a folder of its own; they are killed at the end."""
    settings.ANALYSIS_TIMEOUTS_S = {"endless": 3}
    monkeypatch.setattr(run_requests, "TASKS", [*run_requests.TASKS, *awkward_tasks(tmp_path)])
    started: list[Cluster] = []

    def start(name: str, **options: Any) -> Cluster:
        (folder := tmp_path / name).mkdir()
        started.append(Cluster(folder, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.kill()
    wait_until(lambda: not any(one.connections() for one in started))


@pytest.fixture
def cluster(clusters: Callable[..., Cluster]) -> Cluster:
    return clusters("host")


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
        for pid in cluster.connections():
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


def test_short_work_passes_long_work_and_a_killed_helper_loses_its_part_alone(clusters: Callable[..., Cluster]):
    study, another = make_tested_study(), make_study("S2")
    add_test(add_mouse(another, "d1"), 40, 20)
    long = clusters("long", lost_after_s=600)
    in_parts = runs.request_run("in_parts", study)
    (own,), (helper,) = long.workers_at_part(0), long.workers_at_part(1)
    clusters("short", queue=settings.SHORT_QUEUE)
    short = runs.request_run("phenotype", another)  # while every worker for long work has a part
    wait_until(ended(short), long.lost_after_s)
    in_parts.refresh_from_db()
    assert in_parts.status == RunStatus.RUNNING
    os.kill(helper, signal.SIGKILL)
    (successor,) = long.workers_at_part(2)  # by the second message; the lost part is still with the dead
    RunPart.objects.filter(place=1).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    long.release()
    wait_until(ended(in_parts), long.lost_after_s)
    in_parts.refresh_from_db()
    assert (in_parts.status, in_parts.attempt) == (RunStatus.DONE, 1), in_parts.reason
    assert [long.workers_at_part(number) for number in range(3)] == [[own], [helper, own], [successor]]
    assert len({own, helper, successor}) == 3
    assert calls_of(in_parts) == undisturbed(study)


def test_two_hosts_on_one_database_lose_and_double_nothing_though_one_is_killed(clusters: Callable[..., Cluster]):
    studies = [make_study(f"N{number}") for number in range(24)]
    for study in studies:
        add_test(add_mouse(study, "d1"), 40, 20)
    hosts = [clusters(name) for name in ("one", "two")]
    asked = [runs.request_run("waits", study) for study in studies]
    for host in hosts:
        host.worker_of("waits")
    for host in hosts:
        host.release()
    wait_until(lambda: AnalysisRun.objects.filter(status=RunStatus.DONE).count() >= 6)
    hosts[1].kill()
    wait_until(ended(*asked))
    assert set(AnalysisRun.objects.values_list("status", flat=True)) == {RunStatus.DONE}
    calls = PhenotypeCall.objects.all()
    assert (calls.count(), calls.values("study").distinct().count()) == (24, 24)
    assert Adoption.objects.count() == 24


def test_a_restart_of_postgresql_in_mid_run_ends_with_the_results_once(tmp_path: Path):
    environ = {**os.environ, "RUN_LOST_AFTER_S": str(LOST_AFTER_S)}
    command = [sys.executable, "-m", "tests.analysis.restarted_server", str(tmp_path)]
    ended = subprocess.run(command, cwd=settings.CHECKOUT, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    became = json.loads(ended.stdout.splitlines()[-1])
    assert became["attempt"] >= 2
    assert became == {"status": "done", "reason": "", "attempt": became["attempt"], "calls": 3, "adoptions": 1}
