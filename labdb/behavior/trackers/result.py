"""What every reader of a tracker's file returns, whichever tracker wrote it, and what it raises."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
UNITS = ("cm", "mm", "px")


class TrackerError(ValueError):
    """A file that cannot be read; its text is a sentence for the person who sent it.

    Attributes
    ----------
    file : str
        Name of the file.
    place : str
        Sheet, line and column, as far as they are known ("line 41", "sheet Track-Arena 1, line 3"); empty for the
        whole file.
    sentence, remedy : str
        What is wrong, and what would be right.
    asks_for : str
        Argument of `read_tracker_file` that would help (``frame_rate_hz``), empty when none does.
    """

    def __init__(self, file: str, sentence: str, remedy: str, *, place: str = "", asks_for: str = "") -> None:
        where = f"{file}, {place}" if place else file
        super().__init__(f"{where}: {sentence} {remedy}".rstrip())
        self.file = file
        self.place = place
        self.sentence = sentence
        self.remedy = remedy
        self.asks_for = asks_for


@dataclass(frozen=True, eq=False)
class Points:
    """Where one point of the body was.

    Attributes
    ----------
    x, y : numpy.ndarray, shape (n_samples,)
        In the unit of the samples; NaN in both where the point was not found.
    likelihood : numpy.ndarray, shape (n_samples,), or None
        0 to 1, as the tracker gives it; None where it gives none.
    """

    x: FloatArray
    y: FloatArray
    likelihood: FloatArray | None = None

    @property
    def missing_share(self) -> float:
        """Share of the samples without a position (0 to 1)."""
        return float(np.isnan(self.x).mean())


@dataclass(frozen=True, eq=False)
class Samples:
    """A track: positions by time.

    Attributes
    ----------
    time_s : numpy.ndarray, shape (n_samples,)
        Since the tracker began to record (s); strictly increasing, at least two.
    points : dict of str to Points
        By the tracker's own name of the point of the body ("center", "Centre", "nose").
    unit : str
        Of the positions: ``cm``, ``mm`` or ``px``; empty where the file does not say.
    y_points_down : bool
        Whether y grows toward the lower edge of the picture.
    zones : dict of str to numpy.ndarray, each of shape (n_samples,)
        1 inside, 0 outside, NaN not known, as the tracker scored them, by its own name of the zone.
    frame_rate_hz : float or None
        Samples per second; None where their steps differ.
    not_found_share : float or None
        Share of the samples in which the subject was not found, as the file's header says it (0 to 1). A tracker may
        fill these by interpolation, so that `missing_share` is lower.
    """

    time_s: FloatArray
    points: dict[str, Points]
    unit: str
    y_points_down: bool
    zones: dict[str, FloatArray] = field(default_factory=dict)
    frame_rate_hz: float | None = None
    not_found_share: float | None = None

    @property
    def missing_share(self) -> dict[str, float]:
        """Share of the samples without a position (0 to 1), by point."""
        return {name: point.missing_share for name, point in self.points.items()}


@dataclass(frozen=True)
class ZoneStatistic:
    """One number that a tracker computed.

    Attributes
    ----------
    variable : str
        "In zone 2", "Distance moved"; empty where the file has one name only.
    zone, point : str
        Zone and point of the body ("hot zone", "center-point"); empty where the number has none.
    statistic : str
        "Cumulative Duration", "Latency to First".
    unit : str
        As the file says it; empty for counts, and where it does not say.
    bin_start_s, bin_end_s : float or None
        Part of the trial (s); None for both when it is the whole trial, for the end when it is the trial's end.
    value : float or None
        None where the tracker has none: a latency to what never happened.
    """

    variable: str
    zone: str
    point: str
    statistic: str
    unit: str
    bin_start_s: float | None
    bin_end_s: float | None
    value: float | None


@dataclass(frozen=True)
class Statistics:
    """What a tracker computed for one trial, one row per number."""

    rows: tuple[ZoneStatistic, ...]


@dataclass(frozen=True, eq=False)
class Trial:
    """One subject in one trial: its track, or what a tracker computed of it.

    Attributes
    ----------
    name : str
        Of the trial, with single blanks ("Trial 309").
    subject : str
        As the file says it, empty when it does not.
    started_at : datetime.datetime or None
        By the tracker's clock, without a time zone; None when the file does not say, or says it in two ways.
    length_s : float or None
        From the first sample to the last (s); None when the file does not say.
    header : dict of str to str
        Everything that the file says about the trial, variables defined by the lab too.
    where : str
        Sheet or line, for sentences about this trial; empty when the file holds this trial alone.
    samples, statistics : Samples or Statistics, or None
        One of the two.
    """

    name: str
    subject: str
    started_at: dt.datetime | None
    length_s: float | None
    header: dict[str, str]
    where: str = ""
    samples: Samples | None = None
    statistics: Statistics | None = None


@dataclass(frozen=True, eq=False)
class TrackerFile:
    """All trials of one file.

    Attributes
    ----------
    format : str
        Which tracker wrote what, for people: one of `FORMATS`.
    sha256 : str
        Of the content as it was given.
    notes : tuple of str
        Sentences worth showing beside what was read.
    """

    format: str
    file_name: str
    sha256: str
    trials: tuple[Trial, ...]
    notes: tuple[str, ...] = ()


def zone_and_point(text: str) -> tuple[str, str]:
    """Split "hot zone / center-point" as EthoVision names what it scored; a lone point of the body has no zone."""
    zone, slash, point = text.strip().rpartition(" / ")
    if slash:
        return zone.strip(), point.strip()
    return ("", point) if point.casefold().endswith("-point") else (point, "")
