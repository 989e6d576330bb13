"""Task `outside_signature`: do the study's own contrasts move its mice along signatures from elsewhere?"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis.design_frame import read_libraries
from analysis.kernels.adjusting import benjamini_hochberg
from analysis.kernels.counts import filter_by_expression, log_cpm, tmm_factors
from analysis.kernels.outside_signature import OutsideSignatureTest, outside_signature_test
from analysis.models import AnalysisRun, Contrast
from analysis.outside import OutsideGene, OutsideScore, OutsideSignature, OutsideTest
from analysis.progress import Progress
from analysis.tasks.expression_design import Question, RegionDesign, answerable, make_design
from analysis.tasks.matrices import MATRIX, chosen_matrix, counts_by_code, missing_matrix, refuse_repeated_mice
from analysis.tasks.task import Loaded, Parameter, Parameters, Task, name_in_study, whole_number
from labdb.colony.models import Study
from labdb.treatment.arm_labels import former_labels

NO_FORMULA = "it compares coefficients of a formula; mice are relabeled between groups, so it must compare groups."
COMPARED = "compared"  # both sides together, for the filter: it must not know which mouse is on which


@dataclass(frozen=True)
class Inputs:
    """Counts (gene primary keys x library codes), what is known of the libraries, questions and signatures.

    ``signatures``: genes x codes of signatures, NaN where a signature lacks a gene.
    """

    counts: pd.DataFrame
    libraries: pd.DataFrame
    questions: tuple[Question, ...]
    signatures: pd.DataFrame
    signature_ids: dict[str, int]
    seed: int


@dataclass(frozen=True)
class Answer:
    """One contrast in one region along one signature."""

    signature: str
    question: Question
    region: str
    groups: pd.Series
    test: OutsideSignatureTest


def missing(study: Study, parameters: Parameters) -> str:
    """Say why nothing can be tested yet."""
    if not OutsideSignature.objects.filter(study=study).exists():
        return f"{study} has no outside signature; upload one."
    if not Contrast.objects.filter(study=study).exists():
        return f"{study} has no contrasts; define at least one."
    return missing_matrix(study, parameters)


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read counts, libraries, contrasts and signatures."""
    contrasts = Contrast.objects.filter(study=study).select_related("region").order_by("name")
    if parameters["contrast"]:
        contrasts = contrasts.filter(name=parameters["contrast"])
    labels = former_labels(study)
    questions, refusals = answerable([Question.of(contrast, labels) for contrast in contrasts])
    refusals += [f"Refused. {one.name}: {NO_FORMULA}" for one in questions if not one.is_of_groups]
    questions = tuple(one for one in questions if one.is_of_groups)
    if not questions:
        raise ValueError(" ".join(refusals))
    matrix = chosen_matrix(study, parameters)
    signatures = OutsideSignature.objects.filter(study=study).order_by("code")
    if parameters["signature"]:
        signatures = signatures.filter(code=parameters["signature"])
    usable = {one.code: one.pk for one in signatures if one.annotation == matrix.annotation}
    other = [
        f"Refused. {one.code}: its genes were found in {one.annotation}, the counts are by {matrix.annotation}; "
        "upload its file again for that annotation."
        for one in signatures
        if one.code not in usable
    ]  # fmt: skip
    if not usable:
        raise ValueError(" ".join(other))
    libraries = read_libraries(study, matrix, sorted({field for question in questions for field in question.fields}))
    if libraries.frame.empty:
        raise ValueError(f"No library of {matrix} leads to one mouse and one region; link libraries to tissue samples.")
    inputs = Inputs(
        counts=counts_by_code(matrix, libraries.frame["library"]),
        libraries=libraries.frame,
        questions=questions,
        signatures=_values(usable),
        signature_ids=usable,
        seed=parameters["seed"],
    )
    return Loaded(inputs, libraries.runs, (f"Counts: {matrix}.", *libraries.notes, *refusals, *other))


def _values(signatures: dict[str, int]) -> pd.DataFrame:
    columns = {
        code: pd.Series(dict(OutsideGene.objects.filter(signature=pk).values_list("gene_id", "value")), dtype=float)
        for code, pk in signatures.items()
    }
    return pd.DataFrame(columns).sort_index()


def compute(inputs: Inputs, progress: Progress) -> list[Answer]:
    """Test every contrast in every region along every signature."""
    asked = [
        (region, question)
        for region in sorted(set(inputs.libraries["region"]))
        for question in inputs.questions
        if question.region in ("", region)
    ]
    answers: list[Answer] = []
    refusals: list[str] = []
    for number, (region, question) in enumerate(asked):
        progress.show(number, len(asked), f"{region}, {question.name}")
        try:
            answers += _answers(inputs, region, question, refusals)
        except ValueError as error:  # of this question; the others may still be answered
            refusals.append(str(error) if str(error).startswith(region) else f"{region}, {question.name}: {error}")
    for refusal in refusals:
        progress.note(f"Refused. {refusal}")
    if not answers:
        raise ValueError(f"No contrast could be tested. {' '.join(refusals)}")
    return answers


def _answers(inputs: Inputs, region: str, question: Question, refusals: list[str]) -> list[Answer]:
    libraries = inputs.libraries[inputs.libraries["region"] == region]
    refuse_repeated_mice(libraries, region)
    design = make_design(libraries, region, [question])
    refusals.extend(design.refusals)
    if not design.questions:
        return []
    return list(_tested(inputs, region, question, libraries.loc[design.groups.index], design))


def _tested(
    inputs: Inputs, region: str, question: Question, libraries: pd.DataFrame, design: RegionDesign
) -> Iterator[Answer]:
    counts = inputs.counts[list(design.groups.index)]
    pooled = design.groups.mask(design.groups.isin(question.values), COMPARED)
    kept = counts[filter_by_expression(counts, pooled)]
    expression = log_cpm(kept, tmm_factors(kept))
    covariates = design.matrix.drop(columns=[name for name in design.matrix if name in set(design.groups)])
    for code in inputs.signature_ids:
        test = outside_signature_test(
            expression, inputs.signatures[code].dropna(), design.groups, numerator=question.numerator,
            denominator=question.denominator, strata=_strata(libraries, question), covariates=covariates,
            seed=inputs.seed,
        )  # fmt: skip
        yield Answer(code, question, region, design.groups, test)


def _strata(libraries: pd.DataFrame, question: Question) -> pd.Series | None:
    """Mice whose labels may be exchanged are alike in every covariate that is a word; numbers are adjusted for."""
    named = [
        libraries[name].astype(str)
        for name in question.covariates
        if libraries[name].nunique() > 1 and not _is_measured(libraries[name])
    ]
    if not named:
        return None
    return pd.concat(named, axis="columns").agg("\t".join, axis="columns")


def _is_measured(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def store(run: AnalysisRun, inputs: Inputs, answers: list[Answer]) -> None:
    """Write one row a signature, contrast and region, and the scores of its mice."""
    region_ids = dict(zip(inputs.libraries["region"], inputs.libraries["region_id"].tolist(), strict=True))
    adjusted = benjamini_hochberg([answer.test.p_value for answer in answers])
    rows = OutsideTest.objects.bulk_create(
        _row(run, inputs, answer, region_ids, q) for answer, q in zip(answers, adjusted, strict=True)
    )
    OutsideScore.objects.bulk_create(_scores(run, inputs, rows, answers), batch_size=2_000)


def _scores(run: AnalysisRun, inputs: Inputs, rows: list[OutsideTest], answers: list[Answer]) -> Iterator[OutsideScore]:
    codes = inputs.libraries.index.tolist()
    libraries, mice = (
        dict(zip(codes, inputs.libraries[name].tolist(), strict=True)) for name in ("library", "mouse")
    )  # fmt: skip
    for row, answer in zip(rows, answers, strict=True):
        scores = answer.test.scores
        if scores is None:
            continue
        groups = answer.groups.reindex(scores.index).tolist()
        for code, score, group in zip(scores.index.tolist(), scores.tolist(), groups, strict=True):
            yield OutsideScore(
                study_id=run.study_id, run=run, test=row, group=group, score=score, library_id=libraries[code],
                mouse_id=mice[code],
            )  # fmt: skip


def _row(
    run: AnalysisRun, inputs: Inputs, answer: Answer, region_ids: dict[str, int], adj_p_value: float | None
) -> OutsideTest:
    test = answer.test
    low, high = test.difference_interval or (None, None)
    null_low, null_high = test.correlation_null or (None, None)
    return OutsideTest(
        study_id=run.study_id, run=run, signature_id=inputs.signature_ids[answer.signature],
        contrast_id=answer.question.pk, region_id=region_ids[answer.region], n_genes=test.n_genes,
        n_numerator=test.n_numerator, n_denominator=test.n_denominator, difference=test.difference,
        difference_low=low, difference_high=high, correlation=test.correlation, correlation_null_low=null_low,
        correlation_null_high=null_high, p_value=test.p_value, adj_p_value=adj_p_value, p_floor=test.p_floor,
        n_relabelings=test.n_relabelings, n_relabelings_available=test.n_relabelings_available,
        refusal=next((code for code in test.messages if code.startswith("REFUSED")), ""),
        messages="\n".join(test.sentences),
    )  # fmt: skip


TASK = Task(
    name="outside_signature",
    parameters={
        "signature": Parameter(
            "",
            name_in_study(OutsideSignature.objects, "code", "outside signature"),
            "Code of one outside signature; empty: all of the study.",
            asks_another_question=True,
        ),
        "contrast": Parameter(
            "",
            name_in_study(Contrast.objects, "name", "contrast"),
            "Name of one contrast; empty: all of the study.",
            asks_another_question=True,
        ),
        "seed": Parameter(0, whole_number(0), "Of the random relabelings."),
        "matrix": MATRIX,
    },
    missing=missing,
    load=load,
    compute=compute,
    store=store,
)
