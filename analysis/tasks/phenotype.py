"""Task `phenotype`: susceptible or resilient, by one SI test of each mouse."""

from dataclasses import dataclass

import pandas as pd

from analysis.kernels.phenotype import PhenotypeRule as KernelRule
from analysis.kernels.phenotype import classify_phenotype
from analysis.models import AnalysisRun, PhenotypeCall
from analysis.progress import Progress
from analysis.tasks.ratio_intervals import HIGH, LOW, TRACKS_DIGEST, Tracks, ratio_intervals, spans_cutoff, tracks_of
from analysis.tasks.si_tests import included_tests, left_out, read_si_tests
from analysis.tasks.task import Loaded, Parameter, Parameters, Task, rows_of, rule_parameter, whole_number
from labdb.behavior.models import PhenotypeRule
from labdb.colony.models import Study

RESULT_COLUMNS = [
    "si_ratio", LOW, HIGH, TRACKS_DIGEST, "corner_ratio", "phenotype", "distance_to_cutoff", "borderline", "spans_cutoff",
    "reason",
]  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """SI tests by mouse (primary keys), with ``si_test``; their tracks, for those that have both; and the rule."""

    tests: pd.DataFrame
    tracks: Tracks
    rule: KernelRule
    rule_id: int


def missing(study: Study, parameters: Parameters) -> str:
    """Say why phenotypes cannot be called yet."""
    number = parameters["test_number"]
    if included_tests(study).filter(test_number=number).exists():
        return ""
    if notes := left_out(study, number):
        return notes[0]
    return f"{study} has no SI test with number {number}; enter or import SI tests."


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read the tests, where their tracks are, and the rule."""
    rule = PhenotypeRule.objects.get(name=parameters["rule"])
    number = parameters["test_number"]
    tests = read_si_tests(study, number)
    inputs = Inputs(tests, tracks_of(tests), rule.to_kernel(), rule.pk)
    return Loaded(inputs, notes=left_out(study, number))


def compute(inputs: Inputs, progress: Progress) -> pd.DataFrame:
    """Call every mouse, say how sure its ratio is where there are tracks, and in the log how many of each."""
    calls = classify_phenotype(inputs.tests, inputs.rule)
    calls = pd.concat([calls, ratio_intervals(inputs.tests, inputs.tracks, progress)], axis=1)
    calls["spans_cutoff"] = spans_cutoff(calls)
    counts = calls["phenotype"].value_counts()
    progress.note(f"{len(calls)} mice: {', '.join(f'{n} {phenotype}' for phenotype, n in counts.items())}.")
    return calls


def store(run: AnalysisRun, inputs: Inputs, calls: pd.DataFrame) -> None:
    """Write one call a mouse."""
    rows = calls[RESULT_COLUMNS].assign(mouse_id=calls.index, si_test_id=inputs.tests["si_test"])
    PhenotypeCall.objects.bulk_create(
        PhenotypeCall(study_id=run.study_id, run=run, rule_id=inputs.rule_id, **row) for row in rows_of(rows)
    )


TASK = Task(
    name="phenotype",
    parameters={
        "rule": rule_parameter(PhenotypeRule, "Ratio below 1"),
        "test_number": Parameter(1, whole_number(1), "Which SI test of each mouse.", asks_another_question=True),
    },
    missing=missing,
    load=load,
    compute=compute,
    store=store,
)
