"""ANY-maze test data (Stoelting): one header line, times at irregular steps, positions, zones as 0 and 1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from labdb.behavior.trackers.cells import shown
from labdb.behavior.trackers.options import Options
from labdb.behavior.trackers.result import FloatArray, Trial
from labdb.behavior.trackers.sheets import EXPORT_AGAIN, Body, Sheet
from labdb.behavior.trackers.times import clock_s
from labdb.behavior.trackers.tracks import make_samples, of_place, read_columns, refuse_repeated

FORMAT = "ANY-maze test data"
TIME = "Time"
AXIS = re.compile(r"(.+) position ([XY])", re.IGNORECASE)
ZONE = re.compile(r"In (.+)", re.IGNORECASE)
NO_UNIT = (
    "ANY-maze writes positions in pixels or in millimeters, and the file does not say in which: "
    "compare the track with the arena."
)


def claims(sheet: Sheet, options: Options) -> bool:
    """Whether a sheet begins with the names of ANY-maze's columns."""
    names = _names(sheet)[1]
    return bool(names) and names[0] == TIME and any(map(AXIS.fullmatch, names))


def read(sheets: Sequence[Sheet], options: Options) -> tuple[list[Trial], list[str]]:
    """Return one trial per sheet, with what is worth a note."""
    trials: list[Trial] = []
    notes = [NO_UNIT]
    for sheet in sheets:
        trial, said = _read_trial(sheet)
        trials.append(trial)
        notes += of_place(trial.where, said)
    return trials, notes


def _read_trial(sheet: Sheet) -> tuple[Trial, list[str]]:
    line, names = _names(sheet)
    body = sheet.body(names, line)
    axes, zones = _axes(sheet, line, names), _zones(sheet, line, names)
    points, inside = read_columns(body, axes, zones)
    samples, notes = make_samples(body, _times(body), points, inside, unit="", y_points_down=True)
    trial = Trial(
        name=PurePath(sheet.file).stem if not sheet.name else sheet.name,
        subject="",
        started_at=None,
        length_s=float(samples.time_s[-1] - samples.time_s[0]),
        header={},
        where=sheet.place(),
        samples=samples,
    )
    return trial, [*body.notes, *notes]


def _names(sheet: Sheet) -> tuple[int, list[str]]:
    """Return the first line and its cells."""
    line, cells = next(iter(sheet.head(1)), (1, []))
    return line, [cell.strip() for cell in cells]


def _axes(sheet: Sheet, line: int, names: list[str]) -> dict[str, tuple[int, int]]:
    """Return the columns of x and y by point."""
    found: dict[str, dict[str, int]] = {}
    axes = [(match, at) for at, name in enumerate(names) if (match := AXIS.fullmatch(name))]
    refuse_repeated(sheet, "column", (match[0] for match, _at in axes), line, EXPORT_AGAIN)
    for match, at in axes:
        found.setdefault(match[1], {})[match[2].upper()] = at
    for name, axis in found.items():
        if len(axis) != 2:
            raise sheet.error(
                f"{name} has a position {next(iter(axis))} alone, without the other.", EXPORT_AGAIN, line=line
            )
    return {name: (axis["X"], axis["Y"]) for name, axis in found.items()}


def _zones(sheet: Sheet, line: int, names: list[str]) -> dict[str, int]:
    zones = [match[1].strip() if (match := ZONE.fullmatch(name)) else "" for name in names]
    refuse_repeated(
        sheet, "zone", filter(None, zones), line, "Give each zone a name of its own in ANY-maze, and export again."
    )
    return {zone: at for at, zone in enumerate(zones) if zone}


def _times(body: Body) -> FloatArray:
    """Return the times, written as clocks (0:01:02.500) or, by choice of the person, as seconds."""
    texts = body.texts(0)
    if not any(":" in text for text in texts):
        return body.numbers([0])[:, 0]
    times = [clock_s(text) for text in texts]
    if None in times:
        row = times.index(None)
        raise body.sheet.error(
            f"{shown(texts[row])} is not a time such as 0:01:02.500.", EXPORT_AGAIN, line=int(body.lines[row])
        )
    return np.array(times, dtype=np.float64)
