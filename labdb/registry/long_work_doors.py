"""Who hears of long work, and may stop it: the page that began it, and the terminal of a command.

A page's work runs inside its one request. What it says lies in a small file in the folder of drafts, which all web
processes share; a second file beside it asks the work to stop.
"""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from labdb.registry.file_store import drafts_folder
from labdb.registry.json_doors import answered_in_json, sentence
from labdb.registry.long_work import STOPPED, Stopped, told_to

WRITE_EVERY_S = 0.5
FIELD = "work"  # of the form: the key that the page's script made
UNKNOWN = "This work has ended, or has not begun; nothing can be stopped."
BEGINNING: dict[str, Any] = {"doing": "beginning", "done": 0, "total": 0}
INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended


@contextmanager
def long_work(request: HttpRequest) -> Iterator[None]:
    """Let the page that sent this request follow the work and stop it; one without our script just waits.

    Raises
    ------
    Stopped
        At a tick after somebody asked for it: open it outside the transaction.
    """
    key = _key_of(request.POST.get(FIELD, ""))
    if key is None:
        yield
        return
    state = _State(_pk(request), key)
    state.write(BEGINNING)
    try:
        with told_to(state.tell):
            yield
    finally:
        state.end()


def _pk(request: HttpRequest) -> int:
    assert request.user.pk is not None  # nobody gets here signed out
    return request.user.pk


def _key_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@dataclass
class _State:
    """The files of one work; their names hold the account, so that another's key leads nowhere.

    What a killed process leaves of them is cleared with the drafts, after a day.
    """

    user_id: int
    key: UUID
    _written_at: float = field(default=float("-inf"), init=False)

    def _path(self, end: str) -> Path:
        return drafts_folder() / f"work.{self.user_id}.{self.key}.{end}"

    def write(self, said: dict[str, Any]) -> None:
        """Say it to whoever asks; a disk that is full ends no work."""
        draft = self._path("new")
        with suppress(OSError):
            draft.write_text(json.dumps(said))
            draft.replace(self._path("json"))

    def read(self) -> dict[str, Any] | None:
        """Return what was said last; None where no such work goes on."""
        try:
            said: dict[str, Any] = json.loads(self._path("json").read_text())
        except FileNotFoundError:
            return None
        return {**said, "is_stopping": self._path("stop").exists()}

    def stop(self) -> bool:
        """Ask for it to stop at its next tick; False where no such work goes on."""
        if not self._path("json").exists():
            return False
        self._path("stop").touch()
        return True

    def tell(self, done: int, total: int, doing: str) -> None:
        if self._path("stop").exists():
            raise Stopped
        now = time.monotonic()
        if now - self._written_at >= WRITE_EVERY_S:
            self._written_at = now
            self.write({"doing": doing, "done": done, "total": total})

    def end(self) -> None:
        for end in ("json", "stop", "new"):
            self._path(end).unlink(missing_ok=True)


@answered_in_json()
@require_safe
def work_state(request: HttpRequest, key: str) -> JsonResponse:
    """Say to whoever began a work how far it is."""
    said = (uuid := _key_of(key)) and _State(_pk(request), uuid).read()
    return JsonResponse(said) if said else sentence(UNKNOWN, 404)


@answered_in_json()
@require_POST
def work_stop(request: HttpRequest, key: str) -> JsonResponse:
    """Stop a work that the same account began."""
    uuid = _key_of(key)
    if uuid is None or not _State(_pk(request), uuid).stop():
        return sentence(UNKNOWN, 404)
    return JsonResponse({"is_stopping": True})


# ---- work of a command ----


@contextmanager
def terminal_work(stderr: Any) -> Iterator[None]:
    """Show the work of a command on one line of its terminal; Ctrl-C ends it in one sentence.

    Raises
    ------
    CommandError
        Somebody pressed Ctrl-C.
    """
    line = _Line(stderr)
    try:
        if stderr.isatty():
            with told_to(line.tell):
                yield
        else:
            yield
    except KeyboardInterrupt:
        line.clear()
        raise CommandError(STOPPED, returncode=INTERRUPTED) from None
    finally:
        line.clear()


class _Line:
    """One line of a terminal, written again and again."""

    def __init__(self, stderr: Any) -> None:
        self._stderr = stderr
        self._written_at = float("-inf")
        self._width = 0

    def tell(self, done: int, total: int, doing: str) -> None:
        now = time.monotonic()
        if now - self._written_at >= WRITE_EVERY_S:
            self._written_at = now
            self._show(f"{doing}: {done:,} of {total:,}" if total else doing)

    def clear(self) -> None:
        if self._width:
            self._show("")
            self._stderr.write("\r", style_func=str, ending="")

    def _show(self, words: str) -> None:
        words = words[: shutil.get_terminal_size().columns - 1]
        self._stderr.write(f"\r{words:<{self._width}}", style_func=str, ending="")
        self._stderr.flush()
        self._width = len(words)
