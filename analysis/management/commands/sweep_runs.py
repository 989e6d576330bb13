"""`sweep_runs`: queue again the runs whose worker died."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from analysis.runs import LOST_AFTER_S, sweep


class Command(BaseCommand):
    """Queue again what was lost."""

    help = "Queue again the runs whose worker died, and waiting ones that were lost."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the arguments."""
        parser.add_argument(
            "--older-than-s", type=float, default=LOST_AFTER_S, metavar="SECONDS",
            help="Silence that counts as death; 0 only where no worker can be alive.",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep, and name the runs."""
        for run in sweep(options["older_than_s"]):
            self.stdout.write(f"{run} of {run.study} was lost and is queued again.")
