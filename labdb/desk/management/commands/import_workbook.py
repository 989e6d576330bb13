"""`import_workbook`: a whole study from one XLSX, in one transaction."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labdb.accounts.acting import acting_user
from labdb.desk.import_words import ReadingOptions, refuse, say_changes
from labdb.registry.long_work_doors import terminal_work
from labdb.registry.text_tables import TableError
from labdb.registry.workbook_import import import_workbook


class Command(BaseCommand):
    """Import a workbook: all sheets, or none and every wrong cell of all of them."""

    help = "Import a study from one XLSX workbook with a sheet per record; nothing is stored when any cell is wrong."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--study", metavar="CODE", required=True, help="The study that the rows belong to.")
        ReadingOptions.declare(parser)
        parser.add_argument("--dry-run", action="store_true", help="Check every cell and store nothing.")
        parser.add_argument("--user", metavar="NAME", help="In whose name; by default labdb's own.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, or print every error on standard error, one line each, and exit with 1."""
        file: Path = options["file"]
        try:
            with terminal_work(self.stderr):
                report = import_workbook(
                    file.read_bytes(), file.name, study=options["study"], user=acting_user(options["user"]),
                    reading=ReadingOptions.read(options), reason=options["reason"], dry_run=options["dry_run"],
                )  # fmt: skip
        except TableError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
        if refuse(self.stderr, report, is_dry=options["dry_run"]):
            sys.exit(1)
        say_changes(self.stdout, report, is_dry=options["dry_run"])
        counts = f"{report.created:,} new, {report.changed:,} changed, {report.unchanged:,} unchanged"
        what = "can be imported" if options["dry_run"] else "imported"
        stored = "; nothing was stored" if options["dry_run"] else ""
        self.stdout.write(f"{report.rows:,} rows {what}, {counts}{stored}.")
