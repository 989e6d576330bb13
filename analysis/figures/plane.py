"""The plane of control, susceptible and resilient mice, and where every treated mouse lies in it."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

CORNERS = pd.DataFrame(
    {"corner": ["control", "susceptible", "resilient"], "susceptible": [0.0, 1.0, 0.0], "resilient": [0.0, 0.0, 1.0]}
)
FARTHEST = (-2.0, 3.0)  # one hopeless mouse must not shrink all others to a dot; its tooltip has the numbers
PANEL_SIZE = 300  # pixels
MOUSE = ["susceptible", "resilient", "susceptible_se", "resilient_se"]
GROUP = [
    "susceptible", "resilient", "susceptible_low", "susceptible_high", "resilient_low", "resilient_high",
]  # fmt: skip


def phenotype_plane(mice: pd.DataFrame, groups: pd.DataFrame) -> Any:
    """Draw every treated mouse with its error between control (0, 0), susceptible (1, 0) and resilient (0, 1).

    One panel per region. The mean of each group is drawn larger, with its 95 % interval.

    Parameters
    ----------
    mice : pandas.DataFrame, one row per treated mouse and region
        ``mouse``, ``region``, ``group`` (arm, and how the mouse responded), ``susceptible``, ``resilient``
        (coordinates), ``susceptible_se``, ``resilient_se`` (spread of like mice); optional ``url``. Mice without a
        place are counted in the panel's heading.
    groups : pandas.DataFrame, one row per group and region
        ``region``, ``group``, ``n``, ``susceptible``, ``resilient``, and of either ``_low`` and ``_high``.
    """
    theme.require_columns(mice, ["mouse", "region", "group", *MOUSE])
    theme.require_columns(groups, ["region", "group", "n", *GROUP])
    placed = theme.finite_rows(mice, ["susceptible", "resilient"])
    means = theme.finite_rows(groups, GROUP)
    if placed.empty and means.empty:
        return theme.no_data("no data: no treated mouse has a place in the plane")
    names = theme.in_order([*placed["group"], *means["group"]])
    domain = _domain(placed, means)
    panels = []
    for region in dict.fromkeys([*placed["region"], *means["region"]]):
        here = placed[placed["region"] == region]
        n_lost = int(mice["region"].eq(region).sum() - len(here))
        note = f"; {n_lost} without a place" if n_lost else ""
        heading = alt.TitleParams(str(region), subtitle=f"{len(here)} treated mice drawn{note}")
        layers = _plane_panel(here, means[means["region"] == region], names, domain)
        panels.append(layers.properties(width=PANEL_SIZE, height=PANEL_SIZE, title=heading))
    return theme.themed(alt.concat(*panels, columns=2, spacing=24), keeps_aspect=True)


def _domain(mice: pd.DataFrame, means: pd.DataFrame) -> list[float]:
    """Return the ends of both axes: the corners, the places of all mice and the intervals of the groups."""
    seen = [-0.25, 1.25, *mice["susceptible"], *mice["resilient"], *means[GROUP].to_numpy().ravel()]
    return [max(min(seen) - 0.1, FARTHEST[0]), min(max(seen) + 0.1, FARTHEST[1])]


def _plane_panel(mice: pd.DataFrame, means: pd.DataFrame, names: list[str], domain: list[float]) -> Any:
    scale = alt.Scale(domain=domain, nice=False, zero=False)
    titles = {"susceptible": "share of the susceptible signature", "resilient": "share of the resilient signature"}
    x = alt.X("susceptible:Q", title=titles["susceptible"], scale=scale)
    y = alt.Y("resilient:Q", title=titles["resilient"], scale=scale)
    legend = alt.Legend(orient="bottom", title=None, columns=3)
    looks = {"color": theme.color_by("group", names, legend), "shape": theme.shape_by("group", names, legend)}
    shown_of_mouse = theme.tooltip(
        mice, mouse="mouse", region="region", group="group", susceptible="susceptible signature",
        susceptible_se="its error (SE)", resilient="resilient signature", resilient_se="error (SE) of that",
    )  # fmt: skip
    shown_of_mean = theme.tooltip(
        means, group="mean of", n="n", susceptible="susceptible signature", susceptible_low="susceptible, 95 % from",
        susceptible_high="susceptible, to", resilient="resilient signature", resilient_low="resilient, 95 % from",
        resilient_high="resilient, to",
    )  # fmt: skip
    points = alt.Chart(theme.values(mice)).mark_point(filled=True, size=40, opacity=0.75, clip=True)
    middle = alt.Chart(theme.values(means)).mark_point(
        filled=True, size=170, opacity=1, stroke="white", strokeWidth=1, clip=True
    )
    return alt.layer(
        *_corners(scale),
        *_crosses(_with_errors(mice), x, y, scale, looks["color"], strokeWidth=1, opacity=0.25),
        points.encode(x=x, y=y, **looks, tooltip=shown_of_mouse, **theme.links(mice)),
        *_crosses(means, x, y, scale, looks["color"], strokeWidth=2.5, opacity=1.0),
        middle.encode(x=x, y=y, **looks, tooltip=shown_of_mean),
    )


def _with_errors(mice: pd.DataFrame) -> pd.DataFrame:
    """Return places with one standard error to either side."""
    ends: dict[str, pd.Series] = {}
    for axis in ("susceptible", "resilient"):
        error = pd.to_numeric(mice[f"{axis}_se"]).astype(float)
        ends |= {f"{axis}_low": mice[axis] - error, f"{axis}_high": mice[axis] + error}
    return mice.assign(**ends)


def _crosses(rows: pd.DataFrame, x: alt.X, y: alt.Y, scale: alt.Scale, color: Any, **look: float) -> list[alt.Chart]:
    """Return the errors of places in both directions."""
    base = alt.Chart(theme.values(rows[[*GROUP, "group"]])).mark_rule(clip=True, **look)
    along_x = base.encode(x=alt.X("susceptible_low:Q", scale=scale), x2="susceptible_high:Q", y=y, color=color)
    return [along_x, base.encode(x=x, y=alt.Y("resilient_low:Q", scale=scale), y2="resilient_high:Q", color=color)]


def _corners(scale: alt.Scale) -> list[alt.Chart]:
    """Return the triangle of the three corners with their names."""
    outline = pd.concat([CORNERS, CORNERS.head(1)]).assign(step=range(4))
    line = alt.Chart(theme.values(outline)).mark_line(style="quiet-line", clip=True)
    base = alt.Chart(theme.values(CORNERS))
    places: dict[str, Any] = {
        "x": alt.X("susceptible:Q", scale=scale), "y": alt.Y("resilient:Q", scale=scale),
    }  # fmt: skip
    words = base.mark_text(style="annotation", dy=14).encode(**places, text="corner:N")
    marks = base.mark_point(style="null-point", shape="square", size=90)
    return [line.encode(**places, order="step:O"), marks.encode(**places), words]
