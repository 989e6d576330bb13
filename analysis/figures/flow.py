"""Figure of the flow of animals: who came to each step, and who left on the way."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

LINE, PADDING, GAP = 15, 8, 22  # pixels
MAIN, SIDE = (0, 290), (330, 700)  # left and right edge of the boxes, pixels


def animal_flow(steps: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Any:
    """Draw the steps as boxes from top to bottom, and beside each arrow a box of those who left.

    Parameters
    ----------
    steps : sequence of (lines, lines)
        Of each step what its box says (name and n first), and what stands beside the arrow that leads to it.
    """
    if not steps:
        return theme.no_data("no mouse yet")
    boxes: list[dict[str, Any]] = []
    arrows: list[dict[str, Any]] = []
    y = 0.0
    for number, (lines, beside) in enumerate(steps):
        if number:
            room = max(GAP, _height(beside) + 12) if beside else GAP
            arrows.append({"x": sum(MAIN) / 2, "x2": sum(MAIN) / 2, "y": y, "y2": y + room})
            if beside:
                boxes.append(_box(beside, SIDE, y + (room - _height(beside)) / 2))
                arrows.append({"x": sum(MAIN) / 2, "x2": SIDE[0], "y": y + room / 2, "y2": y + room / 2})
            y += room
        boxes.append(_box(lines, MAIN, y))
        y += _height(lines)
    x_scale, y_scale = alt.Scale(domain=[0, SIDE[1]], nice=False), alt.Scale(domain=[y, 0], nice=False)
    x, top = alt.X("x:Q", axis=None, scale=x_scale), alt.Y("y:Q", axis=None, scale=y_scale)
    drawn = alt.Chart(theme.values(pd.DataFrame(arrows or [{"x": 0, "x2": 0, "y": 0, "y2": 0}])))
    rects = alt.Chart(theme.values(pd.DataFrame(boxes).drop(columns="lines")))
    texts = alt.Chart(theme.values(pd.DataFrame(_lines(boxes))))
    chart = alt.layer(
        drawn.mark_rule(color=theme.GRAY).encode(x=x, x2="x2:Q", y=top, y2="y2:Q"),
        rects.mark_rect(fillOpacity=0, stroke=theme.GRAY, strokeWidth=1).encode(x=x, x2="x2:Q", y=top, y2="y2:Q"),
        texts.transform_filter("datum.is_first")
        .mark_text(style="annotation", align="left", baseline="top", fontWeight=600)
        .encode(x=x, y=top, text="text:N"),
        texts.transform_filter("!datum.is_first")
        .mark_text(style="annotation", align="left", baseline="top")
        .encode(x=x, y=top, text="text:N"),
    )
    return theme.themed(chart.properties(width=SIDE[1], height=y), keeps_aspect=True)


def _height(lines: Sequence[str]) -> float:
    return LINE * len(lines) + 2 * PADDING - 3


def _box(lines: Sequence[str], edges: tuple[int, int], y: float) -> dict[str, Any]:
    return {"x": edges[0], "x2": edges[1], "y": y, "y2": y + _height(lines), "lines": lines}


def _lines(boxes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"x": box["x"] + PADDING, "y": box["y"] + PADDING + LINE * number, "text": text, "is_first": number == 0}
        for box in boxes
        for number, text in enumerate(box["lines"])
    ]
