"""Tasks that wait, kill their worker, never end or want too much memory; and a real cluster that works on them.

`python -m tests.analysis.awkward_tasks DATABASE FOLDER` is that cluster: workers as `up` starts them, on the database of
a test. In FOLDER a task leaves the pid of its worker, and `release` lets those that wait go on.
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

    from analysis.tasks import phenotype

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

    computes: tuple[Callable[..., Any], ...] = (waits, poison, endless, hungry)
    return [dataclasses.replace(phenotype.TASK, name=compute.__name__, compute=compute) for compute in computes]


def main(database: str, folder: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labdb.settings")
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database
    import django

    django.setup()
    from django.core.management import call_command

    from analysis import runs

    runs.TASKS = [*runs.TASKS, *awkward_tasks(folder)]  # the workers are forked from this process
    call_command("qcluster")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
