"""Task `mouse_scores`: where each mouse lies between control and susceptible, in each region and for each arm."""

from dataclasses import dataclass

import pandas as pd

from analysis.current import current_run
from analysis.kernels.score import mouse_scores
from analysis.models import AnalysisRun, MouseReversalScore
from analysis.progress import Progress
from analysis.tasks import arm_comparisons
from analysis.tasks.arm_comparisons import TREATED, ArmComparisons
from analysis.tasks.matrices import MATRIX
from analysis.tasks.task import Loaded, Parameter, Parameters, Task, rows_of, whole_number
from labdb.colony.models import Study

SCORE_COLUMNS = ["score", "se", "low", "high", "reason"]
Scores = dict[tuple[str, str], pd.DataFrame]


@dataclass(frozen=True)
class Inputs:
    """The comparisons, the seed, and the current reversal (primary keys by region and arm) that they belong to."""

    comparisons: ArmComparisons
    seed: int
    reversals: dict[tuple[int, str], int]


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read the comparisons, and the reversals that the scores are shown with."""
    loaded = arm_comparisons.load(study, parameters)
    run = current_run(study, "reversal")
    reversals = {}
    if run is not None:
        rows = run.results_run.signaturereversals.filter(matrix_id=loaded.inputs.matrix_id, estimand="arm")
        reversals = {(region, arm): pk for pk, region, arm in rows.values_list("pk", "region_id", "arm")}
    reads = (*loaded.reads, run) if run and reversals else loaded.reads
    return Loaded(Inputs(loaded.inputs, parameters["seed"], reversals), reads, loaded.notes)


def compute(inputs: Inputs, progress: Progress) -> Scores:
    """Score the mice of every comparison."""
    comparisons = inputs.comparisons
    n_comparisons = len(comparisons.regions) * len(comparisons.arms)
    scores: Scores = {}
    for region in comparisons.regions:
        expression = comparisons.expression(region)
        for arm in comparisons.arms:
            progress.show(len(scores), n_comparisons, f"{region}, {arm}")
            scores[region, arm] = mouse_scores(
                expression,
                comparisons.groups(region, arm),
                treated=TREATED,
                pools=comparisons.pools(region),
                seed=inputs.seed,
            )
            found = int(scores[region, arm]["score"].notna().sum())
            progress.note(f"{region}, {arm}: {found} of {len(scores[region, arm])} mice have a score.")
    return scores


def store(run: AnalysisRun, inputs: Inputs, scores: Scores) -> None:
    """Write one row a mouse, region and arm."""
    comparisons = inputs.comparisons
    rows = []
    for (region, arm), frame in scores.items():
        libraries = comparisons.libraries.loc[frame.index]
        region_id = comparisons.regions[region]
        frame = frame[SCORE_COLUMNS].assign(
            library_id=libraries["library"], mouse_id=libraries["mouse"], group=libraries["outcome"]
        )
        rows += [
            MouseReversalScore(
                study_id=run.study_id, run=run, region_id=region_id, arm=arm,
                reversal_id=inputs.reversals.get((region_id, arm)), **row,
            )
            for row in rows_of(frame)
        ]  # fmt: skip
    MouseReversalScore.objects.bulk_create(rows, batch_size=2_000)


TASK = Task(
    name="mouse_scores",
    parameters={
        "seed": Parameter(0, whole_number(0), "Of the relabelings that ask whether there is a stress signature."),
        "matrix": MATRIX,
    },
    missing=arm_comparisons.missing,
    load=load,
    compute=compute,
    store=store,
)
