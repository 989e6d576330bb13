"""The server as processes: started, found, ended; what lives and what only seems to."""

import pwd
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from labdb.postgres.binaries import Binaries, quiet_environment, run_as
from labdb.postgres.places import ServerAddress

POLL_S = 0.02
ORPHAN_LIMIT_S = 5.0  # a backend without its postmaster has nothing to finish
FAST_THEN_HARD = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)  # end sessions; abort; kill


def start_postmaster(
    binaries: Binaries, cluster: Path, address: ServerAddress, account: pwd.struct_passwd | None, log: Path
) -> int:
    """Start the server as nobody's child, so that it outlives us and is never our zombie; return its pid."""
    command = [binaries.program("postgres"), "-D", str(cluster), "-p", str(address.port)]
    command += ["-c", "listen_addresses=", "-c", f"unix_socket_directories={address.socket_folder}"]
    command += ["-c", "unix_socket_permissions=0700"]
    with log.open("ab") as lines:
        shell = subprocess.run(
            ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=lines,
            cwd="/",
            env=quiet_environment(),
            start_new_session=True,  # Ctrl-C in the terminal is not for the server
            check=True,
            **run_as(account),
        )
    return int(shell.stdout)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def find_postmaster(cluster: Path) -> psutil.Process | None:
    """Return the live server of the folder; a zombie, or a stranger who got the pid, is none."""
    try:
        process = psutil.Process(int((cluster / "postmaster.pid").read_text().splitlines()[0]))
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if _serves(process, cluster) else None


def _serves(process: psutil.Process, cluster: Path) -> bool:
    """Tell whether a process is of this folder's server: each of them works in the folder."""
    try:
        works_there = process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(cluster.resolve())
        return works_there and process.name().startswith("postgres")
    except (psutil.Error, OSError):  # gone; or another user's, so not of our folder
        return False


def has_lost_its_socket(cluster: Path, address: ServerAddress) -> bool:
    """Tell whether a server takes connections, but not at its address (a cleaner of /tmp came by)."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready" and not address.socket.exists()


def clear_remains(cluster: Path, address: ServerAddress) -> None:
    """Remove what a killed server left.

    PostgreSQL would take a zombie or a stranger with the old pid for a live server. Call it under the lock
    and without a live postmaster: whoever still works in the folder then is an orphan.
    """
    for orphan in [process for process in psutil.process_iter() if _serves(process, cluster)]:
        end_process(orphan, (signal.SIGQUIT, signal.SIGKILL), ORPHAN_LIMIT_S)
    lock = address.socket.with_name(f"{address.socket.name}.lock")
    for remains in (cluster / "postmaster.pid", address.socket, lock):
        remains.unlink(missing_ok=True)


def end_process(process: psutil.Process, signals: tuple[signal.Signals, ...], limit_s: float) -> None:
    """Send one signal after the other until the process is gone, each given its time."""
    for number in signals:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        if _wait_until(lambda: not is_alive(process.pid), limit_s):
            return


def _wait_until(is_so: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
