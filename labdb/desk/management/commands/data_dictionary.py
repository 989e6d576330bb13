"""`data_dictionary`: write docs/data-dictionary.md from the declarations."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from labdb.desk.dictionary_file import markdown

PLACE = "docs/data-dictionary.md"


class Command(BaseCommand):
    """Write the data dictionary."""

    help = f"Write {PLACE}: every record, field, unit and rule, from their declarations."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file, the same bytes on every machine."""
        path = settings.CHECKOUT / PLACE
        path.write_text(markdown(), encoding="utf-8", newline="\n")
        if options["verbosity"]:
            self.stdout.write(f"{PLACE} is written.")
