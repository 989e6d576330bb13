"""`import_counts`: a count matrix into the expression store."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labdb.accounts.acting import acting_user
from labdb.registry.long_work_doors import terminal_work
from labdb.sequencing.column_matching import ColumnMatch, read_sample_map, write_sample_map
from labdb.sequencing.count_cells import CountFileError
from labdb.sequencing.count_form import CountImportForm
from labdb.sequencing.count_import import CountImport, UnmatchedColumns
from labdb.sequencing.readers.estimates import TranscriptGenes, read_transcript_genes


class Command(BaseCommand):
    """Read, check, match and store one file; every error is listed and nothing stored when there is one."""

    help = "Import raw counts: a matrix, or a folder or archive with a file for each sample."
    requires_system_checks: list[str] = []  # `make lint` has them; they load what this command never needs

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the contract's arguments."""
        parser.add_argument("file", type=Path, help="matrix, folder, zip or tar")
        parser.add_argument("--study", required=True, help="code of the study")
        parser.add_argument("--annotation", required=True, help="name and release, such as GENCODE-M25")
        parser.add_argument("--quantifier", default="", help="such as kallisto 0.43")
        parser.add_argument("--genome-build", default="", help="such as GRCm38")
        parser.add_argument("--quantified-by", default="", help="person or core")
        parser.add_argument("--quantified-date", default="", help="such as 2026-03-14")
        parser.add_argument("--format", default="auto", help="auto (by content), or the program that wrote the file")
        parser.add_argument("--strandedness", default="", help="column of STAR's files: unstranded, forward or reverse")
        parser.add_argument("--layer", default="", help="matrix of an h5ad file: X, raw or the name of a layer")
        parser.add_argument("--transcripts", type=Path, help="file with the columns transcript and gene")
        parser.add_argument("--sample-map", type=Path, help="file with the columns name and library")
        parser.add_argument("--write-sample-map", type=Path, help="where to write a sample map to be completed")
        parser.add_argument(
            "--accept-normalized", action="store_true", help="match names that differ in spelling alone; recorded"
        )
        parser.add_argument("--round", action="store_true", help="round estimates to whole counts; recorded")
        parser.add_argument("--transpose", action="store_true", help="the file has samples in rows")
        parser.add_argument("--add-genes", action="store_true", help="add genes that the annotation lacks")
        parser.add_argument(
            "--map-symbols", action="store_true", help="take symbols of the annotation for its genes; recorded"
        )
        parser.add_argument(
            "--sum-duplicates", action="store_true", help="add up counts of a gene on several lines; recorded"
        )
        parser.add_argument("--dry-run", action="store_true", help="check all, store nothing")
        parser.add_argument("--user", help="account that imports; by default labdb's own")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, or print every error and end with 1."""
        user = acting_user(options["user"])
        form = CountImportForm({name: options[name] for name in CountImportForm.base_fields}, user=user)
        if not form.is_valid():
            said = [f"{name}: {sentence}" for name, sentences in form.errors.items() for sentence in sentences]
            raise CommandError("\n".join(said))
        try:
            with terminal_work(self.stderr):
                report = form.run(
                    _readable(options["file"]),
                    options["file"].resolve().name,
                    read_sample_map(options["sample_map"]) if options["sample_map"] else {},
                    dry_run=options["dry_run"],
                    door="command",
                    transcripts=_transcripts(options["transcripts"]),
                )
        except CountFileError as error:
            if isinstance(error, UnmatchedColumns) and options["write_sample_map"]:
                self._write_sample_map(error.match, options["write_sample_map"])
            self._say_errors(error)
            raise SystemExit(1) from None
        self._say(report, options["dry_run"])

    def _write_sample_map(self, match: ColumnMatch, path: Path) -> None:
        try:
            path.write_text(write_sample_map(match))
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"Wrote {path}: complete its column library, and give it as --sample-map.")

    def _say_errors(self, error: CountFileError) -> None:
        for one in error.errors:
            self.stderr.write(one.sentence)
        if error.n_errors > len(error.errors):
            self.stderr.write(f"... and {error.n_errors - len(error.errors):,} more.")
        self.stderr.write("Nothing was stored.")

    def _say(self, report: CountImport, is_dry_run: bool) -> None:
        for note in report.notes:
            self.stdout.write(f"Note: {note}")
        what = f"{report.n_genes:,} genes x {report.n_libraries:,} libraries"
        new = f", {report.n_new_genes:,} genes new to the annotation" if report.n_new_genes else ""
        if is_dry_run:
            self.stdout.write(f"Would import {what}{new}. Nothing was stored.")
        else:
            self.stdout.write(f"Imported {what}{new} as {report.matrix}.")


def _readable(path: Path) -> Path:
    """Return the file or folder, which is read where it is; CommandError where it is not."""
    try:
        if not path.is_dir():
            path.open("rb").close()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    return path


def _transcripts(path: Path | None) -> TranscriptGenes | None:
    if path is None:
        return None
    try:
        return read_transcript_genes(path.read_bytes(), name=path.name)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
