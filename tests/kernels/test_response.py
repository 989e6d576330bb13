import math

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.response import ResponseRule, classify_response, retest_sem

DEFAULT_RULE = ResponseRule()
ABSENT_S = 60.0

# Five controls whose log ratio changes by -.2, -.1, 0, .1, .2 between the tests:
# mean 0, variance (.04 + .01 + 0 + .01 + .04) / 4 = .025, SD .1581139, SEM .1118034;
# reliable: |difference| > 1.96 x sqrt(2) x SEM = 1.96 x .1581139 = .3099032
CONTROL_CHANGES = (-0.2, -0.1, 0.0, 0.1, 0.2)
THRESHOLD = 0.3099032


def two_tests(ratios: dict[str, tuple[float, float]], n_controls: int = 5, group: str = "defeated"):
    """Build before and after from mouse -> (first ratio, second ratio), with re-tested controls."""
    controls = {f"C{i}": (1.5, 1.5 * math.exp(change)) for i, change in enumerate(CONTROL_CHANGES[:n_controls])}
    both = pd.DataFrame.from_dict(ratios | controls, orient="index", columns=["first", "second"])
    before = pd.DataFrame({"iz_absent_s": ABSENT_S, "iz_present_s": ABSENT_S * both["first"]}, index=both.index)
    after = pd.DataFrame({"iz_absent_s": ABSENT_S, "iz_present_s": ABSENT_S * both["second"]}, index=both.index)
    before["group"] = [group] * len(ratios) + ["control"] * n_controls
    return before, after


def call(first: float, second: float, rule: ResponseRule = DEFAULT_RULE, n_controls: int = 5) -> pd.Series:
    before, after = two_tests({"M01": (first, second)}, n_controls)
    return classify_response(before, after, rule).loc["M01"]


def test_a_susceptible_mouse_that_rises_reliably_over_the_cutoff_responds():
    calls = call(0.5, 1.5)
    assert calls["response"] == "responder"
    assert calls["delta_log_ratio"] == pytest.approx(1.0986123, abs=1e-7)  # ln(1.5 / .5) = ln 3
    assert (calls["reliable_change"], calls["borderline"], calls["relapse"]) == (True, False, False)
    assert calls["reason"] == ""


def test_a_mouse_that_stays_below_the_cutoff_does_not_respond():
    calls = call(0.2, 0.9)  # ln 4.5 = 1.5 is a reliable change, and not enough
    assert (calls["response"], calls["reliable_change"]) == ("non_responder", True)


def test_a_mouse_at_the_cutoff_at_the_retest_responds():
    assert call(0.4, 1.0)["response"] == "responder"


def test_the_error_of_the_test_comes_from_the_controls():
    assert retest_sem(pd.Series(CONTROL_CHANGES)) == pytest.approx(0.1118034, abs=1e-7)


@pytest.mark.parametrize(("margin", "response"), [(-1e-4, "non_responder"), (1e-4, "responder")])
def test_a_change_must_exceed_the_error_of_the_test(margin, response):
    calls = call(0.9, 0.9 * math.exp(THRESHOLD + margin))  # 1.227: over the cutoff, outside the band
    assert calls["response"] == response
    assert calls["reliable_change"] == (response == "responder")
    assert ("less than the error" in calls["reason"]) == (response == "non_responder")


def test_without_reliable_change_the_cutoff_alone_decides():
    assert call(0.9, 1.2, ResponseRule(reliable_change=False))["response"] == "responder"


@pytest.mark.parametrize("n_controls", [0, 4, 5])
@pytest.mark.parametrize("reliable_change", [True, False])
def test_a_step_across_the_cutoff_inside_the_band_is_borderline_not_a_response(n_controls, reliable_change):
    calls = call(0.98, 1.01, ResponseRule(reliable_change=reliable_change), n_controls)
    assert (calls["response"], calls["borderline"]) == ("non_responder", True)
    assert "inside the borderline band" in calls["reason"]


def test_a_long_way_to_just_over_the_cutoff_is_a_borderline_response():
    calls = call(0.4, 1.02)
    assert (calls["response"], calls["borderline"]) == ("responder", True)


def test_fewer_than_five_controls_leave_the_plain_rule_and_say_so():
    calls = call(0.9, 1.2, n_controls=4)  # ln(1.2 / .9) = .288 < .310 would not have been reliable
    assert calls["response"] == "responder"
    assert calls["reliable_change"] is pd.NA
    assert calls["reason"] == "plain rule: a reliable change needs 5 re-tested controls with a ratio, there are 4"


def test_a_control_without_a_ratio_does_not_count_towards_the_error():
    before, after = two_tests({"M01": (0.5, 1.5)})
    after.loc["C0", "iz_absent_s"] = 0.0
    assert "there are 4" in classify_response(before, after).loc["M01", "reason"]


def test_a_resilient_mouse_that_falls_reliably_below_the_cutoff_relapses():
    calls = call(1.5, 0.5)
    assert (calls["response"], calls["relapse"]) == ("non_responder", True)
    assert calls["reason"].startswith("relapse")


@pytest.mark.parametrize(("first", "second"), [(1.5, 1.6), (1.1, 0.9), (1.01, 0.98)])
def test_a_resilient_mouse_that_does_not_fall_reliably_has_nothing_to_respond_to(first, second):
    calls = call(first, second)  # ln(.9 / 1.1) = -.2007 is within the error of the test
    assert (calls["response"], calls["relapse"]) == ("unclassified", False)
    assert calls["reason"] != ""


def test_a_ratio_of_zero_is_a_bound_not_an_infinity():
    calls = call(0.0, 1.4)
    assert calls["response"] == "responder"
    assert np.isnan(calls["delta_log_ratio"])
    assert calls["reliable_change"]
    both_zero = call(0.0, 0.0)
    assert (both_zero["response"], both_zero["reliable_change"]) == ("non_responder", False)
    assert call(0.4, 0.0)["response"] == "non_responder"


def test_controls_are_unclassified_and_keep_their_difference():
    before, after = two_tests({"M01": (0.5, 1.5)})
    calls = classify_response(before, after)
    assert set(calls.loc["C0":"C4", "response"]) == {"unclassified"}
    assert calls.loc["C0":"C4", "delta_log_ratio"].to_numpy() == pytest.approx(CONTROL_CHANGES)
    assert calls.loc["C0", "reason"].startswith("a control")


def test_a_given_phenotype_is_taken_as_it_is():
    before, after = two_tests({"M01": (1.1, 1.9), "M02": (0.5, 1.5)})
    before["phenotype"] = ["susceptible", "unclassified"] + ["control"] * 5  # by a cutoff above 1.1
    calls = classify_response(before, after)
    assert calls.loc["M01", "response"] == "responder"  # ln(1.9 / 1.1) = .547 > .310
    assert calls.loc["M02", "response"] == "unclassified"
    assert calls.loc["M02", "reason"] == "no phenotype before the treatment"


def test_mice_with_one_test_only_are_listed_and_unclassified():
    before, after = two_tests({"M01": (0.5, 1.5), "M02": (0.5, 1.5), "M03": (0.5, 1.5)})
    calls = classify_response(before.drop(index="M02"), after.drop(index="M01"))
    assert calls.index.tolist() == ["M01", "M03", "C0", "C1", "C2", "C3", "C4", "M02"]
    assert calls.loc["M01", ["response", "reason"]].tolist() == ["unclassified", "not re-tested"]
    assert calls.loc["M02", ["response", "reason"]].tolist() == ["unclassified", "no first test"]
    assert calls.loc["M03", "response"] == "responder"


@pytest.mark.parametrize(
    ("test", "column", "seconds", "reason"),
    [
        ("before", "iz_absent_s", 0.0, "first test: 0 s in the interaction zone without target"),
        ("after", "iz_present_s", np.nan, "re-test: iz_present_s is missing"),
        ("after", "iz_present_s", np.inf, "re-test: iz_present_s is not finite"),
        ("after", "iz_present_s", 151.0, "re-test: iz_present_s is 151 s, longer than the trial of 150 s"),
    ],
)
def test_a_test_that_gives_no_ratio_leaves_no_call(test, column, seconds, reason):
    frames = dict(zip(("before", "after"), two_tests({"M01": (0.5, 1.5)}), strict=True))
    frames[test]["trial_s"] = 150.0
    frames[test].loc["M01", column] = seconds
    calls = classify_response(**frames).loc["M01"]
    assert calls["response"] == "unclassified"
    assert calls["reason"].startswith(reason)
    assert calls["reliable_change"] is pd.NA


def test_a_witness_is_not_called():
    before, after = two_tests({"M01": (0.5, 1.5)}, group="witness")
    assert classify_response(before, after).loc["M01", "response"] == "unclassified"


def test_malformed_frames_are_refused_by_name():
    before, after = two_tests({"M01": (0.5, 1.5)})
    with pytest.raises(ValueError, match=r"after must have one row per mouse.*M01"):
        classify_response(before, pd.concat([after, after.loc[["M01"]]]))
    with pytest.raises(ValueError, match="before lacks the column group"):
        classify_response(before.drop(columns="group"), after)
    with pytest.raises(ValueError, match="after lacks the column iz_absent_s"):
        classify_response(before, after.drop(columns="iz_absent_s"))
    with pytest.raises(ValueError, match="after: iz_present_s of M01 is -1 s"):
        classify_response(before, after.assign(iz_present_s=-1.0))
    with pytest.raises(ValueError, match="M01 is defeated in before and control in after"):
        classify_response(before, after.assign(group="control"))


@pytest.mark.parametrize("wrong", [{"cutoff": -1.0}, {"borderline": np.nan}])
def test_a_rule_that_means_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ResponseRule(**wrong)
