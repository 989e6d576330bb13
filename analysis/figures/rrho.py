"""The map of RRHO: how improbable the overlap of two ranked lists is, beside what relabeled animals give."""

from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.figures import theme

SIDE = 330  # pixels
MOST_CELLS = 64  # along a side: finer cells are not told apart, and each is a mark of the file
N_BINS = 40
MARKED = -2.0  # log10 p; a quadrant without any overlap to speak of has its maximum anywhere
TRUE_LABELS = theme.VERMILLION


@dataclass(frozen=True)
class Lists:
    """Two ranked lists of the same genes.

    Attributes
    ----------
    first, second : str
        What they are called.
    n_genes : int
    n_up, n_down : tuple of int
        Genes above and below 0, of the first and of the second.
    """

    first: str
    second: str
    n_genes: int
    n_up: tuple[int, int]
    n_down: tuple[int, int]


def rrho_map(observed: pd.DataFrame, null: pd.DataFrame, maxima: pd.DataFrame, lists: Lists) -> Any:
    """Draw the observed map, and beside it, on the same scale of colors, the mean map of relabeled animals.

    Parameters
    ----------
    observed, null : pandas.DataFrame, one row per cell
        ``quadrant`` (up_up, down_down, up_down, down_up), ``n_x``, ``n_y`` (genes taken from the end of the first and
        of the second list), ``log10_p``; observed also ``overlap``. The null may be empty.
    maxima : pandas.DataFrame, one row per quadrant
        ``quadrant``, ``n_x``, ``n_y``, ``overlap``, ``log10_p``.
    lists : Lists
    """
    theme.require_columns(observed, ["quadrant", "n_x", "n_y", "log10_p", "overlap"])
    theme.require_columns(maxima, ["quadrant", "n_x", "n_y", "log10_p", "overlap"])
    if observed.empty:
        return theme.no_data("no data: no quadrant holds genes enough for a cell")
    cells, expected = _placed(observed, lists), _placed(null, lists) if len(null) else null
    highest = max(float(one["minus_log10_p"].max()) for one in (cells, expected) if len(one))
    panels = [_panel(cells, "observed", "diamond: most improbable overlap", highest, lists, _markers(maxima, lists))]
    if len(expected):
        panels.append(
            _panel(expected, "labels exchanged", "mean of the relabelings, same colors", highest, lists, None)
        )
    return theme.themed(alt.concat(*panels, columns=2, spacing=26), keeps_aspect=True)


def _placed(cells: pd.DataFrame, lists: Lists) -> pd.DataFrame:
    """Put cells where they lie among all genes: counted from the top of a list for up, from its bottom for down."""
    found = []
    for quadrant, part in cells.groupby("quadrant", sort=False):
        ends = str(quadrant).split("_")
        sizes = [(lists.n_up if end == "up" else lists.n_down)[at] for at, end in enumerate(ends)]
        inside = part[(part["n_x"] <= sizes[0]) & (part["n_y"] <= sizes[1])]
        if inside.empty:
            continue
        inside = _pooled(inside)
        for at, axis in enumerate("xy"):
            low, high = inside[f"{axis}_from"], inside[f"n_{axis}"]
            is_up = ends[at] == "up"
            inside[f"{axis}1"], inside[f"{axis}2"] = (
                (low, high) if is_up else (lists.n_genes - high, lists.n_genes - low)
            )
        found.append(inside.assign(minus_log10_p=-inside["log10_p"]))
    return pd.concat(found).reset_index(drop=True) if found else cells.iloc[:0]


def _pooled(cells: pd.DataFrame) -> pd.DataFrame:
    """Join cells until so many lie along a side; the most improbable of each block stands for it."""
    blocks = {}
    for axis in "xy":
        values = np.sort(cells[f"n_{axis}"].unique())
        per_block = -(-2 * len(values) // MOST_CELLS)
        block = np.arange(len(values)) // per_block
        starts = np.concatenate([[0], values[:-1]])
        blocks[axis] = pd.DataFrame(
            {
                f"n_{axis}": values,
                f"{axis}_block": block,
                f"{axis}_from": pd.Series(starts).groupby(block).transform("min"),
            }
        )
    joined = cells.merge(blocks["x"], on="n_x").merge(blocks["y"], on="n_y")
    best = joined.loc[joined.groupby(["x_block", "y_block"])["log10_p"].idxmin()]
    ends = joined.groupby(["x_block", "y_block"])[["n_x", "n_y"]].max().reset_index()
    return best.drop(columns=["n_x", "n_y"]).merge(ends, on=["x_block", "y_block"])


def _panel(cells: pd.DataFrame, title: str, note: str, highest: float, lists: Lists, markers: alt.Chart | None) -> Any:
    domain = [0, lists.n_genes]
    x_axis, y_axis = alt.Axis(tickCount=4, format=",d", grid=False), alt.Axis(tickCount=4, format=",d", grid=False)
    x_title = f"genes of {lists.first}, most up to most down"
    y_title = f"genes of {lists.second}, most up to most down"
    x_scale, y_scale = (alt.Scale(domain=domain, nice=False) for _ in range(2))
    columns = ["x1", "x2", "y1", "y2", "minus_log10_p", *(["overlap"] if "overlap" in cells else [])]
    shown = theme.tooltip(
        cells, n_x="genes of the first", n_y="genes of the second", overlap="in both", minus_log10_p="−log10 p"
    )
    color = alt.Color(
        "minus_log10_p:Q",
        title="−log10 p, hypergeometric",
        scale=alt.Scale(scheme="viridis", domain=[0, max(highest, 1e-6)]),
        legend=alt.Legend(orient="bottom", gradientLength=200),
    )
    heat = (
        alt.Chart(theme.values(cells[[*dict.fromkeys([*columns, "n_x", "n_y"])]]))
        .mark_rect(strokeWidth=0)
        .encode(
            x=alt.X("x1:Q", title=x_title, scale=x_scale, axis=x_axis),
            x2="x2:Q",
            y=alt.Y("y1:Q", title=y_title, scale=y_scale, axis=y_axis),
            y2="y2:Q",
            color=color,
            tooltip=shown,
        )
    )
    layers = [heat, *_sign_changes(lists), *([markers] if markers is not None else [])]
    heading = alt.TitleParams(title, subtitle=note)
    return alt.layer(*layers).properties(width=SIDE, height=SIDE, title=heading)


def _sign_changes(lists: Lists) -> list[alt.Chart]:
    """Return a line where each list goes from up to down."""
    return [theme.reference_line(x=float(lists.n_up[0])), theme.reference_line(y=float(lists.n_up[1]))]


def _markers(maxima: pd.DataFrame, lists: Lists) -> alt.Chart:
    maxima = maxima[maxima["log10_p"] <= MARKED]
    placed = maxima.assign(
        x=[_place(q, 0, n, lists) for q, n in zip(maxima["quadrant"], maxima["n_x"], strict=True)],
        y=[_place(q, 1, n, lists) for q, n in zip(maxima["quadrant"], maxima["n_y"], strict=True)],
        minus_log10_p=-maxima["log10_p"],
    )
    base = alt.Chart(theme.values(placed)).mark_point(
        shape="diamond", size=110, filled=True, color="white", stroke="black", strokeWidth=1.5, opacity=1
    )
    shown = theme.tooltip(
        placed, n_x="genes of the first", n_y="genes of the second", overlap="in both", minus_log10_p="−log10 p"
    )
    return base.encode(x="x:Q", y="y:Q", tooltip=shown)


def _place(quadrant: str, at: int, n: int, lists: Lists) -> int:
    return int(n if quadrant.split("_")[at] == "up" else lists.n_genes - n)


def rrho_null(minima: np.ndarray, *, direction: str) -> Any:
    """Draw the most improbable overlap of every relabeling, and where the true labels stand.

    Parameters
    ----------
    minima : numpy.ndarray of float, shape (n_relabelings,)
        Smallest log10 p of each map, the true labels first.
    direction : str
        Of the changes: opposite, same.
    """
    if len(minima) < 2:
        return theme.no_data("no data: no labels were exchanged")
    heights = -np.asarray(minima, dtype=float)
    counts, edges = np.histogram(heights, bins=N_BINS)
    bars = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "count": counts, "base": 0})
    bars = bars[bars["count"] > 0]
    chart = (
        alt.Chart(theme.values(bars))
        .mark_rect(color=theme.GRAY, stroke=None)
        .encode(
            x=alt.X("low:Q", title=f"largest −log10 p of {direction} changes", scale=alt.Scale(zero=False)),
            x2="high:Q",
            y=alt.Y("count:Q", title="labelings"),
            y2="base:Q",
            tooltip=theme.tooltip(bars, low="from", high="to", count="labelings"),
        )
    )
    true = pd.DataFrame({"x": [heights[0]], "label": ["true labels"]})
    line = alt.Chart(theme.values(true)).mark_rule(color=TRUE_LABELS, strokeWidth=2).encode(x="x:Q")
    is_right = heights[0] > (edges[0] + edges[-1]) / 2
    text = alt.Chart(theme.values(true)).mark_text(
        style="annotation",
        align="right" if is_right else "left",
        dx=-4 if is_right else 4,
        baseline="top",
        fontWeight=600,
    )
    label = text.encode(x="x:Q", y=alt.value(0), text="label:N")
    heading = alt.TitleParams(f"{len(minima):,} labelings", subtitle="the true one among them")
    return theme.themed(alt.layer(chart, line, label).properties(width=420, height=190, title=heading))
