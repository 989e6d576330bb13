"""The demo's pipeline on one worker and on two: how much faster, and are the results the same to the bit?

On real clusters and a database of the benchmark's own, in which the runs of one worker are forgotten before those of two.
"""

import os
import time
from typing import Any

from bench.bench_runs import cluster, results_of, row, wait_for
from bench.databases import throwaway_database

WORKERS = (1, 2)
SPEED_UP = 1.6


def measure() -> list[dict[str, Any]]:
    """Load the demo, and time its pipeline with each number of workers."""
    with throwaway_database():
        from django.core.management import call_command

        from labdb.accounts.acting import acting_user
        from labdb.demo import loading
        from labdb.demo.layouts import LAYOUTS
        from labdb.demo.simulate import simulate_study, with_planted_errors

        call_command("load_fixtures", verbosity=0)
        simulated = with_planted_errors(simulate_study(None, LAYOUTS["demo"]))
        return compared(loading.load(simulated, acting_user(), lambda doing: None))


def compared(study: Any) -> list[dict[str, Any]]:
    """Return what a study's pipeline takes with each number of workers, and each of its steps."""
    taken_s: list[float] = []
    results: list[Any] = []
    rows: list[dict[str, Any]] = []
    for workers in WORKERS:
        _forget_runs()
        with cluster(workers, is_long=True):
            taken_s.append(_pipeline_s(study, workers, rows))
        results.append(results_of(study))
    if results[0] != results[1]:
        raise RuntimeError("the results of one worker and of two differ")
    share = taken_s[1] / taken_s[0]
    gain = f"2 workers take of the time of 1 (speed-up {1 / share:.2f}, target {SPEED_UP}), results bit-equal"
    return [*rows, row(gain, share, "", 1 / SPEED_UP)]


def _pipeline_s(study: Any, workers: int, rows: list[dict[str, Any]]) -> float:
    from analysis.models import AnalysisRun
    from analysis.runs import request_run

    begun = time.monotonic()
    wait_for([run := request_run("pipeline", study)])
    taken_s = time.monotonic() - begun
    run.refresh_from_db()
    if run.status != "done":
        raise RuntimeError(f"the pipeline {run.status}: {run.reason}")
    rows.append(row(f"the pipeline of {study} on {workers} worker{'s' if workers > 1 else ''}", taken_s, "s"))
    rows.append(row("  load of the machine at its end (1 min)", os.getloadavg()[0], "processes"))
    for step in AnalysisRun.objects.filter(parent=run).order_by("pk"):
        if step.finished_at and step.started_at:
            rows.append(row(f"  of it {step.task}", (step.finished_at - step.started_at).total_seconds(), "s"))
    return taken_s


def _forget_runs() -> None:
    """Remove all runs and results, so that the same records are computed anew."""
    from django.db import connection

    from labdb.database_backend import as_owner

    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute("TRUNCATE analysis_analysisrun, analysis_generesult CASCADE")
