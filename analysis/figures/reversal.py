"""Figures of signature reversal: the fraction undone beside its null, and every mouse's own score."""

import textwrap
from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

ROW_HEIGHT = 28
REFUSAL_LINE = 60  # characters that fit the width of the panel
FEWEST_FOR_CORRELATION = 4  # below, a rank correlation has too few values to say anything


def reversal_forest(reversals: pd.DataFrame) -> Any:
    """Draw the fraction undone with its interval by region and arm; beside it p, and the cosine.

    Parameters
    ----------
    reversals : pandas.DataFrame, one row per test
        ``region``, ``arm``, ``fraction_undone``, ``fraction_undone_low``, ``fraction_undone_high``,
        ``p_value``, ``p_floor``, ``n_relabelings``, ``cosine``, ``cosine_null_mean``, ``refusal`` (a sentence
        or None); optional ``response``, ``n_control``, ``n_stress``, ``n_treated``, ``url``. What is missing
        (None, NaN) is not drawn; a refusal is written in the place of the interval.
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
    rows = reversals.assign(rank=rank).sort_values("rank", kind="stable").reset_index(drop=True)
    rows["row"] = rows.apply(_row_label, axis=1)
    if rows["row"].duplicated().any():
        twice = rows.loc[rows["row"].duplicated(), "row"].iloc[0]
        raise ValueError(f"one row per region, arm and response is drawn; {twice} comes twice")
    rows["p_text"] = [_p_text(p, floor) for p, floor in zip(rows["p_value"], rows["p_floor"], strict=True)]
    return rows


def _borders(rows: pd.DataFrame) -> alt.Chart:
    """Return a thin line between the regions."""
    firsts = [place for place, is_first in enumerate(~rows["region"].duplicated()) if is_first and place]
    lines = alt.Chart(alt.Data(values=[{"height": place * ROW_HEIGHT} for place in firsts]))
    return lines.mark_rule(style="quiet-line").encode(y=alt.Y("height:Q", scale=None, axis=None))


def _row_label(row: pd.Series) -> str:
    label = f"{row['region']} {row['arm']}"
    if isinstance(row.get("response"), str) and row["response"]:
        label += f", {theme.spoken(row['response'])}s"
    sizes = row.reindex(["n_control", "n_stress", "n_treated"])
    if sizes.notna().all():
        label += f" (n = {' / '.join(str(int(size)) for size in sizes)})"
    return label


def _p_text(p_value: Any, p_floor: Any) -> str:
    if p_value is None or pd.isna(p_value):
        return "no p-value"
    floor = "" if p_floor is None or pd.isna(p_floor) else f" ({_written(p_floor)})"
    return _written(p_value) + floor


def _written(p_value: float) -> str:
    """Return a p-value as papers print it: no leading zero, a fourth decimal only where three would say 0."""
    if p_value >= 1:
        return "1"
    if p_value < 0.0001:
        return "< .0001"
    return f"{p_value:.{3 if p_value >= 0.001 else 4}f}".lstrip("0")


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
    y.axis = alt.Axis(labelLimit=260, ticks=False, domain=False, grid=False)
    base = alt.Chart(theme.values(known)).encode(y=y, color=theme.color_by("arm", arms))
    shown = theme.tooltip(
        known,
        row="test",
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
        x=x, tooltip=shown, **theme.links(known)
    )
    return alt.layer(theme.reference_line(x=0.0), theme.reference_line(x=1.0), interval, points, *_refusals(unknown, y))


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
    shown = theme.tooltip(known, row="test", cosine="cosine", cosine_null_mean="expected without any reversal")
    points = alt.Chart(theme.values(known)).mark_point(filled=True, size=60, opacity=1)
    expected = alt.Chart(theme.values(null)).mark_point(style="null-point", shape="diamond", size=60)
    return alt.layer(
        theme.reference_line(x=0.0),
        expected.encode(
            x=alt.X("cosine_null_mean:Q", scale=scale),
            y=y,
            tooltip=theme.tooltip(null, row="test", cosine_null_mean="expected without any reversal"),
        ),
        points.encode(x=x, y=y, color=theme.color_by("arm", arms), tooltip=shown),
    )


def mouse_scores(scores: pd.DataFrame) -> Any:
    """Draw every mouse's place on the stress axis with its interval, by group, one panel per region.

    Parameters
    ----------
    scores : pandas.DataFrame, one row per mouse and region
        ``mouse``, ``region``, ``group``, ``score``, ``low``, ``high`` (0 = mean of controls, 1 = mean of
        susceptible mice); optional ``url``. Mice without a score are not drawn.
    """
    theme.require_columns(scores, ["mouse", "region", "group", "score", "low", "high"])
    drawn = theme.finite_rows(scores, ["score", "low", "high"])
    if drawn.empty:
        return theme.no_data("no data: no mouse has a score")
    groups = theme.in_order(drawn["group"])
    limits = [float(drawn["low"].min()), float(drawn["high"].max())]
    regions = list(dict.fromkeys(drawn["region"]))
    panels = [
        _score_panel(drawn[drawn["region"] == region], str(region), groups, limits, last=region == regions[-1])
        for region in regions
    ]
    return theme.themed(alt.vconcat(*panels, spacing=8))


def _score_panel(mice: pd.DataFrame, region: str, groups: list[str], limits: list[float], last: bool) -> Any:
    ranked = mice.sort_values("score", kind="stable")
    ranked = ranked.assign(place=ranked.groupby("group").cumcount())
    counts = ranked["group"].value_counts()
    places = list(range(int(counts.max())))
    axis = alt.Axis(labelAngle=0, ticks=False, labels=last)
    x = alt.X("group:N", sort=groups, title=None, scale=alt.Scale(domain=groups, paddingInner=0.15), axis=axis)
    scale = alt.Scale(domain=limits, nice=True, zero=False)
    base = alt.Chart(theme.values(ranked)).encode(
        x=x,
        xOffset=alt.XOffset("place:O", scale=alt.Scale(domain=places, paddingOuter=0.5)),
        color=theme.color_by("group", groups),
    )
    interval = base.mark_rule(opacity=0.55).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    points = base.mark_point(filled=True, size=45, opacity=1).encode(
        shape=theme.shape_by("group", groups),
        y=alt.Y("score:Q", title=["score", "0 = controls,", "1 = susceptible"], scale=scale),
        tooltip=theme.tooltip(
            ranked, mouse="mouse", region="region", group="group", score="score", low="from", high="to"
        ),
        **theme.links(ranked),
    )
    sizes = ", ".join(f"{group} {counts[group]}" for group in groups if group in counts)
    heading = alt.TitleParams(region, subtitle=f"n: {sizes}")
    layers = alt.layer(theme.reference_line(y=0.0), theme.reference_line(y=1.0), interval, points)
    return layers.properties(width=640, height=130, title=heading)


def score_vs_si(scores: pd.DataFrame) -> Any:
    """Draw treated mice's scores against the SI ratio of their last test, by arm, one panel per region.

    Controls and susceptible mice do not belong here: their labels anchor the axis, so that a correlation over
    them would be circular (reversal specification, section 6).

    Parameters
    ----------
    scores : pandas.DataFrame, one row per treated mouse and region
        ``mouse``, ``region``, ``arm``, ``score``, ``si_ratio``; optional ``group`` (the arm and its response),
        ``low``, ``high``, ``url``. A ratio of 0 has no place on the log scale and is not drawn.
    """
    theme.require_columns(scores, ["mouse", "region", "arm", "score", "si_ratio"])
    drawn = theme.finite_rows(theme.finite_rows(scores, ["score"]), ["si_ratio"], above=0.0)
    if drawn.empty:
        return theme.no_data("no data: no treated mouse has both a score and an SI ratio over 0")
    arms = theme.in_order(drawn["arm"])
    drawn = drawn if "group" in drawn else drawn.assign(group=drawn["arm"])
    groups = theme.in_order(drawn["group"])
    limits = {column: [float(drawn[column].min()), float(drawn[column].max())] for column in ("score", "si_ratio")}
    limits["si_ratio"] = [limits["si_ratio"][0] / 1.1, limits["si_ratio"][1] * 1.1]
    panels = [
        _relation_panel(drawn[drawn["region"] == region], str(region), (arms, groups), limits, first=i % 4 == 0)
        for i, region in enumerate(dict.fromkeys(drawn["region"]))
    ]
    return theme.themed(alt.concat(*panels, columns=4, spacing=18))


def _relation_panel(
    mice: pd.DataFrame,
    region: str,
    names: tuple[list[str], list[str]],
    limits: dict[str, list[float]],
    first: bool,
) -> Any:
    arms, groups = names
    legend = alt.Legend(orient="bottom", title=None, columns=4)
    x_scale = alt.Scale(type="log", domain=limits["si_ratio"], nice=False)
    y_scale = alt.Scale(domain=limits["score"], nice=True, zero=False)
    axis = alt.Axis(values=[0.1, 0.2, 0.5, 1, 2, 5, 10], format="~g")
    points = (
        alt.Chart(theme.values(mice))
        .mark_point(filled=True, size=50, opacity=0.9)
        .encode(
            x=alt.X("si_ratio:Q", title="SI ratio, last test (log scale)", scale=x_scale, axis=axis),
            y=alt.Y("score:Q", title="score" if first else None, scale=y_scale),
            color=theme.color_by("group", groups, legend),
            shape=theme.shape_by("group", groups, legend),
            tooltip=theme.tooltip(
                mice, mouse="mouse", region="region", group="group", score="score", si_ratio="SI ratio"
            ),
            **theme.links(mice),
        )
    )
    relations = [_relation(mice[mice["arm"] == arm], arm) for arm in arms if mice["arm"].eq(arm).any()]
    layers = alt.layer(theme.reference_line(x=1.0), points)
    return layers.properties(width=175, height=200, title=alt.TitleParams(region, subtitle=relations))


def _relation(mice: pd.DataFrame, arm: str) -> str:
    """Return Spearman's rank correlation and n in words; association only, hence no p."""
    size = f"{arm}: n = {len(mice)}"
    if len(mice) < FEWEST_FOR_CORRELATION or mice["score"].nunique() < 2 or mice["si_ratio"].nunique() < 2:
        return size
    rho = mice["score"].rank().corr(mice["si_ratio"].rank())
    return f"{size}, Spearman ρ = {rho:.2f}".replace("-", "−")
