"""Readers of the files that trackers write: any of them in, one result out."""

from labdb.behavior.trackers.detect import FORMATS, read_tracker_file
from labdb.behavior.trackers.result import (
    Points,
    Samples,
    Statistics,
    TrackerError,
    TrackerFile,
    Trial,
    ZoneStatistic,
)

__all__ = [
    "FORMATS", "Points", "Samples", "Statistics", "TrackerError", "TrackerFile", "Trial", "ZoneStatistic",
    "read_tracker_file",
]  # fmt: skip
