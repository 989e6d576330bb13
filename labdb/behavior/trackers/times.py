"""Times as trackers write them: clocks of a trial ("0:01:00"), and the day on which it began."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from django.core.exceptions import ValidationError

from labdb.registry.dates import DAY_FIRST, MONTH_FIRST, NUMERIC, year_first
from labdb.registry.numbers import AmbiguousError

CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)", re.ASCII)


def clock_s(text: str) -> float | None:
    """Return a time of a trial in seconds: "0:01:02.500" is 62.5; None for what is none."""
    match = CLOCK.fullmatch(text.strip())
    if not match:
        return None
    hours, minutes, seconds = int(match[1] or 0), int(match[2]), float(match[3].replace(",", "."))
    return round(3600 * hours + 60 * minutes + seconds, 6) if minutes < 60 and seconds < 60 else None


def date_order(texts: Iterable[str], said: str = "") -> str:
    """Return how a file writes its days (``day-first``, ``month-first``) by those that leave no choice.

    Empty where all can be read both ways, or where two contradict each other.
    """
    if said:
        return said
    orders = set()
    for match in map(NUMERIC.fullmatch, texts):
        if match and int(match[1]) > 12:
            orders.add(DAY_FIRST)
        elif match and int(match[3]) > 12:
            orders.add(MONTH_FIRST)
    return orders.pop() if len(orders) == 1 else ""


def started_at(text: str, order: str) -> tuple[dt.datetime | None, str]:
    """Return when a trial began and, where that cannot be told, a sentence."""
    if not text.strip():
        return None, ""
    try:
        return dt.datetime.fromisoformat(year_first(text.strip(), order)).replace(tzinfo=None), ""
    except AmbiguousError as error:
        choices = error.messages[0].partition(";")[0]
        return None, f"The start time {choices}: the file does not say which comes first. Enter the date by hand."
    except (ValidationError, ValueError):
        return None, f"The start time {text.strip()} cannot be read as a date and time. Enter it by hand."
