"""Which library goes into which pool: every group, region and batch as even over the pools as can be.

Pure: libraries and a generator in, pools out. The first factor comes first: it is dealt as evenly as whole libraries
allow, and an exchange that would make it worse is never taken; the others are as even as that leaves.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

ALGORITHM = "pools 1"  # another number wherever the same seed could deal otherwise
MOST_POOLS = 96
MOST_STARTS, FEWEST_STARTS = 12, 2  # deals that are improved by exchange; the best is taken
PAIRS_LOOKED_AT = 600_000  # of libraries, in one sweep of all starts: about a second of work
MOST_SWEEPS = 50
FIRST, CLASH = 1e4, 1e8  # weights: the first factor before all others, no equal index before everything

Whole = npt.NDArray[np.intp]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PooledLibrary:
    """A library that is to be dealt: its level of each factor, and its index (empty where it is not known)."""

    code: str
    levels: tuple[str, ...]
    index: str = ""


@dataclass(frozen=True)
class PoolDesign:
    """How libraries are dealt.

    Attributes
    ----------
    factors : tuple of str
        What is kept even, the most important first.
    pools : tuple of str
        Their names.
    meets : tuple of int
        By pool; pools of one number meet on a lane, so that no index may stand in both.
    """

    factors: tuple[str, ...]
    pools: tuple[str, ...]
    meets: tuple[int, ...]


@dataclass(frozen=True)
class Evenness:
    """How even one factor came out.

    Attributes
    ----------
    worst : float
        Libraries by which the farthest count of a level in a pool misses its fair share.
    least : float
        What it misses at least, because libraries are whole.
    """

    factor: str
    worst: float
    least: float


def faults(libraries: Sequence[PooledLibrary], design: PoolDesign) -> list[str]:
    """Return why these libraries cannot be dealt like this, each a sentence; empty where they can."""
    n_pools = len(design.pools)
    if not libraries:
        return ["No library is left to be dealt into pools."]
    found = []
    if n_pools > len(libraries):
        found.append(f"{n_pools} pools are more than the {len(libraries)} libraries; choose fewer pools.")
    if n_pools > MOST_POOLS:
        found.append(f"{n_pools} pools are more than {MOST_POOLS}; choose fewer pools.")
    sharing: dict[str, list[str]] = defaultdict(list)
    for one in libraries:
        if one.index:
            sharing[one.index].append(one.code)
    n_apart = len(set(design.meets))
    for index, codes in sharing.items():
        if len(codes) > n_apart:
            where = f"{n_apart} pool{'s' if n_apart > 1 else ''} that no lane brings together"
            found.append(
                f"{len(codes)} libraries have the index {index} ({', '.join(codes)}), and there are only {where}; "
                "give them other indexes or plan more pools."
            )
    return found


def deal(libraries: Sequence[PooledLibrary], design: PoolDesign, seed: int) -> list[str]:
    """Deal libraries into pools; the same libraries in the same order, design and seed give the same pools.

    Parameters
    ----------
    libraries : sequence of PooledLibrary
        Without `faults`.

    Returns
    -------
    list of str
        The pool of each library.

    Raises
    ------
    ValueError
        If the libraries have `faults`, or no deal was found in which no two equal indexes meet.
    """
    if wrong := faults(libraries, design):
        raise ValueError(" ".join(wrong))
    rng = np.random.default_rng(seed)
    table = _Table(libraries, design)
    best: tuple[float, Whole] | None = None
    for _start in range(_n_starts(len(libraries))):
        pools = table.improved(table.first_deal(rng), rng)
        cost = table.cost(pools)
        if best is None or cost < best[0] - 1e-6:
            best = cost, pools
    assert best is not None
    if table.has_clash(best[1]):
        raise ValueError("No deal was found that keeps equal indexes apart; plan more pools or fewer factors.")
    return [design.pools[pool] for pool in best[1]]


def _n_starts(n: int) -> int:
    return min(MOST_STARTS, max(FEWEST_STARTS, PAIRS_LOOKED_AT // n**2))


def evenness(libraries: Sequence[PooledLibrary], design: PoolDesign, pools: Sequence[str]) -> list[Evenness]:
    """Return how even each factor is over pools, and how even whole libraries allow."""
    sizes = Counter(pools)
    found = []
    for place, factor in enumerate(design.factors):
        levels = Counter(one.levels[place] for one in libraries)
        cells = Counter((one.levels[place], pool) for one, pool in zip(libraries, pools, strict=True))
        shares = {(level, pool): n * sizes[pool] / len(libraries) for level, n in levels.items() for pool in sizes}
        worst = max(abs(cells[cell] - share) for cell, share in shares.items())
        least = max(min(share - math.floor(share), math.ceil(share) - share) for share in shares.values())
        found.append(Evenness(factor, worst, least))
    return found


@dataclass(frozen=True)
class _Factor:
    """What is counted: the level of each library, where the pools lie in its table, the fair share, the weight."""

    levels: Whole
    bins: Whole
    share: Numbers
    weight: float

    def excess(self, pools: Whole) -> Numbers:
        counts = np.zeros(self.share.shape)
        np.add.at(counts, (self.levels, self.bins[pools]), 1.0)
        return np.asarray(counts - self.share)


class _Table:
    """Libraries as whole numbers, and the cost of a deal: the weighed squares of what each count misses."""

    def __init__(self, libraries: Sequence[PooledLibrary], design: PoolDesign) -> None:
        self.n, self.n_pools = len(libraries), len(design.pools)
        self.sizes = np.array([len(range(pool, self.n, self.n_pools)) for pool in range(self.n_pools)])
        own = np.arange(self.n_pools)
        self.codes = [
            pd.factorize(pd.Series(list(column)))[0] for column in zip(*(one.levels for one in libraries), strict=True)
        ]
        self.factors = []
        for place, levels in enumerate(self.codes):
            share = np.outer(np.bincount(levels), self.sizes / self.n)
            self.factors.append(_Factor(levels, own, share, FIRST if place == 0 else 1.0))
        indexes, _names = pd.factorize(pd.Series([one.index or f"none {one.code}" for one in libraries]))
        self.clash: _Factor | None = None
        if (np.bincount(indexes) > 1).any():
            shape = np.zeros((indexes.max() + 1, max(design.meets) + 1))
            self.clash = _Factor(indexes, np.array(design.meets), shape, CLASH)
            self.factors.append(self.clash)

    def first_deal(self, rng: np.random.Generator) -> Whole:
        """Deal one pool after the other, the libraries sorted by their levels: the first factor comes out even."""
        shuffled = rng.permutation(self.n)
        order = shuffled[np.lexsort([codes[shuffled] for codes in reversed(self.codes)])] if self.codes else shuffled
        pools = np.empty(self.n, dtype=np.intp)
        pools[order] = np.arange(self.n) % self.n_pools
        return pools

    def improved(self, pools: Whole, rng: np.random.Generator) -> Whole:
        """Exchange two libraries as long as that lowers the cost."""
        excess = [factor.excess(pools) for factor in self.factors]
        for _sweep in range(MOST_SWEEPS):
            is_better = False
            for one in rng.permutation(self.n):
                gain = self._gains(one, pools, excess)
                other = int(gain.argmin())
                if gain[other] < -1e-6:
                    self._exchange(one, other, pools, excess)
                    is_better = True
            if not is_better:
                break
        return pools

    def _gains(self, one: int, pools: Whole, excess: Sequence[Numbers]) -> Numbers:
        """Return by how much the cost changes when a library changes places with each other one."""
        change = np.zeros(self.n)
        for factor, over in zip(self.factors, excess, strict=True):
            mine, here, there = factor.levels[one], factor.bins[pools[one]], factor.bins[pools]
            others = factor.levels
            moved = over[others, here] - over[mine, here] + over[mine, there] - over[others, there]
            counts = (others != mine) & (there != here)
            change += np.where(counts, factor.weight * (2 * moved + 4), 0.0)
        return change

    def _exchange(self, one: int, other: int, pools: Whole, excess: Sequence[Numbers]) -> None:
        for factor, over in zip(self.factors, excess, strict=True):
            here, there = factor.bins[pools[one]], factor.bins[pools[other]]
            over[factor.levels[one], here] -= 1
            over[factor.levels[one], there] += 1
            over[factor.levels[other], there] -= 1
            over[factor.levels[other], here] += 1
        pools[one], pools[other] = pools[other], pools[one]

    def cost(self, pools: Whole) -> float:
        """Return the weighed sum of squares."""
        return float(sum(factor.weight * (factor.excess(pools) ** 2).sum() for factor in self.factors))

    def has_clash(self, pools: Whole) -> bool:
        """Whether two libraries of one index meet."""
        return self.clash is not None and bool((self.clash.excess(pools) > 1).any())
