"""`load_demo`: the simulated study, from a seed."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analysis.runs import request_run
from labdb.accounts.acting import acting_user
from labdb.colony.models import Study
from labdb.demo import loading, parameters
from labdb.demo.simulate import simulate_study
from labdb.registry.history import writing


class Command(BaseCommand):
    """Simulate the demo study and store it; a study of that code is left alone."""

    help = "Load the demo study (code DEMO): 122 mice, 256 libraries, four regions, with a known truth."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the layout and the seed."""
        parser.add_argument("--layout", choices=["demo"], default="demo")
        parser.add_argument("--seed", type=int, default=parameters.DEFAULT_SEED)

    def handle(self, *args: Any, **options: Any) -> None:
        """Load."""
        if Study.objects.filter(code=loading.STUDY).exists():
            raise CommandError(f"Study {loading.STUDY} is already there; nothing was changed.")
        start = time.monotonic()
        self._tell("simulating")
        simulated = simulate_study(options["seed"])
        user = acting_user()
        with writing(user=user, door="demo"):
            study = loading.load(simulated, user, self._tell)
            request_run("pipeline", study, user=user)  # the workers take it up, when `up` starts them
        seconds = time.monotonic() - start
        self.stdout.write(f"\rDemo study {loading.STUDY} loaded in {seconds:.0f} s.{' ' * 30}")

    def _tell(self, doing: str) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\rLoading the demo study: {doing:<40}", ending="")
            self.stdout.flush()
