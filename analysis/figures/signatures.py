"""Two contrasts of one study against each other, gene by gene, beside what the mice that they share make alone."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.figures import theme
from analysis.figures.expression import thin_points

SIZE = 420  # pixels
CELL = 4  # pixels, as wide as a point: of those in one cell two show
WITHIN = 0.95  # share of genes inside the ellipse where there is no effect
CHI2_95 = 5.991465  # 95 % of chi-squared with 2 degrees of freedom: R's qchisq(.95, 2)
OUTLINE_POINTS = 73
UNIT = "effect in standard errors (moderated t)"
LABEL_HEIGHT = 13  # pixels
OPPOSITE, SAME, OTHER = "opposite in both", "same direction in both", "not in both"
COLORS = {OPPOSITE: theme.BLUE, SAME: theme.VERMILLION, OTHER: theme.GRAY}


def signature_scatter(
    genes: pd.DataFrame,
    *,
    x_name: str,
    y_name: str,
    null_correlation: float | None,
    p_cutoff: float = 0.05,
    n_labels: int = 6,
) -> Any:
    """Draw every gene's effect in one contrast against its effect in another, in standard errors.

    The ellipse holds 95 % of genes where neither contrast has any effect: the mice that the two share tilt it. In standard
    errors it is the same for every gene.

    Parameters
    ----------
    genes : pandas.DataFrame, one row per gene
        ``gene`` (symbol), ``x_t``, ``y_t`` (moderated t), ``x_p_value``, ``y_p_value``; optional
        ``x_log2_fold_change``, ``y_log2_fold_change``, ``url``. Genes without both are not drawn.
    x_name, y_name : str
        The contrasts.
    null_correlation : float or None
        As `reversal.shared_group_null`; None where it is not known, and then there is no ellipse.
    p_cutoff : float
        For either contrast, of the genes in color.
    n_labels : int
        How many genes of opposite direction get their name written, the strongest first.
    """
    theme.require_columns(genes, ["gene", "x_t", "y_t", "x_p_value", "y_p_value"])
    known = theme.finite_rows(genes, ["x_t", "y_t", "x_p_value", "y_p_value"])
    if known.empty:
        return theme.no_data("no data: no gene was tested in both contrasts")
    known = known.assign(direction=_directions(known, p_cutoff))
    places = known["x_t"].to_numpy(), known["y_t"].to_numpy()
    shown = thin_points(*places, known["direction"].to_numpy(), SIZE // CELL, SIZE // CELL)
    drawn = known[shown]
    reach = max(np.abs(places[0]).max(), np.abs(places[1]).max(), 4.0) * 1.04
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    axes = {
        "x": alt.X("x_t:Q", title=[x_name, UNIT], scale=scale),
        "y": alt.Y("y_t:Q", title=[y_name, UNIT], scale=scale),
    }
    layers = [theme.reference_line(x=0.0), theme.reference_line(y=0.0), _points(drawn, known, axes, p_cutoff)]
    if null_correlation is not None:
        layers.append(_null_ellipse(null_correlation, scale))
    strongest = known[known["direction"] == OPPOSITE]
    strongest = strongest.iloc[(strongest["x_t"] * strongest["y_t"]).argsort(kind="stable")].head(n_labels)
    layers.append(_labels(strongest, axes, gap=2 * reach * LABEL_HEIGHT / SIZE))
    r = float(np.corrcoef(*places)[0, 1]) if len(known) > 1 else float("nan")
    heading = alt.TitleParams(
        f"{len(known):,} genes, plain r = {_signed(r)}; by shared mice alone r = {_signed(null_correlation)}",
        subtitle=f"{len(drawn):,} points drawn; those left out lie under others",
    )
    return theme.themed(alt.layer(*layers).properties(width=SIZE, height=SIZE, title=heading), keeps_aspect=True)


def _signed(number: float | None) -> str:
    return "not known" if number is None or np.isnan(number) else f"{number:.2f}".replace("-", "−")


def _directions(genes: pd.DataFrame, p_cutoff: float) -> np.ndarray:
    in_both = (genes["x_p_value"] < p_cutoff) & (genes["y_p_value"] < p_cutoff)
    opposite = genes["x_t"] * genes["y_t"] < 0
    found: np.ndarray = np.where(in_both, np.where(opposite, OPPOSITE, SAME), OTHER)
    return found


def _points(drawn: pd.DataFrame, genes: pd.DataFrame, axes: dict[str, Any], p_cutoff: float) -> alt.Chart:
    counts = genes["direction"].value_counts()
    names = {name: f"{name} (n = {counts.get(name, 0):,})" for name in COLORS}
    wanted = ["gene", "x_t", "y_t", "x_log2_fold_change", "y_log2_fold_change", "x_p_value", "y_p_value", "url"]
    kept = drawn[[name for name in wanted if name in drawn]].assign(direction=drawn["direction"].map(names))
    color = alt.Color(
        "direction:N",
        title=f"p < {p_cutoff:g}",
        scale=alt.Scale(domain=list(names.values()), range=list(COLORS.values())),
        legend=alt.Legend(orient="bottom", titleOrient="left", columns=2),
    )
    shown = theme.tooltip(
        kept, gene="gene", x_log2_fold_change="x: log2 fold change", x_p_value="x: p",
        y_log2_fold_change="y: log2 fold change", y_p_value="y: p",
    )  # fmt: skip
    points = alt.Chart(theme.values(kept)).mark_point(filled=True, size=14, opacity=0.6)
    return points.encode(**axes, color=color, tooltip=shown, **theme.links(kept))


def _null_ellipse(correlation: float, scale: alt.Scale) -> alt.Chart:
    """Return the outline that holds 95 % of genes where only shared mice make the two alike."""
    turn = np.linspace(0, 2 * np.pi, OUTLINE_POINTS)
    radius = np.sqrt(CHI2_95)
    x = radius * np.cos(turn)
    y = radius * (correlation * np.cos(turn) + np.sqrt(max(1 - correlation**2, 0.0)) * np.sin(turn))
    outline = pd.DataFrame({"x": x, "y": y, "step": np.arange(OUTLINE_POINTS)})
    line = alt.Chart(theme.values(outline)).mark_line(style="ellipse")
    return line.encode(x=alt.X("x:Q", scale=scale), y=alt.Y("y:Q", scale=scale), order="step:Q")


def _labels(strongest: pd.DataFrame, axes: dict[str, Any], gap: float) -> Any:
    """Write names towards the middle, each at least a line below the one before."""
    layers = []
    for is_right, align, dx in ((True, "right", -6), (False, "left", 6)):
        side = strongest.loc[strongest["x_t"].gt(0) == is_right, ["gene", "x_t", "y_t"]]
        side = side.sort_values("y_t", ascending=False, kind="stable")
        heights: list[float] = []
        for height in side["y_t"]:
            heights.append(min(height, heights[-1] - gap) if heights else height)
        text = alt.Chart(theme.values(side.assign(y_t=heights)))
        text = text.mark_text(style="annotation", align=align, dx=dx, fontStyle="italic")
        layers.append(text.encode(**axes, text="gene:N"))
    return alt.layer(*layers)
