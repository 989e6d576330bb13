"""`rebuild_counts`: make damaged blocks of a count matrix anew from the whole ones."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labdb.sequencing.count_rebuild import GENES, LIBRARIES, RebuildRefused, rebuild
from labdb.sequencing.management.commands.verify_counts import matrices_named


class Command(BaseCommand):
    """Rebuild one matrix."""

    help = "Make damaged blocks of a count matrix anew: of libraries from those of genes, or the other way."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which matrix, and what to trust."""
        parser.add_argument("matrix", help="code of the count matrix")
        parser.add_argument("--study", default="", help="code of its study, where several studies have that code")
        parser.add_argument(
            "--trust",
            choices=(LIBRARIES, GENES),
            default="",
            help="whose blocks are right where both are intact and differ",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild and say what was done; exit 1 where it cannot be."""
        matrices = matrices_named(options["matrix"], options["study"])
        if len(matrices) > 1:
            studies = ", ".join(str(one.study) for one in matrices)
            raise CommandError(
                f"Several studies have a count matrix {options['matrix']} ({studies}); name one by --study."
            )
        try:
            self.stdout.write(rebuild(matrices[0], options["trust"]))
        except RebuildRefused as error:
            raise CommandError(str(error)) from None
