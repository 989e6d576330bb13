from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.phenotype import PhenotypeRule, classify_phenotype, compare_phenotype_rules, cutoff_curve
from analysis.kernels.si_tests import CORNER_COLUMNS, IZ_COLUMNS

DEFAULT_RULE = PhenotypeRule()


def si_tests(rows: dict[str, tuple], **more_columns: list) -> pd.DataFrame:
    """Build tests from mouse -> (group, iz_absent_s, iz_present_s)."""
    columns = ["group", "iz_absent_s", "iz_present_s"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).assign(**more_columns)


def one_defeated(iz_absent_s=50.0, iz_present_s=80.0, **more_columns) -> pd.DataFrame:
    columns = {name: [value] for name, value in more_columns.items()}
    return si_tests({"M01": ("defeated", iz_absent_s, iz_present_s)}, **columns)


def call(tests: pd.DataFrame, rule: PhenotypeRule = DEFAULT_RULE) -> pd.Series:
    return classify_phenotype(tests, rule).loc["M01"]


def test_the_ratio_is_time_with_target_over_time_without():
    calls = classify_phenotype(si_tests({"M01": ("defeated", 40.0, 30.0), "M02": ("defeated", 40.0, 60.0)}))
    assert calls["si_ratio"].tolist() == [0.75, 1.5]  # 30 / 40, 60 / 40
    assert calls["distance_to_cutoff"].tolist() == [-0.25, 0.5]
    assert calls["phenotype"].tolist() == ["susceptible", "resilient"]
    assert calls["reason"].tolist() == ["", ""]


def test_a_ratio_at_the_cutoff_is_resilient():
    assert call(one_defeated(61.3, 61.3))["phenotype"] == "resilient"


def test_controls_are_never_classified():
    calls = classify_phenotype(si_tests({"M01": ("control", 50.0, 10.0), "M02": ("control", 0.0, 10.0)}))
    assert calls["phenotype"].tolist() == ["control", "control"]
    assert calls["borderline"].tolist() == [False, False]
    assert calls.loc["M01", "si_ratio"] == 0.2


@pytest.mark.parametrize("dtype", [object, "string"])
@pytest.mark.parametrize(("group", "reason"), [("witness", "witness"), ("", "missing"), (None, "missing")])
def test_other_groups_are_not_called_and_say_why(group, reason, dtype):
    calls = call(si_tests({"M01": (group, 50.0, 60.0)}).astype({"group": dtype}))
    assert calls["phenotype"] == "unclassified"
    assert reason in calls["reason"]


def test_a_mouse_that_never_entered_the_zone_is_unclassified():
    calls = call(one_defeated(0.0, 99.933))
    assert calls["phenotype"] == "unclassified"
    assert np.isnan(calls["si_ratio"])
    assert calls["reason"] == "0 s in the interaction zone without target: the ratio is undefined"


def test_a_mouse_that_avoided_the_target_altogether_is_susceptible():
    calls = call(one_defeated(50.0, 0.0))
    assert (calls["si_ratio"], calls["phenotype"]) == (0.0, "susceptible")


@pytest.mark.parametrize("column", ["iz_absent_s", "iz_present_s"])
@pytest.mark.parametrize(("seconds", "reason"), [(np.nan, "missing"), (np.inf, "not finite")])
def test_a_missing_or_infinite_time_leaves_no_call(column, seconds, reason):
    calls = call(one_defeated(**{column: seconds}))
    assert calls["phenotype"] == "unclassified"
    assert np.isnan(calls["si_ratio"])
    assert calls["reason"] == f"{column} is {reason}"


def test_a_time_beyond_the_trial_leaves_no_call():
    calls = call(one_defeated(50.0, 150.5, trial_s=150.0))
    assert calls["phenotype"] == "unclassified"
    assert calls["reason"] == "iz_present_s is 150.5 s, longer than the trial of 150 s"
    assert call(one_defeated(50.0, 150.5, trial_s=300.0))["phenotype"] == "resilient"
    assert call(one_defeated(50.0, 150.0, trial_s=150.0))["phenotype"] == "resilient"


def test_an_unknown_trial_length_checks_nothing():
    assert call(one_defeated(50.0, 400.0, trial_s=np.nan))["phenotype"] == "resilient"


def test_the_borderline_band_includes_both_edges():
    # 38 / 40 = .95 and 42 / 40 = 1.05 lie on the edges; 37.9 / 40 = .9475 and 42.1 / 40 = 1.0525 outside
    rows = {f"M{present}": ("defeated", 40.0, present) for present in (37.9, 38.0, 40.0, 42.0, 42.1)}
    assert classify_phenotype(si_tests(rows))["borderline"].tolist() == [False, True, True, True, False]


def test_a_short_visit_excludes_only_would_be_resilient_mice():
    rule = PhenotypeRule(min_iz_present_s=60.0)
    rows = {
        "resilient_short": ("defeated", 30.0, 59.0),
        "resilient_long": ("defeated", 30.0, 60.0),
        "susceptible_short": ("defeated", 59.0, 30.0),
    }
    calls = classify_phenotype(si_tests(rows), rule)
    assert calls["phenotype"].tolist() == ["unclassified", "resilient", "susceptible"]
    assert calls.loc["resilient_short", "reason"] == "less than 60 s in the interaction zone with target"


def test_a_corner_ratio_against_the_si_ratio_leaves_no_call():
    rule = PhenotypeRule(max_corner_ratio=1.0)
    tests = si_tests(
        dict.fromkeys(("above", "at", "undefined"), ("defeated", 40.0, 60.0))
        | {"susceptible": ("defeated", 60.0, 40.0)},
        corner_absent_s=[10.0, 10.0, 0.0, 10.0],
        corner_present_s=[11.0, 10.0, 5.0, 40.0],
    )
    calls = classify_phenotype(tests, rule)
    # corner ratios 11/10, 10/10, 5/0, 40/10; the last agrees with a low SI ratio
    assert calls["phenotype"].tolist() == ["unclassified", "resilient", "unclassified", "susceptible"]
    assert calls["corner_ratio"].iloc[[0, 1, 3]].tolist() == [1.1, 1.0, 4.0]
    assert np.isnan(calls.loc["undefined", "corner_ratio"])
    assert "corner ratio" in calls.loc["above", "reason"]
    assert classify_phenotype(tests)["phenotype"].tolist()[:3] == ["resilient"] * 3


def eight_controls_and(defeated: dict[str, float], n_controls: int = 8) -> pd.DataFrame:
    """Controls with ratios 1.2, 1.4, 1.6, 1.8 and again (mean 1.5); defeated mice by their ratio."""
    control_ratios = ([1.2, 1.4, 1.6, 1.8] * 2)[:n_controls]
    rows = {f"C{i}": ("control", 50.0, 50.0 * ratio) for i, ratio in enumerate(control_ratios)}
    rows |= {mouse: ("defeated", 50.0, 50.0 * ratio) for mouse, ratio in defeated.items()}
    return si_tests(rows)


def test_a_cutoff_from_controls_is_their_mean_less_sample_sds():
    # squares about 1.5: 2 x (.09 + .01 + .01 + .09) = .4; SD = sqrt(.4 / 7) = .2390457; 1.5 - 2 SD = 1.0219
    calls = classify_phenotype(eight_controls_and({"low": 1.02, "high": 1.03}), PhenotypeRule(control_sd=2.0))
    assert calls.loc["low", "phenotype"] == "susceptible"
    assert calls.loc["high", "phenotype"] == "resilient"
    assert calls.loc["low", "distance_to_cutoff"] == pytest.approx(1.02 - 1.0219086, abs=1e-7)


def test_seven_controls_set_no_cutoff():
    calls = classify_phenotype(eight_controls_and({"M01": 0.4}, n_controls=7), PhenotypeRule(control_sd=1.0))
    assert calls.loc["M01", "phenotype"] == "unclassified"
    assert "7 controls" in calls.loc["M01", "reason"]
    assert np.isnan(calls.loc["M01", "distance_to_cutoff"])


def test_a_control_without_a_ratio_does_not_count_towards_the_cutoff():
    tests = eight_controls_and({"M01": 0.4})
    tests.loc["C0", "iz_absent_s"] = 0.0
    assert "7 controls" in call(tests, PhenotypeRule(control_sd=1.0))["reason"]


def test_each_cohort_has_its_own_cutoff():
    first = eight_controls_and({"M01": 1.1}).assign(cohort="A")
    second = eight_controls_and({"M02": 1.1}).assign(cohort="B").rename(lambda mouse: f"B{mouse}")
    second.loc[second["group"] == "control", "iz_present_s"] *= 2  # mean 3.0, SD .478
    third = one_defeated(50.0, 55.0).rename({"M01": "M03"}).assign(cohort=None)
    calls = classify_phenotype(pd.concat([first, second, third]), PhenotypeRule(control_sd=1.0))
    # A: 1.5 - .239 = 1.261; B: 3.0 - .478 = 2.522; both above 1.1, at different distances
    assert calls.loc["M01", "distance_to_cutoff"] == pytest.approx(1.1 - 1.2609543, abs=1e-7)
    assert calls.loc["BM02", "distance_to_cutoff"] == pytest.approx(1.1 - 2.5219086, abs=1e-7)
    assert calls.loc["M03", "phenotype"] == "unclassified"
    assert "cohort is missing" in calls.loc["M03", "reason"]


def test_a_cutoff_of_controls_that_nothing_can_be_below_is_refused():
    calls = call(eight_controls_and({"M01": 0.4}), PhenotypeRule(control_sd=7.0))  # 1.5 - 7 x .239 = -.173
    assert calls["phenotype"] == "unclassified"
    assert "-0.173" in calls["reason"]


def test_rules_are_compared_mouse_by_mouse():
    rows = {"M01": ("defeated", 50.0, 45.0), "M02": ("defeated", 50.0, 100.0), "M03": ("control", 50.0, 45.0)}
    rules = {"ratio 1.0": PhenotypeRule(), "ratio 0.8": PhenotypeRule(cutoff=0.8)}
    labels = compare_phenotype_rules(si_tests(rows), rules)
    assert labels["ratio 0.8"].tolist() == ["resilient", "resilient", "control"]
    assert labels["flips"].tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match="at least one rule"):
        compare_phenotype_rules(si_tests(rows), {})


def test_a_cutoff_curve_counts_calls_and_names_the_mice_that_flip():
    rows = {
        "C1": ("control", 50.0, 10.0),  # a control is in no count
        "M1": ("defeated", 50.0, 30.0),  # 0.6
        "M2": ("defeated", 50.0, 45.0),  # 0.9
        "M3": ("defeated", 50.0, 55.0),  # 1.1
        "M4": ("defeated", 0.0, 55.0),  # undefined
        "W1": ("witness", 50.0, 55.0),
    }
    curve = cutoff_curve(si_tests(rows), DEFAULT_RULE, [0.6, 0.9, 1.0, 1.1, 1.2])
    assert curve.index.tolist() == [0.6, 0.9, 1.0, 1.1, 1.2]
    assert curve["susceptible"].tolist() == [0, 1, 2, 2, 3]  # a ratio at the cutoff is resilient
    assert curve["resilient"].tolist() == [3, 2, 1, 1, 0]
    assert curve["unclassified"].tolist() == [2] * 5
    assert curve["flipped"].tolist() == [("M1", "M2"), ("M2",), (), (), ("M3",)]
    assert curve["flips"].tolist() == [2, 1, 0, 0, 1]


@pytest.mark.parametrize(
    "rule",
    [
        DEFAULT_RULE,
        PhenotypeRule(control_sd=1.0),
        PhenotypeRule(min_iz_present_s=60.0),
        PhenotypeRule(max_corner_ratio=1.0, min_iz_present_s=40.0, control_sd=0.5),
    ],
)
def test_a_cutoff_curve_is_what_each_rule_would_call(rule):
    rng = np.random.default_rng(3)
    mice = [f"M{number:02}" for number in range(80)]
    seconds = {name: rng.uniform(0, 150, 80).round() for name in (*IZ_COLUMNS, *CORNER_COLUMNS)}
    tests = pd.DataFrame({"group": ["control", "defeated", "defeated", "witness"] * 20, **seconds}, index=mice)
    tests.loc["M01", "iz_absent_s"], tests.loc["M02", "corner_absent_s"] = 0, 0
    tests["cohort"] = ["few controls"] * 8 + ["many"] * 72  # two controls set no cutoff
    labels = classify_phenotype(tests, rule)["phenotype"]
    for cutoff, row in cutoff_curve(tests, rule, np.linspace(0.2, 2, 10)).iterrows():
        at_cutoff = classify_phenotype(tests, replace(rule, cutoff=cutoff, control_sd=None))["phenotype"]
        assert row["flipped"] == tuple(at_cutoff.index[at_cutoff != labels])
        assert row["flips"] == len(row["flipped"])
        assert [row[label] for label in ("susceptible", "resilient", "unclassified")] == [
            (at_cutoff == label).sum() for label in ("susceptible", "resilient", "unclassified")
        ]


def test_a_cutoff_curve_refuses_what_is_no_cutoff_and_does_without_any():
    with pytest.raises(ValueError, match="cutoff must be a positive ratio; got -1"):
        cutoff_curve(one_defeated(), DEFAULT_RULE, [1.0, -1.0])
    assert cutoff_curve(one_defeated(), DEFAULT_RULE, []).empty
    assert cutoff_curve(one_defeated().iloc[:0], DEFAULT_RULE, [1.0])["flipped"].tolist() == [()]


def test_input_and_order_are_left_alone():
    tests = si_tests({"M9": ("defeated", 50.0, 45.0), "M1": ("control", 50.0, 45.0)})
    copy = tests.copy()
    assert classify_phenotype(tests).index.tolist() == ["M9", "M1"]
    pd.testing.assert_frame_equal(tests, copy)


def test_no_mice_give_no_calls():
    calls = classify_phenotype(one_defeated().iloc[:0])
    expected = ["si_ratio", "corner_ratio", "phenotype", "distance_to_cutoff", "borderline", "reason"]
    assert calls.columns.tolist() == expected
    assert len(calls) == 0


def test_a_mouse_twice_is_refused_by_name():
    with pytest.raises(ValueError, match=r"one row per mouse.*M01"):
        classify_phenotype(pd.concat([one_defeated(), one_defeated()]))


@pytest.mark.parametrize("column", ["group", "iz_absent_s", "iz_present_s"])
def test_a_missing_column_is_named(column):
    with pytest.raises(ValueError, match=column):
        classify_phenotype(one_defeated().drop(columns=column))


def test_a_corner_rule_needs_corner_times():
    with pytest.raises(ValueError, match="corner_absent_s, corner_present_s"):
        classify_phenotype(one_defeated(), PhenotypeRule(max_corner_ratio=1.0))


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("iz_absent_s", -1.0, "iz_absent_s of M01 is -1 s"),
        ("corner_present_s", -0.1, "corner_present_s of M01"),
        ("trial_s", 0.0, "trial_s of M01 is 0 s"),
        ("trial_s", np.inf, "trial_s of M01 is inf s"),
        ("iz_present_s", "12,5", "iz_present_s must be seconds as numbers"),
    ],
)
def test_an_impossible_time_is_refused_by_mouse_and_column(column, value, says):
    with pytest.raises(ValueError, match=says):
        classify_phenotype(one_defeated().assign(**{column: [value]}))


@pytest.mark.parametrize("wrong", [{"cutoff": 0.0}, {"cutoff": np.nan}, {"control_sd": -1.0}, {"borderline": np.inf}])
def test_a_rule_that_means_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PhenotypeRule(**wrong)
