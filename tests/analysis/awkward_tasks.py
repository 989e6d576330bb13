"""Tasks that wait, kill their worker, never end or want too much memory; and a real cluster that works on them.

`python -m tests.analysis.awkward_tasks DATABASE FOLDER` is that cluster: workers as `up` starts them, on the database of
a test; `Q_CLUSTER_NAME` names its queue. In FOLDER a task leaves the pid of its worker, and `release` lets those that wait
go on. Of a task in parts each part leaves a line with the pid of its worker.
"""

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def awkward_tasks(folder: Path) -> list[Any]:
    """Phenotypes, called by awkward workers."""
    import numpy as np
    import pandas as pd

    from analysis.tasks import phenotype
    from analysis.tasks.task import Parts

    def waits(inputs: Any, progress: Any) -> Any:
        (folder / "waits.pid").write_text(str(os.getpid()))
        while not (folder / "release").exists():
            progress.tick(1, 2, "waiting")
            time.sleep(0.05)
        return phenotype.compute(inputs, progress)

    def poison(inputs: Any, progress: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    def endless(inputs: Any, progress: Any) -> Any:
        while True:
            time.sleep(1)

    def hungry(inputs: Any, progress: Any) -> Any:
        return np.empty(6 * 2**30, dtype=np.uint8)

    def part(inputs: Any, key: tuple[str, ...], progress: Any) -> Any:
        with (folder / f"part {key[0]}").open("a") as begun:
            begun.write(f"{os.getpid()}\n")
        while not (folder / "release").exists():
            progress.tick(1, 2, "waiting")
            time.sleep(0.05)
        return phenotype.compute(inputs, progress).loc[lambda calls: calls.index % 3 == int(key[0])]

    computes: tuple[Callable[..., Any], ...] = (waits, poison, endless, hungry)
    in_parts = Parts(lambda inputs: [("0",), ("1",), ("2",)], part, lambda inputs, results: pd.concat(results))
    return [
        dataclasses.replace(phenotype.TASK, name="in_parts", compute=in_parts.in_order, parts=in_parts),
        *(dataclasses.replace(phenotype.TASK, name=compute.__name__, compute=compute) for compute in computes),
    ]


def main(database: str, folder: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labdb.settings")
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database
    import django

    django.setup()
    from django.core.management import call_command

    from analysis import run_requests

    run_requests.TASKS = [*run_requests.TASKS, *awkward_tasks(folder)]  # the workers are forked from this process
    call_command("qcluster")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
