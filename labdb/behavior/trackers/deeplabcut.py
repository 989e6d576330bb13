"""DeepLabCut's CSV: header rows scorer, (individuals,) bodyparts and coords, one line per frame, pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from labdb.behavior.trackers.cells import shown
from labdb.behavior.trackers.options import Options
from labdb.behavior.trackers.result import FloatArray, Points, Trial
from labdb.behavior.trackers.sheets import Body, Row, Sheet
from labdb.behavior.trackers.tracks import make_samples, of_place, refuse_repeated

FORMAT = "DeepLabCut positions"
ROWS, ROWS_OF_SEVERAL = ("scorer", "bodyparts", "coords"), ("scorer", "individuals", "bodyparts", "coords")
COORDS = ("x", "y", "likelihood")
MAX_FRAMES = 1e9
LANDMARKS = "single"  # DeepLabCut's name for points that no animal has

Axes = dict[str, dict[str, int]]  # column by coordinate, by point


def claims(sheet: Sheet, options: Options) -> bool:
    """Whether a sheet begins with DeepLabCut's header."""
    firsts = [cells[0].strip() if cells else "" for _line, cells in sheet.head(2)]
    return firsts[:1] == ["scorer"] and firsts[1:] in ([], ["bodyparts"], ["individuals"])


def read(sheets: Sequence[Sheet], options: Options) -> tuple[list[Trial], list[str]]:
    """Return one trial per animal, with what is worth a note."""
    trials: list[Trial] = []
    notes: list[str] = []
    for sheet in sheets:
        read_here, said = _read_sheet(sheet, options)
        trials += read_here
        notes += said
    return trials, notes


def _read_sheet(sheet: Sheet, options: Options) -> tuple[list[Trial], list[str]]:
    header = _header(sheet)
    animals = _animals(sheet, header)
    body = sheet.body(_full_names(header), header[-1][0])
    frame_rate_hz = _frame_rate_hz(body, options)
    wanted = [0, *(at for axes in animals.values() for axis in axes.values() for at in axis.values())]
    numbers = dict(zip(wanted, body.numbers(wanted).T, strict=True))
    time_s = _frames(body, numbers[0]) / frame_rate_hz
    trials: list[Trial] = []
    notes = list(body.notes)
    for animal, axes in animals.items():
        points = {name: _points(body, axis, numbers, options) for name, axis in axes.items()}
        samples, said = make_samples(body, time_s, points, {}, unit="px", y_points_down=True)
        trials.append(
            Trial(
                name=PurePath(sheet.file).stem,
                subject=animal,
                started_at=None,
                length_s=float(samples.time_s[-1] - samples.time_s[0]),
                header={"scorer": header[0][1][1].strip()},
                where=sheet.place(),
                samples=samples,
            )
        )
        notes += of_place(animal, said)
    if LANDMARKS in animals:
        notes.append(f'"{LANDMARKS}" holds points that belong to no animal, such as corners of the arena.')
    return trials, notes


def _header(sheet: Sheet) -> list[Row]:
    """Return the three or four rows of the header, each with its line."""
    head = sheet.head(len(ROWS_OF_SEVERAL))
    firsts = [cells[0].strip() if cells else "" for _line, cells in head]
    rows = ROWS_OF_SEVERAL if firsts[1:2] == ["individuals"] else ROWS
    if tuple(firsts[: len(rows)]) != rows:
        found = ", ".join(shown(first) for first in firsts[: len(rows)])
        raise sheet.error(
            f"The header has {found} in the first column; it should be {', '.join(rows)}.",
            "Was the file cut short or edited? Take the CSV that DeepLabCut wrote.",
            line=head[-1][0],
        )
    header = head[: len(rows)]
    width = len(header[0][1])
    for line, cells in header:
        if len(cells) != width:
            raise sheet.error(
                f"The line has {len(cells)} cells where the first has {width}: the file was cut short or edited.",
                "Take the CSV that DeepLabCut wrote.",
                line=line,
            )
    return header


def _full_names(header: list[Row]) -> list[str]:
    """Return the name of each column, such as "mouse1 nose x"."""
    parts = zip(*(cells for _line, cells in header[1:]), strict=True)
    return ["frame", *(" ".join(part.strip() for part in column) for column in list(parts)[1:])]


def _animals(sheet: Sheet, header: list[Row]) -> dict[str, Axes]:
    """Return the columns of each animal's points; one animal has no name."""
    line = header[-1][0]
    names = _full_names(header)
    refuse_repeated(sheet, "column", names, line, "Take the CSV that DeepLabCut wrote.")
    *_above, parts, coords = (cells for _line, cells in header)
    of_animal = header[1][1] if len(header) == len(ROWS_OF_SEVERAL) else [""] * len(parts)
    animals: dict[str, Axes] = {}
    for at, (animal, part, coord) in list(enumerate(zip(of_animal, parts, coords, strict=True)))[1:]:
        if coord.strip() not in COORDS:
            raise sheet.error(
                f"The column has the coordinate {shown(coord)}; known are {', '.join(COORDS)}.",
                "Take the CSV that DeepLabCut wrote.",
                line=line,
                column=names[at],
            )
        animals.setdefault(animal.strip(), {}).setdefault(part.strip(), {})[coord.strip()] = at
    for animal, axes in animals.items():
        for part, axis in axes.items():
            if not {"x", "y"} <= set(axis):
                raise sheet.error(
                    f"The point {f'{animal} {part}'.strip()} has no column for both x and y.",
                    "Was the file cut short or edited? Take the CSV that DeepLabCut wrote.",
                    line=line,
                )
    if not animals:
        raise sheet.error("The header names no point of the body.", "Take the CSV that DeepLabCut wrote.", line=line)
    return animals


def _frame_rate_hz(body: Body, options: Options) -> float:
    """Return the frame rate that was entered."""
    if any("/" in text or "\\" in text for text in body.texts(0, n_rows=1)):
        raise body.sheet.error(
            "The first column names images: these are labels for training, not a track.",
            "Take the CSV that DeepLabCut wrote for the video.",
            line=int(body.lines[0]),
        )
    if options.frame_rate_hz is None:
        raise body.sheet.error(
            "DeepLabCut numbers the frames and does not say how many there were per second.",
            "Enter the frame rate of the video (frames per second; the video's properties show it).",
            asks_for="frame_rate_hz",
        )
    return options.frame_rate_hz


def _frames(body: Body, frames: FloatArray) -> FloatArray:
    is_broken = (frames != np.floor(frames)) | (np.abs(frames) > MAX_FRAMES)  # NaN is not its own floor
    if is_broken.any():
        line = int(body.lines[is_broken.argmax()])
        raise body.sheet.error("The first cell is no frame number.", "Take the CSV that DeepLabCut wrote.", line=line)
    return frames


def _points(body: Body, axis: dict[str, int], numbers: dict[int, FloatArray], options: Options) -> Points:
    x, y = numbers[axis["x"]], numbers[axis["y"]]
    if "likelihood" not in axis:
        return Points(x, y)
    likelihood = numbers[axis["likelihood"]]
    is_wrong = (likelihood < 0) | (likelihood > 1)
    if is_wrong.any():
        row = int(is_wrong.argmax())
        raise body.bad_cell(
            row, axis["likelihood"], f"{likelihood[row]:g}", "is not a likelihood", "A likelihood is 0 to 1."
        )
    is_seen = likelihood >= options.likelihood_cutoff
    return Points(np.where(is_seen, x, np.nan), np.where(is_seen, y, np.nan), likelihood)
