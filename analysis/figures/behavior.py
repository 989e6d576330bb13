"""Figures of the social interaction test: frames in, one Altair specification out."""

from collections.abc import Mapping
from typing import Any, Literal

import altair as alt
import pandas as pd

from analysis.figures import theme

SCATTER_HEIGHT = 380  # pixels
ZONES = {"iz": "interaction zone", "corner": "corners"}


def si_scatter(calls: pd.DataFrame, *, cutoff: float | Mapping[str, float] = 1.0, borderline: float = 0.05) -> Any:
    """Draw time in the interaction zone without against with target, each mouse colored by its phenotype.

    Parameters
    ----------
    calls : pandas.DataFrame, one row per mouse
        ``mouse``, ``iz_absent_s``, ``iz_present_s`` (s), ``phenotype``; optional ``group``, ``cohort``,
        ``si_ratio``, ``borderline`` (bool), ``reason``, ``url``. Rows without both times are not drawn.
    cutoff : float or mapping of cohort to float
        SI ratio that parts susceptible from resilient: a line through the origin with this slope.
    borderline : float
        Half-width of the shaded band, in units of the ratio.
    """
    theme.require_columns(calls, ["mouse", "iz_absent_s", "iz_present_s", "phenotype"])
    drawn = theme.finite_rows(calls, ["iz_absent_s", "iz_present_s"])
    if drawn.empty:
        return theme.no_data("no data: no social interaction test has both times")
    labels = theme.counted(drawn["phenotype"], theme.PHENOTYPES)
    drawn = drawn.assign(phenotype_n=drawn["phenotype"].map(labels))
    right, top = (float(drawn[column].max()) * 1.05 or 1.0 for column in ("iz_absent_s", "iz_present_s"))
    cutoffs = dict(cutoff) if isinstance(cutoff, Mapping) else {"": float(cutoff)}
    layers = [layer for name, ratio in cutoffs.items() for layer in _cutoff_layers(name, ratio, borderline, right, top)]
    x_scale, y_scale = (alt.Scale(domain=[0, end], nice=False) for end in (right, top))
    names = list(labels)
    points = (
        alt.Chart(theme.values(drawn))
        .mark_point(filled=True, size=55, opacity=0.85)
        .encode(
            x=alt.X("iz_absent_s:Q", title="time in interaction zone, without target (s)", scale=x_scale),
            y=alt.Y("iz_present_s:Q", title="time in interaction zone, with target (s)", scale=y_scale),
            color=alt.Color(
                "phenotype_n:N",
                title=None,
                scale=alt.Scale(domain=list(labels.values()), range=theme.colors_of(names)),
            ),
            shape=alt.Shape(
                "phenotype_n:N",
                title=None,
                scale=alt.Scale(
                    domain=list(labels.values()),
                    range=theme.shapes_of(names),
                ),
            ),
            tooltip=theme.tooltip(
                drawn,
                mouse="mouse",
                cohort="cohort",
                phenotype="phenotype",
                si_ratio="SI ratio",
                iz_absent_s="without target (s)",
                iz_present_s="with target (s)",
                borderline="borderline",
                reason="reason",
            ),
            **theme.links(drawn),
        )
    )
    # A second is as long across as up, within what looks like a figure.
    width = min(max(SCATTER_HEIGHT * right / top, 0.7 * SCATTER_HEIGHT), 1.4 * SCATTER_HEIGHT)
    chart = alt.layer(*layers, points).properties(width=round(width), height=SCATTER_HEIGHT)
    return theme.themed(chart, keeps_aspect=True)


def _cutoff_layers(cohort: str, ratio: float, borderline: float, right: float, top: float) -> list[alt.Chart]:
    """Return band, line and label of one cutoff; what leaves the plot is clipped."""
    low, high = max(ratio - borderline, 0.0), ratio + borderline
    edges = {
        "x": [0.0, right],
        "y": [0.0, right * ratio],
        "low": [0.0, right * low],
        "high": [0.0, right * high],
    }
    end_s = min(right, top / ratio) if ratio > 0 else right
    label = f"cutoff {ratio:.2f}" + (f", {cohort}" if cohort else "")
    text = pd.DataFrame({"x": [0.75 * end_s], "y": [0.75 * end_s * ratio], "label": [label]})
    line = alt.Chart(theme.values(pd.DataFrame(edges))).encode(x="x:Q")
    written = alt.Chart(theme.values(text)).mark_text(style="quiet", align="left", dx=12, dy=8)
    return [
        line.mark_area(color=theme.GRAY, opacity=0.2, clip=True).encode(y=alt.Y("low:Q"), y2="high:Q"),
        line.mark_line(style="reference", clip=True).encode(y="y:Q"),
        written.encode(x="x:Q", y="y:Q", text="label:N"),
    ]


def iz_paired_lines(tests: pd.DataFrame, *, zone: Literal["iz", "corner"] = "iz") -> Any:
    """Draw each mouse's zone time without and with target as a line, one panel per group.

    Parameters
    ----------
    tests : pandas.DataFrame, one row per test
        ``mouse``, ``group``, and ``iz_absent_s``, ``iz_present_s`` or ``corner_absent_s``,
        ``corner_present_s`` (s); optional ``url``. Rows without both times are not drawn.
    zone : {"iz", "corner"}
        Which pair of times.
    """
    times = [f"{zone}_absent_s", f"{zone}_present_s"]
    theme.require_columns(tests, ["mouse", "group", *times])
    drawn = theme.finite_rows(tests, times).reset_index(drop=True)
    if drawn.empty:
        return theme.no_data(f"no data: no test has both times in the {ZONES[zone]}")
    labels = theme.counted(drawn["group"])
    drawn["test"] = drawn.index
    kept = ["test", "mouse", "group", *(["url"] if "url" in drawn else [])]
    long = drawn[[*kept, *times]].melt(id_vars=kept, var_name="target", value_name="time_s")
    long["target"] = long["target"].map({times[0]: "without", times[1]: "with"})
    top = float(long["time_s"].max()) * 1.05 or 1.0
    panels = [
        _paired_panel(long[long["group"] == group], label, group, f"time in {ZONES[zone]} (s)", top, i == 0)
        for i, (group, label) in enumerate(labels.items())
    ]
    return theme.themed(alt.concat(*panels, columns=5, spacing=18))


def _paired_panel(long: pd.DataFrame, label: str, group: str, title: str, top: float, first: bool) -> Any:
    medians = long.groupby("target")["time_s"].median().reset_index()
    color = theme.colors_of([group])[0]
    x = alt.X("target:N", sort=["without", "with"], title="target", axis=alt.Axis(labelAngle=0))
    y = alt.Y("time_s:Q", title=title if first else None, scale=alt.Scale(domain=[0, top], nice=False))
    base = alt.Chart(theme.values(long)).encode(x=x, y=y)
    lines = base.mark_line(color=color, opacity=0.4, strokeWidth=1).encode(detail="test:N")
    points = base.mark_point(color=color, filled=True, size=28, opacity=0.85).encode(
        tooltip=theme.tooltip(long, mouse="mouse", group="group", target="target", time_s="time (s)"),
        **theme.links(long),
    )
    median = alt.Chart(theme.values(medians)).mark_tick(style="median", orient="horizontal", size=30)
    heading = alt.TitleParams(label, subtitle="bar: median") if first else alt.TitleParams(label, subtitle=" ")
    panel = alt.layer(lines, points, median.encode(x=x, y=y))
    return panel.properties(width=150, height=240, title=heading)


def si_slope(before_after: pd.DataFrame, *, cutoff: float = 1.0) -> Any:
    """Draw each mouse's SI ratio before and after treatment, log scale, one panel per arm.

    Parameters
    ----------
    before_after : pandas.DataFrame, one row per mouse
        ``mouse``, ``arm`` (saline included), ``si_ratio_before``, ``si_ratio_after``; optional ``response``,
        ``url``. A ratio of 0 has no place on a log scale: such mice are counted in the panel's heading.
    cutoff : float
        Drawn as a line.
    """
    ratios = ["si_ratio_before", "si_ratio_after"]
    theme.require_columns(before_after, ["mouse", "arm", *ratios])
    known = theme.finite_rows(before_after, ratios)
    drawn = theme.finite_rows(known, ratios, above=0.0)
    if drawn.empty:
        return theme.no_data("no data: no mouse has a ratio over 0 before and after treatment")
    responses = drawn["response"] if "response" in drawn else pd.Series("", index=drawn.index)
    drawn = drawn.assign(response=responses.fillna("unclassified").map(theme.spoken))
    drawn["group"] = (
        drawn["arm"] + " " + drawn["response"].where(drawn["response"].isin(theme.RESPONSES), "")
    ).str.strip()
    kept = ["mouse", "arm", "response", "group", *(["url"] if "url" in drawn else [])]
    long = drawn[[*kept, *ratios]].melt(id_vars=kept, var_name="test", value_name="si_ratio")
    long["test"] = long["test"].map({ratios[0]: "before", ratios[1]: "after"})
    domain = [float(long["si_ratio"].min()) / 1.1, float(long["si_ratio"].max()) * 1.1]
    looks = theme.in_order(long["group"]), theme.in_order(long["response"], (*theme.RESPONSES, "unclassified"))
    panels = []
    for i, (arm, label) in enumerate(theme.counted(drawn["arm"]).items()):
        dropped = int(known["arm"].eq(arm).sum() - drawn["arm"].eq(arm).sum())
        heading = alt.TitleParams(label, subtitle=f"{dropped} with ratio 0 not shown" if dropped else " ")
        panel = _slope_panel(long[long["arm"] == arm], *looks, domain, first=i == 0)
        panels.append((panel + theme.reference_line(y=cutoff)).properties(width=170, height=260, title=heading))
    return theme.themed(alt.concat(*panels, columns=4, spacing=18))


def _slope_panel(long: pd.DataFrame, groups: list[str], responses: list[str], domain: list[float], first: bool) -> Any:
    axis = alt.Axis(values=[0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20], format="~g")
    scale = alt.Scale(type="log", domain=domain, nice=False)
    legend = alt.Legend(orient="bottom", title=None, symbolFillColor=theme.GRAY, symbolStrokeColor=theme.GRAY)
    base = alt.Chart(theme.values(long)).encode(
        x=alt.X("test:N", sort=["before", "after"], title="SI test", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("si_ratio:Q", title="SI ratio (log scale)" if first else None, scale=scale, axis=axis),
        color=theme.color_by("group", groups),
    )
    points = base.mark_point(filled=True, size=40, opacity=0.95).encode(
        shape=theme.shape_by("response", responses, legend if len(responses) > 1 else None),
        tooltip=theme.tooltip(long, mouse="mouse", arm="arm", response="response", test="test", si_ratio="SI ratio"),
        **theme.links(long),
    )
    return base.mark_line(opacity=0.6, strokeWidth=1.2).encode(detail="mouse:N") + points
