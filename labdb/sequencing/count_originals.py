"""The file of counts as it was sent: kept once under its digest, given out, and verified."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from labdb.registry.file_store import FileProblem, keep_file, open_file, problem_of
from labdb.registry.page_context import PageContext
from labdb.registry.text_streams import Source, digest_of, told_chunks
from labdb.sequencing.count_spool import disk_in_words, temporary_file
from labdb.sequencing.models import CountMatrix
from labdb.sequencing.readers.bundle import ZIP_MAGIC, pack_folder

ARCHIVE = ".zip"


@dataclass(frozen=True)
class Original:
    """A file on its way into the store; a folder as an archive of it."""

    source: Source
    name: str
    sha256: str

    def keep(self) -> None:
        """Store it; CountFileError where the disk cannot take it."""
        with disk_in_words():
            keep_file(told_chunks(self.source, self.name, "keeping"))


@contextmanager
def original_of(content: Source, name: str) -> Iterator[Original]:
    """Give the file as it is to be kept."""
    if not (isinstance(content, Path) and content.is_dir()):
        yield Original(content, name, digest_of(content, name))
        return
    with temporary_file() as packed:
        with disk_in_words():
            pack_folder(content, packed)
        yield Original(packed, name, digest_of(packed, name))


def original_problems(matrix: CountMatrix) -> list[str]:
    """Say what is wrong with the kept file of a matrix; nothing of one imported before files were kept."""
    problem = problem_of(matrix.original_sha256) if matrix.original_sha256 else ""
    return [f"{matrix.study} {matrix}: its original {matrix.file_name}: {problem}"] if problem else []


@require_safe
def count_original(request: HttpRequest, pk: int) -> FileResponse:
    """Send the file to whoever may see its matrix."""
    matrix: CountMatrix = PageContext.of(request, "count-matrices").row_or_404(pk)
    if not matrix.original_sha256:
        raise Http404(f"The original of {matrix} was not kept; it was imported before files were.")
    try:
        content = open_file(matrix.original_sha256)
    except FileProblem as problem:
        raise Http404(str(problem)) from None
    answer = FileResponse(
        content, as_attachment=True, filename=_name_of(matrix, content), content_type="application/octet-stream"
    )
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "private, no-cache"
    return answer


def _name_of(matrix: CountMatrix, content: IO[bytes]) -> str:
    """Return its name; a folder went in as an archive."""
    is_archive = content.read(len(ZIP_MAGIC)) == ZIP_MAGIC
    content.seek(0)
    is_called_so = matrix.file_name.lower().endswith(ARCHIVE)
    return f"{matrix.file_name}{ARCHIVE}" if is_archive and not is_called_so else matrix.file_name
