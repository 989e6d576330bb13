"""What reversal is asked of one arm in one region: the whole arm, its responders by relabeling the arm, matched outcomes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from analysis.kernels.association import RankCorrelation, rank_correlation
from analysis.kernels.phenotype import CONTROL, SUSCEPTIBLE
from analysis.kernels.response import NON_RESPONDER, RESPONDER
from analysis.kernels.reversal import ReversalTest, reversal_test, reversed_genes
from analysis.kernels.reversal_messages import (
    MIN_GROUP_SIZE,
    REFUSED_SALINE_NOT_RETESTED,
    REFUSED_TOO_FEW,
)
from analysis.tasks.arm_comparisons import TREATED, ArmComparisons
from labdb.sequencing.models import SelectionMoment

ARM = "arm"  # the whole randomized arm against all with vehicle
ARM_RELABELED = (
    "responder"  # its responders against all with vehicle, the response rule applied anew in each relabeling
)
MATCHED = "matched"  # mice against those with vehicle of the same outcome: a description
MAX_EXHAUSTIVE = 5_000  # relabelings listed rather than drawn
OTHER_OUTCOME = f"{SUSCEPTIBLE}, other outcome"
ALL_SEQUENCED = "all"  # nothing was chosen
SPOKEN = {RESPONDER: "responders", NON_RESPONDER: "non-responders"}
NOT_RECORDED = (
    "It is not recorded whether mice were chosen for sequencing before the re-test; if they were chosen by its outcome, "
    "this comparison means nothing."
)

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """One arm in one region, and how relabelings are drawn.

    Attributes
    ----------
    expression : pandas.DataFrame
        log2 CPM of the region.
    selected : str
        How mice came to be sequenced: a `SelectionMoment`, or `ALL_SEQUENCED`.
    retest_ratios : pandas.Series
        SI ratio of the re-test by library.
    """

    comparisons: ArmComparisons
    expression: pd.DataFrame
    region: str
    arm: str
    seed: int
    n_random: int
    selected: str
    retest_ratios: pd.Series


@dataclass(frozen=True)
class Answer:
    """One estimand; ``genes``: those on either list; ``sentences``: what is said beside it."""

    region: str
    arm: str
    estimand: str
    response: str
    sizes: tuple[int, int, int]
    vehicle: tuple[int, int]
    test: ReversalTest
    sentences: tuple[str, ...]
    genes: pd.DataFrame | None = None
    retest: RankCorrelation | None = None


def answers(asked: Asked, tell: Tell) -> list[Answer]:
    """Answer all estimands of one arm in one region."""
    return [
        whole_arm(asked, tell),
        relabeled_arm(asked),
        *(matched(asked, response) for response in (RESPONDER, NON_RESPONDER)),
    ]


def whole_arm(asked: Asked, tell: Tell) -> Answer:
    """Test the whole arm, list its genes, and correlate scores with re-tests among mice with vehicle."""
    comparisons, region = asked.comparisons, asked.region
    groups, pools = comparisons.groups(region, asked.arm), comparisons.pools(region)
    test = reversal_test(
        asked.expression, groups, treated=TREATED, pools=pools, seed=asked.seed, n_random=asked.n_random,
        max_exhaustive=MAX_EXHAUSTIVE, progress=tell,
    )  # fmt: skip
    genes = reversed_genes(asked.expression, groups, treated=TREATED, pools=pools, region_p_value=test.p_value)
    answer = _answer(asked, ARM, "", groups, test)
    listed = genes[genes["listed"] | genes["listed_strict"]]
    return replace(answer, genes=listed, retest=_score_and_retest(asked, test))


def _score_and_retest(asked: Asked, test: ReversalTest) -> RankCorrelation:
    """Among mice with vehicle: no drug made these, so it is what choosing by the re-test would mistake for one."""
    if test.mouse_scores is None:
        return RankCorrelation(0, reason="there are no scores on this axis")
    vehicle = asked.comparisons.is_of(asked.region)
    mice = vehicle.index[vehicle]
    return rank_correlation(test.mouse_scores["score"].reindex(mice), asked.retest_ratios.reindex(mice))


def relabeled_arm(asked: Asked) -> Answer:
    """Compare responders with all mice with vehicle, under relabelings that choose responders anew."""
    comparisons, region = asked.comparisons, asked.region
    groups, responses = comparisons.groups(region, asked.arm), comparisons.responses(region)
    vehicle, drug = comparisons.is_of(region), comparisons.is_of(region, asked.arm)
    unknown = (vehicle | drug) & responses.isna()
    if not responses[vehicle].notna().any():
        unknown[:] = False  # the kernel says that nobody was re-tested
    kept = unknown.index[~unknown]
    arms = pd.Series(None, index=groups.index, dtype=object).mask(vehicle, "vehicle").mask(drug, "drug")
    pools = comparisons.pools(region)
    test = ReversalTest(messages=(REFUSED_TOO_FEW,))
    if min(_sizes(groups[kept])) >= MIN_GROUP_SIZE:
        test = reversal_test(
            asked.expression[kept], groups[kept], treated=TREATED, pools=None if pools is None else pools[kept],
            arm=arms[kept], responded=responses[kept], chosen_by_outcome=asked.selected == SelectionMoment.AFTER,
            seed=asked.seed, n_random=asked.n_random, max_exhaustive=MAX_EXHAUSTIVE,
        )  # fmt: skip
    notes = []
    if unknown.any():
        notes.append(f"{int(unknown.sum())} of these mice have no call at their re-test and are left out.")
    if asked.selected not in (ALL_SEQUENCED, SelectionMoment.BEFORE, SelectionMoment.AFTER):
        notes.append(NOT_RECORDED)
    responders = groups.mask(drug & ~responses.eq(True), "not a responder")
    answer = _answer(asked, ARM_RELABELED, RESPONDER, responders[kept], test)
    return replace(answer, sentences=(*answer.sentences, *notes))


def matched(asked: Asked, response: str) -> Answer:
    """Describe mice of one outcome beside those with vehicle of the same outcome, by the same rule."""
    comparisons, region = asked.comparisons, asked.region
    same = comparisons.responses(region).eq(response == RESPONDER)
    vehicle, drug = comparisons.is_of(region), comparisons.is_of(region, asked.arm)
    groups = comparisons.outcomes(region).mask(vehicle & ~same, OTHER_OUTCOME).mask(drug & same, TREATED)
    sizes = _sizes(groups)
    if min(sizes) < MIN_GROUP_SIZE:
        answer = _answer(asked, MATCHED, response, groups, ReversalTest(messages=(_why_not_matched(asked),)))
        return replace(answer, sentences=(_matched_refusal(answer),))
    test = reversal_test(
        asked.expression, groups, treated=TREATED, pools=comparisons.pools(region), seed=asked.seed,
        n_random=asked.n_random, max_exhaustive=MAX_EXHAUSTIVE, with_p=False,
    )  # fmt: skip
    return _answer(asked, MATCHED, response, groups, replace(test, p_floor=None))


def _why_not_matched(asked: Asked) -> str:
    known = asked.comparisons.responses(asked.region)[asked.comparisons.is_of(asked.region)].notna()
    return REFUSED_TOO_FEW if known.any() else REFUSED_SALINE_NOT_RETESTED


def _matched_refusal(answer: Answer) -> str:
    retested, responded = answer.vehicle
    if not retested:
        return "No mouse with vehicle has a call at a re-test; there is none of the same outcome to compare with."
    with_vehicle = responded if answer.response == RESPONDER else retested - responded
    return (
        f"{with_vehicle} of {retested} re-tested mice with vehicle and {answer.sizes[2]} with {answer.arm} were "
        f"{SPOKEN[answer.response]}, beside {answer.sizes[0]} controls; needs at least {MIN_GROUP_SIZE} of each."
    )


def _sizes(groups: pd.Series) -> tuple[int, int, int]:
    control, stress, treated = (int((groups == name).sum()) for name in (CONTROL, SUSCEPTIBLE, TREATED))
    return control, stress, treated


def _answer(asked: Asked, estimand: str, response: str, groups: pd.Series, test: ReversalTest) -> Answer:
    vehicle = asked.comparisons.responses(asked.region)[asked.comparisons.is_of(asked.region)]
    counts = int(vehicle.notna().sum()), int(vehicle.eq(True).sum())
    return Answer(asked.region, asked.arm, estimand, response, _sizes(groups), counts, test, test.sentences)
