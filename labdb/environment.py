"""Environment variables as settings: what cannot be used is said in a sentence."""

import os
import re
from pathlib import Path
from zoneinfo import ZoneInfo


class SettingError(Exception):
    """labdb cannot start as it was set up; the text says which setting, and what would be right."""


def whole_number(name: str, default: int, *, least: int = 1) -> int:
    """Return the number that a variable holds."""
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
        raise SettingError(f"{name} must be a whole number from {least} on; it is {text!r}.")
    return int(text)


def seconds_by_name(name: str) -> dict[str, int]:
    """Return the seconds that a variable holds for each of some names, such as ``pipeline=7200,quality=600``."""
    text = os.environ.get(name, "")
    found: dict[str, int] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        key, _sign, seconds = part.partition("=")
        if not (key and seconds.isascii() and seconds.isdecimal() and 0 < int(seconds[:10]) < 10**8):
            raise SettingError(f"{name} must hold seconds by name, such as pipeline=7200,quality=600; {part!r} is not.")
        found[key] = int(seconds)
    return found


def names(name: str, default: str) -> tuple[str, ...]:
    """Return the names that a variable holds, separated by commas; ``-`` for none."""
    text = os.environ.get(name) or default
    found = tuple(part for one in text.split(",") if (part := one.strip()) and part != "-")
    if wrong := [one for one in found if not re.fullmatch(r"[a-z_]+", one)]:
        raise SettingError(f"{name} must hold names separated by commas, such as {default}; {wrong[0]!r} is not one.")
    return found


def machine_memory_mb() -> int:
    """Return the memory of the machine, or of the container where it has less; 0 where nobody says."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else []
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        if limit.is_file() and (text := limit.read_text().strip()).isdecimal():
            sizes.append(int(text))
    return min(sizes, default=0) // 2**20


def time_of_day(name: str, default: str) -> str:
    """Return the hours and minutes that a variable holds."""
    text = os.environ.get(name) or default
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise SettingError(f"{name} must be a time of day such as 07:00; it is {text!r}.")
    return text


def code_pattern(name: str, default: str, needed: tuple[str, ...], possible: tuple[str, ...]) -> str:
    """Return the pattern that a variable holds, such as ``{mouse}-{region}``: names in braces, and what a code may hold."""
    text = os.environ.get(name) or default
    named = re.findall(r"\{(\w+)\}", text)
    plain = re.sub(r"\{\w+\}", "", text)
    if not re.fullmatch(r"[A-Za-z0-9._+-]*", plain) or not set(needed) <= set(named) <= {*needed, *possible}:
        parts = " and ".join(f"{{{one}}}" for one in needed)
        more = ", ".join(f"{{{one}}}" for one in possible)
        raise SettingError(
            f"{name} must hold {parts}, may hold {more}, and letters, digits and . _ + - between; it is {text!r}."
        )
    return text


def machine_zone(localtime: Path = Path("/etc/localtime")) -> str:
    """Return the zone of the machine's own clock, by TZ or /etc/localtime; UTC where neither names one."""
    named = os.environ.get("TZ", "").removeprefix(":")
    target = str(localtime.resolve())
    linked = target.rpartition("/zoneinfo/")[2] if "/zoneinfo/" in target else ""
    for zone in (named, linked):
        if zone and _is_zone(zone):
            return "UTC" if zone == "Etc/UTC" else zone
    return "UTC"


def time_zone(name: str, default: str) -> str:
    """Return the time zone that a variable names."""
    text = os.environ.get(name) or default
    if not _is_zone(text):
        raise SettingError(f"{name} must name a time zone such as Europe/Berlin; it is {text!r}.")
    return text


def _is_zone(text: str) -> bool:
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):  # KeyError: what zoneinfo raises for a zone that it does not know
        return False
    return True
