"""The track behind a stored trial, read anew from the file that is attached to its test."""

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.kernels.shapes import FloatArray
from analysis.kernels.tracks import MAX_GAP_S
from analysis.kernels.zones import ArenaLayout
from labdb.behavior.models import TrackedTrial
from labdb.behavior.trackers.result import Samples, TrackerFile
from labdb.behavior.tracking.arenas import layout_of
from labdb.behavior.tracking.scoring import (
    TRACK,
    Scoring,
    ScoringError,
    TrialScore,
    positions_cm,
    score_trial,
    si_areas,
)
from labdb.behavior.tracking.sources import FileSource, trial_in
from labdb.behavior.tracking.zone_names import parted


@dataclass(frozen=True, eq=False)
class Path:
    """Where the mouse was, in cm from the lower left corner of the floor; arrays of shape (n_samples,)."""

    time_s: FloatArray
    x_cm: FloatArray
    y_cm: FloatArray

    def first(self, length_s: float) -> "Path":
        """Return the part of the protocol's length."""
        part = self.time_s <= length_s
        return Path(self.time_s[part], self.x_cm[part], self.y_cm[part])


@dataclass(frozen=True, eq=False)
class Reread:
    """What the file of a stored trial says today.

    Attributes
    ----------
    problem : str
        Why there is no track to be shown; empty when there is.
    score : TrialScore or None
        By the arena as it is today; differs from the stored numbers when the arena was changed since.
    samples : Samples or None
        As the file says; None of statistics.
    path : Path or None
        Where the mouse was; None where positions cannot be told in cm.
    """

    tracked: TrackedTrial
    problem: str = ""
    how: Scoring | None = None
    score: TrialScore | None = None
    samples: Samples | None = None
    path: Path | None = None

    @property
    def layout(self) -> ArenaLayout | None:
        """The arena; None where it or the target's wall is not known."""
        return self.how.layout if self.how else None

    @property
    def has_changed(self) -> bool:
        """Whether the zone time would be another today."""
        return self.score is not None and abs(self.score.zone_s - self.tracked.zone_s) > 0.0015


def read_again(trials: Iterable[TrackedTrial]) -> list[Reread]:
    """Return each stored trial with its track; a file that holds several is read once."""
    files: dict[FileSource, TrackerFile | str] = {}
    return [_read(tracked, files) for tracked in trials]


def scoring_of(tracked: TrackedTrial) -> Scoring:
    """Return how a stored trial was scored, with the arena as it is today.

    Raises
    ------
    ScoringError
        The arena, its sizes or the target's wall are not known any more, and the zones are the arena's.
    """
    test, is_by_track = tracked.si_test, tracked.scored_from == TRACK
    arena = test.arena
    layout = None
    try:
        if arena is None:
            raise ScoringError("The test names no arena any more; enter it.")
        layout = layout_of(arena, test.target_side)
    except ScoringError:
        if is_by_track:
            raise
    return Scoring(
        scored_from=tracked.scored_from,
        areas=None if is_by_track else si_areas(parted(tracked.interaction_zones), parted(tracked.corners)),
        body_point=tracked.body_point,
        layout=layout,
        unit=tracked.position_unit,
        origin_cm=(tracked.origin_x_cm, tracked.origin_y_cm),
        px_per_cm=arena.px_per_cm if arena else None,
        origin_px=arena.origin_px if arena else None,
        length_s=test.trial_s,
        max_gap_s=tracked.max_gap_s or MAX_GAP_S,
    )


def _read(tracked: TrackedTrial, files: dict[FileSource, TrackerFile | str]) -> Reread:
    source = FileSource.of(tracked)
    if source not in files:
        files[source] = source.read()
    found = files[source]
    if isinstance(found, str):
        return Reread(tracked, found)
    trial = trial_in(found, tracked.trial_name, tracked.subject)
    if trial is None:
        return Reread(tracked, f"{tracked.file_name} has no trial {tracked.trial_name or 'of this subject'} any more.")
    try:
        how = scoring_of(tracked)
        score = score_trial(trial, how)
    except ScoringError as error:
        return Reread(tracked, str(error))
    if trial.samples is None:
        return Reread(tracked, "The file holds the tracker's statistics, and no track.", how, score)
    try:
        x_cm, y_cm = positions_cm(trial.samples, how)
    except ScoringError as error:
        return Reread(tracked, str(error), how, score, trial.samples)
    return Reread(tracked, "", how, score, trial.samples, Path(trial.samples.time_s, x_cm, y_cm))
