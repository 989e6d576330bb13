"""EthoVision XT statistics (Noldus), CSV or XLSX: four header rows, one line per trial or per trial and time bin."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from labdb.behavior.trackers.cells import MISSING, plain_number, shown
from labdb.behavior.trackers.options import Options
from labdb.behavior.trackers.result import Statistics, Trial, ZoneStatistic, zone_and_point
from labdb.behavior.trackers.sheets import EXPORT_AGAIN, Row, Sheet
from labdb.behavior.trackers.subjects import naming_subject
from labdb.behavior.trackers.times import clock_s, date_order, started_at

FORMAT = "EthoVision statistics"
N_HEADER_ROWS = 4  # variable; zone and point; statistic; unit
INDEPENDENT = "Independent Variable"
STATISTICS = frozenset(
    {
        "mean", "total", "frequency", "cumulative duration", "latency to first", "latency to last", "minimum",
        "maximum", "standard deviation", "standard error", "variance", "current duration",
    }
)  # fmt: skip
BIN = re.compile(r"(Start|[\d:.,]+) ?- ?(End|[\d:.,]+)", re.IGNORECASE)
KINDS = {
    "Trial": re.compile(r"Trial\b", re.I),
    "Arena": re.compile(r"Arena\b", re.I),
    "Subject": re.compile(r"Subject\b", re.I),
}
DATES = ("Start time", "Video start time")


@dataclass(frozen=True)
class Columns:
    """What the columns of a sheet hold."""

    identity: tuple[int, ...]  # trial, arena, subject, time bin: without a name
    variables: dict[int, str]  # of the trial, named
    numbers: dict[int, tuple[str, str, str, str, str]]  # variable, zone, point, statistic, unit


@dataclass
class TrialRows:
    """The lines of one trial, before they are a result."""

    first_line: int
    identity: dict[str, str]
    header: dict[str, str]
    statistics: list[ZoneStatistic] = field(default_factory=list)
    line_of_bin: dict[tuple[float | None, float | None], int] = field(default_factory=dict)


def claims(sheet: Sheet, options: Options) -> bool:
    """Whether a sheet begins with the header rows of EthoVision's statistics."""
    head = [cells for _line, cells in sheet.head(N_HEADER_ROWS)]
    if not head or not head[0] or head[0][0].strip():
        return False
    statistics = {cell.strip().casefold() for cell in head[2]} if len(head) > 2 else set()
    return INDEPENDENT in head[0] or bool(statistics & STATISTICS)


def read(sheets: Sequence[Sheet], options: Options) -> tuple[list[Trial], list[str]]:
    """Return one trial per trial, arena and subject of each sheet, with what is worth a note."""
    found = [(sheet, group) for sheet in sheets for group in _groups(sheet)]
    order = date_order((group.header.get(name, "") for _sheet, group in found for name in DATES), options.date_order)
    trials: list[Trial] = []
    notes: list[str] = []
    for sheet, group in found:
        began, note = started_at(group.header.get(DATES[0], ""), order)
        trials.append(
            Trial(
                name=group.identity.get("Trial", ""),
                subject=_subject(group),
                started_at=began,
                length_s=None,
                header=group.header,
                where=sheet.place(group.first_line),
                statistics=Statistics(tuple(group.statistics)),
            )
        )
        if note and note not in notes:
            notes.append(note)
    return trials, notes


def _groups(sheet: Sheet) -> list[TrialRows]:
    rows = sheet.rows()
    if len(rows) <= N_HEADER_ROWS:
        raise sheet.error(
            f"The sheet has {len(rows)} filled lines: {N_HEADER_ROWS} lines of names and one per trial are needed, so "
            "the file was cut short.",
            EXPORT_AGAIN,
            line=rows[-1][0],
        )
    columns = _columns(sheet, rows[:N_HEADER_ROWS])
    n_columns = 1 + max(*columns.identity, *columns.variables, *columns.numbers)
    groups: dict[tuple[tuple[str, str], ...], TrialRows] = {}
    for line, cells in rows[N_HEADER_ROWS:]:
        _check_width(sheet, line, cells, n_columns, is_last=line == rows[-1][0])
        bin_s, identity = _identity(sheet, line, [cells[at] for at in columns.identity])
        header = {**identity, **{name: cells[at].strip() for at, name in columns.variables.items()}}
        group = groups.setdefault(tuple(header.items()), TrialRows(line, identity, header))
        if (before := group.line_of_bin.setdefault(bin_s, line)) != line:
            raise sheet.error(
                f"The line is of the same trial, subject and time as line {before}.",
                "Delete one of the two.",
                line=line,
            )
        group.statistics += _statistics(sheet, line, cells, columns, bin_s)
    return list(groups.values())


def _columns(sheet: Sheet, header: list[Row]) -> Columns:
    width = max(len(cells) for _line, cells in header)
    variables, places, statistics, units = (
        [cell.strip() for cell in cells] + [""] * (width - len(cells)) for _line, cells in header
    )
    first = next((at for at, statistic in enumerate(statistics) if statistic), 0)
    if first == 0:
        raise sheet.error(
            "The third line names no statistic: the file was cut short or edited.", EXPORT_AGAIN, line=header[2][0]
        )
    named: dict[int, str] = {}
    numbers: dict[int, tuple[str, str, str, str, str]] = {}
    for at in range(first, width):
        if not statistics[at]:
            continue
        variable = _last_filled(variables, at)  # merged cells of a workbook leave the others empty
        if variable == INDEPENDENT:
            named[at] = statistics[at]
        else:
            numbers[at] = (
                variable,
                *zone_and_point(_last_filled(places, at) if variable else ""),
                statistics[at],
                units[at],
            )
    if not numbers:
        raise sheet.error(
            "There is no statistic beside the independent variables: the file was cut short or none was chosen.",
            "In EthoVision add the time in each zone to the analysis, and export the statistics again.",
            line=header[2][0],
        )
    _refuse_repeated(sheet, numbers, named, header[1][0])
    return Columns(tuple(range(first)), named, numbers)


def _last_filled(cells: list[str], at: int) -> str:
    return next((cell for cell in reversed(cells[: at + 1]) if cell), "")


def _refuse_repeated(
    sheet: Sheet, numbers: dict[int, tuple[str, str, str, str, str]], named: dict[int, str], line: int
) -> None:
    """Refuse two columns that say the same: zones of one name, in two groups of zones too."""
    keys = Counter((re.sub(r" ?\d+$", "", variable), *rest[:3]) for variable, *rest in numbers.values())
    twice = [key for key, count in keys.items() if count > 1]
    if twice:
        variable, zone, point, statistic = twice[0]
        what = f'The zone "{zone}"' if zone else variable
        raise sheet.error(
            f"{what} stands here more than once with {statistic}{f' of the {point}' if point else ''}.",
            "Give each zone a name of its own in EthoVision's arena settings, and export again.",
            line=line,
        )
    for name, count in Counter(named.values()).items():
        if count > 1:
            raise sheet.error(
                f'The variable "{name}" stands here more than once.', "Rename or delete one of the two.", line=line + 1
            )


def _check_width(sheet: Sheet, line: int, cells: list[str], n_columns: int, *, is_last: bool) -> None:
    if len(cells) >= n_columns and not any(cell.strip() for cell in cells[n_columns:]):
        return
    end = " It is the last line: the file was cut short there." if is_last and len(cells) < n_columns else ""
    raise sheet.error(
        f"The line has {len(cells)} cells where the names have {n_columns}.{end}", EXPORT_AGAIN, line=line
    )


def _identity(sheet: Sheet, line: int, cells: list[str]) -> tuple[tuple[float | None, float | None], dict[str, str]]:
    """Return the time bin of a line, and what it says of trial, arena and subject."""
    bin_s: tuple[float | None, float | None] = (None, None)
    said: dict[str, str] = {}
    for cell in (" ".join(cell.split()) for cell in cells):
        if match := BIN.fullmatch(cell):
            bin_s = _bin_s(sheet, line, match)
        elif cell:
            kind = next((kind for kind, pattern in KINDS.items() if pattern.match(cell) and kind not in said), "Result")
            said[kind] = f"{said[kind]}, {cell}" if kind in said else cell
    return bin_s, said


def _bin_s(sheet: Sheet, line: int, match: re.Match[str]) -> tuple[float, float | None]:
    start_s = 0.0 if match[1].casefold() == "start" else clock_s(match[1])
    end_s = None if match[2].casefold() == "end" else clock_s(match[2])
    is_backward = start_s is not None and end_s is not None and end_s <= start_s
    if start_s is None or (end_s is None and match[2].casefold() != "end") or is_backward:
        raise sheet.error(f"{shown(match[0])} is not a time bin such as 0:01:00-0:02:00.", EXPORT_AGAIN, line=line)
    return start_s, end_s


def _statistics(
    sheet: Sheet, line: int, cells: list[str], columns: Columns, bin_s: tuple[float | None, float | None]
) -> Iterator[ZoneStatistic]:
    for at, (variable, zone, point, statistic, unit) in columns.numbers.items():
        decimal = "," if "," in cells[at] else "."
        number = plain_number(cells[at], decimal)
        if number is None:
            raise sheet.error(
                f"{shown(cells[at])} is not a finite number.",
                'Correct the cell; a value that EthoVision does not have is "-".',
                line=line,
                column=" ".join(part for part in (variable, zone, point, statistic) if part),
            )
        value = None if math.isnan(number) else number
        yield ZoneStatistic(variable, zone, point, statistic, unit, *bin_s, value)


def _subject(group: TrialRows) -> str:
    """Return the lab's own name of the subject; EthoVision itself only counts them."""
    own = (group.header[name] for name in naming_subject(group.header))
    others = (name for name in own if name not in (*MISSING, group.identity.get("Subject")))
    return next(others, group.identity.get("Subject", ""))
