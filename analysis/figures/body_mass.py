"""Figure of body mass over the days of the experiment."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

DAY_TITLE = "day from the first defeat"
MEAN_LINE = "thick line: mean of the group"


def body_mass(weighings: pd.DataFrame) -> Any:
    """Draw every mouse's body mass over days as a thin line, and the mean of each group as a thick one.

    Parameters
    ----------
    weighings : pandas.DataFrame, one row per weighing
        ``mouse``, ``group``, ``day``, ``body_mass_g``; optional ``url``.
    """
    theme.require_columns(weighings, ["mouse", "group", "day", "body_mass_g"])
    drawn = theme.finite_rows(weighings, ["day", "body_mass_g"])
    if drawn.empty:
        return theme.no_data("no data: no mouse was weighed")
    labels = theme.counted(drawn.drop_duplicates("mouse")["group"])
    drawn = drawn.assign(group_n=drawn["group"].map(labels))
    scale = alt.Scale(domain=list(labels.values()), range=theme.colors_of(list(labels)))
    n_mice = drawn["mouse"].nunique()
    is_one = n_mice == 1
    legend: Any = None if is_one else alt.Legend(orient="bottom", columns=3)
    color = alt.Color("group_n:N", title=None, scale=scale, legend=legend)
    x = alt.X("day:Q", title=DAY_TITLE, axis=alt.Axis(tickMinStep=1, tickCount=10))
    kept = ["mouse", "group", "group_n", "day", "body_mass_g", *(["url"] if "url" in drawn else [])]
    each = alt.Chart(theme.values(drawn[kept])).encode(
        x=x, y=alt.Y("body_mass_g:Q", title="body mass (g)", scale=alt.Scale(zero=False)), color=color
    )
    shown = theme.tooltip(drawn, mouse="mouse", group="group", day="day", body_mass_g="body mass (g)")
    lines = each.mark_line(opacity=0.18, strokeWidth=1).encode(detail="mouse:N")
    points = each.mark_point(filled=True, size=50 if is_one else 14, opacity=1 if is_one else 0.3)
    points = points.encode(tooltip=shown, **theme.links(drawn))
    means = drawn.groupby(["group_n", "day"])["body_mass_g"].mean().reset_index()
    mean = alt.Chart(theme.values(means)).mark_line(strokeWidth=3).encode(x=x, y="body_mass_g:Q", color=color)
    heading = (
        alt.TitleParams(f"1 mouse, {drawn['group'].iloc[0]}")
        if is_one
        else alt.TitleParams(f"{n_mice} mice", subtitle=MEAN_LINE)
    )
    return theme.themed(
        alt.layer(lines, points, mean).properties(width=460, height=180 if is_one else 300, title=heading)
    )
