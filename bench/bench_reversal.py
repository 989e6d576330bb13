"""CPU time of `reversal_test` on one region of 16,000 genes, at the size of a paper and of the demo.

The live reference is the cross-fitted formula as it stands, one eigendecomposition per relabeling and
left-out mouse, on some of the relabelings, scaled up to all of them.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.reversal import reversal_test
from analysis.kernels.reversal_crossfit import literal_statistic
from analysis.kernels.reversal_design import N_RANDOM, drug_design, make_relabelings, stress_design
from analysis.kernels.reversal_inputs import read_samples
from analysis.kernels.reversal_weights import make_grams

N_GENES = 16_000
N_REPEATS = 3
REFERENCE_RELABELINGS = 50
REFERENCE_WHAT = "the formula as it stands, relabelings only, scaled up"
ARMS: dict[str, Any] = {"treated": "imipramine", "stress": "susceptible", "control": "control"}
# Mice by group, random relabelings where more than 5,000 exist, and at most so many seconds.
SIZES: dict[str, tuple[dict[str, int], int, float]] = {
    "5 control, 5 susceptible, 5 treated, 14 others": (
        {"control": 5, "susceptible": 5, "imipramine": 5, "a": 4, "b": 4, "c": 3, "d": 3},
        N_RANDOM,
        0.25,
    ),
    "8 control, 8 susceptible, 8 treated, 12 others": (
        {"control": 8, "susceptible": 8, "imipramine": 8, "a": 4, "b": 4, "c": 4},
        9_999,
        2.0,
    ),
    "demo: 8 control, 16 susceptible, 16 treated, 24 others": (
        {"control": 8, "susceptible": 16, "imipramine": 16, "ketamine": 16, "resilient": 8},
        N_RANDOM,
        8.0,
    ),
}


def simulate(rng: np.random.Generator, sizes: dict[str, int]) -> tuple[pd.DataFrame, pd.Series]:
    """Log2 expression with gene directions shared by mice, a stress signature and half of it undone."""
    groups = [group for group, size in sizes.items() for _ in range(size)]
    state = np.array([{"control": 0.0, "susceptible": 1.0}.get(group, 0.5) for group in groups])
    shared = rng.normal(0, 0.25, (N_GENES, 3)) @ rng.normal(size=(3, len(groups)))
    signature = np.where(rng.random((N_GENES, 1)) < 0.06, rng.normal(0, 0.6, (N_GENES, 1)), 0.0)
    noise = np.exp(rng.normal(-1, 0.3, (N_GENES, 1))) * rng.normal(size=(N_GENES, len(groups)))
    mice = [f"m{number:02d}" for number in range(len(groups))]
    values = rng.normal(5, 2, (N_GENES, 1)) + shared + signature * state + noise
    return pd.DataFrame(values, columns=mice), pd.Series(groups, index=mice)


def cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def literal_cpu_s(expression: pd.DataFrame, groups: pd.Series, n_random: int) -> float:
    """Seconds that all relabelings would take by the formula as it stands."""
    samples = read_samples(expression, groups, None, **ARMS)
    design = drug_design(samples)
    gram = make_grams(samples, design.residuals, stress_design(samples).residuals).test
    labels = make_relabelings(design, np.random.default_rng(0), max_exhaustive=5_000, n_random=n_random)
    some = labels[:REFERENCE_RELABELINGS]
    return cpu_s(lambda: [literal_statistic(gram, design, label) for label in some]) * len(labels) / len(some)


def measure() -> list[dict[str, Any]]:
    """One row per size."""
    rows = []
    for what, (sizes, n_random, target_cpu_s) in SIZES.items():
        expression, groups = simulate(np.random.default_rng(1), sizes)
        test = partial(reversal_test, expression, groups, n_random=n_random, **ARMS)
        n_relabelings = test().n_relabelings
        times = [cpu_s(test) for _ in range(N_REPEATS)]
        rows.append(
            {
                "what": f"reversal_test, {N_GENES:,} genes, {n_relabelings:,} relabelings; {what}",
                "measured": statistics.median(times),
                "unit": "s CPU",
                "reference": literal_cpu_s(expression, groups, n_random),
                "reference_what": REFERENCE_WHAT,
                "target": target_cpu_s,
            }
        )
    return rows


if __name__ == "__main__":
    for row in measure():
        print(row)
