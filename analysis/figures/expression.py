"""Figures of gene expression: all genes of one contrast, and one gene across groups and regions."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.figures import theme

VOLCANO_WIDTH, VOLCANO_HEIGHT = 560, 420  # pixels
MA_WIDTH, MA_HEIGHT = 420, 300
LABEL_HEIGHT = 13  # pixels
POINTS_PER_CELL = 2  # of one class in one pixel: with 16,000 genes, 0.03 % of pixels differ by over 16 of 255
CLASSES = ("up", "down", "not significant")
JITTER_STEPS = 7


def thin_points(x: np.ndarray, y: np.ndarray, classes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Say which of many points to draw so that the picture stays the same.

    Parameters
    ----------
    x, y : numpy.ndarray of float, shape (n_points,)
        Finite positions, in data units; their ranges fill ``width`` and ``height``.
    classes : numpy.ndarray, shape (n_points,)
        Points are thinned within a class only, so that no rare color is hidden behind a common one.
    width, height : int
        Size of the plot (pixels).

    Returns
    -------
    numpy.ndarray of bool, shape (n_points,)
        True for the first ``POINTS_PER_CELL`` points of every pixel and class.
    """
    cells = pd.DataFrame({"column": _cell(x, width), "row": _cell(y, height), "class": classes})
    return (cells.groupby(["column", "row", "class"]).cumcount() < POINTS_PER_CELL).to_numpy()


def _cell(position: np.ndarray, n_cells: int) -> np.ndarray:
    low, high = position.min(), position.max()
    span = (high - low) or 1.0
    return np.minimum((position - low) / span * n_cells, n_cells - 1).astype(int)


def volcano(gene_results: pd.DataFrame, *, alpha: float = 0.05, n_labels: int = 10) -> Any:
    """Draw log2 fold change against -log10 p of every gene of one contrast, thinned to what can be seen.

    Parameters
    ----------
    gene_results : pandas.DataFrame, one row per gene
        ``gene`` (symbol), ``log2_fold_change``, ``p_value``, ``adj_p_value``; optional ``url``. Genes without
        a p-value are not drawn. Significant genes are drawn always.
    alpha : float
        Adjusted p below which a gene is significant.
    n_labels : int
        How many significant genes get their name written, smallest p first.
    """
    theme.require_columns(gene_results, ["gene", "log2_fold_change", "p_value", "adj_p_value"])
    genes = theme.finite_rows(gene_results, ["log2_fold_change", "p_value", "adj_p_value"])
    if genes.empty:
        return theme.no_data("no data: no gene has a p-value")
    genes = _classified(genes, alpha).sort_values("p_value", kind="stable")
    shown = thin_points(
        genes["log2_fold_change"].to_numpy(),
        genes["minus_log10_p"].to_numpy(),
        genes["change"].to_numpy(),
        VOLCANO_WIDTH,
        VOLCANO_HEIGHT,
    )
    significant = (genes["change"] != "not significant").to_numpy()
    drawn = genes[shown | significant].iloc[::-1]  # the strongest are drawn last, on top
    labeled = genes[significant].head(n_labels)
    layers = alt.layer(_volcano_points(drawn, genes, alpha), *_volcano_labels(labeled, genes["minus_log10_p"].max()))
    heading = alt.TitleParams(
        f"{len(genes):,} genes",
        subtitle=f"{len(drawn):,} of {len(genes):,} points drawn; those left out lie under others",
    )
    return theme.themed(layers.properties(width=VOLCANO_WIDTH, height=VOLCANO_HEIGHT, title=heading))


def _classified(genes: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Add ``change`` (up, down, not significant) and ``minus_log10_p``; p = 0 goes just above the rest."""
    positive = genes["p_value"].where(genes["p_value"] > 0)
    height = -np.log10(positive)
    highest = float(height.max()) if height.notna().any() else 1.0
    direction = np.where(genes["log2_fold_change"] > 0, "up", "down")
    change = np.where(genes["adj_p_value"] < alpha, direction, "not significant")
    return genes.assign(change=change, minus_log10_p=height.fillna(highest * 1.02))


def _volcano_points(drawn: pd.DataFrame, genes: pd.DataFrame, alpha: float) -> alt.Chart:
    names = _change_names(genes)
    columns = ["gene", "log2_fold_change", "minus_log10_p", "p_value", "adj_p_value", "change"]
    kept = drawn[[*columns, *(["url"] if "url" in drawn else [])]].assign(change=drawn["change"].map(names))
    return (
        alt.Chart(theme.values(kept))
        .mark_point(filled=True, size=14, opacity=0.6)
        .encode(
            x=alt.X("log2_fold_change:Q", title="log2 fold change"),
            y=alt.Y("minus_log10_p:Q", title="−log10 p"),
            color=_change_color(names, alpha),
            tooltip=theme.tooltip(
                kept, gene="gene", log2_fold_change="log2 fold change", p_value="p", adj_p_value="adjusted p"
            ),
            **theme.links(kept),
        )
    )


def _change_names(genes: pd.DataFrame) -> dict[str, str]:
    counts = genes["change"].value_counts()
    return {name: f"{name} (n = {counts.get(name, 0):,})" for name in CLASSES}


def _change_color(names: dict[str, str], alpha: float) -> alt.Color:
    return alt.Color(
        "change:N",
        title=f"at adjusted p < {alpha:g}",
        scale=alt.Scale(domain=list(names.values()), range=theme.colors_of(list(names))),
        legend=alt.Legend(orient="top", titleOrient="left"),
    )


def _volcano_labels(labeled: pd.DataFrame, highest: float) -> list[alt.Chart]:
    """Write names towards the middle, empty at that height, each below the one before."""
    layers = []
    gap = highest * LABEL_HEIGHT / VOLCANO_HEIGHT
    for change, align, dx in (("up", "right", -5), ("down", "left", 5)):
        side = labeled.loc[labeled["change"] == change, ["gene", "log2_fold_change", "minus_log10_p"]]
        heights: list[float] = []
        for height in side["minus_log10_p"]:
            heights.append(min(height, heights[-1] - gap) if heights else height)
        text = alt.Chart(theme.values(side.assign(minus_log10_p=heights)))
        text = text.mark_text(style="annotation", align=align, dx=dx, fontStyle="italic")
        layers.append(text.encode(x="log2_fold_change:Q", y="minus_log10_p:Q", text="gene:N"))
    return layers


def gene_expression(expression: pd.DataFrame, *, gene: str = "") -> Any:
    """Draw one gene's expression in every sample, by region and group, with the group means.

    A mouse that is pointed at stands out in every region.

    Parameters
    ----------
    expression : pandas.DataFrame, one row per sample
        ``mouse``, ``region``, ``group``, ``log2_cpm``; optional ``sample``, ``url``. Samples without a value
        are not drawn.
    gene : str
        Symbol, for the axis.
    """
    theme.require_columns(expression, ["mouse", "region", "group", "log2_cpm"])
    drawn = theme.finite_rows(expression, ["log2_cpm"])
    if drawn.empty:
        return theme.no_data("no data: no sample has a value for this gene")
    groups = theme.in_order(drawn["group"])
    domain = [float(drawn["log2_cpm"].min()), float(drawn["log2_cpm"].max())]
    title = f"{gene} (log2 CPM)" if gene else "expression (log2 CPM)"
    regions = list(dict.fromkeys(drawn["region"]))
    panels = [
        _gene_panel(drawn[drawn["region"] == region], groups, title if i % 4 == 0 else None, domain, (i, len(regions)))
        for i, region in enumerate(regions)
    ]
    return theme.themed(alt.concat(*panels, columns=4, spacing=18))


def _gene_panel(
    samples: pd.DataFrame, groups: list[str], title: str | None, domain: list[float], place: tuple[int, int]
) -> Any:
    number, n_panels = place
    rank = samples.groupby("group").cumcount()
    placed = samples.assign(place=(rank * 3) % JITTER_STEPS)  # neighbors in the file are set apart, never at random
    means = samples.groupby("group")["log2_cpm"].mean().reset_index().assign(place=JITTER_STEPS // 2)
    x = alt.X("group:N", sort=groups, title=None, scale=alt.Scale(domain=groups), axis=alt.Axis(labelAngle=-40))
    offset = alt.XOffset("place:O", scale=alt.Scale(domain=list(range(JITTER_STEPS))))
    y = alt.Y("log2_cpm:Q", title=title, scale=alt.Scale(domain=domain, nice=True, zero=False))
    points = (
        alt.Chart(theme.values(placed))
        .mark_point(filled=True, opacity=0.9)
        .add_params(_pointed_at(number))
        .encode(
            size=_larger_where_pointed_at(n_panels),
            x=x,
            xOffset=offset,
            y=y,
            color=theme.color_by("group", groups),
            shape=theme.shape_by("group", groups),
            tooltip=theme.tooltip(placed, mouse="mouse", sample="sample", group="group", log2_cpm="log2 CPM"),
            **theme.links(placed),
        )
    )
    mean = alt.Chart(theme.values(means)).mark_tick(style="median", orient="horizontal", size=22)
    heading = alt.TitleParams(
        f"{samples['region'].iloc[0]} (n = {len(samples)})", subtitle="bar: mean" if title else " "
    )
    panel = alt.layer(points, mean.encode(x=x, y=y))
    return panel.properties(width=max(140, 26 * len(groups)), height=230, title=heading)


def ma_plot(gene_results: pd.DataFrame, *, alpha: float = 0.05) -> Any:
    """Draw log2 fold change against mean expression of every gene of one contrast, thinned to what can be seen.

    Parameters
    ----------
    gene_results : pandas.DataFrame, one row per gene
        As for `volcano`, and ``average_expression`` (log2 CPM).
    """
    columns = ["average_expression", "log2_fold_change", "p_value", "adj_p_value"]
    theme.require_columns(gene_results, ["gene", *columns])
    genes = theme.finite_rows(gene_results, columns)
    if genes.empty:
        return theme.no_data("no data: no gene has a p-value")
    genes = _classified(genes, alpha).sort_values("p_value", kind="stable")
    x, y = (genes[name].to_numpy() for name in ("average_expression", "log2_fold_change"))
    shown = thin_points(x, y, genes["change"].to_numpy(), MA_WIDTH, MA_HEIGHT)
    drawn = genes[shown | (genes["change"] != "not significant").to_numpy()].iloc[::-1]
    names = _change_names(genes)
    kept = drawn[["gene", *columns, *(["url"] if "url" in drawn else [])]].assign(change=drawn["change"].map(names))
    points = (
        alt.Chart(theme.values(kept))
        .mark_point(filled=True, size=14, opacity=0.6)
        .encode(
            x=alt.X("average_expression:Q", title="mean expression (log2 CPM)", scale=alt.Scale(zero=False)),
            y=alt.Y("log2_fold_change:Q", title="log2 fold change"),
            color=_change_color(names, alpha),
            tooltip=theme.tooltip(
                kept, gene="gene", log2_fold_change="log2 fold change", average_expression="log2 CPM", p_value="p"
            ),
            **theme.links(kept),
        )
    )
    heading = alt.TitleParams(
        f"{len(genes):,} genes",
        subtitle=f"{len(drawn):,} of {len(genes):,} points drawn; those left out lie under others",
    )
    layers = alt.layer(theme.reference_line(y=0), points)
    return theme.themed(layers.properties(width=MA_WIDTH, height=MA_HEIGHT, title=heading))


def p_histogram(p_values: pd.Series, n_bins: int = 40) -> Any:
    """Draw how many genes have which p, and how many would in each bin if no gene differed.

    Parameters
    ----------
    p_values : pandas.Series of float
        Unadjusted; those that are missing are not counted.
    """
    known = pd.to_numeric(p_values, errors="coerce").dropna()
    if known.empty:
        return theme.no_data("no data: no gene has a p-value")
    counts, edges = np.histogram(known, bins=n_bins, range=(0.0, 1.0))
    bins = pd.DataFrame({"low": edges[:-1], "high": edges[1:], "genes": counts})
    bars = alt.Chart(theme.values(bins)).mark_bar(color=theme.BLUE, binSpacing=1)
    bars = bars.encode(
        x=alt.X("low:Q", title="p (unadjusted)", bin="binned", scale=alt.Scale(domain=[0, 1])),
        x2="high:Q",
        y=alt.Y("genes:Q", title="genes"),
        tooltip=theme.tooltip(bins, low="p from", high="to", genes="genes"),
    )
    expected = len(known) / n_bins
    heading = alt.TitleParams(
        f"{len(known):,} genes", subtitle=f"dashed: {expected:,.0f} in each bar are expected where nothing differs"
    )
    return theme.themed(
        alt.layer(bars, theme.reference_line(y=expected)).properties(width=420, height=240, title=heading)
    )


def _pointed_at(panel: int) -> alt.Parameter:
    """Return the mouse under the pointer in one panel."""
    return alt.selection_point(name=f"mouse_{panel}", fields=["mouse"], on="pointerover", clear="pointerout")


def _larger_where_pointed_at(n_panels: int) -> alt.SizeValue:
    """Return the size of a point: that of a mouse which is pointed at in any panel is larger in all."""
    pointed_at = [{"param": f"mouse_{panel}", "empty": False} for panel in range(n_panels)]
    return alt.SizeValue(40, condition={"test": {"or": pointed_at}, "value": 160})
