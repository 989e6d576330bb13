"""Figures of re-tests: courses over any number of tests, regression to the mean, rates with what vehicle alone gives."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

RATIO_TICKS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]
MOST_IN_A_ROW = 4
RETEST_SIZE = 380  # pixels
ROW_HEIGHT = 30


def si_course(tests: pd.DataFrame, *, x_title: str, cutoff: float = 1.0) -> Any:
    """Draw each mouse's SI ratio over all of its tests, log scale, one panel per arm; the medians of each test as a line.

    Parameters
    ----------
    tests : pandas.DataFrame, one row per test
        ``mouse``, ``panel`` (arm, or what the mouse is), ``test_number``, ``x`` (test number, or days), ``si_ratio``;
        optional ``response``, ``url``. A ratio of 0 has no place on a log scale: such tests are counted in the panel's
        heading.
    x_title : str
        What ``x`` is.
    cutoff : float
        Drawn as a line.
    """
    theme.require_columns(tests, ["mouse", "panel", "test_number", "x", "si_ratio"])
    known = theme.finite_rows(tests, ["x", "si_ratio"])
    drawn = theme.finite_rows(known, ["si_ratio"], above=0.0)
    if drawn.empty:
        return theme.no_data(f"no data: no test has a ratio over 0 and {x_title}")
    domain = [float(drawn["si_ratio"].min()) / 1.1, float(drawn["si_ratio"].max()) * 1.1]
    reach = [float(drawn["x"].min()), float(drawn["x"].max())]
    margin = (reach[1] - reach[0]) * 0.06 or 0.5
    x_scale = alt.Scale(domain=[reach[0] - margin, reach[1] + margin], nice=False, zero=False)
    x = alt.X("x:Q", title=x_title, scale=x_scale, axis=alt.Axis(tickMinStep=1, format="d", grid=False))
    n_mice = drawn.groupby("panel")["mouse"].nunique()
    panels = []
    for i, panel in enumerate(theme.in_order(drawn["panel"])):
        mice = drawn[drawn["panel"] == panel]
        dropped = int(known["panel"].eq(panel).sum() - len(mice))
        note = f"{dropped} tests with ratio 0 not shown" if dropped else " "
        heading = alt.TitleParams(f"{theme.spoken(panel)} (n = {n_mice[panel]})", subtitle=note)
        layers = _course_panel(mice, panel, x, domain, is_first=i % MOST_IN_A_ROW == 0)
        panels.append((layers + theme.reference_line(y=cutoff)).properties(width=170, height=250, title=heading))
    return theme.themed(alt.concat(*panels, columns=MOST_IN_A_ROW, spacing=18))


def _ratio(column: str, domain: list[float], title: str | None) -> dict[str, Any]:
    scale = alt.Scale(type="log", domain=domain, nice=False)
    return {
        "shorthand": f"{column}:Q",
        "title": title,
        "scale": scale,
        "axis": alt.Axis(values=RATIO_TICKS, format="~g"),
    }


def _course_panel(mice: pd.DataFrame, panel: str, x: alt.X, domain: list[float], is_first: bool) -> Any:
    color = theme.colors_of([panel])[0]
    y = alt.Y(**_ratio("si_ratio", domain, "SI ratio (log scale)" if is_first else None))
    base = alt.Chart(theme.values(mice)).encode(x=x, y=y)
    lines = base.mark_line(color=color, opacity=0.45, strokeWidth=1).encode(detail="mouse:N")
    points = base.mark_point(color=color, filled=True, size=30, opacity=0.9).encode(
        tooltip=theme.tooltip(
            mice, mouse="mouse", panel="arm", response="response", test_number="SI test", x=str(x.title),
            si_ratio="SI ratio",
        ),
        **theme.links(mice),
    )  # fmt: skip
    medians = mice.groupby("test_number", as_index=False)[["x", "si_ratio"]].median()
    middle = alt.Chart(theme.values(medians)).encode(x=x, y=y)
    course = middle.mark_line(style="reference", strokeWidth=2, strokeDash=[1, 0])
    return alt.layer(lines, points, course, middle.mark_tick(style="median", orient="horizontal", size=18))


def si_retest(before_after: pd.DataFrame, expected: pd.DataFrame | None = None, *, cutoff: float = 1.0) -> Any:
    """Draw the second SI ratio against the first, log scales, with the second that is expected where nothing was done.

    Parameters
    ----------
    before_after : pandas.DataFrame, one row per mouse
        ``mouse``, ``panel`` (control, resilient or the arm), ``si_ratio_before``, ``si_ratio_after``; optional
        ``response``, ``url``. Ratios of 0 are not drawn.
    expected : pandas.DataFrame, optional
        ``si_ratio_before``, ``expected``, ``low``, ``high``: the regression to the mean and its interval.
    cutoff : float
        Drawn as a line in both directions.
    """
    ratios = ["si_ratio_before", "si_ratio_after"]
    theme.require_columns(before_after, ["mouse", "panel", *ratios])
    drawn = theme.finite_rows(before_after, ratios, above=0.0)
    if drawn.empty:
        return theme.no_data("no data: no mouse has a ratio over 0 in both tests")
    seen = pd.concat([drawn[name] for name in ratios])
    domain = [float(seen.min()) / 1.15, float(seen.max()) * 1.15]
    x = alt.X(**_ratio("si_ratio_before", domain, "SI ratio, first test (log scale)"))
    y = alt.Y(**_ratio("si_ratio_after", domain, "SI ratio, second test (log scale)"))
    labels = theme.counted(drawn["panel"])
    drawn = drawn.assign(panel_n=drawn["panel"].map(labels))
    names, looks = list(labels.values()), theme.colors_of(list(labels))
    legend = alt.Legend(orient="right", title=None)
    points = alt.Chart(theme.values(drawn)).mark_point(filled=True, size=55, opacity=0.9)
    layers = [*_expected_layers(expected, domain), theme.reference_line(x=cutoff), theme.reference_line(y=cutoff)]
    layers.append(
        points.encode(
            x=x, y=y,
            color=alt.Color("panel_n:N", scale=alt.Scale(domain=names, range=looks), legend=legend),
            shape=alt.Shape("panel_n:N", scale=alt.Scale(domain=names, range=_shapes(list(labels))), legend=legend),
            tooltip=theme.tooltip(
                drawn, mouse="mouse", panel="arm", response="response", si_ratio_before="first SI ratio",
                si_ratio_after="second SI ratio",
            ),
            **theme.links(drawn),
        )
    )  # fmt: skip
    return theme.themed(alt.layer(*layers).properties(width=RETEST_SIZE, height=RETEST_SIZE), keeps_aspect=True)


def _shapes(names: list[str]) -> list[str]:
    """Return a shape per panel, so that no arm is told by its color alone."""
    free = ("circle", "diamond", "triangle-down", "cross", "triangle-right", "triangle-left")
    arms = [name for name in names if name not in theme.SHAPES]
    return [theme.SHAPES.get(name) or free[arms.index(name) % len(free)] for name in names]


def _expected_layers(expected: pd.DataFrame | None, domain: list[float]) -> list[alt.Chart]:
    """Return the line of no change and, where it is known, the expected second ratio with its interval."""
    same = pd.DataFrame({"si_ratio_before": domain, "si_ratio_after": domain})
    layers = [
        alt.Chart(theme.values(same))
        .mark_line(style="quiet-line", clip=True)
        .encode(x="si_ratio_before:Q", y="si_ratio_after:Q")
    ]
    if expected is None or expected.empty:
        return layers
    base = alt.Chart(theme.values(expected)).encode(x="si_ratio_before:Q")
    band = base.mark_area(color=theme.GRAY, opacity=0.2, clip=True).encode(y=alt.Y("low:Q"), y2="high:Q")
    line = base.mark_line(style="reference", strokeWidth=2, strokeDash=[1, 0], clip=True).encode(y="expected:Q")
    first = expected.iloc[[0]].assign(words="expected without treatment")
    written = alt.Chart(theme.values(first)).mark_text(style="quiet", align="left", dx=6, dy=16)
    return [*layers, band, line, written.encode(x="si_ratio_before:Q", y="expected:Q", text="words:N")]


def response_rates(rates: pd.DataFrame) -> Any:
    """Draw the response rate of every arm with its interval; beside it how much more than vehicle, and p.

    Parameters
    ----------
    rates : pandas.DataFrame, one row per arm, the vehicle first
        ``arm``, ``responders``, ``called``, ``rate``, ``low``, ``high`` (fractions), ``difference``,
        ``difference_low``, ``difference_high``, ``p_text``: missing for the vehicle.
    """
    theme.require_columns(rates, ["arm", "responders", "called", "rate", "low", "high", "difference", "p_text"])
    if rates.empty:
        return theme.no_data("no data: no randomized susceptible mouse has a re-test and an arm that you may see")
    rows = rates.assign(row=[f"{one.arm} ({one.responders} of {one.called})" for one in rates.itertuples()])
    order, arms = list(rows["row"]), list(rows["arm"])
    y = alt.Y("row:N", sort=order, scale=alt.Scale(domain=order), title=None, axis=None)
    labeled = y.copy()
    labeled.axis = alt.Axis(labelLimit=260, labelPadding=10, ticks=False, domain=False, grid=False)
    own = _interval_panel(rows, labeled, arms, ("rate", "low", "high"), "responders", [0.0, 1.0])
    against = rows.dropna(subset=["difference"])
    panels = [own.properties(width=300, title=alt.TitleParams("Response rate", subtitle="95 % interval (Wilson)"))]
    if len(against):
        more = ("difference", "difference_low", "difference_high")
        difference = _interval_panel(against, y, arms, more, "more responders than with vehicle", [-1.0, 1.0])
        p = alt.Chart(theme.values(against[["row", "p_text"]])).mark_text(style="annotation", align="left", fontSize=12)
        words = alt.TitleParams("Against vehicle", subtitle="95 % interval (Newcombe)")
        panels += [
            (theme.reference_line(x=0.0) + difference).properties(width=300, title=words),
            p.encode(x=alt.value(0), y=y, text="p_text:N").properties(
                width=90, title=alt.TitleParams("p", subtitle="(Barnard)")
            ),
        ]
    sized = [panel.properties(height=ROW_HEIGHT * len(rows)) for panel in panels]
    return theme.themed(alt.hconcat(*sized, spacing=16))


def _interval_panel(
    rows: pd.DataFrame, y: alt.Y, arms: list[str], columns: tuple[str, str, str], title: str, domain: list[float]
) -> Any:
    middle, low, high = columns
    scale = alt.Scale(domain=domain, nice=False)
    base = alt.Chart(theme.values(rows)).encode(y=y, color=theme.color_by("arm", arms))
    interval = base.mark_rule(strokeWidth=2).encode(x=alt.X(f"{low}:Q", scale=scale), x2=f"{high}:Q")
    x = alt.X(f"{middle}:Q", title=title, scale=scale, axis=alt.Axis(format="%", tickCount=5))
    shown = theme.tooltip(rows, row="arm", **{middle: title, low: "95 % from", high: "to"})
    return alt.layer(interval, base.mark_point(filled=True, size=70, opacity=1).encode(x=x, tooltip=shown))
