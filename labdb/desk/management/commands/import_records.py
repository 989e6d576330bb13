"""`import_records`: the web's import engine from the command line."""

import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from labdb.accounts.acting import acting_user
from labdb.desk.import_words import ReadingOptions, refuse, say_changes
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_table
from labdb.registry.keys import KeyRing
from labdb.registry.long_work_doors import terminal_work
from labdb.registry.record import Record, all_records, record_for
from labdb.registry.text_tables import TableError


class Command(BaseCommand):
    """Import a table of one record: all rows, or none and every error."""

    help = "Import a CSV, TSV or XLSX file of one record; nothing is stored when any cell is wrong."
    requires_system_checks: list[str] = []  # `make lint` has them; they load what this command never needs

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("record", metavar="RECORD", help="The resource's name, such as mice or si-tests.")
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--study", metavar="CODE", help="The study of rows that name none.")
        parser.add_argument(
            "--map", metavar="COLUMN=FIELD", nargs="+", action="extend", default=[],
            help="The field that a column stands for; an empty FIELD leaves the column out, '*=' every other one that is no field.",
        )  # fmt: skip
        parser.add_argument("--sheet", metavar="NAME", default="", help="The sheet of a workbook that has several.")
        ReadingOptions.declare(parser)
        parser.add_argument("--dry-run", action="store_true", help="Check every cell and store nothing.")
        parser.add_argument("--user", metavar="NAME", help="In whose name; by default labdb's own.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, or print every error on standard error, one line each, and exit with 1."""
        record = _record(options["record"])
        user = acting_user(options["user"])
        try:
            study = _study(options["study"], user)
            data = options["file"].read_bytes()
            with terminal_work(self.stderr):
                report = import_table(
                    record, data, options["file"].name,
                    sheet=options["sheet"], user=user, study=study, mapping=_mapping(options["map"]),
                    reading=ReadingOptions.read(options), reason=options["reason"],
                    dry_run=options["dry_run"],
                )  # fmt: skip
        except (TableError, ValidationError) as error:
            raise CommandError("\n".join(getattr(error, "messages", [str(error)]))) from None
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from None
        self._say(record, report, is_dry=options["dry_run"])

    def _say(self, record: type[Record], report: ImportReport, *, is_dry: bool) -> None:
        if refuse(self.stderr, report, is_dry=is_dry):
            sys.exit(1)
        say_changes(self.stdout, report, is_dry=is_dry)
        if is_dry:
            self.stdout.write(f"{_counted(report.rows, record)} can be imported{_split(report)}; nothing was stored.")
        else:
            self.stdout.write(f"{_counted(report.created, record)} imported{_split(report)}.")


def _split(report: ImportReport) -> str:
    """Say how many rows are stored already; nothing where all are new."""
    if report.created == report.rows:
        return ""
    return f", {report.created:,} new, {report.changed:,} changed, {report.unchanged:,} unchanged"


def _counted(number: int, record: type[Record]) -> str:
    return f"{number:,} {record.model._meta.verbose_name if number == 1 else record.title()}"


def _record(name: str) -> type[Record]:
    writable = [record.resource for record in all_records() if not record.read_only]
    if name not in writable:
        raise CommandError(f"{name} is not a record that can be imported; known are {', '.join(writable)}.")
    return record_for(name)


def _study(code: str | None, user: Any) -> Any:
    if code is None:
        return None
    return KeyRing(user).find(record_for("studies").model, code)


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        column, equals, name = pair.rpartition("=")
        if not equals:
            raise CommandError(f"--map {pair} has no =; write COLUMN=FIELD.")
        mapping[column] = name.strip()
    return mapping
