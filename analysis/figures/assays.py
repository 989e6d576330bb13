"""Figure of one metric of an assay: every mouse by group, or over sessions."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme


def assay_metric(results: pd.DataFrame, title: str, sessions: Sequence[str] = ()) -> Any:
    """Draw one metric of every mouse by group with the median; with several sessions, as lines over them.

    Parameters
    ----------
    results : pandas.DataFrame, one row per mouse and session
        ``mouse``, ``group``, ``session``, ``value``; optional ``url``.
    title : str
        Name and unit of the metric.
    sessions : sequence of str
        Their order.
    """
    theme.require_columns(results, ["mouse", "group", "session", "value"])
    drawn = theme.finite_rows(results, ["value"])
    if drawn.empty:
        return theme.no_data(f"no data: no result of {title}")
    labels = theme.counted(drawn.drop_duplicates("mouse")["group"])
    drawn = drawn.assign(group_n=drawn["group"].map(labels), session=drawn["session"].replace("", "one session"))
    names = [name or "one session" for name in sessions]
    is_course = drawn["session"].nunique() > 1
    x = (
        alt.X("session:N", title="session", sort=names, axis=alt.Axis(labelAngle=0))
        if is_course
        else alt.X("group_n:N", title=None, sort=list(labels.values()), axis=alt.Axis(labelAngle=0, labelLimit=140))
    )
    color = alt.Color(
        "group_n:N",
        title=None,
        scale=alt.Scale(domain=list(labels.values()), range=theme.colors_of(list(labels))),
        legend=alt.Legend(orient="bottom", columns=3) if is_course else None,
    )
    y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=False))
    shown = theme.tooltip(drawn, mouse="mouse", group="group", session="session", value=title)
    kept = ["mouse", "group", "group_n", "session", "value", *(["url"] if "url" in drawn else [])]
    base = alt.Chart(theme.values(drawn[kept])).encode(x=x, y=y, color=color)
    medians = drawn.groupby(["group_n", "session"])["value"].median().reset_index()
    middle = alt.Chart(theme.values(medians)).encode(x=x, y="value:Q")
    points = base.mark_point(filled=True, size=40, opacity=0.45 if is_course else 0.8).encode(
        tooltip=shown, **theme.links(drawn)
    )
    if is_course:
        lines = base.mark_line(opacity=0.2, strokeWidth=1).encode(detail="mouse:N")
        middles: list[Any] = [lines, points, middle.mark_line(strokeWidth=3, point=True).encode(color=color)]
        subtitle = "thick line: median of the group"
    else:
        middles = [points, middle.mark_tick(style="median", orient="horizontal", size=40)]
        subtitle = "bar: median"
    heading = alt.TitleParams(f"{drawn['mouse'].nunique()} mice", subtitle=subtitle)
    return theme.themed(alt.layer(*middles).properties(width=max(110 * len(labels), 260), height=240, title=heading))
