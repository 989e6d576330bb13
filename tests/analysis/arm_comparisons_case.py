"""Comparisons of arms made by hand, without a database: what tasks on expression compute can be asked in a second."""

import numpy as np
import pandas as pd

from analysis.tasks.arm_comparisons import ArmComparisons
from tests.analysis.small_study import random_counts

SIZES = {"control": 6, "resilient": 6, "saline": 6, "imipramine": 6, "ketamine": 6}
RESPONDERS = {"saline": 3, "imipramine": 3, "ketamine": 3}  # of each arm, the first of its mice
STRESS_GENES = slice(0, 60)
OWN_GENES = slice(60, 90)  # of non-responders to imipramine
SHARED_GENES = slice(90, 120)  # of both drugs
KETAMINE_GENES = slice(120, 150)
N_GENES = 300


def make_comparisons(
    regions: tuple[str, ...] = ("PFC", "NAc"),
    *,
    sizes: dict[str, int] | None = None,
    responders: dict[str, int] | None = None,
    undone: dict[str, float] | None = None,
    seed: int = 3,
) -> ArmComparisons:
    """Stress moves 60 genes four-fold either way; drugs undo of it what is asked, in every mouse (imipramine all in PFC)."""
    sizes, responders = sizes or SIZES, RESPONDERS if responders is None else responders
    rng = np.random.default_rng(seed)
    rows, parts = [], []
    for number, region in enumerate(regions):
        fraction = undone or {"imipramine": 1.0 if number == 0 else 0.0, "ketamine": 0.5}
        direction = np.where(np.arange(60) % 2, 2.0, -2.0)  # log2
        for kind, n_mice in sizes.items():
            for at in range(n_mice):
                effect = np.zeros(N_GENES)
                is_responder = at < responders.get(kind, 0)
                if kind in ("saline", "imipramine", "ketamine"):
                    effect[STRESS_GENES] = direction * (1 - fraction.get(kind, 0.0))
                    if kind != "saline":
                        effect[SHARED_GENES] = 2.0
                    if kind == "ketamine":
                        effect[KETAMINE_GENES] = 2.0
                    if kind == "imipramine":
                        effect[OWN_GENES] = -1.0 if is_responder else 2.0
                elif kind == "resilient":
                    effect[150:200] = np.where(np.arange(50) % 2, 1.5, -1.5)
                rows.append(_library(kind, at, region, is_responder, kind in responders))
                parts.append(effect)
    counts = random_counts(rng, N_GENES, len(rows)).astype(float) * 2.0 ** np.array(parts).T
    libraries = pd.DataFrame(rows).set_index("code")
    return ArmComparisons(
        counts=pd.DataFrame(counts.astype(int), index=range(1, N_GENES + 1), columns=libraries.index),
        libraries=libraries, arms=("imipramine", "ketamine"), vehicles=("saline",), matrix_id=1,
        regions={region: number + 1 for number, region in enumerate(regions)},
    )  # fmt: skip


def _library(kind: str, at: int, region: str, is_responder: bool, is_tested: bool) -> dict[str, object]:
    is_stressed = kind in ("saline", "imipramine", "ketamine")
    response = ("responder" if is_responder else "non_responder") if is_stressed and is_tested else None
    spoken = "responder" if is_responder else "non-responder"
    outcome = {"saline": "susceptible", "control": "control", "resilient": "resilient"}.get(kind, f"{kind} {spoken}")
    mouse = list(SIZES).index(kind) * 100 + at
    return {
        "code": f"{kind[0]}{at}-{region}", "library": mouse * 10 + len(region), "mouse": mouse, "region": region,
        "region_id": 1, "pool": f"P{at % 2}", "arm": kind if is_stressed else None, "response": response,
        "outcome": outcome, "role": "control" if kind == "control" else "randomized susceptible" if is_stressed else "bystander",
    }  # fmt: skip
