"""What relabeling the mice gives where the drug does nothing, and where the observed value lies in it."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.figures import theme

MOST_DOTS = 200  # up to so many relabelings are a dot each
QUANTILES = 100  # dots of more relabelings: Kay et al., CHI 2016, "When (ish) is my bus?"
N_BINS = 24
MOST_IN_A_ROW = 4


def relabeling_distribution(tests: pd.DataFrame) -> Any:
    """Draw the statistic of the relabeled mice as stacked dots, the observed value as a line, one panel per test.

    Parameters
    ----------
    tests : pandas.DataFrame, one row per test
        ``region``, ``arm``, ``statistic``, ``relabeled`` (sequence of float: the statistic of every relabeling, the true
        one included), ``p_value``, ``p_floor``; optional ``response``, ``estimand``. Tests without relabelings are not
        drawn.
    """
    theme.require_columns(tests, ["region", "arm", "statistic", "relabeled", "p_value", "p_floor"])
    rows: list[dict[Any, Any]] = tests.to_dict("records")
    known = [row for row in rows if _is_known(row)]
    if not known:
        return theme.no_data("no data: no test compared relabelings")
    arms = theme.in_order(row["arm"] for row in known)
    colors = dict(zip(arms, theme.colors_of(arms), strict=True))
    panels = [_panel(row, colors[row["arm"]], is_first=i % MOST_IN_A_ROW == 0) for i, row in enumerate(known)]
    return theme.themed(alt.concat(*panels, columns=min(MOST_IN_A_ROW, len(panels)), spacing=20))


def _is_known(row: dict[Any, Any]) -> bool:
    return row["relabeled"] is not None and len(row["relabeled"]) > 1 and pd.notna(row["statistic"])


def _panel(row: dict[Any, Any], color: str, *, is_first: bool) -> Any:
    relabeled = np.asarray(row["relabeled"], dtype=float)
    relabeled = relabeled[np.isfinite(relabeled)]  # too few mice for an effect count as infinite
    unit = float(relabeled.std()) or 1.0
    observed = float(row["statistic"]) / unit
    dots, dot_is = _dots(relabeled / unit)
    ends = [dots["place"].min(), dots["place"].max(), observed, 0.0]
    margin = 0.06 * (max(ends) - min(ends))
    scale = alt.Scale(domain=[min(ends) - margin, max(ends) + margin], nice=False, zero=False)
    x = alt.X("place:Q", title=["test statistic (SD of relabelings)", "left: reversal"], scale=scale)
    height = alt.Scale(domain=[0, max(float(dots["height"].max()) * 1.15, 8.0)], nice=False)
    y = alt.Y(
        "height:Q",
        title=dot_is if is_first else None,
        scale=height,
        axis=alt.Axis(labels=False, ticks=False, grid=False),
    )
    stacks = alt.Chart(theme.values(dots)).mark_point(style="null-point", filled=True, size=18, opacity=0.7)
    line = pd.DataFrame({"place": [observed], "observed": [float(row["statistic"])]})
    rule = alt.Chart(theme.values(line)).mark_rule(color=color, strokeWidth=2.5)
    label = f"{row['region']} {row['arm']}"
    if row.get("response"):
        label += f", {theme.spoken(row['response'])}s"
    heading = alt.TitleParams(label, subtitle=[_p_words(row), f"{len(row['relabeled']):,} relabelings"])
    layers = alt.layer(
        theme.reference_line(x=0.0),
        stacks.encode(x=x, y=y),
        rule.encode(x=x, tooltip=theme.tooltip(line, observed="observed")),
    )
    return layers.properties(width=175, height=150, title=heading)


def _dots(relabeled: np.ndarray) -> tuple[pd.DataFrame, str]:
    """Return dots, one on the other, and what one of them is."""
    if len(relabeled) <= MOST_DOTS:
        values, dot_is = np.sort(relabeled), "one dot a relabeling"
    else:
        values = np.quantile(relabeled, (np.arange(QUANTILES) + 0.5) / QUANTILES)
        dot_is = f"one dot 1/{QUANTILES} of relabelings"
    low, high = float(values.min()), float(values.max())
    width = (high - low) / N_BINS or 1.0
    bins = np.minimum(((values - low) / width).astype(int), N_BINS - 1)
    dots = pd.DataFrame({"place": low + (bins + 0.5) * width})
    dots["height"] = dots.groupby("place").cumcount() + 0.5
    return dots, dot_is


def _p_words(row: dict[Any, Any]) -> str:
    if row["p_value"] is None or pd.isna(row["p_value"]):
        return "no p-value"
    floor = "" if row["p_floor"] is None or pd.isna(row["p_floor"]) else f"; floor {theme.p_text(row['p_floor'])}"
    return f"p = {theme.p_text(row['p_value'])}{floor}"
