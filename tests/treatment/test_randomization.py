"""Who gets which arm is chance, and as even as theory says; the same inputs give the same list.

What theory says stands beside each number. Seeds are fixed, so that no test fails by chance; tolerances are four
standard errors of what 2,000 draws estimate.
"""

from collections import Counter
from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pytest

from labdb.treatment.randomization import (
    BLOCKS,
    MINIMIZATION,
    SIMPLE,
    STRATIFIED,
    Design,
    Entrant,
    RandomizationError,
    draw,
    imbalances,
)

N_SEEDS = 2000
THREE = ("saline", "imipramine", "ketamine")


def mice(n: int, *levels: str) -> list[Entrant]:
    """n mice; each text of levels is one factor, whose letters take turns."""
    return [Entrant(f"M{at:03}", tuple(factor[at % len(factor)] for factor in levels)) for at in range(n)]


def shuffled(n: int, seed: int, *levels: str) -> list[Entrant]:
    rng = np.random.default_rng(seed)
    return [Entrant(f"M{at:03}", tuple(factor[rng.integers(len(factor))] for factor in levels)) for at in range(n)]


def design_of(method: str, **more: Any) -> Design:
    given = {
        BLOCKS: {"block_sizes": (3, 6)},
        STRATIFIED: {"block_sizes": (3, 6), "factors": ("cohort", "sex")},
        MINIMIZATION: {"factors": ("cohort", "sex")},
    }.get(method, {})
    return Design(**{"method": method, "arms": THREE, "ratio": (1, 1, 1), **given, **more})


def counts_over_seeds(entrants: list[Entrant], design: Design) -> np.ndarray:
    """Mice of each arm (column) for each seed (row)."""
    drawn = [Counter(draw(entrants, design, seed).arms) for seed in range(N_SEEDS)]
    return np.array([[counts[arm] for arm in design.arms] for counts in drawn])


def assert_close(measured: float, expected: float, standard_error: float) -> None:
    assert abs(measured - expected) < 4 * standard_error, f"{measured} against {expected}"


def test_simple_randomization_varies_as_the_multinomial():
    n, shares = 48, np.array([1, 1, 2]) / 4
    counts = counts_over_seeds(mice(n), design_of(SIMPLE, ratio=(1, 1, 2)))
    for arm, share in enumerate(shares):
        variance = n * share * (1 - share)
        assert_close(counts[:, arm].mean(), n * share, sqrt(variance / N_SEEDS))
        assert_close(counts[:, arm].var(ddof=1), variance, variance * sqrt(2 / N_SEEDS))
    covariance = np.cov(counts[:, 0], counts[:, 2])[0, 1]
    # Var of a covariance estimate of a bivariate normal: (s11 s22 + s12^2) / n, with 9, 12 and -6.
    assert_close(covariance, -n * shares[0] * shares[2], sqrt((9 * 12 + 36) / N_SEEDS))


def test_the_last_block_varies_as_the_hypergeometric_and_full_blocks_not_at_all():
    design = design_of(BLOCKS, block_sizes=(6,))
    assert counts_over_seeds(mice(42), design).var() == 0
    counts = counts_over_seeds(mice(46), design)  # seven blocks and 4 of 6: m (k/b) (1 - k/b) (b - m) / (b - 1)
    variance = 4 * (2 / 6) * (4 / 6) * (6 - 4) / (6 - 1)
    assert_close(counts[:, 1].mean(), 46 / 3, sqrt(variance / N_SEEDS))
    assert_close(counts[:, 1].var(ddof=1), variance, variance * sqrt(2 / N_SEEDS))
    assert np.ptp(counts, axis=1).max() == 2  # of one block: at most the two that an arm has in it


def test_every_order_of_a_block_is_equally_likely():
    orders = Counter(draw(mice(3), design_of(BLOCKS, block_sizes=(3,)), seed).arms for seed in range(N_SEEDS))
    assert len(orders) == 6
    for n in orders.values():
        assert_close(n / N_SEEDS, 1 / 6, sqrt(5 / 36 / N_SEEDS))


def test_either_block_size_begins_equally_often():
    first_six = [Counter(draw(mice(12), design_of(BLOCKS), seed).arms[:3]) for seed in range(N_SEEDS)]
    # A block of 3 has one of each; the first three of a block of 6 do with the chance 2 * 2 * 2 / C(6, 3) = 0.4.
    share = np.mean([len(three) == 3 for three in first_six])
    assert_close(share, 0.5 + 0.5 * 0.4, sqrt(0.7 * 0.3 / N_SEEDS))


def test_each_stratum_is_balanced_to_a_block_at_every_moment_and_in_its_ratio():
    design = design_of(STRATIFIED, ratio=(1, 1, 2), block_sizes=(4, 8))
    for seed in range(200):
        entrants = shuffled(61, seed, "abc", "xy")
        counts: dict[Any, Counter[str]] = {}
        for entrant, arm in zip(entrants, draw(entrants, design, seed).arms, strict=True):
            here = counts.setdefault(entrant.levels, Counter())
            here[arm] += 1
            # Within a block of 8 an arm of share 1 has at most 2, so no two such arms are further apart.
            assert abs(here["saline"] - here["imipramine"]) <= 2
            assert abs(here["ketamine"] / 2 - here["saline"]) <= 2


def test_minimization_of_one_factor_and_two_arms_is_the_biased_coin():
    """Efron, Biometrika 58, 403 (1971): with chance p of the better arm, an even number of mice is split into equal
    halves with the chance 1 - (1 - p) / p once the coin has been tossed often; p = 1 never differs by more than one."""
    design = Design(MINIMIZATION, ("saline", "ketamine"), (1, 1), ("cohort",), best_arm_probability=0.8)
    counts = counts_over_seeds(mice(40, "a"), design)
    assert_close(np.mean(counts[:, 0] == 20), 0.75, sqrt(0.75 * 0.25 / N_SEEDS))
    sure = replace(design, best_arm_probability=1.0)
    assert set(counts_over_seeds(mice(15, "a"), sure)[:, 0]) == {7, 8}


def test_minimization_keeps_factors_more_even_than_chance():
    """Of 4 factors with 2 to 3 levels, 36 mice in 3 arms: the largest difference of two arms in any level."""

    def largest(design: Design) -> float:
        found = []
        for seed in range(200):
            entrants = shuffled(36, seed, "ab", "xy", "pqr", "123")
            plain = [Entrant(one.mouse) for one in entrants] if design.method == SIMPLE else entrants
            drawn = draw(plain, design, seed)
            table = Counter(
                (factor, arm) for one, arm in zip(entrants, drawn.arms, strict=True) for factor in enumerate(one.levels)
            )
            levels = {factor for one in entrants for factor in enumerate(one.levels)}
            found.append(max(np.ptp([table[level, arm] for arm in THREE]) for level in levels))
        return float(np.mean(found))

    four = ("cohort", "sex", "cage", "tertile")
    simple = largest(design_of(SIMPLE))
    some = largest(design_of(MINIMIZATION, factors=four, best_arm_probability=0.8))
    sure = largest(design_of(MINIMIZATION, factors=four, best_arm_probability=1.0))
    assert sure < some < simple
    assert some < simple / 2
    assert sure < simple / 3


@pytest.mark.parametrize("measure", ["range", "variance"])
def test_minimization_gives_the_ratio(measure):
    design = design_of(MINIMIZATION, ratio=(1, 2, 3), factors=("cohort",), measure=measure, best_arm_probability=0.7)
    shares = counts_over_seeds(mice(24, "ab"), design) / 24
    # Each mouse has these chances, whichever comes first; minimized counts vary less than binomial ones.
    for arm, expected in enumerate((1 / 6, 1 / 3, 1 / 2)):
        assert_close(shares[:, arm].mean(), expected, sqrt(expected * (1 - expected) / 24 / N_SEEDS))


def test_the_imbalance_of_a_next_mouse_is_as_by_hand():
    """Pocock and Simon's range and variance, three arms, two factors.

    Female so far: 3, 2, 2; second cohort so far: 1, 2, 1. The next mouse is a female of the second cohort.
    Arm 1: sex 4, 2, 2 (range 2); cohort 2, 2, 1 (range 1): 3. Arm 2: 3, 3, 2 (1); 1, 3, 1 (2): 3. Arm 3: 3, 2, 3 (1);
    1, 2, 2 (1): 2. With weights 2 and 1: 5, 4, 3. Variances (ddof 1), times 3 * 2: arm 1 8 + 2; arm 2 2 + 8; arm 3
    2 + 2.
    """
    counts = [[3, 2, 2], [1, 2, 1]]
    assert imbalances(counts, [1, 1], "range") == [3, 3, 2]
    assert imbalances(counts, [2, 1], "range") == [5, 4, 3]
    assert imbalances(counts, [1, 1], "variance") == [10, 10, 4]
    for row in counts:
        after = np.array(row) + np.eye(3, dtype=int)
        assert imbalances([row], [1], "range") == np.ptp(after, axis=1).tolist()
        assert imbalances([row], [1], "variance") == pytest.approx(6 * after.var(axis=1, ddof=1))


def test_a_sure_minimization_gives_every_mouse_an_arm_of_least_imbalance():
    """Replayed from the list alone, by the definition."""
    entrants = shuffled(30, 5, "fm", "12")
    design = design_of(MINIMIZATION, best_arm_probability=1.0, factors=("sex", "cohort"))
    drawn = draw(entrants, design, 11).arms
    for at, entrant in enumerate(entrants):
        left = dict.fromkeys(THREE, 0)
        for factor, level in enumerate(entrant.levels):
            here = Counter(arm for one, arm in zip(entrants[:at], drawn, strict=False) if one.levels[factor] == level)
            for arm in THREE:
                after = [here[other] + (other == arm) for other in THREE]
                left[arm] += max(after) - min(after)
        assert left[drawn[at]] == min(left.values())


@pytest.mark.parametrize("method", [SIMPLE, BLOCKS, STRATIFIED, MINIMIZATION])
def test_late_entrants_leave_the_old_list_as_it_was(method):
    levels = ("abcd", "xy") if method in (STRATIFIED, MINIMIZATION) else ()
    all_mice, design = mice(40, *levels), design_of(method)
    whole = draw(all_mice, design, 7)
    for n in (24, 31, 39):
        assert draw(all_mice[:n], design, 7).arms == whole.arms[:n]
    assert draw(all_mice, design, 7) == whole
    assert draw(all_mice, design, 8).arms != whole.arms


def test_this_version_gives_these_lists_for_ever():
    """Stored seeds must give their lists in years: a change of any of these needs a new `ALGORITHM_VERSION`."""
    first = {"s": "saline", "i": "imipramine", "k": "ketamine"}
    known = {
        SIMPLE: "kikkksskksis",
        BLOCKS: "ikiksskisisk",
        STRATIFIED: "ikkiiskisssk",
        MINIMIZATION: "kksiisiskiik",
    }
    for method, letters in known.items():
        levels = ("ab", "x") if method in (STRATIFIED, MINIMIZATION) else ()
        assert list(draw(mice(12, *levels), design_of(method), 2025).arms) == [first[one] for one in letters], method


@pytest.mark.parametrize(
    ("entrants", "design", "said"),
    [
        (mice(2), design_of(BLOCKS), "more arms (3) than mice (2)"),
        ([*mice(6), Entrant("M000")], design_of(BLOCKS), "M000 would be drawn twice"),
        (mice(6), design_of(BLOCKS, block_sizes=(4,)), "A block of 4 cannot hold the ratio 1:1:1; use multiples of 3"),
        (mice(6), design_of(BLOCKS, block_sizes=()), "Choose the size of the blocks, such as 3"),
        (mice(6), design_of(SIMPLE, ratio=(1, 0, 1)), "whole number from 1 for each of the 3 arms"),
        (mice(6), design_of(SIMPLE, ratio=(1, 1)), "whole number from 1 for each of the 3 arms"),
        (mice(6), design_of(SIMPLE, arms=("saline",), ratio=(1,)), "needs two arms or more"),
        (mice(6), design_of(SIMPLE, arms=("saline", "saline"), ratio=(1, 1)), "saline is named twice"),
        (mice(6), design_of("coin"), "coin is no method; choose one of simple"),
        (mice(6), design_of(MINIMIZATION, factors=()), "Choose a factor"),
        (mice(6, "a"), design_of(SIMPLE, factors=("cohort",)), "Simple randomization balances no factor"),
        (mice(7, "aaaaaab", "x"), design_of(STRATIFIED), "The stratum b, x has one mouse"),
        (mice(6, "a"), design_of(STRATIFIED), "has not one level for each factor (cohort, sex)"),
        (mice(6, "a", "x"), design_of(MINIMIZATION, best_arm_probability=0.2), "0.2 is no chance of the best arm: enter 0.5 to 1"),
        (mice(6, "a", "x"), design_of(MINIMIZATION, weights=(1,)), "as the weight of each of the 2 factors"),
        (mice(6, "a", "x"), design_of(MINIMIZATION, measure="sum"), "sum is no measure of imbalance"),
    ],
)  # fmt: skip
def test_what_cannot_be_randomized_is_said(entrants, design, said):
    with pytest.raises(RandomizationError) as raised:
        draw(entrants, design, 1)
    assert said in str(raised.value)


def test_an_arm_that_chance_left_empty_is_said_and_never_returned():
    outcomes = set()
    for seed in range(60):
        try:
            outcomes.add(len(set(draw(mice(4), design_of(SIMPLE), seed).arms)))
        except RandomizationError as error:
            assert "By chance no mouse came into" in str(error)
            outcomes.add(0)
    assert outcomes == {0, 3}


def test_a_late_entrant_may_be_the_first_of_its_stratum():
    entrants = [*mice(6, "ab", "x"), Entrant("M900", ("c", "x"))]
    old = draw(entrants[:6], design_of(STRATIFIED), 3)
    assert draw(entrants, design_of(STRATIFIED), 3, n_before=6).arms[:6] == old.arms
