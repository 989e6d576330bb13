"""Codes in the order in which people count: 2A before 10A, K9 before K10."""

import re

PARTS = re.compile(r"[0-9]+|[^0-9]+")


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return the key by which texts sort so; numbers come before letters."""
    return tuple((0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in PARTS.findall(text))
