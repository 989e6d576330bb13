"""Zones of an arena as people write them, to the shapes that tracks are scored by, and back."""

import re

from analysis.kernels.shapes import Circle, Polygon, Rectangle, Shape
from analysis.kernels.zones import ArenaLayout, Zone

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
ZONE_LINE = re.compile(r"(?P<name>.+) \((?P<role>\w+)\): (?P<kind>rectangle|circle|polygon) (?P<text>.+)")
FLOOR = "floor: rectangle "


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


def text_of(shape: Shape) -> tuple[str, str]:
    """Return kind and text of a shape, as `shape_of` reads them."""
    if isinstance(shape, Polygon):
        return "polygon", " ".join(f"({x:.10g}, {y:.10g})" for x, y in shape.corners_cm)
    kind = "circle" if isinstance(shape, Circle) else "rectangle"
    return kind, ", ".join(f"{name} {getattr(shape, f'{name}_cm'):.10g}" for name in NAMES[kind])


def layout_text(layout: ArenaLayout) -> str:
    """Return floor and zones of an arena, a line each: what a track was scored by."""
    lines = [FLOOR + text_of(layout.floor)[1]]
    lines += [f"{zone.name} ({zone.role}): {' '.join(text_of(zone.shape))}" for zone in layout.zones]
    return "\n".join(lines)


def layout_from(text: str) -> ArenaLayout | None:
    """Return what `layout_text` wrote; None for anything else."""
    first, *others = text.splitlines() or [""]
    found = [ZONE_LINE.fullmatch(line) for line in others]
    try:
        floor = shape_of("rectangle", first.removeprefix(FLOOR))
        zones = [Zone(one["name"], one["role"], shape_of(one["kind"], one["text"])) for one in found if one]
    except ValueError:
        return None
    return ArenaLayout(floor, tuple(zones)) if isinstance(floor, Rectangle) and all(found) else None


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
