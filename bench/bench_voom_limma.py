"""CPU time of `voom_limma` on one region's size (16,000 genes, 35 samples, 8 contrasts) and on four regions.

The live reference is the work that no implementation can avoid: the same weighted least squares solved
gene by gene with LAPACK, on a sample of the genes, scaled up to all of them.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.differential_expression import voom, voom_limma

N_GENES = 16_000
N_SAMPLES = 35
N_REPEATS = 5
REFERENCE_GENES = 1_000
TARGET_CPU_S = 0.4
N_REGIONS = 4
TARGET_REGIONS_CPU_S = 1.5
R_LIMMA_ONE_CONTRAST_S = 2.3  # R 4.2.2, limma 3.54.1: 16,076 genes x 35 samples, one contrast
GROUPS = ("control", "susceptible", "resilient", "responder_a", "responder_b", "non_responder", "saline")
PAIRS = (
    ("susceptible", "control"),
    ("resilient", "control"),
    ("resilient", "susceptible"),
    ("responder_a", "saline"),
    ("responder_b", "saline"),
    ("non_responder", "saline"),
    ("responder_a", "responder_b"),
    ("saline", "susceptible"),
)


def simulate(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Negative binomial counts, seven groups of five in three pools, eight contrasts."""
    samples = [f"S{k:02d}" for k in range(N_SAMPLES)]
    size_factor = rng.lognormal(0, 0.2, N_SAMPLES)
    mean = np.exp(rng.normal(5, 1.5, N_GENES))[:, None] * size_factor
    dispersion = 0.05 + 1 / mean
    values = rng.poisson(mean * rng.gamma(1 / dispersion, dispersion))
    values = values[values.sum(axis=1) > 0]
    counts = pd.DataFrame(values, index=[f"g{k}" for k in range(len(values))], columns=samples)
    group = pd.Series([GROUPS[k % len(GROUPS)] for k in range(N_SAMPLES)], index=samples)
    pool = pd.Series([f"pool_{k * 3 // N_SAMPLES}" for k in range(N_SAMPLES)], index=samples)
    pools = pd.get_dummies(pool, dtype=float, drop_first=True)
    design = pd.get_dummies(group, dtype=float).join(pools)
    contrasts = pd.DataFrame({f"{a} - {b}": {a: 1.0, b: -1.0} for a, b in PAIRS}).fillna(0.0)
    return counts, design, contrasts


def fit_gene_by_gene(log2_cpm: np.ndarray, weights: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Solve the weighted least squares of one gene after another."""
    roots = np.sqrt(weights)
    return np.array(
        [
            np.linalg.lstsq(design * root[:, None], expression * root, rcond=None)[0]
            for expression, root in zip(log2_cpm, roots, strict=True)
        ]
    )


def cpu_seconds(work: Callable[[], object]) -> float:
    """Median CPU time of five calls, all threads counted."""
    times = []
    for _ in range(N_REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def measure() -> list[dict[str, Any]]:
    """Measure, as `make bench` prints it."""
    counts, design, contrasts = simulate(np.random.default_rng(35))
    voom_limma(counts, design, contrasts)  # imports and caches are warm in a worker
    measured = cpu_seconds(lambda: voom_limma(counts, design, contrasts))
    transform = voom(counts, design)
    chosen = slice(0, REFERENCE_GENES)
    log2_cpm, weights = transform.log2_cpm.to_numpy()[chosen], transform.weights.to_numpy()[chosen]
    gene_by_gene = cpu_seconds(lambda: fit_gene_by_gene(log2_cpm, weights, design.to_numpy()))
    what = f"voom_limma, {len(counts):,} genes x {N_SAMPLES} samples, {contrasts.shape[1]} contrasts"
    references = (
        (R_LIMMA_ONE_CONTRAST_S, "R limma, one contrast (recorded)"),
        (gene_by_gene * len(counts) / REFERENCE_GENES, "numpy lstsq gene by gene, the fit alone (this run)"),
    )
    regions = [(counts, design, contrasts), *(simulate(np.random.default_rng(seed)) for seed in range(1, N_REGIONS))]
    of_regions = cpu_seconds(lambda: [voom_limma(*region) for region in regions])
    rows: list[dict[str, Any]] = [
        {
            "what": what,
            "measured": measured,
            "unit": "s CPU",
            "reference": reference,
            "reference_what": reference_what,
            "target": TARGET_CPU_S,
        }
        for reference, reference_what in references
    ]
    rows.append(
        {
            "what": f"voom_limma, {N_REGIONS} regions, each of that size and fitted once",
            "measured": of_regions,
            "unit": "s CPU",
            "reference": R_LIMMA_ONE_CONTRAST_S * N_REGIONS,
            "reference_what": "R limma, one contrast, four times (recorded)",
            "target": TARGET_REGIONS_CPU_S,
        }
    )
    return rows


if __name__ == "__main__":
    for row in measure():
        print(row)
