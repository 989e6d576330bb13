"""The order of a day of SI tests: who is tested when, in which arena, with which target behind the mesh.

Pure: codes in, frozen places out. The same seed, inputs and `ALGORITHM_VERSION` give the same day.

- **Order.** Systematic positions with a random offset, first over the groups, within a group over its cages: the k-th of
  a group's n mice lies at a random point of the k-th n-th part of the day. So no group is tested only early or only
  late, cage mates are spread as well, and which mouse comes when is chance. Arms are not known here, on purpose: who
  plans a day need not be unblinded for it.
- **Arenas.** With several boxes a turn is so many mice in a row; within it each mouse gets the box in which its group was
  least so far, ties by chance, so that no group has a box of its own.
- **Targets.** Never one that the mouse met in a bout, never the same in two boxes at once, if it can be none that it saw
  in an earlier test, and all used as evenly as these rules allow, uses earlier that day included. That is a flow of least
  cost, solved exactly as a linear program in whole numbers.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linear_sum_assignment, milp
from scipy.sparse import coo_array

from labdb.defeat.rotation_reasons import crowded, named

ALGORITHM_VERSION = "1"
KNOWN = 1e6  # the cost of a target that the mouse met: only where it is allowed, and there is no other
SEEN = 1e3  # of one that it saw behind the mesh before: more than any unevenness
JITTER = 1e-3  # between equals, chance decides


class DayError(ValueError):
    """There is no such day; `reasons` says why, a sentence each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = list(reasons)


@dataclass(frozen=True)
class DayMouse:
    """A mouse to be tested: its code, group and cage, the latter two empty where nothing is known."""

    code: str
    group: str
    cage: str


@dataclass(frozen=True)
class Place:
    """One mouse of the day.

    Attributes
    ----------
    order, turn : int
        From 1; mice of one turn are tested at once.
    knows_target : str
        Why the target is none that it never met: ``met`` in a bout, ``seen`` in a test, else empty.
    """

    mouse: str
    order: int
    turn: int
    arena: str
    target: str
    knows_target: str


def plan_day(
    mice: Sequence[DayMouse],
    arenas: Sequence[str],
    targets: Sequence[str],
    *,
    met: Collection[tuple[str, str]] = (),
    seen: Collection[tuple[str, str]] = (),
    used: Mapping[str, int] | None = None,
    may_know: bool = False,
    seed: int = 0,
) -> list[Place]:
    """Give every mouse its turn, its arena and its target.

    Parameters
    ----------
    mice : sequence of DayMouse
        Their order makes no difference, nor that of arenas and targets.
    met, seen : collection of (mouse, target)
        Pairs of a bout, and of an earlier SI test.
    used : mapping of str to int, optional
        How often a target was used that day already.
    may_know : bool
        Let a mouse have a target that it met, where there is no other for it.
    seed : int

    Returns
    -------
    list of Place
        In the order of the day.

    Raises
    ------
    DayError
        If there is no arena, or no target for everyone; it says for whom.
    ValueError
        If a code comes twice.
    """
    for what, codes in (("mouse", [mouse.code for mouse in mice]), ("arena", arenas), ("target", targets)):
        if len(set(codes)) < len(codes):
            raise ValueError(f"a {what} comes twice: {sorted(codes)}")
    if not mice:
        return []
    if not arenas:
        raise DayError(["No arena is chosen; choose the boxes that are used."])
    rng = np.random.default_rng(seed)
    order = _order(sorted(mice, key=lambda mouse: mouse.code), rng)
    boxes, known = sorted(arenas), sorted(targets)
    turns = [order[at : at + len(boxes)] for at in range(0, len(order), len(boxes))]
    arena_of = _arenas(turns, boxes, rng)
    target_of = _targets(turns, known, set(met), set(seen), used or {}, rng, may_know=may_know)
    places: list[Place] = []
    for number, turn in enumerate(turns, start=1):
        for mouse in turn:
            target = target_of[mouse.code]
            why = "met" if (mouse.code, target) in met else "seen" if (mouse.code, target) in seen else ""
            places.append(Place(mouse.code, len(places) + 1, number, arena_of[mouse.code], target, why))
    return places


def _order(mice: Sequence[DayMouse], rng: np.random.Generator) -> list[DayMouse]:
    groups: dict[str, list[DayMouse]] = defaultdict(list)
    for mouse in mice:
        groups[mouse.group].append(mouse)
    return _spread([_by_cage(groups[group], rng) for group in sorted(groups)], rng)


def _by_cage(mice: Sequence[DayMouse], rng: np.random.Generator) -> list[DayMouse]:
    cages: dict[tuple[str, str], list[DayMouse]] = defaultdict(list)
    for mouse in mice:
        cages[mouse.cage, "" if mouse.cage else mouse.code].append(mouse)  # without a cage, each by itself
    shuffled = [[some[at] for at in rng.permutation(len(some))] for _cage, some in sorted(cages.items())]
    return _spread(shuffled, rng)


def _spread(lists: Sequence[Sequence[DayMouse]], rng: np.random.Generator) -> list[DayMouse]:
    """Merge lists so that each keeps its own order and is spread evenly over the whole."""
    keyed = [
        (float(position), mouse)
        for some in lists
        for position, mouse in zip((np.arange(len(some)) + rng.random(len(some))) / len(some), some, strict=True)
    ]
    return [mouse for _position, mouse in sorted(keyed, key=lambda one: (one[0], one[1].code))]


def _arenas(turns: Sequence[Sequence[DayMouse]], arenas: Sequence[str], rng: np.random.Generator) -> dict[str, str]:
    count: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(arenas)))
    arena_of = {}
    for turn in turns:
        cost = np.array([count[mouse.group] for mouse in turn]) + JITTER * rng.random((len(turn), len(arenas)))
        rows, columns = linear_sum_assignment(cost)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            arena_of[turn[row].code] = arenas[column]
            count[turn[row].group][column] += 1
    return arena_of


def _targets(
    turns: Sequence[Sequence[DayMouse]],
    targets: Sequence[str],
    met: set[tuple[str, str]],
    seen: set[tuple[str, str]],
    used: Mapping[str, int],
    rng: np.random.Generator,
    *,
    may_know: bool,
) -> dict[str, str]:
    mice = [mouse.code for turn in turns for mouse in turn]
    turn_of = np.array([number for number, turn in enumerate(turns) for _mouse in turn])
    shape = (len(mice), len(targets))
    is_met = np.array([[(mouse, target) in met for target in targets] for mouse in mice], dtype=bool).reshape(shape)
    is_seen = np.array([[(mouse, target) in seen for target in targets] for mouse in mice], dtype=bool).reshape(shape)
    is_allowed = np.ones(shape, dtype=bool) if may_know else ~is_met
    if reasons := _why_not(mice, targets, turn_of, is_allowed, "" if may_know else " that they never met"):
        raise DayError(reasons)
    cost = KNOWN * is_met + SEEN * is_seen + JITTER * rng.random(shape)
    chosen = _least_cost(turn_of, cost, is_allowed, np.array([used.get(target, 0) for target in targets]))
    return {mouse: targets[at] for mouse, at in zip(mice, chosen.tolist(), strict=True)}


def _why_not(
    mice: Sequence[str], targets: Sequence[str], turn_of: np.ndarray, is_allowed: np.ndarray, which: str
) -> list[str]:
    """Return what rules the day out, a sentence each; empty when it can be filled, as every turn can by itself."""
    if not targets:
        return ["No aggressor can be a target that day: all rest, are retired or have not arrived; enter or wake one."]
    none = np.flatnonzero(~is_allowed.any(axis=1)).tolist()
    if none:
        have = "has" if len(none) == 1 else "have"
        return [
            f"{named([mice[row] for row in none])} {have} met all {len(targets)} mice that can be a target that day; add one, "
            "or allow a target that a mouse knows."
        ]
    reasons = []
    for turn in np.unique(turn_of).tolist():
        rows = np.flatnonzero(turn_of == turn)
        if crowd := crowded(is_allowed[rows]):
            group, few = crowd
            reasons.append(
                f"In turn {turn + 1} {named([mice[rows[row]] for row in group])} have only {named([targets[column] for column in few])} as a target"
                f"{which}: {len(few)} for {len(group)} mice at once; use fewer arenas, add a target, or try another seed."
            )
    return reasons


def _least_cost(turn_of: np.ndarray, cost: np.ndarray, is_allowed: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Return the target of each mouse: the least sum of squared uses, the costs of the pairs included.

    A flow from mice by turn and target to uses, so that the program is as easy as one without whole numbers; the k-th use
    of a target costs 2k - 1, which adds up to its square.
    """
    mouse, target = np.nonzero(is_allowed)
    n_mice, n_targets = is_allowed.shape
    n_pairs = len(mouse)
    use_target, use = (
        grid.ravel() for grid in np.meshgrid(np.arange(n_targets), np.arange(1, n_mice + 1), indexing="ij")
    )
    n_uses = len(use)
    price = np.concatenate([cost[mouse, target], 2.0 * (used[use_target] + use) - 1])
    pairs = np.arange(n_pairs)
    one_each = coo_array((np.ones(n_pairs), (mouse, pairs)), shape=(n_mice, n_pairs + n_uses))
    flow = coo_array(
        (
            np.concatenate([np.ones(n_pairs), -np.ones(n_uses)]),
            (np.concatenate([target, use_target]), np.arange(n_pairs + n_uses)),
        ),
        shape=(n_targets, n_pairs + n_uses),
    )
    at_once = coo_array(
        (np.ones(n_pairs), (turn_of[mouse] * n_targets + target, pairs)),
        shape=((int(turn_of.max()) + 1) * n_targets, n_pairs + n_uses),
    )
    found = milp(
        price,
        integrality=np.ones(len(price), dtype=int),  # which the program has by itself: no branch is ever needed
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(one_each.tocsr(), 1, 1),
            LinearConstraint(flow.tocsr(), 0, 0),
            LinearConstraint(at_once.tocsr(), -np.inf, 1),
        ],
        options={"mip_rel_gap": 0.0},
    )
    assert found.x is not None  # every turn can be filled, and uses are not limited
    chosen = np.full(n_mice, -1)
    is_taken = found.x[:n_pairs] > 0.5
    chosen[mouse[is_taken]] = target[is_taken]
    return chosen
