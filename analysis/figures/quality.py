"""Figures of the quality of libraries: sizes, principal components, sex by its genes, correlations."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.figures import theme

JITTER_STEPS = 7
PANELS_A_ROW = 4
HEAT_MAP_SIDE = 420  # pixels
FLOOR_CPM = 0.05  # where a library without a read of the gene is drawn on the log axis
SEX_NAMES = {"M": "recorded male", "F": "recorded female"}
SEX_COLORS = {"recorded male": theme.BLUE, "recorded female": theme.ORANGE, "sex not recorded": theme.GRAY}
SEX_SHAPES = ("circle", "triangle-up", "square")


def library_sizes(libraries: pd.DataFrame) -> Any:
    """Draw the reads of every library by group, a panel for each region, with the medians.

    Parameters
    ----------
    libraries : pandas.DataFrame, one row per library
        ``library``, ``mouse``, ``region``, ``group``, ``reads_million``; optional ``is_low`` (ringed), ``url``.
    """
    theme.require_columns(libraries, ["library", "mouse", "region", "group", "reads_million"])
    drawn = theme.finite_rows(libraries, ["reads_million"])
    if drawn.empty:
        return theme.no_data("no data: no library has counts")
    groups = theme.in_order(drawn["group"])
    highest = float(drawn["reads_million"].max())
    panels = [
        _sizes_of_region(drawn[drawn["region"] == region], str(region), groups, highest, is_first=i % PANELS_A_ROW == 0)
        for i, region in enumerate(dict.fromkeys(drawn["region"]))
    ]
    return theme.themed(alt.concat(*panels, columns=PANELS_A_ROW, spacing=18))


def _sizes_of_region(libraries: pd.DataFrame, region: str, groups: list[str], highest: float, *, is_first: bool) -> Any:
    placed = libraries.assign(place=(libraries.groupby("group").cumcount() * 3) % JITTER_STEPS)
    medians = libraries.groupby("group")["reads_million"].median().reset_index().assign(place=JITTER_STEPS // 2)
    x = alt.X("group:N", sort=groups, title=None, scale=alt.Scale(domain=groups), axis=alt.Axis(labelAngle=-40))
    offset = alt.XOffset("place:O", scale=alt.Scale(domain=list(range(JITTER_STEPS))))
    y = alt.Y(
        "reads_million:Q",
        title="reads (million)" if is_first else None,
        scale=alt.Scale(domain=[0, highest], nice=True),
    )
    shown = ["library", "mouse", "region", "group", "reads_million", "place", *(["url"] if "url" in placed else [])]
    points = alt.Chart(theme.values(placed[shown])).mark_point(filled=True, size=36, opacity=0.9)
    points = points.encode(
        x=x, xOffset=offset, y=y, color=theme.color_by("group", groups), shape=theme.shape_by("group", groups),
        tooltip=theme.tooltip(placed, library="library", mouse="mouse", group="group", reads_million="reads (million)"),
        **theme.links(placed),
    )  # fmt: skip
    layers = [
        points,
        alt.Chart(theme.values(medians)).mark_tick(style="median", orient="horizontal", size=20).encode(x=x, y=y),
    ]
    if "is_low" in placed and placed["is_low"].any():
        ringed = alt.Chart(theme.values(placed.loc[placed["is_low"], shown]))
        ringed = ringed.mark_point(filled=False, size=190, strokeWidth=2, color=theme.VERMILLION, shape="circle")
        layers.append(ringed.encode(x=x, xOffset=offset, y=y))
    heading = alt.TitleParams(f"{region} (n = {len(libraries)})", subtitle="bar: median" if is_first else " ")
    return alt.layer(*layers).properties(width=max(140, 24 * len(groups)), height=210, title=heading)


def pca(libraries: pd.DataFrame, *, color: str, axes: tuple[str, str], titles: tuple[str, str]) -> Any:
    """Draw two principal components of every library.

    Parameters
    ----------
    libraries : pandas.DataFrame, one row per library
        ``library``, ``mouse``, ``region``, ``group``, the axes; optional ``url``.
    color : str
        Column that colors the points.
    axes, titles : pair of str
        Columns drawn, and what the axes are called.
    """
    theme.require_columns(libraries, ["library", "mouse", "region", "group", *axes])
    drawn = theme.finite_rows(libraries, list(axes))
    if drawn.empty:
        return theme.no_data("no data: no library has components")
    named = theme.counted(drawn[color])
    shown = ["library", "mouse", "region", "group", *axes, *(["url"] if "url" in drawn else [])]
    points = drawn[shown].assign(colored=drawn[color].map(named))
    scale = alt.Scale(domain=list(named.values()), range=theme.colors_of(list(named)))
    shapes = alt.Scale(domain=list(named.values()), range=_shapes(list(named)))
    legend = alt.Legend(title=None)
    chart = alt.Chart(theme.values(points)).mark_point(filled=True, size=45, opacity=0.85)
    chart = chart.encode(
        x=alt.X(f"{axes[0]}:Q", title=titles[0], scale=alt.Scale(zero=False)),
        y=alt.Y(f"{axes[1]}:Q", title=titles[1], scale=alt.Scale(zero=False)),
        color=alt.Color("colored:N", scale=scale, legend=legend),
        shape=alt.Shape("colored:N", scale=shapes, legend=legend),
        tooltip=theme.tooltip(points, library="library", mouse="mouse", region="region", group="group"),
        **theme.links(points),
    )
    return theme.themed(chart.properties(width=360, height=300))


def _shapes(names: list[str]) -> list[str]:
    """Return the shapes of groups, and different ones where the names are no groups, such as regions."""
    known = theme.shapes_of(names)
    others = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
    return known if len(set(known)) > 1 else [others[i % len(others)] for i in range(len(names))]


def sex_genes(libraries: pd.DataFrame) -> Any:
    """Draw Xist against the genes on Y, colored by the recorded sex.

    Parameters
    ----------
    libraries : pandas.DataFrame, one row per library
        ``library``, ``mouse``, ``region``, ``sex`` (M, F, U), ``xist_cpm``, ``y_cpm``; optional ``url``.
    """
    theme.require_columns(libraries, ["library", "mouse", "region", "sex", "xist_cpm", "y_cpm"])
    known = theme.finite_rows(libraries, ["xist_cpm", "y_cpm"])
    if known.empty:
        return theme.no_data("no data: the annotation has no Xist, or no gene on Y")
    recorded = known["sex"].map(SEX_NAMES).fillna("sex not recorded")
    names = [name for name in SEX_COLORS if (recorded == name).any()]
    counted = {name: f"{name} (n = {(recorded == name).sum()})" for name in names}
    points = known.assign(
        recorded=recorded.map(counted),
        x=np.maximum(known["y_cpm"], FLOOR_CPM),
        y=np.maximum(known["xist_cpm"], FLOOR_CPM),
    )
    shown = [
        "library",
        "mouse",
        "region",
        "xist_cpm",
        "y_cpm",
        "recorded",
        "x",
        "y",
        *(["url"] if "url" in points else []),
    ]
    points = points[shown].sort_values("recorded", ascending=False)
    scale = alt.Scale(domain=list(counted.values()), range=[SEX_COLORS[name] for name in names])
    shapes = alt.Scale(
        domain=list(counted.values()), range=[SEX_SHAPES[list(SEX_COLORS).index(name)] for name in names]
    )
    highest = 2 * float(max(points["x"].max(), points["y"].max(), 1.0))
    log = alt.Scale(type="log", domain=[FLOOR_CPM * 0.8, highest], nice=False)
    axis = alt.Axis(values=[0.1, 1, 10, 100, 1000], format="~g")
    chart = alt.Chart(theme.values(points)).mark_point(filled=True, size=55, opacity=0.85)
    chart = chart.encode(
        x=alt.X("x:Q", title="genes on Y (counts per million)", scale=log, axis=axis),
        y=alt.Y("y:Q", title="Xist (counts per million)", scale=log, axis=axis),
        color=alt.Color("recorded:N", scale=scale, legend=alt.Legend(title=None, orient="top")),
        shape=alt.Shape("recorded:N", scale=shapes, legend=alt.Legend(title=None, orient="top")),
        tooltip=theme.tooltip(points, library="library", mouse="mouse", xist_cpm="Xist CPM", y_cpm="Y CPM"),
        **theme.links(points),
    )
    return theme.themed(chart.properties(width=360, height=300))


def correlations(pairs: pd.DataFrame, order: list[str]) -> Any:
    """Draw the correlation of every two libraries as a heat map.

    Parameters
    ----------
    pairs : pandas.DataFrame
        ``one``, ``other``, ``r``; each library with itself too.
    order : list of str
        Of the libraries on both axes.
    """
    theme.require_columns(pairs, ["one", "other", "r"])
    drawn = theme.finite_rows(pairs, ["r"])
    if drawn.empty:
        return theme.no_data("no data: no two libraries can be compared")
    apart = drawn.loc[drawn["one"] != drawn["other"], "r"]
    low = float(apart.min()) if len(apart) else 0.0
    has_room = len(order) <= 40
    axis = alt.Axis(labels=has_room, ticks=has_room, domain=False, labelAngle=-90, labelFontSize=8)
    chart = alt.Chart(theme.values(drawn)).mark_rect()
    chart = chart.encode(
        x=alt.X("one:N", sort=order, title=None, axis=axis),
        y=alt.Y(
            "other:N",
            sort=order,
            title=None,
            axis=alt.Axis(labels=has_room, ticks=has_room, domain=False, labelFontSize=8),
        ),
        color=alt.Color(
            "r:Q",
            title="r",
            scale=alt.Scale(scheme="viridis", domain=[low, float(apart.max()) if len(apart) else 1.0], clamp=True),
        ),
        tooltip=theme.tooltip(drawn, one="library", other="and", r="r"),
    )
    return theme.themed(chart.properties(width=HEAT_MAP_SIDE, height=HEAT_MAP_SIDE), keeps_aspect=True)
