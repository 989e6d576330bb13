"""Zones of an arena as people write them, to the shapes that tracks are scored by."""

import re

from analysis.kernels.shapes import Circle, Polygon, Rectangle, Shape

NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
NAMED = re.compile(rf"\s*([a-z]+)\s*[=:]?\s*({NUMBER})\s*(?:cm)?\s*(?:[,;]|\s|$)", re.IGNORECASE)
CORNER = re.compile(rf"\s*\(?\s*({NUMBER})\s*,\s*({NUMBER})\s*\)?\s*(?:;|\s|$)")
EXAMPLES = {
    "rectangle": "x 14, y 0, width 14, height 9",
    "circle": "x 21, y 21, radius 7",
    "polygon": "(0, 0) (9, 0) (0, 9)",
}
NAMES = {"rectangle": ("x", "y", "width", "height"), "circle": ("x", "y", "radius")}
MAKERS = {"rectangle": Rectangle, "circle": Circle}


def shape_of(kind: str, text: str) -> Shape:
    """Return the shape that a text describes, in cm.

    Parameters
    ----------
    kind : str
        ``rectangle``, ``circle`` or ``polygon``.
    text : str
        As in `EXAMPLES`; x and y of a rectangle are its lower left corner, those of a circle its center.

    Raises
    ------
    ValueError
        With a sentence, where the text says something else or the shape is none.
    """
    if kind not in EXAMPLES:
        raise ValueError(f"{kind} is not a shape; there are {', '.join(EXAMPLES)}.")
    try:
        if kind == "polygon":
            return Polygon(tuple(_corners(text)))
        numbers = _named(kind, text)
        return MAKERS[kind](*(numbers[name] for name in NAMES[kind]))
    except ValueError as error:
        said = str(error).rstrip(".")
        raise ValueError(f"{said[:1].upper()}{said[1:]}; write a {kind} like {EXAMPLES[kind]}, in cm.") from None


def _named(kind: str, text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, number in _parts(NAMED, text):
        name = name.lower()
        if name not in NAMES[kind]:
            raise ValueError(f"a {kind} has no {name}")
        if name in found:
            raise ValueError(f"{name} stands in {text!r} twice")
        found[name] = float(number)
    if missing := [name for name in NAMES[kind] if name not in found]:
        raise ValueError(f"{' and '.join(missing)} of the {kind} {'is' if len(missing) == 1 else 'are'} missing")
    return found


def _corners(text: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in _parts(CORNER, text)]


def _parts(pattern: re.Pattern[str], text: str) -> list[tuple[str, ...]]:
    """Return what the pattern finds end to end; ValueError where something else stands between."""
    found, place = [], 0
    while place < len(text):
        match = pattern.match(text, place)
        if match is None or match.end() == place:
            raise ValueError(f"{text[place : place + 20].strip()!r} cannot be read")
        found.append(match.groups())
        place = match.end()
    return found
