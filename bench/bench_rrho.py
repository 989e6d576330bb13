"""CPU time of `rrho` on two lists of 25,000 genes at RRHO2's default step, maxima at single genes included.

The live reference is `scipy.stats.hypergeom.logsf` on some cells of the same map, scaled up to all of them.
"""

import statistics
import time
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from analysis.kernels.rrho import QUADRANTS, Rrho, rrho
from analysis.kernels.rrho_relabeling import relabeling_p

N_GENES, STEP = 25_000, 159
N_REPEATS = 5
REFERENCE_CELLS = 60
N_RELABELINGS = 50
TARGET_CPU_S = 0.4
R_RRHO_S, REDRIBBON_S = 54.0, 33.0  # R 4.2.2, the same size


def simulate() -> tuple[pd.Series, pd.Series]:
    """Two lists that oppose each other, as a reversal does."""
    noise = np.random.default_rng(1).normal(size=(3, N_GENES))
    genes = [f"g{number}" for number in range(N_GENES)]
    return pd.Series(noise[0] + noise[1], index=genes), pd.Series(noise[2] - 0.6 * noise[0], index=genes)


def scipy_cpu_s(answer: Rrho) -> float:
    """Seconds that all cells would take."""
    assert answer.overlap is not None
    counts = answer.overlap["up_down"]
    from_x, from_y = counts.index.to_numpy(dtype=int), counts.columns.to_numpy(dtype=int)
    cells = np.random.default_rng(2).integers(0, counts.shape, (REFERENCE_CELLS, 2))
    start = time.process_time()
    for row, column in cells:
        hypergeom.logsf(int(counts.to_numpy()[row, column]) - 1, N_GENES, from_x[row], from_y[column])
    n_cells = sum(answer.overlap[quadrant].size for quadrant in QUADRANTS)
    return (time.process_time() - start) * n_cells / REFERENCE_CELLS


def measure() -> list[dict[str, Any]]:
    """One row for the map beside each reference, one for its p-value."""
    x, y = simulate()
    answer = rrho(x, y, step=STEP)
    times = []
    for _ in range(N_REPEATS):
        start = time.process_time()
        rrho(x, y, step=STEP)
        times.append(time.process_time() - start)
    references = (
        (R_RRHO_S, "R's RRHO (recorded)"),
        (REDRIBBON_S, "RedRibbon (recorded)"),
        (scipy_cpu_s(answer), "scipy's hypergeom.logsf on the same cells (this run, scaled up)"),
    )
    what = f"rrho, {N_GENES:,} genes, step {STEP}, four quadrants and maxima"
    rows: list[dict[str, Any]] = [
        {
            "what": what,
            "measured": statistics.median(times),
            "unit": "s CPU",
            "reference": reference,
            "reference_what": reference_what,
            "target": TARGET_CPU_S,
        }
        for reference, reference_what in references
    ]
    pairs = [(x.to_numpy(), y.to_numpy())] * N_RELABELINGS
    start = time.process_time()
    relabeling_p(pairs)
    rows.append(
        {
            "what": f"rrho relabeling_p, {N_GENES:,} genes, {N_RELABELINGS} relabelings",
            "measured": time.process_time() - start,
            "unit": "s CPU",
            "reference": statistics.median(times) * N_RELABELINGS,
            "reference_what": "as many whole maps",
            "target": None,
        }
    )
    return rows


if __name__ == "__main__":
    for row in measure():
        print(row)
