"""EthoVision XT raw data (Noldus), as text or XLSX: a counted header, names, units, then one line per sample."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from labdb.behavior.trackers.cells import MISSING, shown
from labdb.behavior.trackers.options import Options
from labdb.behavior.trackers.result import UNITS, Trial
from labdb.behavior.trackers.sheets import EXPORT_AGAIN, Body, Row, Sheet
from labdb.behavior.trackers.subjects import naming_subject
from labdb.behavior.trackers.times import clock_s, date_order, started_at
from labdb.behavior.trackers.tracks import make_samples, of_place, read_columns, refuse_repeated

FORMAT = "EthoVision raw data"
FIRST_CELL = "Number of header lines"
LEAST_HEADER_LINES, MOST_HEADER_LINES = 3, 2_000
TIMES = ("Recording time", "Trial time")  # the first from 0 on where the animal was detected late
DATES = ("Start time", "Video start time", "Reference time")
USER_DEFINED = "User-defined Independent Variable"
TITLES = ("System Independent Variable", USER_DEFINED)  # above the variables, without a value
SAME_UNIT = {"pixel": "px", "pixels": "px"}
DURATION_MAY_EXCEED_S = 2.0  # it is written in whole seconds

AXIS = re.compile(r"([XY]) (.+)")
ZONE = re.compile(r"In (?:hidden )?zone\b[^(]*(?:\((.*)\))?\s*", re.IGNORECASE)
PERCENT = re.compile(r"(\d+(?:[.,]\d+)?) ?%")


@dataclass(frozen=True)
class Header:
    """The counted lines above the samples."""

    said: dict[str, str]
    user_defined: tuple[str, ...]
    names: list[str]
    units: list[str]
    n_lines: int


def claims(sheet: Sheet, options: Options) -> bool:
    """Whether a sheet begins as EthoVision's raw data do."""
    head = sheet.head(1)
    return bool(head and head[0][1] and head[0][1][0].strip().startswith(FIRST_CELL))


def read(sheets: Sequence[Sheet], options: Options) -> tuple[list[Trial], list[str]]:
    """Return one trial per sheet, with what is worth a note."""
    headers = [_read_header(sheet) for sheet in sheets]
    _refuse_two_subjects(sheets, headers)
    order = date_order((header.said.get(name, "") for header in headers for name in DATES), options.date_order)
    trials: list[Trial] = []
    notes: list[str] = []
    for sheet, header in zip(sheets, headers, strict=True):
        trial, said = _read_trial(sheet, header, order)
        trials.append(trial)
        notes += of_place(trial.where, said)
    return trials, notes


def _read_header(sheet: Sheet) -> Header:
    first_line, first = sheet.head(1)[0]
    text = first[1].strip() if len(first) > 1 else ""
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII) or not LEAST_HEADER_LINES <= int(text) <= MOST_HEADER_LINES:
        raise sheet.error(f"The number of header lines is {shown(text)}.", EXPORT_AGAIN, line=first_line)
    n_lines = int(text)
    head = [(line, cells) for line, cells in sheet.head(n_lines) if line <= n_lines]
    if not head or head[-1][0] < n_lines:
        raise sheet.error(
            f"The header has {n_lines} lines by its own count and the file {head[-1][0]}: it was cut short.",
            EXPORT_AGAIN,
            line=head[-1][0],
        )
    said: dict[str, str] = {}
    user_defined: list[str] = []
    is_user_defined = False
    for _line, cells in head[1:-2]:
        key, value = ([cell.strip() for cell in cells] + ["", ""])[:2]
        if key in TITLES:
            is_user_defined = key == USER_DEFINED
        elif key:
            key = _free(key, said)
            said[key] = value
            if is_user_defined:
                user_defined.append(key)
    return Header(said, tuple(user_defined), *_names_and_units(sheet, head), n_lines)


def _names_and_units(sheet: Sheet, head: list[Row]) -> tuple[list[str], list[str]]:
    (names_line, names), (_units_line, units) = head[-2:]
    names = [name.strip() for name in names]
    if not any(time in names for time in TIMES):
        raise sheet.error(
            f'The line with the names of the columns has no "{TIMES[0]}" and no "{TIMES[1]}".',
            "Is the number of header lines right? " + EXPORT_AGAIN,
            line=names_line,
        )
    return names, [unit.strip() for unit in units] + [""] * (len(names) - len(units))


def _free(key: str, taken: dict[str, str]) -> str:
    """Return a key that is not taken: a lab may define a variable that EthoVision has too."""
    number, free = 1, key
    while free in taken:
        number += 1
        free = f"{key} ({number})"
    return free


def _refuse_two_subjects(sheets: Sequence[Sheet], headers: Sequence[Header]) -> None:
    """Refuse two tracks of one trial in one arena: a test has one mouse."""
    seen: dict[tuple[str, str], tuple[Sheet, str]] = {}
    for sheet, header in zip(sheets, headers, strict=True):
        subject = header.said.get("Subject name", "")
        place = header.said.get("Trial name", ""), header.said.get("Arena name", "")
        if place in seen:
            other_sheet, other = seen[place]
            who = f"two subjects ({other} and {subject})" if other != subject else f"{subject} twice"
            raise sheet.error(
                f"The file has {who} in {_single_blanks(place[0])}, arena {place[1]} (also {other_sheet.place()}).",
                "Export each subject to a file of its own; a test has one mouse.",
            )
        seen[place] = sheet, subject


def _refuse_second_track(sheet: Sheet, header: Header) -> None:
    """Refuse files put one below the other."""
    line = sheet.line_beginning(FIRST_CELL, header.n_lines)
    if line is not None:
        raise sheet.error(
            "A second track begins on this line; a file has one subject in one trial.",
            "Export each subject and each trial to a file of its own.",
            line=line,
        )


def _read_trial(sheet: Sheet, header: Header, order: str) -> tuple[Trial, list[str]]:
    _refuse_second_track(sheet, header)
    body = sheet.body(header.names, header.n_lines)
    unit = _unit_of_positions(sheet, header)
    axes, zones = _axes(sheet, header), _zones(sheet, header)
    time = next(name for name in TIMES if name in header.names)
    time_s = body.numbers([header.names.index(time)])[:, 0]
    points, inside = read_columns(body, axes, zones)
    samples, notes = make_samples(
        body, time_s, points, inside, unit=unit, y_points_down=False,
        not_found_share=_share(header.said.get("Subject not found", "")),
    )  # fmt: skip
    length_s = float(samples.time_s[-1] - samples.time_s[0])
    _refuse_cut_short(body, header, length_s)
    began, note = started_at(header.said.get("Start time", ""), order)
    trial = Trial(
        name=_single_blanks(header.said.get("Trial name", "")),
        subject=_subject(header),
        started_at=began,
        length_s=length_s,
        header=header.said,
        where=sheet.place(),
        samples=samples,
    )
    return trial, [*body.notes, *notes, *([note] if note else [])]


def _subject(header: Header) -> str:
    """Return the lab's own name of the subject: EthoVision itself only counts them ("Subject 1")."""
    own = (header.said[name] for name in naming_subject(header.user_defined))
    return next((name for name in own if name not in MISSING), header.said.get("Subject name", ""))


def _axes(sheet: Sheet, header: Header) -> dict[str, tuple[int, int]]:
    """Return the columns of x and y by point."""
    found: dict[str, dict[str, int]] = {}
    axes = [(match, at) for at, name in enumerate(header.names) if (match := AXIS.fullmatch(name))]
    line = header.n_lines - 1
    refuse_repeated(sheet, "column", (match[0] for match, _at in axes), line, EXPORT_AGAIN)
    for match, at in axes:
        found.setdefault(match[2], {})[match[1]] = at
    complete = {name: (axis["X"], axis["Y"]) for name, axis in found.items() if len(axis) == 2}
    if not complete:
        raise sheet.error(
            "There are no columns with positions (X center, Y center).",
            "In EthoVision select X and Y among the dependent variables, and export the raw data again.",
            line=line,
        )
    return complete


def _zones(sheet: Sheet, header: Header) -> dict[str, int]:
    """Return the column of each zone, by the text in parentheses ("hot zone / center-point")."""
    zones = [(match[1] or match[0]).strip() if (match := ZONE.fullmatch(name)) else "" for name in header.names]
    refuse_repeated(
        sheet, "zone", filter(None, zones), header.n_lines - 1,
        "Give each zone a name of its own in EthoVision's arena settings, and export again.",
    )  # fmt: skip
    return {zone: at for at, zone in enumerate(zones) if zone}


def _unit_of_positions(sheet: Sheet, header: Header) -> str:
    units = {unit for name, unit in zip(header.names, header.units, strict=False) if AXIS.fullmatch(name)}
    plain = {SAME_UNIT.get(unit.casefold(), unit.casefold()) for unit in units}
    if len(plain) == 1 and (unit := plain.pop()) in UNITS:
        return unit
    if not units:
        return ""  # there are no positions, which is said
    raise sheet.error(
        f"The positions are in {' and '.join(shown(unit) for unit in sorted(units))}.",
        f"Set EthoVision's unit of distance to one of {', '.join(UNITS)}, and export again.",
        line=header.n_lines,
    )


def _share(text: str) -> float | None:
    match = PERCENT.fullmatch(text)
    return float(match[1].replace(",", ".")) / 100 if match else None


def _refuse_cut_short(body: Body, header: Header, length_s: float) -> None:
    """Refuse a track whose samples end long before the recording did."""
    duration_s = clock_s(header.said.get("Recording duration", ""))
    if duration_s is not None and length_s < duration_s - DURATION_MAY_EXCEED_S:
        raise body.sheet.error(
            f"The header says that {duration_s:g} s were recorded, and the samples end after {length_s:g} s: the file "
            "was cut short.",
            EXPORT_AGAIN,
            line=int(body.lines[-1]),
        )


def _single_blanks(text: str) -> str:
    return " ".join(text.split())
