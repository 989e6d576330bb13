"""Task `reversal`: does each drug arm undo the stress signature, in which region, how much, and in which genes?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.current import current_run
from analysis.design_frame import IS_RANDOMIZED, PHENOTYPE, values_of_mice
from analysis.kernels.adjusting import benjamini_hochberg_within
from analysis.kernels.association import RankCorrelation
from analysis.kernels.phenotype import SUSCEPTIBLE
from analysis.models import AnalysisRun, ReversalDifference, ReversedGene, SignatureReversal
from analysis.progress import PartProgress
from analysis.shared_reading import shared
from analysis.tasks import arm_comparisons
from analysis.tasks.arm_comparisons import STRESSED, ArmComparisons
from analysis.tasks.matrices import MATRIX
from analysis.tasks.reversal_differences import REFUSED, Difference, arms_of, regions_of
from analysis.tasks.reversal_estimands import ALL_SEQUENCED, ARM, MAX_EXHAUSTIVE, Answer, Asked, answers
from analysis.tasks.task import Loaded, Parameter, Parameters, Parts, Task, rows_of, whole_number
from labdb.colony.models import Study
from labdb.registry.history import copy_into
from labdb.sequencing.models import SelectionMoment, SelectionMouse

GENE_COLUMNS = [
    "t_stress", "t_merged", "t_drug", "p_merged", "p_drug", "q_value", "listed", "q_strict", "listed_strict",
]  # fmt: skip
ONE_TEST, REGIONS, ARMS = "reversal", "regions compared", "arms compared"  # the kinds of parts


@dataclass(frozen=True)
class Inputs:
    """The comparisons, how relabelings are drawn, how mice came to be sequenced, and re-test SI ratios by library."""

    comparisons: ArmComparisons
    seed: int
    n_random: int
    selected: str
    retest_ratios: pd.Series


@dataclass(frozen=True)
class Found:
    """Every estimand of every arm and region, and the differences between them."""

    answers: list[Answer]
    differences: list[Difference]
    max_t: dict[tuple[str, str], float]


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read the comparisons, and what comparisons of responders need."""
    loaded = arm_comparisons.load(study, parameters)
    comparisons: ArmComparisons = loaded.inputs
    libraries = comparisons.libraries
    ratios = _retest_ratios(study)
    inputs = Inputs(
        comparisons, parameters["seed"], parameters["n_random"],
        selected=_how_selected(study, frozenset(libraries.loc[libraries["role"] == STRESSED, "mouse"])),
        retest_ratios=libraries["mouse"].map(ratios).astype(float),
    )  # fmt: skip
    return Loaded(inputs, loaded.reads, loaded.notes)


@shared
def _retest_ratios(study: Study) -> dict[int, float | None]:
    run = current_run(study, "response")
    if run is None:
        return {}
    return dict(run.results_run.responsecalls.order_by().values_list("mouse_id", "after__si_ratio"))


@shared
def _how_selected(study: Study, mice: frozenset[int]) -> str:
    """Return when the sequenced mice were chosen of those that chance allocated; `ALL_SEQUENCED` where none was left."""
    phenotypes, randomized = values_of_mice(study, PHENOTYPE), values_of_mice(study, IS_RANDOMIZED)
    could_be = {mouse for mouse, phenotype in phenotypes.items() if phenotype == SUSCEPTIBLE and randomized.get(mouse)}
    if could_be <= mice:
        return ALL_SEQUENCED
    rows = SelectionMouse.objects.filter(selection__study=study, mouse__in=mice)
    moments: dict[int, set[str]] = {mouse: set() for mouse in mice}
    for mouse, moment in rows.values_list("mouse_id", "selection__decided"):
        moments[mouse].add(moment)
    # Chosen again by outcome, a mouse that was chosen before stays in.
    left = [said for said in moments.values() if SelectionMoment.BEFORE not in said]
    if any(SelectionMoment.AFTER in said for said in left):
        return str(SelectionMoment.AFTER)
    return str(SelectionMoment.UNKNOWN if left else SelectionMoment.BEFORE)


def keys(inputs: Inputs) -> list[tuple[str, ...]]:
    """Return each region with each arm, then what compares regions and arms."""
    regions, arms = inputs.comparisons.regions, inputs.comparisons.arms
    return [
        *((ONE_TEST, region, arm) for region in regions for arm in arms),
        *((REGIONS, arm) for arm in arms if len(regions) > 1),
        *((ARMS, region) for region in regions if len(arms) > 1),
    ]


def compute_part(inputs: Inputs, key: tuple[str, ...], progress: PartProgress) -> Found:
    """Ask everything of one arm in one region, or where or by which arm more is undone."""
    comparisons, (what, *places) = inputs.comparisons, key
    drawn = {"seed": inputs.seed, "n_random": inputs.n_random}

    def tell(done: int, total: int) -> None:
        progress.tick(done, total, f"{done} of {total} relabelings")

    if what == REGIONS:
        every = {region: comparisons.expression(region) for region in comparisons.regions}
        one = regions_of(comparisons, every, places[0], **drawn, tell=tell)
        return Found([], one.between, one.max_t)
    region = places[0]
    expression = comparisons.expression(region)
    if what == ARMS:
        return Found([], arms_of(comparisons, expression, region, **drawn), {})
    asked = Asked(
        comparisons, expression, region, places[1], inputs.seed, inputs.n_random, inputs.selected, inputs.retest_ratios
    )
    found = answers(asked, tell)
    progress.note(f"{region}: {len(expression)} genes, {expression.shape[1]} libraries.")
    for answer in found:
        progress.note(_sentence(answer))
    return Found(found, [], {})


def join(inputs: Inputs, parts: list[Found]) -> Found:
    """Put together what the parts found."""
    return Found(
        [answer for part in parts for answer in part.answers],
        [difference for part in parts for difference in part.differences],
        {place: p_value for part in parts for place, p_value in part.max_t.items()},
    )


def _sentence(answer: Answer) -> str:
    test, parts = answer.test, []
    if test.fraction_undone is not None:
        low, high = test.fraction_undone_interval or (np.nan, np.nan)
        parts.append(f"fraction undone {test.fraction_undone:.2f} ({low:.2f} to {high:.2f})")
    if test.p_value is not None:
        parts.append(f"p {test.p_value:.4g} (floor {test.p_floor:.4g})")
    parts.extend(answer.sentences)
    of = "" if answer.estimand == ARM else f" ({answer.estimand}, {answer.response.replace('_', '-')}s)"
    return f"{answer.region}, {answer.arm}{of}: {'; '.join(parts)}"


def store(run: AnalysisRun, inputs: Inputs, found: Found) -> None:
    """Write one row an arm, region and estimand, its genes, and the differences."""
    adjusted = benjamini_hochberg_within(
        [answer.estimand for answer in found.answers], [one.test.p_value for one in found.answers]
    )
    rows = SignatureReversal.objects.bulk_create(
        _row(run, inputs.comparisons, answer, q, found.max_t) for answer, q in zip(found.answers, adjusted, strict=True)
    )
    columns = ("study", "run", "reversal", "gene", *GENE_COLUMNS)
    copy_into(ReversedGene, columns, _gene_rows(run, rows, found.answers))
    of = [bool(one.other_arm) for one in found.differences]
    adjusted = benjamini_hochberg_within(of, [one.p_value for one in found.differences])
    ReversalDifference.objects.bulk_create(
        _difference_row(run, inputs.comparisons, one, q) for one, q in zip(found.differences, adjusted, strict=True)
    )


def _row(
    run: AnalysisRun, comparisons: ArmComparisons, answer: Answer, adj_p_value: float | None,
    max_t: dict[tuple[str, str], float],
) -> SignatureReversal:  # fmt: skip
    test, retest = answer.test, answer.retest or RankCorrelation(0)
    low, high = test.fraction_undone_interval or (None, None)
    n_control, n_stress, n_treated = answer.sizes
    relabeled = test.relabeled_statistics
    return SignatureReversal(
        study_id=run.study_id, run=run, matrix_id=comparisons.matrix_id, estimand=answer.estimand,
        region_id=comparisons.regions[answer.region], arm=answer.arm, response=answer.response,
        n_control=n_control, n_stress=n_stress, n_treated=n_treated,
        statistic=test.statistic, p_value=test.p_value, p_floor=test.p_floor, adj_p_value=adj_p_value,
        max_t_p_value=max_t.get((answer.region, answer.arm)) if answer.estimand == ARM else None,
        relabeled=None if relabeled is None else relabeled[np.isfinite(relabeled)].tolist(),
        n_relabelings=test.n_relabelings, n_relabelings_available=test.n_relabelings_available,
        fraction_undone=test.fraction_undone, fraction_undone_se=test.fraction_undone_se,
        fraction_undone_low=low, fraction_undone_high=high,
        cosine=test.cosine, cosine_null_mean=test.cosine_null_mean, p_stress_axis=test.p_stress_axis,
        n_vehicle_retested=answer.vehicle[0], n_vehicle_responded=answer.vehicle[1],
        retest_n=retest.n if answer.retest else None, retest_rho=retest.rho, retest_rho_low=retest.low,
        retest_rho_high=retest.high, retest_reason=retest.reason,
        refusal=next((code for code in test.messages if code.startswith(REFUSED)), ""),
        messages="\n".join(answer.sentences),
    )  # fmt: skip


def _gene_rows(run: AnalysisRun, rows: list[SignatureReversal], answers: list[Answer]) -> Iterator[tuple[Any, ...]]:
    for row, answer in zip(rows, answers, strict=True):
        if answer.genes is None:
            continue
        for gene, values in zip(answer.genes.index.tolist(), rows_of(answer.genes[GENE_COLUMNS]), strict=True):
            yield (run.study_id, run.pk, row.pk, gene, *values.values())


def _difference_row(
    run: AnalysisRun, comparisons: ArmComparisons, one: Difference, adj_p_value: float | None
) -> ReversalDifference:
    low, high = one.interval or (None, None)
    return ReversalDifference(
        study_id=run.study_id, run=run, region_id=comparisons.regions[one.region], arm=one.arm,
        other_region_id=comparisons.regions.get(one.other_region), other_arm=one.other_arm,
        difference=one.difference, se=one.se, low=low, high=high, p_value=one.p_value, p_floor=one.p_floor,
        adj_p_value=adj_p_value, n_relabelings=one.n_relabelings, refusal=one.refusal,
        messages="\n".join(one.sentences),
    )  # fmt: skip


PARTS = Parts(keys, compute_part, join)
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
