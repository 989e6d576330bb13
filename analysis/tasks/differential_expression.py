"""Task `differential_expression`: every gene, in every contrast and region, by limma-voom."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.design_frame import read_libraries
from analysis.kernels.counts import filter_by_expression
from analysis.kernels.differential_expression import voom_limma
from analysis.models import AnalysisRun, Contrast, GeneResult
from analysis.progress import Progress
from analysis.quality_warnings import confounding_warnings
from analysis.tasks.expression_design import Question, answerable, by_model, make_design
from analysis.tasks.matrices import MATRIX, chosen_matrix, counts_by_code, missing_matrix, refuse_repeated_mice
from analysis.tasks.task import Loaded, Parameter, Parameters, Task, name_in_study
from labdb.colony.models import Study
from labdb.registry.history import copy_numbers_into
from labdb.treatment.arm_labels import former_labels

RESULT_COLUMNS = ["log2_fold_change", "average_expression", "t", "p_value", "adj_p_value"]


@dataclass(frozen=True)
class Inputs:
    """Counts (gene primary keys x library codes), what is known of the libraries, and the questions."""

    counts: pd.DataFrame
    libraries: pd.DataFrame
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Answer:
    """One contrast in one region: genes x `RESULT_COLUMNS`."""

    contrast_id: int
    region_id: int
    genes: pd.DataFrame


def missing(study: Study, parameters: Parameters) -> str:
    """Say why nothing can be compared yet."""
    if not Contrast.objects.filter(study=study).exists():
        return f"{study} has no contrasts; define at least one."
    return missing_matrix(study, parameters)


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read counts, libraries and contrasts."""
    contrasts = Contrast.objects.filter(study=study).select_related("region").order_by("name")
    if parameters["contrast"]:
        contrasts = contrasts.filter(name=parameters["contrast"])
    labels = former_labels(study)
    questions, refusals = answerable([Question.of(contrast, labels) for contrast in contrasts])
    fields = {field for question in questions for field in question.fields}
    matrix = chosen_matrix(study, parameters)
    libraries = read_libraries(study, matrix, sorted(fields))
    if libraries.frame.empty:
        raise ValueError(f"No library of {matrix} leads to one mouse and one region; link libraries to tissue samples.")
    counts = counts_by_code(matrix, libraries.frame["library"])
    groupings = dict.fromkeys(question.group_by for question in questions)
    warnings = [warning for grouping in groupings for warning in confounding_warnings(study, grouping)]
    notes = (f"Counts: {matrix}.", *libraries.notes, *refusals, *warnings)
    return Loaded(Inputs(counts, libraries.frame, questions), libraries.runs, notes)


def compute(inputs: Inputs, progress: Progress) -> list[Answer]:
    """Fit each region once per way of grouping, and answer all of its contrasts from that fit."""
    fits = list(_fits(inputs))
    answers: list[Answer] = []
    refusals: list[str] = []
    for number, (region, questions) in enumerate(fits):
        progress.show(number, len(fits), f"{region}: {len(questions)} contrasts")
        try:
            answers += _answer(inputs, region, questions, progress, refusals)
        except ValueError as error:  # of this region; the others may still be answered
            refusals.append(str(error) if str(error).startswith(region) else f"{region}: {error}")
    for refusal in refusals:
        progress.note(f"Refused. {refusal}")
    if not answers:
        raise ValueError(f"No contrast could be answered. {' '.join(refusals)}")
    return answers


def _fits(inputs: Inputs) -> Iterator[tuple[str, list[Question]]]:
    """Yield each region with the contrasts that share a model there."""
    for region in sorted(set(inputs.libraries["region"])):
        for questions in by_model(inputs.questions, region):
            yield region, questions


def _answer(
    inputs: Inputs, region: str, questions: list[Question], progress: Progress, refusals: list[str]
) -> list[Answer]:
    libraries = inputs.libraries[inputs.libraries["region"] == region]
    refuse_repeated_mice(libraries, region)
    design = make_design(libraries, region, questions)
    refusals.extend(design.refusals)
    for note in design.notes:
        progress.note(note)
    if not design.questions:
        return []
    counts = inputs.counts[list(design.matrix.index)]
    kept = filter_by_expression(counts, design.groups)
    tables = voom_limma(counts[kept], design.matrix, design.contrasts)
    progress.note(
        f"{region}: {int(kept.sum())} of {len(kept)} genes, {len(design.groups)} libraries, "
        f"design {' + '.join(map(str, design.matrix.columns))}; {len(tables)} contrasts."
    )
    region_id = int(libraries["region_id"].iloc[0])
    return [Answer(question.pk, region_id, tables[question.name]) for question in design.questions]


def store(run: AnalysisRun, inputs: Inputs, answers: list[Answer]) -> None:
    """Write one row a gene, contrast and region."""
    copy_numbers_into(
        GeneResult, ("study", "run", "contrast", "region", "gene", *RESULT_COLUMNS), _blocks(run, answers)
    )


def _blocks(run: AnalysisRun, answers: list[Answer]) -> Iterator[tuple[Any, ...]]:
    for answer in answers:
        numbers = [answer.genes[name].to_numpy() for name in RESULT_COLUMNS]
        yield run.study_id, run.pk, answer.contrast_id, answer.region_id, answer.genes.index.to_numpy(), *numbers


TASK = Task(
    name="differential_expression",
    parameters={
        "contrast": Parameter(
            "",
            name_in_study(Contrast.objects, "name", "contrast"),
            "Name of one contrast; empty: all of the study.",
            asks_another_question=True,
        ),
        "matrix": MATRIX,
    },
    missing=missing,
    load=load,
    compute=compute,
    store=store,
)
