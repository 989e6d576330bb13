"""The track behind a stored trial of any kind, read anew from the file that is attached to its test or to itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.kernels.shapes import FloatArray
from analysis.kernels.tracks import MAX_GAP_S
from analysis.kernels.zones import ArenaLayout
from labdb.behavior.models import Arena, TrackedAssayTrial, TrackedTrial
from labdb.behavior.models.tracked_trial import TrialOfFile
from labdb.behavior.trackers.result import Samples, TrackerFile
from labdb.behavior.tracking.arenas import assay_layout, layout_of
from labdb.behavior.tracking.geometry import layout_from, layout_text
from labdb.behavior.tracking.readings import areas_in_file, areas_of, readings_of, zones_of
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
from labdb.behavior.tracking.zone_names import parted, unpaired

SAME_S = 0.0015  # stored seconds are rounded to a thousandth


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
        Why there is no track to be shown, or no score by the arena as it is today; empty when there are both.
    how : Scoring or None
        By the arena as it is today or, where that cannot be, as it was.
    score : TrialScore or None
        By the arena as it is today; differs from the stored numbers when the arena was changed since.
    samples : Samples or None
        As the file says; None of statistics.
    path : Path or None
        Where the mouse was; None where positions cannot be told in cm.
    """

    tracked: TrialOfFile
    problem: str = ""
    how: Scoring | None = None
    score: TrialScore | None = None
    samples: Samples | None = None
    path: Path | None = None

    @property
    def today(self) -> ArenaLayout | None:
        """The arena as it is now; None where it or the target's wall is not known."""
        return self.how.layout if self.how else None

    @cached_property
    def layout(self) -> ArenaLayout | None:
        """The arena as the stored numbers know it: as scored, or as it is now where nobody kept that."""
        return layout_from(self.tracked.zones_as_scored) or self.today

    @property
    def is_elsewhere_today(self) -> bool:
        """Whether zones lie elsewhere now than when the track was scored."""
        was = self.tracked.zones_as_scored
        return bool(was) and self.today is not None and self.zones_today != was

    @property
    def zones_today(self) -> str:
        """The arena as it is now, as `TrialOfFile` keeps it."""
        return layout_text(self.today) if self.today else ""

    @property
    def has_changed(self) -> bool:
        """Whether the zone time of an SI trial would be another today."""
        stored = getattr(self.tracked, "zone_s", None)
        return self.score is not None and stored is not None and abs(self.score.zone_s - stored) > SAME_S


def read_again(trials: Iterable[TrialOfFile]) -> list[Reread]:
    """Return each stored trial with its track; a file that holds several is read once."""
    files: dict[FileSource, TrackerFile | str] = {}
    return [_read(tracked, files) for tracked in trials]


def scoring_of(tracked: TrialOfFile) -> Scoring:
    """Return how a stored trial would be scored by the arena as it is today; ScoringError where it would not."""
    if isinstance(tracked, TrackedAssayTrial):
        return _assay_scoring(tracked)
    assert isinstance(tracked, TrackedTrial)
    return _si_scoring(tracked)


def _si_scoring(tracked: TrackedTrial) -> Scoring:
    test, is_by_track = tracked.si_test, tracked.scored_from == TRACK
    layout = None
    try:
        if test.arena is None:
            raise ScoringError("The test names no arena any more; enter it.")
        layout = layout_of(test.arena, test.target_side)
    except ScoringError:
        if is_by_track:
            raise
    areas = None if is_by_track else si_areas(parted(tracked.interaction_zones), parted(tracked.corners))
    return _scoring(tracked, areas, layout)


def _assay_scoring(tracked: TrackedAssayTrial) -> Scoring:
    areas = areas_of(readings_of(tracked.assay))
    if tracked.scored_from == TRACK:
        return _scoring(tracked, areas, assay_layout(tracked.arena, zones_of(areas)))
    return _scoring(tracked, areas_in_file(areas, unpaired(tracked.tracker_zones)), _floor_alone(tracked))


def _floor_alone(tracked: TrackedAssayTrial) -> ArenaLayout | None:
    try:
        return assay_layout(tracked.arena, ())
    except ScoringError:
        return None


def _scoring(tracked: TrialOfFile, areas: Mapping[str, tuple[str, ...]] | None, layout: ArenaLayout | None) -> Scoring:
    """Return how a stored trial was scored, with these areas and this arena."""
    of_trial: Any = tracked.si_test if isinstance(tracked, TrackedTrial) else tracked
    arena: Arena | None = of_trial.arena
    return Scoring(
        scored_from=tracked.scored_from,
        areas=areas,
        body_point=tracked.body_point,
        layout=layout,
        unit=tracked.position_unit,
        origin_cm=(tracked.origin_x_cm, tracked.origin_y_cm),
        px_per_cm=arena.px_per_cm if arena else None,
        origin_px=arena.origin_px if arena else None,
        length_s=of_trial.trial_s,
        max_gap_s=tracked.max_gap_s or MAX_GAP_S,
    )


def _read(tracked: TrialOfFile, files: dict[FileSource, TrackerFile | str]) -> Reread:
    source = FileSource.of(tracked)
    if source not in files:
        files[source] = source.read()
    found = files[source]
    if isinstance(found, str):
        return Reread(tracked, found)
    trial = trial_in(found, tracked.trial_name, tracked.subject)
    if trial is None:
        return Reread(tracked, f"{tracked.file_name} has no trial {tracked.trial_name or 'of this subject'} any more.")
    problem, score = "", None
    try:
        how = scoring_of(tracked)
        score = score_trial(trial, how)
    except ScoringError as error:
        problem = str(error)
        how = _scoring(tracked, None, layout_from(tracked.zones_as_scored))
    if trial.samples is None:
        return Reread(tracked, problem or "The file holds the tracker's statistics, and no track.", how, score)
    try:
        x_cm, y_cm = positions_cm(trial.samples, how)
    except ScoringError as error:
        return Reread(tracked, str(error), how, score, trial.samples)
    return Reread(tracked, problem, how, score, trial.samples, Path(trial.samples.time_s, x_cm, y_cm))
