"""`work`: the task workers alone, on a further host of the same database, kept running."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from analysis.recovery import SWEEP_S
from labdb.desk.installation import applied_migrations, missing_migrations, unknown_migrations
from labdb.desk.worker_programs import (
    WORKERS_LOOK_S,
    refuse_unknown_tasks,
    watch_runs,
    watch_workers,
    worker_programs,
)
from labdb.supervisor import AlreadyRunningError, Check, Supervisor, UnusableFolderError, hold_folder


class Command(BaseCommand):
    """Run the tasks of a database that another host serves, until Ctrl-C."""

    help = "Run the task workers of a database that another host serves (DATABASE_URL). Ctrl-C stops them."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Hold the data folder, look at the database, run."""
        if settings.DATABASES["default"]["EMBEDDED_FOLDER"]:
            raise CommandError(
                "This host has no workers to add: DATABASE_URL is not set, and the PostgreSQL that comes along serves its "
                "own host alone, where `manage.py up` runs the workers. Set DATABASE_URL (docs/operations.md: Several hosts)."
            )
        refuse_unknown_tasks()
        try:
            with hold_folder(settings.DATA_DIR, address=f"{settings.DATA_DIR} (workers)") as hold:
                _refuse_another_version()
                supervisor = Supervisor(worker_programs(), self._say)
                supervisor.checks = [
                    Check(lambda: watch_runs(self._say), every_s=SWEEP_S),
                    Check(lambda: watch_workers(supervisor), every_s=WORKERS_LOOK_S),
                ]
                supervisor.note_children = lambda children: hold.note(children=children)
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, lambda number, frame: supervisor.ask_to_stop())
                self._say(
                    f"{settings.WORKERS} workers for long and {settings.SHORT_WORKERS} for short work. Ctrl-C stops them."
                )
                supervisor.run()
        except (AlreadyRunningError, UnusableFolderError, OperationalError) as error:
            raise CommandError(str(error)) from error

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()  # a log file is read while we run


def _refuse_another_version() -> None:
    """Refuse to compute for a database of another version of the code."""
    applied = applied_migrations()
    if newer := unknown_migrations(applied):
        raise CommandError(f"The database is of a newer labdb (it has {newer[0]}). Install that version on this host.")
    if older := missing_migrations(applied):
        raise CommandError(
            f"The database is of an older labdb (it lacks {older[0]}). Start `manage.py up` of this version first, on the "
            "host that serves the pages."
        )
    connections.close_all()
