"""Where a mouse walked in a trial of the SI test whose seconds in zone and corners are known already.

Seen from the target: ``along`` its wall and ``away`` from it. A trial is a chain of visits to the zone, to a corner and to
the open floor between them. It goes from one to the next across an edge at an exact instant, so that the zone time of the
track is the one that the test holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analysis.kernels.shapes import FloatArray
from labdb.demo import parameters as p

ZONE, CORNER, OPEN = "zone", "corner", "open"
WIDTH, LENGTH = p.ARENA_CM["width_cm"], p.ARENA_CM["length_cm"]
ZONE_EDGE = p.ARENA_CM["zone_depth_cm"]
CORNER_EDGE = LENGTH - p.ARENA_CM["corner_cm"]
WALL_CM = 1.5  # of the body's middle
MARGIN_CM = 0.4  # from an edge that is not crossed
ZONE_ALONG = (
    (WIDTH - p.ARENA_CM["zone_width_cm"]) / 2 + MARGIN_CM,
    (WIDTH + p.ARENA_CM["zone_width_cm"]) / 2 - MARGIN_CM,
)
CORNERS_ALONG = (
    (WALL_CM, p.ARENA_CM["corner_cm"] - MARGIN_CM),
    (WIDTH - p.ARENA_CM["corner_cm"] + MARGIN_CM, WIDTH - WALL_CM),
)
LEAST_VISIT_S = 0.6
CROSSING_CM_PER_S = 15.0
PULL = {ZONE: 0.5, CORNER: 0.5, OPEN: 0.3}  # toward the middle of a place, away from its edges
MOST_WANDER_CM, BISECTIONS = 12.0, 12


@dataclass(frozen=True)
class Visit:
    """A stay in one place; limits in cm."""

    place: str
    begin_s: float
    end_s: float
    along: tuple[float, float]
    away: tuple[float, float]


@dataclass(frozen=True)
class SimulatedTrack:
    """Positions (cm) from the lower left corner of the floor as the camera sees it, by time (s)."""

    time_s: FloatArray
    x_cm: FloatArray
    y_cm: FloatArray


def simulate_track(
    zone_s: float, corner_s: float, distance_cm: float, target_side: str, rng: np.random.Generator
) -> SimulatedTrack:
    """Draw a track of a trial.

    Parameters
    ----------
    zone_s, corner_s : float
        What its score shall say.
    distance_cm : float
        Aimed at: how much the mouse wanders is set by it.
    target_side : str
        ``left`` or ``right``.
    rng : numpy.random.Generator
        The only source of randomness.
    """
    visits = _visits(zone_s, corner_s, rng)
    time_s = np.arange(round(p.TRIAL_S * p.TRACK_HZ) + 1) / p.TRACK_HZ
    wander = [_smooth_noise(len(time_s), rng) for _ in range(2)]
    low, high = 0.0, MOST_WANDER_CM
    for _ in range(BISECTIONS):  # the path grows with the amplitude
        middle = (low + high) / 2
        length = _length(*_path(visits, time_s, wander, middle))
        low, high = (middle, high) if length < distance_cm else (low, middle)
    along, away = _path(visits, time_s, wander, low)
    x = away if target_side == "left" else LENGTH - away
    return SimulatedTrack(time_s, x, along)


def _visits(zone_s: float, corner_s: float, rng: np.random.Generator) -> list[Visit]:
    """Return the visits in order: on open floor at the beginning, between any two others, and at the end."""
    open_s = p.TRIAL_S - zone_s - corner_s
    most = max(int(open_s / (2 * LEAST_VISIT_S)) - 1, 2)
    wanted = {ZONE: zone_s / p.TRACK_VISIT_S, CORNER: corner_s / p.TRACK_VISIT_S}
    scale = min(1.0, most / max(sum(wanted.values()), 1))
    seconds = {ZONE: zone_s, CORNER: corner_s}
    stays = [
        (place, stay)
        for place, n in wanted.items()
        for stay in _shares(seconds[place], max(min(round(n * scale), int(seconds[place] / LEAST_VISIT_S)), 1), rng)
    ]
    stays = [stays[number] for number in rng.permutation(len(stays))]
    between = _shares(open_s, len(stays) + 1, rng)
    visits, now = [_visit(OPEN, 0.0, between[0], rng)], between[0]
    for (place, stay), pause in zip(stays, between[1:], strict=True):
        visits += [_visit(place, now, now + stay, rng), _visit(OPEN, now + stay, now + stay + pause, rng)]
        now += stay + pause
    return visits


def _visit(place: str, begin_s: float, end_s: float, rng: np.random.Generator) -> Visit:
    if place == ZONE:
        return Visit(place, begin_s, end_s, ZONE_ALONG, (WALL_CM, ZONE_EDGE - MARGIN_CM))
    if place == CORNER:
        side = CORNERS_ALONG[rng.integers(2)]
        return Visit(place, begin_s, end_s, side, (CORNER_EDGE + MARGIN_CM, LENGTH - WALL_CM))
    return Visit(place, begin_s, end_s, (WALL_CM, WIDTH - WALL_CM), (ZONE_EDGE + MARGIN_CM, CORNER_EDGE - MARGIN_CM))


def _shares(total_s: float, n: int, rng: np.random.Generator) -> list[float]:
    """Divide seconds into so many stays, none shorter than a mouse needs to turn."""
    parts = rng.gamma(1.2, size=n)
    free = total_s - n * LEAST_VISIT_S
    if free < 0:
        raise ValueError(f"{total_s:.2f} s are too short for {n} visits")
    return list(LEAST_VISIT_S + free * parts / parts.sum())


def _smooth_noise(n: int, rng: np.random.Generator) -> FloatArray:
    """Return noise as slow as a mouse turns, of unit variance."""
    width = round(p.TRACK_TURN_S * p.TRACK_HZ)
    kernel = np.hanning(2 * width + 1)[1:-1]
    noise = np.convolve(rng.standard_normal(n + len(kernel) - 1), kernel, mode="valid")
    return noise / noise.std()


def _path(
    visits: Sequence[Visit], time_s: FloatArray, wander: Sequence[FloatArray], amplitude: float
) -> tuple[FloatArray, FloatArray]:
    along, away = np.empty_like(time_s), np.empty_like(time_s)
    doors = [_door(before, after) for before, after in pairwise(visits)]
    for number, visit in enumerate(visits):
        first, last = np.searchsorted(time_s, [visit.begin_s, visit.end_s], side="left" if number == 0 else "right")
        here = slice(first, len(time_s) if number == len(visits) - 1 else last)
        share = np.clip((time_s[here] - visit.begin_s) / (visit.end_s - visit.begin_s), 0, 1)
        come = doors[number - 1] if number else (WIDTH / 2, (ZONE_EDGE + CORNER_EDGE) / 2)
        go = doors[number] if number < len(doors) else (WIDTH / 2, (ZONE_EDGE + CORNER_EDGE) / 2)
        swing = np.sin(np.pi * share).clip(0)
        middle = (visit.away[0] + visit.away[1]) / 2
        for values, door, limits, noise in ((along, 0, visit.along, wander[0]), (away, 1, visit.away, wander[1])):
            base = come[door] + (go[door] - come[door]) * (1 - np.cos(np.pi * share)) / 2
            if door:
                base = base + (middle - base) * np.sqrt(swing) * PULL[visit.place]
            elif visit.place == OPEN:
                base = base + (WIDTH / 2 - base) * swing * PULL[OPEN]
            values[here] = np.clip(base + amplitude * np.sqrt(swing) * noise[here], *limits)
    for before, (at_along, edge) in zip(visits[:-1], doors, strict=True):
        _cross(along, away, time_s, before, at_along, edge)
    return along, away


def _door(before: Visit, after: Visit) -> tuple[float, float]:
    """Return where the edge between two places is crossed."""
    inside = after if before.place == OPEN else before
    edge = ZONE_EDGE if inside.place == ZONE else CORNER_EDGE
    share = (inside.end_s * 7.0) % 1  # somewhere along it, by no draw of its own
    return inside.along[0] + share * (inside.along[1] - inside.along[0]), edge


def _cross(
    along: FloatArray, away: FloatArray, time_s: FloatArray, before: Visit, at_along: float, edge: float
) -> None:
    """Put the two samples around the end of a visit on a straight line that meets the edge at that instant."""
    last = int(np.searchsorted(time_s, before.end_s, side="right")) - 1
    toward_wall = (edge == ZONE_EDGE) == (before.place == OPEN)
    speed = -CROSSING_CM_PER_S if toward_wall else CROSSING_CM_PER_S
    for sample in (last, last + 1):
        along[sample] = at_along
        away[sample] = edge + speed * (time_s[sample] - before.end_s)


def _length(along: FloatArray, away: FloatArray) -> float:
    return float(np.hypot(np.diff(along), np.diff(away)).sum())
