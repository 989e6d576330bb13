"""One gene in every contrast: estimates with their intervals, the regions side by side."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

ROW_HEIGHT, PANEL_WIDTH = 20, 170  # pixels
MOST_CONTRASTS = 40  # more are not read off a figure
LABEL_WIDTH = 300  # pixels
CLASSES = ("up", "down", "not significant")
SHAPES = ("triangle-up", "triangle-down", "circle")


def gene_forest(estimates: pd.DataFrame, *, alpha: float = 0.05) -> Any:
    """Draw a gene's log2 fold change with its interval in every contrast, one panel a region in the order given.

    Parameters
    ----------
    estimates : pandas.DataFrame, one row per contrast and region
        ``contrast``, ``region``, ``log2_fold_change``, ``low``, ``high``, ``p_value``, ``adj_p_value``; optional ``url``.
        An estimate without an interval is drawn as a point. Of more than ``MOST_CONTRASTS`` contrasts those with the
        smallest p are drawn.
    alpha : float
        Adjusted p below which a change is called.
    """
    needed = ["contrast", "region", "log2_fold_change", "low", "high", "p_value", "adj_p_value"]
    theme.require_columns(estimates, needed)
    drawn = theme.finite_rows(estimates, ["log2_fold_change", "p_value", "adj_p_value"])
    if drawn.empty:
        return theme.no_data("no data: no current contrast tested this gene")
    order = drawn.sort_values("p_value", kind="stable")["contrast"].drop_duplicates()
    contrasts = sorted(order.head(MOST_CONTRASTS))
    drawn = _classified(drawn[drawn["contrast"].isin(contrasts)], alpha)
    ends = drawn[["log2_fold_change", "low", "high"]].astype(float)
    edge = max(float(ends.abs().max().max()), 0.1) * 1.05
    regions = list(dict.fromkeys(drawn["region"]))
    panels = [
        _panel(drawn[drawn["region"] == region], str(region), contrasts, edge, alpha, is_first=region == regions[0])
        for region in regions
    ]
    shared = alt.hconcat(*panels, spacing=14)
    return theme.themed(
        shared.resolve_scale(color="independent", shape="independent")
    )  # one legend, of the first panel


def _classified(estimates: pd.DataFrame, alpha: float) -> pd.DataFrame:
    direction = (estimates["log2_fold_change"] > 0).map({True: "up", False: "down"})
    return estimates.assign(change=direction.where(estimates["adj_p_value"] < alpha, CLASSES[2]))


def _panel(
    estimates: pd.DataFrame, region: str, contrasts: list[str], edge: float, alpha: float, *, is_first: bool
) -> Any:
    axis = alt.Axis(labelLimit=LABEL_WIDTH, ticks=False, domain=False, labels=is_first, grid=True)
    y = alt.Y("contrast:N", sort=contrasts, title=None, scale=alt.Scale(domain=contrasts), axis=axis)
    scale = alt.Scale(domain=[-edge, edge], nice=False)
    legend = alt.Legend(orient="bottom", title=f"adjusted p < {alpha:g}") if is_first else None
    color = alt.Color("change:N", scale=alt.Scale(domain=CLASSES, range=theme.colors_of(CLASSES)), legend=legend)
    shape = alt.Shape("change:N", scale=alt.Scale(domain=CLASSES, range=SHAPES), legend=legend)
    columns = ["contrast", "log2_fold_change", "low", "high", "p_value", "adj_p_value", "change"]
    kept = estimates[[*columns, *(["url"] if "url" in estimates else [])]]
    shown = theme.tooltip(
        kept.astype({"low": float, "high": float}), contrast="contrast", log2_fold_change="log2 fold change", low="95 % from",
        high="to", p_value="p", adj_p_value="adjusted p",
    )  # fmt: skip
    base = alt.Chart(theme.values(kept)).encode(y=y, color=color)
    interval = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2)
    points = base.mark_point(filled=True, size=55, opacity=1)
    layers = alt.layer(
        theme.reference_line(x=0.0),
        interval.encode(x=alt.X("low:Q", scale=scale), x2="high:Q"),
        points.encode(
            x=alt.X("log2_fold_change:Q", title="log2 fold change", scale=scale),
            shape=shape,
            tooltip=shown,
            **theme.links(kept),
        ),
    )
    heading = alt.TitleParams(region, subtitle="95 % interval" if is_first else " ")
    return layers.properties(width=PANEL_WIDTH, height=ROW_HEIGHT * len(contrasts), title=heading)
