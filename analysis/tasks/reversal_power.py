"""Task `reversal_power`: how often the reversal test would find a reversal with other numbers of mice."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.kernels.calibration import reversal_power
from analysis.progress import Progress
from analysis.tasks import arm_comparisons, calibration
from analysis.tasks.calibration import COMPARISON, FEWEST_REPLICATES
from analysis.tasks.matrices import MATRIX
from analysis.tasks.task import Loaded, Parameter, Parameters, Task, whole_number
from labdb.colony.models import Study

SIZES = "4 6 8 12 16"
FEWEST_MICE, MOST_MICE, MOST_SIZES = 3, 100, 12
N_REPLICATES = 100  # for each n and reversal: a power of 80 % is known to 4 points
UNDONE = (0.3, 0.5, 1.0)


@dataclass(frozen=True)
class Inputs(calibration.Inputs):
    """What is simulated, and with how many mice in each of the three groups."""

    sizes: tuple[int, ...]


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read one region of one arm's comparison."""
    loaded = calibration.load(study, parameters)
    sizes = tuple(int(word) for word in parameters["n_per_arm"].split())
    return replace(loaded, inputs=Inputs(**vars(loaded.inputs), sizes=sizes))


def compute(inputs: Inputs, progress: Progress) -> pd.DataFrame:
    """Simulate every size."""
    shape = inputs.shape()
    progress.note(calibration.said_of(shape, inputs))
    return reversal_power(
        shape, inputs.sizes, UNDONE, n_replicates=inputs.n_replicates, seed=inputs.seed,
        progress=calibration.within(progress, inputs),
    )  # fmt: skip


def _sizes(study: Study, value: Any) -> str:
    words = str(value).replace(",", " ").split()
    wrong = [word for word in words if not word.isdecimal() or not FEWEST_MICE <= int(word) <= MOST_MICE]
    if wrong or not 1 <= len(words) <= MOST_SIZES:
        raise ValueError(
            f"{', '.join(wrong) or value or 'nothing'}: give 1 to {MOST_SIZES} whole numbers from {FEWEST_MICE} to "
            f"{MOST_MICE}, such as {SIZES}."
        )
    return " ".join(map(str, sorted({int(word) for word in words})))


TASK = Task(
    name="reversal_power",
    parameters={
        **COMPARISON,
        "n_per_arm": Parameter(SIZES, _sizes, "Mice in each of the control, susceptible and treated group."),
        "n_replicates": Parameter(
            N_REPLICATES, whole_number(FEWEST_REPLICATES), "Simulated studies for each size and each reversal."
        ),
        "seed": Parameter(0, whole_number(0), "Of the simulated studies."),
        "matrix": MATRIX,
    },
    missing=arm_comparisons.missing,
    load=load,
    compute=compute,
    store=calibration.store,
    is_on_request=True,
)
