"""Task `reversal`: does each drug undo the stress signature, region by region, and in which genes?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.differential_expression import adjust_p_values
from analysis.kernels.phenotype import CONTROL, SUSCEPTIBLE
from analysis.kernels.reversal import ReversalTest, reversal_test, reversed_genes
from analysis.models import AnalysisRun, ReversedGene, SignatureReversal
from analysis.progress import PartProgress
from analysis.tasks import arm_comparisons
from analysis.tasks.arm_comparisons import TREATED, ArmComparisons
from analysis.tasks.matrices import MATRIX
from analysis.tasks.task import Loaded, Parameter, Parameters, Parts, Task, rows_of, whole_number
from labdb.colony.models import Study
from labdb.registry.history import copy_into

ESTIMAND = "arm"  # the whole randomized arm against all saline
MAX_EXHAUSTIVE = 5_000  # relabelings listed rather than drawn
REFUSED = "REFUSED"  # what the codes of refusals begin with
GENE_COLUMNS = [
    "t_stress", "t_merged", "t_drug", "p_merged", "p_drug", "q_value", "listed", "q_strict", "listed_strict",
]  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """The comparisons, and how relabelings are drawn."""

    comparisons: ArmComparisons
    seed: int
    n_random: int


@dataclass(frozen=True)
class Answer:
    """One arm in one region; ``genes``: those on either list."""

    region: str
    arm: str
    sizes: dict[str, int]
    test: ReversalTest
    genes: pd.DataFrame


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read the comparisons."""
    loaded = arm_comparisons.load(study, parameters)
    return Loaded(Inputs(loaded.inputs, parameters["seed"], parameters["n_random"]), loaded.reads, loaded.notes)


def keys(inputs: Inputs) -> list[tuple[str, str]]:
    """Return each region with each arm."""
    return [(region, arm) for region in inputs.comparisons.regions for arm in inputs.comparisons.arms]


def compute_part(inputs: Inputs, key: tuple[str, ...], progress: PartProgress) -> Answer:
    """Test one arm in one region."""
    region, arm = key
    expression = inputs.comparisons.expression(region)

    def tell(done: int, total: int) -> None:
        progress.tick(done, total, f"{done} of {total} relabelings")

    answer = _answer(inputs, expression, region, arm, tell)
    progress.note(f"{_sentence(answer)} ({len(expression)} genes, {expression.shape[1]} libraries)")
    return answer


def _answer(inputs: Inputs, expression: pd.DataFrame, region: str, arm: str, tell: Any) -> Answer:
    groups, pools = inputs.comparisons.groups(region, arm), inputs.comparisons.pools(region)
    test = reversal_test(
        expression, groups, treated=TREATED, pools=pools, seed=inputs.seed, n_random=inputs.n_random,
        max_exhaustive=MAX_EXHAUSTIVE, progress=tell,
    )  # fmt: skip
    genes = reversed_genes(expression, groups, treated=TREATED, pools=pools, region_p_value=test.p_value)
    sizes = {group: int((groups == group).sum()) for group in (CONTROL, SUSCEPTIBLE, TREATED)}
    return Answer(region, arm, sizes, test, genes[genes["listed"] | genes["listed_strict"]])


def _sentence(answer: Answer) -> str:
    test, parts = answer.test, []
    if test.fraction_undone is not None:
        low, high = test.fraction_undone_interval or (np.nan, np.nan)
        parts.append(f"fraction undone {test.fraction_undone:.2f} ({low:.2f} to {high:.2f})")
    if test.p_value is not None:
        parts.append(f"p {test.p_value:.4g} (floor {test.p_floor:.4g})")
    parts.extend(test.sentences)
    return f"{answer.region}, {answer.arm}: {'; '.join(parts)}"


def store(run: AnalysisRun, inputs: Inputs, answers: list[Answer]) -> None:
    """Write one row an arm and region, and its genes."""
    adjusted = _adjusted([answer.test.p_value for answer in answers])
    rows = SignatureReversal.objects.bulk_create(
        _row(run, inputs.comparisons, answer, q) for answer, q in zip(answers, adjusted, strict=True)
    )
    columns = ("study", "run", "reversal", "gene", *GENE_COLUMNS)
    copy_into(ReversedGene, columns, _gene_rows(run, rows, answers))


def _adjusted(p_values: list[float | None]) -> list[float | None]:
    """Benjamini-Hochberg over the arms and regions that gave a p."""
    known = np.array([p for p in p_values if p is not None])
    adjusted = iter(adjust_p_values(known).tolist() if known.size else [])
    return [None if p is None else next(adjusted) for p in p_values]


def _row(run: AnalysisRun, comparisons: ArmComparisons, answer: Answer, adj_p_value: float | None) -> SignatureReversal:
    test = answer.test
    low, high = test.fraction_undone_interval or (None, None)
    return SignatureReversal(
        study_id=run.study_id, run=run, matrix_id=comparisons.matrix_id, estimand=ESTIMAND,
        region_id=comparisons.regions[answer.region], arm=answer.arm,
        n_control=answer.sizes[CONTROL], n_stress=answer.sizes[SUSCEPTIBLE], n_treated=answer.sizes[TREATED],
        statistic=test.statistic, p_value=test.p_value, p_floor=test.p_floor, adj_p_value=adj_p_value,
        n_relabelings=test.n_relabelings, n_relabelings_available=test.n_relabelings_available,
        fraction_undone=test.fraction_undone, fraction_undone_se=test.fraction_undone_se,
        fraction_undone_low=low, fraction_undone_high=high,
        cosine=test.cosine, cosine_null_mean=test.cosine_null_mean, p_stress_axis=test.p_stress_axis,
        refusal=next((code for code in test.messages if code.startswith(REFUSED)), ""),
        messages="\n".join(test.sentences),
    )  # fmt: skip


def _gene_rows(run: AnalysisRun, rows: list[SignatureReversal], answers: list[Answer]) -> Iterator[tuple[Any, ...]]:
    for row, answer in zip(rows, answers, strict=True):
        for gene, values in zip(answer.genes.index.tolist(), rows_of(answer.genes[GENE_COLUMNS]), strict=True):
            yield (run.study_id, run.pk, row.pk, gene, *values.values())


PARTS = Parts(keys, compute_part)
TASK = Task(
    name="reversal",
    parameters={
        "seed": Parameter(0, whole_number(0), "Of the random relabelings."),
        "n_random": Parameter(
            1_999,
            whole_number(19, 1_000_000),
            f"Random relabelings, where more than {MAX_EXHAUSTIVE} exist; 9999 for a smaller floor.",
        ),
        "matrix": MATRIX,
    },
    missing=arm_comparisons.missing,
    load=load,
    compute=PARTS.in_order,
    parts=PARTS,
    store=store,
)
