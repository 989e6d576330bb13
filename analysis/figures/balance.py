"""Figure of how alike randomized arms are: standardized mean differences, with the lines in use and those of chance."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

TITLE = "standardized mean difference"


def arm_balance(differences: pd.DataFrame, lines: tuple[float, ...]) -> Any:
    """Draw a dot for each measure and arm, less the reference arm.

    Parameters
    ----------
    differences : pandas.DataFrame
        ``measure``, ``arm``, ``versus``, ``smd``, ``by_chance`` (95 of 100 draws lie within it, either side).
    lines : tuple of float
        Drawn at both signs, dashed.
    """
    drawn = theme.finite_rows(differences, ["smd", "by_chance"])
    if drawn.empty:
        return theme.no_data("no data: no measure is known in two arms")
    arms = theme.in_order(drawn["arm"])
    measures = list(dict.fromkeys(drawn["measure"]))
    y = alt.Y("measure:N", sort=measures, title=None)
    chance = drawn.groupby("measure", as_index=False)["by_chance"].max().assign(low=lambda rows: -rows["by_chance"])
    band = (
        alt.Chart(theme.values(chance))
        .mark_bar(height=20, opacity=0.15, color=theme.GRAY)
        .encode(y=y, x=alt.X("low:Q", title=TITLE, axis=alt.Axis(tickCount=6)), x2="by_chance:Q")
    )
    points = (
        alt.Chart(theme.values(drawn))
        .mark_point(filled=True, size=90, opacity=0.9)
        .encode(
            x=alt.X("smd:Q", title=TITLE),
            y=y,
            color=theme.color_by("arm", arms, legend=alt.Legend(title=f"arm − {drawn['versus'].iloc[0]}")),
            tooltip=theme.tooltip(drawn, measure="measure", arm="arm", versus="less", smd="difference"),
        )
    )
    rules = [theme.reference_line(x=sign * line) for line in lines for sign in (-1, 1)]
    return theme.themed(alt.layer(band, *rules, points).properties(width=420, height=44 * len(measures)))
