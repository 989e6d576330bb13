"""Figures of stored trials, read anew from their files: the path over the arena, and where the mouse stayed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from altair.utils.schemapi import debug_mode as altair_checks

from analysis import figures
from analysis.figure_views import CONTENT_TYPES, Drawn, FigureError, figure_id
from analysis.figures.tracks import MOST_POINTS, Track, occupancy_maps, thinning, track_paths
from analysis.kernels.tracks import occupancy
from labdb.behavior.tracking.rereading import Path, Reread

SQUARES_ALONG = 30  # of an occupancy map: squares of 1.4 cm in a box of 42 cm, smaller than a mouse
TITLES = {"track": "Track over the arena", "occupancy": "Where it stayed"}
Panels = Sequence[tuple[str, Reread]]  # each trial with what it is called


def drawable(panels: Panels) -> list[tuple[str, Reread]]:
    """Return the trials that have a track."""
    return [(title, one) for title, one in panels if one.path is not None]


def figure_words(what: str, name: str, panels: Panels, url_of: Callable[[str], str]) -> dict[str, Any]:
    """Return what a page needs to show a figure; ``url_of`` is its address as a file of a format."""
    drawn = draw(name, panels)
    return {
        "id": figure_id(f"{what}-{name}"),
        "title": TITLES[name],
        "spec": figures.specification_of(drawn.chart),
        "files": [(kind.upper(), url_of(kind)) for kind in CONTENT_TYPES],
        "caption": drawn.caption,
    }


def draw(name: str, panels: Panels) -> Drawn:
    """Draw the figure of a name; FigureError where there is none, or no track."""
    if name not in TITLES:
        raise FigureError(f"{name} is not a figure of a track; there are: {', '.join(TITLES)}.", 404)
    shown = drawable(panels)
    if not shown:
        raise FigureError("There is no track; drop its tracker's files.", 404)
    with altair_checks(False):
        return _draw_tracks(shown) if name == "track" else _draw_occupancy(shown)


def _draw_tracks(panels: Panels) -> Drawn:
    drawn = []
    for title, one, path in _counted(panels):
        where = path.time_s, path.x_cm, path.y_cm
        drawn.append(Track(f"{title}, zones as scored" if one.is_elsewhere_today else title, *where, one.layout))
        if one.is_elsewhere_today:
            drawn.append(Track(f"{title}, zones as they are today", *where, one.today))
    most = max(thinning(track) for track in drawn)
    thinned = f" One sample in {most} is drawn, at most {MOST_POINTS:,} a trial; scores are of all." if most > 1 else ""
    has_roles = any(zone.role != "other" for track in drawn if track.layout for zone in track.layout.zones)
    colors = "blue: interaction zone, orange: corners" if has_roles else "outlined: zones"
    about = f"The triangle is the start; {colors}. Gaps are times when it was not found."
    return Drawn(track_paths(drawn), about + thinned)


def _draw_occupancy(panels: Panels) -> Drawn:
    maps = []
    for title, one, path in _counted(panels):
        if one.layout is None or one.how is None:
            continue
        floor = one.layout.floor
        side_cm = max(floor.width_cm, floor.height_cm) / SQUARES_ALONG
        seconds = occupancy(
            path.time_s, path.x_cm, path.y_cm, floor.width_cm, floor.height_cm, side_cm, max_gap_s=one.how.max_gap_s
        )  # fmt: skip
        maps.append((title, one.layout, seconds, side_cm))
    if not maps:
        return Drawn(figures.no_data("no data: the arena or the wall with the target is not known"), "")
    scale = "both trials have one scale of colors, which rises as a root" if len(maps) > 1 else "colors rise as a root"
    return Drawn(occupancy_maps(maps), f"Seconds in each square of {maps[0][3]:.1f} cm; {scale}.")


def _counted(panels: Panels) -> Iterator[tuple[str, Reread, Path]]:
    """Yield each track with the part that its score is of: the protocol's length from the start."""
    for title, one in panels:
        if one.path is not None:
            yield title, one, one.path.first(one.how.length_s if one.how else np.inf)
