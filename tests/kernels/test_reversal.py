"""The reversal test against the reference cases, gene-space arithmetic and its own refusals."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.reversal import MESSAGES, reversal_test
from analysis.kernels.reversal_crossfit import crossfitted_statistics, literal_statistic
from analysis.kernels.reversal_design import count_relabelings, drug_design, make_relabelings, stress_design
from analysis.kernels.reversal_inputs import read_samples
from analysis.kernels.reversal_weights import make_grams

from .reversal_cases import ARMS, NAMES, load_case, simulate

GROUPS_5 = ["C"] * 5 + ["S"] * 5 + ["D"] * 5
BYSTANDERS = ["B1"] * 5 + ["B2"] * 5 + ["B3"] * 4


@pytest.fixture(scope="module", params=NAMES)
def answered(request):
    case = load_case(request.param)
    return case, reversal_test(case.expression, case.groups, pools=case.pools, **ARMS)


def test_messages_and_relabelings_are_those_of_the_reference(answered):
    case, answer = answered
    assert answer.messages == case.messages
    assert answer.n_relabelings_available == case.expected["relabellings_available"]
    assert answer.n_relabelings == case.expected.get("relabellings_used")


def test_p_values_are_exactly_those_of_the_reference(answered):
    case, answer = answered
    assert answer.p_value == case.expected.get("p")
    assert answer.p_floor == case.expected.get("p_floor")
    assert answer.p_stress_axis == case.expected.get("p_axis")


@pytest.mark.parametrize(
    ("field", "key", "tolerance"),
    [
        ("statistic", "U_test", {"rel": 1e-6}),
        ("u", "U", {"rel": 1e-6}),
        ("a", "A", {"rel": 1e-6}),
        ("fraction_undone", "lambda", {"rel": 1e-6}),
        ("fraction_undone_se", "lambda_se", {"rel": 1e-6}),
        ("cosine", "cosine", {"abs": 1e-8}),
        ("cosine_null_mean", "cosine_null_mean", {"abs": 1e-8}),
    ],
)
def test_numbers_agree_with_the_reference(answered, field, key, tolerance):
    case, answer = answered
    expected = case.expected.get(key)
    if expected is None:
        assert getattr(answer, field) is None
    else:
        assert getattr(answer, field) == pytest.approx(expected, **tolerance)


def test_the_interval_is_student_s_about_the_fraction_undone():
    case = load_case("01_reversal50")
    answer = reversal_test(case.expression, case.groups, **ARMS)
    low, high = answer.fraction_undone_interval
    # t table, 12 degrees of freedom (5 + 5 + 5 - 3), two-sided 5 %: 2.1788
    reach = 2.1788 * case.expected["lambda_se"]
    assert low == pytest.approx(case.expected["lambda"] - reach, rel=1e-4)
    assert high == pytest.approx(case.expected["lambda"] + reach, rel=1e-4)


def gene_space_statistic(values, control, stressed, treated, n_directions):
    """T averaged over stressed mice by plain means and a singular value decomposition of genes x mice."""
    total = 0.0
    for left_out in stressed:
        others = [mouse for mouse in stressed if mouse != left_out]
        groups = (control, others, treated)
        means = [values[:, group].mean(axis=1) for group in groups]
        residuals = np.hstack([values[:, g] - m[:, None] for g, m in zip(groups, means, strict=True)])
        learned = np.linalg.svd(residuals, full_matrices=False)[0][:, :n_directions]
        drug = means[2] - values[:, left_out]
        stress = means[1] - means[0]
        total += drug @ stress - (learned.T @ drug) @ (learned.T @ stress)
    return total / len(stressed)


def test_the_statistic_is_the_left_out_product_of_mean_differences_in_gene_space():
    expression, groups, _ = simulate(["C"] * 4 + ["S"] * 4 + ["D"] * 4, seed=4)
    control, stressed, treated = list(range(4)), list(range(4, 8)), list(range(8, 12))
    values = expression.to_numpy()
    # Weights from the controls: df 3, pulled to the geometric mean with 4 pseudo degrees of freedom.
    variance = values[:, control].var(axis=1, ddof=1)
    variance = np.maximum(variance, 1e-5 * np.median(variance))
    weighted = values / np.sqrt((3 * variance + 4 * np.exp(np.log(variance).mean())) / 7)[:, None]
    answer = reversal_test(expression, groups, **ARMS)
    # 12 mice, rank 2: (12 - 2 - 2) // 3 = 2 directions
    observed = gene_space_statistic(weighted, control, stressed, treated, 2)
    assert answer.statistic == pytest.approx(observed, rel=1e-9)
    relabeled = [
        gene_space_statistic(weighted, control, sorted(set(range(4, 12)) - set(chosen)), list(chosen), 2)
        for chosen in combinations(range(4, 12), 4)
    ]
    assert answer.p_value == np.mean(np.array(relabeled) <= observed + 1e-9)
    assert answer.n_relabelings == 70


def prepared(expression, groups, pools=None, n_random=60):
    samples = read_samples(expression, groups, pools, **ARMS)
    design = drug_design(samples)
    gram = make_grams(samples, design.residuals, stress_design(samples).residuals).test
    rng = np.random.default_rng(3)
    return gram, design, make_relabelings(design, rng, max_exhaustive=300, n_random=n_random)


DESIGNS = {
    "no pools": (GROUPS_5 + BYSTANDERS, None, 300),
    "pools": (GROUPS_5 + BYSTANDERS, (["P1", "P2"] * 15)[:29], 300),
    "demo size": (["C"] * 8 + ["S"] * 16 + ["D"] * 16 + ["B1"] * 12 + ["B2"] * 12, ["P1", "P2"] * 32, 300),
    "a stressed mouse alone in its run": (GROUPS_5, ["P1", "P2"] * 2 + ["P1", "P3"] + ["P1", "P2"] * 4 + ["P1"], 300),
    "fewer genes than mice": (GROUPS_5 + BYSTANDERS, None, 12),
    "fewer genes than directions": (GROUPS_5 + BYSTANDERS, None, 3),
    "smallest": (["C"] * 3 + ["S"] * 3 + ["D"] * 3, None, 300),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_rank_one_projections_equal_the_formula_as_it_stands(name):
    groups, pools, n_genes = DESIGNS[name]
    expression, groups, pools = simulate(groups, pools, n_genes=n_genes)
    gram, design, labels = prepared(expression, groups, pools)
    fast = crossfitted_statistics(gram, design, labels)
    literal = np.array([literal_statistic(gram, design, label) for label in labels])
    assert np.abs(fast - literal).max() <= 1e-9 * np.abs(literal).max()


def test_an_inert_drug_is_called_reversal_no_more_often_than_the_level_says():
    n_studies, p_values, cosines = 60, [], []
    for seed in range(n_studies):
        expression, groups, _ = simulate(GROUPS_5 + BYSTANDERS, n_genes=200, undone=0.0, seed=1_000 + seed)
        answer = reversal_test(expression, groups, **ARMS)
        p_values.append(answer.p_value)
        cosines.append(answer.cosine)
    # Binomial(60, .05): more than 8 with probability below .003
    assert np.sum(np.array(p_values) <= 0.05) <= 8
    assert np.mean(np.array(p_values) <= 0.5) == pytest.approx(0.5, abs=0.2)  # 3 standard errors
    assert np.mean(np.array(cosines) < 0) > 0.9  # the naive view: nearly always "reversal"


def test_a_full_reversal_is_found():
    expression, groups, _ = simulate(GROUPS_5 + BYSTANDERS, undone=1.0)
    answer = reversal_test(expression, groups, **ARMS)
    assert answer.p_value == answer.p_floor == 1 / 252
    low, high = answer.fraction_undone_interval
    assert low < 1 < high


def test_the_answer_does_not_depend_on_the_order_of_samples():
    expression, groups, pools = simulate(["C"] * 5 + ["S"] * 8 + ["D"] * 8 + ["B1"] * 12, ["P1", "P2", "P3"] * 11)
    shuffled = np.random.default_rng(0).permutation(expression.columns)
    options = {"max_exhaustive": 100, "n_random": 199, "seed": 7, **ARMS}
    one = reversal_test(expression, groups, pools=pools, **options)
    other = reversal_test(expression[shuffled], groups[shuffled[::-1]], pools=pools, **options)
    assert one.n_relabelings == 200
    assert (one.p_value, one.statistic, one.p_stress_axis) == (other.p_value, other.statistic, other.p_stress_axis)
    assert list(other.mouse_scores.index) == [name for name in shuffled if not groups[name].startswith("B")]
    pd.testing.assert_frame_equal(one.mouse_scores, other.mouse_scores.loc[one.mouse_scores.index])


def test_random_relabelings_follow_the_seed():
    expression, groups, _ = simulate(GROUPS_5 + BYSTANDERS, undone=0.2)
    options = {"max_exhaustive": 100, "n_random": 199, **ARMS}
    first = reversal_test(expression, groups, seed=1, **options)
    again = reversal_test(expression, groups, seed=1, **options)
    other = reversal_test(expression, groups, seed=2, **options)
    assert first.cosine_null_mean == again.cosine_null_mean
    assert first.cosine_null_mean != other.cosine_null_mean
    assert first.p_floor == 1 / 200
    assert (first.seed, other.seed) == (1, 2)


def test_relabelings_stay_inside_runs_and_are_all_different():
    pools = (["P1"] * 2 + ["P2"] * 3) * 3
    expression, groups, pools = simulate(GROUPS_5, pools)
    samples = read_samples(expression, groups, pools, **ARMS)
    design = drug_design(samples)
    labels = make_relabelings(design, np.random.default_rng(0), max_exhaustive=5_000, n_random=1)
    # 2 S + 2 D in P1, 3 S + 3 D in P2: C(4, 2) C(6, 3) = 6 x 20
    assert len(labels) == count_relabelings(design) == 120
    assert len(np.unique(labels, axis=0)) == 120
    assert (labels[0] == samples.is_treated).all()
    assert (labels[:, samples.pool == 0].sum(axis=1) == 2).all()
    assert (labels[:, ~design.is_merged] == 0).all()


def test_progress_ends_with_all_relabelings_done():
    expression, groups, _ = simulate(GROUPS_5)
    calls = []
    reversal_test(expression, groups, progress=lambda done, total: calls.append((done, total)), **ARMS)
    assert calls[-1] == (252, 252)
    assert calls == sorted(calls)


def refused_everything(answer):
    fields = ("statistic", "p_value", "fraction_undone", "u", "a", "cosine", "p_stress_axis", "mouse_scores")
    return all(getattr(answer, field) is None for field in fields)


@pytest.mark.parametrize(
    "groups",
    [["C"] * 2 + ["S"] * 5 + ["D"] * 5, ["C"] * 5 + ["S"] * 2 + ["D"] * 5, ["C"] * 5 + ["S"] * 5, ["B1"] * 6],
)
def test_fewer_than_three_mice_of_a_group_are_refused(groups):
    expression, groups, _ = simulate(groups)
    answer = reversal_test(expression, groups, **ARMS)
    assert answer.messages == ("REFUSED_TOO_FEW",)
    assert answer.sentences == ("Needs at least 3 control, 3 susceptible and 3 treated mice.",)
    assert refused_everything(answer)


def test_controls_in_runs_of_their_own_are_refused():
    expression, groups, pools = simulate(GROUPS_5, ["P1"] * 5 + ["P2", "P3", "P2", "P3", "P2"] * 2)
    answer = reversal_test(expression, groups, pools=pools, **ARMS)
    assert answer.messages == ("REFUSED_POOL_CONTROL",)
    assert refused_everything(answer)


def test_bystanders_can_link_the_controls_to_the_other_runs():
    expression, groups, pools = simulate(
        GROUPS_5 + BYSTANDERS, ["P1"] * 5 + ["P2", "P3", "P2", "P3", "P2"] * 2 + ["P1", "P2", "P3"] * 4 + ["P1", "P2"]
    )
    answer = reversal_test(expression, groups, pools=pools, **ARMS)
    assert answer.p_value is not None
    # Control and susceptible mice share no run: nothing can be relabeled to show a stress signature.
    assert answer.messages[-1] == "AXIS_TOO_FEW_RELABELINGS"
    assert answer.fraction_undone is None


def test_treatment_confounded_with_run_is_refused():
    expression, groups, pools = simulate(GROUPS_5, ["P1", "P2"] * 2 + ["P1"] + ["P1"] * 5 + ["P2"] * 5)
    answer = reversal_test(expression, groups, pools=pools, **ARMS)
    assert answer.messages == ("REFUSED_POOL_TREATMENT",)
    assert answer.n_relabelings_available == 1
    assert refused_everything(answer)


def test_runs_that_leave_no_residuals_are_refused():
    pools = ["P1", "P2", "P3", "P1", "P2", "P4", "P1", "P4", "P5"]
    expression, groups, pools = simulate(["C"] * 3 + ["S"] * 3 + ["D"] * 3, pools)
    answer = reversal_test(expression, groups, pools=pools, **ARMS)
    assert answer.messages == ("REFUSED_TOO_MANY_POOLS",)


def test_too_few_relabelings_leave_the_effect_but_give_no_p():
    # P1 holds 5 S and 1 D, P2 only 3 D: C(6, 1) C(3, 3) = 6.
    groups = ["C"] * 6 + ["S"] * 5 + ["D"] * 4 + ["B1"] * 12
    pools = ["P1"] * 5 + ["P2"] + ["P1"] * 5 + ["P1"] + ["P2"] * 3 + ["P1", "P2"] * 6
    expression, groups, pools = simulate(groups, pools, stress=2.0)
    answer = reversal_test(expression, groups, pools=pools, **ARMS)
    assert answer.n_relabelings_available == answer.n_relabelings == 6
    assert answer.messages == ("TOO_FEW_RELABELINGS",)
    assert answer.sentences[0].startswith("Only 6 within-run relabelings exist; the smallest possible p would be 1/6.")
    assert answer.p_value is None
    assert answer.p_floor == 1 / 6
    assert answer.fraction_undone == pytest.approx(0.5, abs=0.2)


def test_a_difference_in_spread_is_noted():
    expression, groups, _ = simulate(GROUPS_5 + BYSTANDERS)
    stressed = groups == "S"
    mean = expression.loc[:, stressed].mean(axis=1)
    spread_out = expression.copy()
    spread_out.loc[:, stressed] = expression.loc[:, stressed].sub(mean, axis=0).mul(2).add(mean, axis=0)
    assert "UNEQUAL_SPREAD" not in reversal_test(expression, groups, **ARMS).messages
    assert "UNEQUAL_SPREAD" in reversal_test(spread_out, groups, **ARMS).messages


def test_every_message_is_a_sentence():
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in MESSAGES.values())


def broken(change):
    expression, groups, pools = simulate(GROUPS_5, ["P1", "P2", "P1", "P2", "P1"] * 3)
    parts = {"expression": expression, "groups": groups, "pools": pools}
    change(parts)
    return parts


def set_cell(value):
    def change(parts):
        parts["expression"].loc["g7", "m03"] = value

    return change


def replace(part, make):
    def change(parts):
        parts[part] = make(parts[part])

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (set_cell(np.nan), "got nan for g7 in m03"),
        (set_cell(-np.inf), "got -inf for g7 in m03"),
        (replace("expression", lambda e: e.rename(index={"g1": "g2"})), "each gene once; g2 comes twice"),
        (replace("expression", lambda e: e.rename(columns={"m01": "m02"})), "each sample once; m02 comes twice"),
        (replace("expression", lambda e: e.iloc[:0]), "must have genes and samples"),
        (replace("expression", lambda e: e.astype({"m04": str})), "must be numbers; sample m04"),
        (replace("expression", lambda e: e * 0 + 3.1), "must vary between mice"),
        (replace("groups", lambda g: g.drop("m05")), "groups has no value for m05"),
        (replace("groups", lambda g: pd.concat([g, pd.Series({"x": "C"})])), "groups names x, which"),
        (replace("groups", lambda g: pd.concat([g, g[:1]])), "m00 comes twice"),
        (replace("groups", lambda g: g.mask(g.index == "m09")), "m09 has none"),
        (replace("groups", list), "groups must be a Series by sample; got list"),
        (replace("pools", lambda p: p.where(p.index != "m02", " ")), "pools must have a value .* m02 has none"),
    ],
)
def test_malformed_input_is_refused_by_name(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        reversal_test(**broken(change), **ARMS)


def test_the_three_groups_must_differ():
    expression, groups, _ = simulate(GROUPS_5)
    with pytest.raises(ValueError, match="three groups; got 'S', 'S', 'C'"):
        reversal_test(expression, groups, treated="S", stress="S", control="C")


@pytest.mark.parametrize("limits", [{"max_exhaustive": 0}, {"n_random": 18}])
def test_limits_that_allow_no_p_of_5_percent_are_refused(limits):
    expression, groups, _ = simulate(GROUPS_5)
    with pytest.raises(ValueError, match="must be at least"):
        reversal_test(expression, groups, **limits, **ARMS)


def test_empty_pools_mean_no_pools():
    case = load_case("01_reversal50")
    assert case.pools.isna().all()
    without = reversal_test(case.expression, case.groups, **ARMS)
    blank = reversal_test(case.expression, case.groups, pools=case.pools.astype(object).fillna(""), **ARMS)
    assert without.statistic == blank.statistic
