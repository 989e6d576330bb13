"""What the commands that import say and ask, in one place."""

from typing import Any

from django.core.management.base import CommandParser, OutputWrapper

from labdb.registry.dates import DAY_FIRST, MONTH_FIRST
from labdb.registry.form_fields import Reading
from labdb.registry.import_report import ImportReport, RowChange
from labdb.registry.numbers import COMMA, POINT

ANSWERS = {
    "date_order": f"Say which comes first in the days of this file: --dates {DAY_FIRST} or --dates {MONTH_FIRST}.",
    "decimal_mark": f"Say what stands before the decimals of this file: --decimals {COMMA} or --decimals {POINT}.",
}


class ReadingOptions:
    """The options that say how a file is written, and why it is stored in spite of warnings."""

    @staticmethod
    def declare(parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--dates", choices=[DAY_FIRST, MONTH_FIRST], default="", help="How the file writes days such as 3/4/2026."
        )
        parser.add_argument(
            "--decimals", choices=[COMMA, POINT], default="", help="What stands before decimals, as in 1,234."
        )
        parser.add_argument(
            "--reason", metavar="TEXT", default="", help="Why to store in spite of warnings; the history keeps it."
        )

    @staticmethod
    def read(options: dict[str, Any]) -> Reading:
        """Return how the file is written."""
        return Reading(options["dates"], options["decimals"])


def refuse(stderr: OutputWrapper, report: ImportReport, *, is_dry: bool) -> bool:
    """Print notes, and what keeps the file out; return whether anything does."""
    for note in report.notes:
        stderr.write(note)
    if not report.errors and (is_dry or not report.lacks_reason):
        return False
    for refusal in report.refusals():
        stderr.write(str(refusal))
    if report.lacks_reason:
        stderr.write('Nothing was stored; read the warnings, then give a reason (--reason "TEXT").')
    for question in sorted(report.questions):
        stderr.write(ANSWERS[question])
    return True


def say_changes(stdout: OutputWrapper, report: ImportReport, *, is_dry: bool) -> None:
    """Print what was left out and, of a check, the warnings and each old -> new value."""
    if report.ignored:
        names = ", ".join(dict.fromkeys(report.ignored))
        stdout.write(f"Left out, because the database fills them or you said so: {names}.")
    if is_dry:
        for warning in report.warnings:
            stdout.write(f"warning: {warning}")
        for change in report.changes:
            stdout.write(f"line {change.line}, {change.name}: {_differences(change)}")


def _differences(change: RowChange) -> str:
    return ", ".join(f"{one.field} {one.old or '(empty)'} -> {one.new or '(empty)'}" for one in change.differences)
