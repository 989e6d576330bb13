"""One trial of a tracker's file to its numbers: by the arena's zones, the tracker's own, or its statistics."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
    areas : mapping of str to tuple of str, or None
        What is scored, and which zones make it: the arena's for `TRACK`, else the tracker's. None is what an SI test
        needs of an arena: its zones by their roles.
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
    areas: Mapping[str, tuple[str, ...]] | None = None
    body_point: str = ""
    layout: ArenaLayout | None = None
    unit: str = ""
    origin_cm: tuple[float, float] = (0.0, 0.0)
    px_per_cm: float | None = None
    origin_px: tuple[float, float] | None = None
    length_s: float = 150.0
    max_gap_s: float = MAX_GAP_S

    @property
    def interaction_zones(self) -> tuple[str, ...]:
        """The tracker's zones that an SI test takes for the interaction zone."""
        return (self.areas or {}).get(INTERACTION_ZONE, ())

    @property
    def corners(self) -> tuple[str, ...]:
        """The tracker's zones that an SI test takes for corners."""
        return (self.areas or {}).get(CORNER, ())


def si_areas(interaction_zones: Sequence[str], corners: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the areas of an SI test by the tracker's names of zones."""
    return {INTERACTION_ZONE: tuple(interaction_zones), **({CORNER: tuple(corners)} if corners else {})}


@dataclass(frozen=True)
class AreaScore:
    """One zone, or several that count together; None where the source does not say it.

    Attributes
    ----------
    zone_s : float or None
        Time inside (s).
    entries : int or None
    latency_s : float or None
        From the start to the first entry (s); None too when there was none.
    unknown_s : float or None
        Time (s) in which nobody knows whether it was inside.
    """

    zone_s: float | None
    entries: int | None = None
    latency_s: float | None = None
    unknown_s: float | None = None


@dataclass(frozen=True)
class TrialScore:
    """What a trial says; None where its source does not say it. Fields as of `TrackedTrial`.

    Attributes
    ----------
    areas : dict of str to AreaScore
        As asked for; of an SI test the interaction zone, and the corners where there are any.
    known_s : float
        Time (s) of which a share of time is one.
    """

    areas: dict[str, AreaScore]
    known_s: float
    distance_cm: float | None = None
    velocity_cm_per_s: float | None = None
    covered_s: float | None = None
    missing_share: float | None = None
    longest_gap_s: float | None = None

    @property
    def _zone(self) -> AreaScore:
        return self.areas[INTERACTION_ZONE]

    @property
    def zone_s(self) -> float:
        """Time in the interaction zone of an SI test (s)."""
        return self._zone.zone_s or 0.0

    @property
    def corner_s(self) -> float | None:
        """Time in its corners (s)."""
        return self.areas[CORNER].zone_s if CORNER in self.areas else None

    @property
    def entries(self) -> int | None:
        """Entries into its interaction zone."""
        return self._zone.entries

    @property
    def latency_s(self) -> float | None:
        """From the start to the first of them (s)."""
        return self._zone.latency_s

    @property
    def unknown_s(self) -> float | None:
        """Time (s) in which nobody knows whether it was in the interaction zone."""
        return self._zone.unknown_s


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
        areas=how.areas, max_gap_s=how.max_gap_s, length_s=how.length_s, floor=how.layout.floor,
    )  # fmt: skip
    if score.outside_share is not None and score.outside_share > MAX_OUTSIDE_SHARE:
        raise ScoringError(
            f"{score.outside_share:.0%} of the positions lie beyond the floor of {how.layout.floor.width_cm:g} x "
            f"{how.layout.floor.height_cm:g} cm; correct where its lower left corner lies."
        )
    if how.areas is None and score.area(INTERACTION_ZONE) is None:
        raise ScoringError("None of the arena's zones is its interaction zone; give one of them that role.")
    return _scored(samples, how, {area.name: area for area in score.areas}, score)


def _from_flags(samples: Samples, how: Scoring) -> TrialScore:
    flags = {area: _in_any(samples, names, area) for area, names in (how.areas or {}).items()}
    scores = zone_times_from_flags(samples.time_s, flags, max_gap_s=how.max_gap_s, length_s=how.length_s)
    score = None
    try:
        x, y = positions_cm(samples, how)
        score = score_track(samples.time_s, x, y, (), max_gap_s=how.max_gap_s, length_s=how.length_s)
    except ValueError:
        pass  # zones need no positions; distance and velocity stay empty
    return _scored(samples, how, scores, score)


def _scored(samples: Samples, how: Scoring, areas: Mapping[str, ZoneScore], score: TrackScore | None) -> TrialScore:
    known = [score.missing_share] if score else [min(samples.missing_share.values(), default=0.0)]
    if samples.not_found_share is not None:
        known.append(samples.not_found_share)
    covered_s = min(float(samples.time_s[-1] - samples.time_s[0]), how.length_s)
    unknown_s = max((area.missing_s for area in areas.values()), default=score.missing_s if score else 0.0)
    return TrialScore(
        areas={name: _area(area) for name, area in areas.items()},
        known_s=(score.covered_s if score else covered_s) - unknown_s,
        distance_cm=_rounded(score.distance_cm) if score else None,
        velocity_cm_per_s=_rounded(score.velocity_cm_per_s) if score and score.velocity_cm_per_s is not None else None,
        covered_s=_rounded(score.covered_s if score else covered_s),
        missing_share=round(max(known), 4),
        longest_gap_s=_rounded(score.longest_gap_s) if score else None,
    )


def _area(zone: ZoneScore) -> AreaScore:
    latency_s = None if zone.latency_s is None else _rounded(zone.latency_s)
    return AreaScore(_rounded(zone.zone_s), zone.entries, latency_s, _rounded(zone.missing_s))


def _in_any(samples: Samples, names: Sequence[str], area: str) -> FloatArray:
    _require_known(names, samples.zones, area)
    columns = np.array([samples.zones[name] for name in names])
    inside = (columns == 1).any(axis=0)
    return np.where(inside, 1.0, np.where(np.isnan(columns).any(axis=0), np.nan, 0.0))


def _require_known(names: Sequence[str], known: Iterable[str], area: str) -> None:
    there_are, role = ", ".join(known) or "none", in_words(area)
    if not names:
        raise ScoringError(f"Nobody said which zone of the file is the {role} (there are: {there_are}); choose it.")
    if missing := [name for name in names if name not in known]:
        raise ScoringError(f"The file has no zone {', '.join(missing)} (there are: {there_are}); choose the {role}.")


def in_words(area: str) -> str:
    """Return what an area is called in a sentence."""
    return area.replace("_", " ") if area in (INTERACTION_ZONE, CORNER) else area.replace(" | ", " or ")


def _from_statistics(trial: Trial, how: Scoring) -> TrialScore:
    rows = trial.statistics.rows if trial.statistics else ()
    if not rows:
        raise ScoringError("The file holds no statistics; choose the track or the tracker's zones.")
    names = zone_names(trial)
    for area, zones in (how.areas or {}).items():
        _require_known(zones, names, area)
    own = [row for row in _whole_trial(rows, how.length_s) if not how.body_point or row.point in ("", how.body_point)]
    return TrialScore(
        areas={area: _area_of_statistics(own, zones) for area, zones in (how.areas or {}).items()},
        known_s=how.length_s if trial.length_s is None else min(trial.length_s, how.length_s),
        distance_cm=_total(own, "distance", "cm"),
        velocity_cm_per_s=_total(own, "velocity", "cm/s"),
    )


def _area_of_statistics(rows: Sequence[ZoneStatistic], zones: Sequence[str]) -> AreaScore:
    latencies = [row.value for row in rows if _says(row, "latency") and row.zone in zones]
    seen = [value for value in latencies if value is not None]
    entries = _sum_of(rows, zones, lambda row: _says(row, "frequency"))
    return AreaScore(
        zone_s=_rounded(_sum_of(rows, zones, _is_duration) or 0.0),
        entries=None if entries is None else round(entries),
        latency_s=_rounded(min(seen)) if seen else None,
    )


def _whole_trial(rows: Sequence[ZoneStatistic], length_s: float) -> list[ZoneStatistic]:
    """Return the numbers of the whole trial, else those of the bins of time that lie in it."""
    whole = [row for row in rows if row.bin_start_s is None and row.bin_end_s is None]
    return whole or [row for row in rows if row.bin_end_s is not None and row.bin_end_s <= length_s + 0.5]


def _sum_of(
    rows: Sequence[ZoneStatistic], zones: Sequence[str], wanted: Callable[[ZoneStatistic], bool]
) -> float | None:
    values = [row.value or 0.0 for row in rows if row.zone in zones and wanted(row)]
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
    flag = _in_any(samples, how.interaction_zones, INTERACTION_ZONE)[:-1]
    steps = np.diff(samples.time_s)
    n_bins = int(min(float(samples.time_s[-1] - samples.time_s[0]), how.length_s) / bin_s + 1e-6)
    edges = samples.time_s[0] + bin_s * np.arange(n_bins + 1)

    def in_bins(weights: FloatArray) -> FloatArray:
        until = np.append(0.0, np.cumsum(steps * weights))
        return np.clip(np.diff(np.interp(edges, samples.time_s, until)), 0.0, bin_s)

    return in_bins(np.nan_to_num(flag)), in_bins((~np.isnan(flag)).astype(float))
