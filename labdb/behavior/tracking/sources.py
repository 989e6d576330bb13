"""Which trial of which file, and how it is scored: all that the numbers of a stored trial follow from."""

from dataclasses import dataclass

import numpy as np

from analysis.kernels.track_bootstrap import BIN_S, RatioInterval, ratio_interval
from labdb.behavior.models.tracked_trial import TrialOfFile
from labdb.behavior.trackers.detect import read_tracker_file
from labdb.behavior.trackers.options import PCUTOFF
from labdb.behavior.trackers.result import Samples, TrackerError, TrackerFile, Trial
from labdb.behavior.tracking.scoring import Scoring, ScoringError, zone_bins
from labdb.registry.file_store import FileProblem, open_file


@dataclass(frozen=True)
class FileSource:
    """A stored file and what its reader was told."""

    sha256: str
    name: str
    frame_rate_hz: float | None
    likelihood_cutoff: float

    @classmethod
    def of(cls, tracked: TrialOfFile) -> "FileSource":
        """Return the file of a stored trial."""
        cutoff = PCUTOFF if tracked.likelihood_cutoff is None else tracked.likelihood_cutoff
        return cls(tracked.sha256, tracked.file_name, tracked.frame_rate_hz, cutoff)

    def read(self) -> TrackerFile | str:
        """Return what the file says, or why it cannot be read."""
        try:
            with open_file(self.sha256) as file:
                content = file.read()
            return read_tracker_file(
                self.name, content, frame_rate_hz=self.frame_rate_hz, likelihood_cutoff=self.likelihood_cutoff
            )
        except (FileProblem, TrackerError) as problem:
            return str(problem)


@dataclass(frozen=True)
class TrackSource:
    """One trial in a file, and how it is scored."""

    file: FileSource
    trial_name: str
    subject: str
    how: Scoring

    def in_file(self, file: TrackerFile) -> Trial | None:
        """Return the trial."""
        return trial_in(file, self.trial_name, self.subject)


def trial_in(file: TrackerFile, name: str, subject: str) -> Trial | None:
    """Return the trial of this name; of a table one line holds both trials, and its subject tells it."""
    same = [trial for trial in file.trials if trial.subject == subject]
    named = [trial for trial in same if trial.name[:200] == name]
    return next(iter(named or [trial for trial in same if not trial.name]), None)


def interval_of_tracks(
    absent: tuple[Samples, Scoring], present: tuple[Samples, Scoring], *, test: int, cutoff: float = 1.0
) -> RatioInterval | None:
    """Return how sure the ratio of two tracks is; None where a track does not tell zone times by time.

    Parameters
    ----------
    test : int
        Primary key of the SI test. It seeds the resamples: page, list and run say the same of a test.
    """
    try:
        absent_s, present_s = (zone_bins(samples, how, BIN_S) for samples, how in (absent, present))
        return ratio_interval(absent_s, present_s, np.random.default_rng(test), cutoff=cutoff)
    except (ScoringError, ValueError):
        return None
