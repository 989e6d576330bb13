"""Environment variables as settings: what cannot be used is said in a sentence."""

import os
from zoneinfo import ZoneInfo


class SettingError(Exception):
    """labdb cannot start as it was set up; the text says which setting, and what would be right."""


def whole_number(name: str, default: int, *, least: int = 1) -> int:
    """Return the number that a variable holds."""
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise SettingError(f"{name} must be a whole number from {least} on; it is {text!r}.")
    return int(text)


def time_zone(name: str, default: str) -> str:
    """Return the time zone that a variable names."""
    text = os.environ.get(name) or default
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):  # KeyError: what zoneinfo raises for a zone that it does not know
        raise SettingError(f"{name} must name a time zone such as Europe/Berlin; it is {text!r}.") from None
    return text
