"""A plain table of zone times, CSV or XLSX: one header line, one line per mouse, whatever its columns are called."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from django.core.exceptions import ValidationError

from labdb.behavior.trackers.cells import MISSING, capitalized
from labdb.behavior.trackers.options import Options
from labdb.behavior.trackers.result import Statistics, TrackerError, Trial, ZoneStatistic
from labdb.behavior.trackers.sheets import Sheet
from labdb.behavior.trackers.subjects import naming_subject
from labdb.registry.numbers import COMMA, POINT, read_number
from labdb.registry.text_tables import TableError, TextTable
from labdb.registry.units import unit_of_name, unit_written

FORMAT = "table of zone times"
SURELY_COMMA = re.compile(r"[+-]?(?:0,\d+|\d+,(?:\d{1,2}|\d{4,}))")
SURELY_POINT = re.compile(r"[+-]?\d+\.\d+")
TIME_UNITS = frozenset({"ms", "s", "min", "h"})
IN_PARENTHESES = re.compile(r"[(\[]([^()\[\]]+)[)\]]")


def claims(sheet: Sheet, options: Options) -> bool:
    """Whether a sheet is a table with a column that names the mouse, by its own name or as was said, and one of numbers."""
    try:
        table = sheet.table
    except TableError:
        return False
    names_mouse = options.subject_column in table.header or naming_subject(table.header)
    return bool(names_mouse) and bool(_columns_of_numbers(table, _decimal_mark(table)))


def read(sheets: Sequence[Sheet], options: Options) -> tuple[list[Trial], list[str]]:
    """Return one trial per line, with what is worth a note."""
    trials: list[Trial] = []
    notes: list[str] = []
    for sheet in sheets:
        table = sheet.table
        read_here = _trials(sheet, table, options)
        trials += read_here
        notes += [*table.notes, *_without_unit(read_here), *_twice(read_here)]
    return trials, notes


def _trials(sheet: Sheet, table: TextTable, options: Options) -> list[Trial]:
    subject_at = table.header.index(_subject_column(sheet, table, options))
    mark = _decimal_mark(table)
    numbers = [at for at in _columns_of_numbers(table, mark) if at != subject_at]
    if not numbers or not table.rows:
        raise sheet.error(
            "There is no column of numbers beside the one that names the mouse.",
            "Add the times in the zones, one column per zone, one line per mouse.",
        )
    trials: list[Trial] = []
    for line, cells in table.rows:
        subject = cells[subject_at].strip()
        if not subject:
            raise sheet.error(
                "The line names no mouse.", "Name it, or delete the line.", line=line, column=table.header[subject_at]
            )
        statistics = tuple(
            ZoneStatistic(
                variable="", zone=table.header[at], point="", statistic="", unit=_unit(table.header[at]),
                bin_start_s=None, bin_end_s=None, value=_value(sheet, table, line, cells, at, mark),
            )
            for at in numbers
        )  # fmt: skip
        trials.append(
            Trial(
                name="",
                subject=subject,
                started_at=None,
                length_s=None,
                header={
                    name: cell.strip()
                    for at, (name, cell) in enumerate(zip(table.header, cells, strict=True))
                    if at not in numbers
                },
                where=sheet.place(line),
                statistics=Statistics(statistics),
            )
        )
    return trials


def _subject_column(sheet: Sheet, table: TextTable, options: Options) -> str:
    if options.subject_column:
        if options.subject_column in table.header:
            return options.subject_column
        raise sheet.error(
            f'There is no column "{options.subject_column}"; there are {", ".join(table.header)}.',
            "Choose the column that names the mouse.",
            asks_for="subject_column",
        )
    return naming_subject(table.header)[0]


def _columns_of_numbers(table: TextTable, mark: str) -> list[int]:
    """Return the columns in which most filled cells are numbers: a wrong cell in one of them is said, not ignored."""
    found: list[int] = []
    for at in range(len(table.header)):
        filled = [cells[at] for _line, cells in table.rows if cells[at].strip() not in MISSING]
        if filled and 2 * sum(_is_number(cell, mark) for cell in filled) > len(filled):
            found.append(at)
    return found


def _is_number(cell: str, mark: str) -> bool:
    try:
        read_number(cell.strip(), None, mark)
    except ValidationError as error:
        return error.code == "ambiguous"
    return True


def _value(sheet: Sheet, table: TextTable, line: int, cells: list[str], at: int, mark: str) -> float | None:
    cell, name = cells[at].strip(), table.header[at]
    if cell in MISSING:
        return None
    try:
        return read_number(cell, unit_written(_unit(name)), mark)
    except ValidationError as error:
        raise _cell_error(sheet, error.messages[0], line, name) from None


def _cell_error(sheet: Sheet, text: str, line: int, column: str) -> TrackerError:
    sentence, _semicolon, remedy = text.partition("; ")
    return sheet.error(sentence.rstrip(".") + ".", capitalized(remedy), line=line, column=column)


def _decimal_mark(table: TextTable) -> str:
    """Return the mark of decimals by the cells that leave no choice; empty where none does, or they differ."""
    cells = [cell.strip() for _line, row in table.rows for cell in row if "," in cell or "." in cell]
    has_comma, has_point = any(map(SURELY_COMMA.fullmatch, cells)), any(map(SURELY_POINT.fullmatch, cells))
    return "" if has_comma == has_point else COMMA if has_comma else POINT


def _unit(column: str) -> str:
    """Return the unit that a column's name says: "iz_absent_s", "time in IZ (s)"."""
    inside = [unit for text in IN_PARENTHESES.findall(column) if (unit := unit_written(text))]
    unit = inside[-1] if inside else unit_of_name(column.strip().casefold()) if "_" in column else None
    return str(unit) if unit else ""


def _without_unit(trials: Sequence[Trial]) -> list[str]:
    """Say so when no column has a unit of time."""
    units = {row.unit for trial in trials if trial.statistics for row in trial.statistics.rows}
    if units & TIME_UNITS:
        return []
    return ["The columns do not say their units: times in the zones must be in seconds."]


def _twice(trials: Sequence[Trial]) -> list[str]:
    """Say which mice have several lines: one per test, or one too many."""
    places: dict[str, list[str]] = defaultdict(list)
    for trial in trials:
        places[trial.subject].append(trial.where)
    return [f"{subject} stands on {' and '.join(where)}." for subject, where in places.items() if len(where) > 1]
