"""Files between the check and the import: kept beside the data, found again by whoever sent them alone."""

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
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


@dataclass(frozen=True)
class LargeFile:
    """A file that was sent and may be larger than the memory: it is read where it lies, at `path`."""

    name: str
    sha256: str
    sender_id: int
    mapping: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return drafts_folder() / f"{self.sender_id}-{self.sha256}"

    def token(self, mapping: dict[str, str]) -> str:
        """Return the text by which the next request finds this file, to be read as it was checked."""
        return signing.dumps([self.sha256, self.sender_id, self.name, mapping], salt=SALT)

    def loaded(self) -> KeptFile:
        """Return it with its bytes."""
        return KeptFile(self.path.read_bytes(), self.name, self.sha256, self.sender_id, self.mapping)


def keep(data: bytes, name: str, user: Any, mapping: dict[str, str] | None = None) -> KeptFile:
    """Store a file for a day, complete or not at all."""
    kept = keep_large([data], name, user, mapping)
    return KeptFile(data, name, kept.sha256, kept.sender_id, kept.mapping)


def keep_large(chunks: Iterable[bytes], name: str, user: Any, mapping: dict[str, str] | None = None) -> LargeFile:
    """Store a file for a day, complete or not at all, chunk by chunk."""
    digest = hashlib.sha256()
    with _disk_in_words(name):
        folder = drafts_folder()
        _forget_old(folder)
        draft = folder / f"{user.pk}.{os.getpid()}.{time.monotonic_ns()}"
        try:
            with draft.open("wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    file.write(chunk)
            kept = LargeFile(name, digest.hexdigest(), user.pk, mapping or {})
            draft.replace(kept.path)
        finally:
            draft.unlink(missing_ok=True)
    return kept


def recall(token: str, user: Any) -> KeptFile:
    """Return the file of a token; UploadError when it is another's, forged, or was kept too long ago."""
    kept = recall_large(token, user)
    with _disk_in_words(kept.name):
        return kept.loaded()


def recall_large(token: str, user: Any) -> LargeFile:
    """Return the file of a token, unread; UploadError as for `recall`."""
    try:
        sha256, sender_id, name, mapping = signing.loads(token, salt=SALT, max_age=KEPT_S)
    except signing.BadSignature:
        raise UploadError("The file that was checked is no longer kept; choose it again.") from None
    kept = LargeFile(name, sha256, sender_id, mapping)
    with _disk_in_words(name):
        if sender_id != user.pk or not kept.path.is_file():
            raise UploadError(f"{name} is no longer kept; choose it again.")
    return kept


def forget(kept: KeptFile | LargeFile) -> None:
    """Remove a file that was imported."""
    LargeFile(kept.name, kept.sha256, kept.sender_id).path.unlink(missing_ok=True)


@contextmanager
def _disk_in_words(name: str) -> Iterator[None]:
    """Say to the sender what is wrong with the server's disk: full, or not ours to write."""
    try:
        yield
    except OSError as error:
        raise UploadError(
            f"{name} cannot be kept on the server ({error.strerror}); tell a manager, and send it again later."
        ) from error


def _forget_old(folder: Path) -> None:
    oldest = time.time() - KEPT_S
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another request forgets it at the same moment
            if path.stat().st_mtime < oldest:
                path.unlink()
