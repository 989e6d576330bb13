"""Measures of neuroplasticity of a study: one value a mouse and measure, and how well those who read them agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from urllib.parse import urlencode

import pandas as pd
from django.urls import reverse

from analysis.frames import read_frame
from analysis.kernels.agreement import MIN_PAIRS, BlandAltman, ScorerAgreement, bland_altman, scorer_agreement
from labdb.colony.excludable import marks_of_mice
from labdb.colony.models import Study
from labdb.registry.natural_order import natural
from labdb.tissue.models import Hemisphere, TissueMeasurement

COLUMNS = {
    "pk": "pk", "mouse_id": "mouse_id", "mouse__code": "mouse", "region__code": "region", "hemisphere": "hemisphere",
    "modality": "modality", "metric": "metric", "unit": "unit", "replicate": "replicate", "value": "value",
    "rater__username": "rater", "is_rater_blinded": "is_rater_blinded", "entered_unblinded": "entered_unblinded",
    "performed_at": "at",
}  # fmt: skip
MEASURE = ["region", "hemisphere", "modality", "metric"]
SIDES = {Hemisphere.LEFT.value: "left", Hemisphere.RIGHT.value: "right", Hemisphere.BOTH.value: "both sides"}
NOT_RECORDED = "not recorded"
MOST_NAMED = 8  # rows or mice in one sentence


@dataclass(frozen=True)
class Measure:
    """One metric in one region and hemisphere, by one modality, in its unit."""

    region: str
    hemisphere: str
    modality: str
    metric: str
    unit: str

    @property
    def key(self) -> str:
        """What addresses and frames call it."""
        return "|".join((self.region, self.hemisphere, self.modality, self.metric))

    @property
    def place(self) -> str:
        """Region, and the side where one is said: both is not the same as not said."""
        return f"{self.region} {SIDES[self.hemisphere]}" if self.hemisphere else self.region

    @property
    def quantity(self) -> str:
        """Metric with its unit, for an axis."""
        return f"{self.metric} ({self.unit})" if self.unit else self.metric

    def __str__(self) -> str:
        return f"{self.place} {self.metric}, {self.modality}"


@dataclass(frozen=True)
class Refused:
    """A measure that comes in several units: nothing is computed of it. ``rows`` are pairs of text and address."""

    measure: Measure
    sentence: str
    rows: list[tuple[str, str]]
    list_url: str


@dataclass(frozen=True)
class Summary:
    """How much there is of one measure, and who read it."""

    measure: Measure
    n_mice: int
    n_readings: int
    raters: list[str]
    n_blind: int
    n_not_blind: int
    n_unblinded: int
    mean: float
    sd: float | None
    low: float
    high: float
    excluded: list[str]
    n_on_several_days: int


@dataclass(frozen=True)
class Readers:
    """Two raters of the same mice. ``limits`` is None for fewer than three mice."""

    measure: Measure
    first: str
    second: str
    n_mice: int
    mean: float
    agreement: ScorerAgreement
    limits: BlandAltman | None
    reason: str


@dataclass(frozen=True)
class Measured:
    """The measurements of a study that an account may see.

    Attributes
    ----------
    measures : list of Measure
        Those in one unit.
    values : pandas.DataFrame
        Indexed by mouse (primary key), a column for each measure by its key: the mean of the raters' means over
        replicates; NaN where a mouse has none. Excluded mice are left out.
    codes : dict
        Mouse code by primary key.
    """

    measures: list[Measure]
    values: pd.DataFrame
    codes: dict[int, str]
    summaries: list[Summary]
    refused: list[Refused]
    readers: list[Readers]

    def measure(self, key: str) -> Measure | None:
        """Return a measure by its key."""
        return next((one for one in self.measures if one.key == key), None)


def measured(study: Study, user: Any) -> Measured:
    """Read a study's measurements: what is refused, and the rest by mouse."""
    rows = TissueMeasurement.objects.visible_to(user).filter(study=study)
    found = read_frame(rows.order_by("region_id", "modality", "metric", "hemisphere", "pk"), COLUMNS)
    found["rater"] = found["rater"].fillna(NOT_RECORDED)
    found["value"] = found["value"].astype(float)
    excluded = marks_of_mice(found["mouse_id"])
    found["is_excluded"] = found["mouse_id"].isin(list(excluded))
    measures, refused, summaries, columns = [], [], [], {}
    readers: list[Readers] = []
    for _key, own in found.groupby(MEASURE, sort=False):
        measure = _measure(own)
        if own["unit"].nunique() > 1:
            refused.append(_refused(study, measure, own))
            continue
        measures.append(measure)
        included = own[~own["is_excluded"]]
        of_raters = _by_rater(included)
        columns[measure.key] = of_raters.mean(axis=1)
        summaries.append(_summary(measure, own, columns[measure.key]))
        readers += _readers(measure, of_raters)
    values = pd.DataFrame(columns, dtype=float)
    codes = dict(zip(found["mouse_id"].tolist(), found["mouse"].tolist(), strict=True))
    return Measured(measures, values, codes, summaries, refused, readers)


def _measure(rows: pd.DataFrame) -> Measure:
    first = rows.iloc[0]
    return Measure(*(str(first[name]) for name in (*MEASURE, "unit")))


def _by_rater(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mice x raters: each rater's mean over replicates."""
    return rows.pivot_table(index="mouse_id", columns="rater", values="value", aggfunc="mean")


def _refused(study: Study, measure: Measure, rows: pd.DataFrame) -> Refused:
    """Name the rows of every unit but the most frequent one; where two are as frequent, of the later."""
    counts = rows["unit"].value_counts(sort=False).sort_values(ascending=False, kind="stable")
    units = [(str(unit) or "no unit", int(n)) for unit, n in counts.items()]
    usual, others = units[0], units[1:]
    odd = rows[rows["unit"] != counts.index[0]]
    sentence = (
        f"{measure} is in {usual[0]} in {_rows(usual[1])} and in "
        f"{' and '.join(f'{unit} in {_rows(n)}' for unit, n in others)}, so nothing is computed of it; "
        "correct the rows that are wrong, or give the other metric a name of its own."
    )
    shown = odd.head(MOST_NAMED)
    listed = [
        (
            f"{row.mouse}: {row.value:g} {row.unit}".strip(),
            reverse("record-detail", args=["tissue-measurements", row.pk]),
        )
        for row in shown.itertuples()
    ]
    asked = {"study": study.code, "region": measure.region, "metric": measure.metric}
    return Refused(
        measure, sentence, listed, f"{reverse('record-list', args=['tissue-measurements'])}?{urlencode(asked)}"
    )  # fmt: skip


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n} rows"


def _summary(measure: Measure, rows: pd.DataFrame, values: pd.Series) -> Summary:
    included = rows[~rows["is_excluded"]]
    days = pd.to_datetime(included["at"], utc=True).dt.normalize()
    n_days = days.groupby(included["mouse_id"]).nunique()
    blind = included["is_rater_blinded"]
    return Summary(
        measure, len(values), len(included),
        raters=sorted(set(included["rater"]), key=natural),
        n_blind=int(blind.eq(True).sum()), n_not_blind=int(blind.eq(False).sum()),
        n_unblinded=int(included["entered_unblinded"].sum()),
        mean=values.mean(), sd=values.std(ddof=1) if len(values) > 1 else None, low=values.min(), high=values.max(),
        excluded=sorted(set(rows.loc[rows["is_excluded"], "mouse"]), key=natural),
        n_on_several_days=int((n_days > 1).sum()),
    )  # fmt: skip


def _readers(measure: Measure, of_raters: pd.DataFrame) -> Iterator[Readers]:
    """Yield the agreement of every two raters who read some mouse both."""
    known = [name for name in of_raters.columns if name != NOT_RECORDED]
    for first, second in combinations(known, 2):
        both = of_raters[[first, second]].dropna()
        if both.empty:
            continue
        n, agreement = len(both), scorer_agreement(both.to_numpy())
        reason = agreement.reason
        if n < MIN_PAIRS:
            reason = f"agreement needs {MIN_PAIRS} mice that both read, there {'is' if n == 1 else 'are'} {n}"
        limits = bland_altman(both[first], both[second]) if n >= MIN_PAIRS else None
        yield Readers(measure, first, second, n, float(both.to_numpy().mean()), agreement, limits, reason)
