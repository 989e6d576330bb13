"""Where things are in an arena: the zones of the social-interaction (SI) test, and pixels to cm.

The origin is the lower left corner of the floor as the camera sees it; x runs to the right, y up.
"""

import math
from dataclasses import dataclass

import numpy.typing as npt

from analysis.kernels.shapes import FloatArray, Rectangle, Shape, positions

INTERACTION_ZONE, CORNER, OTHER = "interaction_zone", "corner", "other"
ROLES = (INTERACTION_ZONE, CORNER, OTHER)
TARGET_SIDES = ("left", "right", "top", "bottom")


@dataclass(frozen=True)
class Zone:
    """A named area of the arena.

    Attributes
    ----------
    name : str
        As people call it; once per arena.
    role : str
        ``interaction_zone``, ``corner`` or ``other``: what the zone counts as.
    shape : Shape
        Rectangle, circle or polygon.
    """

    name: str
    role: str
    shape: Shape

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a zone must have a name")
        if self.role not in ROLES:
            raise ValueError(f"the role of zone {self.name} is {self.role}; it must be one of {', '.join(ROLES)}")


@dataclass(frozen=True)
class ArenaLayout:
    """The floor and its zones as the camera sees them.

    Attributes
    ----------
    floor : Rectangle
        The whole floor, its lower left corner at (0, 0).
    zones : tuple of Zone
        In drawing order.
    """

    floor: Rectangle
    zones: tuple[Zone, ...]


def si_arena(
    width_cm: float,
    length_cm: float,
    zone_width_cm: float,
    zone_depth_cm: float,
    corner_cm: float | None,
    target_side: str,
) -> ArenaLayout:
    """Lay out the arena of an SI test.

    The interaction zone stands in the middle of the target's wall, the two corners at the ends of the
    wall opposite. For a target at the left or right wall the width runs along y, and the floor is
    `length_cm` wide as the camera sees it.

    Parameters
    ----------
    width_cm, length_cm : float
        Floor along the wall with the target, and from there to the far wall.
    zone_width_cm, zone_depth_cm : float
        Interaction zone along the same wall, and from it into the arena.
    corner_cm : float or None
        Side of the square corners; None for an arena without.
    target_side : str
        ``left``, ``right``, ``top`` or ``bottom``, as the camera sees it.

    Returns
    -------
    ArenaLayout
        Zones ``interaction zone`` and, with corners, ``corner 1`` and ``corner 2``.

    Raises
    ------
    ValueError
        If a length is not positive, a zone does not fit the floor, the corners overlap each other or
        the interaction zone, or the side is unknown.

    References
    ----------
    .. [1] Golden et al., Nat Protoc 6, 1183-1191 (2011).
    """
    if target_side not in TARGET_SIDES:
        raise ValueError(f"target side is {target_side!r}; it must be one of {', '.join(TARGET_SIDES)}")
    _require_fit(width_cm, length_cm, zone_width_cm, zone_depth_cm, corner_cm)
    place = _Placer(width_cm, length_cm, target_side)
    across = (width_cm - zone_width_cm) / 2
    zone = place(across, 0, zone_width_cm, zone_depth_cm)
    zones = [Zone("interaction zone", INTERACTION_ZONE, zone)]
    if corner_cm is not None:
        for number, start in ((1, 0.0), (2, width_cm - corner_cm)):
            corner = place(start, length_cm - corner_cm, corner_cm, corner_cm)
            zones.append(Zone(f"corner {number}", CORNER, corner))
    return ArenaLayout(place(0, 0, width_cm, length_cm), tuple(zones))


def to_cm(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    origin_px: tuple[float, float],
    px_per_cm: float,
    y_down: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """Turn a camera's pixels into the arena's cm.

    Parameters
    ----------
    x, y : array_like
        Positions (px); NaN stays NaN.
    origin_px : (float, float)
        Lower left corner of the floor in the same pixels.
    px_per_cm : float
        Scale.
    y_down : bool
        Whether y grows downward, as in images; False for trackers whose y grows upward.

    Returns
    -------
    x_cm, y_cm : numpy.ndarray
        Shaped as `x` and `y`.

    Raises
    ------
    ValueError
        If the scale is not positive or `x` and `y` differ in shape.
    """
    if not (math.isfinite(px_per_cm) and px_per_cm > 0):
        raise ValueError(f"the scale is {px_per_cm} px per cm; it must be more than 0")
    x_px, y_px = positions(x, y)
    up = -1.0 if y_down else 1.0
    return (x_px - origin_px[0]) / px_per_cm, up * (y_px - origin_px[1]) / px_per_cm


class _Placer:
    """Puts a rectangle, given along and from the target's wall, where the camera sees it."""

    def __init__(self, width_cm: float, length_cm: float, target_side: str):
        self.width_cm, self.length_cm, self.side = width_cm, length_cm, target_side

    def __call__(self, along: float, away: float, width: float, depth: float) -> Rectangle:
        far = self.length_cm - away - depth
        if self.side == "bottom":
            return Rectangle(along, away, width, depth)
        if self.side == "top":
            return Rectangle(along, far, width, depth)
        if self.side == "left":
            return Rectangle(away, along, depth, width)
        return Rectangle(far, along, depth, width)


def _require_fit(
    width_cm: float, length_cm: float, zone_width_cm: float, zone_depth_cm: float, corner_cm: float | None
) -> None:
    half_cm = width_cm / 2
    lengths = [
        ("width of the arena", width_cm, math.inf, ""),
        ("length of the arena", length_cm, math.inf, ""),
        ("width of the interaction zone", zone_width_cm, width_cm, "the width of the arena"),
        ("depth of the interaction zone", zone_depth_cm, length_cm, "the length of the arena"),
    ]
    if corner_cm is not None:
        lengths.append(("side of a corner", corner_cm, half_cm, "half the width of the arena"))
        lengths.append(("side of a corner", corner_cm, length_cm, "the length of the arena"))
    for what, length, longest, limit in lengths:
        if not (math.isfinite(length) and length > 0):
            raise ValueError(f"the {what} is {length} cm; it must be more than 0")
        if length > longest:
            raise ValueError(f"the {what} is {length:g} cm; it must be at most {limit}, {longest:g} cm")
    if corner_cm is None:
        return
    if zone_depth_cm + corner_cm > length_cm and zone_width_cm / 2 + corner_cm > half_cm:
        raise ValueError(
            f"corners of {corner_cm:g} cm overlap the interaction zone of {zone_width_cm:g} x {zone_depth_cm:g} cm"
        )
