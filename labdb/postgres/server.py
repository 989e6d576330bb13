"""The life of the embedded server: made, started and stopped by one process at a time."""

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from labdb.postgres.binaries import (
    REMEDY,
    Binaries,
    PostgresError,
    binaries_for_account,
    can_reach,
    find_binaries,
    quiet_environment,
    run_as,
    server_account,
)
from labdb.postgres.places import CLUSTER, SHARED_HOME, ServerAddress, server_address
from labdb.postgres.processes import (
    FAST_THEN_HARD,
    POLL_S,
    clear_remains,
    end_process,
    find_postmaster,
    has_lost_its_socket,
    is_alive,
    start_postmaster,
)
from labdb.postgres.roles import SUPERUSER, prepare_roles

START_LIMIT_S = 300.0  # a server that replays its log after a crash is not to be disturbed
STOP_LIMIT_S = 30.0
START_ATTEMPTS = 6
LOG_LIMIT_BYTES = 10 * 2**20
OWN_FILES = {"secret_key", "postgres.lock"}  # tell a data folder of labdb from somebody's folder


def ensure_running(folder: Path) -> ServerAddress:
    """Return the address of this folder's server, made and started first where needed."""
    address = server_address(folder)
    if not _answers(address):
        account = server_account(folder / CLUSTER)
        _make_data_folder(folder, account)
        with _locked(folder):
            if not _answers(address):  # another starter may have been faster
                _bring_up(folder.resolve(), address, account)
    return address


def is_running(folder: Path) -> bool:
    """Tell whether labdb's database answers: a real connection, never a pid."""
    return _answers(server_address(folder))


def stop(folder: Path, limit_s: float = STOP_LIMIT_S) -> None:
    """Stop this folder's server: sessions are ended, committed work is safe. Nothing happens if none runs."""
    if not folder.exists():
        return
    with _locked(folder):
        if postmaster := find_postmaster(folder.resolve() / CLUSTER):
            end_process(postmaster, FAST_THEN_HARD, limit_s)


def _answers(address: ServerAddress) -> bool:
    try:
        address.connect().close()
    except psycopg.OperationalError as error:
        return "too many clients" in str(error) or "connection slots" in str(error)
    return True


def _make_data_folder(folder: Path, account: pwd.struct_passwd | None) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PostgresError(
            f"The data folder {folder} cannot be made: {error.strerror}. Set LABDB_DATA_DIR to a folder of your own."
        ) from error
    if account:  # let it pass through, not list, what labdb made; folders above stay as they are
        inside = {path.name for path in folder.iterdir()}
        own = [folder] if not inside or inside & OWN_FILES else []
        for made in own + ([SHARED_HOME] if folder.parent == SHARED_HOME else []):
            made.chmod(made.stat().st_mode | 0o011)
    if not can_reach(folder.resolve(), account):
        name = account.pw_name if account else "of this process"
        raise PostgresError(
            f"Root runs PostgreSQL as the account {name}, which cannot reach {folder}. Set LABDB_DATA_DIR "
            f"to a folder that it can reach, such as {SHARED_HOME}, or start labdb as an ordinary user."
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time make, start or stop the server; the kernel frees the lock of a killed one."""
    try:
        file = (folder / "postgres.lock").open("a")
    except OSError as error:
        raise PostgresError(_not_ours(folder)) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _not_ours(path: Path) -> str:
    owner = pwd.getpwuid(path.stat().st_uid).pw_name
    return (
        f"{path} belongs to the user {owner}, and cannot be used by {pwd.getpwuid(os.geteuid()).pw_name}. "
        f"Start labdb as {owner}, or set LABDB_DATA_DIR to a folder of your own."
    )


def _bring_up(folder: Path, address: ServerAddress, account: pwd.struct_passwd | None) -> None:
    cluster = folder / CLUSTER
    binaries = binaries_for_account(find_binaries(_major_on_disk(cluster)), account, folder)
    if not (cluster / "PG_VERSION").exists():
        _initialize(cluster, binaries, account)
    if address.socket_folder != cluster:
        _make_socket_folder(address.socket_folder, account)
    log = folder / "postgres.log"
    log_start = _open_log(log)
    starter, attempts = None, 0
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if prepare_roles(address):
            return
        postmaster = find_postmaster(cluster)
        if postmaster and has_lost_its_socket(cluster, address):
            end_process(postmaster, FAST_THEN_HARD, STOP_LIMIT_S)
        elif not postmaster and (starter is None or not is_alive(starter)):
            if attempts == START_ATTEMPTS:
                break
            time.sleep(0.2 * attempts)  # what a killed server left behind may need a moment to go
            attempts += 1
            clear_remains(cluster, address)
            starter = start_postmaster(binaries, cluster, address, account, log)
        time.sleep(POLL_S)
    said = log.read_text(errors="replace")[log_start:].strip().splitlines()[-6:]
    raise PostgresError(
        f"The embedded PostgreSQL {binaries.version} in {cluster} did not start. Its log, {log}, ends:\n  "
        + "\n  ".join(said)
        + f"\nMend what it names, or {REMEDY}"
    )


def _major_on_disk(cluster: Path) -> int | None:
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        if cluster.exists() and any(cluster.iterdir()):
            raise PostgresError(
                f"{cluster} holds files, but no PostgreSQL data (PG_VERSION is missing). "
                "Move that folder away, or set LABDB_DATA_DIR to another one."
            ) from None
        return None
    except PermissionError:
        raise PostgresError(_not_ours(cluster)) from None


def _initialize(cluster: Path, binaries: Binaries, account: pwd.struct_passwd | None) -> None:
    """Make the server's folder under another name and rename it: a killed initdb leaves nothing half-made."""
    for leftover in cluster.parent.glob("postgres.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # an orphaned initdb may still write; the next start tries again
    draft = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=cluster.parent))
    if account:
        os.chown(draft, account.pw_uid, account.pw_gid)
    command = [binaries.program("initdb"), "-D", str(draft), f"--username={SUPERUSER}", "--auth=trust"]
    command += ["--locale=C.UTF-8", "--encoding=UTF8", "--data-checksums"]
    made = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd="/",
        env=quiet_environment(),
        check=False,
        **run_as(account),
    )
    if made.returncode != 0:
        shutil.rmtree(draft, ignore_errors=True)
        raise PostgresError(f"PostgreSQL's initdb failed: {made.stderr.strip()}\nMend what it names, or {REMEDY}")
    draft.rename(cluster)


def _make_socket_folder(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Make the private folder in /tmp; one that somebody else put there is not trusted."""
    user_id = account.pw_uid if account else os.geteuid()
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        os.chown(folder, user_id, -1)
    found = folder.lstat()
    if found.st_uid != user_id or folder.is_symlink() or not folder.is_dir() or found.st_mode & 0o077:
        raise PostgresError(
            f"The path of the data folder is too long for a Unix socket, and {folder}, which would replace "
            "it, is not private to the server. Remove it, or set LABDB_DATA_DIR to a shorter path."
        )


def _open_log(log: Path) -> int:
    """Return where this start's lines will begin; a log grown large is begun anew."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.old"))
    log.touch(mode=0o600)
    return len(log.read_text(errors="replace"))
