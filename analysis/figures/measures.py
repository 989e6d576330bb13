"""Figures of neuroplasticity: a measure against the SI ratio, all correlations at once, and a measure by arm."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

RATIO_TICKS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]
ROW_HEIGHT = 26
POOLED = "all, pooled"
JOINT = ", "
# A measure is named in its first row, and below it the groups alone.
GROUP_ALONE = (
    f"slice(datum.label, -{len(POOLED)}) === '{POOLED}' ? datum.label"
    f" : slice(datum.label, lastindexof(datum.label, '{JOINT}') + {len(JOINT)})"
)


def measure_vs_si(mice: pd.DataFrame, *, y_title: str, x_title: str, heading: str, subtitle: list[str]) -> Any:
    """Draw one measure of every mouse against its SI ratio, log scale, by group.

    Parameters
    ----------
    mice : pandas.DataFrame, one row per mouse
        ``mouse``, ``group``, ``si_ratio``, ``value``; optional ``url``. A ratio of 0 has no place on the log scale.
    heading : str
        The correlation of all mice, with n.
    subtitle : list of str
        Those within the groups.
    """
    theme.require_columns(mice, ["mouse", "group", "si_ratio", "value"])
    drawn = theme.finite_rows(theme.finite_rows(mice, ["value"]), ["si_ratio"], above=0.0)
    if drawn.empty:
        return theme.no_data("no data: no mouse has both the measure and an SI ratio over 0")
    labels = theme.counted(drawn["group"])
    drawn = drawn.assign(group_n=drawn["group"].map(labels))
    names = list(labels.values())
    legend = alt.Legend(orient="bottom", title=None, columns=3)
    domain = [float(drawn["si_ratio"].min()) / 1.15, float(drawn["si_ratio"].max()) * 1.15]
    x = alt.X(
        "si_ratio:Q", title=x_title, scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=RATIO_TICKS, format="~g", grid=False),
    )  # fmt: skip
    points = (
        alt.Chart(theme.values(drawn))
        .mark_point(filled=True, size=55, opacity=0.9)
        .encode(
            x=x,
            y=alt.Y("value:Q", title=y_title, scale=alt.Scale(zero=False, nice=True)),
            color=alt.Color(
                "group_n:N", scale=alt.Scale(domain=names, range=theme.colors_of(list(labels))), legend=legend
            ),
            shape=alt.Shape(
                "group_n:N", scale=alt.Scale(domain=names, range=theme.shapes_of(list(labels))), legend=legend
            ),
            tooltip=theme.tooltip(drawn, mouse="mouse", group="group", si_ratio="SI ratio", value=y_title),
            **theme.links(drawn),
        )
    )
    title = alt.TitleParams(heading, subtitle=subtitle)
    layers = alt.layer(theme.reference_line(x=1.0), points)
    return theme.themed(layers.properties(width=340, height=250, title=title))


def measure_forest(relations: pd.DataFrame) -> Any:
    """Draw Spearman's rho with its interval for every measure, all mice and each group; beside it n and p.

    Parameters
    ----------
    relations : pandas.DataFrame, one row per measure and group
        ``measure``, ``group`` (empty: all mice), ``n``, ``rho``, ``low``, ``high``, ``p_text``, ``reason``. Where rho is
        missing the reason stands in its place.
    """
    theme.require_columns(relations, ["measure", "group", "n", "rho", "low", "high", "p_text", "reason"])
    if relations.empty:
        return theme.no_data("no data: no measure is in one unit")
    rows = relations.assign(group=relations["group"].replace("", POOLED))
    rows["row"] = [f"{row.measure}{JOINT}{row.group}" for row in rows.itertuples()]
    order = list(rows["row"])
    scale = alt.Scale(domain=order)
    bare = alt.Y("row:N", sort=order, title=None, scale=scale, axis=None)
    groups = theme.in_order(rows["group"])
    panels = [
        (_rho_panel(rows, bare, groups), 320, "Spearman's ρ, 95 % interval"),
        (_text_panel(rows, bare, "n"), 40, "n"),
        (_text_panel(rows, bare, "p_text"), 120, "p (adjusted)"),
    ]
    sized = [
        panel.properties(width=width, height=ROW_HEIGHT * len(rows), title=title) for panel, width, title in panels
    ]
    return theme.themed(alt.hconcat(*sized, spacing=14))


def _text_panel(rows: pd.DataFrame, y: alt.Y, column: str) -> Any:
    base = alt.Chart(theme.values(rows[["row"]].assign(text=rows[column].astype(str))))
    return base.mark_text(style="annotation", align="left", fontSize=12).encode(x=alt.value(0), y=y, text="text:N")


def _rho_panel(rows: pd.DataFrame, y: alt.Y, groups: list[str]) -> Any:
    known = theme.finite_rows(rows, ["rho", "low", "high"])
    y = y.copy()
    y.axis = alt.Axis(labelExpr=GROUP_ALONE, labelLimit=360, labelPadding=10, ticks=False, domain=False, grid=False)
    unknown = rows[~rows.index.isin(known.index)]
    scale = alt.Scale(domain=[-1, 1], nice=False)
    base = alt.Chart(theme.values(known)).encode(y=y, color=_color_of(groups))
    interval = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X("rho:Q", title="against the SI ratio", scale=scale, axis=alt.Axis(tickCount=5)),
        shape=alt.Shape("group:N", scale=alt.Scale(domain=groups, range=theme.shapes_of(groups)), legend=None),
        tooltip=theme.tooltip(
            known, measure="measure", group="mice", n="n", rho="Spearman's rho", low="95 % from", high="to", p_text="p"
        ),
    )
    words = alt.Chart(theme.values(unknown[["row", "reason"]])).mark_text(style="quiet", align="left", dx=4, limit=295)
    said = words.encode(x=alt.value(0), y=y, text="reason:N", tooltip=alt.Tooltip("reason:N", title="no correlation"))
    return alt.layer(theme.reference_line(x=0.0), interval, points, said)


def _color_of(groups: list[str]) -> alt.Color:
    """Return the groups' own colors; all mice are drawn in the neutral one."""
    colors = [
        theme.GRAY if name == POOLED else color for name, color in zip(groups, theme.colors_of(groups), strict=True)
    ]
    return alt.Color("group:N", scale=alt.Scale(domain=groups, range=colors), legend=None)


def measure_by_group(mice: pd.DataFrame, means: pd.DataFrame, *, y_title: str, subtitle: str) -> Any:
    """Draw one measure by arm: the mean with its interval, and every mouse where it may be shown.

    Parameters
    ----------
    mice : pandas.DataFrame, one row per mouse
        ``mouse``, ``group``, ``value``; optional ``url``. Empty while arms are letters: a point would say whose letter it is.
    means : pandas.DataFrame, one row per group
        ``group``, ``n``, ``mean``, ``low``, ``high`` (the interval of the mean; missing for fewer than three mice).
    """
    theme.require_columns(mice, ["mouse", "group", "value"])
    theme.require_columns(means, ["group", "n", "mean", "low", "high"])
    known = theme.finite_rows(means, ["mean", "low", "high"])
    if known.empty and mice.empty:
        return theme.no_data("no data: no arm has three measured mice")
    names = theme.in_order(means["group"])
    sizes = dict(zip(means["group"], means["n"], strict=True))
    labels = {name: f"{name} (n = {sizes[name]})" for name in names}
    order = list(labels.values())
    x = alt.X(
        "group_n:N", title=None, sort=order, scale=alt.Scale(domain=order), axis=alt.Axis(labelAngle=0, labelLimit=150)
    )
    color = alt.Color("group_n:N", scale=alt.Scale(domain=order, range=theme.colors_of(names)), legend=None)
    y = alt.Y("value:Q", title=y_title, scale=alt.Scale(zero=False, nice=True))
    rows = known.assign(group_n=known["group"].map(labels))
    middle = alt.Chart(theme.values(rows)).encode(x=x)
    layers = [
        middle.mark_rule(style="reference", strokeWidth=2, strokeDash=[1, 0]).encode(
            y=alt.Y("low:Q", title=y_title, scale=alt.Scale(zero=False, nice=True)), y2="high:Q"
        ),
        middle.mark_tick(style="median", orient="horizontal", size=36).encode(
            y=alt.Y("mean:Q", title=y_title),
            tooltip=theme.tooltip(rows, group_n="arm", mean="mean", low="95 % from", high="to"),
        ),
    ]
    if len(mice):
        drawn = mice.assign(group_n=mice["group"].map(labels))
        points = alt.Chart(theme.values(drawn)).mark_point(filled=True, size=45, opacity=0.75)
        shown = theme.tooltip(drawn, mouse="mouse", group="arm", value=y_title)
        layers.insert(0, points.encode(x=x, y=y, color=color, tooltip=shown, **theme.links(drawn)))
    title = alt.TitleParams(f"{sum(sizes.values())} mice", subtitle=subtitle)
    return theme.themed(alt.layer(*layers).properties(width=max(130 * len(order), 260), height=240, title=title))
