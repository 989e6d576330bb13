"""Figures of lists of genes: how many differ where, which lists share them, and their expression by group."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

MAX_SETS, MAX_INTERSECTIONS = 8, 20
BAR_HEIGHT = 15  # pixels
DOT_STEP, CELL_HEIGHT, MIN_WIDTH = 22, 13, 140
MAX_Z = 2.0  # beyond it a color says no more


def gene_count_bars(counts: pd.DataFrame) -> Any:
    """Draw how many genes go up (to the right) and down (to the left), by contrast and region.

    Parameters
    ----------
    counts : pandas.DataFrame
        ``contrast``, ``region``, ``up``, ``down``, ``tested``.
    """
    theme.require_columns(counts, ["contrast", "region", "up", "down", "tested"])
    if counts.empty:
        return theme.no_data("no data: no contrast was answered")
    long = counts.melt(["contrast", "region", "tested"], ["up", "down"], "change", "genes")
    long["place"] = long["genes"].where(long["change"] == "up", -long["genes"])
    reach = max(int(long["genes"].max()), 1)
    names = list(dict.fromkeys(counts["contrast"]))
    panels = [
        _count_panel(long[long["region"] == region], str(region), names, reach, is_first=number == 0)
        for number, region in enumerate(dict.fromkeys(counts["region"]))
    ]
    return theme.themed(alt.concat(*panels, columns=4, spacing=12))


def _count_panel(rows: pd.DataFrame, region: str, names: list[str], reach: int, *, is_first: bool) -> Any:
    axis = alt.Axis(labelLimit=320, title=None) if is_first else None
    y = alt.Y("contrast:N", sort=names, scale=alt.Scale(domain=names), axis=axis)
    x = alt.X(
        "place:Q", title="genes down | up", scale=alt.Scale(domain=[-reach, reach], nice=True),
        axis=alt.Axis(labelExpr="abs(datum.value)", tickCount=4),
    )  # fmt: skip
    bars = alt.Chart(theme.values(rows)).mark_bar(height=BAR_HEIGHT - 4)
    changes = ["up", "down"]
    bars = bars.encode(
        x=x, y=y, color=theme.color_by("change", changes),
        tooltip=theme.tooltip(rows, contrast="contrast", region="region", change="change", genes="genes", tested="tested"),
    )  # fmt: skip
    return bars.properties(width=150, height=BAR_HEIGHT * len(names), title=region)


def upset(membership: pd.DataFrame, *, what: str = "list") -> Any:
    """Draw how many genes are in exactly which of several lists: sizes above, the lists as dots below.

    Parameters
    ----------
    membership : pandas.DataFrame of bool, shape (n_genes, n_lists)
        The largest `MAX_SETS` lists are drawn, with their largest `MAX_INTERSECTIONS` combinations.
    what : str
        What a list is of: a contrast, a region.
    """
    sizes = membership.sum().sort_values(ascending=False, kind="stable")
    sizes = sizes[sizes > 0].head(MAX_SETS)
    if sizes.empty:
        return theme.no_data("no gene passes the threshold in any of the lists")
    labels = {name: f"{name} (n = {size:,})" for name, size in sizes.items()}
    combined = membership.loc[membership[list(labels)].any(axis=1), list(labels)].value_counts()
    shown = combined.head(MAX_INTERSECTIONS)
    bars = pd.DataFrame({"place": range(len(shown)), "genes": shown.to_numpy()})
    dots = pd.DataFrame(
        [
            (place, label, is_in)
            for place, key in enumerate(shown.index)
            for label, is_in in zip(labels.values(), key, strict=True)
        ],
        columns=["place", "set", "is_in"],
    )
    width, n_left = max(DOT_STEP * len(shown), MIN_WIDTH), len(combined) - len(shown)
    more = f"; {n_left} smaller combinations are not drawn" if n_left else ""
    heading = alt.TitleParams(
        f"Genes by the {what}s that list them, and no other", subtitle=f"each gene is counted once{more}"
    )
    above = _intersection_bars(bars, width).properties(title=heading)
    return theme.themed(alt.vconcat(above, _dots(dots, list(labels.values()), width), spacing=4))


def _intersection_bars(bars: pd.DataFrame, width: int) -> Any:
    x = alt.X("place:O", axis=None)
    base = alt.Chart(theme.values(bars)).encode(x=x, y=alt.Y("genes:Q", title="genes"))
    labels = base.mark_text(style="annotation", dy=-6).encode(text="genes:Q")
    return alt.layer(base.mark_bar(color=theme.BLUE, size=DOT_STEP - 8), labels).properties(width=width, height=150)


def _dots(dots: pd.DataFrame, labels: list[str], width: int) -> Any:
    x, scale = (
        alt.X("place:O", axis=None),
        alt.Scale(domain=labels),
    )  # layers that sort each for itself fall out of step
    axis = alt.Axis(title=None, labelLimit=320, domain=False, ticks=False)
    empty = alt.Chart(theme.values(dots)).mark_point(filled=True, size=60, color=theme.GRAY, opacity=0.25)
    chosen = dots[dots["is_in"]]
    ends = chosen.groupby("place")["set"].agg(["first", "last"]).reset_index()  # rows stand in the order of the labels
    lines = alt.Chart(theme.values(ends)).mark_rule(color=theme.BLUE, strokeWidth=2)
    filled = alt.Chart(theme.values(chosen)).mark_point(filled=True, size=90, color=theme.BLUE, opacity=1)
    y = alt.Y("set:N", scale=scale, axis=axis)
    return alt.layer(
        empty.encode(x=x, y=y), lines.encode(x=x, y=alt.Y("first:N", scale=scale, axis=axis), y2="last:N"),
        filled.encode(x=x, y=y),
    ).properties(width=width, height=DOT_STEP * len(labels))  # fmt: skip


def gene_heat_map(z: pd.DataFrame, groups: pd.Series | None = None) -> Any:
    """Draw genes in rows and groups or mice in columns, colored by z.

    Parameters
    ----------
    z : pandas.DataFrame, shape (n_genes, n_columns)
        Standard deviations from the gene's mean; genes by symbol in the order drawn.
    groups : pandas.Series, optional
        Group of each column, where the columns are mice: one panel a group.
    """
    if z.empty:
        return theme.no_data("no gene is in this list")
    long = z.rename_axis("gene").reset_index().melt("gene", var_name="column", value_name="z")
    genes = z.index.tolist()
    if groups is None:
        return theme.themed(_heat_panel(long, genes, z.columns.tolist(), "", is_first=True, step=44))
    panels: list[Any] = []
    for group in theme.in_order(groups):
        columns = groups.index[groups == group].tolist()
        rows = long[long["column"].isin(columns)]
        panels.append(_heat_panel(rows, genes, columns, group, is_first=not panels, step=9))
    return theme.themed(alt.hconcat(*panels, spacing=4))


def _heat_panel(
    rows: pd.DataFrame, genes: list[str], columns: list[str], group: str, *, is_first: bool, step: int
) -> Any:
    labels = alt.Axis(labelAngle=-40, title=None, labelLimit=200) if not group else None
    color = alt.Color(
        "z:Q", title="z", scale=alt.Scale(scheme="blueorange", domain=[-MAX_Z, 0, MAX_Z], clamp=True),
        legend=alt.Legend(gradientLength=120) if is_first else None,
    )  # fmt: skip
    cells = alt.Chart(theme.values(rows)).mark_rect()
    cells = cells.encode(
        x=alt.X("column:N", sort=columns, axis=labels),
        y=alt.Y("gene:N", sort=genes, axis=alt.Axis(title=None, labelFontStyle="italic") if is_first else None),
        color=color,
        tooltip=theme.tooltip(rows, gene="gene", column="mouse" if group else "group", z="z"),
    )
    title = alt.TitleParams(f"{group} (n = {len(columns)})", angle=0, fontSize=10, limit=max(step * len(columns), 60))
    panel = cells.properties(width=step * len(columns), height=CELL_HEIGHT * len(genes))
    return panel.properties(title=title) if group else panel
