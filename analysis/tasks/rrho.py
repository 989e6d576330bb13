"""Task `rrho`: how two signatures of a region overlap by rank, beside the same for relabeled animals.

Usually stress (S - C) against each drug (D - S), and where all standard pairs are asked for, each drug against each other.
Two contrasts that are named are read from their current differential expression instead; no relabeling is known for these,
hence no p.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.kernels.adjusting import benjamini_hochberg_within
from analysis.kernels.phenotype import CONTROL, SUSCEPTIBLE
from analysis.kernels.relabeled_signatures import N_RANDOM, RelabeledSignatures, relabeled_signatures
from analysis.kernels.reversal_messages import REFUSED_POOL_CONTROL, REFUSED_TOO_FEW, message_sentence
from analysis.kernels.rrho import rrho
from analysis.kernels.rrho_relabeling import relabeling_p
from analysis.kernels.shared_mice import shared_group_null
from analysis.models import AnalysisRun, Contrast
from analysis.progress import STEP_PARTS, Progress
from analysis.rrho_results import RrhoKind
from analysis.tasks import arm_comparisons
from analysis.tasks.arm_comparisons import STRESSED, TREATED, ArmComparisons
from analysis.tasks.matrices import MATRIX
from analysis.tasks.rrho_answer import Answer
from analysis.tasks.rrho_contrasts import ContrastPair, load_pair
from analysis.tasks.rrho_storing import write_maps
from analysis.tasks.task import Loaded, Parameter, Parameters, Task, name_in_study, whole_number
from labdb.colony.models import Study

MAX_EXHAUSTIVE = 500  # relabelings listed rather than drawn
N_RANDOM_USUALLY = (
    99  # valid with any number; a region of 16,000 genes and 64 samples takes a second, and p moves in .01
)
STRESS, ALL = "stress", "all"  # pairs
OTHER = "other drug"
NO_RELABELINGS = (
    "No p-value: labels are exchanged between saline mice and a drug's only, and these contrasts are not of that kind."
)
OF_TWO_DRUGS = {
    REFUSED_TOO_FEW: "Needs at least 3 susceptible saline mice and 3 of either drug.",
    REFUSED_POOL_CONTROL: "The mice of one drug were sequenced in runs of their own; drug and run cannot be separated.",
}
Signature = tuple[np.ndarray, np.ndarray]
Tell = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Inputs:
    """The comparisons of arms, or two contrasts; how the map is drawn, and how relabelings are."""

    comparisons: ArmComparisons | None
    pair: ContrastPair | None
    step: int
    population_offset: int
    seed: int
    n_random: int
    with_drug_pairs: bool


def missing(study: Study, parameters: Parameters) -> str:
    """Say why no two signatures can be compared yet."""
    named = [name for name in ("first", "second") if parameters[name]]
    if len(named) == 1:
        return "Name both contrasts, first and second, or neither for the standard pairs."
    return "" if named else arm_comparisons.missing(study, parameters)


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read the comparisons of arms, or the results of two contrasts."""
    of_drugs = parameters.get("pairs", ALL) == ALL  # a run from before the parameter compared all
    drawn = (parameters["step"], parameters["population_offset"], parameters["seed"], parameters["n_random"], of_drugs)
    if parameters["first"]:
        pair, reads = load_pair(study, parameters["first"], parameters["second"])
        return Loaded(Inputs(None, pair, *drawn), reads)
    loaded = arm_comparisons.load(study, parameters)
    return Loaded(Inputs(loaded.inputs, None, *drawn), loaded.reads, loaded.notes)


def compute(inputs: Inputs, progress: Progress) -> list[Answer]:
    """Draw every map, and draw it anew for relabeled animals."""
    if inputs.pair is not None:
        return [_of_contrasts(inputs, inputs.pair, region) for region in inputs.pair.regions]
    comparisons = inputs.comparisons
    assert comparisons is not None
    asked = [(arm, "") for arm in comparisons.arms]
    asked += combinations(comparisons.arms, 2) if inputs.with_drug_pairs else ()
    answers: list[Answer] = []
    for region in comparisons.regions:
        expression = comparisons.expression(region)
        for arm, other in asked:
            place = (len(answers), len(comparisons.regions) * len(asked))
            answer = _of_arms(inputs, expression, region, (arm, other), _within(progress, *place))
            progress.note(_sentence(answer))
            answers.append(answer)
    return answers


def _within(progress: Progress, number: int, n_maps: int) -> Tell:
    def tell(done: int, total: int, doing: str) -> None:
        share = STEP_PARTS * number + STEP_PARTS * done // max(total, 1)
        progress.tick(share, STEP_PARTS * n_maps, f"{doing}: {done} of {total} relabelings")

    return tell


def _of_arms(inputs: Inputs, expression: pd.DataFrame, region: str, arms: tuple[str, str], tell: Tell) -> Answer:
    """Compare stress with a drug, or, where there is another, a drug with it."""
    comparisons = inputs.comparisons
    assert comparisons is not None
    arm, other = arms
    if other:
        made = [_signatures(inputs, expression, region, one, against) for one, against in (arms, arms[::-1])]
        # S - D2 and D1 - S: the first turned round is D2 - S; with the labels of D2 exchanged the order is the other one.
        turns: list[Callable[[Signature], Signature]] = [lambda two: (two[1], -two[0]), lambda two: (-two[0], two[1])]
        kind, names = RrhoKind.DRUG_DRUG, (f"{arm} - {SUSCEPTIBLE}", f"{other} - {SUSCEPTIBLE}")
    else:
        made, turns = [_signatures(inputs, expression, region, arm)], [lambda two: two]
        kind, names = RrhoKind.STRESS_DRUG, (f"{SUSCEPTIBLE} - {CONTROL}", f"{arm} - {SUSCEPTIBLE}")
    base = Answer(region, comparisons.regions[region], kind, names, _sizes(comparisons, region, arm, other))
    codes = tuple(dict.fromkeys(code for one in made for code in one.messages))
    said = tuple(_spoken(code, kind, made[0].n_available) for code in codes)
    observed = made[0].observed()
    if observed is None:
        return replace(base, messages=said, refusal=codes[0])
    x, y = (pd.Series(one, index=made[0].genes) for one in turns[0](observed))
    answer = rrho(x, y, step=inputs.step or None, population_offset=inputs.population_offset)
    doing = f"{region}, {names[1]} against {names[0]}"
    told = [_told(one, turn, tell, doing) for one, turn in zip(made, turns, strict=True)]
    relabelings = tuple(relabeling_p(one) for one in told) if all(map(len, made)) else ()
    return replace(
        base, x=x, y=y, map=answer, relabelings=relabelings, correlation_null=_shared_null(base.sizes, kind),
        messages=(*said, *answer.sentences),
    )  # fmt: skip


def _spoken(code: str, kind: RrhoKind, n_relabelings: int | None) -> str:
    if kind == RrhoKind.DRUG_DRUG and code in OF_TWO_DRUGS:
        return OF_TWO_DRUGS[code]
    return message_sentence(code, n_relabelings)


def _signatures(
    inputs: Inputs, expression: pd.DataFrame, region: str, arm: str, other: str = ""
) -> RelabeledSignatures:
    """Make S - C and D - S for all labels of S and D; with another arm in the place of the controls, S - that arm."""
    comparisons = inputs.comparisons
    assert comparisons is not None
    groups = comparisons.groups(region, arm)
    if other:
        libraries = comparisons.libraries.loc[groups.index]
        groups = groups.mask((libraries["role"] == STRESSED) & (libraries["arm"] == other), OTHER)
    return relabeled_signatures(
        expression, groups, treated=TREATED, control=OTHER if other else CONTROL, pools=comparisons.pools(region),
        seed=inputs.seed, max_exhaustive=MAX_EXHAUSTIVE, n_random=inputs.n_random,
    )  # fmt: skip


def _told(
    signatures: RelabeledSignatures, turn: Callable[[Signature], Signature], tell: Tell, doing: str
) -> Iterator[Signature]:
    for number, pair in enumerate(signatures):
        tell(number, len(signatures), doing)
        yield turn(pair)


def _sizes(comparisons: ArmComparisons, region: str, arm: str, other: str) -> dict[str, int]:
    groups = comparisons.groups(region, arm)
    sizes = {SUSCEPTIBLE: int((groups == SUSCEPTIBLE).sum()), arm: int((groups == TREATED).sum())}
    if other:
        return {**sizes, other: int((comparisons.groups(region, other) == TREATED).sum())}
    return {CONTROL: int((groups == CONTROL).sum()), **sizes}


def _shared_null(sizes: dict[str, int], kind: RrhoKind) -> float:
    """Correlation that both signatures have for the group they share."""
    first, second = ([-1, 1, 0], [0, -1, 1]) if kind == RrhoKind.STRESS_DRUG else ([-1, 1, 0], [-1, 0, 1])
    return shared_group_null(first, second, list(sizes.values()))


def _of_contrasts(inputs: Inputs, pair: ContrastPair, region: str) -> Answer:
    tested = pair.results[pair.results["region"] == region].set_index("gene")
    x, y = tested["first"].dropna(), tested["second"].dropna()
    answer = rrho(x, y, step=inputs.step or None, population_offset=inputs.population_offset)
    null, why_not = pair.nulls.get(region), pair.without_null.get(region, "")
    said = (NO_RELABELINGS, *([why_not] if why_not else []), *answer.sentences)
    return Answer(
        region, pair.regions[region], RrhoKind.CONTRASTS, pair.names, pair.sizes.get(region, {}), x, y, answer,
        correlation_null=null, messages=said, contrasts=pair.contrasts,
    )  # fmt: skip


def _sentence(answer: Answer) -> str:
    where = f"{answer.region}, {answer.names[1]} against {answer.names[0]}"
    if answer.map is None or answer.map.maxima is None:
        return f"{where}: {' '.join(answer.messages)}"
    p_value, relabeling = answer.p_value(answer.direction), answer.relabeling
    found = f"{answer.map.n_genes:,} genes"
    if relabeling is not None:
        found += f"; {answer.direction} changes: p {p_value:.4g} (floor {relabeling.p_floor:.4g})"
    return f"{where}: {'; '.join([found, *answer.messages])}"


def store(run: AnalysisRun, inputs: Inputs, answers: list[Answer]) -> None:
    """Write each map with its quadrants and genes."""
    matrix_id = None if inputs.comparisons is None else inputs.comparisons.matrix_id
    write_maps(run, matrix_id, inputs.population_offset, answers, _adjusted(answers))


def _adjusted(answers: list[Answer]) -> list[float | None]:
    """Benjamini-Hochberg over the maps of a kind that gave a p."""
    p_values = [one.p_value(one.direction) for one in answers]
    return benjamini_hochberg_within([one.kind for one in answers], p_values)


def _offset(study: Study, value: object) -> int:
    if str(value) not in ("0", "1"):
        raise ValueError(f"{value} is not 0 or 1; 1 counts one gene too many, as R's RRHO and RRHO2 do.")
    return int(str(value))


def _pairs(study: Study, value: object) -> str:
    if value not in (STRESS, ALL):
        raise ValueError(
            f"{value} is not {STRESS} (stress against each drug) or {ALL} (each drug against each other too)."
        )
    return str(value)


_CONTRAST = name_in_study(Contrast.objects, "name", "contrast")
TASK = Task(
    name="rrho",
    parameters={
        "first": Parameter("", _CONTRAST, "Name of a contrast; empty: the standard pairs.", asks_another_question=True),
        "second": Parameter("", _CONTRAST, "Name of the contrast beside it.", asks_another_question=True),
        "pairs": Parameter(
            STRESS, _pairs, f"{STRESS}: stress against each drug; {ALL}: each drug against each other too.",
            asks_another_question=True,
        ),
        "step": Parameter(0, whole_number(0), "Genes from one row of the map to the next; 0: the root of their number."),
        "population_offset": Parameter(
            0, _offset, "1 reproduces the maps of R's RRHO2, which count one gene too many; p-values stay.",
            asks_another_question=True,
        ),
        "seed": Parameter(0, whole_number(0), "Of the random relabelings."),
        "n_random": Parameter(
            N_RANDOM_USUALLY, whole_number(19), f"Random relabelings, where more than {MAX_EXHAUSTIVE} exist; {N_RANDOM} for a smaller floor."
        ),
        "matrix": MATRIX,
    },
    missing=missing,
    load=load,
    compute=compute,
    store=store,
)  # fmt: skip
