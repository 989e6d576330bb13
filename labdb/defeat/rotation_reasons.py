"""Why there is no rotation: the reasons that can be named, each a sentence with the day, the mice and the numbers."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_bipartite_matching, maximum_flow

T = TypeVar("T")
NAMED = 8  # codes in a sentence; more are counted


class RotationError(ValueError):
    """There is no rotation; `reasons` says why, a sentence each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = list(reasons)


def sure_reasons(
    mice: Sequence[str], aggressors: Sequence[str], days: Sequence[int], is_new: np.ndarray, is_free: np.ndarray
) -> list[str]:
    """Return the reasons that rule out every rotation; empty when none of these does.

    Parameters
    ----------
    is_new : numpy.ndarray of bool, shape (n_mice, n_aggressors)
        They have not met.
    is_free : numpy.ndarray of bool, shape (n_days, n_aggressors)
        The aggressor can be used that day.
    """
    reasons = list(_too_few_a_day(mice, days, is_free))
    reasons += reasons or list(_too_few_for_a_mouse(mice, aggressors, days, is_new, is_free))
    reasons += reasons or list(_crowded_days(mice, aggressors, days, is_new, is_free))
    return list(dict.fromkeys(reasons or _too_few_over_all(mice, aggressors, days, is_new, is_free)))


def _too_few_a_day(mice: Sequence[str], days: Sequence[int], is_free: np.ndarray) -> Iterator[str]:
    for n_free, alike in _alike(days, is_free.sum(axis=1).tolist()):
        if n_free < len(mice):
            lacking = len(mice) - n_free
            is_run = len(alike) > 2 and alike[-1] - alike[0] == len(alike) - 1
            some = f"{alike[0]} to {alike[-1]}" if is_run else named([str(day) for day in alike])
            on = f"day {some}" if len(alike) == 1 else f"days {some}"
            yield f"Too few aggressors on {on}: {n_free} for {len(mice)} mice; {lacking} more {_are(lacking)} needed."


def _too_few_for_a_mouse(
    mice: Sequence[str], aggressors: Sequence[str], days: Sequence[int], is_new: np.ndarray, is_free: np.ndarray
) -> Iterator[str]:
    for left, alike in _alike(mice, (is_new & is_free.any(axis=0)).sum(axis=1).tolist()):
        if left < len(days):
            who = f"{alike[0]} has" if len(alike) == 1 else f"{named(alike)} have each"
            met = "it has" if len(alike) == 1 else "they have"
            yield (
                f"{who} {left} of {len(aggressors)} aggressors left that {met} not met, for {len(days)} days; "
                f"{len(days) - left} more {_are(len(days) - left)} needed."
            )


def _alike(ones: Sequence[T], numbers: Sequence[int]) -> list[tuple[int, list[T]]]:
    """Put together what has the same number, so that one sentence says it of all."""
    found: dict[int, list[T]] = {}
    for one, number in zip(ones, numbers, strict=True):
        found.setdefault(number, []).append(one)
    return list(found.items())


def _crowded_days(
    mice: Sequence[str], aggressors: Sequence[str], days: Sequence[int], is_new: np.ndarray, is_free: np.ndarray
) -> Iterator[str]:
    """Name, for a day, mice that together have fewer aggressors than they are."""
    for day, free in zip(days, is_free, strict=True):
        if crowd := crowded(is_new & free):
            group, few = crowd
            yield (
                f"On day {day} {named([mice[row] for row in group])} have only {named([aggressors[column] for column in few])} left that they have not met: "
                f"{len(few)} for {len(group)} mice."
            )


def crowded(is_allowed: np.ndarray) -> tuple[list[int], list[int]] | None:
    """Return rows that together are allowed fewer columns than they are, and these columns (Hall's condition).

    Parameters
    ----------
    is_allowed : numpy.ndarray of bool, shape (n_rows, n_columns)

    Returns
    -------
    tuple of lists of int, or None
        None where every row can have a column of its own.
    """
    partner = maximum_bipartite_matching(csr_array(is_allowed), perm_type="column")
    if (partner >= 0).all():
        return None
    return _reached(is_allowed, partner, int(np.flatnonzero(partner < 0)[0]))


def _reached(allowed: np.ndarray, partner: np.ndarray, start: int) -> tuple[list[int], list[int]]:
    """Return the mice that would have to share with a mouse that got nobody, and the aggressors among them."""
    mouse_of = {int(column): row for row, column in enumerate(partner) if column >= 0}
    group, few, waiting = {start}, set(), [start]
    while waiting:
        for column in np.flatnonzero(allowed[waiting.pop()]).tolist():
            if column not in few:
                few.add(column)
                if mouse_of[column] not in group:
                    group.add(mouse_of[column])
                    waiting.append(mouse_of[column])
    return sorted(group), sorted(few)


def _too_few_over_all(
    mice: Sequence[str], aggressors: Sequence[str], days: Sequence[int], is_new: np.ndarray, is_free: np.ndarray
) -> Iterator[str]:
    """Name mice that over all days need more meetings than their aggressors have left (the cut of a flow)."""
    n_mice, n_aggressors = is_new.shape
    source, sink = n_mice + n_aggressors, n_mice + n_aggressors + 1
    n_free_days = is_free.sum(axis=0)
    capacity = np.zeros((sink + 1, sink + 1), dtype=np.int32)
    capacity[source, :n_mice] = len(days)
    capacity[:n_mice, n_mice:source] = is_new & (n_free_days > 0)
    capacity[n_mice:source, sink] = n_free_days
    flow = maximum_flow(csr_array(capacity), source, sink)
    if flow.flow_value >= n_mice * len(days):
        return
    residual = csr_array(capacity) - flow.flow
    residual.data = np.maximum(residual.data, 0)
    residual.eliminate_zeros()
    inside = set(breadth_first_order(residual, source, return_predecessors=False).tolist())
    group = [row for row in range(n_mice) if row in inside]
    used_up = [column for column in range(n_aggressors) if n_mice + column in inside]
    others = [column for column in range(n_aggressors) if n_mice + column not in inside]
    meetings = int(n_free_days[used_up].sum() + capacity[np.ix_(group, [n_mice + column for column in others])].sum())
    yield (
        f"{named([mice[row] for row in group])} need {len(group) * len(days)} bouts in {len(days)} days, and the aggressors that they have "
        f"not met can give {meetings}; add an aggressor, or plan fewer days."
    )


def named(codes: Sequence[str]) -> str:
    """Return codes as words; beyond `NAMED` they are counted."""
    some = codes[:NAMED]
    if len(codes) > NAMED:
        return f"{', '.join(some)} and {len(codes) - NAMED} more"
    return ", ".join(some[:-1]) + (" and " if len(some) > 1 else "") + some[-1] if some else "nobody"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
