"""`verify_counts`: read every stored block of counts, and name those that are damaged or contradict each other."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from labdb.sequencing.count_originals import original_problems
from labdb.sequencing.count_verify import check_matrix
from labdb.sequencing.models import CountMatrix


class Command(BaseCommand):
    """Verify the expression store."""

    help = "Read every block of counts and every original file, and name those that are damaged or differ."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare which matrices; by default all."""
        parser.add_argument("--study", default="", help="code of a study")
        parser.add_argument("--matrix", default="", help="code of a count matrix")

    def handle(self, *args: Any, **options: Any) -> None:
        """List what is wrong; exit 1 if anything is."""
        matrices = matrices_named(options["matrix"], options["study"])
        problems = [
            sentence
            for matrix in matrices
            for sentence in (*check_matrix(matrix).sentences(), *original_problems(matrix))
        ]
        if problems:
            raise CommandError("\n".join(problems))
        n_libraries, n_genes = (
            sum(getattr(matrix, name) for matrix in matrices) for name in ("n_libraries", "n_genes")
        )
        n_originals = sum(bool(matrix.original_sha256) for matrix in matrices)
        self.stdout.write(
            f"Count matrices that are whole: {len(matrices):,}. Blocks that say the same: {n_libraries:,} of libraries, "
            f"{n_genes:,} of genes. Original files as they were sent: {n_originals:,}."
        )


def matrices_named(code: str, study: str) -> list[CountMatrix]:
    """Return the matrices of a code, of a study, or all; CommandError where there is none of that name."""
    matrices = CountMatrix.objects.select_related("study").order_by("study__code", "code")
    known = list(matrices)
    found = [one for one in known if code in ("", one.code) and study in ("", one.study.code)]
    if not found and (code or study):
        there_are = ", ".join(f"{one.study} {one}" for one in known) or "none"
        raise CommandError(f"There is no count matrix {f'{study} {code}'.strip()}; there are: {there_are}.")
    return found
