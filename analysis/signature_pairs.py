"""Two contrasts of one run against each other: which are asked, their genes, and what is said of them."""

from itertools import combinations

import pandas as pd

from analysis.figure_choices import contrasts_of
from analysis.figures.theme import finite_rows
from analysis.kernels.overlap import opposite_share
from analysis.kernels.phenotype import CONTROL, SUSCEPTIBLE
from analysis.links import gene_urls
from analysis.models import AnalysisRun, Contrast, GeneResult
from analysis.tasks.expression_design import Question
from analysis.tasks.shared_mice import Pair
from labdb.tissue.models import BrainRegion
from labdb.treatment.arm_labels import former_labels, named

WHOLE_ARM = " treated"  # what the group of a whole arm ends in
P_CUTOFF = 0.05


def stress_and_drug(run: AnalysisRun, arm: str = "") -> Pair | None:
    """Return the contrast of stress and that of an arm (the first, if none is named) against the same susceptible mice.

    That of the whole arm where there is one: responders were chosen after treatment.
    """
    asked = _questions(run)
    arm = named(arm, former_labels(run.study))
    for stress, question in asked:
        if not _is_stress(question):
            continue
        drugs = [
            (contrast, one)
            for contrast, one in asked
            if one.denominator == question.numerator and (not arm or _is_of_arm(one, arm)) and contrast != stress
        ]
        if drugs:
            return stress, min(drugs, key=_preference)[0]
    return None


def drug_and_drug(run: AnalysisRun) -> list[Pair]:
    """Return the contrasts of every two drugs against the same susceptible mice, whole arms where there are."""
    asked = _questions(run)
    found: list[Pair] = []
    for _stress, question in asked:
        if not _is_stress(question):
            continue
        by_arm: dict[str, list[tuple[Contrast, Question]]] = {}
        for contrast, one in asked:
            arms = {_arm_of(value) for value in one.numerator}
            if one.denominator == question.numerator and len(arms) == 1:
                by_arm.setdefault(arms.pop(), []).append((contrast, one))
        best = [min(of_arm, key=_preference)[0] for _arm, of_arm in sorted(by_arm.items())]
        found += [pair for pair in combinations(best, 2) if pair not in found]
    return found


def _questions(run: AnalysisRun) -> list[tuple[Contrast, Question]]:
    labels = former_labels(run.study)
    return [(contrast, Question.of(contrast, labels)) for contrast in contrasts_of(run)]


def _is_stress(question: Question) -> bool:
    is_susceptible = [value == SUSCEPTIBLE or value.startswith(f"{SUSCEPTIBLE} ") for value in question.numerator]
    return question.denominator == (CONTROL,) and all(is_susceptible)


def _arm_of(group: str) -> str:
    """Return the arm of a group such as ``imipramine non-responder``; arms may be of two words."""
    return group.rpartition(" ")[0]


def _is_of_arm(question: Question, arm: str) -> bool:
    return all(_arm_of(value) == arm for value in question.numerator)


def _preference(asked: tuple[Contrast, Question]) -> tuple[bool, int, str]:
    contrast, question = asked
    is_whole = all(value.endswith(WHOLE_ARM) for value in question.numerator)
    return (not is_whole, -len(question.numerator), contrast.name)


def pair_frame(run: AnalysisRun, pair: Pair, region: BrainRegion) -> pd.DataFrame:
    """Return the genes that both contrasts tested in a region, as `figures.signature_scatter` draws them."""
    numbers = ["log2_fold_change", "t", "p_value"]
    sides = []
    for contrast, side in zip(pair, "xy", strict=True):
        rows = GeneResult.objects.filter(run=run, contrast=contrast, region=region).order_by()
        columns = ["gene_id", *(["gene__symbol", "gene__gene_id"] if side == "x" else []), *numbers]
        frame = pd.DataFrame.from_records(list(rows.values_list(*columns)), columns=columns)
        sides.append(frame.rename(columns={name: f"{side}_{name}" for name in numbers}))
    genes = sides[0].merge(sides[1], on="gene_id")
    genes["gene"] = genes["gene__symbol"].where(genes["gene__symbol"] != "", genes["gene__gene_id"])
    genes["url"] = gene_urls(genes["gene"])
    return genes.drop(columns=["gene_id", "gene__symbol", "gene__gene_id"])


def title_of(pair: Pair, region: BrainRegion) -> str:
    """Return what a figure of two contrasts in a region is called, before it is drawn and after."""
    x, y = pair
    return f"{x.name} against {y.name}, {region.code}"


def words_on_pair(genes: pd.DataFrame, null: float | None) -> str:
    """Say how many genes look opposed, and how many would by shared mice alone."""
    known = finite_rows(genes, ["x_t", "y_t", "x_p_value", "y_p_value"])
    both = known[(known["x_p_value"] < P_CUTOFF) & (known["y_p_value"] < P_CUTOFF)]
    if null is None:
        return "What the mice that both share make of them is not known here, so nothing follows from this picture."
    if both.empty:
        return f"No gene has p < {P_CUTOFF:g} in both."
    n_opposite = int((both["x_t"] * both["y_t"] < 0).sum())
    expected = opposite_share(null, P_CUTOFF)
    return (
        f"Of the {len(both):,} genes with p < {P_CUTOFF:g} in both, {100 * n_opposite / len(both):.0f} % go in opposite "
        f"directions; where neither has any effect, shared mice alone make it {100 * expected:.0f} %."
    )
