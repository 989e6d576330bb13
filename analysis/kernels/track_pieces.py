"""A track cut into pieces of time that lie in a zone, outside it, or nobody knows where."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.kernels.shapes import BoolArray, FloatArray, Shape, positions

OUTSIDE, INSIDE, UNKNOWN = 0, 1, 2
NO_TIME_S = 1e-9  # pieces this short are rounding where a step touches an edge


@dataclass(frozen=True)
class Window:
    """What is scored: from `begin_s` to `end_s` of the track's own clock."""

    begin_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Length (s)."""
        return self.end_s - self.begin_s

    def within(self, start_s: FloatArray, end_s: FloatArray) -> FloatArray:
        """Seconds of each stretch that lie in the window."""
        return np.clip(end_s, self.begin_s, self.end_s) - np.clip(start_s, self.begin_s, self.end_s)


@dataclass(frozen=True)
class Steps:
    """Straight lines from one known position to the next, all of shape (n_steps,).

    Attributes
    ----------
    t0, t1 : numpy.ndarray
        Begin and end (s).
    x0, y0, x1, y1 : numpy.ndarray
        Positions at both (cm); NaN where the track begins or ends without one.
    is_gap : numpy.ndarray of bool
        Samples without a position lie between, or an end has none, or the step is unknown.
    is_unknown : numpy.ndarray of bool
        Too long to be bridged, or an end has no position: where the mouse was is not known.
    """

    t0: FloatArray
    t1: FloatArray
    x0: FloatArray
    y0: FloatArray
    x1: FloatArray
    y1: FloatArray
    is_gap: BoolArray
    is_unknown: BoolArray

    @property
    def duration_s(self) -> FloatArray:
        """Time of each step (s)."""
        return self.t1 - self.t0

    def at(self, step: npt.NDArray[np.intp], fraction: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Positions (cm) so far along those steps."""
        x0, y0 = self.x0[step], self.y0[step]
        return x0 + fraction * (self.x1[step] - x0), y0 + fraction * (self.y1[step] - y0)


@dataclass(frozen=True)
class Pieces:
    """Consecutive stretches of time, each wholly inside, outside or unknown; all of shape (n_pieces,).

    Attributes
    ----------
    start_s, end_s : numpy.ndarray
        Of each piece, rising; a piece begins where the one before ended.
    state : numpy.ndarray of int
        ``INSIDE``, ``OUTSIDE`` or ``UNKNOWN``.
    """

    start_s: FloatArray
    end_s: FloatArray
    state: npt.NDArray[np.int8]

    def seconds(self, state: int) -> float:
        """Time (s) spent in a state."""
        chosen = self.state == state
        return float(np.sum(self.end_s[chosen] - self.start_s[chosen]))

    def seconds_until(self, state: int, time_s: FloatArray) -> FloatArray:
        """Time (s) spent in a state up to each of some instants."""
        spent = np.where(self.state == state, self.end_s - self.start_s, 0.0)
        edges = np.append(self.start_s[:1], self.end_s)
        return np.interp(time_s, edges, np.append(0.0, np.cumsum(spent)))

    def visits(self, min_visit_s: float) -> tuple[FloatArray, FloatArray]:
        """Begin and end (s) of each stay inside.

        Unknown time ends no visit that is inside before and after. Then absences shorter than
        `min_visit_s` end none either, and at last visits shorter than `min_visit_s` are dropped.
        """
        known = self.state != UNKNOWN
        start_s, end_s, inside = self.start_s[known], self.end_s[known], self.state[known] == INSIDE
        changed = np.diff(inside.astype(np.int8), prepend=0, append=0)
        begins, ends = start_s[changed[:-1] == 1], end_s[changed[1:] == -1]
        absent_long = begins[1:] - ends[:-1] >= min_visit_s
        begins = begins[np.append(np.ones(min(len(begins), 1), dtype=bool), absent_long)]
        ends = ends[np.append(absent_long, np.ones(min(len(ends), 1), dtype=bool))]
        long = ends - begins >= min_visit_s
        return begins[long], ends[long]


def require_track(
    time_s: npt.ArrayLike, x_cm: npt.ArrayLike, y_cm: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return time and positions as floats; a position with one coordinate missing has none.

    Raises
    ------
    ValueError
        If the arrays differ in length, a position is infinite, or the time stamps are no clock.
    """
    time, (x, y) = require_clock(time_s), positions(x_cm, y_cm)
    if x.shape != time.shape:
        raise ValueError(f"time_s and x_cm must be of one length; got {time.shape} and {x.shape}")
    infinite = np.isinf(x) | np.isinf(y)
    if infinite.any():
        raise ValueError(f"the position at {time[infinite][0]:g} s is infinite; a missing one is NaN")
    missing = np.isnan(x) | np.isnan(y)
    return time, np.where(missing, np.nan, x), np.where(missing, np.nan, y)


def require_clock(time_s: npt.ArrayLike) -> FloatArray:
    """Return time stamps as floats.

    Raises
    ------
    ValueError
        If there are fewer than two, one is not finite, or one goes back.
    """
    time = np.asarray(time_s, dtype=float)
    if time.ndim != 1 or len(time) < 2:
        raise ValueError(f"a track needs 2 samples or more in one dimension; got shape {time.shape}")
    if not np.isfinite(time).all():
        raise ValueError(f"time stamp {np.argmin(np.isfinite(time)) + 1} is not a finite number of seconds")
    back = np.diff(time) < 0
    if back.any():
        at = int(np.argmax(back))
        raise ValueError(f"time stamps go back: sample {at + 2} is at {time[at + 1]:g} s, after one at {time[at]:g} s")
    return time


def window_of(time_s: FloatArray, start_s: float, length_s: float | None) -> Window:
    """Return the part of the clock that is asked for and covered.

    Raises
    ------
    ValueError
        If the length is not positive or the track has no time in that part.
    """
    if length_s is not None and not length_s > 0:
        raise ValueError(f"length_s must be more than 0; got {length_s}")
    asked_end = np.inf if length_s is None else start_s + length_s
    window = Window(max(start_s, float(time_s[0])), min(asked_end, float(time_s[-1])))
    if window.length_s <= 0:
        raise ValueError(
            f"the track runs from {time_s[0]:g} to {time_s[-1]:g} s and has nothing of {start_s:g} to {asked_end:g} s"
        )
    return window


def steps_of(time_s: FloatArray, x_cm: FloatArray, y_cm: FloatArray, window: Window, max_gap_s: float) -> Steps:
    """Return the steps between known positions, cut to the window."""
    points = _known_and_ends(~np.isnan(x_cm))
    t, x, y = time_s[points], x_cm[points], y_cm[points]
    unknown = (np.diff(t) > max_gap_s + NO_TIME_S) | np.isnan(x[:-1]) | np.isnan(x[1:])
    gap = unknown | (np.diff(points) > 1)
    inside = (t[1:] >= window.begin_s) & (t[:-1] <= window.end_s)
    whole = Steps(t[:-1], t[1:], x[:-1], y[:-1], x[1:], y[1:], gap, unknown)
    duration = np.where(whole.duration_s > 0, whole.duration_s, 1.0)
    first = np.maximum(window.begin_s - whole.t0, 0) / duration
    last = 1 - np.maximum(whole.t1 - window.end_s, 0) / duration
    every = np.arange(len(duration))
    (x0, y0), (x1, y1) = whole.at(every, first), whole.at(every, last)
    t0, t1 = np.maximum(whole.t0, window.begin_s), np.minimum(whole.t1, window.end_s)
    return Steps(t0[inside], t1[inside], x0[inside], y0[inside], x1[inside], y1[inside], gap[inside], unknown[inside])


def pieces_in(steps: Steps, shapes: Sequence[Shape]) -> Pieces:
    """Cut steps where they meet the edge of a shape; inside means in any of the shapes."""
    step, start, end = cut_steps(
        steps, np.hstack([shape.crossings(steps.x0, steps.y0, steps.x1, steps.y1) for shape in shapes])
    )
    x, y = steps.at(step, (start + end) / 2)
    inside = np.any([shape.contains(x, y) for shape in shapes], axis=0)
    state = np.where(steps.is_unknown[step], UNKNOWN, np.where(inside, INSIDE, OUTSIDE)).astype(np.int8)
    t0, duration = steps.t0[step], steps.duration_s[step]
    return _with_time(t0 + start * duration, t0 + end * duration, state)


def cut_steps(steps: Steps, fractions: FloatArray) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
    """Cut each step at some fractions of it.

    Parameters
    ----------
    steps : Steps
        So many steps.
    fractions : numpy.ndarray, shape (n_steps, n_possible)
        In no order; NaN, or not between 0 and 1, cuts nothing.

    Returns
    -------
    step, start, end : numpy.ndarray, shape (n_parts,)
        Number of the step and the fractions at which each part of it begins and ends, in order of time.
    """
    cut, column = np.nonzero((fractions > 0) & (fractions < 1))
    step = np.append(np.arange(len(steps.t0)), cut)
    start = np.append(np.zeros(len(steps.t0)), fractions[cut, column])
    order = np.lexsort((start, step))
    step, start = step[order], start[order]
    end = np.where(np.append(np.diff(step) == 0, False), np.append(start[1:], 1.0), 1.0)
    return step, start, end


def pieces_of_flags(time_s: FloatArray, flags: FloatArray, window: Window, max_gap_s: float) -> Pieces:
    """Pieces of 0 / 1 flags (NaN unknown), each known flag standing until the next known one."""
    points = _known_and_ends(~np.isnan(flags))
    t, flag = time_s[points], flags[points][:-1]
    unknown = np.isnan(flag) | (np.diff(t) > max_gap_s + NO_TIME_S)
    state = np.where(unknown, UNKNOWN, np.where(flag == 1, INSIDE, OUTSIDE)).astype(np.int8)
    edges = np.clip(t, window.begin_s, window.end_s)
    return _with_time(edges[:-1], edges[1:], state)


def _known_and_ends(known: BoolArray) -> npt.NDArray[np.intp]:
    keep = known.copy()
    keep[[0, -1]] = True
    return np.flatnonzero(keep)


def _with_time(start_s: FloatArray, end_s: FloatArray, state: npt.NDArray[np.int8]) -> Pieces:
    lasting = end_s - start_s > NO_TIME_S
    return Pieces(start_s[lasting], end_s[lasting], state[lasting])
