"""Task `pipeline`: all that a study has records for, in order, each as a run of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.models import AnalysisRun, RunStatus
from analysis.progress import Progress
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


@dataclass(frozen=True)
class Step:
    """A task, and the tasks whose results it reads: it waits for them, and for no other."""

    task: Task
    after: tuple[str, ...] = ()


_CALLS = (phenotype.TASK.name, response.TASK.name)
STEPS: Sequence[Step] = (
    Step(phenotype.TASK),
    Step(response.TASK, (phenotype.TASK.name,)),
    Step(quality.TASK, _CALLS),
    Step(differential_expression.TASK, _CALLS),
    Step(reversal.TASK, _CALLS),
    Step(mouse_scores.TASK, (*_CALLS, reversal.TASK.name)),
    Step(resilience.TASK, _CALLS),
    Step(drug_genes.TASK, _CALLS),
    Step(rrho.TASK, _CALLS),
    Step(outside_signature.TASK, _CALLS),
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
    """Run every step that has what it needs, side by side where workers are free; say which had not, and why."""
    study = Study.objects.get(pk=inputs.study_id)
    tasks = {step.task.name: step.task for step in STEPS}

    def has_what_it_needs(name: str) -> bool:
        if name == quality.TASK.name:  # it looks at the groups of the contrasts
            _propose_contrasts(study, progress)
        why_not = tasks[name].missing(study, tasks[name].resolve(study, {}))
        if why_not:
            progress.note(f"{name} skipped: {why_not}")
        return not why_not

    after = {step.task.name: step.after for step in STEPS}
    ended = progress.steps.side_by_side(after, has_what_it_needs, tell=lambda run: _tell(run, progress))
    if not ended:
        raise ValueError(f"{study} has no records that an analysis could start from; the log says what is missing.")
    if failed := [run for run in ended if run.status != RunStatus.DONE]:
        raise ValueError(" ".join(f"{run.task} (run {run.pk}) {run.status}: {run.reason}" for run in failed))


def _tell(run: AnalysisRun, progress: Progress) -> None:
    progress.note(f"{run.task}: {_what_became_of(run)}")


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
