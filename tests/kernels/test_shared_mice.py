"""What two contrasts share where nothing differs: held to hand arithmetic."""

import numpy as np
import pandas as pd
import pytest

from analysis.kernels import reversal
from analysis.kernels.shared_mice import mouse_weights, shared_group_null, shared_mice_null


def of_groups(groups: dict[str, int]) -> pd.DataFrame:
    """Design of groups alone: so many mice each."""
    labels = [group for group, n in groups.items() for _ in range(n)]
    mice = [f"{group}{number}" for group, n in groups.items() for number in range(n)]
    return pd.get_dummies(pd.Series(labels, index=mice), dtype=float)[list(groups)]


def weights(design: pd.DataFrame, **contrast: float) -> pd.Series:
    return mouse_weights(design, pd.Series(contrast, dtype=float).reindex(design.columns).fillna(0.0))


def test_a_shared_stress_group_turns_stress_and_drug_against_each_other():
    design = of_groups({"C": 8, "S": 8, "D": 8})
    # -1/8 over sqrt(2/8 . 2/8): half, whatever the equal n
    assert shared_mice_null(weights(design, S=1, C=-1), weights(design, D=1, S=-1)) == pytest.approx(-0.5)
    # two drugs against the same mice
    both = of_groups({"S": 4, "K": 4, "I": 4})
    assert shared_mice_null(weights(both, K=1, S=-1), weights(both, I=1, S=-1)) == pytest.approx(0.5)


def test_an_arm_and_its_responders_share_mice_though_no_group():
    arms = of_groups({"S": 4, "D": 4})
    responders = pd.DataFrame(
        {"S": [1.0] * 4 + [0.0] * 2, "R": [0.0] * 4 + [1.0] * 2}, index=[*arms.index[:4], "D0", "D1"]
    )
    # D - S: -1/4 x 4, 1/4 x 4; R - S: -1/4 x 4, 1/2 x 2. Product 4/16 + 2/8 = 1/2; squares 1/2 and 1/4 + 1/2
    expected = 0.5 / np.sqrt(0.5 * 0.75)
    assert shared_mice_null(weights(arms, D=1, S=-1), weights(responders, R=1, S=-1)) == pytest.approx(expected)


def test_a_mouse_alone_in_its_run_weighs_nothing():
    def against_controls(group: str) -> pd.DataFrame:
        mice = ["c1", "c2", f"{group}1", f"{group}2"]
        return pd.DataFrame({"C": [1.0, 1, 0, 0], group: [0.0, 0, 1, 1], "run": [0.0, 0, 0, 1]}, index=mice)

    stress = weights(against_controls("S"), S=1, C=-1)
    assert stress.to_dict() == pytest.approx({"c1": -0.5, "c2": -0.5, "S1": 1.0, "S2": 0.0})
    # With the run there, 1/2 over (1/4 + 1/4 + 1): a third, not the half that the numbers of mice would give
    assert shared_mice_null(stress, weights(against_controls("D"), D=1, C=-1)) == pytest.approx(1 / 3)


def test_the_slope_of_a_formula_weighs_mice_by_their_distance_from_the_mean():
    design = pd.DataFrame({"intercept": [1.0, 1, 1], "dose": [0.0, 1, 2]}, index=["a", "b", "c"])
    slope = weights(design, dose=1)
    assert slope.to_dict() == pytest.approx({"a": -0.5, "b": 0.0, "c": 0.5})  # (x - 1) / sum (x - 1)^2
    level = weights(design[["intercept"]], intercept=1)
    assert shared_mice_null(slope, level) == pytest.approx(0.0, abs=1e-12)


def test_designs_without_meaning_are_refused():
    design = of_groups({"C": 2, "S": 2})
    known = weights(design, S=1, C=-1)
    with pytest.raises(ValueError, match="indexed by the columns"):
        mouse_weights(design, pd.Series({"S": 1.0, "C": -1.0}))
    for other, sentence in (
        (0 * known, "at least one group"),
        (known.rename({"C1": "C0"}), "each sample once"),
        (known.replace(0.5, np.nan), "finite"),
    ):
        with pytest.raises(ValueError, match=sentence):
            shared_mice_null(known, other)


def test_the_public_name_is_the_same_function():
    assert reversal.shared_group_null is shared_group_null


@pytest.mark.parametrize(
    ("c1", "c2", "n", "expected"),
    [
        # columns C, S, D. (S - C).(D - S) / n = -1/8 over lengths sqrt(2/8 . 2/8)
        ([-1, 1, 0], [0, -1, 1], [8, 8, 8], -0.5),
        # two drugs against the same saline mice: +1/8 over 2/8
        ([-1, 1, 0], [-1, 0, 1], [8, 8, 8], 0.5),
        # unequal: -(1/4) / sqrt((1/12 + 1/4)(1/4 + 1/6)) = -.25 / sqrt(1/3 . 5/12)
        ([-1, 1, 0], [0, -1, 1], [12, 4, 6], -0.25 / np.sqrt(5 / 36)),
        # no shared group
        ([1, -1, 0, 0], [0, 0, 1, -1], [5, 5, 5, 5], 0.0),
    ],
)
def test_the_shared_group_null_is_the_correlation_of_the_contrasts(c1, c2, n, expected):
    assert shared_group_null(c1, c2, n) == pytest.approx(expected, abs=1e-15)


def test_the_shared_group_null_matches_named_groups():
    c1 = pd.Series({"C": -1.0, "S": 1.0, "D": 0.0})
    c2 = pd.Series({"D": 1.0, "S": -1.0, "C": 0.0})
    assert shared_group_null(c1, c2, pd.Series({"S": 8, "C": 8, "D": 8})) == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("c1", "c2", "n", "sentence"),
    [
        ([1, -1], [1, 0, -1], [3, 3, 3], "one number per group"),
        ([1, -1], [1, -1], [3, 0], "n must be positive"),
        ([0, 0], [1, -1], [3, 3], "at least one group"),
        ([np.nan, 0], [1, -1], [3, 3], "finite"),
    ],
)
def test_a_shared_group_null_without_meaning_is_refused(c1, c2, n, sentence):
    with pytest.raises(ValueError, match=sentence):
        shared_group_null(c1, c2, n)
