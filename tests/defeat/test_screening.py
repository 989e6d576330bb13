"""An aggressor is kept that attacks in time in enough sessions in a row; it is ranked by how hard it attacks."""

import numpy as np
import pandas as pd
import pytest

from labdb.defeat.screening import (
    ScreeningRule,
    Session,
    Verdict,
    aggressor_hardness,
    hardness_word,
    screening_verdict,
)

DEFAULT_RULE = ScreeningRule()


def judge(*latencies: float | None, rule: ScreeningRule = DEFAULT_RULE):
    return screening_verdict([Session(day, latency) for day, latency in enumerate(latencies, start=1)], rule)


@pytest.mark.parametrize(
    ("latencies", "verdict"),
    [
        ((10, 59.9), Verdict.PASSED),
        ((None, 10, 20), Verdict.PASSED),
        ((10, 60, 20), Verdict.FAILED),  # 60 s is not below 60 s, and the two that count are not in a row
        ((10, None, 20), Verdict.FAILED),
        ((None, None), Verdict.FAILED),  # one session is left, two are needed
        ((None,), Verdict.OPEN),
        ((10,), Verdict.OPEN),
        ((None, 10), Verdict.OPEN),
        ((), Verdict.OPEN),
        ((None, None, 5, 5), Verdict.PASSED),  # a lab that goes on may be convinced
    ],
)
def test_two_sessions_in_a_row_within_60_s_keep_it(latencies, verdict):
    assert judge(*latencies).verdict == verdict


def test_a_day_that_was_left_out_breaks_the_row():
    assert screening_verdict([Session(1, 10), Session(3, 10)]).verdict == Verdict.FAILED


def test_the_judgment_says_why():
    assert judge(100, 10, 20).reason == "attacked within 60 s on days 2 and 3"
    assert judge(10, None, 20).reason == "1 session in a row within 60 s, 2 needed"
    assert judge(10).reason == "2 sessions to come"
    assert judge().reason == "not screened"
    assert judge(100, 10, 20).counting == {2, 3}


def test_another_rule_judges_otherwise():
    strict = ScreeningRule(max_latency_s=30, consecutive_sessions=3)
    assert judge(10, 20, 29, rule=strict).verdict == Verdict.PASSED
    assert judge(10, 20, 40, rule=strict).verdict == Verdict.FAILED


@pytest.mark.parametrize("wrong", [{"max_latency_s": 0}, {"consecutive_sessions": 4}, {"consecutive_sessions": 0}])
def test_a_rule_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        ScreeningRule(**wrong)


def test_a_day_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        screening_verdict([Session(1, 3), Session(1, 4)])


def test_many_attacks_soon_are_hard_few_and_late_soft():
    """By hand, four measured: ranks (r - .5)/4 are .125, .375, .625, .875. D never attacked: last in both, .125."""
    attacks = pd.Series({"A": 20.0, "B": 10.0, "C": 5.0, "D": 0.0, "E": np.nan})
    latency_s = pd.Series({"A": 5.0, "B": 4.0, "C": 50.0, "D": np.nan, "E": np.nan})
    hardness = aggressor_hardness(attacks, latency_s)
    assert hardness.round(4).to_dict() == {"A": 0.75, "B": 0.75, "C": 0.375, "D": 0.125, "E": 0.5}
    assert [hardness_word(value) for value in hardness] == ["hard", "hard", "medium", "soft", "medium"]
