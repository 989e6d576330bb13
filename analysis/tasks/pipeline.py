"""Task `pipeline`: all that a study has records for, in order, each as a run of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.models import AnalysisRun, RunStatus
from analysis.progress import STEP_PARTS, Progress
from analysis.standard_contrasts import propose
from analysis.tasks import (
    differential_expression,
    drug_genes,
    mouse_scores,
    outside_signature,
    phenotype,
    quality,
    resilience,
    response,
    reversal,
    rrho,
)
from analysis.tasks.matrices import chosen_matrix, missing_matrix
from analysis.tasks.task import Loaded, Parameters, Task
from labdb.colony.models import Study

STEPS: Sequence[Task] = (
    phenotype.TASK,
    response.TASK,
    quality.TASK,
    differential_expression.TASK,
    reversal.TASK,
    mouse_scores.TASK,
    resilience.TASK,
    drug_genes.TASK,
    rrho.TASK,
    outside_signature.TASK,
)
LATEST = {"matrix": ""}


@dataclass(frozen=True)
class Inputs:
    """The study (primary key); each step reads its own."""

    study_id: int


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read nothing: what a step needs may come from the step before."""
    return Loaded(Inputs(study.pk))


def compute(inputs: Inputs, progress: Progress) -> None:
    """Run every step that has what it needs; say which had not, and why."""
    study = Study.objects.get(pk=inputs.study_id)
    ended: list[AnalysisRun] = []
    for number, task in enumerate(STEPS):
        progress.show(*_place(number), task.name)
        parameters = task.resolve(study, {})
        if task is quality.TASK:  # it looks at the groups of the contrasts
            _propose_contrasts(study, progress)
        if why_not := task.missing(study, parameters):
            progress.note(f"{task.name} skipped: {why_not}")
            continue
        run = progress.run_step(task.name, number, len(STEPS))
        progress.stop_if_asked()
        progress.note(f"{task.name}: {_what_became_of(run)}")
        ended.append(run)
    if not ended:
        raise ValueError(f"{study} has no records that an analysis could start from; the log says what is missing.")
    if failed := [run for run in ended if run.status != RunStatus.DONE]:
        raise ValueError(" ".join(f"{run.task} (run {run.pk}) {run.status}: {run.reason}" for run in failed))


def _place(number: int) -> tuple[int, int]:
    return number * STEP_PARTS, len(STEPS) * STEP_PARTS


def _propose_contrasts(study: Study, progress: Progress) -> None:
    if missing_matrix(study, LATEST):
        return
    if proposed := propose(study, chosen_matrix(study, LATEST)):
        progress.note(f"The study had no contrasts; made: {', '.join(contrast.name for contrast in proposed)}.")


def _what_became_of(run: AnalysisRun) -> str:
    if run.status != RunStatus.DONE:
        return f"run {run.pk} {run.status}: {run.reason}"
    if run.same_as_id:
        return f"run {run.pk} done; nothing had changed since run {run.same_as_id}."
    return f"run {run.pk} done."


def store(run: AnalysisRun, inputs: Inputs, result: None) -> None:
    """Write nothing: each step has stored its own."""


TASK = Task(
    name="pipeline",
    parameters={},
    missing=lambda study, parameters: "",
    load=load,
    compute=compute,
    store=store,
    is_composite=True,
)
