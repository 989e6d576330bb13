"""Figures of calibration and power: how often a test errs, how often it finds, and with how many mice."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

LEVEL, TARGET_POWER = 0.05, 0.8
ROW_HEIGHT = 26
# In words and looks of their own: the plain way is the one that errs.
TESTS = {
    "arm": "whole arm",
    "responder": "responders, the arm relabeled",
    "chosen": "responders against saline, the plain way",
}
LOOKS = {"whole arm": theme.BLUE, TESTS["responder"]: theme.BLUISH_GREEN, TESTS["chosen"]: theme.VERMILLION}
SHAPES = {"whole arm": "circle", TESTS["responder"]: "diamond", TESTS["chosen"]: "triangle-up"}
UNDONE_LOOKS = (theme.ORANGE, theme.BLUISH_GREEN, theme.BLUE, theme.REDDISH_PURPLE)
UNDONE_SHAPES = ("circle", "square", "diamond", "triangle-up")


def truth_of(has_stress: bool, undone: float, selection: float | None) -> str:
    """Return in words what is true in a simulated study."""
    if not has_stress:
        return "no effect at all"
    drug = "inert drug" if undone <= 0 else f"{100 * undone:.0f} % undone"
    return (
        drug if selection is None or pd.isna(selection) else f"{drug}, re-test follows the tissue at r = {selection:g}"
    )


def calibration_rates(rates: pd.DataFrame) -> Any:
    """Draw how often each test called reversal where there is none, and where there is one, with 95 % intervals.

    Parameters
    ----------
    rates : pandas.DataFrame, one row per truth and test
        ``undone``, ``selection``, ``has_stress``, ``test``, ``rate``, ``low``, ``high``, ``n_answered``. Rates that are
        missing (no simulated study gave a p) are not drawn.
    """
    theme.require_columns(rates, ["undone", "selection", "has_stress", "test", "rate", "low", "high", "n_answered"])
    known = theme.finite_rows(rates, ["rate", "low", "high"])
    if known.empty:
        return theme.no_data("no data: no simulated study gave a p-value")
    known = known.assign(
        truth=[truth_of(*row) for row in zip(known["has_stress"], known["undone"], known["selection"], strict=True)],
        how=known["test"].map(TESTS),
    )
    is_null = known["undone"] <= 0
    names = [name for name in LOOKS if (known["how"] == name).any()]
    panels = [
        _rate_panel(rows, title, note, names, LEVEL if number == 0 else TARGET_POWER, is_last=number == 1)
        for number, (rows, title, note) in enumerate(
            (
                (known[is_null], "No reversal in truth: every call is an error", "line: 5 %, the level of the test"),
                (known[~is_null], "Reversal in truth: calls are finds", "line: 80 %"),
            )
        )
        if len(rows)
    ]
    return theme.themed(alt.vconcat(*panels, spacing=20))


def _rate_panel(rows: pd.DataFrame, title: str, note: str, names: list[str], line: float, *, is_last: bool) -> Any:
    truths = list(dict.fromkeys(rows["truth"]))
    places = [name for name in names if (rows["how"] == name).any()]
    y = alt.Y(
        "truth:N", sort=truths, title=None, axis=alt.Axis(labelLimit=300, labelPadding=10, ticks=False, domain=False)
    )
    offset = alt.YOffset("how:N", sort=places, scale=alt.Scale(domain=places))
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(format="%", values=[0, 0.05, 0.2, 0.4, 0.6, 0.8, 1])
    legend = alt.Legend(orient="bottom", title=None, columns=1) if is_last or len(places) > 1 else None
    color = alt.Color("how:N", scale=alt.Scale(domain=names, range=[LOOKS[name] for name in names]), legend=legend)
    shape = alt.Shape("how:N", scale=alt.Scale(domain=names, range=[SHAPES[name] for name in names]), legend=legend)
    base = alt.Chart(theme.values(rows)).encode(y=y, yOffset=offset, color=color)
    interval = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=alt.X("rate:Q", title="simulated studies called reversal", scale=scale, axis=axis),
        shape=shape,
        tooltip=theme.tooltip(
            rows, truth="truth", how="test", rate="rate", low="95 % from", high="to", n_answered="studies with a p"
        ),
    )
    height = ROW_HEIGHT * len(rows) if len(places) > 1 else ROW_HEIGHT * len(truths)
    heading = alt.TitleParams(title, subtitle=note)
    return (theme.reference_line(x=line) + interval + points).properties(width=430, height=height, title=heading)


def reversal_power(rates: pd.DataFrame) -> Any:
    """Draw the power of the reversal test against the mice in each group, one line per fraction undone.

    Parameters
    ----------
    rates : pandas.DataFrame, one row per number of mice and reversal
        ``n_per_arm``, ``undone``, ``rate``, ``low``, ``high``, ``n_answered``.
    """
    theme.require_columns(rates, ["n_per_arm", "undone", "rate", "low", "high", "n_answered"])
    known = theme.finite_rows(rates, ["n_per_arm", "undone", "rate", "low", "high"])
    if known.empty:
        return theme.no_data("no data: no simulated study gave a p-value")
    shares = sorted(known["undone"].unique())
    names = [f"{100 * share:.0f} % undone" for share in shares]
    known = known.assign(reversal=known["undone"].map(dict(zip(shares, names, strict=True))))
    legend = alt.Legend(orient="right", title=None)
    color = alt.Scale(domain=names, range=list(UNDONE_LOOKS)[: len(names)])
    shape = alt.Scale(domain=names, range=list(UNDONE_SHAPES)[: len(names)])
    sizes = sorted(int(n) for n in known["n_per_arm"].unique())
    base = alt.Chart(theme.values(known)).encode(
        x=alt.X(
            "n_per_arm:Q", title="mice in each group: control, susceptible, treated", axis=alt.Axis(values=sizes),
            scale=alt.Scale(domain=[sizes[0] - 0.5, sizes[-1] + 0.5], nice=False),
        ),
        color=alt.Color("reversal:N", scale=color, legend=legend),
    )  # fmt: skip
    layers = [
        theme.reference_line(y=TARGET_POWER),
        base.mark_line(strokeWidth=1.5).encode(y="rate:Q"),
        base.mark_rule(opacity=0.6).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            y=_power_axis("rate"),
            shape=alt.Shape("reversal:N", scale=shape, legend=legend),
            tooltip=theme.tooltip(
                known, n_per_arm="mice in each group", reversal="in truth", rate="power", low="95 % from", high="to",
                n_answered="studies with a p",
            ),
        ),
    ]  # fmt: skip
    return theme.themed(alt.layer(*layers).properties(width=430, height=280))


def _power_axis(column: str) -> alt.Y:
    axis = alt.Axis(format="%", values=[0, 0.2, 0.4, 0.6, 0.8, 1])
    return alt.Y(f"{column}:Q", title="power", scale=alt.Scale(domain=[0, 1], nice=False), axis=axis)


def ratio_power(curve: pd.DataFrame, needed: pd.DataFrame) -> Any:
    """Draw the power of a comparison of two arms against mice per arm, with what the spread leaves open as a band.

    Parameters
    ----------
    curve : pandas.DataFrame, one row per number of mice
        ``n_per_arm``, ``power`` at the spread as estimated, ``low`` and ``high`` at the ends of its interval.
    needed : pandas.DataFrame
        ``n_per_arm`` and ``power`` of the fewest mice that reach the power wanted; empty where none do.
    """
    theme.require_columns(curve, ["n_per_arm", "power", "low", "high"])
    if curve.empty:
        return theme.no_data("no data: the spread of SI ratios is not known")
    base = alt.Chart(theme.values(curve)).encode(
        x=alt.X("n_per_arm:Q", title="mice per arm", scale=alt.Scale(nice=False), axis=alt.Axis(tickMinStep=1))
    )
    layers = [
        base.mark_area(color=theme.BLUE, opacity=0.2).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_line(color=theme.BLUE, strokeWidth=2).encode(
            y=_power_axis("power"),
            tooltip=theme.tooltip(curve, n_per_arm="mice per arm", power="power", low="80 % from", high="to"),
        ),
    ]
    if len(needed):
        layers.append(theme.reference_line(y=float(needed["power_wanted"].iloc[0])))
        point = alt.Chart(theme.values(needed)).encode(x="n_per_arm:Q", y="power:Q")
        layers.append(
            point.mark_point(filled=True, size=80, opacity=1, color=theme.VERMILLION).encode(
                tooltip=theme.tooltip(needed, n_per_arm="mice per arm", power="power")
            )
        )
    return theme.themed(alt.layer(*layers).properties(width=430, height=280))
