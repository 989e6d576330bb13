"""What all figures share: colors, marks, sizes, and how a frame becomes the values of a specification."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd
import vl_convert

# Okabe & Ito, "Color Universal Design" (2008), without their yellow, too pale for points on white.
ORANGE, SKY_BLUE, BLUISH_GREEN = "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, REDDISH_PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GRAY = "#8A8A8A"  # for their black, which a dark page would hide

COLORS = {
    "control": GRAY,
    "susceptible": VERMILLION,
    "resilient": BLUE,
    "unclassified": SKY_BLUE,
    "defeated": VERMILLION,
    "witness": BLUISH_GREEN,
    "vehicle": "#A6761D",  # the brown of ColorBrewer's Dark2: mice that get vehicle without being randomized
    "saline": ORANGE,
    "imipramine": BLUISH_GREEN,
    "ketamine": REDDISH_PURPLE,
    "up": VERMILLION,
    "down": BLUE,
    "not significant": GRAY,
}
PURPLE, OLIVE = "#AA4499", "#999933"  # of Tol's muted scheme, for arms that have no color yet
UNNAMED_COLORS = (BLUISH_GREEN, SKY_BLUE, ORANGE, REDDISH_PURPLE, BLUE, VERMILLION, PURPLE, OLIVE, GRAY)
GROUP_ORDER = (
    "control",
    "defeated",
    "susceptible",
    "saline",
    "imipramine",
    "ketamine",
    "resilient",
    "witness",
)
PHENOTYPES = ("control", "susceptible", "resilient", "unclassified")
RESPONSES = ("responder", "non-responder")
TONES = {"responder": -0.15, "non-responder": 0.3}  # of the arm's color: towards black, towards white
SHAPES = {
    "control": "square",
    "susceptible": "circle",
    "resilient": "triangle-up",
    "unclassified": "cross",
    "responder": "diamond",
    "non-responder": "triangle-down",
    "witness": "triangle-right",
}

GRADIENT = re.compile(r"\bgradient_\d+\b")
SIGNIFICANT_DIGITS = 6  # of a plotted number: far below a pixel, and half the size of the specification
VL_VERSION = "6.4"  # Vega-Lite as in package.json, so that page and paper are drawn alike
KEEPS_ASPECT = "keeps_aspect"  # name of a chart that figures.js widens in both directions alike
PNG_SCALE = 3.0  # pixels per unit of the figure: 216 dpi at the drawn size

# The named styles are what a dark page repaints (static/labdb/figures.js); marks name a style, never black.
CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "Inter, Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domainColor": "#667382",
        "gridColor": "#e6e7e9",
        "gridOpacity": 0.8,
        "labelColor": "#3a4859",
        "labelFontSize": 11,
        "tickColor": "#667382",
        "tickSize": 4,
        "titleColor": "#1d273b",
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "legend": {
        "labelColor": "#3a4859",
        "labelFontSize": 11,
        "labelLimit": 260,
        "symbolOpacity": 1,
        "titleColor": "#1d273b",
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
    "title": {
        "anchor": "start",
        "color": "#1d273b",
        "fontSize": 12,
        "fontWeight": 600,
        "offset": 8,
        "subtitleColor": "#667382",
        "subtitleFontSize": 11,
    },
    "style": {
        "reference": {"color": "#667382", "strokeWidth": 1, "strokeDash": [4, 3]},
        "median": {"color": "#1d273b", "thickness": 2.5},
        "annotation": {"color": "#3a4859", "fontSize": 11},
        "quiet": {"color": "#667382", "fontSize": 11},
        "quiet-line": {"color": "#667382", "opacity": 0.35, "strokeWidth": 1},
        "null-point": {"color": "#667382", "strokeWidth": 1.5},
        "ellipse": {"color": "#1d273b", "strokeWidth": 1.5, "strokeDash": [6, 4]},
    },
}


def require_columns(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Refuse a frame that lacks a column the figure draws."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"the frame lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}")


def finite_rows(frame: pd.DataFrame, columns: Sequence[str], above: float | None = None) -> pd.DataFrame:
    """Return the rows whose ``columns`` are all finite numbers (and over ``above``), these as floats."""
    numbers = frame.loc[:, list(columns)].apply(pd.to_numeric, errors="coerce").astype(float)
    kept = numbers.abs().lt(float("inf")).all(axis=1)
    if above is not None:
        kept &= numbers.gt(above).all(axis=1)
    return frame[kept].assign(**{column: numbers.loc[kept, column] for column in columns})


class _Rows(alt.InlineData):
    """Rows as they go into the specification.

    Altair copies and checks every row whenever charts are combined: two seconds for the genes of a volcano.
    """

    _class_is_valid_at_instantiation = False

    def __deepcopy__(self, memo: Any = None) -> "_Rows":
        return self

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the rows themselves; nothing changes them."""
        return {"values": self["values"]}


def values(frame: pd.DataFrame) -> alt.InlineData:
    """Return a frame as inline values: floats rounded, null where a number is missing or not finite."""
    cells = [
        _rounded(column) if pd.api.types.is_float_dtype(column) else _plain(column) for _name, column in frame.items()
    ]
    names = [str(name) for name in frame.columns]
    return _Rows(values=[dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)])


def _plain(column: pd.Series) -> list[Any]:
    plain: list[Any] = column.astype(object).mask(column.isna(), other=None).tolist()
    return plain


def _rounded(column: pd.Series) -> list[float | None]:
    """Return floats to so many significant digits, all at once: one by one they take longer than a chart."""
    numbers = column.to_numpy(dtype=float)
    is_finite = np.isfinite(numbers)
    is_usual = is_finite & (np.abs(numbers) > 1e-290) & (np.abs(numbers) < 1e290)  # others stay as they are
    known = np.where(is_usual, numbers, 1.0)
    digits = SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(np.abs(known)))
    up, down = 10.0 ** np.maximum(digits, 0), 10.0 ** np.maximum(-digits, 0)  # powers below 1 are not exact
    rounded = np.where(is_usual, np.round(known * up / down) / up * down, numbers)
    return [number if finite else None for number, finite in zip(rounded.tolist(), is_finite.tolist(), strict=True)]


def in_order(names: Iterable[Any], order: Sequence[str] = GROUP_ORDER) -> list[str]:
    """Return the distinct names, known ones in the order of the experiment, an arm's responders beside the others."""
    distinct = list(dict.fromkeys(str(name) for name in names if pd.notna(name)))
    return sorted(distinct, key=lambda name: _rank(name, order))


def _rank(name: str, order: Sequence[str]) -> tuple[int, int, str]:
    arm, response = arm_and_response(name)
    known = name if name in order else arm
    place = order.index(known) if known in order else len(order)
    return (place, 1 + RESPONSES.index(response), "") if known in order and response else (place, 0, name)


def arm_and_response(group: str) -> tuple[str, str]:
    """Return what a group got and how it responded: ``("imipramine", "non-responder")``, ``("saline", "")``."""
    group = spoken(group)
    for response in sorted(RESPONSES, key=len, reverse=True):
        if group.endswith(f" {response}"):
            return group.removesuffix(f" {response}"), response
    return group.removeprefix("susceptible "), ""


def colors_of(names: Sequence[str]) -> list[str]:
    """Return one color per name: its own where the bench's word has one, else one not taken yet.

    Responders and non-responders have a dark and a light tone of their arm's color.
    """
    parts = [arm_and_response(name) for name in names]
    taken = {COLORS[arm] for arm, _response in parts if arm in COLORS}
    free = [color for color in UNNAMED_COLORS if color not in taken] or list(UNNAMED_COLORS)
    unnamed = dict.fromkeys(arm for arm, _response in parts if arm not in COLORS)
    own = {arm: free[i % len(free)] for i, arm in enumerate(unnamed)}
    return [_toned(COLORS.get(arm) or own[arm], TONES.get(response, 0.0)) for arm, response in parts]


def _toned(color: str, tone: float) -> str:
    """Return a color moved towards black (below 0) or white by that share of the way."""
    end = 255 if tone > 0 else 0
    levels = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(level + abs(tone) * (end - level)):02X}" for level in levels)


def shapes_of(names: Sequence[str]) -> list[str]:
    """Return one shape per name, so that no group is told by its color alone."""
    return [SHAPES.get(name) or SHAPES.get(arm_and_response(name)[1], "circle") for name in names]


def color_by(column: str, names: Sequence[str], legend: Any = None) -> alt.Color:
    """Return the color encoding of a column of names, the same color for a name in every figure."""
    scale = alt.Scale(domain=list(names), range=colors_of(names))
    return alt.Color(f"{column}:N", scale=scale, legend=legend)


def shape_by(column: str, names: Sequence[str], legend: Any = None) -> alt.Shape:
    """Return the shape encoding of a column of names; with the legend of its colors, one legend shows both."""
    return alt.Shape(f"{column}:N", scale=alt.Scale(domain=list(names), range=shapes_of(names)), legend=legend)


def counted(names: pd.Series, order: Sequence[str] = GROUP_ORDER) -> dict[str, str]:
    """Return each name with how often it occurs: ``{"control": "control (n = 8)"}``."""
    counts = names.dropna().astype(str).value_counts()
    return {name: f"{spoken(name)} (n = {counts[name]})" for name in in_order(counts.index, order)}


def spoken(name: str) -> str:
    """Return a stored name as people write it."""
    return name.replace("_", "-")


def p_text(p_value: float) -> str:
    """Return a p-value as papers print it: no leading zero, a fourth decimal only where three would say 0."""
    if p_value >= 1:
        return "1"
    if p_value < 0.0001:
        return "< .0001"
    return f"{p_value:.{3 if p_value >= 0.001 else 4}f}".lstrip("0")


def links(frame: pd.DataFrame) -> dict[str, alt.Href]:
    """Return the encoding that makes a point lead to its ``url``, where the frame has that column."""
    return {"href": alt.Href("url:N")} if "url" in frame.columns else {}


def tooltip(frame: pd.DataFrame, **titles: str) -> list[alt.Tooltip]:
    """Return tooltips for those columns that the frame has; numbers to three significant digits."""
    shown = []
    for column, title in titles.items():
        if column in frame.columns:
            numeric = pd.api.types.is_numeric_dtype(frame[column]) and not pd.api.types.is_bool_dtype(frame[column])
            field = f"{column}:Q" if numeric else f"{column}:N"
            shown.append(alt.Tooltip(field, title=title, **({"format": ".3~g"} if numeric else {})))
    return shown


def reference_line(**at: float) -> alt.Chart:
    """Return one line at a fixed x or y, with a row of its own: on the points' rows it is drawn once each."""
    rule = alt.Chart(alt.Data(values=[{}])).mark_rule(style="reference")
    return rule.encode(**{channel: alt.datum(position) for channel, position in at.items()})


def no_data(sentence: str = "no data") -> alt.Chart:
    """Return a figure that says in words why it is empty."""
    text = alt.Chart(alt.Data(values=[{"sentence": sentence}]), width=400, height=80)
    return themed(text.mark_text(style="quiet", fontSize=13).encode(text="sentence:N"))


def themed(chart: Any, *, keeps_aspect: bool = False) -> Any:
    """Return the chart with the colors, fonts and sizes that all figures share.

    On a page its panels are drawn as wide as there is room (static/labdb/figures.js), which knows by its name one
    that ``keeps_aspect``.
    """
    named = chart.properties(name=KEEPS_ASPECT) if keeps_aspect else chart
    return named.configure(**CONFIG)


class SideBySide:
    """Panels in rows as one figure, themed.

    Put together as the specification that it is: Altair's own way copies every panel several times, which takes longer
    than reading the track that is drawn.
    """

    def __init__(self, panels: Sequence[Any], *, columns: int, spacing: int, keeps_aspect: bool = False) -> None:
        self.panels = panels
        self.layout = {"columns": columns, "spacing": spacing, **({"name": KEEPS_ASPECT} if keeps_aspect else {})}

    def to_dict(self, *, validate: bool = True) -> dict[str, Any]:
        """Return the specification."""
        parts = [panel.to_dict(validate=validate) for panel in self.panels]
        schemas = {part.pop("$schema") for part in parts}
        datasets = {name: rows for part in parts for name, rows in part.pop("datasets", {}).items()}
        for part in parts:
            part.pop("config", None)
        return {"$schema": schemas.pop(), "config": CONFIG, **self.layout, "concat": parts, "datasets": datasets}


def specification_of(chart: Any) -> dict[str, Any]:
    """Return the specification of a figure; what the tests have checked is not checked at every drawing."""
    found: dict[str, Any] = chart.to_dict(validate=False)
    return found


def save_figure(chart: Any, file_format: Literal["svg", "pdf", "png"]) -> bytes:
    """Draw a figure as a file for a paper, without browser or network; links are left out."""
    specification = _without_links(specification_of(chart))  # a copy: the shared colors stay as they are
    specification["background"] = "white"
    specification["config"]["background"] = "white"
    if file_format == "svg":
        drawn: str = vl_convert.vegalite_to_svg(specification, vl_version=VL_VERSION)
        return _without_counter(drawn).encode()
    if file_format == "pdf":
        return bytes(vl_convert.vegalite_to_pdf(specification, vl_version=VL_VERSION))
    if file_format == "png":
        return bytes(vl_convert.vegalite_to_png(specification, vl_version=VL_VERSION, scale=PNG_SCALE))
    raise ValueError(f"a figure is saved as svg, pdf or png; got {file_format!r}")


def _without_counter(svg: str) -> str:
    """Number the gradients of a drawing from 0: the library counts on over all drawings, and equal files would differ."""
    names = dict.fromkeys(GRADIENT.findall(svg))
    numbers = {name: f"gradient_{number}" for number, name in enumerate(names)}
    return GRADIENT.sub(lambda found: numbers[found.group()], svg)


def _without_links(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _without_links(value) for key, value in part.items() if key != "href"}
    if isinstance(part, list):
        return [_without_links(value) for value in part]
    return part
