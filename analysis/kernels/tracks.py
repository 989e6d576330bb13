"""From a mouse's track to its times in zones, entries, latencies, distance and velocity.

A mouse is taken to go straight from each known position to the next at constant speed. A step that
crosses the edge of a zone is divided where the line meets the edge, so that a zone time is exact for
straight motion and off by less than a sample's time where the mouse turned; giving the whole step to
either side would be off by up to a sample's time at every single crossing. Time is read from the
stamps, never counted in frames. A gap without position is one longer step; a gap longer than
``max_gap_s`` is unknown time, which no zone gets.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from analysis.kernels.shapes import FloatArray, Rectangle, Shape
from analysis.kernels.track_pieces import (
    INSIDE,
    UNKNOWN,
    Pieces,
    Steps,
    Window,
    cut_steps,
    pieces_in,
    pieces_of_flags,
    require_clock,
    require_track,
    steps_of,
    window_of,
)
from analysis.kernels.track_scores import TrackScore, ZoneScore
from analysis.kernels.zones import OTHER, ROLES, Zone

MAX_GAP_S = 0.5  # a mouse at 10 to 20 cm/s goes 5 to 10 cm meanwhile, no further than a corner is wide [K]
MAX_MISSING_SHARE = 0.2  # above it a trial is looked at again before its times count [K]


def score_track(
    time_s: npt.ArrayLike,
    x_cm: npt.ArrayLike,
    y_cm: npt.ArrayLike,
    zones: Sequence[Zone],
    *,
    areas: Mapping[str, Sequence[str]] | None = None,
    max_gap_s: float = MAX_GAP_S,
    start_s: float = 0.0,
    length_s: float | None = None,
    min_visit_s: float = 0.0,
    max_missing_share: float = MAX_MISSING_SHARE,
    floor: Shape | None = None,
    not_found_share: float | None = None,
) -> TrackScore:
    """Score one trial.

    Parameters
    ----------
    time_s : array_like, shape (n_samples,)
        Time stamps (s), at any steps, not falling.
    x_cm, y_cm : array_like, shape (n_samples,)
        Positions in the arena (cm); NaN where the mouse was not found.
    zones : sequence of Zone
        Each name once.
    areas : mapping of str to sequence of str, or None
        Names of zones that are scored together, by what they are called together; None for the zones
        of each role but ``other``.
    max_gap_s : float
        Longest time between two positions that a straight line bridges (s).
    start_s : float
        Where the trial begins on the track's clock (s).
    length_s : float or None
        Cut to so many seconds from `start_s`; None scores to the end. A shorter track is scored as
        far as it goes: see `covered_s`.
    min_visit_s : float
        Absences shorter than this end no visit, and visits shorter than this are no entries (s); both
        keep their time.
    max_missing_share : float
        Above it `too_much_missing` is set.
    floor : Shape or None
        The arena's floor; with it a track that is never on it is refused.
    not_found_share : float or None
        Share that the file's header says was not found (0 to 1): some trackers fill such samples
        before they export them. The larger share counts.

    Returns
    -------
    TrackScore
        See there.

    Raises
    ------
    ValueError
        If the time stamps go back or are not finite, a position is infinite, samples lie further
        apart than `max_gap_s`, no time falls into the part asked for, zones share a name, an area
        names a zone that is not there, or the track never enters the floor.
    """
    time, x, y = require_track(time_s, x_cm, y_cm)
    together = _together(zones, areas)
    _require_bridgeable(time, max_gap_s)
    outside_share = None if floor is None else _outside_share(x, y, floor)
    window = window_of(time, start_s, length_s)
    steps = steps_of(time, x, y, window, max_gap_s)
    duration_s = steps.duration_s
    tracked_s = float(duration_s[~steps.is_unknown].sum())
    distance = np.hypot(steps.x1 - steps.x0, steps.y1 - steps.y0)[~steps.is_unknown].sum()
    missing_share = max(_missing_s(time, x, window, max_gap_s) / window.length_s, not_found_share or 0.0)
    scores = [_score(zone.name, zone.role, [zone.shape], steps, window, min_visit_s) for zone in zones]
    return TrackScore(
        covered_s=window.length_s,
        tracked_s=tracked_s,
        missing_s=float(duration_s[steps.is_unknown].sum()),
        interpolated_s=float(duration_s[steps.is_gap & ~steps.is_unknown].sum()),
        missing_share=missing_share,
        longest_gap_s=float(duration_s[steps.is_gap].max(initial=0.0)),
        too_much_missing=missing_share > max_missing_share,
        distance_cm=float(distance),
        velocity_cm_per_s=float(distance) / tracked_s if tracked_s > 0 else None,
        outside_share=outside_share,
        zones=tuple(scores),
        areas=tuple(
            _score(name, name if areas is None else OTHER, shapes, steps, window, min_visit_s)
            for name, shapes in together.items()
        ),
    )


def zone_times_from_flags(
    time_s: npt.ArrayLike,
    flags: Mapping[str, npt.ArrayLike],
    *,
    max_gap_s: float = MAX_GAP_S,
    start_s: float = 0.0,
    length_s: float | None = None,
    min_visit_s: float = 0.0,
) -> dict[str, ZoneScore]:
    """Times in zones from a tracker's own "in zone" columns.

    A flag stands from its time stamp to the next one: between two samples the file does not say when
    the mouse crossed, and this is how trackers add up frames. The last sample stands for no time.

    Parameters
    ----------
    time_s : array_like, shape (n_samples,)
        Time stamps (s), not falling.
    flags : mapping of str to array_like, shape (n_samples,)
        By zone: 1 inside, 0 outside, NaN unknown. An unknown flag takes the last known one for up to
        `max_gap_s`; beyond, the whole stretch since then is unknown time.
    max_gap_s, start_s, length_s, min_visit_s : float
        As for `score_track`.

    Returns
    -------
    dict of str to ZoneScore
        With role ``other``: which zone is which the file does not say.

    Raises
    ------
    ValueError
        If a flag is neither 0, 1 nor NaN, or as for `score_track`.
    """
    time = require_clock(time_s)
    _require_bridgeable(time, max_gap_s)
    window = window_of(time, start_s, length_s)
    scores = {}
    for name, column in flags.items():
        flag = np.asarray(column, dtype=float)
        if flag.shape != time.shape:
            raise ValueError(f"zone {name} has {flag.size} flags for {time.size} time stamps")
        wrong = ~(np.isnan(flag) | (flag == 0) | (flag == 1))
        if wrong.any():
            raise ValueError(f"zone {name} is {flag[wrong][0]:g} at {time[wrong][0]:g} s; a flag is 0 or 1")
        pieces = pieces_of_flags(time, flag, window, max_gap_s)
        scores[name] = _score_pieces(name, OTHER, pieces, window, min_visit_s)
    return scores


def zone_series(
    time_s: npt.ArrayLike,
    x_cm: npt.ArrayLike,
    y_cm: npt.ArrayLike,
    shapes: Sequence[Shape],
    bin_s: float,
    *,
    max_gap_s: float = MAX_GAP_S,
    start_s: float = 0.0,
    length_s: float | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Seconds inside, and seconds tracked, per bin of time.

    Parameters
    ----------
    time_s, x_cm, y_cm, max_gap_s, start_s, length_s
        As for `score_track`.
    shapes : sequence of Shape
        Inside is in any of them.
    bin_s : float
        Length of a bin (s); the last may be shorter.

    Returns
    -------
    inside_s, tracked_s : numpy.ndarray, shape (n_bins,)
        Their sums are the zone time and the tracked time of `score_track`.
    """
    steps, window = _steps_and_window(time_s, x_cm, y_cm, max_gap_s, start_s, length_s)
    pieces = pieces_in(steps, shapes)
    n_bins = int(np.ceil(window.length_s / bin_s - 1e-6))
    edges = np.append(window.begin_s + bin_s * np.arange(n_bins), window.end_s)
    inside_s = np.diff(pieces.seconds_until(INSIDE, edges))
    return inside_s, np.diff(edges) - np.diff(pieces.seconds_until(UNKNOWN, edges))


def occupancy(
    time_s: npt.ArrayLike,
    x_cm: npt.ArrayLike,
    y_cm: npt.ArrayLike,
    width_cm: float,
    height_cm: float,
    bin_cm: float,
    *,
    max_gap_s: float = MAX_GAP_S,
    start_s: float = 0.0,
    length_s: float | None = None,
) -> FloatArray:
    """Time spent at each place of the floor, for a heat map.

    Parameters
    ----------
    time_s, x_cm, y_cm, max_gap_s, start_s, length_s
        As for `score_track`.
    width_cm, height_cm : float
        Floor along x and along y, from (0, 0).
    bin_cm : float
        Side of a square; squares at the far walls may reach beyond the floor.

    Returns
    -------
    numpy.ndarray, shape (n_y, n_x)
        Seconds; row 0 lies at y = 0. Each step's time is shared out along its line. Time beyond the
        floor and unknown time are in no square, so the sum may be less than the covered time.
    """
    for name, length in (("width_cm", width_cm), ("height_cm", height_cm), ("bin_cm", bin_cm)):
        if not length > 0:
            raise ValueError(f"{name} must be more than 0; got {length}")
    steps, _ = _steps_and_window(time_s, x_cm, y_cm, max_gap_s, start_s, length_s)
    n_x, n_y = (int(np.ceil(extent / bin_cm - 1e-9)) for extent in (width_cm, height_cm))
    with np.errstate(divide="ignore", invalid="ignore"):
        at_columns = (bin_cm * np.arange(n_x + 1) - steps.x0[:, None]) / (steps.x1 - steps.x0)[:, None]
        at_rows = (bin_cm * np.arange(n_y + 1) - steps.y0[:, None]) / (steps.y1 - steps.y0)[:, None]
    step, start, end = cut_steps(steps, np.hstack([at_columns, at_rows]))
    x_part, y_part = steps.at(step, (start + end) / 2)
    counts = ~steps.is_unknown[step] & Rectangle(0, 0, width_cm, height_cm).contains(x_part, y_part)
    column = np.minimum(x_part[counts] // bin_cm, n_x - 1).astype(int)
    row = np.minimum(y_part[counts] // bin_cm, n_y - 1).astype(int)
    seconds = ((end - start) * steps.duration_s[step])[counts]
    occupied = np.zeros((n_y, n_x))
    np.add.at(occupied, (row, column), seconds)
    return occupied


def _steps_and_window(
    time_s: npt.ArrayLike,
    x_cm: npt.ArrayLike,
    y_cm: npt.ArrayLike,
    max_gap_s: float,
    start_s: float,
    length_s: float | None,
) -> tuple[Steps, Window]:
    time, x, y = require_track(time_s, x_cm, y_cm)
    _require_bridgeable(time, max_gap_s)
    window = window_of(time, start_s, length_s)
    return steps_of(time, x, y, window, max_gap_s), window


def _score(
    name: str, role: str, shapes: Sequence[Shape], steps: Steps, window: Window, min_visit_s: float
) -> ZoneScore:
    return _score_pieces(name, role, pieces_in(steps, shapes), window, min_visit_s)


def _score_pieces(name: str, role: str, pieces: Pieces, window: Window, min_visit_s: float) -> ZoneScore:
    begins, _ = pieces.visits(min_visit_s)
    latency_s = float(begins[0]) - window.begin_s if len(begins) else None
    earliest_s = latency_s
    unknown = pieces.start_s[pieces.state == UNKNOWN]
    if len(unknown):
        first_unknown_s = float(unknown[0]) - window.begin_s
        earliest_s = first_unknown_s if latency_s is None else min(latency_s, first_unknown_s)
    return ZoneScore(
        name=name,
        role=role,
        zone_s=pieces.seconds(INSIDE),
        missing_s=pieces.seconds(UNKNOWN),
        entries=len(begins),
        latency_s=latency_s,
        latency_earliest_s=earliest_s,
    )


def _missing_s(time_s: FloatArray, x_cm: FloatArray, window: Window, max_gap_s: float) -> float:
    """Time (s) of samples without a position, each until the next, and of stretches without samples."""
    missing = np.isnan(x_cm[:-1]) | (np.diff(time_s) > max_gap_s)
    return float(window.within(time_s[:-1], time_s[1:])[missing].sum())


def _outside_share(x_cm: FloatArray, y_cm: FloatArray, floor: Shape) -> float | None:
    found = ~np.isnan(x_cm)
    if not found.any():
        return None
    x, y = x_cm[found], y_cm[found]
    share = float(1 - floor.contains(x, y).mean())
    if share == 1:
        (left, low), (right, high) = floor.outline_cm().min(axis=0), floor.outline_cm().max(axis=0)
        raise ValueError(
            f"the track never enters the arena: x runs from {x.min():.4g} to {x.max():.4g} cm and y from "
            f"{y.min():.4g} to {y.max():.4g} cm, the floor from {left:g} to {right:g} and from {low:g} to {high:g} cm; "
            "check origin, scale and direction of y"
        )
    return share


def _together(zones: Sequence[Zone], areas: Mapping[str, Sequence[str]] | None) -> dict[str, list[Shape]]:
    names = [zone.name for zone in zones]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"each zone must have a name of its own; twice or more: {', '.join(twice)}")
    if areas is None:
        by_role = {role: [zone.shape for zone in zones if zone.role == role] for role in ROLES if role != OTHER}
        return {role: shapes for role, shapes in by_role.items() if shapes}
    unknown = sorted({name for some in areas.values() for name in some} - set(names))
    if unknown:
        raise ValueError(f"there is no zone {', '.join(unknown)}; the zones are {', '.join(names) or 'none'}")
    return {area: [zone.shape for zone in zones if zone.name in some] for area, some in areas.items()}


def _require_bridgeable(time_s: FloatArray, max_gap_s: float) -> None:
    usual_s = float(np.median(np.diff(time_s)))
    if not max_gap_s >= usual_s:
        raise ValueError(
            f"samples lie {usual_s:g} s apart, but a gap of more than {max_gap_s:g} s counts as missing; "
            "raise the longest gap that is bridged"
        )
