"""Which controls live side by side on which day: a new partner every day as long as there is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

REPEAT = 1000.0  # the cost of a second meeting, against which mere order counts nothing


@dataclass(frozen=True)
class PartnerPlan:
    """Daily pairs of controls.

    Attributes
    ----------
    partner : pandas.DataFrame of str, shape (n_mice, n_days)
        Partner by mouse and day; missing where the number is odd and a mouse is alone.
    repeats : tuple of (mouse, mouse, day)
        Pairs that lived together before.
    """

    partner: pd.DataFrame
    repeats: tuple[tuple[str, str, int], ...]


def plan_partners(
    mice: Sequence[str], days: Sequence[int], *, met: Mapping[tuple[str, str], int] | None = None
) -> PartnerPlan:
    """Pair the controls anew each day, with as few second meetings as can be.

    Nobody has met: a round robin, which brings every pair before any comes again. Later, when a mouse has left or a day
    went otherwise, the round robin and a day-by-day choice of the least-met pairs are tried, and the better is taken.

    Parameters
    ----------
    mice : sequence of str
        Codes; their order makes no difference.
    days : sequence of int
        Days to plan.
    met : mapping of (mouse, mouse) to int, optional
        How often a pair has lived together; the order within a pair makes no difference.

    Returns
    -------
    PartnerPlan
    """
    codes = sorted(mice)
    times = np.zeros((len(codes), len(codes)), dtype=int)
    place = {code: at for at, code in enumerate(codes)}
    for (one, other), count in (met or {}).items():
        if one in place and other in place:
            times[place[one], place[other]] += count
            times[place[other], place[one]] += count
    plans = [_circle(times, len(days))]
    if times.any():
        plans.append(_least_met(times, len(days)))
    best = min(plans, key=lambda plan: _n_repeats(plan, times))
    names = np.array([*codes, None], dtype=object)  # -1 is nobody
    partner = pd.DataFrame(names[best.T], index=codes, columns=list(days), dtype=object)
    repeats = tuple(
        (codes[one], codes[other], day)
        for day, pairs in zip(days, _repeats(best, times), strict=True)
        for one, other in pairs
    )
    return PartnerPlan(partner.loc[list(mice)], repeats)


def _circle(times: np.ndarray, n_days: int) -> np.ndarray:
    """Return partners by day of the round robin (circle method), its least-met rounds first."""
    n_mice = len(times)
    n_circle = n_mice - 1 + n_mice % 2
    if n_mice < 2:
        return np.full((n_days, n_mice), -1)
    rounds = []
    for turn in range(n_circle):
        partner = (turn - np.arange(n_circle)) % n_circle
        alone = int(np.flatnonzero(partner == np.arange(n_circle))[0])
        partner[alone] = -1 if n_mice % 2 else n_circle
        rounds.append(partner if n_mice % 2 else np.append(partner, alone))
    chosen, now = [], times.copy()
    for _day in range(n_days):
        best = min(rounds, key=lambda partner: _cost(partner, now))
        chosen.append(best)
        _meet(best, now)
    return np.array(chosen).reshape(n_days, n_mice)


def _least_met(times: np.ndarray, n_days: int) -> np.ndarray:
    """Return partners by day, each day a perfect matching of least former meetings."""
    n_mice = len(times)
    one, other = np.triu_indices(n_mice, k=1)
    now, chosen = times.copy(), []
    members = coo_array(
        (np.ones(2 * len(one)), (np.concatenate([one, other]), np.tile(np.arange(len(one)), 2))),
        shape=(n_mice, len(one)),
    )
    for _day in range(n_days):
        found = milp(
            now[one, other] ** 2 * REPEAT - n_mice * REPEAT * 100,  # as many pairs as there can be, then the least met
            integrality=np.ones(len(one), dtype=int),
            bounds=Bounds(0, 1),
            constraints=[LinearConstraint(members.tocsr(), 0, 1)],
        )
        partner = np.full(n_mice, -1)
        if found.x is not None:
            taken = found.x > 0.5
            partner[one[taken]], partner[other[taken]] = other[taken], one[taken]
        chosen.append(partner)
        _meet(partner, now)
    return np.array(chosen).reshape(n_days, n_mice)


def _pairs(partner: np.ndarray) -> list[tuple[int, int]]:
    return [(one, other) for one, other in enumerate(partner.tolist()) if other > one]


def _cost(partner: np.ndarray, times: np.ndarray) -> int:
    return sum(int(times[pair]) ** 2 for pair in _pairs(partner))


def _meet(partner: np.ndarray, times: np.ndarray) -> None:
    for one, other in _pairs(partner):
        times[one, other] += 1
        times[other, one] += 1


def _repeats(plan: np.ndarray, times: np.ndarray) -> list[list[tuple[int, int]]]:
    """Return, for each day, the pairs that have met before it."""
    now, found = times.copy(), []
    for partner in plan:
        found.append([pair for pair in _pairs(partner) if now[pair]])
        _meet(partner, now)
    return found


def _n_repeats(plan: np.ndarray, times: np.ndarray) -> int:
    return sum(len(pairs) for pairs in _repeats(plan, times))
