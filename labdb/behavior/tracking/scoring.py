"""One trial of a tracker's file to the numbers of an SI test: by the arena's zones, the tracker's, or its statistics."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.kernels.shapes import FloatArray
from analysis.kernels.tracks import MAX_GAP_S, TrackScore, ZoneScore, score_track, zone_series, zone_times_from_flags
from analysis.kernels.zones import CORNER, INTERACTION_ZONE, ArenaLayout, to_cm
from labdb.behavior.trackers.result import Samples, Trial, ZoneStatistic

TRACK, TRACKER_ZONES, STATISTICS = "track", "tracker's zones", "statistics"
DECIMALS = 3  # of stored seconds and cm: a millisecond is far below what any camera sees
MAX_OUTSIDE_SHARE = 0.2  # ours: a nose may reach over a wall; a fifth of the positions is a wrong origin
MM_PER_CM = 10.0


class ScoringError(ValueError):
    """A trial that cannot be scored as asked; the text is a sentence with its remedy."""


@dataclass(frozen=True)
class Scoring:
    """How a trial is scored.

    Attributes
    ----------
    scored_from : str
        `TRACK`, `TRACKER_ZONES` or `STATISTICS`.
    interaction_zones, corners : tuple of str
        The tracker's own names, for the latter two.
    body_point : str
        Whose positions count; empty where the file has one alone.
    layout : ArenaLayout or None
        For `TRACK`.
    unit : str
        Of the positions where the file does not say: ``cm``, ``mm`` or ``px``.
    origin_cm : (float, float)
        The tracker's coordinates of the floor's lower left corner, where it writes cm or mm.
    px_per_cm, origin_px
        The same for pixels; None where the arena does not know them.
    length_s : float
        Of the protocol's trial; what comes later is cut off.
    max_gap_s : float
        Longest gap that is bridged.
    """

    scored_from: str
    interaction_zones: tuple[str, ...] = ()
    corners: tuple[str, ...] = ()
    body_point: str = ""
    layout: ArenaLayout | None = None
    unit: str = ""
    origin_cm: tuple[float, float] = (0.0, 0.0)
    px_per_cm: float | None = None
    origin_px: tuple[float, float] | None = None
    length_s: float = 150.0
    max_gap_s: float = MAX_GAP_S


@dataclass(frozen=True)
class TrialScore:
    """What a trial says; None where its source does not say it. Fields as of `TrackedTrial`."""

    zone_s: float
    corner_s: float | None = None
    entries: int | None = None
    latency_s: float | None = None
    distance_cm: float | None = None
    velocity_cm_per_s: float | None = None
    covered_s: float | None = None
    missing_share: float | None = None
    longest_gap_s: float | None = None
    unknown_s: float | None = None


def zone_names(trial: Trial) -> list[str]:
    """Return the tracker's own names of zones, in the order of the file."""
    if trial.samples is not None:
        return list(trial.samples.zones)
    rows = trial.statistics.rows if trial.statistics else ()
    return list(dict.fromkeys(row.zone for row in rows if row.zone and _is_duration(row)))


def body_points(trial: Trial) -> list[str]:
    """Return the points of the body that the file follows."""
    if trial.samples is not None:
        return list(trial.samples.points)
    rows = trial.statistics.rows if trial.statistics else ()
    return list(dict.fromkeys(row.point for row in rows if row.point))


def score_trial(trial: Trial, how: Scoring) -> TrialScore:
    """Score a trial; ScoringError where it cannot be done so."""
    try:
        if how.scored_from == STATISTICS:
            return _from_statistics(trial, how)
        if trial.samples is None:
            raise ScoringError("The file holds no track, only statistics; choose the statistics.")
        if how.scored_from == TRACKER_ZONES:
            return _from_flags(trial.samples, how)
        return _from_track(trial.samples, how)
    except ScoringError:
        raise
    except ValueError as error:  # a kernel's own words on a track that it refuses
        said = str(error)
        raise ScoringError(f"{said[:1].upper()}{said[1:]}.") from None


def positions_cm(samples: Samples, how: Scoring) -> tuple[FloatArray, FloatArray]:
    """Return where the chosen point of the body was, in cm from the lower left corner of the floor."""
    point = samples.points.get(how.body_point) or (
        next(iter(samples.points.values())) if len(samples.points) == 1 else None
    )
    if point is None:
        known = ", ".join(samples.points)
        raise ScoringError(f"The file follows {known}; choose whose track counts.")
    unit = samples.unit or how.unit
    if not unit:
        raise ScoringError("The file does not say the unit of its positions; choose cm, mm or pixels.")
    if unit == "px":
        if how.px_per_cm is None or how.origin_px is None:
            raise ScoringError("Positions are in pixels, and the arena lacks its scale and origin; enter them there.")
        return to_cm(point.x, point.y, how.origin_px, how.px_per_cm, y_down=samples.y_points_down)
    per_cm = MM_PER_CM if unit == "mm" else 1.0
    x0, y0 = how.origin_cm
    return to_cm(point.x / per_cm, point.y / per_cm, (x0, y0), 1.0, y_down=samples.y_points_down)


def _from_track(samples: Samples, how: Scoring) -> TrialScore:
    if how.layout is None:
        raise ScoringError("Nobody said in which arena this was; choose it.")
    x, y = positions_cm(samples, how)
    score = score_track(
        samples.time_s, x, y, how.layout.zones,
        max_gap_s=how.max_gap_s, length_s=how.length_s, floor=how.layout.floor,
    )  # fmt: skip
    if score.outside_share is not None and score.outside_share > MAX_OUTSIDE_SHARE:
        raise ScoringError(
            f"{score.outside_share:.0%} of the positions lie beyond the floor of {how.layout.floor.width_cm:g} x "
            f"{how.layout.floor.height_cm:g} cm; correct where its lower left corner lies."
        )
    zone = score.role(INTERACTION_ZONE)
    if zone is None:
        raise ScoringError("None of the arena's zones is its interaction zone; give one of them that role.")
    return _scored(samples, how, zone, score.role(CORNER), score)


def _from_flags(samples: Samples, how: Scoring) -> TrialScore:
    flags = {INTERACTION_ZONE: _in_any(samples, how.interaction_zones, "interaction zone")}
    if how.corners:
        flags[CORNER] = _in_any(samples, how.corners, "corner")
    scores = zone_times_from_flags(samples.time_s, flags, max_gap_s=how.max_gap_s, length_s=how.length_s)
    score = None
    try:
        x, y = positions_cm(samples, how)
        score = score_track(samples.time_s, x, y, (), max_gap_s=how.max_gap_s, length_s=how.length_s)
    except ValueError:
        pass  # zones need no positions; distance and velocity stay empty
    return _scored(samples, how, scores[INTERACTION_ZONE], scores.get(CORNER), score)


def _scored(
    samples: Samples, how: Scoring, zone: ZoneScore, corner: ZoneScore | None, score: TrackScore | None
) -> TrialScore:
    known = [score.missing_share] if score else [min(samples.missing_share.values(), default=0.0)]
    if samples.not_found_share is not None:
        known.append(samples.not_found_share)
    covered_s = min(float(samples.time_s[-1] - samples.time_s[0]), how.length_s)
    return TrialScore(
        zone_s=_rounded(zone.zone_s),
        corner_s=_rounded(corner.zone_s) if corner else None,
        entries=zone.entries,
        latency_s=None if zone.latency_s is None else _rounded(zone.latency_s),
        distance_cm=_rounded(score.distance_cm) if score else None,
        velocity_cm_per_s=_rounded(score.velocity_cm_per_s) if score and score.velocity_cm_per_s is not None else None,
        covered_s=_rounded(score.covered_s if score else covered_s),
        missing_share=round(max(known), 4),
        longest_gap_s=_rounded(score.longest_gap_s) if score else None,
        unknown_s=_rounded(zone.missing_s),
    )


def _in_any(samples: Samples, names: Sequence[str], role: str) -> FloatArray:
    _require_known(names, samples.zones, role)
    columns = np.array([samples.zones[name] for name in names])
    inside = (columns == 1).any(axis=0)
    return np.where(inside, 1.0, np.where(np.isnan(columns).any(axis=0), np.nan, 0.0))


def _require_known(names: Sequence[str], known: Iterable[str], role: str) -> None:
    there_are = ", ".join(known) or "none"
    if not names:
        raise ScoringError(f"Nobody said which zone of the file is the {role} (there are: {there_are}); choose it.")
    if missing := [name for name in names if name not in known]:
        raise ScoringError(f"The file has no zone {', '.join(missing)} (there are: {there_are}); choose the {role}.")


def _from_statistics(trial: Trial, how: Scoring) -> TrialScore:
    rows = trial.statistics.rows if trial.statistics else ()
    if not rows:
        raise ScoringError("The file holds no statistics; choose the track or the tracker's zones.")
    names = zone_names(trial)
    _require_known(how.interaction_zones, names, "interaction zone")
    if how.corners:
        _require_known(how.corners, names, "corner")
    own = [row for row in _whole_trial(rows, how.length_s) if not how.body_point or row.point in ("", how.body_point)]
    latencies = [row.value for row in own if _says(row, "latency") and row.zone in how.interaction_zones]
    seen = [value for value in latencies if value is not None]
    entries = _sum_of(own, how.interaction_zones, lambda row: _says(row, "frequency"))
    return TrialScore(
        zone_s=_rounded(_sum_of(own, how.interaction_zones, _is_duration) or 0.0),
        corner_s=_rounded(_sum_of(own, how.corners, _is_duration) or 0.0) if how.corners else None,
        entries=None if entries is None else round(entries),
        latency_s=_rounded(min(seen)) if seen else None,
        distance_cm=_total(own, "distance", "cm"),
        velocity_cm_per_s=_total(own, "velocity", "cm/s"),
    )


def _whole_trial(rows: Sequence[ZoneStatistic], length_s: float) -> list[ZoneStatistic]:
    """Return the numbers of the whole trial, else those of the bins of time that lie in it."""
    whole = [row for row in rows if row.bin_start_s is None and row.bin_end_s is None]
    return whole or [row for row in rows if row.bin_end_s is not None and row.bin_end_s <= length_s + 0.5]


def _sum_of(rows: Sequence[ZoneStatistic], zones: Sequence[str], wanted: object) -> float | None:
    values = [row.value or 0.0 for row in rows if row.zone in zones and wanted(row)]  # type: ignore[operator]
    return sum(values) if values else None


def _total(rows: Sequence[ZoneStatistic], variable: str, unit: str) -> float | None:
    found = [row for row in rows if variable in row.variable.casefold() and row.unit == unit and not row.zone]
    by_bins = [row.value for row in found if row.value is not None]
    if not by_bins:
        return None
    return _rounded(sum(by_bins) if variable == "distance" else sum(by_bins) / len(by_bins))


def _is_duration(row: ZoneStatistic) -> bool:
    said = row.statistic.casefold()
    return row.unit in ("s", "") and ("duration" in said or "time" in said or not said)


def _says(row: ZoneStatistic, word: str) -> bool:
    return word in row.statistic.casefold()


def _rounded(value: float) -> float:
    return round(float(value), DECIMALS)


def zone_bins(samples: Samples, how: Scoring, bin_s: float) -> FloatArray:
    """Return the seconds in the interaction zone in each bin of time of a trial; bins without known time are left out."""
    if how.scored_from == TRACKER_ZONES:
        inside_s, known_s = _flag_bins(samples, how, bin_s)
    elif how.layout is None:
        raise ScoringError("The arena of this trial is not known.")
    else:
        x, y = positions_cm(samples, how)
        shapes = [zone.shape for zone in how.layout.zones if zone.role == INTERACTION_ZONE]
        inside_s, known_s = zone_series(
            samples.time_s, x, y, shapes, bin_s, max_gap_s=how.max_gap_s, length_s=how.length_s
        )  # fmt: skip
    return inside_s[known_s > 0.5 * bin_s]


def _flag_bins(samples: Samples, how: Scoring, bin_s: float) -> tuple[FloatArray, FloatArray]:
    flag = _in_any(samples, how.interaction_zones, "interaction zone")[:-1]
    steps = np.diff(samples.time_s)
    n_bins = int(min(float(samples.time_s[-1] - samples.time_s[0]), how.length_s) / bin_s + 1e-6)
    edges = samples.time_s[0] + bin_s * np.arange(n_bins + 1)

    def in_bins(weights: FloatArray) -> FloatArray:
        until = np.append(0.0, np.cumsum(steps * weights))
        return np.clip(np.diff(np.interp(edges, samples.time_s, until)), 0.0, bin_s)

    return in_bins(np.nan_to_num(flag)), in_bins((~np.isnan(flag)).astype(float))
