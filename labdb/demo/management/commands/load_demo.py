"""`load_demo`: the simulated study, from a seed."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analysis.runs import request_run
from labdb.accounts.acting import acting_user
from labdb.colony.models import Study
from labdb.demo import loading
from labdb.demo.layouts import LAYOUTS
from labdb.demo.simulate import simulate_study, with_planted_errors
from labdb.registry.history import writing


class Command(BaseCommand):
    """Simulate the demo study and store it; a study of that code is left alone."""

    help = (
        "Load the demo study: 122 mice, four regions, a known truth, and some planted errors (code DEMO, 256 libraries), "
        "or the published design, in which little can be known (--layout published: code BAGOT, 99 libraries)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the layout and the seed."""
        parser.add_argument("--layout", choices=list(LAYOUTS), default="demo")
        parser.add_argument("--seed", type=int, help="By default that of the layout.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load."""
        layout = LAYOUTS[options["layout"]]
        if Study.objects.filter(code=layout.code).exists():
            raise CommandError(f"Study {layout.code} is already there; nothing was changed.")
        start = time.monotonic()
        self._tell("simulating")
        try:
            simulated = with_planted_errors(simulate_study(options["seed"], layout))
        except ValueError as refusal:
            raise CommandError(f"{refusal}; choose another seed.") from refusal
        user = acting_user()
        study = loading.load(simulated, user, self._tell)
        with writing(user=user, door=loading.DOOR):
            request_run("pipeline", study, user=user)  # the workers take it up, when `up` starts them
        seconds = time.monotonic() - start
        self.stdout.write(f"\rDemo study {layout.code} loaded in {seconds:.0f} s.{' ' * 30}")

    def _tell(self, doing: str) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\rLoading the demo study: {doing:<40}", ending="")
            self.stdout.flush()
