"""Type I error and power of the reversal test over simulated studies: 400 for each truth, at a stated seed.

The studies are those of the tables in `docs/statistics.md`: log2 values with gene directions shared by mice (20 % of the
variance), 6 % stress genes with effects of SD .45, gene SDs about .33. A rate is held to 5 % (a miss, to that of the
table) and 2.6 standard errors, which one rate in 200 exceeds by chance.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.calibration import ARM, RESPONDER, Scenario, calibrate
from analysis.kernels.study_shape import StudyShape

SEED = 9
N_REPLICATES = 400
N_RANDOM = 199  # relabelings, where more exist: as valid as all, and p moves in steps of .005
ALLOWED_ERRORS = 2.6
STRESS_SD_LOG2, STRESS_SHARE = 0.45, 0.06
GENE_SD_LOG2, GENE_SD_SPREAD, SHARED_SHARE, N_DIRECTIONS = 0.33, 0.35, 0.2, 3
GENES_OF_NULLS, GENES_OF_POWER = 2_000, 10_000  # the error does not depend on their number, the power does
NO_STRESS, INERT, DEEPENED = Scenario(has_stress=False), Scenario(state_sd=0.0), Scenario(undone=-0.3, state_sd=0.0)
UNEQUAL, UNRELATED = Scenario(), Scenario(off_target=1.0, state_sd=0.0)
WORDS = {
    NO_STRESS: "no effect at all", INERT: "inert drug", DEEPENED: "drug deepens stress by 30 %",
    UNEQUAL: "inert drug, mice differ in stress", UNRELATED: "unrelated drug",
}  # fmt: skip
BYSTANDERS = {"B1": 4, "B2": 4, "B3": 4, "B4": 4}


@dataclass(frozen=True)
class Design:
    """Mice by group, their runs, what is tried, and the power that the specification states.

    Attributes
    ----------
    pools : dict of str to tuple of int
        Mice of the group in each run; other groups take turns.
    power : dict of float to float
        Fraction undone -> percent found.
    n_of_table : int
        Studies behind that.
    """

    name: str
    sizes: dict[str, int]
    nulls: tuple[Scenario, ...]
    power: dict[float, float]
    pools: dict[str, tuple[int, ...]] | None = None
    n_of_table: int = 150


def _of(control: int, stress: int, treated: int, others: dict[str, int] | None = None) -> dict[str, int]:
    return {"C": control, "S": stress, "D": treated, **(BYSTANDERS if others is None else others)}


DESIGNS = (
    Design(
        "5/5/5", _of(5, 5, 5), (NO_STRESS, INERT, UNEQUAL, DEEPENED, UNRELATED), {0.3: 36.0, 0.5: 70.0, 1.0: 96.7}
    ),
    Design("5/3/3", _of(5, 3, 3), (INERT,), {0.5: 31.3}),
    Design("4/4/4", _of(4, 4, 4), (INERT,), {0.5: 44.0}),
    Design("8/8/8", _of(8, 8, 8), (INERT,), {0.3: 82.7}),
    Design("5/5/5, no others", _of(5, 5, 5, {}), (INERT,), {0.5: 30.7}),
    Design(
        "5/5/5 in 2 runs, S 4 1, D 1 4", _of(5, 5, 5), (INERT, NO_STRESS), {0.5: 45.2},
        {"S": (4, 1), "D": (1, 4), "C": (3, 2)}, 400,
    ),
    Design(
        "5/5/5 in 3 runs, S 2 2 1, D 1 2 2", _of(5, 5, 5), (INERT, NO_STRESS), {0.5: 53.0},
        {"S": (2, 2, 1), "D": (1, 2, 2), "C": (2, 2, 1)}, 400,
    ),
    Design(
        "7/7/7 in 4 runs, S 2 2 2 1, D 1 1 1 4", _of(7, 7, 7), (INERT,), {0.5: 88.0},
        {"S": (2, 2, 2, 1), "D": (1, 1, 1, 4), "C": (2, 2, 2, 1)}, 400,
    ),
)  # fmt: skip
RE_TESTED = Design("12 saline, 24 treated", {"C": 8, "S": 12, "D": 24, "R": 8, "K": 16}, (), {})
SELECTIONS = (0.0, 0.3, 0.5, 0.7)


def shape_of(design: Design, n_genes: int) -> StudyShape:
    """Return the study that is simulated."""
    rng = np.random.default_rng(SEED)
    names = [group for group, size in design.sizes.items() for _ in range(size)]
    mice = [f"m{number:03d}" for number in range(len(names))]
    sd = GENE_SD_LOG2 * np.exp(GENE_SD_SPREAD * rng.normal(size=n_genes))
    directions = rng.normal(size=(n_genes, N_DIRECTIONS)) * math.sqrt(SHARED_SHARE / N_DIRECTIONS)
    return StudyShape(
        groups=pd.Series(names, index=mice),
        pools=None if design.pools is None else pd.Series(list(_runs(design)), index=mice),
        treated="D",
        stress="S",
        control="C",
        noise_sd=sd * math.sqrt(1 - SHARED_SHARE),
        loadings=sd[:, None] * directions,
        signature_length=STRESS_SD_LOG2 * math.sqrt(STRESS_SHARE * n_genes),
    )


def _runs(design: Design) -> Iterator[str]:
    assert design.pools is not None
    n_runs = len(design.pools["S"])
    for group, size in design.sizes.items():
        given = design.pools.get(group)
        if given is None:
            yield from (f"run {number % n_runs}" for number in range(size))
        else:
            yield from (f"run {run}" for run, n in enumerate(given) for _ in range(n))


def measure(n_replicates: int = N_REPLICATES, tell: Callable[[dict[str, Any]], object] = print) -> list[dict[str, Any]]:
    """One row a truth; each is told as soon as it is known."""
    rows = []
    for row in _rows(n_replicates):
        tell(row)
        rows.append(row)
    return rows


def _rows(n_replicates: int) -> Iterator[dict[str, Any]]:
    for design in DESIGNS:
        shape = shape_of(design, GENES_OF_NULLS)
        for null in design.nulls:
            yield _error_row(design, WORDS[null], _rate(shape, null, ARM, n_replicates), n_replicates)
    shape = shape_of(RE_TESTED, GENES_OF_NULLS)
    for selection in SELECTIONS:
        rate = _rate(shape, Scenario(selection=selection), RESPONDER, n_replicates)
        yield _error_row(RE_TESTED, f"responders, inert drug, r = {selection:g}", rate, n_replicates)
    for design in DESIGNS:
        shape = shape_of(design, GENES_OF_POWER)
        for undone, stated in design.power.items():
            rate = _rate(shape, Scenario(undone=undone, state_sd=0.0), ARM, n_replicates)
            yield _miss_row(design, undone, rate, stated, n_replicates)


def _rate(shape: StudyShape, scenario: Scenario, test: str, n_replicates: int) -> float:
    """Percent of the studies that were called reversal."""
    table = calibrate(shape, [scenario], n_replicates=n_replicates, seed=SEED, n_random=N_RANDOM, tests=(test,))
    return 100 * float(table["rate"].iloc[0])


def _error(percent: float, n: int) -> float:
    return math.sqrt(percent * (100 - percent) / n)


def _error_row(design: Design, truth: str, rate: float, n: int) -> dict[str, Any]:
    return {
        "what": f"called reversal without one, {design.name}, {truth}, {n} studies",
        "measured": rate,
        "unit": "%",
        "reference": 5.0,
        "reference_what": "level of the test",
        "target": 5.0 + ALLOWED_ERRORS * _error(5.0, n),
    }


def _miss_row(design: Design, undone: float, rate: float, stated: float, n: int) -> dict[str, Any]:
    allowed = ALLOWED_ERRORS * math.hypot(_error(stated, n), _error(stated, design.n_of_table))
    return {
        "what": f"reversal missed, {design.name}, {100 * undone:.0f} % undone, {n} studies",
        "measured": 100 - rate,
        "unit": "%",
        "reference": 100 - stated,
        "reference_what": f"as stated, {design.n_of_table} studies",
        "target": 100 - stated + allowed,
    }


if __name__ == "__main__":
    measure()
