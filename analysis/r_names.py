"""Names as R makes them, so that a formula or a contrast can be written with the names of an exported design."""

import re
from collections.abc import Iterable

RESERVED = {
    "if", "else", "repeat", "while", "function", "for", "next", "break", "TRUE", "FALSE", "NULL", "Inf", "NaN", "NA",
    "NA_integer_", "NA_real_", "NA_character_", "NA_complex_", "in",
}  # fmt: skip


def make_name(text: str) -> str:
    """Return what R's ``make.names`` makes of a text: letters, digits, dots and underscores, no digit in front."""
    name = re.sub(r"[^A-Za-z0-9._]", ".", text)
    if not re.match(r"[A-Za-z]|\.(?![0-9])", name):
        name = f"X{name}"
    return f"{name}." if name in RESERVED or re.fullmatch(r"\.\.(?:\.|[0-9]+)", name) else name


def make_names(texts: Iterable[str]) -> list[str]:
    """Return names that are all different, as ``make.names(unique = TRUE)``: a, a.1, a.2."""
    names = [make_name(text) for text in texts]
    taken, seen, unique = set(names), set(), []
    for name in names:
        one, number = name, 0
        while one in seen or (number and one in taken):
            number += 1
            one = f"{name}.{number}"
        seen.add(one)
        unique.append(one)
    return unique
