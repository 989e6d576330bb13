"""The map of reversal: regions in rows, arms in columns, the fraction undone in every cell."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme
from analysis.figures.reversal import compared_arm

CELL_WIDTH, CELL_HEIGHT = 120, 48  # pixels
DEEPENED, NOTHING, UNDONE = theme.VERMILLION, "#F2F2F2", theme.BLUE
DARK_INK, LIGHT_INK = "#1d273b", "#ffffff"
INK_CHANGES = 0.6  # of the way to a full color, beyond which dark letters are hard to read


def reversal_map(reversals: pd.DataFrame) -> Any:
    """Draw the fraction undone of every region and arm as a colored cell, with p; a cell leads to its test.

    Parameters
    ----------
    reversals : pandas.DataFrame, one row per test
        As `reversal_forest`.
    """
    needed = ["region", "arm", "fraction_undone", "p_value", "p_floor", "refusal"]
    theme.require_columns(reversals, needed)
    if reversals.empty:
        return theme.no_data("no data: no reversal was tested")
    rows = reversals.assign(response=reversals.get("response", ""), estimand=reversals.get("estimand", "arm"))
    rows = rows.assign(
        column=[compared_arm(*row) for row in rows[["arm", "response", "estimand"]].itertuples(index=False)],
        fraction_undone=pd.to_numeric(reversals["fraction_undone"]).astype(float),
        words=[_words(row["fraction_undone"], row["p_value"]) for row in reversals.to_dict("records")],
    )
    regions = list(dict.fromkeys(rows["region"]))
    columns = _columns(rows)
    x_axis = alt.Axis(orient="top", labelAngle=0, ticks=False, domain=False, labelLimit=CELL_WIDTH)
    x = alt.X("column:N", title=None, scale=alt.Scale(domain=columns, paddingInner=0.04), axis=x_axis)
    y_axis = alt.Axis(ticks=False, domain=False)
    y = alt.Y("region:N", title=None, scale=alt.Scale(domain=regions, paddingInner=0.06), axis=y_axis)
    known = rows[rows["fraction_undone"].notna()]
    unknown = rows[rows["fraction_undone"].isna()]
    chart = alt.layer(*_cells(known, x, y), *_empty_cells(unknown, x, y))
    return theme.themed(chart.properties(width=CELL_WIDTH * len(columns), height=CELL_HEIGHT * len(regions)))


def _columns(rows: pd.DataFrame) -> list[str]:
    arms = theme.in_order(rows["arm"])
    distinct = rows.drop_duplicates("column")
    return list(distinct["column"].iloc[distinct["arm"].map(arms.index).argsort(kind="stable")])


def _words(fraction: Any, p_value: Any) -> str:
    p_words = "no p-value" if p_value is None or pd.isna(p_value) else f"p {theme.p_text(p_value)}"
    if fraction is None or pd.isna(fraction):
        return f"no estimate\n{p_words}"
    return f"{100 * fraction:.0f} % undone".replace("-", "−") + f"\n{p_words}"


def _cells(rows: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    scale = alt.Scale(domain=[-1, 0, 1], range=[DEEPENED, NOTHING, UNDONE], clamp=True)
    legend = alt.Legend(
        orient="bottom", title="fraction undone (below 0: deepened)", titleOrient="top", gradientLength=220,
        format=".0%", values=[-1, 0, 1],
    )  # fmt: skip
    shown = theme.tooltip(
        rows, region="region", column="arm", fraction_undone="fraction undone", fraction_undone_low="95 % from",
        fraction_undone_high="to", p_value="p", p_floor="smallest possible p", n_control="controls",
        n_stress="susceptible", n_treated="treated",
    )  # fmt: skip
    color = alt.Color("fraction_undone:Q", scale=scale, legend=legend)
    layers = [_base(rows, x, y, shown).mark_rect().encode(color=color)]
    is_strong = rows["fraction_undone"].abs() > INK_CHANGES
    for cells, ink in ((rows[is_strong], LIGHT_INK), (rows[~is_strong], DARK_INK)):
        layers.append(_written(_base(cells, x, y, shown), color=ink, fontSize=12))
    return layers


def _base(rows: pd.DataFrame, x: alt.X, y: alt.Y, shown: list[alt.Tooltip]) -> alt.Chart:
    return alt.Chart(theme.values(rows)).encode(x=x, y=y, tooltip=shown, **theme.links(rows))


def _empty_cells(rows: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    shown = theme.tooltip(rows, region="region", column="arm", refusal="why")
    base = _base(rows, x, y, shown)
    outline = base.mark_rect(filled=True, fillOpacity=0, stroke=theme.GRAY, strokeDash=[3, 3], strokeOpacity=0.6)
    return [outline, _written(base, style="quiet")]


def _written(base: alt.Chart, **look: Any) -> alt.Chart:
    """Write in the cells: letters take the pointer from the cell, so that they lead to the same test."""
    return base.mark_text(lineBreak="\n", lineHeight=15, dy=-7, baseline="middle", **look).encode(text="words:N")
