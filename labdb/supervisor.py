"""Programs that are kept running: started, started again when they die, stopped in order. Knows no Django."""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

POLL_S = 0.1
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded now: a forked child must not load


class UnusableFolderError(Exception):
    """The folder cannot be written; the message says what to do."""


class AlreadyRunningError(Exception):
    """Another process keeps this folder's programs running; the message says where."""


@dataclass(frozen=True)
class Program:
    """A program to keep running."""

    name: str
    command: Sequence[str]
    grace_s: float = 20.0  # from being asked to stop to being made to
    environ: Mapping[str, str] = field(default_factory=dict)  # beside ours


@dataclass(frozen=True)
class Check:
    """Something to look after while the programs run; it handles its own failures."""

    look: Callable[[], None]
    every_s: float


@dataclass
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0  # by the monotonic clock, like all times here
    restart_s: float = 0.0
    deaths_in_a_row: int = 0


@dataclass
class Supervisor:
    """Keeps programs running until asked to stop; then stops them in the order in which they are listed."""

    programs: Sequence[Program]
    say: Callable[[str], None]
    checks: Sequence[Check] = ()
    first_delay_s: float = 0.5  # before the first restart; each further death in a row doubles it
    longest_delay_s: float = 30.0
    steady_s: float = 60.0  # a program that ran this long has recovered
    note_children: Callable[[list[dict[str, float]]], None] = lambda children: None  # told of every start
    _children: list[_Child] = field(default_factory=list)
    _requests: int = 0

    def ask_to_stop(self) -> None:
        """Stop in order; asked a second time, don't wait. Safe to call from a signal handler."""
        self._requests += 1

    def replace(self, name: str, older_than_s: float = 0.0) -> bool:
        """Stop a program that lives and does nothing, unless it has just begun; it is started again at once."""
        for child in self._children:
            if child.program.name == name and child.process and time.monotonic() - child.started_s >= older_than_s:
                self.say(f"Replacing {name}: it lives and does nothing.")
                self._stop(child)
                child.restart_s = 0.0
                return True
        return False

    @property
    def is_hurried(self) -> bool:
        """Whether stopping was asked for more than once."""
        return self._requests > 1

    def run(self) -> None:
        """Start all, keep them running, and return when all have been stopped."""
        self._children = [_Child(program) for program in self.programs]
        due_s = [0.0] * len(self.checks)
        try:
            while not self._requests:
                for child in self._children:
                    self._tend(child)
                for place, check in enumerate(self.checks):
                    if time.monotonic() >= due_s[place]:
                        check.look()
                        due_s[place] = time.monotonic() + check.every_s
                time.sleep(POLL_S)
        finally:
            for child in self._children:
                self._stop(child)

    def _tend(self, child: _Child) -> None:
        now_s = time.monotonic()
        if child.process is None:
            if now_s >= child.restart_s:
                self._start(child)
        elif (code := child.process.poll()) is not None:
            _end_group(child.process.pid)
            child.process = None
            was_steady = now_s - child.started_s >= self.steady_s
            child.deaths_in_a_row = 1 if was_steady else child.deaths_in_a_row + 1
            delay_s = min(self.longest_delay_s, self.first_delay_s * 2 ** (child.deaths_in_a_row - 1))
            child.restart_s = now_s + delay_s
            how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended (exit code {code})"
            self.say(f"{child.program.name} {how}; starting it again in {delay_s:g} s.")

    def _start(self, child: _Child) -> None:
        try:
            child.process = subprocess.Popen(
                child.program.command,
                env={**os.environ, **child.program.environ},
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in the terminal is for us, who stop in order
                preexec_fn=_die_with_parent,
            )
        except OSError as error:
            child.restart_s = time.monotonic() + self.longest_delay_s
            self.say(f"{child.program.name} cannot be started: {error}; next try in {self.longest_delay_s:g} s.")
            return
        child.started_s = time.monotonic()
        self.note_children([_identity(each.process.pid) for each in self._children if each.process])

    def _stop(self, child: _Child) -> None:
        if child.process is None:
            return
        if child.process.poll() is None:
            self.say(f"Stopping {child.program.name}.")
            child.process.terminate()
            deadline = time.monotonic() + child.program.grace_s
            while child.process.poll() is None and time.monotonic() < deadline and not self.is_hurried:
                time.sleep(POLL_S / 2)
        _end_group(child.process.pid)
        child.process.wait()
        child.process = None


def _die_with_parent() -> None:
    """Have the kernel stop this child when we are killed (Linux; elsewhere the next start ends it)."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_group(leader_pid: int) -> None:
    """Kill whatever is left of a child and its children, which share its session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader_pid, signal.SIGKILL)


def _identity(pid: int) -> dict[str, float]:
    with suppress(psutil.NoSuchProcess):
        return {"pid": pid, "created": psutil.Process(pid).create_time()}
    return {"pid": pid, "created": 0.0}


# ---- one supervisor for one folder ----


@dataclass
class Hold:
    """The lock on a folder; what it holds tells a second starter who runs, and a later one what was left."""

    file: IO[str]
    about: dict[str, Any]

    def note(self, **about: Any) -> None:
        """Write down something about this run."""
        self.about.update(about)
        self.file.seek(0)
        self.file.truncate()
        json.dump(self.about, self.file)
        self.file.flush()


@contextmanager
def hold_folder(folder: Path, **about: Any) -> Iterator[Hold]:
    """Be the only supervisor of the folder, or raise; first end what a killed one left running.

    The kernel's lock tells, not a pid: it is gone with its holder, whatever became of him.
    """
    with _lock_file(folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = _read(file).get("address", "another address")
            raise AlreadyRunningError(
                f"labdb already runs on the data folder {folder}, at {where}. "
                "Use that one, stop it first (Ctrl-C there), or set LABDB_DATA_DIR to another folder."
            ) from None
        for child in _read(file).get("children", []):
            _end_leftover(child)
        hold = Hold(file, {})
        hold.note(**about)
        yield hold
        hold.about.clear()
        hold.note()


def _lock_file(folder: Path) -> IO[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / "up.lock").open("a+")
    except OSError as error:
        raise UnusableFolderError(
            f"The data folder {folder} cannot be written: {error.strerror}. "
            "Give this account the right to, or name another folder by LABDB_DATA_DIR."
        ) from None


def _read(file: IO[str]) -> dict[str, Any]:
    file.seek(0)
    try:
        return dict(json.load(file))
    except ValueError:  # empty, or its writer was killed while writing
        return {}


def _end_leftover(child: Mapping[str, float]) -> None:
    """End a child of a killed supervisor, unless its pid is somebody else's by now."""
    pid = int(child["pid"])
    with suppress(psutil.NoSuchProcess):
        if abs(psutil.Process(pid).create_time() - child["created"]) > 1.0:
            return
    _end_group(pid)
