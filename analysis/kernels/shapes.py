"""Rectangle, circle and polygon on the floor of an arena, in cm.

Edges belong to a shape, and a missing position (NaN) lies in none.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

CIRCLE_CORNERS = 72  # one per 5 degrees looks round at any size on a page
ON_EDGE_CM = 1e-9  # rounding of coordinates, far below any tracker's resolution


class Shape(Protocol):
    """A closed area of the floor."""

    @property
    def area_cm2(self) -> float:
        """Area (cm2)."""

    def contains(self, x_cm: npt.ArrayLike, y_cm: npt.ArrayLike) -> BoolArray:
        """Return which positions (cm) lie inside, edges included; a missing one does not."""

    def outline_cm(self) -> FloatArray:
        """Corner points (cm) in drawing order, shape (n_corners, 2), the first not repeated."""

    def crossings(self, x0: FloatArray, y0: FloatArray, x1: FloatArray, y1: FloatArray) -> FloatArray:
        """Where straight steps from (x0, y0) to (x1, y1) meet the edge.

        Parameters
        ----------
        x0, y0, x1, y1 : numpy.ndarray, shape (n_steps,)
            Ends of the steps (cm).

        Returns
        -------
        numpy.ndarray, shape (n_steps, n_possible)
            Fractions of the step, in no order; NaN or outside 0 to 1 where there is no crossing. May
            name points at which the step stays on its side: test the parts between them.
        """


@dataclass(frozen=True)
class Rectangle:
    """Rectangle with sides along the walls.

    Attributes
    ----------
    x_cm, y_cm : float
        Lower left corner.
    width_cm, height_cm : float
        Extent along x and along y.
    """

    x_cm: float
    y_cm: float
    width_cm: float
    height_cm: float

    def __post_init__(self) -> None:
        _require_finite(self, "x_cm", "y_cm")
        _require_positive(self, "width_cm", "height_cm")

    @property
    def area_cm2(self) -> float:
        """Area (cm2)."""
        return self.width_cm * self.height_cm

    def contains(self, x_cm: npt.ArrayLike, y_cm: npt.ArrayLike) -> BoolArray:
        """Return which positions (cm) lie inside, edges included; a missing one does not."""
        x, y = positions(x_cm, y_cm)
        inside = (x >= self.x_cm) & (x <= self.x_cm + self.width_cm)
        return inside & (y >= self.y_cm) & (y <= self.y_cm + self.height_cm)

    def outline_cm(self) -> FloatArray:
        """Corner points (cm) from the lower left on, counterclockwise, shape (4, 2)."""
        left, right, low, high = self.x_cm, self.x_cm + self.width_cm, self.y_cm, self.y_cm + self.height_cm
        return np.array([(left, low), (right, low), (right, high), (left, high)], dtype=float)

    def crossings(self, x0: FloatArray, y0: FloatArray, x1: FloatArray, y1: FloatArray) -> FloatArray:
        """Fractions of each step at which it meets the four lines of the sides; see `Shape`."""
        sides_x, sides_y = np.array([0, self.width_cm]) + self.x_cm, np.array([0, self.height_cm]) + self.y_cm
        with np.errstate(divide="ignore", invalid="ignore"):
            by_x = (sides_x - x0[:, None]) / (x1 - x0)[:, None]
            by_y = (sides_y - y0[:, None]) / (y1 - y0)[:, None]
        return np.hstack([by_x, by_y])


@dataclass(frozen=True)
class Circle:
    """Circle, as around a cage in the middle.

    Attributes
    ----------
    x_cm, y_cm : float
        Center.
    radius_cm : float
        Radius.
    """

    x_cm: float
    y_cm: float
    radius_cm: float

    def __post_init__(self) -> None:
        _require_finite(self, "x_cm", "y_cm")
        _require_positive(self, "radius_cm")

    @property
    def area_cm2(self) -> float:
        """Area (cm2)."""
        return math.pi * self.radius_cm**2

    def contains(self, x_cm: npt.ArrayLike, y_cm: npt.ArrayLike) -> BoolArray:
        """Return which positions (cm) lie inside, edges included; a missing one does not."""
        x, y = positions(x_cm, y_cm)
        return np.hypot(x - self.x_cm, y - self.y_cm) <= self.radius_cm

    def outline_cm(self) -> FloatArray:
        """Points on the edge (cm), counterclockwise from the right, shape (72, 2)."""
        angle = np.linspace(0, 2 * math.pi, CIRCLE_CORNERS, endpoint=False)
        return np.column_stack([self.x_cm + self.radius_cm * np.cos(angle), self.y_cm + self.radius_cm * np.sin(angle)])

    def crossings(self, x0: FloatArray, y0: FloatArray, x1: FloatArray, y1: FloatArray) -> FloatArray:
        """Fractions of each step at which it meets the circle; see `Shape`."""
        # |p + f d|^2 = r^2 with p from the center: a f^2 + 2 b f + c = 0
        px, py, dx, dy = x0 - self.x_cm, y0 - self.y_cm, x1 - x0, y1 - y0
        a, b, c = dx**2 + dy**2, px * dx + py * dy, px**2 + py**2 - self.radius_cm**2
        with np.errstate(divide="ignore", invalid="ignore"):
            root = np.sqrt(b**2 - a * c)
            return np.column_stack([(-b - root) / a, (-b + root) / a])


@dataclass(frozen=True)
class Polygon:
    """Area within straight edges that do not cross each other; it may be concave.

    Attributes
    ----------
    corners_cm : tuple of (float, float)
        At least three corners (x, y) in order, the first not repeated.
    """

    corners_cm: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.corners_cm) < 3:
            raise ValueError(f"a polygon needs 3 corners or more; got {len(self.corners_cm)}")
        if not all(math.isfinite(number) for corner in self.corners_cm for number in corner):
            raise ValueError("the corners of a polygon must be finite numbers of cm")
        if self.area_cm2 == 0:
            raise ValueError("the corners of a polygon lie on one line, so it has no area")
        if crossed := _crossed_edges(self.outline_cm()):
            raise ValueError(f"edges {crossed[0]} and {crossed[1]} of the polygon cross; give its corners in order")

    @property
    def area_cm2(self) -> float:
        """Area (cm2), by the shoelace formula."""
        x, y = self.outline_cm().T
        return float(abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2)

    def contains(self, x_cm: npt.ArrayLike, y_cm: npt.ArrayLike) -> BoolArray:
        """Return which positions (cm) lie inside, edges included; a missing one does not."""
        x, y = positions(x_cm, y_cm)
        inside, on_edge = np.zeros(x.shape, dtype=bool), np.zeros(x.shape, dtype=bool)
        for (ax, ay), (bx, by) in self._edges():
            # A ray to the right crosses the edge when one end lies above it and the other does not.
            straddles = (ay > y) != (by > y)
            if ay != by:
                inside ^= straddles & (x < ax + (y - ay) * (bx - ax) / (by - ay))
            length = math.hypot(bx - ax, by - ay)
            along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length**2, 0, 1)
            on_edge |= np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)) <= ON_EDGE_CM
        return inside | on_edge

    def outline_cm(self) -> FloatArray:
        """Corner points (cm), shape (n_corners, 2)."""
        return np.array(self.corners_cm, dtype=float)

    def crossings(self, x0: FloatArray, y0: FloatArray, x1: FloatArray, y1: FloatArray) -> FloatArray:
        """Fractions of each step at which it meets the line of each edge; see `Shape`."""
        fractions = []
        for (ax, ay), (bx, by) in self._edges():
            normal_x, normal_y = by - ay, ax - bx
            with np.errstate(divide="ignore", invalid="ignore"):
                to_line = normal_x * (ax - x0) + normal_y * (ay - y0)
                fractions.append(to_line / (normal_x * (x1 - x0) + normal_y * (y1 - y0)))
        return np.column_stack(fractions)

    def _edges(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        corners = self.corners_cm
        return [(a, b) for a, b in zip(corners, (*corners[1:], corners[0]), strict=True) if a != b]


def positions(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both coordinates as floats of one shape, or raise `ValueError`."""
    x_array, y_array = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x_array.shape != y_array.shape:
        raise ValueError(f"x and y must have one shape; got {x_array.shape} and {y_array.shape}")
    return x_array, y_array


def _crossed_edges(corners: FloatArray) -> tuple[int, int] | None:
    """Numbers, from 1, of two edges that cross at an inner point of both; None when none do."""
    ends = np.roll(corners, -1, axis=0)
    for first in range(len(corners)):
        for second in range(first + 1, len(corners)):
            a, b, c, d = corners[first], ends[first], corners[second], ends[second]
            if _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0:
                return first + 1, second + 1
    return None


def _turn(a: FloatArray, b: FloatArray, c: FloatArray) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def _require_finite(shape: object, *names: str) -> None:
    for name in names:
        if not math.isfinite(getattr(shape, name)):
            raise ValueError(f"{name} must be a finite number of cm; got {getattr(shape, name)}")


def _require_positive(shape: object, *names: str) -> None:
    for name in names:
        length = getattr(shape, name)
        if not (math.isfinite(length) and length > 0):
            raise ValueError(f"{name} must be more than 0 cm; got {length}")
