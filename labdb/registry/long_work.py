"""How far a long work is, told as it goes on, and a place where it can be stopped.

Deep code calls `tick`; whoever opened the work hears it (`labdb.registry.long_work_doors`: the page that began it, or the
terminal of a command). Where nobody did, `tick` does nothing. A work that is stopped is rolled back by its transaction.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

ROWS_PER_TICK = 100
STOPPED = "Stopped; nothing was stored."

T = TypeVar("T")
Tell = Callable[[int, int, str], None]
_tell: ContextVar[Tell | None] = ContextVar("long_work", default=None)


class Stopped(Exception):
    """Somebody asked the work to stop; whoever began it rolls back and says so."""

    def __init__(self) -> None:
        super().__init__(STOPPED)


def tick(done: int, total: int, doing: str) -> None:
    """Say how far the work is.

    Parameters
    ----------
    done, total : int
        Of this phase, in whatever it counts; a total of 0 is not known.
    doing : str
        The phase, such as ``checking mice``; within it `done` only grows.

    Raises
    ------
    Stopped
        Somebody asked for it.
    """
    if (tell := _tell.get()) is not None:
        tell(done, total, doing)


def ticked(rows: Iterable[T], total: int, doing: str) -> Iterator[T]:
    """Yield rows, and say how far it is before each hundredth of them and after the last."""
    done = 0
    for done, row in enumerate(rows):
        if done % ROWS_PER_TICK == 0:
            tick(min(done, total), total, doing)
        yield row
    tick(total, total, doing)


@contextmanager
def told_to(tell: Tell) -> Iterator[None]:
    """Let `tell` hear the ticks of this block."""
    token = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(token)


@contextmanager
def part_of_work(words: str) -> Iterator[None]:
    """Begin each phase of this block by saying which part of the work it belongs to."""
    outer = _tell.get()
    if outer is None:
        yield
        return
    with told_to(lambda done, total, doing: outer(done, total, f"{words}: {doing}")):
        yield
