"""Task `bring_up_to_date`: the stale runs of a study again, in order of dependence, each adopted before the next."""

from dataclasses import dataclass
from typing import Any

from analysis.models import Adoption, AnalysisRun, RunStatus
from analysis.progress import STEP_PARTS, Progress
from analysis.tasks.task import Loaded, Parameter, Parameters, Task
from labdb.colony.models import Study
from labdb.registry.permissions import may


@dataclass(frozen=True)
class Inputs:
    """The study (primary key), and the runs (primary keys) to compute again."""

    study_id: int
    runs: tuple[int, ...]


def _run_numbers(study: Study, value: Any) -> str:
    words = str(value or "").split()
    known = set(AnalysisRun.objects.filter(study=study).values_list("pk", flat=True))
    wrong = [word for word in words if not word.isdecimal() or int(word) not in known]
    if wrong:
        raise ValueError(
            f"{', '.join(wrong)}: not a run of {study}; give their numbers, or nothing for all that are stale."
        )
    return " ".join(words)


def missing(study: Study, parameters: Parameters) -> str:
    """Say that nothing is stale."""
    from analysis.refresh import stale_chain  # it knows all tasks, and this is one of them

    return "" if parameters["runs"] or stale_chain(study) else f"Nothing that counts in {study} is out of date."


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read which runs are to be computed again."""
    return Loaded(Inputs(study.pk, tuple(int(word) for word in parameters["runs"].split())))


def compute(inputs: Inputs, progress: Progress) -> None:
    """Compute each stale run again with its own parameters, and let the new one count before the next begins."""
    from analysis.refresh import adopt_in_place_of, stale_chain

    study, user = Study.objects.get(pk=inputs.study_id), progress.run.requested_by
    if user is not None and not may(user, "add", Adoption, study):
        raise ValueError(
            f"{user.get_username()} may not adopt results of {study}, and what is stale is only replaced by that."
        )
    chain = [found for found in stale_chain(study) if not inputs.runs or found.run.pk in inputs.runs]
    for number, found in enumerate(chain):
        progress.show(number * STEP_PARTS, len(chain) * STEP_PARTS, found.run.task)
        new = progress.steps.one(found.run.task, number, len(chain), found.run.parameters)
        progress.stop_if_asked()
        if new.status != RunStatus.DONE:
            raise ValueError(f"{new.task} (run {new.pk}) {new.status}: {new.reason} What reads it was left as it is.")
        adopt_in_place_of(found.run, new, found, user)
        progress.note(f"{new.task}: run {new.pk} counts in place of run {found.run.pk}.")
    if not chain:
        progress.note("Nothing is out of date any more.")


def store(run: AnalysisRun, inputs: Inputs, result: None) -> None:
    """Write nothing: each step has stored its own."""


TASK = Task(
    name="bring_up_to_date",
    parameters={"runs": Parameter("", _run_numbers, "Numbers of stale runs; empty: all that count and are stale.")},
    missing=missing,
    load=load,
    compute=compute,
    store=store,
    is_composite=True,
)
