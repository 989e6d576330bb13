"""Figures of a mouse's track in the arena: where it went, and where it stayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.figures import theme
from analysis.kernels.shapes import FloatArray
from analysis.kernels.zones import CORNER, INTERACTION_ZONE, OTHER, ArenaLayout

PANEL_WIDTH = 360  # pixels
MOST_POINTS = 900  # of a drawn track: a line of that width shows no more
ROLE_COLORS = {INTERACTION_ZONE: theme.BLUE, CORNER: theme.ORANGE}


@dataclass(frozen=True)
class Track:
    """One trial: where the mouse was (cm from the lower left corner of the floor), and the arena around it."""

    title: str
    time_s: FloatArray
    x_cm: FloatArray
    y_cm: FloatArray
    layout: ArenaLayout | None = None


def track_paths(tracks: Sequence[Track]) -> Any:
    """Draw each trial's path over the arena and its zones, side by side.

    A track of more than `MOST_POINTS` samples is thinned evenly; the start is a point.
    """
    drawn = [track for track in tracks if np.isfinite(track.x_cm).any()]
    if not drawn:
        return theme.no_data("no data: the mouse was found in no sample")
    return _side_by_side([_path_panel(track) for track in drawn])


def thinning(track: Track) -> int:
    """Return of how many samples one is drawn."""
    return max(1, -(-len(track.time_s) // MOST_POINTS))


def occupancy_maps(maps: Sequence[tuple[str, ArenaLayout, FloatArray, float]]) -> Any:
    """Draw the time spent at each place of the floor, side by side on one scale.

    Parameters
    ----------
    maps : sequence of (str, ArenaLayout, numpy.ndarray of shape (n_y, n_x), float)
        Title, arena, seconds per square with row 0 at y = 0, and the side of a square (cm).
    """
    if not maps:
        return theme.no_data("no data: the arena of no trial is known")
    most_s = max(float(seconds.max()) for _title, _layout, seconds, _bin in maps) or 1.0
    panels = [_occupancy_panel(*one, most_s) for one in maps]
    return _side_by_side(panels)


def _path_panel(track: Track) -> Any:
    step = thinning(track)
    path = pd.DataFrame({"x": track.x_cm[::step], "y": track.y_cm[::step], "t": track.time_s[::step]})
    layout = track.layout
    domains = _domains(layout, track)
    x, y = _axes(domains)
    base = alt.Chart(theme.values(path))
    line = base.mark_line(color=theme.GRAY, strokeWidth=1, opacity=0.8, invalid="break-paths-show-path-domains").encode(
        x=x, y=y, order=alt.Order("t:Q")
    )
    first = path.dropna().head(1)
    start = (
        alt.Chart(theme.values(first)).mark_point(filled=True, size=60, color=theme.VERMILLION, shape="triangle-up").encode(x=x, y=y)
    )  # fmt: skip
    layers = [*_outlines(layout, x, y, is_filled=True), line, start]
    return _panel(layers, domains, track.title)


def _occupancy_panel(title: str, layout: ArenaLayout, seconds: FloatArray, bin_cm: float, most_s: float) -> Any:
    row, column = np.nonzero(seconds > 0)
    squares = pd.DataFrame(
        {
            "x": column * bin_cm, "x2": (column + 1) * bin_cm, "y": row * bin_cm, "y2": (row + 1) * bin_cm,
            "seconds": seconds[row, column],
        }
    )  # fmt: skip
    domains = _domains(layout, None)
    x, y = _axes(domains)
    color = alt.Color(
        "seconds:Q", title="time (s)",
        scale=alt.Scale(scheme="viridis", type="sqrt", domain=[0, most_s]), legend=alt.Legend(orient="right"),
    )  # fmt: skip
    heat = (
        alt.Chart(theme.values(squares))
        .mark_rect(clip=True)
        .encode(
            x=x, x2="x2", y=y, y2="y2", color=color,
            tooltip=[alt.Tooltip("seconds:Q", title="time (s)", format=".2f")],
        )
    )  # fmt: skip
    return _panel([heat, *_outlines(layout, x, y, is_filled=False)], domains, title)


def _outlines(layout: ArenaLayout | None, x: Any, y: Any, *, is_filled: bool) -> list[Any]:
    """Return floor and zones as closed lines, each in the color of its role: one layer, for each costs 10 ms."""
    if layout is None:
        return []
    shapes = [("floor", OTHER, layout.floor), *((zone.name, zone.role, zone.shape) for zone in layout.zones)]
    corners = [
        {"x": px, "y": py, "name": name, "role": role, "order": order}
        for name, role, shape in shapes
        for order, (px, py) in enumerate(shape.outline_cm().tolist())
    ]
    colors = [*ROLE_COLORS.values(), theme.GRAY]
    scale = alt.Scale(domain=[*ROLE_COLORS, OTHER], range=colors)
    mark: dict[str, Any] = {"strokeWidth": 1.5}
    fill = {}
    if is_filled:
        mark["fillOpacity"] = 0.15
        filled = alt.Scale(domain=[*ROLE_COLORS, OTHER], range=[*ROLE_COLORS.values(), "transparent"])
        fill = {"fill": alt.Fill("role:N", scale=filled, legend=None)}
    outline = alt.Chart(theme.values(pd.DataFrame(corners))).mark_line(interpolate="linear-closed", **mark)
    return [
        outline.encode(
            x=x, y=y, detail="name:N", order=alt.Order("order:Q"),
            stroke=alt.Stroke("role:N", scale=scale, legend=None),
            tooltip=[alt.Tooltip("name:N", title="zone")], **fill,
        )
    ]  # fmt: skip


def _domains(layout: ArenaLayout | None, track: Track | None) -> tuple[list[float], list[float]]:
    """Return what is shown along x and y: the floor, and the track where it leaves it."""
    low_x, low_y, high_x, high_y = np.inf, np.inf, -np.inf, -np.inf
    if layout is not None:
        low_x, low_y, high_x, high_y = 0.0, 0.0, layout.floor.width_cm, layout.floor.height_cm
    if track is not None:
        low_x, high_x = min(low_x, float(np.nanmin(track.x_cm))), max(high_x, float(np.nanmax(track.x_cm)))
        low_y, high_y = min(low_y, float(np.nanmin(track.y_cm))), max(high_y, float(np.nanmax(track.y_cm)))
    return [float(low_x), max(float(high_x), float(low_x) + 1)], [float(low_y), max(float(high_y), float(low_y) + 1)]


def _axes(domains: tuple[list[float], list[float]]) -> tuple[Any, Any]:
    axis = alt.Axis(grid=False, tickCount=5)
    along_x, along_y = (alt.Scale(domain=domain, nice=False, zero=False) for domain in domains)
    return (
        alt.X("x:Q", title="x (cm)", axis=axis, scale=along_x),
        alt.Y("y:Q", title="y (cm)", axis=axis, scale=along_y),
    )


def _panel(layers: list[Any], domains: tuple[list[float], list[float]], title: str) -> Any:
    (left, right), (low, high) = domains
    height = round(PANEL_WIDTH * (high - low) / (right - left))
    # Given at once: each later change copies all layers, and takes 20 ms.
    return alt.layer(*layers, width=PANEL_WIDTH, height=min(max(height, 60), 3 * PANEL_WIDTH), title=title)


def _side_by_side(panels: list[Any]) -> theme.SideBySide:
    return theme.SideBySide(panels, columns=2, spacing=24, keeps_aspect=True)
