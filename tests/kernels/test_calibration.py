"""Error rates and power of the reversal test in simulated studies; every number follows its seed."""

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.calibration import STANDARD, Scenario, calibrate, reversal_power, simulate_study
from analysis.kernels.study_shape import StudyShape, learn_shape

from .reversal_cases import ARMS, simulate


def shape_of(groups, *, n_genes=150, signature_length=6.0, pools=None):
    """A study with known noise: own SD .4, one shared direction of SD .4."""
    names = [f"m{number:03d}" for number in range(len(groups))]
    return StudyShape(
        groups=pd.Series(groups, index=names),
        pools=None if pools is None else pd.Series(pools, index=names),
        noise_sd=np.full(n_genes, 0.4),
        loadings=np.full((n_genes, 1), 0.4),
        signature_length=signature_length,
        **ARMS,
    )


TINY = shape_of(["C"] * 4 + ["S"] * 4 + ["D"] * 4, n_genes=60)
SMALL = shape_of(["C"] * 4 + ["S"] * 4 + ["D"] * 4 + ["B1"] * 6 + ["B2"] * 6)


def test_a_study_is_learned_and_simulated_as_it_was():
    rng = np.random.default_rng(1)
    groups = ["C"] * 30 + ["S"] * 30 + ["D"] * 30
    shape = shape_of(groups, n_genes=800, signature_length=8.0)
    expression = simulate_study(shape, Scenario(undone=0.5), rng).expression
    learned = learn_shape(expression.set_axis([f"g{n}" for n in range(800)]), shape.groups, n_genes=400, **ARMS)
    assert len(learned.noise_sd) == 400
    assert np.sqrt(np.mean(learned.noise_sd**2)) == pytest.approx(0.4, rel=0.1)
    assert learned.shared_share == pytest.approx(0.5, abs=0.1)
    assert learned.signature_length == pytest.approx(8 / 2**0.5, rel=0.25)  # half of the genes


def test_a_simulated_drug_undoes_what_the_truth_says():
    shape = shape_of(["C"] * 400 + ["S"] * 400 + ["D"] * 400, signature_length=20.0)
    study = simulate_study(shape, Scenario(undone=0.3, selection=0.5), np.random.default_rng(0))
    means = study.expression.T.groupby(shape.groups).mean().T
    stress, drug = means["S"] - means["C"], means["D"] - means["S"]
    assert np.linalg.norm(stress) == pytest.approx(20.0, rel=0.1)
    assert -float(stress @ drug) / float(stress @ stress) == pytest.approx(0.3, abs=0.03)
    did_respond = study.responded.groupby(shape.groups).apply(lambda r: r.astype(float).mean())
    assert np.isnan(did_respond["C"])
    assert did_respond["D"] > did_respond["S"]
    # .3 of susceptible mice cross; standard error .023
    assert did_respond["S"] == pytest.approx(0.3, abs=0.07)


@pytest.mark.slow
def test_the_level_holds_at_400_replicates():
    calls = []
    table = calibrate(TINY, [Scenario()], seed=1, progress=lambda *call: calls.append(call))
    assert calls[-1] == (400, 400)
    row = table.iloc[0]
    assert (row["n_replicates"], row["n_answered"]) == (400, 400)
    # Level 5 %, Monte Carlo error 1.1 points: 2.6 errors
    assert row["rate"] <= 0.05 + 0.028
    assert row["low"] <= row["rate"] <= row["high"]
    assert row["mc_error"] == pytest.approx((row["rate"] * (1 - row["rate"]) / 400) ** 0.5)


def test_a_full_reversal_is_found_and_lies_in_the_intervals():
    row = calibrate(SMALL, [Scenario(undone=1.0)], n_replicates=30, seed=1).iloc[0]
    assert row["rate"] > 0.5
    assert row["mean_fraction_undone"] == pytest.approx(1.0, abs=0.15)
    assert row["coverage"] >= 0.85  # 95 % less 2.5 errors of 30


def test_choosing_responders_is_called_an_effect_and_relabeling_the_arm_is_not():
    shape = shape_of(["C"] * 6 + ["S"] * 8 + ["D"] * 14, n_genes=60, signature_length=9.0)
    table = calibrate(shape, [Scenario(selection=0.7)], n_replicates=30, n_random=19, seed=3).set_index("test")
    rates = table["rate"]
    assert rates["chosen"] > 0.15 > max(rates["arm"], rates["responder"])
    assert table["n_answered"]["responder"] > 15
    assert table["selection"].eq(0.7).all()


def test_power_grows_with_mice_and_a_table_follows_its_seed():
    options = {"n_replicates": 10, "n_random": 19}
    table = reversal_power(TINY, [3, 8], [1.0], seed=2, **options)
    assert list(table["n_per_arm"]) == [3, 8]
    assert table["rate"][1] > table["rate"][0]
    again = reversal_power(TINY, [3, 8], [1.0], seed=2, **options)
    pd.testing.assert_frame_equal(table, again)


def test_a_study_that_allows_no_p_has_no_rate():
    pools = ["P1", "P2"] * 2 + ["P1"] * 4 + ["P2"] * 4 + ["P1", "P2"] * 6
    confounded = shape_of(list(SMALL.groups), pools=pools)
    table = calibrate(confounded, [Scenario()], n_replicates=10)
    assert (table["n_answered"][0], table["n_shown"][0]) == (0, 0)
    assert np.isnan(table["rate"][0])


def test_the_standard_truths_are_the_nulls_and_three_reversals():
    assert [one.selection for one in STANDARD if one.is_null and one.selection is not None] == [0.0, 0.3, 0.5, 0.7]
    assert [one.undone for one in STANDARD if not one.is_null] == [0.3, 0.5, 1.0]


def test_what_cannot_be_simulated_is_refused():
    with pytest.raises(ValueError, match="n_replicates must be at least 10; got 5"):
        calibrate(SMALL, n_replicates=5)
    with pytest.raises(ValueError, match="alpha"):
        calibrate(SMALL, alpha=1.0)
    with pytest.raises(ValueError, match="n_per_arm must be at least 3"):
        reversal_power(SMALL, [2])
    expression, groups, _ = simulate(["C"] + ["S"] + ["D"] * 2)
    with pytest.raises(ValueError, match="leave 1 residual degrees"):
        learn_shape(expression, groups, **ARMS)
