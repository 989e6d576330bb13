"""Several regions of the same mice: joint relabeling, max-T and paired differences."""

import numpy as np
import pytest

from analysis.kernels.reversal import reversal_test
from analysis.kernels.reversal_regions import compare_regions, max_t

from .reversal_cases import ARMS, simulate

GROUPS = ["C"] * 5 + ["S"] * 5 + ["D"] * 5 + ["B1"] * 6 + ["B2"] * 6


def regions(undone, *, pools=None, groups=GROUPS):
    """One region per share undone, of the same mice."""
    made = {}
    for number, share in enumerate(undone):
        made[f"region {number}"], by_mouse, runs = simulate(groups, pools, undone=share, stress=1.0, seed=20 + number)
    return made, by_mouse, runs


def test_each_region_has_the_statistic_p_and_fraction_of_the_test_alone():
    expression, groups, pools = regions([0.0, 1.0], pools=["P1", "P2", "P1"] * 9)
    runs = dict.fromkeys(expression, pools)
    answer = compare_regions(expression, groups, pools=runs, **ARMS)
    for region, frame in expression.items():
        alone = reversal_test(frame, groups, pools=pools, **ARMS)
        row = answer.regions.loc[region]
        assert row["statistic"] == pytest.approx(alone.statistic, rel=1e-9)
        assert row["p_value"] == alone.p_value
        assert row["fraction_undone"] == pytest.approx(alone.fraction_undone, rel=1e-9)
        assert answer.n_relabelings == alone.n_relabelings
    assert (answer.regions["adj_p_value"] >= answer.regions["p_value"]).all()
    row = answer.differences.iloc[0]
    assert (row["first"], row["second"]) == ("region 0", "region 1")
    first, second = answer.regions["fraction_undone"]
    assert row["difference"] == pytest.approx(first - second)
    assert row["low"] < -1.0 < row["high"] < 0
    assert row["p_value"] <= 0.05


def test_a_copied_region_is_one_test_and_no_difference():
    expression, groups, _ = regions([0.5])
    twice = {"PFC": expression["region 0"], "again": expression["region 0"]}
    answer = compare_regions(twice, groups, **ARMS)
    assert (answer.regions["adj_p_value"] == answer.regions["p_value"]).all()
    row = answer.differences.iloc[0]
    assert (row["difference"], row["se"], row["p_value"]) == (0.0, 0.0, 1.0)


def test_the_jackknife_leaves_a_mouse_out_of_both_regions():
    expression, groups, _ = regions([0.0, 0.7])
    answer = compare_regions(expression, groups, **ARMS, n_random=19, max_exhaustive=1)
    apart = [reversal_test(frame, groups, n_random=19, max_exhaustive=1, **ARMS) for frame in expression.values()]
    # Independent noise in the two regions: variances add, up to what the shared mice covary by chance.
    expected = np.hypot(*[one.fraction_undone_se for one in apart])
    assert answer.differences["se"][0] == pytest.approx(expected, rel=0.5)


def test_mice_without_a_region_are_exchanged_among_their_like_only():
    expression, groups, _ = regions([0.5, 0.5])
    expression["region 1"] = expression["region 1"].drop(columns=["m05", "m10"])  # one S, one D
    answer = compare_regions(expression, groups, **ARMS)
    # 4 + 4 mice with both regions, 1 + 1 with the first alone
    assert answer.n_relabelings == answer.n_relabelings_available == 70 * 2
    assert answer.regions["p_value"].notna().all()


def test_refused_regions_are_named_and_the_others_tested():
    expression, groups, _ = regions([1.0, 1.0])
    expression["region 1"] = expression["region 1"].drop(columns=["m00", "m01", "m02"])
    answer = compare_regions(expression, groups, **ARMS)
    assert answer.regions["refusal"].tolist() == ["", "Needs at least 3 control, 3 susceptible and 3 treated mice."]
    assert np.isnan(answer.regions["p_value"]["region 1"])
    assert answer.regions["adj_p_value"]["region 0"] == answer.regions["p_value"]["region 0"]
    assert answer.differences.empty
    nothing = compare_regions({"region 1": expression["region 1"]}, groups, **ARMS)
    assert (nothing.n_relabelings, nothing.regions["refusal"].iloc[0][:5]) == (0, "Needs")
    with pytest.raises(ValueError, match="at least one region"):
        compare_regions({}, groups, **ARMS)


def test_few_relabelings_give_effects_without_p():
    pools = ["P1"] * 5 + ["P1"] * 5 + ["P1"] + ["P2"] * 4 + ["P1", "P2"] * 6
    expression, groups, runs = regions([0.5, 0.2], pools=pools)
    answer = compare_regions(expression, groups, pools=dict.fromkeys(expression, runs), **ARMS)
    assert answer.n_relabelings_available == 6
    assert answer.regions["p_value"].isna().all()
    assert answer.differences["p_value"].isna().all()
    assert len(answer.differences) == 1


def test_step_down_max_t_is_that_of_the_hand():
    # Standardized columns are equal up to their order; rows: the true labeling and five others.
    statistics = np.array([[-3.0, 0.0], [0.0, -3.0], [1.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0]])
    # Best of both is at most -3 in rows 1 and 2: 2 / 6. Then the second alone: 0 or below in rows 1, 2, 5: 3 / 6.
    assert max_t(statistics).tolist() == [2 / 6, 3 / 6]


def test_independent_regions_are_adjusted_about_as_by_bonferroni():
    rng = np.random.default_rng(1)
    statistics = rng.normal(size=(4_000, 4))
    statistics[0] = [-2.5, 0.0, 0.5, 1.0]
    plain = np.mean(statistics <= statistics[0], axis=0)
    adjusted = max_t(statistics)
    assert adjusted[0] == pytest.approx(4 * plain[0], rel=0.35)
    assert (np.diff(adjusted) >= 0).all()
