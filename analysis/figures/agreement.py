"""Figure of how far two scorers agree: difference against mean, with the limits of agreement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme
from analysis.kernels.agreement import BlandAltman


@dataclass(frozen=True)
class Scorings:
    """Two scorings of the same tests.

    Attributes
    ----------
    title, unit : str
        What was scored.
    tests : pandas.DataFrame, one row per test
        ``mouse``, ``first``, ``second``; optional ``url``.
    limits : BlandAltman or None
        Drawn as lines; None where there are too few tests.
    """

    title: str
    unit: str
    tests: pd.DataFrame
    limits: BlandAltman | None


def scorer_agreement(scorings: Sequence[Scorings]) -> Any:
    """Draw one panel for each: first minus second scoring against their mean, mean difference and limits as lines."""
    panels = [_panel(one) for one in scorings if not theme.finite_rows(one.tests, ["first", "second"]).empty]
    if not panels:
        return theme.no_data("no data: no test was scored twice")
    return theme.themed(alt.concat(*panels, columns=3, spacing=24))


def _panel(one: Scorings) -> Any:
    drawn = theme.finite_rows(one.tests, ["first", "second"])
    drawn = drawn.assign(mean=(drawn["first"] + drawn["second"]) / 2, difference=drawn["first"] - drawn["second"])
    unit = f" ({one.unit})" if one.unit else ""
    points = (
        alt.Chart(theme.values(drawn))
        .mark_point(filled=True, size=45, opacity=0.8, color=theme.BLUE)
        .encode(
            x=alt.X("mean:Q", title=f"mean of both{unit}", scale=alt.Scale(zero=False)),
            y=alt.Y("difference:Q", title=f"first − second{unit}"),
            tooltip=theme.tooltip(drawn, mouse="mouse", first="first", second="second", difference="difference"),
            **theme.links(drawn),
        )
    )
    layers = [points]
    if one.limits:
        lines = [
            ("mean", one.limits.difference), ("−1.96 SD", one.limits.lower_limit), ("+1.96 SD", one.limits.upper_limit),
        ]  # fmt: skip
        written = alt.Chart(theme.values(pd.DataFrame(lines, columns=["label", "y"])))
        layers += [theme.reference_line(y=value) for _label, value in lines]
        layers.append(
            written.mark_text(style="quiet", align="left", baseline="bottom", dx=4).encode(
                x=alt.value(0), y="y:Q", text="label:N"
            )
        )
    heading = alt.TitleParams(one.title, subtitle=f"n = {len(drawn)} tests")
    return alt.layer(*layers).properties(width=210, height=220, title=heading)
