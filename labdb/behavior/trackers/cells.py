"""Single cells of trackers' files: what is missing, what is a number, and how a sentence shows one."""

import math
import re

MISSING = ("-", "")
PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def capitalized(text: str) -> str:
    """Return a sentence with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


def plain_number(cell: str, decimal: str = ".") -> float | None:
    """Return a cell as a number, NaN for a missing one; None for what is neither, and for what is not finite."""
    text = cell.strip()
    if text in MISSING:
        return math.nan
    if decimal == ",":
        text = text.replace(".", " ").replace(",", ".")
    if not PLAIN_NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def shown(cell: str) -> str:
    """Return a cell for a sentence: in quotation marks, cut to a bearable length."""
    text = " ".join(cell.split())
    return f'"{text[:40]}..."' if len(text) > 40 else f'"{text}"'
