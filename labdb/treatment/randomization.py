"""Who gets which arm, by chance: simple, permuted blocks, stratified, or minimization.

Pure: mice in their order, a design and a seed in; a frozen list out. The same mice, design, seed and
`ALGORITHM_VERSION` give the same list. Mice are drawn one after the other, and none that comes later touches an
earlier draw: a list that is drawn again with late entrants at its end begins with the old list, so blocks go on where
they stopped, and minimization counts those allocated.

Chance enters by nothing but the doubles of NumPy's PCG64 (`Generator.random`). The stream of that generator is
promised to stay as it is; that of `shuffle`, `choice` or `integers` is not (NumPy Enhancement Proposal 19).

Whoever analyses a study that was stratified or minimized adjusts for its factors, or the tests are too conservative
[3]_.

References
----------
.. [1] Pocock and Simon, Sequential treatment assignment with balancing for prognostic factors in the controlled
       clinical trial, Biometrics 31, 103-115 (1975).
.. [2] Kuznetsova and Tymofyeyev, Preserving the allocation ratio at every allocation with biased coin randomization
       and minimization in studies with unequal allocation, Stat Med 31, 701-723 (2012).
.. [3] Kahan and Morris, Improper analysis of trials randomised using stratified blocks or minimisation, Stat Med 31,
       328-340 (2012).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

ALGORITHM_VERSION = "1"
SIMPLE, BLOCKS, STRATIFIED, MINIMIZATION = "simple", "permuted blocks", "stratified", "minimization"
METHODS = (SIMPLE, BLOCKS, STRATIFIED, MINIMIZATION)
MEASURES = ("range", "variance")
MIN_STRATUM = 2  # one mouse has nobody to be balanced against


class RandomizationError(ValueError):
    """There is no such randomization; `reasons` says why, a sentence each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = list(reasons)


@dataclass(frozen=True)
class Entrant:
    """A mouse to be allocated: its code, and its level of each factor, in the order of the design's factors."""

    mouse: str
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Design:
    """How it is drawn.

    Attributes
    ----------
    arms, ratio : tuple
        Names of the arms; how many mice each gets for how many of the others (1, 1, 2), whole numbers.
    factors : tuple of str
        What is balanced; of stratified randomization and minimization.
    block_sizes : tuple of int
        Each a multiple of the sum of the ratio; which one a block has is chance, all alike.
    best_arm_probability : float
        Of minimization: how often a mouse gets the arm that leaves the least imbalance; 1 leaves only ties to chance.
    weights : tuple of int
        Of minimization, one for each factor; empty for 1 each. Whole numbers, so that ties are exact.
    measure : {"range", "variance"}
        Of minimization: of the counts of a factor's level over the arms.
    """

    method: str
    arms: tuple[str, ...]
    ratio: tuple[int, ...]
    factors: tuple[str, ...] = ()
    block_sizes: tuple[int, ...] = ()
    best_arm_probability: float = 0.8
    weights: tuple[int, ...] = ()
    measure: str = "range"

    @property
    def n_per_round(self) -> int:
        """The sum of the ratio: the smallest block."""
        return sum(self.ratio)


@dataclass(frozen=True)
class Drawn:
    """A list as drawn: mice in their order, and the arm of each."""

    mice: tuple[str, ...]
    arms: tuple[str, ...]
    algorithm_version: str = ALGORITHM_VERSION

    @property
    def by_mouse(self) -> dict[str, str]:
        """The arm of each mouse."""
        return dict(zip(self.mice, self.arms, strict=True))


def draw(entrants: Sequence[Entrant], design: Design, seed: int, *, n_before: int = 0) -> Drawn:
    """Give every mouse an arm.

    Parameters
    ----------
    entrants : sequence of Entrant
        In the order in which they are drawn: late ones at the end.
    n_before : int
        How many of them were drawn before, as the head of this list: a stratum that only a late entrant is in is no
        error, since the list that it continues is stored.

    Raises
    ------
    RandomizationError
        The design or the mice cannot be randomized so, or chance left an arm without mice.
    """
    if reasons := [*design_faults(design), *entrant_faults(entrants, design, n_before)]:
        raise RandomizationError(reasons)
    rng = np.random.Generator(np.random.PCG64(seed))
    numbers = list(_DRAWS[design.method](entrants, design, rng))
    if empty := [arm for number, arm in enumerate(design.arms) if number not in numbers]:
        raise RandomizationError(
            [
                f"By chance no mouse came into {_listed(empty)}: with {len(entrants)} mice for {len(design.arms)} arms, "
                "use permuted blocks, or leave out an arm."
            ]
        )
    return Drawn(tuple(one.mouse for one in entrants), tuple(design.arms[number] for number in numbers))


def design_faults(design: Design) -> Iterator[str]:
    """Yield what is wrong with a design, whatever the mice."""
    if design.method not in METHODS:
        yield f"{design.method} is no method; choose one of {', '.join(METHODS)}."
    if len(design.arms) < 2:
        yield "Randomization needs two arms or more; choose them."
        return
    if twice := [arm for arm, n in Counter(design.arms).items() if n > 1]:
        yield f"{_listed(twice)} is named twice; choose each arm once."
    if len(design.ratio) != len(design.arms) or not all(share >= 1 for share in design.ratio):
        yield f"The ratio needs a whole number from 1 for each of the {len(design.arms)} arms, such as 1:1:2."
    elif design.method in (BLOCKS, STRATIFIED):
        yield from _block_faults(design)
    if design.method in (STRATIFIED, MINIMIZATION) and not design.factors:
        yield f"Choose a factor: {design.method} randomization balances something, such as the cohort."
    if design.method in (SIMPLE, BLOCKS) and design.factors:
        yield f"{design.method.capitalize()} randomization balances no factor; choose another method, or no factor."
    if design.method == MINIMIZATION:
        yield from _minimization_faults(design)


def _block_faults(design: Design) -> Iterator[str]:
    if not design.block_sizes:
        yield f"Choose the size of the blocks, such as {design.n_per_round}."
    for size in design.block_sizes:
        if size < 1 or size % design.n_per_round:
            yield (
                f"A block of {size} cannot hold the ratio {':'.join(map(str, design.ratio))}; "
                f"use multiples of {design.n_per_round}, such as {design.n_per_round} and {2 * design.n_per_round}."
            )


def _minimization_faults(design: Design) -> Iterator[str]:
    if design.measure not in MEASURES:
        yield f"{design.measure} is no measure of imbalance; choose one of {', '.join(MEASURES)}."
    if not 0.5 <= design.best_arm_probability <= 1:
        yield (
            f"{design.best_arm_probability:g} is no chance of the best arm: enter 0.5 to 1 (only ties are left to "
            "chance), such as 0.8."
        )
    if design.weights and (len(design.weights) != len(design.factors) or not all(w >= 1 for w in design.weights)):
        yield f"Enter a whole number from 1 as the weight of each of the {len(design.factors)} factors, or none."


def entrant_faults(entrants: Sequence[Entrant], design: Design, n_before: int = 0) -> Iterator[str]:
    """Yield what keeps these mice from being randomized so."""
    if len(entrants) < len(design.arms):
        yield (
            f"There are more arms ({len(design.arms)}) than mice ({len(entrants)}), so that an arm would stay without "
            "mice; choose fewer arms, or more mice."
        )
    if twice := [mouse for mouse, n in Counter(one.mouse for one in entrants).items() if n > 1]:
        yield f"{_listed(twice)} would be drawn twice; name each mouse once."
    if odd := [one.mouse for one in entrants if len(one.levels) != len(design.factors)]:
        yield f"{_listed(odd)} has not one level for each factor ({_listed(design.factors)})."
    elif design.method == STRATIFIED and not n_before:
        sizes = Counter(one.levels for one in entrants)
        for levels in sorted(levels for levels, n in sizes.items() if n < MIN_STRATUM):
            yield (
                f"The stratum {', '.join(levels)} has one mouse, which balances nothing; leave out a factor, or use "
                "minimization, which balances each factor by itself."
            )


def _simple(entrants: Sequence[Entrant], design: Design, rng: np.random.Generator) -> Iterator[int]:
    return (_pick(design.ratio, rng) for _entrant in entrants)


def _blocks(entrants: Sequence[Entrant], design: Design, rng: np.random.Generator) -> Iterator[int]:
    """Permuted blocks, a sequence of its own in every stratum; without factors there is one stratum."""
    rest: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for entrant in entrants:
        block = rest[entrant.levels]
        if not block:
            size = design.block_sizes[_below(len(design.block_sizes), rng)]
            times = size // design.n_per_round
            block.extend(arm for arm, share in enumerate(design.ratio) for _one in range(times * share))
            shuffle(block, rng)
        yield block.pop()


def _minimized(entrants: Sequence[Entrant], design: Design, rng: np.random.Generator) -> Iterator[int]:
    """Minimization over as many equal places as the ratio sums to, each of which belongs to an arm.

    An arm of share 2 has two places. So every mouse has the chances of the ratio, whichever comes first [2]_;
    dividing counts by shares would favor the large arms at the start. In an equal ratio the places are the arms.
    """
    arm_of = [arm for arm, share in enumerate(design.ratio) for _place in range(share)]
    weights = design.weights or (1,) * len(design.factors)
    counts: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0] * len(arm_of))
    for entrant in entrants:
        rows = [counts[factor] for factor in enumerate(entrant.levels)]
        totals = imbalances(rows, weights, design.measure)
        least = min(totals)
        best = [place for place, total in enumerate(totals) if total == least]
        place = best[_below(len(best), rng)]
        if rng.random() >= design.best_arm_probability:
            others = [other for other in range(len(arm_of)) if other != place]
            place = others[_below(len(others), rng)]
        for row in rows:
            row[place] += 1
        yield arm_of[place]


def imbalances(counts: Sequence[Sequence[int]], weights: Sequence[int], measure: str) -> list[int]:
    """Return the weighted imbalance that giving the next mouse to each arm would leave [1]_.

    Parameters
    ----------
    counts : sequence of sequences of int
        For each factor, the mice of each arm so far that have the level of the next mouse.
    weights : sequence of int
        Of the factors.
    measure : {"range", "variance"}
        Of the counts over the arms. The variance is multiplied by n (n - 1) of n arms: whole numbers tie exactly.
    """
    of_row = _ranges if measure == "range" else _variances
    rows = [of_row(row) for row in counts]
    return [sum(weight * row[arm] for weight, row in zip(weights, rows, strict=True)) for arm in range(len(rows[0]))]


def _ranges(row: Sequence[int]) -> list[int]:
    most, least = max(row), min(row)
    is_only_least = sum(n == least for n in row) == 1
    return [max(most, n + 1) - (least + (is_only_least and n == least)) for n in row]


def _variances(row: Sequence[int]) -> list[int]:
    squares, total, n_arms = sum(n * n for n in row), sum(row) + 1, len(row)
    return [n_arms * (squares + 2 * n + 1) - total * total for n in row]


def _pick(ratio: Sequence[int], rng: np.random.Generator) -> int:
    """Return an arm by its share of the ratio."""
    point = _below(sum(ratio), rng)
    return next(arm for arm, bound in enumerate(accumulate(ratio)) if point < bound)


def _below(n: int, rng: np.random.Generator) -> int:
    return int(rng.random() * n)


def shuffle(block: list[Any], rng: np.random.Generator) -> None:
    """Exchange each place, from the last, with one at or before it (Fisher and Yates), by doubles alone."""
    for last in range(len(block) - 1, 0, -1):
        other = _below(last + 1, rng)
        block[last], block[other] = block[other], block[last]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(list(names)[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


_DRAWS = {SIMPLE: _simple, BLOCKS: _blocks, STRATIFIED: _blocks, MINIMIZATION: _minimized}
