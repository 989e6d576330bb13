"""Task `calibration`: how often the reversal test errs, and how often it finds, in a study of just this shape."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.calibration_results import CalibrationRate
from analysis.kernels.calibration import N_REPLICATES, STANDARD, Progress, calibrate
from analysis.kernels.phenotype import CONTROL, SUSCEPTIBLE
from analysis.kernels.study_shape import StudyShape, learn_shape
from analysis.models import AnalysisRun
from analysis.progress import Progress as RunProgress
from analysis.tasks import arm_comparisons
from analysis.tasks.arm_comparisons import TREATED, ArmComparisons
from analysis.tasks.matrices import MATRIX
from analysis.tasks.task import Loaded, Parameter, Parameters, Task, rows_of, whole_number
from labdb.colony.models import Study
from labdb.tissue.models import BrainRegion
from labdb.treatment.arm_labels import arm_labels
from labdb.treatment.models import TreatmentArm

TRUTHS = STANDARD
FEWEST_REPLICATES = 10  # a rate of fewer says nothing
RATE_COLUMNS = [
    "undone", "selection", "has_stress", "test", "n_replicates", "n_answered", "n_called", "rate", "mc_error", "low",
    "high", "n_shown", "mean_fraction_undone", "coverage",
]  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """One region and arm of the comparisons, and how much is simulated."""

    comparisons: ArmComparisons
    region: str
    arm: str
    n_replicates: int
    seed: int

    @property
    def groups(self) -> pd.Series:
        """What each library of the region is."""
        return self.comparisons.groups(self.region, self.arm)

    def shape(self) -> StudyShape:
        """Learn what the study's simulated likes are made of."""
        return learn_shape(
            self.comparisons.expression(self.region), self.groups, treated=TREATED, stress=SUSCEPTIBLE, control=CONTROL,
            pools=self.comparisons.pools(self.region), seed=self.seed,
        )  # fmt: skip


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read one region of one arm's comparison."""
    loaded = arm_comparisons.load(study, parameters)
    comparisons = loaded.inputs
    region = _chosen(parameters["region"], list(comparisons.regions), "sequenced region", study)
    arm = _chosen(parameters["arm"], list(comparisons.arms), "drug arm", study)
    libraries = comparisons.libraries[comparisons.libraries["region"] == region]
    own = replace(
        comparisons,
        libraries=libraries,
        counts=comparisons.counts[list(libraries.index)],
        regions={region: comparisons.regions[region]},
    )
    inputs = Inputs(own, region, arm, parameters["n_replicates"], parameters["seed"])
    return Loaded(inputs, loaded.reads, loaded.notes)


def _chosen(asked: str, known: Sequence[str], what: str, study: Study) -> str:
    if not known:
        raise ValueError(f"{study} has no {what} to simulate.")
    if asked and asked not in known:
        raise ValueError(f"{asked} is not a {what} of {study}; there are: {', '.join(known)}.")
    return asked or known[0]


def compute(inputs: Inputs, progress: RunProgress) -> pd.DataFrame:
    """Simulate every null and every reversal."""
    shape = inputs.shape()
    progress.note(said_of(shape, inputs))
    return calibrate(
        shape, TRUTHS, n_replicates=inputs.n_replicates, seed=inputs.seed, progress=within(progress, inputs)
    )


def said_of(shape: StudyShape, inputs: Inputs) -> str:
    """Say what is simulated."""
    sizes = shape.groups.value_counts()
    named = ", ".join(f"{int(sizes.get(group, 0))} {group}" for group in (CONTROL, SUSCEPTIBLE, TREATED))
    others = int(len(shape.groups) - sum(sizes.get(group, 0) for group in (CONTROL, SUSCEPTIBLE, TREATED)))
    runs = f"{shape.pools.nunique()} sequencing runs" if shape.pools is not None else "one sequencing run"
    seen = "" if shape.signature_length > 0 else " No stress signature is seen, so none is simulated."
    return (
        f"{inputs.region}, {inputs.arm}: {named}, {others} others in {runs}; {100 * shape.shared_share:.0f} % of the "
        f"variance within groups is shared by genes.{seen} {inputs.n_replicates} studies a truth, seed {inputs.seed}."
    )


def within(progress: RunProgress, inputs: Inputs) -> Progress:
    """Return what tells a run how many studies are done."""

    def tell(done: int, total: int) -> None:
        progress.tick(done, total, f"{inputs.region}, {inputs.arm}: {done:,} of {total:,} simulated studies")

    return tell


def store(run: AnalysisRun, inputs: Inputs, rates: pd.DataFrame) -> None:
    """Write one row a truth and test."""
    sizes = inputs.groups.value_counts()
    own = {group: int(sizes.get(group, 0)) for group in (CONTROL, SUSCEPTIBLE, TREATED)}
    CalibrationRate.objects.bulk_create(
        _row(run, inputs, own, row) for row in rows_of(rates.assign(n_per_arm=rates.get("n_per_arm")))
    )


def _row(run: AnalysisRun, inputs: Inputs, own: dict[str, int], row: dict[str, Any]) -> CalibrationRate:
    planned = row["n_per_arm"]
    return CalibrationRate(
        study_id=run.study_id, run=run, region_id=inputs.comparisons.regions[inputs.region], arm=inputs.arm, n_per_arm=planned,
        n_control=planned or own[CONTROL], n_stress=planned or own[SUSCEPTIBLE], n_treated=planned or own[TREATED],
        **{name: row[name] for name in RATE_COLUMNS},
    )  # fmt: skip


def _region(study: Study, value: Any) -> str:
    regions = BrainRegion.objects.filter(tissue_samples__study=study).distinct().order_by("code")
    return _one_of(value, list(regions.values_list("code", flat=True)), f"region of {study}")


def _arm(study: Study, value: Any) -> str:
    vehicles = set(TreatmentArm.objects.filter(study=study, is_vehicle=True).values_list("pk", flat=True))
    called = [label for arm, label in arm_labels(study).items() if arm not in vehicles]
    return _one_of(value, called, f"drug arm of {study}")


def _one_of(value: Any, known: list[str], what: str) -> str:
    if value in ("", None):
        return ""
    if value not in known:
        raise ValueError(f"{value} is not a {what}; there are: {', '.join(known) or 'none yet'}.")
    return str(value)


COMPARISON = {
    "region": Parameter("", _region, "Code of a brain region; empty: the first.", asks_another_question=True),
    "arm": Parameter("", _arm, "A drug arm, as results call it; empty: the first.", asks_another_question=True),
}
TASK = Task(
    name="calibration",
    parameters={
        **COMPARISON,
        "n_replicates": Parameter(
            N_REPLICATES, whole_number(FEWEST_REPLICATES), "Simulated studies for each null and each reversal."
        ),
        "seed": Parameter(0, whole_number(0), "Of the simulated studies."),
        "matrix": MATRIX,
    },
    missing=arm_comparisons.missing,
    load=load,
    compute=compute,
    store=store,
    is_on_request=True,
)
