"""`demo_truth`: what the demo's analyses should find."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from labdb.demo.layouts import LAYOUTS
from labdb.demo.simulate import truth_of


class Command(BaseCommand):
    """Print the seed, the fraction undone that was planted, correlations and errors, as JSON."""

    help = "Print the truth behind the demo study as JSON."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the layout and the seed."""
        parser.add_argument("--layout", choices=list(LAYOUTS), default="demo")
        parser.add_argument("--seed", type=int, help="By default that of the layout.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print."""
        layout = LAYOUTS[options["layout"]]
        seed = layout.seed if options["seed"] is None else options["seed"]
        told = {"study": layout.code, "seed": seed, **truth_of(seed, layout)}
        self.stdout.write(json.dumps(told, indent=2))
