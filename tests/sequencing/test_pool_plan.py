from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest

from labdb.sequencing.pool_plan import PoolDesign, PooledLibrary, deal, evenness, faults


def design(factors: tuple[str, ...], n_pools: int, meets: tuple[int, ...] = ()) -> PoolDesign:
    return PoolDesign(factors, tuple(f"P{n + 1}" for n in range(n_pools)), meets or tuple(range(n_pools)))


def libraries(**counts: int) -> list[PooledLibrary]:
    levels = [level for level, n in counts.items() for _ in range(n)]
    return [PooledLibrary(f"L{number}", (level,)) for number, level in enumerate(levels)]


def test_groups_and_regions_that_divide_are_dealt_exactly_even():
    some = [
        PooledLibrary(f"{group}-{region}-{number}", (group, region, f"batch {number % 4}"))
        for group, region, number in product(["control", "resilient", "saline", "ketamine"], ["PFC", "NAc"], range(8))
    ]
    how = design(("group", "region", "batch"), 4)
    pools = deal(some, how, seed=1)
    assert Counter(pools) == dict.fromkeys(how.pools, 16)
    assert [one.worst for one in evenness(some, how, pools)] == [0, 0, 0]


@pytest.mark.parametrize("counts", [{"a": 5, "b": 4, "c": 3}, {"a": 7, "b": 7, "c": 1}, {"a": 1, "b": 10}])
@pytest.mark.parametrize("n_pools", [2, 3, 4])
def test_the_first_factor_never_misses_its_share_by_a_whole_library(counts: dict[str, int], n_pools: int):
    some = libraries(**counts)
    how = design(("group",), n_pools)
    [group] = evenness(some, how, deal(some, how, seed=5))
    assert group.least <= group.worst < 1


def test_two_crossed_factors_come_out_as_even_as_the_best_of_all_deals():
    rng = np.random.default_rng(3)
    some = [PooledLibrary(f"L{n}", (str(rng.integers(2)), str(rng.integers(3)))) for n in range(10)]
    how = design(("group", "cage"), 2)

    def squares(inside: set[int]) -> tuple[float, float]:
        found = []
        for place in range(2):
            levels = Counter(one.levels[place] for one in some)
            has = Counter(some[n].levels[place] for n in inside)
            found.append(2 * sum((has[level] - n / 2) ** 2 for level, n in levels.items()))
        return found[0], found[1]

    best = min(squares(set(inside)) for inside in combinations(range(10), 5))
    pools = deal(some, how, seed=11)
    assert squares({n for n, pool in enumerate(pools) if pool == "P1"}) == best


def test_the_same_seed_deals_the_same_pools_and_another_one_others():
    some = libraries(a=20, b=20)
    how = design(("group",), 4)
    assert deal(some, how, seed=1) == deal(some, how, seed=1)
    assert deal(some, how, seed=1) != deal(some, how, seed=2)


def test_equal_indexes_are_kept_apart_at_the_cost_of_evenness():
    some = [PooledLibrary(f"L{n}", ("a" if n < 4 else "b",), f"IDX{n % 4}") for n in range(8)]
    how = design(("group",), 2)
    pools = deal(some, how, seed=2)
    for first, second in zip(range(4), range(4, 8), strict=True):
        assert pools[first] != pools[second]


def test_pools_that_meet_on_a_lane_share_no_index():
    some = [PooledLibrary(f"L{n}", ("a",), f"IDX{n % 4}") for n in range(8)]
    how = design(("group",), 4, meets=(0, 1, 0, 1))
    lanes = {"P1": 0, "P2": 1, "P3": 0, "P4": 1}
    pools = deal(some, how, seed=2)
    for first, second in zip(range(4), range(4, 8), strict=True):
        assert lanes[pools[first]] != lanes[pools[second]]


def test_what_cannot_be_dealt_is_said_before():
    assert faults([], design(("group",), 2)) == ["No library is left to be dealt into pools."]
    assert "3 pools are more than the 2 libraries" in faults(libraries(a=2), design(("group",), 3))[0]
    equal = [PooledLibrary(code, ("a",), "ACGT+TTAA") for code in ("L1", "L2", "L3")]
    [sentence] = faults(equal, design(("group",), 2))
    assert sentence.startswith("3 libraries have the index ACGT+TTAA (L1, L2, L3), and there are only 2 pools")
    with pytest.raises(ValueError, match="3 libraries have the index"):
        deal(equal, design(("group",), 2), seed=1)


def test_five_hundred_libraries_are_dealt_in_a_moment():
    rng = np.random.default_rng(1)
    some = [PooledLibrary(f"L{n}", tuple(str(rng.integers(4)) for _ in range(5))) for n in range(500)]
    how = design(("group", "region", "cohort", "cage", "batch"), 8)
    found = evenness(some, how, deal(some, how, seed=4))
    assert found[0].worst < 1
    assert max(one.worst for one in found) <= 1.5
