"""Time to plan a rotation of 200 mice x 10 days x 220 aggressors, and how evenly hardness is shared out.

The reference for time is ten single assignments of that size, for evenness a rotation by shifting the aggressors.
"""

import statistics
import time
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from labdb.defeat.rotation import plan_rotation

N_MICE, N_AGGRESSORS, N_DAYS = 200, 220, 10
N_REPEATS = 5
TARGET_S = 5.0
WHAT = f"{N_MICE} mice x {N_DAYS} days x {N_AGGRESSORS} aggressors"


def measure() -> list[dict[str, Any]]:
    """One row for the time, one for the spread of summed hardness."""
    mice = [f"M{number:03}" for number in range(N_MICE)]
    aggressors = [f"A{number:03}" for number in range(N_AGGRESSORS)]
    hardness = np.random.default_rng(1).random(N_AGGRESSORS)
    by_code = dict(zip(aggressors, hardness.tolist(), strict=True))
    times, spreads = [], []
    for seed in range(N_REPEATS):
        start = time.perf_counter()
        rotation = plan_rotation(mice, aggressors, range(1, N_DAYS + 1), hardness=by_code, seed=seed)
        times.append(time.perf_counter() - start)
        met = set(zip(np.repeat(mice, N_DAYS), rotation.assignment.to_numpy().ravel(), strict=True))
        if len(met) < N_MICE * N_DAYS:
            raise AssertionError("a pair meets twice")
        spreads.append(rotation.spread)
    return [
        {
            "what": f"plan_rotation, {WHAT}", "measured": statistics.median(times), "unit": "s",
            "reference": ten_assignments_s(), "reference_what": "ten assignments, no more", "target": TARGET_S,
        },
        {
            "what": f"greatest less smallest summed hardness, {WHAT}", "measured": statistics.median(spreads),
            "unit": "of 10", "reference": shifted_spread(hardness), "reference_what": "aggressors shifted day by day",
            "target": None,
        },
    ]  # fmt: skip


def ten_assignments_s() -> float:
    costs = np.random.default_rng(2).random((N_DAYS, N_MICE, N_AGGRESSORS))
    start = time.perf_counter()
    for cost in costs:
        linear_sum_assignment(cost)
    return time.perf_counter() - start


def shifted_spread(hardness: np.ndarray) -> float:
    shift = (np.arange(N_MICE)[:, None] + np.arange(N_DAYS)) % N_AGGRESSORS
    return float(np.ptp(hardness[shift].sum(axis=1)))


if __name__ == "__main__":
    for row in measure():
        print(row)
