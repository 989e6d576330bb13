"""Shapes and the layout of the arena; areas and places worked out by hand."""

import math

import numpy as np
import pytest

from analysis.kernels.shapes import Circle, Polygon, Rectangle
from analysis.kernels.zones import Zone, si_arena, to_cm

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
# An L: the square without its upper right quarter.
L_SHAPE = ((0.0, 0.0), (10.0, 0.0), (10.0, 5.0), (5.0, 5.0), (5.0, 10.0), (0.0, 10.0))


@pytest.mark.parametrize(
    ("shape", "area_cm2"),
    [
        (Rectangle(1, 2, 3, 4), 12.0),
        (Circle(5, 5, 2), 4 * math.pi),
        (Polygon(SQUARE), 100.0),
        (Polygon(SQUARE[::-1]), 100.0),  # clockwise
        (Polygon(L_SHAPE), 75.0),  # 100 - 5 x 5
    ],
)
def test_areas(shape, area_cm2):
    assert shape.area_cm2 == pytest.approx(area_cm2)


@pytest.mark.parametrize("shape", [Rectangle(0, 0, 10, 10), Polygon(SQUARE), Polygon(SQUARE[::-1])])
def test_edges_and_corners_belong_to_the_shape(shape):
    x = [0, 10, 10, 0, 5, 10, 5, 0, 5]
    y = [0, 0, 10, 10, 0, 5, 10, 5, 5]
    assert shape.contains(x, y).all()
    assert not shape.contains([-0.001, 10.001, 5, 5], [5, 5, -0.001, 10.001]).any()


def test_a_circle_holds_its_edge():
    # 3-4-5: (3, 4) lies on the circle of radius 5 around 0
    assert Circle(0, 0, 5).contains([3, 0, 3.001], [4, -5, 4]).tolist() == [True, True, False]


def test_a_concave_polygon_leaves_out_its_notch():
    x, y = [2, 7, 2, 7, 5, 7.5, 5, 7], [2, 2, 7, 7, 5, 5, 7.5, 5.001]
    assert Polygon(L_SHAPE).contains(x, y).tolist() == [True, True, True, False, True, True, True, False]


@pytest.mark.parametrize("shape", [Rectangle(0, 0, 10, 10), Circle(0, 0, 5), Polygon(L_SHAPE)])
def test_a_missing_position_lies_in_no_shape_and_the_grid_keeps_its_shape(shape):
    x = np.array([[np.nan, 1.0], [1.0, np.nan]])
    y = np.array([[1.0, np.nan], [1.0, np.nan]])
    assert shape.contains(x, y).tolist() == [[False, False], [True, False]]


def test_outlines_go_round():
    assert Rectangle(1, 2, 3, 4).outline_cm().tolist() == [[1, 2], [4, 2], [4, 6], [1, 6]]
    ring = Circle(1, 2, 3).outline_cm()
    assert np.hypot(ring[:, 0] - 1, ring[:, 1] - 2) == pytest.approx(3)
    assert Polygon(L_SHAPE).outline_cm().shape == (6, 2)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Rectangle(0, 0, 0, 4), "width_cm must be more than 0 cm; got 0"),
        (lambda: Rectangle(math.nan, 0, 1, 4), "x_cm must be a finite number of cm; got nan"),
        (lambda: Circle(0, 0, math.inf), "radius_cm must be more than 0 cm; got inf"),
        (lambda: Polygon(SQUARE[:2]), "a polygon needs 3 corners or more; got 2"),
        (lambda: Polygon(((0, 0), (1, 1), (2, 2))), "the corners of a polygon lie on one line"),
        (lambda: Polygon(((0, 0), (4, 4), (4, 0), (0, 2))), "edges 1 and 3 of the polygon cross"),
        (lambda: Zone("", "corner", Circle(0, 0, 1)), "a zone must have a name"),
        (lambda: Zone("nest", "bed", Circle(0, 0, 1)), "the role of zone nest is bed; it must be one of interaction_zone"),
    ],
)  # fmt: skip
def test_impossible_shapes_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


# Golden et al. 2011: 42 x 42 cm, interaction zone 14 x 24 cm, corners 9 x 9 cm. Another 50 x 40 cm box for the sides.
@pytest.mark.parametrize(
    ("side", "floor", "zone", "corners"),
    [
        ("bottom", (50, 40), (18, 0, 14, 24), [(0, 31), (41, 31)]),  # (50 - 14) / 2 = 18; 40 - 9 = 31; 50 - 9 = 41
        ("top", (50, 40), (18, 16, 14, 24), [(0, 0), (41, 0)]),  # 40 - 24 = 16
        ("left", (40, 50), (0, 18, 24, 14), [(31, 0), (31, 41)]),
        ("right", (40, 50), (16, 18, 24, 14), [(0, 0), (0, 41)]),
    ],
)
def test_the_zone_stands_at_the_targets_wall_and_the_corners_opposite(side, floor, zone, corners):
    arena = si_arena(50, 40, 14, 24, 9, side)
    assert arena.floor == Rectangle(0, 0, *floor)
    assert [(placed.name, placed.role) for placed in arena.zones] == [
        ("interaction zone", "interaction_zone"), ("corner 1", "corner"), ("corner 2", "corner"),
    ]  # fmt: skip
    assert arena.zones[0].shape == Rectangle(*zone)
    assert [placed.shape for placed in arena.zones[1:]] == [Rectangle(x, y, 9, 9) for x, y in corners]


def test_an_arena_may_have_no_corners():
    assert [zone.role for zone in si_arena(42, 42, 14, 9, None, "top").zones] == ["interaction_zone"]


@pytest.mark.parametrize(
    ("lengths", "side", "sentence"),
    [
        ((42, 42, 43, 9, 9), "top", "the width of the interaction zone is 43 cm; it must be at most the width of the arena, 42 cm"),
        ((42, 30, 14, 31, 9), "top", "the depth of the interaction zone is 31 cm; it must be at most the length of the arena, 30 cm"),
        ((42, 42, 14, 9, 22), "top", "the side of a corner is 22 cm; it must be at most half the width of the arena, 21 cm"),
        ((42, 10, 14, 9, 11), "top", "the side of a corner is 11 cm; it must be at most the length of the arena, 10 cm"),
        ((42, 42, 30, 36, 9), "top", "corners of 9 cm overlap the interaction zone of 30 x 36 cm"),
        ((0, 42, 14, 9, 9), "top", "the width of the arena is 0 cm; it must be more than 0"),
        ((42, 42, 14, 9, 9), "north", "target side is 'north'; it must be one of left, right, top, bottom"),
    ],
)  # fmt: skip
def test_zones_that_do_not_fit_are_refused(lengths, side, sentence):
    with pytest.raises(ValueError, match=sentence):
        si_arena(*lengths, side)


def test_pixels_become_cm_with_y_up():
    # 10 px per cm, lower left corner at (100, 500) of an image whose y grows downward
    x_cm, y_cm = to_cm([100, 520, np.nan], [500, 80, 80], (100, 500), 10)
    np.testing.assert_allclose(x_cm, [0, 42, np.nan])
    np.testing.assert_allclose(y_cm, [0, 42, 42])
    _, y_up_cm = to_cm([100], [620], (100, 500), 10, y_down=False)
    assert y_up_cm.tolist() == [12]  # (620 - 500) / 10


def test_a_scale_of_0_and_unequal_coordinates_are_refused():
    with pytest.raises(ValueError, match="the scale is 0 px per cm; it must be more than 0"):
        to_cm([1], [1], (0, 0), 0)
    with pytest.raises(ValueError, match=r"x and y must have one shape; got \(2,\) and \(1,\)"):
        to_cm([1, 2], [1], (0, 0), 1)
