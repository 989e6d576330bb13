"""`run_analysis TASK --study CODE [--set key=value ...] [--wait]`: queue a run, or carry it out here."""

import sys
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from analysis import runs
from analysis.models import ENDED, AnalysisRun, RunStatus
from analysis.tasks import TASKS
from labdb.accounts.acting import acting_user
from labdb.colony.models import Study

LOOK_EVERY_S = 0.5


class Command(BaseCommand):
    """Queue a run and print its number; with --wait, carry it out and print what came of it."""

    help = "Run an analysis of a study."
    requires_system_checks: list[str] = []  # `make lint` has them; they load what this command never needs

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the arguments."""
        parser.add_argument("task", metavar="TASK", help=", ".join(task.name for task in TASKS))
        parser.add_argument("--study", required=True, metavar="CODE")
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="A parameter of the task.")
        parser.add_argument("--wait", action="store_true", help="Carry it out in this process.")
        parser.add_argument("--user", metavar="NAME", help="In whose name; by default labdb's own.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask for the run, and carry it out if told to."""
        study = Study.objects.filter(code=options["study"]).first()
        if study is None:
            known = ", ".join(Study.objects.values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no study {options['study']}; there are: {known}.")
        user, given = acting_user(options["user"]), _parameters(options["set"])
        try:
            run, is_new = runs.request_or_find(options["task"], study, given, user=user, queue=not options["wait"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        if not options["wait"]:
            self.stdout.write(str(run.pk))
            return
        if not is_new:
            self.stderr.write(f"Run {run.pk} computes the same and is {run.status}; waiting for it.")
        self._carry_out(run)

    def _carry_out(self, run: AnalysisRun) -> None:
        ended = threading.Event()
        watcher = threading.Thread(target=self._show, args=(run.pk, ended), daemon=True)
        if sys.stderr.isatty():
            watcher.start()
        try:
            runs.execute(run.pk)
            self._wait_for(run)
        except KeyboardInterrupt:
            runs.stop(run, "Stopped from the keyboard.")
            raise CommandError(f"Run {run.pk} ({run.task}) was stopped; it wrote no results.") from None
        finally:
            ended.set()
            if watcher.is_alive():
                watcher.join()
        run.refresh_from_db()
        if run.status != RunStatus.DONE:
            raise CommandError(f"Run {run.pk} ({run.task}) {run.status}: {run.reason}")
        same = f"; nothing had changed since run {run.same_as_id}, whose results stand" if run.same_as_id else ""
        self.stdout.write(f"{run.log}Run {run.pk} ({run.task}) done{same}.")

    def _wait_for(self, run: AnalysisRun) -> None:
        """Wait until a worker that has the run is done with it; taken up here, it has ended already."""
        run.refresh_from_db()
        while run.status not in ENDED:
            time.sleep(LOOK_EVERY_S)
            run.refresh_from_db()

    def _show(self, run_id: int, ended: threading.Event) -> None:
        """Show the progress as a page would see it: over a connection of its own."""
        try:
            while not ended.wait(LOOK_EVERY_S):
                done, total, doing = AnalysisRun.objects.values_list("done", "total", "doing").get(pk=run_id)
                share = f"{100 * done // total:3d} %" if total else "     "
                self.stderr.write(f"\r{share}  {doing[:70]:70}", ending="")
                self.stderr.flush()
        finally:
            self.stderr.write("\r" + " " * 78 + "\r", ending="")
            connection.close()


def _parameters(pairs: list[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise CommandError(f"--set takes key=value; got {', '.join(wrong)}.")
    return {key.strip(): value for key, value in (pair.split("=", 1) for pair in pairs)}
