"""Figures of outside signatures: where each mouse lies, and the tests of all regions side by side."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

WIDTH, HEIGHT = 460, 300
ROW_HEIGHT = 26
JITTER_STEPS = 7


def outside_forest(tests: pd.DataFrame) -> Any:
    """Draw the difference of mean scores with its interval, one row a test.

    Parameters
    ----------
    tests : pandas.DataFrame, one row per test
        ``row`` (label), ``region``, ``difference``, ``low``, ``high``, ``p`` (text). Tests without a difference are
        not drawn.
    """
    theme.require_columns(tests, ["row", "region", "difference", "low", "high", "p"])
    known = theme.finite_rows(tests, ["difference", "low", "high"])
    if known.empty:
        return theme.no_data("no data: no contrast could be tested")
    order = list(known["row"])
    y = alt.Y("row:N", sort=order, title=None, scale=alt.Scale(domain=order), axis=alt.Axis(labelLimit=420))
    x = alt.X("difference:Q", title="difference of mean scores (SD of mice)")
    base = alt.Chart(theme.values(known))
    hints = theme.tooltip(known, row="test", difference="difference", low="95 % low", high="95 % high", p="p")
    bars = base.mark_rule(size=2).encode(y=y, x=alt.X("low:Q"), x2="high:Q", tooltip=hints)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(y=y, x=x, tooltip=hints)
    words = base.mark_text(align="left", dx=6, dy=-8, fontSize=11, style="quiet").encode(y=y, x="high:Q", text="p:N")
    layers = alt.layer(theme.reference_line(x=0.0), bars, points, words)
    return theme.themed(layers.properties(width=WIDTH, height=ROW_HEIGHT * len(known)))


def outside_scores(scores: pd.DataFrame, compared: list[str]) -> Any:
    """Draw the score of every mouse by group, those compared first.

    Parameters
    ----------
    scores : pandas.DataFrame, one row per mouse
        ``mouse``, ``group``, ``score``; optional ``url``.
    compared : list of str
        Groups of the comparison.
    """
    theme.require_columns(scores, ["mouse", "group", "score"])
    drawn = theme.finite_rows(scores, ["score"])
    if drawn.empty:
        return theme.no_data("no data: no mouse has a score")
    names = theme.in_order(drawn["group"])
    groups = [name for name in names if name in compared] + [name for name in names if name not in compared]
    places = (drawn.groupby("group").cumcount() * 3) % JITTER_STEPS  # neighbors are set apart, never at random
    drawn = drawn.assign(place=places)
    means = drawn.groupby("group")["score"].mean().reset_index().assign(place=JITTER_STEPS // 2)
    x = alt.X("group:N", sort=groups, title=None, scale=alt.Scale(domain=groups), axis=alt.Axis(labelAngle=-40))
    offset = alt.XOffset("place:O", scale=alt.Scale(domain=list(range(JITTER_STEPS))))
    y = alt.Y("score:Q", title="score along the signature (SD of mice)")
    points = (
        alt.Chart(theme.values(drawn))
        .mark_point(filled=True, size=46, opacity=0.9)
        .encode(
            x=x, xOffset=offset, y=y, color=theme.color_by("group", groups), shape=theme.shape_by("group", groups),
            tooltip=theme.tooltip(drawn, mouse="mouse", group="group", score="score"), **theme.links(drawn),
        )
    )  # fmt: skip
    mean = alt.Chart(theme.values(means)).mark_tick(style="median", orient="horizontal", size=26).encode(x=x, y=y)
    heading = alt.TitleParams(f"n = {len(drawn)} mice", subtitle="bar: mean")
    return theme.themed(
        alt.layer(theme.reference_line(y=0.0), points, mean).properties(width=WIDTH, height=HEIGHT, title=heading)
    )
