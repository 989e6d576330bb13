"""The floor and the zones of an arena in one test: those that were entered, else those that its sizes give."""

from analysis.kernels.shapes import Rectangle
from analysis.kernels.zones import ArenaLayout, si_arena
from labdb.behavior.models import Arena, ArenaZone
from labdb.behavior.tracking.scoring import ScoringError

SIZES = {
    "width_cm": "its width", "length_cm": "its length", "zone_width_cm": "the width of the IZ",
    "zone_depth_cm": "the depth of the IZ",
}  # fmt: skip


def layout_of(arena: Arena, target_side: str) -> ArenaLayout:
    """Return the arena as the camera sees it, with the target at this wall.

    Raises
    ------
    ScoringError
        A size or the side is missing, or the zones do not fit the floor.
    """
    zones = [zone for zone in arena.zones.all() if zone.target_side in ("", target_side)]
    if zones:
        return ArenaLayout(_floor(arena, target_side, zones), tuple(zone.to_kernel() for zone in zones))
    if missing := [words for name, words in SIZES.items() if getattr(arena, name) is None]:
        raise ScoringError(f"Arena {arena} lacks {', '.join(missing)}; enter the sizes, or its zones.")
    if not target_side:
        raise ScoringError("Nobody said at which wall the target stands, and zones lie by it; choose the wall.")
    sizes = arena.width_cm, arena.length_cm, arena.zone_width_cm, arena.zone_depth_cm, arena.corner_cm
    try:
        return si_arena(*sizes, target_side)  # type: ignore[arg-type]
    except ValueError as error:
        raise ScoringError(f"Arena {arena}: {error}; correct its sizes.") from None


def _floor(arena: Arena, target_side: str, zones: list[ArenaZone]) -> Rectangle:
    width, length = arena.width_cm, arena.length_cm
    if width is None or length is None:  # as far as its zones reach
        corners = [zone.to_kernel().shape.outline_cm().max(axis=0) for zone in zones]
        return Rectangle(0, 0, max(x for x, _y in corners), max(y for _x, y in corners))
    return Rectangle(0, 0, *((length, width) if target_side in ("left", "right") else (width, length)))
