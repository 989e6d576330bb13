"""While one look at a study lasts, what several of its questions read is read once, and digested once.

Outside of `shared_reading` everything is read anew whenever it is asked for, as a run must.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import models

from labdb.colony.models import Study

P = ParamSpec("P")
R = TypeVar("R")

_read: ContextVar[dict[Hashable, Any] | None] = ContextVar("what this look has read", default=None)


@contextmanager
def shared_reading() -> Iterator[None]:
    """Let whatever is `shared` be read once until the end of the block."""
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def shared(reading: Callable[P, R]) -> Callable[P, R]:
    """Make a function that reads records return the same object for the same arguments while a look lasts.

    Whoever calls it must leave what it returns as it is. Arguments are records, by their keys, and plain values.
    """

    @wraps(reading)
    def once(*args: P.args, **kwargs: P.kwargs) -> R:
        kept = _read.get()
        if kept is None:
            return reading(*args, **kwargs)
        key = (reading, *map(_key, args), *((name, _key(value)) for name, value in sorted(kwargs.items())))
        if key not in kept:
            kept[key] = reading(*args, **kwargs)
        found: R = kept[key]
        return found

    return once


def once_of_object(what: str, value: Any, make: Callable[[], R]) -> R:
    """Return what is made from one object, made once for that very object while a look lasts."""
    kept = _read.get()
    if kept is None:
        return make()
    key = (what, id(value))
    if key not in kept:
        kept[key] = (value, make())  # with the object, so that no other takes its place in memory
    made: R = kept[key][1]
    return made


def _key(value: Any) -> Hashable:
    if isinstance(value, Study):  # the same study is read in two ways: with letters, and with names of arms
        return ("study", value.pk, value.is_blinded)
    if isinstance(value, models.Model):
        return (value._meta.label, value.pk)
    if isinstance(value, list | set):
        return tuple(sorted(value))
    found: Hashable = value
    return found
