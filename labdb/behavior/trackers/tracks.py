"""What all tracks must fulfil, whichever tracker wrote them: time that goes on, samples, zones of 0 and 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from labdb.behavior.trackers.result import FloatArray, Points, Samples
from labdb.behavior.trackers.sheets import EXPORT_AGAIN, Body, Sheet

STEPS_MAY_DIFFER_BY_S = 0.0011  # times are written to the millisecond: 1/30 s is 0.033 and 0.034
MAX_TIME_S = 1e7  # 116 days
MAX_POSITION = 1e6  # pixels or mm: a hundred times any arena
WORTH_A_NOTE = 0.05  # of the samples without a position


def read_columns(
    body: Body, axes: dict[str, tuple[int, int]], zones: dict[str, int]
) -> tuple[dict[str, Points], dict[str, FloatArray]]:
    """Return positions by point and zones by name, from the columns that hold them."""
    numbers = body.numbers([*(at for pair in axes.values() for at in pair), *zones.values()]).T
    points = {name: Points(numbers[2 * at], numbers[2 * at + 1]) for at, name in enumerate(axes)}
    return points, dict(zip(zones, numbers[2 * len(axes) :], strict=True))


def make_samples(
    body: Body,
    time_s: FloatArray,
    points: dict[str, Points],
    zones: dict[str, FloatArray],
    *,
    unit: str,
    y_points_down: bool,
    not_found_share: float | None = None,
) -> tuple[Samples, list[str]]:
    """Check the rows of a track and return it, with what is worth a note.

    Raises
    ------
    TrackerError
        Fewer than two samples, a time that is missing or goes back, a time or position beyond all reason, a zone that
        is neither 0 nor 1.
    """
    _check_times(body, time_s)
    notes: list[str] = []
    keep = np.diff(time_s, prepend=-np.inf) > 0
    if n_repeated := int((~keep).sum()):
        first = int(body.lines[~keep][0])
        notes.append(f"{rows(n_repeated)} repeat the time of the row before (the first on line {first}); left out.")
        if keep.sum() < 2:
            raise body.sheet.error("All rows have the same time.", EXPORT_AGAIN, line=first)
    for name, point in points.items():
        _check_positions(body, name, point)
    for name, inside in zones.items():
        _check_zone(body, name, inside)
    samples = Samples(
        time_s=time_s[keep],
        points={name: _kept(point, keep) for name, point in points.items()},
        unit=unit,
        y_points_down=y_points_down,
        zones={name: inside[keep] for name, inside in zones.items()},
        frame_rate_hz=frame_rate_hz(time_s[keep]),
        not_found_share=not_found_share,
    )
    return samples, notes + missing_notes(samples)


def missing_notes(samples: Samples) -> list[str]:
    """Return what is worth saying about positions that the tracker did not find."""
    notes: list[str] = []
    shares = samples.missing_share
    much = [f"{name} {percent(share)}" for name, share in shares.items() if share >= WORTH_A_NOTE]
    if much:
        notes.append(f"Not found, of {rows(len(samples.time_s), 'samples')}: {', '.join(much)}.")
    said = samples.not_found_share
    if said is not None and said >= max(WORTH_A_NOTE, max(shares.values()) + WORTH_A_NOTE / 2):
        notes.append(
            f"The header says that the subject was not found in {percent(said)} of the samples, and more of them have "
            "a position: the tracker interpolated."
        )
    return notes


def frame_rate_hz(time_s: FloatArray) -> float | None:
    """Return the samples per second, None where the steps differ by more than rounding."""
    steps = np.diff(time_s)
    if np.ptp(steps) > STEPS_MAY_DIFFER_BY_S:
        return None
    return round(float(len(steps) / (time_s[-1] - time_s[0])), 3)


def refuse_repeated(sheet: Sheet, what: str, names: Iterable[str], line: int, remedy: str) -> None:
    """Refuse two columns of the same name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        quoted = ", ".join(f'"{name}"' for name in twice)
        raise sheet.error(f"The {what} {quoted} stands here more than once.", remedy, line=line)


def of_place(place: str, notes: Iterable[str]) -> list[str]:
    """Return notes that begin with the sheet or the animal that they are about, where there are several."""
    return [f"{place}: {note}" if place else note for note in notes]


def rows(n: int, what: str = "rows") -> str:
    """Return a number of rows in words."""
    return f"{n:,} {what if n != 1 else what.removesuffix('s')}"


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * share:.1f} %"


def _check_times(body: Body, time_s: FloatArray) -> None:
    n = len(time_s)
    if n < 2:
        found = "no sample" if n == 0 else "one sample"
        raise body.sheet.error(
            f"There is {found} below the names of the columns; a track has at least two.", EXPORT_AGAIN
        )
    if np.isnan(time_s).any():
        row = int(np.isnan(time_s).argmax())
        raise body.sheet.error("The line has no time.", EXPORT_AGAIN, line=int(body.lines[row]))
    too_late = np.abs(time_s) > MAX_TIME_S
    if too_late.any():
        row = int(too_late.argmax())
        raise body.sheet.error(f"The time {time_s[row]:g} s cannot be.", EXPORT_AGAIN, line=int(body.lines[row]))
    back = np.diff(time_s) < 0
    if back.any():
        row = int(back.argmax()) + 1
        raise body.sheet.error(
            f"The time goes back from {time_s[row - 1]:.9g} s to {time_s[row]:.9g} s.",
            "Does the file hold two recordings? Export each to a file of its own.",
            line=int(body.lines[row]),
        )


def _check_positions(body: Body, name: str, point: Points) -> None:
    too_far = (np.abs(point.x) > MAX_POSITION) | (np.abs(point.y) > MAX_POSITION)
    if too_far.any():
        row = int(too_far.argmax())
        raise body.sheet.error(
            f"The position of {name} ({point.x[row]:g}, {point.y[row]:g}) cannot be.",
            EXPORT_AGAIN,
            line=int(body.lines[row]),
        )


def _check_zone(body: Body, name: str, inside: FloatArray) -> None:
    wrong = ~(np.isnan(inside) | (inside == 0) | (inside == 1))
    if wrong.any():
        row = int(wrong.argmax())
        raise body.sheet.error(
            f"The zone has {inside[row]:g}; it can be 1 (inside), 0 (outside) or missing.",
            "Export the zones as states (0 and 1).",
            line=int(body.lines[row]),
            column=name,
        )


def _kept(point: Points, keep: np.ndarray) -> Points:
    is_missing = np.isnan(point.x) | np.isnan(point.y)
    return Points(
        x=np.where(is_missing, np.nan, point.x)[keep],
        y=np.where(is_missing, np.nan, point.y)[keep],
        likelihood=None if point.likelihood is None else point.likelihood[keep],
    )
