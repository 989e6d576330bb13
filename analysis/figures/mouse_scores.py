"""Figures of the mice behind a reversal: every mouse's score, and its score against its social interaction."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

FEWEST_FOR_CORRELATION = 4  # below, a rank correlation has too few values to say anything
MOST_IN_A_ROW = 4
RATIO_TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10]
TESTS = (BEFORE, AFTER) = ("before treatment", "after treatment")


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
    counts = ranked["group"].value_counts()
    # In half steps, so that a group of any size stands in the middle above its name.
    most = int(counts.max())
    rank = ranked.groupby("group").cumcount()
    ranked = ranked.assign(place=2 * rank + most - ranked["group"].map(counts))
    places = list(range(2 * most - 1))
    axis = alt.Axis(labelAngle=0, ticks=False, labels=last, labelExpr="split(datum.label, ' ')")  # a word a line
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
    """Draw randomized mice's scores against their SI ratio before and after treatment, vehicle too, region by region.

    Controls do not belong here, nor an association over all mice: labels anchor the axis, so that it would be circular
    (reversal specification, section 6). Each arm's own is stated; that of the vehicle says how large the bias of choosing
    responders can be.

    Parameters
    ----------
    scores : pandas.DataFrame, one row per mouse, region and SI test
        ``mouse``, ``region``, ``arm``, ``score``, ``test`` ("before treatment", "after treatment"), ``si_ratio``; optional
        ``group`` (the arm and its response), ``low``, ``high``, ``url``. A ratio of 0 has no place on the log scale and
        is not drawn.
    """
    theme.require_columns(scores, ["mouse", "region", "arm", "score", "test", "si_ratio"])
    drawn = theme.finite_rows(theme.finite_rows(scores, ["score"]), ["si_ratio"], above=0.0)
    if drawn.empty:
        return theme.no_data("no data: no randomized mouse has both a score and an SI ratio over 0")
    arms = theme.in_order(drawn["arm"])
    drawn = drawn if "group" in drawn else drawn.assign(group=drawn["arm"])
    groups = theme.in_order(drawn["group"])
    limits = {column: [float(drawn[column].min()), float(drawn[column].max())] for column in ("score", "si_ratio")}
    limits["si_ratio"] = [limits["si_ratio"][0] / 1.1, limits["si_ratio"][1] * 1.1]
    columns = min(drawn["region"].nunique(), MOST_IN_A_ROW)
    shown = drawn[["test", "region"]].drop_duplicates()
    shown = shown.iloc[shown["test"].map(list(TESTS).index).argsort(kind="stable")]
    panels = [
        _relation_panel(
            drawn[(drawn["region"] == region) & (drawn["test"] == test)], f"{region}, {test}", (arms, groups), limits
        )
        for test, region in shown.itertuples(index=False)
    ]
    return theme.themed(alt.concat(*panels, columns=columns, spacing=18))


def _relation_panel(
    mice: pd.DataFrame, title: str, names: tuple[list[str], list[str]], limits: dict[str, list[float]]
) -> Any:
    arms, groups = names
    legend = alt.Legend(orient="bottom", title=None, columns=4)
    x_scale = alt.Scale(type="log", domain=limits["si_ratio"], nice=False)
    y_scale = alt.Scale(domain=limits["score"], nice=True, zero=False)
    axis = alt.Axis(values=RATIO_TICKS, format="~g")
    points = (
        alt.Chart(theme.values(mice))
        .mark_point(filled=True, size=50, opacity=0.9)
        .encode(
            x=alt.X("si_ratio:Q", title="SI ratio (log scale)", scale=x_scale, axis=axis),
            y=alt.Y("score:Q", title="score", scale=y_scale),
            color=theme.color_by("group", groups, legend),
            shape=theme.shape_by("group", groups, legend),
            tooltip=theme.tooltip(
                mice, mouse="mouse", region="region", group="group", score="score", low="95 % from", high="to",
                test="SI test", si_ratio="SI ratio", iz_absent_s="s in zone without target", iz_present_s="s with target",
            ),
            **theme.links(mice),
        )
    )  # fmt: skip
    relations = [_relation(mice[mice["arm"] == arm], arm) for arm in arms if mice["arm"].eq(arm).any()]
    layers = alt.layer(theme.reference_line(x=1.0), points)
    return layers.properties(width=175, height=200, title=alt.TitleParams(title, subtitle=relations))


def _relation(mice: pd.DataFrame, arm: str) -> str:
    """Return Spearman's rank correlation and n in words; association only, hence no p."""
    size = f"{arm}: n = {len(mice)}"
    if len(mice) < FEWEST_FOR_CORRELATION or mice["score"].nunique() < 2 or mice["si_ratio"].nunique() < 2:
        return size
    rho = mice["score"].rank().corr(mice["si_ratio"].rank())
    return f"{size}, Spearman ρ = {rho:.2f}".replace("-", "−")
