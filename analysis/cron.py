"""Cron lines: what is wrong with one, and the times that it names by the laboratory's clock.

The night on which clocks go forward, a time that is left out comes as many minutes later; the night on which they go
back, the hour that comes twice counts once. Knows no table.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from itertools import islice

from croniter import CroniterBadDateError, croniter

FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
ARTICLES = {"hour": "an"}
EXAMPLE = "such as 0 3 * * * (every day at 03:00) or 30 6 * * mon (Mondays at 06:30)"
NAMES = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat"
PART = re.compile(rf"(?:[0-9*/,-]|{NAMES})+", re.IGNORECASE)
FOLD = timedelta(hours=2)  # more than any clock is put forward or back
MOST_COUNTED = 1000


def cron_error(text: str) -> str:
    """Say what is wrong with a cron line and what would be right; empty where nothing is."""
    parts = text.split()
    if len(parts) != len(FIELDS):
        n = "1 part" if len(parts) == 1 else f"{len(parts)} parts"
        return f"{text.strip() or 'This'} has {n}; a cron line has five ({', '.join(FIELDS)}), {EXAMPLE}."
    for name, part in zip(FIELDS, parts, strict=True):
        if not PART.fullmatch(part) or not croniter.is_valid(_only(name, part)):
            return f"{part} is not {ARTICLES.get(name, 'a')} {name}; enter a number, a range 1-5, a list 1,3, a step */15 or *, {EXAMPLE}."
    try:
        croniter(text, datetime(2024, 1, 1)).get_next(datetime)
    except CroniterBadDateError:
        return f"{text} names a day that never comes; choose another, {EXAMPLE}."
    except ValueError:
        return f"{text} is not a cron line; enter five parts, {EXAMPLE}."
    return ""


def _only(name: str, part: str) -> str:
    return " ".join(part if name == one else "*" for one in FIELDS)


def times_after(cron: str, after: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Yield the times of a valid line that follow an instant, in order and each once."""
    wall = after.astimezone(zone).replace(tzinfo=None) - FOLD
    by_wall = croniter(cron, wall)
    latest = after
    while True:
        at = by_wall.get_next(datetime).replace(tzinfo=zone)
        at = datetime.fromtimestamp(at.timestamp(), zone)  # a time that the clock leaves out is one that it shows
        if at > latest:
            latest = at
            yield at


def next_times(cron: str, after: datetime, zone: tzinfo, n: int = 3) -> list[datetime]:
    """Return the next few times after an instant."""
    return list(islice(times_after(cron, after, zone), n))


def latest_due(cron: str, since: datetime, now: datetime, zone: tzinfo) -> tuple[datetime | None, int]:
    """Return the latest time after `since` that has come, and how many came before it (at most MOST_COUNTED)."""
    latest, n = None, 0
    for at in times_after(cron, since, zone):
        if at > now:
            return latest, max(0, n - 1)
        latest, n = at, n + 1
        if n > MOST_COUNTED:
            break
    recent, _n = latest_due(cron, max(since, now - timedelta(hours=12)), now, zone) if n else (None, 0)
    return recent or latest, MOST_COUNTED
