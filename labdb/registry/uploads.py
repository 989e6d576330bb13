"""Files between the check and the import: kept beside the data, found again by whoever sent them alone."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core import signing

from labdb.registry.file_store import drafts_folder

KEPT_S = 24 * 3600  # a check in the evening can be imported the next morning
SALT = "labdb.import"


class UploadError(Exception):
    """Nothing usable was sent; the text is a sentence."""


@dataclass(frozen=True)
class KeptFile:
    """A file that was sent; its token names it, its sender and what its columns are, and cannot be forged."""

    data: bytes
    name: str
    sha256: str
    sender_id: int
    mapping: dict[str, str] = field(default_factory=dict)

    def token(self, mapping: dict[str, str]) -> str:
        """Return the text by which the next request finds this file, to be read as it was checked."""
        return signing.dumps([self.sha256, self.sender_id, self.name, mapping], salt=SALT)


def keep(data: bytes, name: str, user: Any, mapping: dict[str, str] | None = None) -> KeptFile:
    """Store a file for a day, complete or not at all."""
    kept = KeptFile(data, name, hashlib.sha256(data).hexdigest(), user.pk, mapping or {})
    with _disk_in_words(name):
        folder = drafts_folder()
        _forget_old(folder)
        draft = folder / f"{kept.sha256}.{os.getpid()}.{time.monotonic_ns()}"
        draft.write_bytes(data)
        draft.replace(_path(kept.sha256, user.pk))
    return kept


def recall(token: str, user: Any) -> KeptFile:
    """Return the file of a token; UploadError when it is another's, forged, or was kept too long ago."""
    try:
        sha256, sender_id, name, mapping = signing.loads(token, salt=SALT, max_age=KEPT_S)
    except signing.BadSignature:
        raise UploadError("The file that was checked is no longer kept; choose it again.") from None
    with _disk_in_words(name):
        path = _path(sha256, sender_id)
        if sender_id != user.pk or not path.is_file():
            raise UploadError(f"{name} is no longer kept; choose it again.")
        return KeptFile(path.read_bytes(), name, sha256, sender_id, mapping)


def forget(kept: KeptFile) -> None:
    """Remove a file that was imported."""
    _path(kept.sha256, kept.sender_id).unlink(missing_ok=True)


@contextmanager
def _disk_in_words(name: str) -> Iterator[None]:
    """Say to the sender what is wrong with the server's disk: full, or not ours to write."""
    try:
        yield
    except OSError as error:
        raise UploadError(
            f"{name} cannot be kept on the server ({error.strerror}); tell a manager, and send it again later."
        ) from error


def _path(sha256: str, sender_id: int) -> Path:
    return drafts_folder() / f"{sender_id}-{sha256}"


def _forget_old(folder: Path) -> None:
    oldest = time.time() - KEPT_S
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another request forgets it at the same moment
            if path.stat().st_mtime < oldest:
                path.unlink()
