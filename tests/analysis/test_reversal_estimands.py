"""What the tasks on arms compute, from comparisons made by hand: the truth is what was planted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from analysis.tasks import drug_genes, resilience, reversal
from analysis.tasks.arm_comparisons import ArmComparisons
from analysis.tasks.reversal_estimands import Answer
from tests.analysis.arm_comparisons_case import (
    KETAMINE_GENES,
    N_GENES,
    OWN_GENES,
    SHARED_GENES,
    SIZES,
    STRESS_GENES,
    make_comparisons,
)


class Silent:
    """Progress that nobody watches."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def show(self, *_where: object) -> None:
        pass

    tick = show


def computed(comparisons: ArmComparisons, selected: str = "all", ratios: pd.Series | None = None) -> reversal.Found:
    if ratios is None:
        ratios = pd.Series(np.nan, index=comparisons.libraries.index)
    return reversal.TASK.compute(reversal.Inputs(comparisons, 0, 199, selected, ratios), Silent())


def answer_of(found: reversal.Found, region: str, arm: str, estimand: str, response: str = "") -> Answer:
    [answer] = [
        one
        for one in found.answers
        if (one.region, one.arm, one.estimand, one.response) == (region, arm, estimand, response)
    ]
    return answer


@pytest.fixture(scope="module")
def comparisons() -> ArmComparisons:
    return make_comparisons()


@pytest.fixture(scope="module")
def found(comparisons: ArmComparisons) -> reversal.Found:
    ratios = pd.Series(np.linspace(0.4, 1.6, len(comparisons.libraries)), index=comparisons.libraries.index)
    return computed(comparisons, ratios=ratios)


@pytest.mark.parametrize(
    ("estimand", "response", "sizes"),
    [
        ("arm", "", (6, 6, 6)),
        ("responder", "responder", (6, 6, 3)),
        ("matched", "responder", (6, 3, 3)),
        ("matched", "non_responder", (6, 3, 3)),
    ],
)
def test_every_estimand_finds_the_fraction_that_was_planted(found, estimand, response, sizes):
    all_of_it = answer_of(found, "PFC", "imipramine", estimand, response)
    none_of_it = answer_of(found, "NAc", "imipramine", estimand, response)
    assert all_of_it.sizes == sizes
    assert all_of_it.vehicle == (6, 3), "three of six mice with vehicle responded, with no drug"
    assert all_of_it.test.fraction_undone == pytest.approx(1, abs=0.15)
    assert none_of_it.test.fraction_undone == pytest.approx(0, abs=0.15)
    if estimand == "matched":
        assert all_of_it.test.p_value is None, "a description has no p"
    else:
        # Two pools of 3 + 3: C(6, 3) squared relabelings, all of them listed.
        assert all_of_it.test.p_floor == 1 / 400
        assert all_of_it.test.p_value <= 0.05 < none_of_it.test.p_value
        statistics = all_of_it.test.relabeled_statistics
        assert statistics[0] == all_of_it.test.statistic
        assert np.mean(statistics <= statistics[0] + 1e-9 * abs(statistics[0])) == all_of_it.test.p_value


def test_regions_and_drugs_are_told_apart_where_they_differ(found):
    rows = {(one.region, one.arm, one.other_region, one.other_arm): one for one in found.differences}
    assert len(rows) == 4
    # Imipramine undoes all in PFC and nothing in NAc, ketamine half in both.
    for place, difference in (
        (("PFC", "imipramine", "NAc", ""), 1.0),
        (("PFC", "ketamine", "NAc", ""), 0.0),
        (("PFC", "imipramine", "", "ketamine"), 0.5),
        (("NAc", "imipramine", "", "ketamine"), -0.5),
    ):
        one = rows[place]
        assert one.difference == pytest.approx(difference, abs=0.15), place
        low, high = one.interval
        assert low < one.difference < high
        if difference:
            assert one.p_value <= 0.05, place
        else:
            assert low < 0.05 and high > -0.05, place
    # One relabeling of mice for both regions, so p over the regions is no smaller than that of one.
    assert set(found.max_t) == {(region, arm) for region in ("PFC", "NAc") for arm in ("imipramine", "ketamine")}
    assert found.max_t["PFC", "imipramine"] <= 0.05 < found.max_t["NAc", "imipramine"]


def test_the_score_of_mice_with_vehicle_is_correlated_with_their_own_retest(found, comparisons):
    answer = answer_of(found, "PFC", "ketamine", "arm")
    saline = [f"s{number}-PFC" for number in range(6)]
    ratios = pd.Series(np.linspace(0.4, 1.6, len(comparisons.libraries)), index=comparisons.libraries.index)
    expected = spearmanr(answer.test.mouse_scores.loc[saline, "score"], ratios[saline]).statistic
    assert answer.retest.n == 6
    assert answer.retest.rho == pytest.approx(expected)
    assert answer_of(found, "PFC", "ketamine", "matched", "responder").retest is None


def test_mice_chosen_by_outcome_are_refused_in_words_and_the_whole_arm_is_not(comparisons):
    one_region = make_comparisons(("PFC",))
    found = computed(one_region, "after")
    answer = answer_of(found, "PFC", "imipramine", "responder", "responder")
    assert answer.test.messages == ("REFUSED_CHOSEN_BY_OUTCOME",)
    assert answer.sentences[0].startswith("Mice were chosen for sequencing by their re-test;")
    assert answer_of(found, "PFC", "imipramine", "arm").test.p_value <= 0.05
    assert found.max_t == {}, "one region has no others"
    unknown = answer_of(computed(one_region, "unknown"), "PFC", "imipramine", "responder", "responder")
    assert unknown.test.p_value is not None
    assert "It is not recorded whether mice were chosen for sequencing before the re-test;" in unknown.sentences[-1]


def test_without_a_retest_of_vehicle_responders_are_refused_in_words():
    found = computed(make_comparisons(("PFC",), responders={"imipramine": 3, "ketamine": 3}))
    answer = answer_of(found, "PFC", "ketamine", "responder", "responder")
    assert answer.test.messages == ("REFUSED_SALINE_NOT_RETESTED",)
    matched = answer_of(found, "PFC", "ketamine", "matched", "responder")
    assert matched.sentences == (
        "No mouse with vehicle has a call at a re-test; there is none of the same outcome to compare with.",
    )
    assert answer_of(found, "PFC", "ketamine", "arm").retest.reason.startswith("a rank correlation needs 5 mice")


def test_a_mouse_without_a_call_is_left_out_and_said():
    whole = make_comparisons(("PFC",))
    libraries = whole.libraries.copy()
    libraries.loc["s5-PFC", "response"] = "unclassified"
    answer = answer_of(computed(replace(whole, libraries=libraries)), "PFC", "ketamine", "responder", "responder")
    assert answer.sizes == (6, 5, 3)
    assert answer.sentences[-1] == "1 of these mice have no call at their re-test and are left out."
    assert answer.test.fraction_undone == pytest.approx(0.5, abs=0.15)


def test_too_few_mice_of_one_outcome_are_refused_with_their_numbers():
    found = computed(make_comparisons(("PFC",), responders={"saline": 1, "imipramine": 4, "ketamine": 4}))
    answer = answer_of(found, "PFC", "ketamine", "matched", "responder")
    assert answer.sentences == (
        "1 of 6 re-tested mice with vehicle and 4 with ketamine were responders, beside 6 controls; "
        "needs at least 3 of each.",
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sizes": {**SIZES, "imipramine": 2, "ketamine": 2}}, "REFUSED_TOO_FEW"),
        ({"pool": "arm"}, "REFUSED_POOL_TREATMENT"),
        ({"pool": "control"}, "REFUSED_POOL_CONTROL"),
    ],
)
def test_what_the_design_cannot_tell_is_refused_by_every_estimand(change, code):
    one = make_comparisons(("PFC",), sizes=change.get("sizes"))
    if "pool" in change:
        # Controls are in every pool, or the other pool is theirs alone.
        spread = pd.Series(["saline", "imipramine", "ketamine"] * len(one.libraries))[: len(one.libraries)]
        kinds = one.libraries["arm"].fillna(spread.set_axis(one.libraries.index))
        kinds = kinds if change["pool"] == "arm" else one.libraries["role"].eq("control").map(str)
        one = replace(one, libraries=one.libraries.assign(pool=kinds))
    found = computed(one)
    for answer in found.answers:
        assert answer.test.p_value is None
        assert answer.test.fraction_undone is None
        assert answer.sentences[0].endswith(".")
    assert answer_of(found, "PFC", "imipramine", "arm").test.messages[0] == code
    assert all(one.difference is None and one.sentences for one in found.differences)
    planes = resilience.compute(resilience.Inputs(one, 0, 199), Silent())
    assert all(one.test.share is None and one.test.sentences for one in planes.inductions)
    genes = drug_genes.compute(drug_genes.Inputs(one), Silent())
    assert all(one.refusal or one.genes is not None for one in genes.sets)


def test_resilience_is_induced_where_it_was_planted_and_mice_lie_where_they_were_put(comparisons):
    # Ketamine mice of PFC get half of what resilient mice have, beside half of the stress.
    resilient = comparisons.counts.loc[151:200]
    direction = np.where(np.arange(50) % 2, 1.5, -1.5)
    treated = [f"k{number}-PFC" for number in range(6)]
    counts = comparisons.counts.astype(float)
    counts.loc[151:200, treated] = resilient[treated] * 2.0 ** (direction[:, None] / 2)
    silent = Silent()
    found = resilience.compute(resilience.Inputs(replace(comparisons, counts=counts.astype(int)), 0, 199), silent)
    by_place = {(one.region, one.arm): one for one in found.inductions}
    induced, not_induced = by_place["PFC", "ketamine"], by_place["NAc", "ketamine"]
    assert induced.sizes == (6, 6, 6, 6)
    assert induced.test.share == pytest.approx(0.5, abs=0.15)
    assert induced.test.p_value <= 0.05
    assert not_induced.test.share == pytest.approx(0, abs=0.15)
    plane = found.planes[list(comparisons.regions).index("PFC")].plane
    assert set(plane.groups.index) == {
        f"{arm} {what}" for arm in ("imipramine", "ketamine") for what in ("responder", "non-responder")
    }
    for group in ("ketamine responder", "ketamine non-responder"):
        place = plane.groups.loc[group]
        assert (place["susceptible"], place["resilient"]) == pytest.approx((0.5, 0.5), abs=0.15), group
    means = plane.mice.groupby("group")[["susceptible", "resilient"]].mean()
    for corner, place in (("control", (0, 0)), ("susceptible", (1, 0)), ("resilient", (0, 1))):
        assert means.loc[corner].tolist() == pytest.approx(place, abs=1e-9), corner


def test_genes_are_sorted_by_drug_and_outcome_and_targets_are_ranked(comparisons):
    found = drug_genes.compute(drug_genes.Inputs(comparisons), Silent())
    sets = {(one.region, one.kind, one.arm, one.other_arm): one for one in found.sets}
    planted = {
        name: set(range(1, N_GENES + 1)[genes])
        for name, genes in {
            "stress": STRESS_GENES, "own": OWN_GENES, "shared": SHARED_GENES, "ketamine": KETAMINE_GENES
        }.items()
    }  # fmt: skip
    for place, genes in (
        (("NAc", "shared", "imipramine", "ketamine"), planted["shared"]),
        (("NAc", "specific", "ketamine", "imipramine"), planted["ketamine"] | planted["stress"]),
        (("NAc", "non_responder", "imipramine", ""), planted["own"]),
    ):
        members = set(sets[place].genes.index)
        assert len(members & genes) >= 0.8 * len(genes), place
        assert len(members - genes) <= max(0.15 * len(members), 20 if place[1] == "non_responder" else 5), place
    own = sets["NAc", "non_responder", "imipramine", ""]
    # Planted: up in non-responders, down in responders.
    assert own.genes.loc[list(planted["own"] & set(own.genes.index)), "is_opposing"].all()
    assert 0.8 * 30 <= own.counts["n_opposing"] <= own.counts["n_changed"]
    targets = found.targets
    assert targets["rank"].tolist() == list(range(1, len(targets) + 1))
    stressed = targets.loc[list(planted["stress"] & set(targets.index))]
    assert len(stressed) >= 50
    best = stressed[stressed["n_regions"] == 2]
    # Two drugs in two regions undo 1, 0, .5 and .5 of it; ketamine and imipramine in PFC move their mice back.
    assert best["fraction_undone"].median() == pytest.approx(0.5, abs=0.15)
    assert best["mice_moved_back"].median() == pytest.approx(7 / 8, abs=0.15)
    assert best["where"].str.startswith(("PFC: imipramine", "NAc: imipramine")).all()
