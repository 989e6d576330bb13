"""Backup and restore: the whole database and its files in one tar, verified. Knows no Django.

Members: `database.dump` (pg_dump's custom format), `files/...`, and at the end `manifest.json` with the digest of
every member and the rows of every table: an archive cut short has none.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

import psycopg
from psycopg import pq, sql

from labdb.postgres import app_role_statements, client_environment, find_binaries

FORMAT = 1
DUMP, MANIFEST, FILES = "database.dump", "manifest.json", "files"
CHUNK_BYTES = 2**20
LOCK_LIMIT = "30s"  # how long backup and restore wait for somebody who holds a table

TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname
"""
# What extensions brought stays; the rest of the schema goes, whoever depends on whom.
DROP_ALL = """
DO $$
DECLARE command text;
BEGIN
  FOR command IN
    SELECT format('DROP %s IF EXISTS public.%I CASCADE',
        CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                     WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, relname)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (
        SELECT FROM pg_depend WHERE objid = pg_class.oid  -- an identity column's sequence goes with its column
          AND (deptype = 'e' OR (deptype = 'i' AND relkind = 'S')))
    UNION ALL
    SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    UNION ALL
    SELECT format('DROP TYPE IF EXISTS %s CASCADE', oid::regtype)
    FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_type.oid AND deptype = 'e')
  LOOP EXECUTE command; END LOOP;
END $$;
"""


class ArchiveError(Exception):
    """A backup cannot be made, read or restored; the message says why and what to do."""


def connection_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of Django's connection parameters that PostgreSQL's own programs know, too."""
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    return {keyword: value for keyword, value in parameters.items() if keyword in known}


# ---- backup ----


def write_archive(target: Path, parameters: Mapping[str, Any], files: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write the database and the folder of files to `target`, all or nothing, and return the manifest.

    The server may be in use: dump and row counts are of one snapshot. `about` is put into the manifest.
    """
    if not target.parent.is_dir():
        raise ArchiveError(f"The folder {target.parent} does not exist; make it first.")
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    dump = target.with_name(f".{target.name}.{os.getpid()}.dump")
    try:
        manifest = {"format": FORMAT, "made_at": datetime.now(UTC).isoformat(), **about, **_dump(dump, parameters)}
        with draft.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)  # password hashes and allocation keys are inside
            _write_members(file, dump, files, manifest)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        _sync_folder(target.parent)
    except (OSError, psycopg.Error) as error:
        raise ArchiveError(f"The backup could not be written to {target}: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
        dump.unlink(missing_ok=True)
    return manifest


def _dump(dump: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Dump the database; return PostgreSQL's major version and the rows per table of the same snapshot."""
    with psycopg.connect(**parameters) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        snapshot = row[0] if row else ""
        major = connection.info.server_version // 10_000
        command = [find_binaries(major).program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
        command += [f"--snapshot={snapshot}", f"--lock-wait-timeout={LOCK_LIMIT}", f"--file={dump}"]
        dump.touch(mode=0o600)
        made = subprocess.run(command, env=client_environment(parameters), capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise ArchiveError(f"The database could not be dumped: {made.stderr.strip()}")
        return {"postgres_major": major, "tables": _count_rows(connection)}


def _count_rows(connection: psycopg.Connection[Any]) -> dict[str, int]:
    counts = {}
    for (table,) in connection.execute(TABLES).fetchall():
        counted = connection.execute(sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(table))).fetchone()
        counts[table] = counted[0] if counted else 0
    return counts


def _write_members(file: IO[bytes], dump: Path, files: Path, manifest: dict[str, Any]) -> None:
    manifest["members"] = {}
    stored = sorted(path for path in files.rglob("*") if path.is_file()) if files.is_dir() else []
    named = [(DUMP, dump)] + [(f"{FILES}/{path.relative_to(files).as_posix()}", path) for path in stored]
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in named:
            with path.open("rb") as content:
                member = tarfile.TarInfo(name)
                member.size, member.mtime = path.stat().st_size, int(path.stat().st_mtime)
                hashed = _HashingReader(content)
                tar.addfile(member, hashed)
                manifest["members"][name] = hashed.digest.hexdigest()
        with tempfile.TemporaryFile() as text:
            text.write(json.dumps(manifest, indent=1).encode())
            member = tarfile.TarInfo(MANIFEST)
            member.size = text.tell()
            text.seek(0)
            tar.addfile(member, text)


class _HashingReader:
    """Reads a file and digests what was read, so that the digest is of the very bytes that were stored."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self.file.read(size)
        self.digest.update(chunk)
        return chunk


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# ---- restore ----


@contextmanager
def opened_archive(source: Path, scratch: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Unpack an archive into a folder inside `scratch`, verify every digest, and give folder and manifest."""
    with (scratch / "restore.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiveError(f"Another restore into {scratch} is running; let it end.") from None
        for leftover in scratch.glob("restoring-*"):
            shutil.rmtree(leftover, ignore_errors=True)  # of a restore that was killed
        unpacked = Path(tempfile.mkdtemp(prefix="restoring-", dir=scratch))
        try:
            yield unpacked, _unpack(source, unpacked)
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)


def verify_archive(source: Path, scratch: Path) -> dict[str, Any]:
    """Read a backup back, every byte of it, and return its manifest; ArchiveError where it could not be restored."""
    with opened_archive(source, scratch) as (unpacked, manifest):
        reader = find_binaries(manifest["postgres_major"]).program("pg_restore")
        read = subprocess.run(
            [reader, "--file=/dev/null", str(unpacked / DUMP)], capture_output=True, text=True, check=False
        )
    if read.returncode != 0:
        raise ArchiveError(f"{source} holds a dump that cannot be read: {read.stderr.strip()}")
    return manifest


def _unpack(source: Path, unpacked: Path) -> dict[str, Any]:
    broken = f"{source} is not a whole labdb backup"
    remedy = "Nothing was changed; use another backup."
    found = {}
    try:
        with tarfile.open(source, "r:") as tar:
            for member in tar:
                if not member.isfile() or not _is_expected(member.name):
                    raise ArchiveError(f"{broken}: {member.name!r} does not belong there. {remedy}")
                found[member.name] = _extract(tar, member, unpacked / member.name)
        manifest = json.loads((unpacked / MANIFEST).read_text())
        expected, _ = manifest["members"], manifest["tables"]
    except FileNotFoundError as error:
        if not source.exists():
            raise ArchiveError(f"There is no file {source}.") from error
        raise ArchiveError(f"{broken}: its end is missing. {remedy}") from error
    except (tarfile.TarError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{broken}: {error}. {remedy}") from error
    if manifest.get("format") != FORMAT:
        raise ArchiveError(f"{source} has format {manifest.get('format')}; this labdb reads {FORMAT}. Use a newer one.")
    found.pop(MANIFEST)
    wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    if wrong:
        raise ArchiveError(f"{broken}: {', '.join(wrong[:3])} differ from what was backed up. {remedy}")
    return dict(manifest)


def _is_expected(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return name in (DUMP, MANIFEST) or (len(parts) > 1 and parts[0] == FILES and ".." not in parts)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    if content is None:  # a folder or a link; ruled out by the caller
        raise ArchiveError(f"{member.name!r} cannot be read.")
    digest = hashlib.sha256()
    with content, target.open("wb") as file:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def restore_archive(
    unpacked: Path,
    manifest: Mapping[str, Any],
    parameters: Mapping[str, Any],
    files: Path,
    *,
    app_role: str,
    replace: bool = False,
) -> None:
    """Put database and files back, all or nothing; `parameters` are the owner's.

    The database is restored, counted and given its rights in one transaction, which a failure or a kill rolls back.
    """
    with psycopg.connect(**parameters) as connection:
        tables = _count_rows(connection)
        major = connection.info.server_version // 10_000
    if tables and not replace:
        largest = max(tables, key=lambda table: tables[table])
        raise ArchiveError(
            f"The database is not empty: {len(tables)} tables, {tables[largest]} rows in {largest}. "
            "Back it up, then restore with --replace, which discards what it holds; or set LABDB_DATA_DIR "
            "to an empty folder."
        )
    if manifest["postgres_major"] > major:
        raise ArchiveError(
            f"The backup is of PostgreSQL {manifest['postgres_major']}, the server is {major}: it cannot be read by "
            "an older one. Restore into a server of the same version."
        )
    with _files_in_place(unpacked / FILES, files, replace):
        _restore_database(unpacked / DUMP, manifest["tables"], parameters, major, app_role, replace)
    with psycopg.connect(**parameters, autocommit=True) as connection:
        connection.execute("ANALYZE")


@contextmanager
def _files_in_place(source: Path, files: Path, replace: bool) -> Iterator[None]:
    """Add the missing files first, the database then; change and discard only once that is committed.

    Files are named by their content, so at no moment does the database name a file that is not there.
    """
    restored = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else []
    targets = {path: files / path.relative_to(source) for path in restored}
    added = [path for path in restored if not targets[path].exists()]
    before = {path for path in files.rglob("*") if path.is_file()} if files.is_dir() else set()
    try:
        for path in added:
            targets[path].parent.mkdir(parents=True, exist_ok=True)
            path.replace(targets[path])
        yield
    except ArchiveError:  # after a kill in between they stay: the database may have been committed
        for path in added:
            targets[path].unlink(missing_ok=True)
        raise
    for path in set(restored) - set(added):
        path.replace(targets[path])
    if replace:
        for path in before - set(targets.values()):
            path.unlink(missing_ok=True)


def _restore_database(
    dump: Path,
    tables: Mapping[str, int],
    parameters: Mapping[str, Any],
    major: int,
    app_role: str,
    replace: bool,
) -> None:
    """Let psql run pg_restore's script between our own BEGIN and COMMIT: without the COMMIT nothing happened."""
    programs = find_binaries(major)
    script = [programs.program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(dump)]
    runner = [programs.program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]
    opening = f"BEGIN;\nSET LOCAL lock_timeout = '{LOCK_LIMIT}';\nSET LOCAL client_min_messages = 'warning';\n"
    opening += DROP_ALL if replace else ""
    grants = app_role_statements(app_role) if app_role and app_role != parameters.get("user") else []
    closing = _count_check(tables) + "".join(f"{statement};\n" for statement in grants) + "COMMIT;\n"
    with tempfile.TemporaryFile() as said:
        psql = subprocess.Popen(
            runner,
            env=client_environment(parameters),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        reader = subprocess.Popen(script, stdout=subprocess.PIPE, stderr=said)
        assert psql.stdin is not None and reader.stdout is not None  # both were asked for
        try:
            with psql.stdin as session, reader:
                session.write(opening.encode())
                shutil.copyfileobj(reader.stdout, session, CHUNK_BYTES)
                if reader.wait() == 0:
                    session.write(closing.encode())
        except BrokenPipeError:
            pass  # psql stopped at an error and has said which
        finally:
            psql.wait()
        if psql.returncode != 0 or reader.returncode != 0:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            remedy = " Stop labdb (Ctrl-C) and try again." if "lock timeout" in "".join(lines) else ""
            raise ArchiveError("The backup was not restored and nothing was changed: " + "; ".join(lines[:4]) + remedy)


def _count_check(tables: Mapping[str, int]) -> str:
    """Return SQL that fails unless the tables hold exactly the rows that were backed up."""
    check = "IF (SELECT count(*) FROM public.{}) <> {} THEN RAISE EXCEPTION '%', {}; END IF;"
    checks = [
        sql.SQL(check)
        .format(sql.Identifier(table), rows, f"table {table} does not hold the {rows} rows that were backed up")
        .as_string(None)
        for table, rows in tables.items()
    ]
    return "DO $check$ BEGIN\n" + "\n".join(checks) + "\nEND $check$;\n"
