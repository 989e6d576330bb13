"""What a rule makes of every SI ratio: frames in, one Altair specification out."""

from typing import Any

import altair as alt
import pandas as pd

from analysis.figures import theme

GOLDEN = 0.6180339887  # multiples of it, modulo 1, lie evenly: neighbors in rank come far apart
NAMED_FLIPS = 3  # mice that flip lie in one band: more names than that hide each other
HEIGHT = 340  # pixels
MOST_STRIPS = 3  # beside each other
COLUMNS = (
    "mouse", "cohort", "group", "phenotype", "before", "si_ratio", "distance_to_cutoff", "corner_ratio", "borderline",
    "reason", "cutoff", "flips", "url", "si_ratio_low", "si_ratio_high",
)  # fmt: skip


def rule_strip(
    calls: pd.DataFrame,
    *,
    borderline: float = 0.05,
    max_corner_ratio: float | None = None,
    adopted: float | None = None,
) -> Any:
    """Draw every SI ratio by group with the cutoff; beside them the corner ratio. Mice that flip are ringed.

    Parameters
    ----------
    calls : pandas.DataFrame, one row per mouse
        ``mouse``, ``cohort``, ``group``, ``si_ratio``, ``corner_ratio``, ``phenotype``, ``cutoff``, ``flips``; optional
        ``before``, ``distance_to_cutoff``, ``borderline``, ``reason``, ``url``, and ``si_ratio_low`` and
        ``si_ratio_high``, drawn as a line through the point where both are known. Mice without a ratio are not drawn.
        Where cohorts have cutoffs of their own, each has a strip of its own.
    borderline : float
        Half width of the shaded band, in units of the ratio.
    max_corner_ratio : float, optional
        Drawn as a line where the rule has one.
    adopted : float, optional
        The cutoff that counts now, drawn faintly.
    """
    theme.require_columns(
        calls, ["mouse", "cohort", "group", "si_ratio", "corner_ratio", "phenotype", "cutoff", "flips"]
    )
    drawn = theme.finite_rows(calls, ["si_ratio"])
    if drawn.empty:
        return theme.no_data("no data: no SI test has a ratio")
    labels = theme.counted(drawn["phenotype"], theme.PHENOTYPES)
    drawn = drawn[[column for column in COLUMNS if column in drawn]].assign(
        group=drawn["group"].replace("", "no group").fillna("no group"),
        cohort=drawn["cohort"].fillna("no cohort"),
        place=(drawn["si_ratio"].rank(method="first") * GOLDEN) % 1,
        called=drawn["phenotype"].map(labels),
    )
    top = max(float(drawn["si_ratio"].max()), float(drawn["cutoff"].max() + borderline), adopted or 0.0) * 1.05
    y = alt.Y("si_ratio:Q", title="SI ratio", scale=alt.Scale(domain=[0, top], nice=False))
    styled = _Styled(y, top, labels, borderline, adopted)
    strips = [_strip(part, title, styled) for title, part in _parts(drawn)]
    corners = theme.finite_rows(drawn, ["corner_ratio"])
    panels = [*strips, _corner_panel(corners, styled, max_corner_ratio)] if len(corners) else strips
    return theme.themed(alt.concat(*panels, columns=MOST_STRIPS, spacing=20))


class _Styled:
    """What the panels share: the axis of ratios, the looks of the classes, band and lines."""

    def __init__(self, y: alt.Y, top: float, labels: dict[str, str], borderline: float, adopted: float | None) -> None:
        self.y, self.top, self.borderline, self.adopted = y, top, borderline, adopted
        looks, names = list(labels), list(labels.values())
        legend = alt.Legend(orient="bottom", title=None, columns=4)
        color = alt.Scale(domain=names, range=theme.colors_of(looks))
        shape = alt.Scale(domain=names, range=theme.shapes_of(looks))
        self.color = alt.Color("called:N", scale=color, legend=legend)
        self.shape = alt.Shape("called:N", scale=shape, legend=legend)

    def lines(self, cutoffs: pd.Series) -> list[alt.Chart]:
        """Return band and line of the one cutoff, not of several, and the line of the one that counts now."""
        layers = []
        known = cutoffs.dropna().unique()
        if len(known) == 1:
            cutoff = float(known[0])
            edges = {"low": max(cutoff - self.borderline, 0.0), "high": cutoff + self.borderline}
            band = alt.Chart(alt.Data(values=[edges])).mark_rect(color=theme.GRAY, opacity=0.2)
            layers += [band.encode(y=alt.Y("low:Q"), y2="high:Q"), theme.reference_line(y=cutoff)]
        if self.adopted is not None and list(known) != [self.adopted]:
            line = alt.Chart(alt.Data(values=[{}])).mark_rule(style="reference", strokeDash=[1, 3])
            layers.append(line.encode(y=alt.datum(self.adopted)))
        return layers

    def points(self, mice: pd.DataFrame, **channels: Any) -> list[alt.Chart]:
        """Return the points of mice, a ring around each that flips, and its name where these are few."""
        shown = theme.tooltip(
            mice, mouse="mouse", cohort="cohort", group="group", phenotype="this rule", before="counts now",
            si_ratio="SI ratio", distance_to_cutoff="to the cutoff", corner_ratio="corner ratio",
            borderline="borderline", reason="note",
        )  # fmt: skip
        base = alt.Chart(theme.values(mice)).encode(y=self.y, **channels)
        points = base.mark_point(filled=True, size=50, opacity=0.85).encode(
            color=self.color, shape=self.shape, tooltip=shown, **theme.links(mice)
        )
        layers = [*self._intervals(mice, channels), points]
        flipping = mice[mice["flips"]]
        if flipping.empty:
            return layers
        marked = alt.Chart(theme.values(flipping)).encode(y=self.y, **channels)
        layers += [marked.mark_point(style="null-point", shape="circle", size=190, filled=False, opacity=1)]
        if len(flipping) <= NAMED_FLIPS:
            written = marked.mark_text(style="annotation", align="left", dx=10, fontSize=10)
            layers.append(written.encode(text="mouse:N"))
        return layers

    def _intervals(self, mice: pd.DataFrame, channels: dict[str, Any]) -> list[alt.Chart]:
        """Return a thin line from end to end of each interval; what lies beyond the axis is cut."""
        known = theme.finite_rows(mice, ["si_ratio_low"]) if "si_ratio_low" in mice else mice.iloc[:0]
        if known.empty:
            return []
        low, high = known["si_ratio_low"].clip(upper=self.top), known["si_ratio_high"].fillna(self.top)
        ends = known.assign(si_ratio_low=low, si_ratio_high=high.clip(upper=self.top))
        line = alt.Chart(theme.values(ends)).mark_rule(strokeWidth=1.5, opacity=0.6)
        y = alt.Y("si_ratio_low:Q", title="SI ratio", scale=alt.Scale(domain=[0, self.top], nice=False))
        return [line.encode(y=y, y2="si_ratio_high:Q", color=self.color, **channels)]


def _parts(drawn: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the strips: one where one cutoff holds for all, else one a cohort."""
    if drawn["cutoff"].nunique(dropna=False) == 1:
        return [("SI ratio by group", drawn)]
    return [(f"cohort {cohort}", mice) for cohort, mice in drawn.groupby("cohort", sort=True)]


def _strip(mice: pd.DataFrame, title: str, styled: _Styled) -> Any:
    known = mice["cutoff"].dropna().unique()
    cutoff = f"cutoff {known[0]:.2f}" if len(known) == 1 else "no cutoff"
    counts = theme.counted(mice["group"])
    mice = mice.assign(group_n=mice["group"].map(counts))
    groups = list(counts.values())
    x = alt.X("group_n:N", sort=groups, title=None, axis=alt.Axis(labelAngle=0, ticks=False))
    offset = alt.XOffset("place:Q", scale=alt.Scale(domain=[-0.15, 1.15], nice=False))
    layers = alt.layer(*styled.lines(mice["cutoff"]), *styled.points(mice, x=x, xOffset=offset))
    return layers.properties(width=300, height=HEIGHT, title=alt.TitleParams(title, subtitle=cutoff))


def _corner_panel(mice: pd.DataFrame, styled: _Styled, max_corner_ratio: float | None) -> Any:
    right = max(float(mice["corner_ratio"].max()), max_corner_ratio or 0.0, 1.0) * 1.05
    x = alt.X(
        "corner_ratio:Q", title="corner ratio (time in corners, with / without target)",
        scale=alt.Scale(domain=[0, right], nice=False),
    )  # fmt: skip
    limit = [theme.reference_line(x=max_corner_ratio)] if max_corner_ratio is not None else []
    layers = alt.layer(*styled.lines(mice["cutoff"]), *limit, *styled.points(mice, x=x))
    note = f"n = {len(mice)} mice" + (f", limit {max_corner_ratio:g}" if max_corner_ratio is not None else "")
    return layers.properties(
        width=300, height=HEIGHT, title=alt.TitleParams("Corners against the interaction zone", subtitle=note)
    )
