"""Mouse scores against the reference cases, their exact identities, and where there is none."""

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.reversal import reversal_test
from analysis.kernels.reversal_design import drug_design, stress_design
from analysis.kernels.reversal_effect import fit_effect
from analysis.kernels.reversal_inputs import read_samples
from analysis.kernels.reversal_messages import MESSAGES
from analysis.kernels.reversal_weights import make_grams
from analysis.kernels.score import axis_variance, mouse_scores

from .reversal_cases import ARMS, load_case, simulate

SCORED = ("01_reversal50", "02_inert", "04_no_bystanders", "05_pools_135")
GROUPS = ["C"] * 6 + ["S"] * 6 + ["D"] * 6 + ["B1"] * 6 + ["B2"] * 6


@pytest.mark.parametrize("name", SCORED)
def test_scores_agree_with_the_reference(name):
    case = load_case(name)
    frame = mouse_scores(case.expression, case.groups, pools=case.pools, **ARMS)
    expected = pd.Series(case.expected["scores"])
    assert list(frame.columns) == ["score", "se", "low", "high", "reason"]
    assert list(frame.index) == list(expected.index)
    np.testing.assert_allclose(frame["score"], expected, rtol=1e-6)
    assert (frame["reason"] == "").all()


@pytest.mark.parametrize("name", SCORED)
def test_the_error_of_the_axis_agrees_with_the_reference(name):
    case = load_case(name)
    samples = read_samples(case.expression, case.groups, case.pools, **ARMS)
    design = drug_design(samples)
    weighting = make_grams(samples, design.residuals, stress_design(samples).residuals).effect
    error = pd.Series(np.sqrt(axis_variance(samples, fit_effect(design, weighting))), index=samples.samples)
    expected = pd.Series(case.expected["score_se_axis"])
    np.testing.assert_allclose(error[expected.index], expected, rtol=1e-6)


def test_with_bystanders_the_standard_error_is_the_spread_within_groups():
    case = load_case("01_reversal50")
    frame = mouse_scores(case.expression, case.groups, **ARMS)
    np.testing.assert_allclose(frame["se"], case.expected["score_sd_within"], rtol=1e-6)
    # t table, 8 degrees of freedom, two-sided 5 %: 2.3060
    np.testing.assert_allclose(frame["high"] - frame["score"], 2.3060 * frame["se"], rtol=1e-4)
    np.testing.assert_allclose(frame["score"] - frame["low"], 2.3060 * frame["se"], rtol=1e-4)


def test_without_bystanders_the_axis_adds_its_own_error():
    case = load_case("04_no_bystanders")
    frame = mouse_scores(case.expression, case.groups, **ARMS)
    axis = pd.Series(case.expected["score_se_axis"])
    expected = np.sqrt(case.expected["score_sd_within"] ** 2 + axis**2)
    np.testing.assert_allclose(frame.loc[axis.index, "se"], expected, rtol=1e-6)
    assert (frame["se"] > case.expected["score_sd_within"]).all()


def test_small_groups_add_the_error_of_the_axis():
    expression, groups, _ = simulate(["C"] * 4 + ["S"] * 5 + ["D"] * 5 + ["B1"] * 8 + ["B2"] * 8, stress=2.0)
    frame = mouse_scores(expression, groups, **ARMS)
    assert frame["se"].nunique() == len(frame)


@pytest.mark.parametrize("pools", [None, ["P1", "P2", "P3", "P1", "P2"] * 6, ["P1", "P2", "P1"] * 10])
def test_scores_average_to_0_in_controls_1_in_susceptible_and_what_is_left_in_treated(pools):
    expression, groups, pools = simulate(GROUPS, pools, stress=1.5)
    answer = reversal_test(expression, groups, pools=pools, max_exhaustive=100, n_random=99, **ARMS)
    mean = answer.mouse_scores["score"].groupby(groups).mean()
    assert mean["C"] == pytest.approx(0.0, abs=1e-12)
    assert mean["S"] == pytest.approx(1.0, abs=1e-12)
    assert mean["D"] == pytest.approx(1 - answer.fraction_undone, abs=1e-12)


def test_scores_without_bystanders_keep_the_averages():
    expression, groups, pools = simulate(GROUPS[:18], ["P1", "P2", "P1"] * 6, stress=1.5)
    answer = reversal_test(expression, groups, pools=pools, **ARMS)
    mean = answer.mouse_scores["score"].groupby(groups).mean()
    assert "NO_BYSTANDERS" in answer.messages
    np.testing.assert_allclose(mean[["C", "S", "D"]], [0.0, 1.0, 1 - answer.fraction_undone], atol=1e-12)


def test_without_pools_the_score_is_the_formula_of_plain_means():
    # For D: [(y - mC).(mS - mC) - vC/nC] / A with A = |mS - mC|^2 - vS/nS - vC/nC; v is the same for all
    # mice without bystanders.
    expression, groups, _ = simulate(GROUPS[:18], stress=1.5)
    samples = read_samples(expression, groups, None, **ARMS)
    design = drug_design(samples)
    weighting = make_grams(samples, design.residuals, stress_design(samples).residuals).effect
    gram, noise = weighting.gram, weighting.constant_noise
    control, stressed = [(groups == name).to_numpy() / 6 for name in ("C", "S")]
    axis = stressed - control
    length = axis @ gram @ axis - noise / 6 - noise / 6
    frame = mouse_scores(expression, groups, **ARMS)
    for mouse in np.flatnonzero(groups == "D"):
        position = np.eye(18)[mouse] - control
        expected = (position @ gram @ axis - noise / 6) / length
        assert frame["score"].iloc[mouse] == pytest.approx(expected, rel=1e-10)


def test_a_mouse_alone_in_its_run_has_no_score():
    pools = ["P1", "P2"] * 3 + ["P1", "P2"] * 3 + ["P1", "P2"] * 2 + ["P1", "P9"] + ["P1", "P2"] * 6
    expression, groups, pools = simulate(GROUPS, pools, stress=1.5)
    frame = mouse_scores(expression, groups, pools=pools, **ARMS)
    assert frame.loc["m17", "reason"] == "alone in its run"
    assert frame.loc["m17", ["score", "se", "low", "high"]].isna().all()
    others = frame.drop("m17")
    assert others[["score", "se", "low", "high"]].notna().all(axis=None)
    assert (others["reason"] == "").all()


def test_scores_do_not_depend_on_what_runs_add():
    pools = ["P1", "P2", "P3"] * 10
    expression, groups, pools = simulate(GROUPS, pools, stress=1.5)
    first = expression.columns[pools == "P2"]
    shifted = expression.copy()
    shifted[first] += np.random.default_rng(5).normal(0, 3, (len(expression), 1))
    one = mouse_scores(expression, groups, pools=pools, **ARMS)
    other = mouse_scores(shifted, groups, pools=pools, **ARMS)
    np.testing.assert_allclose(one["score"], other["score"], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("06_pools_too_few", "AXIS_TOO_FEW_RELABELINGS"),
        ("07_pool_confounded", "REFUSED_POOL_TREATMENT"),
        ("08_no_stress", "NO_STRESS_SIGNATURE"),
    ],
)
def test_where_there_is_no_axis_every_mouse_gets_the_reason(name, code):
    case = load_case(name)
    frame = mouse_scores(case.expression, case.groups, pools=case.pools, **ARMS)
    assert list(frame.index) == list(case.groups.index[case.groups.isin(["C", "S", "D"])])
    assert frame[["score", "se", "low", "high"]].isna().all(axis=None)
    assert (frame["reason"] == MESSAGES[code]).all()


def test_too_few_mice_get_the_reason():
    expression, groups, _ = simulate(["C"] * 5 + ["S"] * 5 + ["D"] * 2)
    frame = mouse_scores(expression, groups, **ARMS)
    assert (frame["reason"] == MESSAGES["REFUSED_TOO_FEW"]).all()


def test_scores_are_those_of_the_reversal_test():
    expression, groups, _ = simulate(GROUPS, stress=1.5)
    frame = mouse_scores(expression, groups, seed=4, **ARMS)
    pd.testing.assert_frame_equal(frame, reversal_test(expression, groups, seed=4, **ARMS).mouse_scores)


def test_a_missing_value_is_refused_by_gene_and_sample():
    expression, groups, _ = simulate(GROUPS)
    expression.loc["g3", "m11"] = np.nan
    with pytest.raises(ValueError, match="got nan for g3 in m11"):
        mouse_scores(expression, groups, **ARMS)
