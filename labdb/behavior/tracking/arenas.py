"""The floor and the zones of an arena in one test: those that were entered, else those that its sizes give."""

from collections.abc import Sequence

from analysis.kernels.shapes import Rectangle
from analysis.kernels.zones import OTHER, ArenaLayout, si_arena
from labdb.behavior.models import Arena, ArenaZone
from labdb.behavior.tracking.scoring import ScoringError

SIZES = {
    "width_cm": "its width", "length_cm": "its length", "zone_width_cm": "the width of the IZ",
    "zone_depth_cm": "the depth of the IZ",
}  # fmt: skip


def layout_of(arena: Arena, target_side: str) -> ArenaLayout:
    """Return the arena of an SI test as the camera sees it, with the target at this wall.

    Zones of other assays alone, which count as ``other``, leave the arena to its sizes.

    Raises
    ------
    ScoringError
        A size or the side is missing, or the zones do not fit the floor.
    """
    zones = [zone for zone in arena.zones.all() if zone.target_side in ("", target_side)]
    if any(zone.role != OTHER for zone in zones):
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


def assay_layout(arena: Arena, names: Sequence[str]) -> ArenaLayout:
    """Return the arena of an assay: its floor, and of its zones those with these names.

    Raises
    ------
    ScoringError
        A zone, or the size of the floor, was not entered.
    """
    own = {zone.name: zone for zone in arena.zones.all() if not zone.target_side}
    if missing := [name for name in names if name not in own]:
        raise ScoringError(
            f"Arena {arena} has no zone {', '.join(missing)} (there are: {', '.join(own) or 'none'}); enter it with its "
            "place, choose another arena, or take the tracker's own zones."
        )
    zones = [own[name] for name in names]
    if not zones and (arena.width_cm is None or arena.length_cm is None):
        raise ScoringError(f"Arena {arena} lacks its width and length; enter them.")
    return ArenaLayout(_floor(arena, "", zones), tuple(zone.to_kernel() for zone in zones))


def _floor(arena: Arena, target_side: str, zones: list[ArenaZone]) -> Rectangle:
    width, length = arena.width_cm, arena.length_cm
    if width is None or length is None:  # as far as its zones reach
        corners = [zone.to_kernel().shape.outline_cm().max(axis=0) for zone in zones]
        return Rectangle(0, 0, max(x for x, _y in corners), max(y for _x, y in corners))
    return Rectangle(0, 0, *((length, width) if target_side in ("left", "right") else (width, length)))
