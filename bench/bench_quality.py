"""Time of the quality of a study: 256 libraries x 22,000 genes.

The kernels are measured on the demo's counts, as the task calls them. The live reference is what no implementation can
avoid: log2 CPM of all genes, and the correlation of every two libraries.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.quality import QualityLimits
from analysis.kernels.quality_confounding import confounding_findings, confounding_table
from analysis.kernels.quality_findings import library_findings, measure_libraries
from labdb.demo.simulate import simulate_study, with_planted_errors

N_REPEATS = 3
TARGET_S = 25.0  # of the whole task
PLANTED_IN_LIBRARIES = 3  # the fourth error is an SI test


def measure() -> list[dict[str, Any]]:
    """Measure, as `make bench` prints it."""
    study = with_planted_errors(simulate_study())
    of = study.tissue.libraries
    labels = of[["mouse", "region", "pool", "run"]].assign(
        sex=of["mouse"].map(study.bench.mice["sex"]), group=of["mouse"].map(study.behavior.latent["phenotype"])
    )
    found = _findings(study.counts, study.genes["symbol"], labels)
    if len(found) != PLANTED_IN_LIBRARIES:
        raise AssertionError(f"{PLANTED_IN_LIBRARIES} errors are planted; found {[one.subject for one in found]}")
    measured = _seconds(lambda: _findings(study.counts, study.genes["symbol"], labels))
    reference = _seconds(lambda: _log_and_correlate(study.counts))
    return [
        {
            "what": f"quality, {len(study.counts):,} genes x {study.counts.shape[1]} libraries",
            "measured": measured,
            "unit": "s",
            "reference": reference,
            "reference_what": "log2 CPM and numpy corrcoef of all genes (this run)",
            "target": TARGET_S,
        }
    ]


def _findings(counts: pd.DataFrame, symbols: pd.Series, labels: pd.DataFrame) -> list[Any]:
    limits = QualityLimits()
    measured = measure_libraries(counts, symbols, labels["region"], limits)
    table = confounding_table(labels, {"group": "group"}, ["pool", "run"], [], limits)
    return [*library_findings(measured, labels, limits), *confounding_findings(table, limits)]


def _log_and_correlate(counts: pd.DataFrame) -> np.ndarray:
    values = counts.to_numpy(dtype=float)
    return np.corrcoef(np.log2((values + 0.5) / (values.sum(axis=0) + 1) * 1e6), rowvar=False)


def _seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(N_REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    for row in measure():
        print(row)
