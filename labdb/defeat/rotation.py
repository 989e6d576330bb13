"""Who meets whom on which day: an aggressor for every defeated mouse, a partner for every control.

Pure: codes and numbers in, frames out. Each day is an exact assignment (the Hungarian method) whose costs know what the
mice have been through; a day that cannot be filled that way is settled for all days at once by mixed-integer
programming, and where that is impossible too the reasons are said.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, linear_sum_assignment, milp
from scipy.sparse import coo_array, vstack

from labdb.defeat.rotation_reasons import RotationError, sure_reasons

ALGORITHM_VERSION = "1"
SWEEPS = 6  # over all days; the third changes next to nothing
MAX_SEARCH_S = 20.0  # for what no day by itself shows to be possible or impossible
JITTER = 0.02  # of the first draw, in units of hardness squared: another seed is another rotation
WEAR = 0.002  # the cost of one more use of an aggressor: spreads the work where hardness is indifferent


@dataclass(frozen=True)
class Rotation:
    """A plan of bouts.

    Attributes
    ----------
    assignment : pandas.DataFrame of str, shape (n_mice, n_days)
        Aggressor by mouse and day; no pair twice, no aggressor twice on a day.
    summed_hardness : pandas.Series of float, shape (n_mice,)
        Of all bouts of a mouse, those before the plan included.
    """

    assignment: pd.DataFrame
    summed_hardness: pd.Series

    @property
    def spread(self) -> float:
        """Greatest less smallest summed hardness."""
        return float(np.ptp(self.summed_hardness)) if len(self.summed_hardness) else 0.0


@dataclass(frozen=True)
class _Problem:
    """The same in numbers: rows are mice, columns aggressors, both in the order of their codes."""

    mice: list[str]
    aggressors: list[str]
    days: list[int]
    is_new: np.ndarray  # mice x aggressors: they have not met
    is_free: np.ndarray  # days x aggressors
    hardness: np.ndarray
    before: np.ndarray  # of each mouse
    goal: float  # of the summed hardness of every mouse
    rng: np.random.Generator = field(repr=False)


def plan_rotation(
    mice: Sequence[str],
    aggressors: Sequence[str],
    days: Sequence[int],
    *,
    met: Collection[tuple[str, str]] = (),
    unavailable: Collection[tuple[str, int]] = (),
    hardness: Mapping[str, float] | None = None,
    before: Mapping[str, float] | None = None,
    daily_goal: float | None = None,
    seed: int = 0,
) -> Rotation:
    """Give every mouse an aggressor it has not met on every day, hard and soft ones shared out evenly.

    Parameters
    ----------
    mice, aggressors : sequence of str
        Codes; their order makes no difference to the plan.
    days : sequence of int
        Days to plan; those that have happened are said by `met` and `before`.
    met : collection of (mouse, aggressor)
        Pairs that met before.
    unavailable : collection of (aggressor, day)
        Days on which an aggressor rests, is retired or fights elsewhere.
    hardness : mapping of str to float, optional
        By aggressor, 0 (soft) to 1 (hard); one without counts as 0.5.
    before : mapping of str to float, optional
        Summed hardness by mouse of the bouts that have happened; a mouse without has none.
    daily_goal : float, optional
        Hardness of the mean bout, so that cohorts are alike; by default the mean of these aggressors.
    seed : int
        The same seed, inputs and `ALGORITHM_VERSION` give the same plan.

    Returns
    -------
    Rotation

    Raises
    ------
    RotationError
        If there is no such plan; it says why.
    ValueError
        If a code or day comes twice.
    """
    for what, codes in (("mouse", mice), ("aggressor", aggressors), ("day", days)):
        if len(set(codes)) < len(codes):
            raise ValueError(f"a {what} comes twice: {sorted(codes, key=str)}")
    if not mice or not days:
        return Rotation(pd.DataFrame(index=list(mice), columns=list(days), dtype=object), pd.Series(dtype=float))
    problem = _read(mice, aggressors, days, met, unavailable, hardness or {}, before or {}, daily_goal, seed)
    if reasons := sure_reasons(problem.mice, problem.aggressors, problem.days, problem.is_new, problem.is_free):
        raise RotationError(reasons)
    chosen = _day_by_day(problem)
    if chosen is None:
        chosen = _all_at_once(problem)
    _even_out(problem, chosen)
    codes = np.array(problem.aggressors, dtype=object)[chosen]
    summed = problem.before + problem.hardness[chosen].sum(axis=1)
    return Rotation(
        pd.DataFrame(codes, index=problem.mice, columns=problem.days).loc[list(mice), list(days)],
        pd.Series(summed, index=problem.mice).loc[list(mice)],
    )


def _read(
    mice: Sequence[str],
    aggressors: Sequence[str],
    days: Sequence[int],
    met: Collection[tuple[str, str]],
    unavailable: Collection[tuple[str, int]],
    hardness: Mapping[str, float],
    before: Mapping[str, float],
    daily_goal: float | None,
    seed: int,
) -> _Problem:
    rows, columns, times = sorted(mice), sorted(aggressors), sorted(days)
    row_of, column_of = {code: at for at, code in enumerate(rows)}, {code: at for at, code in enumerate(columns)}
    time_of = {day: at for at, day in enumerate(times)}
    is_new = np.ones((len(rows), len(columns)), dtype=bool)
    for mouse, aggressor in met:
        if mouse in row_of and aggressor in column_of:
            is_new[row_of[mouse], column_of[aggressor]] = False
    is_free = np.ones((len(times), len(columns)), dtype=bool)
    for aggressor, day in unavailable:
        if aggressor in column_of and day in time_of:
            is_free[time_of[day], column_of[aggressor]] = False
    weight = np.array([hardness.get(code, 0.5) for code in columns])
    start = np.array([before.get(code, 0.0) for code in rows])
    mean = daily_goal if daily_goal is not None else float(weight.mean()) if len(weight) else 0.0
    goal = float(start.mean()) + len(times) * mean
    return _Problem(rows, columns, times, is_new, is_free, weight, start, goal, np.random.default_rng(seed))


def _day_by_day(problem: _Problem) -> np.ndarray | None:
    """Fill the days one after the other, the scarcest first; None when one cannot be filled any more."""
    n_mice, n_days = len(problem.mice), len(problem.days)
    chosen = np.full((n_mice, n_days), -1)
    is_left, summed = problem.is_new.copy(), problem.before.copy()
    uses = np.zeros(len(problem.aggressors))
    order = np.argsort(problem.is_free.sum(axis=1), kind="stable")
    for done, day in enumerate(order, start=1):
        due = problem.before.mean() + (problem.goal - problem.before.mean()) * done / n_days
        cost = (summed[:, None] + problem.hardness - due) ** 2 + WEAR * uses
        cost += JITTER * problem.rng.random(cost.shape)
        taken = _assign(cost, is_left & problem.is_free[day])
        if taken is None:
            return None
        chosen[:, day] = taken
        is_left[np.arange(n_mice), taken] = False
        summed += problem.hardness[taken]
        uses[taken] += 1
    return chosen


def _assign(cost: np.ndarray, is_allowed: np.ndarray) -> np.ndarray | None:
    """Return the cheapest allowed column of every row, each at most once; None when there is none."""
    try:
        return linear_sum_assignment(np.where(is_allowed, cost, np.inf))[1]
    except ValueError:  # scipy: "cost matrix is infeasible"
        return None


def _even_out(problem: _Problem, chosen: np.ndarray) -> None:
    """Assign each day anew beside all the others until no day makes the sums more even; none gets worse by it."""
    everyone = np.arange(len(problem.mice))
    is_left = problem.is_new.copy()
    for taken in chosen.T:
        is_left[everyone, taken] = False
    summed = problem.before + problem.hardness[chosen].sum(axis=1)
    for _sweep in range(SWEEPS):
        reached = _unevenness(problem, summed)
        for day in range(len(problem.days)):
            own = chosen[:, day].copy()
            is_left[everyone, own] = True
            others = summed - problem.hardness[own]
            uses = np.bincount(np.delete(chosen, day, axis=1).ravel(), minlength=len(problem.aggressors))
            cost = (others[:, None] + problem.hardness - problem.goal) ** 2 + WEAR * uses
            taken = _assign(cost, is_left & problem.is_free[day])
            assert taken is not None  # the present choice is allowed
            chosen[:, day] = taken
            is_left[everyone, taken] = False
            summed = others + problem.hardness[taken]
        if reached - _unevenness(problem, summed) < 1e-9:
            return


def _unevenness(problem: _Problem, summed: np.ndarray) -> float:
    return float(((summed - problem.goal) ** 2).sum())


def _all_at_once(problem: _Problem) -> np.ndarray:
    """Find any rotation at all, by mixed-integer programming over mouse, aggressor and day."""
    n_mice, n_days, n_aggressors = len(problem.mice), len(problem.days), len(problem.aggressors)
    mouse, day, aggressor = np.nonzero(problem.is_new[:, None, :] & problem.is_free[None, :, :])
    each_day = _counts(mouse * n_days + day, n_mice * n_days)  # a mouse has one bout a day
    no_twice = _counts(mouse * n_aggressors + aggressor, n_mice * n_aggressors)
    not_two = _counts(day * n_aggressors + aggressor, n_days * n_aggressors)
    at_most = vstack([no_twice, not_two])
    found = milp(
        problem.rng.random(len(mouse)) * 1e-3,
        integrality=np.ones(len(mouse), dtype=int),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(each_day.tocsr(), 1, 1), LinearConstraint(at_most.tocsr(), -np.inf, 1)],
        options={"time_limit": MAX_SEARCH_S, "mip_rel_gap": 1.0},
    )
    if found.x is None:
        is_proven = found.status == 2  # scipy.optimize.milp: infeasible; 1 is the time limit
        raise RotationError([_no_plan(problem, is_proven=is_proven)])
    chosen = np.full((n_mice, n_days), -1)
    is_taken = found.x > 0.5
    chosen[mouse[is_taken], day[is_taken]] = aggressor[is_taken]
    return chosen


def _counts(group: np.ndarray, n_groups: int) -> coo_array:
    return coo_array((np.ones(len(group)), (group, np.arange(len(group)))), shape=(n_groups, len(group)))


def _no_plan(problem: _Problem, *, is_proven: bool) -> str:
    size = f"{len(problem.mice)} mice, {len(problem.aggressors)} aggressors and {len(problem.days)} days"
    if is_proven:
        return (
            f"There is no rotation of {size} without a second meeting, though each day by itself could be filled; "
            "add an aggressor, or plan fewer days."
        )
    return f"No rotation of {size} was found within {MAX_SEARCH_S:.0f} s; add an aggressor, or plan fewer days."
