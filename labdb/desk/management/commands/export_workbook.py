"""`export_workbook`: a study as one XLSX, or the empty template."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from labdb.accounts.acting import acting_user
from labdb.colony.models import Study
from labdb.registry.workbook_export import study_workbook, template_workbook


class Command(BaseCommand):
    """Write everything of a study that the account may see into one workbook, which `import_workbook` reads."""

    help = "Export a study as one XLSX workbook with a sheet per record; without --study the empty template."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--study", metavar="CODE", help="The study; without it the workbook is empty.")
        parser.add_argument("--user", metavar="NAME", help="What this account may see; by default all.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        user = acting_user(options["user"])
        study = Study.objects.visible_to(user).filter(code=options["study"]).first() if options["study"] else None
        if options["study"] and study is None:
            raise CommandError(f"There is no study {options['study']}.")
        try:
            content = study_workbook(study, user) if study else template_workbook()
            options["file"].write_bytes(content)
        except ValidationError as error:
            raise CommandError(error.messages[0]) from None
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{options['file']} written, {len(content) / 2**20:.1f} MB.")
