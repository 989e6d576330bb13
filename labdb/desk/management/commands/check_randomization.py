"""`check_randomization`: a stored list drawn again; 1 when it is another one."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labdb.registry.plan_records import PlanRefused
from labdb.treatment.models import Randomization
from labdb.treatment.repeating import repeat


class Command(BaseCommand):
    """Draw a randomization again from its stored inputs; arms are not printed, so that nobody is unblinded by it."""

    help = "Draw a randomization again from its stored seed and inputs, and say whether the list is the same."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("study", metavar="STUDY")
        parser.add_argument("code", metavar="CODE", help="Of the randomization, such as R1.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Repeat it."""
        found = Randomization.objects.filter(study__code=options["study"], code=options["code"]).first()
        if found is None:
            raise CommandError(f"There is no randomization {options['code']} in study {options['study']}.")
        try:
            repeated = repeat(found)
        except PlanRefused as error:
            raise CommandError(str(error)) from None
        if not repeated.is_same:
            raise CommandError(f"{repeated.sentence} The page of {found} names them.")
        self.stdout.write(repeated.sentence)
