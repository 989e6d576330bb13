"""Days and times of the bench: none lies ahead, and none of a mouse lies outside its life."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone


def refuse_future(**moments: Any) -> None:
    """Raise the sentence for every date or instant that has not come yet; None passes.

    Parameters
    ----------
    **moments : date, datetime or None
        By field name.
    """
    now = timezone.now()
    today = timezone.localdate(now)
    errors = {}
    for name, moment in moments.items():
        if moment is None:
            continue
        is_future = moment > now if hasattr(moment, "hour") else moment > today
        if is_future:
            errors[name] = f"{spell(moment)} is in the future (today is {today}); enter the day it happened."
    if errors:
        raise ValidationError(errors)


def refuse_outside_life(mouse: Any, field: str, moment: Any) -> None:
    """Raise the sentence for a day of this field before the mouse's birth or after its death; None passes."""
    if moment is None:
        return
    day = day_of(moment)
    if mouse.death_date and day > mouse.death_date:
        raise ValidationError(
            {field: f"{mouse} died on {mouse.death_date}; {day} is after it. Correct the date or the mouse."}
        )
    if mouse.birth_date and day < mouse.birth_date:
        raise ValidationError(
            {field: f"{mouse} was born on {mouse.birth_date}; {day} is before it. Correct the date or the mouse."}
        )


def day_of(moment: Any) -> date:
    """Return the day of a date or, by the laboratory's clock, of an instant."""
    return timezone.localdate(moment) if isinstance(moment, datetime) else moment


def spell(moment: Any) -> str:
    """Return a date or instant as people write it, by the laboratory's clock."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if isinstance(moment, datetime) else str(moment)


def overlapping(
    rows: Sequence[Any],
    stored: Iterable[Any],
    *,
    place: Callable[[Any], Hashable],
    span: Callable[[Any], tuple[Any, Any]],
) -> Iterator[tuple[int, Any]]:
    """Yield the number of each row beside every other that is in the same place at the same time.

    Two rows of the sheet are named once, at the one with the higher number.

    Parameters
    ----------
    place : callable
        Row -> where it is; None is nowhere.
    span : callable
        Row -> start, and the end that is no part of it (None while it lasts).
    """
    everywhere: dict[Hashable, list[tuple[Any, int | None, Any]]] = {}
    for number, row in [*enumerate(rows), *((None, row) for row in stored)]:
        where, (start, _end) = place(row), span(row)
        if where is not None and start is not None:
            everywhere.setdefault(where, []).append((start, number, row))
    for there in everywhere.values():
        there.sort(key=lambda one: one[0])
        earlier: list[tuple[Any, int | None, Any]] = []
        for start, number, row in there:
            earlier = [one for one in earlier if _lasts_beyond(span(one[2])[1], start)]
            for _start, other_number, other in earlier:
                if number is not None and (other_number is None or other_number < number):
                    yield number, other
                elif other_number is not None:
                    yield other_number, row
            earlier.append((start, number, row))


def _lasts_beyond(end: Any, moment: Any) -> bool:
    return end is None or end > moment
