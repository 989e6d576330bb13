"""Cron lines: their sentences, and their times over the days on which clocks change (Europe/Berlin, 2026)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from analysis.cron import cron_error, latest_due, next_times

BERLIN = ZoneInfo("Europe/Berlin")  # 29 March 02:00 -> 03:00, 25 October 03:00 -> 02:00


def _next(cron: str, after: str, n: int = 3) -> list[str]:
    instant = datetime.fromisoformat(after).replace(tzinfo=BERLIN)
    return [f"{at:%d %H:%M%z}" for at in next_times(cron, instant, BERLIN, n)]


@pytest.mark.parametrize("line", ["0 3 * * *", "*/15 8-18 * * mon-fri", "0 3 29 2 *", "1,31 0 1 JAN *", "0 6 * * 1"])
def test_a_cron_line_passes(line: str) -> None:
    assert cron_error(line) == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "This has 0 parts; a cron line has five"),
        ("@daily", "@daily has 1 part; a cron line has five"),
        ("* * * * * *", "has 6 parts"),
        ("60 * * * *", "60 is not a minute; enter a number"),
        ("0 24 * * *", "24 is not an hour"),
        ("0 3 0 * *", "0 is not a day of the month"),
        ("0 3 * 13 *", "13 is not a month"),
        ("0 3 * * 8", "8 is not a day of the week"),
        ("R * * * *", "R is not a minute"),  # croniter's own: at random
        ("*/0 * * * *", "*/0 is not a minute"),
        ("0 3 31 2 *", "names a day that never comes"),
        ("1-99999999999 * * * *", "1-99999999999 is not a minute"),
    ],
)
def test_a_wrong_line_is_told_what_is_wrong_and_what_would_be_right(line: str, says: str) -> None:
    assert says in cron_error(line)
    assert "such as 0 3 * * * (every day at 03:00)" in cron_error(line)


def test_times_follow_the_clock_of_the_laboratory() -> None:
    assert _next("30 6 * * mon", "2026-06-03 12:00") == ["08 06:30+0200", "15 06:30+0200", "22 06:30+0200"]


def test_a_time_that_the_clock_leaves_out_comes_once_an_hour_later() -> None:
    assert _next("30 2 * * *", "2026-03-28 12:00") == ["29 03:30+0200", "30 02:30+0200", "31 02:30+0200"]
    assert _next("0,30 * * * *", "2026-03-29 01:10", 4) == [
        "29 01:30+0100",
        "29 03:00+0200",
        "29 03:30+0200",
        "29 04:00+0200",
    ]


def test_an_hour_that_comes_twice_counts_once() -> None:
    assert _next("30 2 * * *", "2026-10-24 12:00") == ["25 02:30+0200", "26 02:30+0100", "27 02:30+0100"]
    assert _next("*/30 * * * *", "2026-10-25 01:50", 4) == [
        "25 02:00+0200",
        "25 02:30+0200",
        "25 03:00+0100",
        "25 03:30+0100",
    ]


def test_of_many_missed_times_the_latest_is_due_and_the_others_are_counted() -> None:
    since, now = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 4, 2, 3, tzinfo=UTC)
    at, n_missed = latest_due("0 3 * * *", since, now, BERLIN)  # 03:00 in Berlin is 02:00 in winter: 1, 2, 3, 4 January
    assert at == datetime(2026, 1, 4, 2, 0, tzinfo=UTC)
    assert n_missed == 3
    assert latest_due("0 3 * * *", now, now, BERLIN) == (None, 0)
    at, n_missed = latest_due("* * * * *", since, now, BERLIN)
    assert (at, n_missed) == (datetime(2026, 1, 4, 2, 3, tzinfo=UTC), 1000)  # more are not counted
