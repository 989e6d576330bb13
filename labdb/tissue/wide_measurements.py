"""Measurements as a scanner's software exports them: a row for each mouse, a column such as ``HIP_L_volume_mm3`` for each region."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labdb.accounts.models import User
from labdb.colony.blinding import holds_key
from labdb.colony.models import Mouse, Study
from labdb.registry.form_fields import AS_WRITTEN, Reading
from labdb.registry.headers import HEADER_LINE, CellError, field_called
from labdb.registry.import_log import Source
from labdb.registry.import_report import ImportReport
from labdb.registry.import_storing import Storing
from labdb.registry.long_rows import LongRow, import_long
from labdb.registry.record import record_for
from labdb.tissue.models import BrainRegion, Hemisphere, TissueMeasurement

SHARED = (
    "mouse", "modality", "replicate", "performed_at", "performed_by", "rated_date", "rater", "is_rater_blinded",
)  # fmt: skip
OF_COLUMN = ("region", "hemisphere", "metric", "unit", "value")
SIDES = {
    **dict.fromkeys(("l", "left", "lh"), Hemisphere.LEFT.value),
    **dict.fromkeys(("r", "right", "rh"), Hemisphere.RIGHT.value),
    **dict.fromkeys(("b", "both", "bilateral"), Hemisphere.BOTH.value),
}
# By the letters of a column's name. Units are entered as in the help of the field: mm3, per 10 um.
UNITS = {
    name: unit
    for unit in ("mm3", "mm2", "mm", "cm3", "um3", "um2", "um", "ul", "%", "per mm3", "per mm2", "per 10 um", "per um")
    for name in (unit.replace(" ", "_"), unit)
}
PLAIN = str.maketrans({"²": "2", "³": "3", "µ": "u", "μ": "u", "\N{NO-BREAK SPACE}": " "})
BRACKETED = re.compile(r"\s*_?[(\[](?P<unit>[^()\[\]]*)[)\]]\s*$")
EXAMPLE = "HIP_gray_matter_volume_mm3"


@dataclass(frozen=True)
class MeasureColumn:
    """What the name of a column says. ``note`` tells what it does not say itself."""

    position: int
    column: str
    region: str
    hemisphere: str
    metric: str
    unit: str
    note: str = ""


@dataclass
class WideHeader:
    """What the columns of a wide table stand for."""

    shared: dict[str, str] = field(default_factory=dict)  # column -> field
    measures: list[MeasureColumn] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    errors: list[CellError] = field(default_factory=list)

    def refuse(self, column: str, sentence: str) -> None:
        """Add what is wrong with a column."""
        self.errors.append(CellError(HEADER_LINE, column, "", sentence))


@dataclass(frozen=True)
class Stored:
    """Regions by their folded code, and how metrics are spelled and in which unit they come in a study."""

    regions: Mapping[str, str]
    metrics: Mapping[str, str]
    units: Mapping[str, str]

    @classmethod
    def of(cls, study: Study) -> "Stored":
        """Read what a study has."""
        codes = BrainRegion.objects.order_by("pk").values_list("code", flat=True)
        rows = TissueMeasurement.objects.filter(study=study).order_by().values_list("metric", "unit").distinct()
        units: dict[str, set[str]] = {}
        for metric, unit in rows:
            units.setdefault(metric, set()).add(unit)
        known = {metric: some.pop() for metric, some in units.items() if len(some) == 1}
        return cls({code.casefold(): code for code in codes}, {name.casefold(): name for name in units}, known)


def read_header(header: Sequence[str], stored: Stored, *, shared: Iterable[str], leaves_out: bool) -> WideHeader:
    """Read the names of the columns, or say what is wrong with each.

    Parameters
    ----------
    shared : iterable of str
        Fields that are said beside the table, for all of its rows.
    leaves_out : bool
        Whether columns that name no region are left out, as somebody said; else they are refused.
    """
    found = WideHeader()
    record = record_for(TissueMeasurement)
    places: dict[tuple[str, str, str], str] = {}
    for position, column in enumerate(header):
        name = field_called(record, column)
        if name in SHARED:
            if name in found.shared.values():
                found.refuse(column, f"Two columns stand for {name}; leave one of them out.")
            found.shared[column] = name
            continue
        measure = read_column(position, column, stored)
        if isinstance(measure, MeasureColumn):
            place = measure.region, measure.hemisphere, measure.metric
            if place in places:
                found.refuse(column, f"{column} and {places[place]} stand for the same measure; leave one of them out.")
            places.setdefault(place, column)
            found.measures.append(measure)
        elif leaves_out:
            found.left_out.append(column)
        else:
            found.refuse(column, measure)
    _require_columns(found, {*found.shared.values(), *shared})
    return found


def _require_columns(found: WideHeader, said: set[str]) -> None:
    if "mouse" not in said:
        found.errors.insert(0, CellError(HEADER_LINE, "mouse", "", "The column mouse is missing; add it."))
    if not found.measures and not found.errors:
        found.refuse("", f"There is no column of a measure; name them by region, metric and unit, such as {EXAMPLE}.")


def read_column(position: int, column: str, stored: Stored) -> MeasureColumn | str:
    """Return what a column stands for, or why that is not known."""
    text = column.translate(PLAIN).strip()
    bracketed = BRACKETED.search(text)
    named, unit = (text[: bracketed.start()], bracketed["unit"].strip()) if bracketed else (text, None)
    parts = [part for part in re.split(r"[\s_.]+", named) if part]
    side, parts = _side(parts)
    region, parts = _region(parts, stored.regions)
    if not region:
        known = ", ".join(stored.regions.values())
        return f"{column} begins with no region; known are {known}. Name it as in {EXAMPLE}, or leave it out."
    if not side:
        side, parts = _side(parts)
    if unit is None:
        unit, parts = _unit(parts)
    metric = "_".join(parts)
    if not metric:
        return f"{column} says no metric; name it as in {EXAMPLE}."
    metric = stored.metrics.get(metric.casefold(), metric)
    note = ""
    if unit is None:
        unit = stored.units.get(metric, "")
        note = f"in {unit}, as stored before" if unit else "no unit"
    return MeasureColumn(position, column, region, side, metric, unit, note)


def _side(parts: list[str]) -> tuple[str, list[str]]:
    side = SIDES.get(parts[0].casefold(), "") if parts else ""
    return side, parts[1:] if side else parts


def _region(parts: list[str], regions: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the region whose code the parts begin with, the longest one."""
    for n in range(len(parts), 0, -1):
        for joint in ("_", " ", "-", "."):
            code = regions.get(joint.join(parts[:n]).casefold())
            if code:
                return code, parts[n:]
    return "", parts


def _unit(parts: list[str]) -> tuple[str | None, list[str]]:
    """Return the unit that the parts end with, the longest one; something must be left for the metric."""
    for n in range(min(3, len(parts) - 1), 0, -1):
        unit = UNITS.get("_".join(parts[-n:]).casefold())
        if unit:
            return unit, parts[:-n]
    return None, parts


def import_wide_measurements(
    header: WideHeader,
    names: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
    said: Mapping[str, str],
    *,
    user: Any,
    study: Study,
    reading: Reading = AS_WRITTEN,
    reason: str = "",
    dry_run: bool = False,
    source: Source | None = None,
    notes: Sequence[str] = (),
    door: str = "web import",
) -> ImportReport:
    """Import a wide table of measurements, or list every cell that is wrong; an empty cell is no measurement.

    Parameters
    ----------
    names : sequence of str
        The names of the columns.
    said : mapping of str to str
        Fields for all rows, where the table has no such column: modality, rater, ...
    """
    errors = list(header.errors)
    cells = [] if errors else list(_cells(header, names, rows, said))
    if not errors and not cells:
        errors.append(CellError(HEADER_LINE, "", "", "No value stands below the names of the measures; enter one."))
    if "is_rater_blinded" not in header.shared.values():
        cells, words = _with_blinding(cells, study)
        notes = [*notes, *words]
    if header.left_out:
        notes = [*notes, f"Left out, as you said: {', '.join(header.left_out)}."]
    return import_long(
        record_for(TissueMeasurement), cells, shared=header.shared, of_column=OF_COLUMN, errors=errors,
        storing=Storing(user, door, reason, study, source), reading=reading, dry_run=dry_run, notes=notes,
    )  # fmt: skip


def _cells(
    header: WideHeader, names: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]], said: Mapping[str, str]
) -> Iterator[LongRow]:
    """Yield a long row for each filled cell."""
    positions = {names.index(column): name for column, name in header.shared.items()}
    for line, cells in rows:
        of_row = {**said, **{name: cells[position] for position, name in positions.items()}}
        for one in header.measures:
            if cells[one.position].strip():
                own = {"region": one.region, "hemisphere": one.hemisphere, "metric": one.metric, "unit": one.unit}
                yield LongRow(line, one.column, {**of_row, **own, "value": cells[one.position]})


def _with_blinding(cells: list[LongRow], study: Study) -> tuple[list[LongRow], list[str]]:
    """Say of each row whether its rater was blind, as far as labdb knows: who holds the key of the study is not."""
    names = {row.texts.get("rater", "").strip() for row in cells} - {""}
    raters = {user.get_username(): user for user in User.objects.filter(username__in=names)}
    open_mice = set(Mouse.objects.filter(study=study).exclude(unblinded_at=None).values_list("code", flat=True))
    answers = {name: _answer(user, study) for name, user in raters.items()}
    if not any(answers.values()):
        return cells, []
    filled = []
    for row in cells:
        answer = answers.get(row.texts.get("rater", "").strip(), "")
        if answer == "yes" and row.texts.get("mouse", "").strip() in open_mice:
            answer = ""
        filled.append(LongRow(row.line, row.column, {**row.texts, "is_rater_blinded": answer}))
    n = {answer: sum(row.texts["is_rater_blinded"] == answer for row in filled) for answer in ("yes", "no", "")}
    said = (
        f"Whether the rater was blinded is filled in as labdb knows it: yes for {n['yes']}, no for {n['no']}, not known "
        f"for {n['']} values. A column is_rater_blinded would say it instead."
    )
    return filled, [said]


def _answer(rater: Any, study: Study) -> str:
    """Return the text of the field: who holds the key is not blind; in an open study nobody knows."""
    if holds_key(rater, study):
        return "no"
    return "yes" if study.is_blinded else ""
