"""PostgreSQL is stopped and started while a worker computes: `python -m tests.analysis.restarted_server FOLDER`.

In a process and on a server of its own. Prints as JSON what became of the run.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.databases import throwaway_database

LIMIT_S = 240.0


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError("it took too long")
        time.sleep(0.2)


def main(folder: Path) -> None:
    with throwaway_database():
        from django.conf import settings
        from django.core.management import call_command
        from django.db import DatabaseError, connection, connections

        from analysis import run_requests, runs
        from analysis.models import ENDED, Adoption, AnalysisRun, PhenotypeCall
        from labdb import postgres
        from tests.analysis.awkward_tasks import awkward_tasks
        from tests.analysis.small_study import add_mouse, add_test, make_study

        call_command("load_fixtures", verbosity=0)
        study = make_study()
        for number, present_s in enumerate((20, 37, 61)):
            add_test(add_mouse(study, f"d{number}"), 40, present_s)
        run_requests.TASKS = [*run_requests.TASKS, *awkward_tasks(folder)]
        run = runs.request_run("waits", study)
        environ = {**os.environ, "Q_CLUSTER_NAME": settings.LONG_QUEUE, "LOG_LEVEL": "CRITICAL"}
        database = connection.settings_dict["NAME"]
        workers = subprocess.Popen(
            [sys.executable, "-m", "tests.analysis.awkward_tasks", database, str(folder)], env=environ
        )
        try:
            wait_until((folder / "waits.pid").exists)
            (folder / "waits.pid").unlink()  # the next is the next attempt's
            connections.close_all()
            postgres.stop(settings.DATA_DIR)
            postgres.ensure_running(settings.DATA_DIR)

            def is_ended() -> bool:
                try:
                    runs.sweep(settings.RUN_LOST_AFTER_S)
                    return AnalysisRun.objects.filter(pk=run.pk, status__in=ENDED).exists()
                except DatabaseError:
                    connections.close_all()
                    return False

            wait_until(lambda: (folder / "waits.pid").exists() or is_ended())
            (folder / "release").touch()
            wait_until(is_ended)
            run.refresh_from_db()
            became = {
                "status": run.status, "reason": run.reason, "attempt": run.attempt,
                "calls": PhenotypeCall.objects.count(), "adoptions": Adoption.objects.count(),
            }  # fmt: skip
            sys.stdout.write(json.dumps(became))
        finally:
            workers.terminate()
            workers.wait(60)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
