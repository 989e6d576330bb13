"""Runs: latency, web time, throughput of 1, 2 and 4 workers and of two hosts, and a worker killed in mid-pipeline.

The workers are real clusters on a database of the benchmark's own; the small task is `phenotype` on a study of eight mice.
What the demo's pipeline gains by a second worker is `bench_fan_out`.
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psutil

from bench.databases import throwaway_database

CHECKOUT = Path(__file__).resolve().parent.parent
N_TASKS = 1_000
WORKERS = (1, 2, 4)
HOSTS = (2, 2)  # workers of each, for the last 2,000 runs
N_LATENCIES = 20
N_REQUESTS = 30
LIMIT_S = 1_200.0
LOOKS_AGAIN = {"HX-Request": "true"}
KILLED_WITHIN_S = 45.0 + 30.0  # settings.RUN_LOST_AFTER_S, and half a minute


def measure() -> list[dict[str, Any]]:
    """Measure all of it on one database."""
    with throwaway_database():
        from django.core.management import call_command

        from tests.analysis.small_study import add_mouse, add_test, make_study

        call_command("load_fixtures", verbosity=0)
        study = make_study()
        for number in range(8):
            add_test(add_mouse(study, f"d{number}"), 40, 20 + 10 * number)
        rows = [*_latency(study), *_web_times(study)]
        studies = _small_studies()
        rows += [_throughput(studies, place) for place in range(len(WORKERS))]
        rows.append(_two_hosts(studies))
        return [*rows, *_killed_in_mid_pipeline()]


def row(what: str, measured: float, unit: str, target: float | None = None) -> dict[str, Any]:
    return {"what": what, "measured": measured, "unit": unit, "reference": None, "reference_what": "", "target": target}


@contextmanager
def cluster(workers: int, *, is_long: bool = False, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """Workers for one queue in a session of their own, ready when a first run has been through them."""
    from django.conf import settings

    named = {"Q_CLUSTER_NAME": settings.LONG_QUEUE if is_long else settings.SHORT_QUEUE}
    number = {"WORKERS" if is_long else "SHORT_WORKERS": str(workers)}
    process = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "manage.py"), "qcluster"], start_new_session=True,
        env={**os.environ, "LOG_LEVEL": "CRITICAL", **named, **number, **environ},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for([_asked("WARM", "pipeline" if is_long else "phenotype")])
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def _asked(code: str, task: str, **parameters: Any) -> Any:
    from analysis.runs import request_run
    from labdb.colony.models import Study

    study, _is_new = Study.objects.get_or_create(code=code, defaults={"title": "A study of the benchmark"})
    return request_run(task, study, parameters)


def wait_for(asked: list[Any], meanwhile: Callable[[], Any] = lambda: None) -> None:
    from analysis.models import ENDED, AnalysisRun

    deadline = time.monotonic() + LIMIT_S
    keys = [run.pk for run in asked]
    while AnalysisRun.objects.filter(pk__in=keys).exclude(status__in=ENDED).exists():
        if time.monotonic() > deadline:
            raise RuntimeError("the runs did not end")
        meanwhile()
        time.sleep(0.02)


def _latency(study: Any) -> list[dict[str, Any]]:
    """From the request to the start, on a worker that has nothing else to do; both by the database's clock."""
    waited_s = []
    with cluster(1):
        for _ in range(N_LATENCIES):
            run = _asked(study.code, "phenotype")
            wait_for([run])
            run.refresh_from_db()
            waited_s.append((run.started_at - run.queued_at).total_seconds())
            time.sleep(0.1)
    return [
        row("start of a run on an idle worker, median", statistics.median(waited_s), "s", 1.0),
        row("start of a run on an idle worker, longest", max(waited_s), "s", 1.0),
    ]


def _web_times(study: Any) -> list[dict[str, Any]]:
    """What a page costs the server: asking, looking at progress, and a worker's word of progress and of the end."""
    from django.db.models.functions import Now
    from django.test import Client

    from analysis.models import AnalysisRun, RunStatus
    from analysis.recovery import end
    from labdb.accounts.models import User

    client = Client(headers={"Host": "localhost"})
    client.force_login(User.objects.create(username="bench", is_superuser=True))
    taken_ms: dict[str, list[float]] = {"request": [], "progress": [], "completion": []}
    for number in range(N_REQUESTS):
        asked = {"study": study.code, "task": "phenotype", "set-test_number": str(number + 2)}
        taken_ms["request"].append(_ms(partial(client.post, "/analysis/request/", asked)))
        run = AnalysisRun.objects.latest("pk")
        AnalysisRun.objects.filter(pk=run.pk).update(
            status=RunStatus.RUNNING, attempt=1, started_at=Now(), heartbeat_at=Now(), total=9, done=number % 9
        )
        address = f"/analysis/runs/{run.pk}/"
        taken_ms["progress"].append(_ms(partial(client.get, address, headers=LOOKS_AGAIN)))
        run.refresh_from_db()
        taken_ms["completion"].append(_ms(partial(end, run, RunStatus.FAILED, "for the benchmark")))
    return [
        row(f"{what} of a run, median web time", statistics.median(taken), "ms", 20) for what, taken in taken_ms.items()
    ]


def _ms(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begun)


def _small_studies() -> list[Any]:
    """Studies of one mouse, with a test for each number of workers: no two runs are equal."""
    from tests.analysis.small_study import add_mouse, add_test, make_study

    studies = [make_study(f"N{number}") for number in range(N_TASKS)]
    for study in studies:
        mouse = add_mouse(study, "d1")
        for place in range(len(WORKERS) + 2):
            add_test(mouse, 40, 20, number=place + 1)
    return studies


def _throughput(studies: list[Any], place: int) -> dict[str, Any]:
    """A thousand small runs; none is lost, none computed twice."""
    from analysis.runs import request_run

    workers = WORKERS[place]
    with cluster(workers):
        begun = time.monotonic()
        asked = [request_run("phenotype", study, {"test_number": place + 1}) for study in studies]
        wait_for(asked)
        taken_s = time.monotonic() - begun
    _refuse_lost_or_doubled(asked)
    return row(f"{N_TASKS:,} small runs on {workers} worker{'s' if workers > 1 else ''}", taken_s, "s")


def _two_hosts(studies: list[Any]) -> dict[str, Any]:
    """Two thousand small runs on two clusters, each with a data folder of its own, as on two hosts."""
    from django.conf import settings
    from django.db import connection

    from analysis.runs import request_run

    server = connection.settings_dict
    address = f"postgres://{server['USER']}@{quote(server['HOST'], safe='')}:{server['PORT']}/{server['NAME']}"
    shared = {"DATABASE_URL": address, "SECRET_KEY": settings.SECRET_KEY, "TIME_ZONE": settings.TIME_ZONE}
    with ExitStack() as stack:
        for workers in HOSTS:
            folder = stack.enter_context(TemporaryDirectory(prefix="labdb-host-"))
            stack.enter_context(cluster(workers, is_long=False, LABDB_DATA_DIR=folder, **shared))
        begun = time.monotonic()
        places = range(len(WORKERS), len(WORKERS) + 2)
        asked = [request_run("phenotype", study, {"test_number": place + 1}) for place in places for study in studies]
        wait_for(asked)
        taken_s = time.monotonic() - begun
    _refuse_lost_or_doubled(asked)
    hosts = " + ".join(map(str, HOSTS))
    return row(f"{len(asked):,} small runs on two hosts ({hosts} workers), none lost, none doubled", taken_s, "s")


def _refuse_lost_or_doubled(asked: list[Any]) -> None:
    from analysis.models import PhenotypeCall

    calls = PhenotypeCall.objects.filter(run__in=[run.pk for run in asked])
    if calls.count() != len(asked) or calls.values("run").distinct().count() != len(asked):
        raise RuntimeError(f"{len(asked)} runs made {calls.count()} calls: some were lost or doubled")


def _killed_in_mid_pipeline() -> list[dict[str, Any]]:
    """The same treated study twice: one pipeline undisturbed, one whose worker is killed with -9."""
    from analysis import runs
    from analysis.models import ENDED, AnalysisRun, RunStatus
    from tests.analysis.small_study import make_treated_study

    undisturbed, disturbed = (make_treated_study(code=code) for code in ("CALM", "ROUGH"))

    with cluster(1, is_long=True) as workers:
        begun = time.monotonic()
        wait_for([calm := _asked(undisturbed.code, "pipeline")])
        calm_s = time.monotonic() - begun
        begun = time.monotonic()
        rough = _asked(disturbed.code, "pipeline")
        steps = AnalysisRun.objects.filter(parent=rough, task="differential_expression")
        while not steps.filter(status=RunStatus.RUNNING).exists():
            rough.refresh_from_db()
            if rough.status in ENDED:
                raise RuntimeError(f"the pipeline {rough.status} before it could be disturbed: {rough.reason}")
            time.sleep(0.005)
        _kill_worker(workers)
        wait_for([rough], meanwhile=runs.sweep)
        lost_s = time.monotonic() - begun - calm_s
    for run in (calm, rough):
        run.refresh_from_db()
    if (calm.status, rough.status) != ("done", "done"):
        raise RuntimeError(f"{calm.status}: {calm.reason}; {rough.status}: {rough.reason}")
    if results_of(undisturbed) != results_of(disturbed):
        raise RuntimeError("the results of the killed pipeline differ")
    return [
        row("a pipeline undisturbed", calm_s, "s"),
        row("lost by a kill -9 in mid-pipeline, results bit-equal", lost_s, "s", KILLED_WITHIN_S),
    ]


def _kill_worker(workers: subprocess.Popen[bytes]) -> None:
    """Kill the worker that computes: of the cluster's processes it has used the most time by far."""
    processes = psutil.Process(workers.pid).children(recursive=True)
    busiest = max(processes, key=lambda process: sum(process.cpu_times()[:2]))
    os.kill(busiest.pid, signal.SIGKILL)


def results_of(study: Any) -> list[Any]:
    from analysis.models import GeneResult, MouseReversalScore, PhenotypeCall, ResponseCall, SignatureReversal

    genes = GeneResult.objects.filter(study=study).order_by("contrast__name", "region__code", "gene__gene_id")
    scores = MouseReversalScore.objects.filter(study=study).order_by("mouse__code", "region__code", "arm")
    return [
        list(
            PhenotypeCall.objects.filter(study=study)
            .order_by("mouse__code")
            .values_list("mouse__code", "si_ratio", "phenotype")
        ),
        list(
            ResponseCall.objects.filter(study=study)
            .order_by("mouse__code")
            .values_list("mouse__code", "response", "delta_log_ratio")
        ),
        list(
            genes.values_list(
                "contrast__name", "region__code", "gene__gene_id", "log2_fold_change", "t", "p_value", "adj_p_value"
            )
        ),
        list(
            SignatureReversal.objects.filter(study=study)
            .order_by("region__code", "arm")
            .values_list("region__code", "arm", "p_value", "adj_p_value", "fraction_undone")
        ),
        list(scores.values_list("mouse__code", "region__code", "arm", "score", "low", "high")),
    ]
