"""The forest of signature reversal: the fraction undone beside its p and its null, region by region and arm by arm."""

import textwrap
from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

ROW_HEIGHT = 28
REFUSAL_LINE = 60  # characters that fit the width of the panel
MATCHED = "matched"
ESTIMANDS = {  # how each is called, and its mark
    "arm": ("whole arm, randomized", "circle"),
    "responder": ("responders, the arm relabeled", "diamond"),
    MATCHED: ("matched by outcome, descriptive", "square"),
}


def reversal_forest(reversals: pd.DataFrame) -> Any:
    """Draw the fraction undone with its interval by region and arm; beside it p, and the cosine.

    Parameters
    ----------
    reversals : pandas.DataFrame, one row per test
        ``region``, ``arm``, ``fraction_undone``, ``fraction_undone_low``, ``fraction_undone_high``,
        ``p_value``, ``p_floor``, ``n_relabelings``, ``cosine``, ``cosine_null_mean``, ``refusal`` (a sentence
        or None); optional ``estimand`` (of `ESTIMANDS`), ``response``, ``n_control``, ``n_stress``,
        ``n_treated``, ``url``. What is missing (None, NaN) is not drawn; a refusal is written in the place of the
        interval.
    """
    needed = ["region", "arm", "fraction_undone", "fraction_undone_low", "fraction_undone_high", "p_value"]
    theme.require_columns(reversals, [*needed, "p_floor", "n_relabelings", "cosine", "cosine_null_mean", "refusal"])
    if reversals.empty:
        return theme.no_data("no data: no reversal was tested")
    rows = _forest_rows(reversals)
    scale = alt.Scale(domain=list(rows["row"]))
    y = alt.Y("row:N", sort=list(rows["row"]), title=None, scale=scale, axis=None)
    arms = theme.in_order(rows["arm"])
    borders = _borders(rows)
    sizes = {"n_control", "n_stress", "n_treated"} <= set(rows.columns)
    interval = "95 % interval; n: control / susceptible / treated" if sizes else "95 % interval"
    panels = [
        (_fraction_panel(rows, y, arms), 320, "Fraction undone", interval),
        (_p_panel(rows, y), 120, "p", "(smallest possible)"),
        (_cosine_panel(rows, y, arms), 190, "Cosine of stress and drug", "hollow: expected without any reversal"),
    ]
    sized = [
        (panel + borders).properties(
            width=width, height=ROW_HEIGHT * len(rows), title=alt.TitleParams(title, subtitle=note)
        )
        for panel, width, title, note in panels
    ]
    return theme.themed(alt.hconcat(*sized, spacing=14))


def _forest_rows(reversals: pd.DataFrame) -> pd.DataFrame:
    """Return one row per test, regions as given and arms as known, with label and p in words."""
    regions = list(dict.fromkeys(reversals["region"]))
    arms = theme.in_order(reversals["arm"])
    rank = reversals["region"].map(regions.index) * len(arms) + reversals["arm"].map(arms.index)
    rows = reversals.assign(rank=rank, estimand=reversals.get("estimand", "arm"))
    rows["asked"] = [ESTIMANDS[name][0] for name in rows["estimand"]]
    order = rows["estimand"].map(list(ESTIMANDS).index)
    rows = rows.assign(order=order).sort_values(["rank", "order"], kind="stable").reset_index(drop=True)
    rows["is_first"] = ~rows.duplicated(["region", "arm"])
    rows["row"] = rows.apply(_row_label, axis=1)
    rows["test"] = rows["row"].str.partition("|")[0]
    if rows["test"].duplicated().any():
        twice = rows.loc[rows["test"].duplicated(), "test"].iloc[0]
        raise ValueError(f"one row per region, arm, response and estimand is drawn; {twice} comes twice")
    rows["p_text"] = [_p_text(p, floor) for p, floor in zip(rows["p_value"], rows["p_floor"], strict=True)]
    return rows


def _borders(rows: pd.DataFrame) -> alt.Chart:
    """Return a thin line between the regions."""
    firsts = [place for place, is_first in enumerate(~rows["region"].duplicated()) if is_first and place]
    lines = alt.Chart(alt.Data(values=[{"height": place * ROW_HEIGHT} for place in firsts]))
    return lines.mark_rule(style="quiet-line").encode(y=alt.Y("height:Q", scale=None, axis=None))


def compared_arm(arm: str, response: Any, estimand: str) -> str:
    """Return the arm of a test, and which of its mice were compared with which."""
    label = f"{arm}, {theme.spoken(response)}s" if isinstance(response, str) and response else arm
    return f"{label}, matched" if estimand == MATCHED else label


def _row_label(row: pd.Series) -> str:
    """Return what parts a row from all others, a bar, and what is written beside it: the arm on its first row only."""
    arm = f"{row['region']} {row['arm']}"
    label = f"{row['region']} {compared_arm(row['arm'], row.get('response'), row['estimand'])}"
    label = f"{label}|{label if row['is_first'] else label.removeprefix(arm + ', ')}"
    sizes = row.reindex(["n_control", "n_stress", "n_treated"])
    if sizes.notna().all():
        label += f" (n = {' / '.join(str(int(size)) for size in sizes)})"
    return label


def _p_text(p_value: Any, p_floor: Any) -> str:
    if p_value is None or pd.isna(p_value):
        return "no p-value"
    floor = "" if p_floor is None or pd.isna(p_floor) else f" ({theme.p_text(p_floor)})"
    return theme.p_text(p_value) + floor


def _fraction_panel(rows: pd.DataFrame, y: alt.Y, arms: list[str]) -> Any:
    effect = ["fraction_undone", "fraction_undone_low", "fraction_undone_high"]
    known = theme.finite_rows(rows, effect)
    unknown = rows[~rows.index.isin(known.index)]
    words = unknown["refusal"].where(unknown["refusal"].notna() & (unknown["refusal"] != ""), "not estimated")
    lines = [textwrap.fill(sentence, REFUSAL_LINE, max_lines=2, placeholder=" …") for sentence in words]
    unknown = unknown.assign(words=words, lines=lines)
    edges = [0.0, 1.0, *known["fraction_undone_low"], *known["fraction_undone_high"]]
    margin = (max(edges) - min(edges)) * 0.04
    # An axis stretched by one hopeless interval shows nothing of the others: it is cut, and the
    # tooltip has the numbers.
    low, high = max(min(edges) - margin, -2.0), min(max(edges) + margin, 3.0)
    scale = alt.Scale(domain=[low, high], nice=False)
    x = alt.X("fraction_undone:Q", title="0 = none, 1 = full", scale=scale)
    y = y.copy()
    written = "slice(datum.label, indexof(datum.label, '|') + 1)"
    y.axis = alt.Axis(labelLimit=260, labelExpr=written, ticks=False, domain=False, grid=False)
    base = alt.Chart(theme.values(known)).encode(y=y, color=theme.color_by("arm", arms))
    shown = theme.tooltip(
        known,
        test="test",
        asked="compared",
        fraction_undone="fraction undone",
        fraction_undone_low="95 % from",
        fraction_undone_high="to",
        p_value="p",
        n_relabelings="relabelings",
        refusal="note",
    )
    interval = base.mark_rule(strokeWidth=2, clip=True).encode(
        x=alt.X("fraction_undone_low:Q", scale=scale), x2="fraction_undone_high:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1, clip=True).encode(
        x=x, shape=_estimand_shape(rows), tooltip=shown, **theme.links(known)
    )
    return alt.layer(theme.reference_line(x=0.0), theme.reference_line(x=1.0), interval, points, *_refusals(unknown, y))


def _estimand_shape(rows: pd.DataFrame) -> alt.Shape:
    """Return a mark per estimand; one alone needs no legend."""
    shapes = dict(ESTIMANDS.values())
    asked = [name for name in shapes if name in set(rows["asked"])]
    scale = alt.Scale(domain=asked, range=[shapes[name] for name in asked])
    legend = (
        alt.Legend(orient="bottom", title=None, columns=1, symbolFillColor=theme.GRAY, symbolStrokeColor=theme.GRAY)
        if len(asked) > 1
        else None
    )
    return alt.Shape("asked:N", scale=scale, legend=legend)


def _refusals(unknown: pd.DataFrame, y: alt.Y) -> list[alt.Chart]:
    """Write why there is no interval in its place; two lines are raised, since Vega centers the first one."""
    two_lines = pd.Series(["\n" in lines for lines in unknown["lines"]], index=unknown.index, dtype=bool)
    layers = []
    for rows, dy in ((unknown[~two_lines], 0), (unknown[two_lines], -6)):
        text = alt.Chart(theme.values(rows[["row", "words", "lines"]])).mark_text(
            style="quiet", align="left", baseline="middle", dx=4, dy=dy, fontSize=11, lineBreak="\n"
        )
        layers.append(text.encode(x=alt.value(0), y=y, text="lines:N", tooltip=alt.Tooltip("words:N", title="refused")))
    return layers


def _p_panel(rows: pd.DataFrame, y: alt.Y) -> Any:
    base = alt.Chart(theme.values(rows[["row", "p_text"]]))
    return base.mark_text(style="annotation", align="left", fontSize=12).encode(x=alt.value(0), y=y, text="p_text:N")


def _cosine_panel(rows: pd.DataFrame, y: alt.Y, arms: list[str]) -> Any:
    known = theme.finite_rows(rows, ["cosine"])
    null = theme.finite_rows(rows, ["cosine_null_mean"])
    scale = alt.Scale(domain=[-1, 1], nice=False)
    x = alt.X("cosine:Q", title="cosine", scale=scale)
    shown = theme.tooltip(known, test="test", cosine="cosine", cosine_null_mean="expected without any reversal")
    points = alt.Chart(theme.values(known)).mark_point(filled=True, size=60, opacity=1)
    expected = alt.Chart(theme.values(null)).mark_point(style="null-point", shape="diamond", size=60)
    return alt.layer(
        theme.reference_line(x=0.0),
        expected.encode(
            x=alt.X("cosine_null_mean:Q", scale=scale),
            y=y,
            tooltip=theme.tooltip(null, test="test", cosine_null_mean="expected without any reversal"),
        ),
        points.encode(x=x, y=y, color=theme.color_by("arm", arms), tooltip=shown),
    )
