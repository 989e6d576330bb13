"""`demo_truth`: what the demo's analyses should find."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from labdb.demo import parameters
from labdb.demo.simulate import truth_of


class Command(BaseCommand):
    """Print the seed and the fraction undone that was planted, as JSON."""

    help = "Print the truth behind the demo study as JSON."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the seed."""
        parser.add_argument("--seed", type=int, default=parameters.DEFAULT_SEED)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print."""
        self.stdout.write(json.dumps({"seed": options["seed"], **truth_of(options["seed"])}, indent=2))
