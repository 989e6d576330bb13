"""Files kept once, under the SHA-256 of their bytes: written whole or not at all, verified whenever they are read."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from django.conf import settings

CHUNK_BYTES = 2**20


class FileProblem(Exception):
    """A file that a record names is not there, or no longer as it was stored; the text is a sentence."""


def drafts_folder() -> Path:
    """Return where files are written before they are kept: on the disk of the files, and cleared of what a kill left there."""
    folder = Path(settings.DATA_DIR) / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def keep_file(chunks: Iterable[bytes]) -> tuple[str, int]:
    """Store a file and return its digest and size (bytes); one that is stored already stays as it is."""
    descriptor, draft = tempfile.mkstemp(dir=drafts_folder(), prefix="attachment.")
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        target = path_of(digest.hexdigest())
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(draft).replace(target)
    finally:
        Path(draft).unlink(missing_ok=True)
    return digest.hexdigest(), size


def open_file(sha256: str) -> IO[bytes]:
    """Return the stored file, its bytes verified; FileProblem when it is missing or damaged."""
    if problem := problem_of(sha256):
        raise FileProblem(problem)
    return path_of(sha256).open("rb")


def problem_of(sha256: str) -> str:
    """Say what is wrong with a stored file; empty when nothing is."""
    digest = hashlib.sha256()
    try:
        with path_of(sha256).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        return f"The file {sha256[:12]} is missing in {settings.MEDIA_ROOT}; restore it from a backup."
    except OSError as error:
        return f"The file {sha256[:12]} cannot be read ({error.strerror}); look at the disk."
    if digest.hexdigest() != sha256:
        return f"The file {sha256[:12]} is not what was stored; restore it from a backup."
    return ""


def path_of(sha256: str) -> Path:
    """Return where the file of this digest lies."""
    return Path(settings.MEDIA_ROOT) / sha256[:2] / sha256
