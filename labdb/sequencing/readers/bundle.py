"""Several files sent as one: a folder, an archive (zip, tar, tar.gz), or files chosen together."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from labdb.registry.text_streams import CHUNK_BYTES, GZIP_MAGIC, Source, TableError
from labdb.registry.text_tables import unpack

MAX_MEMBERS = 20_000  # two files for each of 10,000 samples
ZIP_MAGIC = b"PK\x03\x04"
ZIP_MAGICS = (ZIP_MAGIC, b"PK\x05\x06")  # the second is an archive of nothing
WORKBOOK_PART = "[Content_Types].xml"  # every XLSX has it
TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
START_BYTES = 4096  # of a packed tar, enough to see the magic
LITTER = re.compile(r"(^|/)(__MACOSX/|\.[^/]+|Thumbs\.db$|desktop\.ini$)")  # what file managers leave in a folder
CLIMBS = re.compile(r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)")


@dataclass(frozen=True)
class Member:
    """One file of a bundle; ``path`` is relative, with slashes."""

    path: str
    content: bytes


@dataclass(frozen=True)
class Bundle:
    """Files that belong together, in the order of their paths."""

    name: str
    members: tuple[Member, ...]

    @classmethod
    def of(cls, name: str, members: Iterable[Member]) -> Bundle:
        """Put files together in the order of their paths."""
        kept = [member for member in members if not LITTER.search(member.path)]
        if not kept:
            raise TableError(f"{name} holds no files; send the count files of your samples.")
        return cls(name, tuple(sorted(kept, key=lambda member: member.path)))

    @property
    def sha256(self) -> str:
        """Digest of names and contents: the same for a folder, its archive, and one packed in another order.

        The folders that all files lie in are left out: an archive has them or not.
        """
        inside = _common_folder([member.path for member in self.members])
        digest = hashlib.sha256()
        for member in self.members:
            digest.update(f"{hashlib.sha256(member.content).hexdigest()} {member.path[inside:]}\n".encode())
        return digest.hexdigest()


def read_folder(folder: Path, max_bytes: int) -> Bundle:
    """Read all files below a folder."""
    folder = folder.resolve()  # "." has no name
    paths = _files_below(folder)
    n_bytes = sum(path.stat().st_size for path in paths)
    if n_bytes > max_bytes:
        raise TableError(f"{folder.name} holds more than {max_bytes:,} bytes; leave out all but the count files.")
    try:
        members = [Member(_path_in(folder, path), path.read_bytes()) for path in paths]
    except OSError as error:
        raise TableError(f"{Path(error.filename).name} cannot be read: {error.strerror}.") from None
    return Bundle.of(folder.name, members)


def open_archive(file: Source, name: str, max_bytes: int) -> Bundle | None:
    """Return the files of an archive; None for what is no archive (an Excel workbook is none).

    Raises
    ------
    TableError
        Damaged or cut short, protected, beyond all reason when unpacked, or with paths that leave its folder.
    """
    start = _start(file, name)
    if start.startswith(ZIP_MAGICS):
        return _open_zip(_content(file, name), name, max_bytes)
    if start.startswith(GZIP_MAGIC) and _is_tar(_gunzipped_start(start)):
        return _open_tar(unpack(_content(file, name), name, max_bytes), name, max_bytes)
    return _open_tar(_content(file, name), name, max_bytes) if _is_tar(start) else None


def _start(file: Source, name: str) -> bytes:
    if isinstance(file, bytes):
        return file[:START_BYTES]
    if isinstance(file, Path):
        return _content(file, name, START_BYTES)
    file.seek(0)
    return file.read(START_BYTES)


def _content(file: Source, name: str, n_bytes: int = -1) -> bytes:
    if isinstance(file, bytes):
        return file
    if isinstance(file, Path):
        try:
            with file.open("rb") as opened:
                return opened.read(n_bytes)
        except OSError as error:
            raise TableError(f"{name} cannot be read: {error.strerror}.") from None
    file.seek(0)
    return file.read()


def pack(files: Iterable[tuple[str, IO[bytes]]], target: IO[bytes]) -> None:
    """Pack files that were chosen together into one archive, to be kept as one; TableError if two share a name."""
    seen: set[str] = set()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, file in files:
            if name in seen:
                raise TableError(
                    f"Two of the files are named {name}; rename one, or send their folder as a zip archive."
                )
            seen.add(name)
            with archive.open(name, "w", force_zip64=True) as member:
                shutil.copyfileobj(file, member, CHUNK_BYTES)


def pack_folder(folder: Path, target: IO[bytes]) -> None:
    """Pack all files below a folder into one archive, by their paths in it."""
    folder = folder.resolve()  # "." has no name
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in _files_below(folder):
            with path.open("rb") as file, archive.open(_path_in(folder, path), "w", force_zip64=True) as member:
                shutil.copyfileobj(file, member, CHUNK_BYTES)


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _path_in(folder: Path, path: Path) -> str:
    return path.relative_to(folder.parent).as_posix()


def _open_zip(content: bytes, name: str, max_bytes: int) -> Bundle | None:
    damaged = f"{name} is a zip archive or Excel workbook that is damaged or was cut short; copy or download it again."
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if any(info.filename == WORKBOOK_PART for info in infos):
                return None
            if any(info.flag_bits & 1 for info in infos):
                raise TableError(f"{name} is protected by a password; pack it without one.")
            if sum(info.file_size for info in infos) > max_bytes:
                raise _too_large(name, max_bytes)
            return Bundle.of(name, _members(name, ((i.filename, archive.open(i)) for i in infos), max_bytes))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError):
        raise TableError(damaged) from None


def _open_tar(content: bytes, name: str, max_bytes: int) -> Bundle:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            infos = [info for info in archive if not info.isdir()]
            if others := [info.name for info in infos if not info.isfile()]:
                raise TableError(f"{name} holds {others[0]}, which is a link or device; pack the files themselves.")
            return Bundle.of(name, _members(name, ((i.name, archive.extractfile(i)) for i in infos), max_bytes))
    except (tarfile.TarError, EOFError, OSError, ValueError):
        raise TableError(
            f"{name} is a tar archive that is damaged or was cut short; copy or download it again."
        ) from None


def _members(name: str, files: Iterable[tuple[str, object]], max_bytes: int) -> Iterator[Member]:
    left = max_bytes
    seen: set[str] = set()
    for number, (path, file) in enumerate(files, start=1):
        if CLIMBS.search(path):
            raise TableError(
                f"{name} holds the path {path!r}, which leads out of the archive; pack it again with relative paths."
            )
        if path in seen:
            raise TableError(f"{name} holds {path!r} twice; pack it again.")
        if number > MAX_MEMBERS:
            raise TableError(f"{name} holds more than {MAX_MEMBERS:,} files; send the count files only.")
        seen.add(path)
        content: bytes = file.read(left + 1)  # type: ignore[attr-defined]  # a header may understate the size
        left -= len(content)
        if left < 0:
            raise _too_large(name, max_bytes)
        yield Member(str(PurePosixPath(path.replace("\\", "/"))), content)


def _too_large(name: str, max_bytes: int) -> TableError:
    return TableError(f"{name} unpacks to more than {max_bytes:,} bytes; send the count files only, or split it.")


def _gunzipped_start(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, START_BYTES)
    except zlib.error:
        return b""


def _is_tar(content: bytes) -> bool:
    return content[TAR_MAGIC_AT : TAR_MAGIC_AT + len(TAR_MAGIC)] == TAR_MAGIC


def _common_folder(paths: list[str]) -> int:
    """Return how many leading characters are the folder that all paths share."""
    folders = [PurePosixPath(path).parts[:-1] for path in paths]
    shared = 0
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared += 1
    return sum(len(part) + 1 for part in folders[0][:shared])
