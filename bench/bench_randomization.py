"""Time to randomize 1,000 mice to 6 arms in 4 strata by every method.

The reference is a shuffle of the same list by NumPy, which balances nothing.
"""

import statistics
import time
from typing import Any

import numpy as np

from labdb.treatment.randomization import BLOCKS, METHODS, MINIMIZATION, STRATIFIED, Design, Entrant, draw

N_MICE, N_REPEATS = 1_000, 5
ARMS = tuple("ABCDEF")
SEXES, COHORTS = "FM", "12"
TARGET_S, MINIMIZATION_TARGET_S = 1.0, 5.0


def measure() -> list[dict[str, Any]]:
    """One row for each method."""
    return [_row(method) for method in METHODS]


def _row(method: str) -> dict[str, Any]:
    is_stratified = method in (STRATIFIED, MINIMIZATION)
    entrants = [
        Entrant(f"M{number:04}", (SEXES[number % 2], COHORTS[number // 2 % 2]) if is_stratified else ())
        for number in range(N_MICE)
    ]
    design = Design(
        method,
        ARMS,
        (1,) * len(ARMS),
        factors=("sex", "cohort") if is_stratified else (),
        block_sizes=(6, 12) if method in (BLOCKS, STRATIFIED) else (),
    )
    times = []
    for seed in range(N_REPEATS):
        start = time.perf_counter()
        drawn = draw(entrants, design, seed)
        times.append(time.perf_counter() - start)
        if len(drawn.by_mouse) < N_MICE:
            raise AssertionError("a mouse has no arm")
    return {
        "what": f"randomize {N_MICE:,} mice to {len(ARMS)} arms, 4 strata: {method}",
        "measured": statistics.median(times), "unit": "s", "reference": shuffle_s(), "reference_what": "a shuffle",
        "target": MINIMIZATION_TARGET_S if method == MINIMIZATION else TARGET_S,
    }  # fmt: skip


def shuffle_s() -> float:
    arms = np.repeat(ARMS, N_MICE // len(ARMS) + 1)[:N_MICE]
    start = time.perf_counter()
    np.random.default_rng(1).shuffle(arms)
    return time.perf_counter() - start


if __name__ == "__main__":
    for row in measure():
        print(row)
