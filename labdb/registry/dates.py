"""Days as people write them in cells, to year-month-day; what can be read in two ways is asked about, never guessed."""

import re

from django.core.exceptions import ValidationError

from labdb.registry.numbers import AmbiguousError

DAY_FIRST, MONTH_FIRST = "day-first", "month-first"
NUMERIC = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?:[T ,]+(.*))?", re.DOTALL)
YEAR_FIRST = re.compile(r"(\d{4})([./])(\d{1,2})\2(\d{1,2})(?:[T ]+(.*))?", re.DOTALL)
DAY_NAME = re.compile(r"(\d{1,2})[. -]+([A-Za-z]{3,9})\.?[, -]+(\d{4}|\d{2})(?:[T ,]+(.*))?", re.DOTALL)
NAME_DAY = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})(?:[T ,]+(.*))?", re.DOTALL)
TIME_OF_12 = re.compile(r"(\d{1,2}):(\d{2})((?::\d{2})?) ?([AaPp])\.?[Mm]\.?")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip


class DateCell(str):
    """A cell that a workbook holds as a date: in a field of text, the spreadsheet made one of what was typed."""


def year_first(text: str, order: str = "") -> str:
    """Return a day (and time) with its year first; a text of another form is returned as it is.

    Parameters
    ----------
    order : str
        ``day-first`` or ``month-first`` where somebody said how this file writes its days.

    Raises
    ------
    AmbiguousError
        3/4/2026, while nobody said the order.
    ValidationError
        A day that the chosen order does not allow, a year of two digits.
    """
    if match := NUMERIC.fullmatch(text):
        year, time = _year(match[4], text), match[5]
        day, month = _day_and_month(int(match[1]), int(match[3]), year, text, order)
    elif match := YEAR_FIRST.fullmatch(text):
        year, month, day, time = match[1], int(match[3]), int(match[4]), match[5]
    elif match := DAY_NAME.fullmatch(text):
        year, month, day, time = _year(match[3], text), _month(match[2]), int(match[1]), match[4]
    elif match := NAME_DAY.fullmatch(text):
        year, month, day, time = match[3], _month(match[1]), int(match[2]), match[4]
    else:
        return text
    if not month:
        return text
    return f"{year}-{month:02}-{day:02}" + (f" {_of_24_hours(time.strip())}" if time else "")


def _day_and_month(first: int, second: int, year: str, text: str, order: str) -> tuple[int, int]:
    if order == MONTH_FIRST or (not order and second > 12):
        first, second = second, first
    if order and second > 12:
        raise ValidationError(f"{text} has no month {second} when read {order}; enter it as 2026-03-14.")
    if not order and first <= 12 and second <= 12 and first != second:
        raise AmbiguousError(
            f"{text} can be {_spoken(first, second, year)} or {_spoken(second, first, year)}; "
            "enter it as 2026-03-14 (year-month-day), or say which comes first in this file.",
            "date_order",
        )
    return first, second


def _spoken(day: int, month: int, year: str) -> str:
    return f"{day} {MONTHS[month - 1].capitalize()} {year}"


def _year(year: str, text: str) -> str:
    if len(year) == 2:
        raise ValidationError(f"{text} has a year of two digits; enter it as 2026-03-14 (year-month-day).")
    return year


def _month(name: str) -> int:
    """Return the number of a month by name, 0 for no month."""
    found = [number for number, month in enumerate(MONTHS, start=1) if month.startswith(name.casefold())]
    is_sept = name.casefold() == "sept"
    return 9 if is_sept else found[0] if len(found) == 1 else 0


def _of_24_hours(time: str) -> str:
    """Return 2:30 PM as 14:30; any other time as it is, an hour of one digit with its zero."""
    match = TIME_OF_12.fullmatch(time)
    if match and 1 <= int(match[1]) <= 12:
        hour = int(match[1]) % 12 + (12 if match[4] in "pP" else 0)
        return f"{hour:02}:{match[2]}{match[3]}"
    return f"0{time}" if re.match(r"\d:", time) else time
