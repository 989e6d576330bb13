"""The demo's pipeline on one worker and on two: how much faster, and are the results the same to the bit?

The same simulated study twice under two codes, on real clusters and a database of the benchmark's own. `LAYOUTS` in
`labdb.demo` says what the study is.
"""

import dataclasses
import os
import time
from typing import Any

from bench.bench_runs import cluster, results_of, row, wait_for
from bench.databases import throwaway_database

WORKERS = (1, 2)
SPEED_UP = 1.6


def measure() -> list[dict[str, Any]]:
    """Load the demo twice, and time its pipeline with each number of workers."""
    with throwaway_database():
        from django.core.management import call_command

        from analysis.models import AnalysisRun
        from analysis.runs import request_run

        call_command("load_fixtures", verbosity=0)
        studies = [_demo(f"DEMO{workers}") for workers in WORKERS]
        taken_s, rows = [], []
        for workers, study in zip(WORKERS, studies, strict=True):
            with cluster(workers, is_long=True):
                begun = time.monotonic()
                wait_for([run := request_run("pipeline", study)])
                taken_s.append(time.monotonic() - begun)
            run.refresh_from_db()
            if run.status != "done":
                raise RuntimeError(f"the pipeline {run.status}: {run.reason}")
            rows.append(row(f"the demo's pipeline on {workers} worker{'s' if workers > 1 else ''}", taken_s[-1], "s"))
            rows.append(row("  load of the machine at its end (1 min)", os.getloadavg()[0], "processes"))
            for step in AnalysisRun.objects.filter(parent=run).order_by("pk"):
                seconds = (step.finished_at - step.started_at).total_seconds()
                rows.append(row(f"  of it {step.task}", seconds, "s"))
        if results_of(studies[0]) != results_of(studies[1]):
            raise RuntimeError("the results of one worker and of two differ")
        share = taken_s[1] / taken_s[0]
        gain = f"2 workers take of the time of 1 (speed-up {1 / share:.2f}, target {SPEED_UP}), results bit-equal"
        return [*rows, row(gain, share, "", 1 / SPEED_UP)]


def _demo(code: str) -> Any:
    from labdb.accounts.acting import acting_user
    from labdb.demo import loading
    from labdb.demo.layouts import LAYOUTS
    from labdb.demo.simulate import simulate_study, with_planted_errors

    layout = dataclasses.replace(LAYOUTS["demo"], code=code)
    return loading.load(with_planted_errors(simulate_study(None, layout)), acting_user(), lambda doing: None)
