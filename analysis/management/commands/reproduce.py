"""`reproduce RUN`: compute a run again from the records of today, keep nothing, and say what differs; exit 1 if anything does."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from analysis.models import AnalysisRun
from analysis.provenance import words_for
from analysis.reproducing import Reproduction, reproduce
from analysis.result_tables import Differences, key_text
from analysis.stale_reasons import own_reasons
from analysis.staleness import Staleness
from labdb.accounts.acting import acting_user

ROWS_SHOWN = 10


class Command(BaseCommand):
    """Say of each result table whether it is bit-equal, or which rows differ and by how much."""

    help = "Compute a run again without storing anything, and say what differs."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the arguments."""
        parser.add_argument("run", metavar="RUN", help="Number of the run.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reproduce, and print what came of it."""
        number = options["run"]
        run = AnalysisRun.objects.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 19 else None
        if run is None:
            raise CommandError(f"There is no run {number}; the page Analysis lists all.")
        try:
            found = reproduce(run, self._tell if sys.stderr.isatty() else None)
        except ValueError as error:
            raise CommandError(str(error)) from None
        same = f", whose results are those of run {found.run.pk}" if found.run != run else ""
        self.stdout.write(f"Run {run.pk} ({run.task}, {run.study}){same}, computed again from the records of today.")
        for line in (*self._origins(found), *_results(found)):
            self.stdout.write(line)
        if not found.is_bit_equal:
            raise CommandError("The results differ." if not found.problem else "It could not be computed again.")
        self.stdout.write("All results are bit-equal.")

    def _tell(self, done: int, total: int, doing: str) -> None:
        share = f"{100 * done // total:3d} %" if total else "     "
        self.stderr.write(f"\r{share}  {doing[:70]:70}", ending="")
        self.stderr.flush()

    def _origins(self, found: Reproduction) -> list[str]:
        """Return what is said of inputs, code and packages."""
        lines = []
        if found.changed_parts is None:
            lines.append("Inputs: not kept by this run (an earlier version of the program made it).")
        elif found.changed_parts:
            lines.append(f"Inputs changed: {words_for(found.changed_parts)}.")
            stale = Staleness(found.run, tuple(found.changed_parts))
            reasons = own_reasons([stale], acting_user(None))[found.run.pk]
            lines += [f"  {reason.sentence}" for reason in reasons]
        else:
            lines.append("Inputs: the same.")
        now = settings.CODE_VERSION
        code = "the same" if found.is_same_code else f"another ({found.run.code_version} then, {now} now)"
        return [*lines, f"Code that computes: {code}.", f"Packages: {'; '.join(found.packages) or 'the same'}."]


def _results(found: Reproduction) -> list[str]:
    if found.problem:
        return [f"Not computed: {found.problem}"]
    return [line for name, one in found.tables.items() for line in _table(name, one)]


def _table(name: str, one: Differences) -> list[str]:
    if one.are_equal:
        return [f"{name}: {one.n_new:,} rows, bit-equal (SHA-256 {one.digest_new[:16]}…)."]
    n_changed = one.changed.index.nunique()
    lines = [f"{name}: {one.n_old:,} rows then, {one.n_new:,} now; {n_changed:,} with other values."]
    lines += [f"  no more: {key_text(key)}" for key in one.gone.index[:ROWS_SHOWN]]
    lines += [f"  only now: {key_text(key)}" for key in one.new.index[:ROWS_SHOWN]]
    for column, n, largest in one.by_column():
        by = f", by at most {largest:.3g}" if largest is not None else ""
        lines.append(f"  {column}: {n:,} rows{by}")
    for key, row in one.changed.head(ROWS_SHOWN).iterrows():
        lines.append(f"  {key_text(key)}: {row['column']} {row['old']} → {row['new']}")
    return lines
