"""Task `response`: did the re-test of each mouse show a response?"""

from dataclasses import dataclass

import pandas as pd

from analysis.current import current_run
from analysis.kernels.response import ResponseRule as KernelRule
from analysis.kernels.response import classify_response
from analysis.models import AnalysisRun, ResponseCall
from analysis.progress import Progress
from analysis.tasks import phenotype
from analysis.tasks.si_tests import included_tests, left_out, read_si_tests
from analysis.tasks.task import Loaded, Parameter, Parameters, Task, rows_of, rule_parameter, whole_number
from labdb.behavior.models import ResponseRule
from labdb.colony.models import Study

RESULT_COLUMNS = ["response", "delta_log_ratio", "reliable_change", "borderline", "reason"]


@dataclass(frozen=True)
class Inputs:
    """Both tests of each mouse that has both, ``before`` with its phenotype, and the rule."""

    before: pd.DataFrame
    after: pd.DataFrame
    rule: KernelRule
    rule_id: int


def missing(study: Study, parameters: Parameters) -> str:
    """Say why responses cannot be called yet."""
    before, after = parameters["before"], parameters["after"]
    if after <= before:
        return f"The re-test (number {after}) must come after the first test (number {before})."
    first = included_tests(study).filter(test_number=before)
    if not included_tests(study).filter(test_number=after, mouse__in=first.values("mouse")).exists():
        return f"{study} has no mouse with SI tests {before} and {after}; enter or import the re-tests."
    if _phenotype_run(study, before) is None:
        return f"No phenotype run of {study} on test {before} is current; run phenotype first."
    return ""


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read both tests, the current phenotype and the rule."""
    before = read_si_tests(study, parameters["before"])
    after = read_si_tests(study, parameters["after"])
    both = before.index.intersection(after.index)
    calls_run = _phenotype_run(study, parameters["before"])
    if calls_run is None:
        raise ValueError(missing(study, parameters))
    calls = dict(calls_run.results_run.phenotypecalls.order_by().values_list("mouse_id", "phenotype"))
    before = before.loc[both].assign(phenotype=pd.Series(calls, dtype=object))
    rule = ResponseRule.objects.get(name=parameters["rule"])
    notes = (*left_out(study, parameters["before"]), *left_out(study, parameters["after"]))
    return Loaded(Inputs(before, after.loc[both], rule.to_kernel(), rule.pk), reads=(calls_run,), notes=notes)


def compute(inputs: Inputs, progress: Progress) -> pd.DataFrame:
    """Call every re-tested mouse, and say in the log how many of each."""
    calls = classify_response(inputs.before, inputs.after, inputs.rule)
    counts = calls["response"].value_counts()
    progress.note(f"{len(calls)} re-tested mice: {', '.join(f'{n} {response}' for response, n in counts.items())}.")
    return calls


def store(run: AnalysisRun, inputs: Inputs, calls: pd.DataFrame) -> None:
    """Write one call a mouse."""
    rows = calls[RESULT_COLUMNS].assign(
        mouse_id=calls.index, before_id=inputs.before["si_test"], after_id=inputs.after["si_test"]
    )
    ResponseCall.objects.bulk_create(
        ResponseCall(study_id=run.study_id, run=run, rule_id=inputs.rule_id, **row) for row in rows_of(rows)
    )


def _phenotype_run(study: Study, test_number: int) -> AnalysisRun | None:
    return current_run(study, "phenotype", phenotype.TASK.scope({"test_number": test_number}))


TASK = Task(
    name="response",
    parameters={
        "rule": rule_parameter(ResponseRule, "Ratio 1 and reliable change"),
        "before": Parameter(1, whole_number(1), "Number of the first SI test.", asks_another_question=True),
        "after": Parameter(2, whole_number(2), "Number of the re-test.", asks_another_question=True),
    },
    missing=missing,
    load=load,
    compute=compute,
    store=store,
)
