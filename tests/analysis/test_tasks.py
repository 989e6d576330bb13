"""What each task makes of the records: held to hand arithmetic, to R, and to its kernel on frames built by hand."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.exceptions import ValidationError

from analysis import runs
from analysis.current import current_run_of_contrast
from analysis.kernels.counts import filter_by_expression, log_cpm, tmm_factors
from analysis.kernels.reversal import reversal_test
from analysis.models import (
    AnalysisRun,
    Contrast,
    GeneResult,
    MouseReversalScore,
    PhenotypeCall,
    ResponseCall,
    ReversedGene,
    RunStatus,
    SignatureReversal,
)
from labdb.colony.models import Mouse, Study
from labdb.sequencing.expression_store import load_counts
from labdb.sequencing.models import CountMatrix, Gene, Library
from labdb.treatment.models import Allocation
from tests.analysis.small_study import (
    add_library,
    add_matrix,
    add_mouse,
    add_test,
    make_study,
    make_treated_study,
    random_counts,
)
from tests.kernels.expression_oracle import case

pytestmark = pytest.mark.django_db


def carried_out(study: Study, task: str, **parameters: Any) -> AnalysisRun:
    run = runs.request_run(task, study, parameters, queue=False)
    runs.execute(run.pk)
    run.refresh_from_db()
    return run


def done(study: Study, task: str, **parameters: Any) -> AnalysisRun:
    run = carried_out(study, task, **parameters)
    assert run.status == RunStatus.DONE, run.reason
    return run


# Phenotype


def test_phenotypes_equal_hand_arithmetic():
    study = make_study()
    # code, group, s without and with target; ratio, call, distance to 1.0, within .05 of it
    mice = [
        ("c1", "control", 50, 25, 0.5, "control", -0.5, False),
        ("d1", "defeated", 40, 20, 0.5, "susceptible", -0.5, False),
        ("d2", "defeated", 40, 39, 0.975, "susceptible", -0.025, True),
        ("d3", "defeated", 40, 40, 1.0, "resilient", 0.0, True),
        ("d4", "defeated", 40, 60, 1.5, "resilient", 0.5, False),
        ("d5", "defeated", 0, 60, None, "unclassified", None, False),
        ("w1", "witness", 40, 20, 0.5, "unclassified", -0.5, False),
    ]
    for code, group, absent_s, present_s, *_ in mice:
        add_test(add_mouse(study, code, group), absent_s, present_s)
    run = done(study, "phenotype")
    for code, _group, absent_s, _present_s, ratio, phenotype, distance, borderline in mice:
        call = PhenotypeCall.objects.get(run=run, mouse__code=code)
        assert (call.phenotype, call.borderline, call.study) == (phenotype, borderline, study)
        assert call.si_ratio == pytest.approx(ratio)
        assert call.distance_to_cutoff == pytest.approx(distance)
        assert (call.si_test.iz_absent_s, call.rule.name) == (absent_s, "Ratio below 1")
    assert PhenotypeCall.objects.get(mouse__code="d5").reason.startswith("0 s in the interaction zone without target")
    assert PhenotypeCall.objects.get(mouse__code="w1").reason == "only defeated mice are called; this one is witness"


def test_the_cutoff_by_controls_is_taken_from_the_mouse_s_own_cohort():
    study = make_study()
    # Ratios .6 and 1.4 four times each: mean 1, SD sqrt(8 x .16 / 7) = .4276; cutoff mean - 1 SD = .5724
    for number in range(8):
        add_test(add_mouse(study, f"c{number}", "control", "C1"), 50, 30 if number % 2 else 70)
    add_test(add_mouse(study, "d1", "defeated", "C1"), 50, 28)  # .56
    add_test(add_mouse(study, "d2", "defeated", "C1"), 50, 29)  # .58
    add_test(add_mouse(study, "d3", "defeated", "C2"), 50, 10)
    calls = done(study, "phenotype", rule="Control mean minus 1 SD").phenotypecalls
    assert calls.get(mouse__code="d1").phenotype == "susceptible"
    assert calls.get(mouse__code="d2").phenotype == "resilient"
    assert calls.get(mouse__code="d2").distance_to_cutoff == pytest.approx(0.58 - (1 - math.sqrt(8 * 0.16 / 7)))
    assert calls.get(mouse__code="d3").reason == (
        "cohort C2 has 0 controls with a ratio; a cutoff from their SD needs 8"
    )


def test_another_study_s_tests_are_not_touched():
    study, other = make_study("S1"), make_study("S2")
    add_test(add_mouse(study, "d1"), 40, 20)
    add_test(add_mouse(other, "d1"), 40, 20)
    done(study, "phenotype")
    assert [call.mouse.study for call in PhenotypeCall.objects.all()] == [study]


# Response


@pytest.fixture
def retested() -> Study:
    study = make_study()
    # s without and with target, before and after
    for code, group, before, after in (
        ("d1", "defeated", (50, 25), (50, 60)),  # .5 -> 1.2
        ("d2", "defeated", (50, 25), (50, 30)),  # .5 -> .6
        ("d3", "defeated", (50, 49), (50, 50.5)),  # .98 -> 1.01, both inside the band
        ("d4", "defeated", (50, 75), (50, 70)),  # resilient
        ("c1", "control", (50, 75), (50, 70)),
        ("d5", "defeated", (50, 25), None),
    ):
        mouse = add_mouse(study, code, group)
        add_test(mouse, *before)
        if after:
            add_test(mouse, *after, number=2)
    return study


def test_responses_equal_hand_arithmetic(retested):
    done(retested, "phenotype")
    run = done(retested, "response", rule="Ratio 1")
    calls = {call.mouse.code: call for call in ResponseCall.objects.filter(run=run)}
    assert {code: call.response for code, call in calls.items()} == {
        "d1": "responder", "d2": "non_responder", "d3": "non_responder", "d4": "unclassified", "c1": "unclassified",
    }  # fmt: skip
    assert calls["d1"].delta_log_ratio == pytest.approx(math.log(1.2 / 0.5))
    assert (calls["d3"].borderline, calls["d1"].borderline) == (True, False)
    assert calls["d3"].reason == "crossed the cutoff inside the borderline band"
    assert calls["d1"].reliable_change is None  # one control: the error of the test is not known
    assert (calls["d1"].before.test_number, calls["d1"].after.test_number) == (1, 2)


def test_a_response_depends_on_the_current_phenotype_run(retested):
    first = done(retested, "phenotype")
    run = done(retested, "response", rule="Ratio 1")
    assert list(run.depends_on.all()) == [first]
    assert run.responsecalls.get(mouse__code="d4").reason == "resilient before: nothing to respond to"
    PhenotypeCall.objects.filter(run=first, mouse__code="d4").update(phenotype="unclassified")
    again = done(retested, "response", rule="Ratio 1")
    assert again.same_as is None
    assert again.responsecalls.get(mouse__code="d4").reason == "no phenotype before the treatment"


def test_a_response_without_phenotypes_or_retests_is_refused_in_words(retested):
    assert carried_out(retested, "response").reason == (
        "No phenotype run of S1 on test 1 is current; run phenotype first."
    )
    assert carried_out(retested, "response", after=5).reason == (
        "S1 has no mouse with SI tests 1 and 5; enter or import the re-tests."
    )
    assert carried_out(retested, "response", before=3, after=2).reason == (
        "The re-test (number 2) must come after the first test (number 3)."
    )


# Differential expression


def study_of_conditions(
    counts: np.ndarray, conditions: list[str], pools: list[str], region: str = "PFC"
) -> tuple[Study, CountMatrix]:
    study = make_study()
    libraries = [
        add_library(add_mouse(study, f"m{number:02}"), region, pool=pool, condition=condition)
        for number, (condition, pool) in enumerate(zip(conditions, pools, strict=True))
    ]
    return study, add_matrix(study, libraries, counts)


def add_contrast(study: Study, name: str, numerator: str, denominator: str, **fields: Any) -> Contrast:
    fields = {"group_by": "library__condition", **fields}
    return Contrast.objects.create(study=study, name=name, numerator=numerator, denominator=denominator, **fields)


def genes_of(run: AnalysisRun, contrast: str) -> pd.DataFrame:
    columns = ["gene_id", "log2_fold_change", "average_expression", "t", "p_value", "adj_p_value"]
    rows = GeneResult.objects.filter(run=run, contrast__name=contrast).values_list(*columns)
    return pd.DataFrame(rows, columns=columns).set_index("gene_id").sort_index()


def test_differential_expression_equals_r():
    oracle = case("sim2k")
    conditions = oracle.group.tolist()
    pools = ["b1" if number % 2 == 0 else "b2" for number in range(24)]
    assert [pool == "b2" for pool in pools] == oracle.design["b2"].astype(bool).tolist()
    study, _ = study_of_conditions(oracle.counts.to_numpy(), conditions, pools)
    for name in oracle.tables:
        numerator, denominator = name.split("_vs_")
        add_contrast(study, name, numerator, denominator)
    run = done(study, "differential_expression")
    names = dict(zip(Gene.objects.order_by("pk").values_list("pk", flat=True), oracle.counts.index, strict=True))
    for name, expected in oracle.tables.items():
        found = genes_of(run, name).rename(index=names).loc[expected.index]
        np.testing.assert_allclose(found["log2_fold_change"], expected["logFC"], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(found["p_value"], expected["P.Value"], rtol=1e-7)
        np.testing.assert_allclose(found["adj_p_value"], expected["adj.P.Val"], rtol=1e-7)
    assert GeneResult.objects.count() == 3 * len(expected)


@pytest.fixture
def conditions() -> Study:
    """Three conditions of four mice, one of one, in two pools that each hold all of the three."""
    rng = np.random.default_rng(3)
    study, _ = study_of_conditions(
        random_counts(rng, 60, 13), ["a"] * 4 + ["b"] * 4 + ["c"] * 4 + ["lone"], ["p1", "p2"] * 6 + ["p1"]
    )
    return study


def test_several_values_count_by_their_mean(conditions):
    for name, numerator, denominator in (("ab", "a; b", "c"), ("a", "a", "c"), ("b", "b", "c")):
        add_contrast(conditions, name, numerator, denominator)
    run = done(conditions, "differential_expression")
    one, two, both = (genes_of(run, name)["log2_fold_change"] for name in ("a", "b", "ab"))
    np.testing.assert_allclose(both, (one + two) / 2, rtol=1e-12, atol=1e-12)


def test_one_contrast_can_be_run_alone_and_is_current_for_itself(conditions):
    both, alone = add_contrast(conditions, "a - b", "a", "b"), add_contrast(conditions, "a - c", "a", "c")
    everything = done(conditions, "differential_expression")
    run = done(conditions, "differential_expression", contrast="a - c")
    assert set(run.generesults.values_list("contrast__name", flat=True)) == {"a - c"}
    assert runs.current_run(conditions, "differential_expression") == everything
    assert runs.current_run(conditions, "differential_expression", "contrast=a - c") == run
    assert current_run_of_contrast(both) == everything
    assert current_run_of_contrast(alone) == run


def test_contrasts_that_cannot_be_answered_are_refused_and_the_others_answered(conditions):
    add_contrast(conditions, "good", "a", "b")
    add_contrast(conditions, "single", "a", "lone")
    add_contrast(conditions, "absent", "a", "d")
    add_contrast(conditions, "twice", "a; b", "b")
    add_contrast(conditions, "no field", "a", "b", group_by="library__colour")
    run = done(conditions, "differential_expression")
    assert set(run.generesults.values_list("contrast__name", flat=True)) == {"good"}
    for sentence in (
        "Refused. PFC, single: lone has one mouse; a group needs 2 or more.",
        "Refused. PFC, absent: no library here has library__condition d; there are: a, b, c, lone.",
        "Refused. PFC, twice: b stands on both sides.",
        "Refused. no field: colour is not a field of a library with one value; there are: ",
        "PFC: 1 library left out, without a value of library__condition or alone in their group (lone).",
    ):
        assert sentence in run.log


def test_a_run_that_can_answer_nothing_fails_with_the_refusals(conditions):
    add_contrast(conditions, "absent", "a", "d")
    run = carried_out(conditions, "differential_expression")
    assert run.status == RunStatus.FAILED
    assert run.reason.startswith("No contrast could be answered. PFC, absent: no library here has")


def test_a_group_confounded_with_its_pool_is_refused_and_the_columns_are_named():
    rng = np.random.default_rng(4)
    study, _ = study_of_conditions(
        random_counts(rng, 60, 12), ["a"] * 4 + ["b"] * 4 + ["c"] * 4, ["p1", "p2"] * 4 + ["p3"] * 4
    )
    add_contrast(study, "a - b", "a", "b")
    add_contrast(study, "a - c", "a", "c")
    run = done(study, "differential_expression")
    assert (
        "Refused. PFC, a - c: the design is not of full rank and cannot separate the groups: "
        "library__pool=p3 is confounded with c."
    ) in run.log
    assert set(run.generesults.values_list("contrast__name", flat=True)) == {"a - b"}
    # c has a pool of its own and tells nothing of a - b but its spread: leave out its column, not its mice
    assert "design a + b + c + library__pool=p2; 1 contrasts." in run.log


def test_a_covariate_that_some_libraries_lack_is_refused(conditions):
    Library.objects.filter(code="m03-PFC").update(pool="")
    add_contrast(conditions, "a - b", "a", "b")
    run = carried_out(conditions, "differential_expression")
    assert "PFC: library__pool is missing for m03-PFC; enter it, or take it out of the covariates." in run.reason


def test_two_libraries_of_one_mouse_and_region_are_refused():
    rng = np.random.default_rng(5)
    study = make_study()
    mice = [add_mouse(study, f"m{number}") for number in range(4)]
    libraries = [add_library(mouse, "PFC", condition="ab"[number % 2]) for number, mouse in enumerate(mice)]
    libraries.append(add_library(mice[0], "PFC", code="again", condition="b"))
    add_matrix(study, libraries, random_counts(rng, 60, 5))
    add_contrast(study, "a - b", "a", "b")
    run = carried_out(study, "differential_expression")
    assert "PFC: libraries again, m0-PFC are several of one mouse; a mouse counts once" in run.reason


def test_a_contrast_of_a_field_that_does_not_exist_is_refused_when_entered(conditions):
    contrast = Contrast(
        study=conditions, name="x", group_by="mouse__colour", numerator="a", denominator="b", covariates="library__lot"
    )
    with pytest.raises(ValidationError) as refused:
        contrast.full_clean()
    assert set(refused.value.message_dict) == {"group_by", "covariates"}


def test_differential_expression_without_contrasts_or_counts_is_refused_in_words():
    study = make_study()
    assert carried_out(study, "differential_expression").reason == "S1 has no contrasts; define at least one."
    add_contrast(study, "a - b", "a", "b")
    assert carried_out(study, "differential_expression").reason == "S1 has no counts; import a count matrix."


# Reversal and scores


@pytest.fixture
def treated() -> Study:
    study = make_treated_study()
    for task in ("phenotype", "response"):
        done(study, task)
    return study


def handmade_groups() -> pd.Series:
    """By library code, as `make_treated_study` lays them out: even mice of the drug respond, but all are treated."""
    names = {"c": "control", "r": "resilient", "s": "susceptible", "k": "treated"}
    return pd.Series({f"{kind}{number}-PFC": name for kind, name in names.items() for number in range(5)})


def test_reversal_equals_its_kernel_on_frames_built_by_hand(treated):
    run = done(treated, "reversal", seed=5)
    matrix = CountMatrix.objects.get()
    codes = dict(Library.objects.values_list("pk", "code"))
    counts = load_counts(matrix).rename(columns=codes)
    groups = handmade_groups()
    pools = pd.Series({code: f"P{int(code[1]) % 2}" for code in groups.index})
    # The filter pools susceptible and treated mice: groups of 5, 5 and 10.
    kept = counts[filter_by_expression(counts, groups.replace({"treated": "susceptible"})[counts.columns])]
    expected = reversal_test(log_cpm(kept, tmm_factors(kept)), groups, treated="treated", pools=pools, seed=5)
    row = SignatureReversal.objects.get(run=run, estimand="arm")
    assert (row.n_control, row.n_stress, row.n_treated, row.estimand, row.response) == (5, 5, 5, "arm", "")
    assert (row.arm, row.region.code, row.refusal) == ("ketamine", "PFC", "")
    for name in (
        "p_value",
        "p_floor",
        "fraction_undone",
        "fraction_undone_se",
        "statistic",
        "cosine",
        "cosine_null_mean",
    ):
        assert getattr(row, name) == pytest.approx(getattr(expected, name), rel=1e-12), name
    assert (row.fraction_undone_low, row.fraction_undone_high) == pytest.approx(expected.fraction_undone_interval)
    assert row.adj_p_value == row.p_value  # one test
    assert row.messages.splitlines() == list(expected.sentences)
    assert {one.task for one in run.depends_on.all()} == {"phenotype", "response"}


def test_a_drug_that_undoes_all_of_the_stress_is_found_to_do_so(treated):
    run = done(treated, "reversal")
    row = SignatureReversal.objects.get(run=run, estimand="arm")
    # Planted: every fifth gene four-fold under stress, back to 1 in every treated mouse.
    assert row.fraction_undone == pytest.approx(1, abs=0.1)
    # Pools of 3 + 3 and 2 + 2: C(6, 3) x C(4, 2) = 120 relabelings.
    assert (row.n_relabelings, row.p_floor) == (120, pytest.approx(1 / 120))
    assert row.p_value == pytest.approx(1 / 120)
    genes = list(Gene.objects.order_by("pk").values_list("pk", flat=True))
    planted = set(genes[::5])
    listed = set(ReversedGene.objects.filter(run=run, listed=True).values_list("gene_id", flat=True))
    # A q of .05 bounds the share of false genes, not the power; four-fold in 5 v 5 mice is hard to miss.
    assert len(listed & planted) >= 0.9 * 60
    assert len(listed - planted) <= 0.1 * len(listed)


def test_mouse_scores_run_from_control_to_susceptible(treated):
    reversal = done(treated, "reversal")
    run = done(treated, "mouse_scores")
    row = SignatureReversal.objects.get(run=reversal, estimand="arm")
    scores = pd.DataFrame(
        MouseReversalScore.objects.filter(run=run).values("mouse__code", "group", "score", "reversal")
    )
    assert len(scores) == 15
    means = scores.groupby(scores["mouse__code"].str[0])["score"].mean()
    # Identities of the score: controls 0, susceptible saline 1, treated 1 - fraction undone.
    assert means["c"] == pytest.approx(0, abs=1e-9)
    assert means["s"] == pytest.approx(1, abs=1e-9)
    assert means["k"] == pytest.approx(1 - row.fraction_undone, abs=1e-9)
    assert set(scores["group"]) == {"control", "susceptible saline", "ketamine responder", "ketamine non-responder"}
    assert set(scores["reversal"]) == {row.pk}
    assert reversal in run.depends_on.all()


def test_vehicle_that_was_not_randomized_makes_no_susceptible_saline_mouse(treated):
    Allocation.objects.filter(mouse__code="s0").update(randomization=None)
    assert SignatureReversal.objects.get(run=done(treated, "reversal"), estimand="arm").n_stress == 4


def test_too_few_mice_are_a_stored_refusal(treated):
    Allocation.objects.filter(mouse__code__in=["s0", "s1", "s2"]).update(randomization=None)
    row = SignatureReversal.objects.get(run=done(treated, "reversal"), estimand="arm")
    assert (row.refusal, row.p_value, row.fraction_undone) == ("REFUSED_TOO_FEW", None, None)
    assert row.messages == "Needs at least 3 control, 3 susceptible and 3 treated mice."
    scores = MouseReversalScore.objects.filter(run=done(treated, "mouse_scores"))
    assert set(scores.values_list("score", "reason")) == {(None, row.messages)}


def test_a_mouse_without_a_phenotype_is_left_out_with_a_note(treated):
    Mouse.objects.filter(code="r0").update(group="")
    PhenotypeCall.objects.filter(mouse__code="r1").update(phenotype="unclassified")
    run = done(treated, "reversal")
    assert "2 libraries of 2 mice left out: the phenotype is not known." in run.log


def test_a_pool_that_some_libraries_lack_is_refused(treated):
    Library.objects.filter(code="c0-PFC").update(pool="")
    assert carried_out(treated, "reversal").reason == (
        "PFC: the pool is missing for c0-PFC, but not for the others; enter it."
    )


def test_reversal_without_what_it_needs_is_refused_in_words():
    study = make_study()
    assert carried_out(study, "reversal").reason == "S1 has no counts; import a count matrix."
    add_matrix(study, [add_library(add_mouse(study, "m1"), "PFC")], np.ones((5, 1), dtype=int))
    assert carried_out(study, "reversal").reason == "S1 needs a vehicle arm (marked as such) and a drug arm."


def test_reversal_without_phenotypes_is_refused_in_words():
    study = make_treated_study(n_genes=20)
    assert carried_out(study, "reversal").reason == (
        "No sequenced mouse of S1 has a current phenotype call; run phenotype first."
    )
    Allocation.objects.update(randomization=None)
    assert carried_out(study, "mouse_scores").reason == (
        "No mouse of S1 was allocated to an arm by a randomization; record the randomization and its key."
    )
