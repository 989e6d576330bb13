import math

import pytest

from analysis.kernels.confounding import cramers_v


def labels(counts: dict[tuple[str, str], int]) -> tuple[list[str], list[str]]:
    pairs = [pair for pair, n in counts.items() for _ in range(n)]
    return [a for a, _b in pairs], [b for _a, b in pairs]


def test_v_is_that_of_hand_arithmetic():
    # Rows 10 and 10, columns 10 and 10, expected 5 each: chi-square = 4 x 3^2 / 5 = 7.2, n 20, phi^2 .36, V .6.
    found = cramers_v(
        *labels({("control", "P1"): 8, ("control", "P2"): 2, ("defeated", "P1"): 2, ("defeated", "P2"): 8})
    )
    assert (found.n, found.v) == (20, pytest.approx(0.6, abs=1e-12))
    # Bergsma: phi^2 - 1/19 = .36 - .0526316 = .3073684; both sizes 2 - 1/19 = 1.9473684; sqrt(.3073684 / .9473684)
    assert found.v_corrected == pytest.approx(math.sqrt(0.3073684 / 0.9473684), abs=1e-6)
    # R: pchisq(7.2, 1, lower.tail = FALSE) = 0.007290358
    assert found.p_value == pytest.approx(0.007290358, abs=1e-9)
    assert found.parted == ()
    assert found.table.loc["control", "P1"] == 8


def test_a_balanced_design_has_none_and_is_not_confounded():
    found = cramers_v(*labels({(group, pool): 2 for group in "abcde" for pool in ("1", "2", "3", "4")}))
    assert (found.v, found.v_corrected) == (0, 0)
    assert not found.is_confounded


def test_groups_that_share_no_pool_are_named_as_parted():
    found = cramers_v(
        *labels({("control", "P1"): 3, ("saline", "P1"): 3, ("ketamine", "P2"): 3, ("imipramine", "P2"): 3})
    )
    assert found.parted == (("control", "saline"), ("imipramine", "ketamine"))
    assert found.is_confounded
    assert found.v == pytest.approx(1)


def test_pools_chained_over_a_third_group_part_nothing():
    counts = {("a", "1"): 2, ("b", "1"): 1, ("b", "2"): 2, ("c", "2"): 1, ("c", "3"): 2}
    assert cramers_v(*labels(counts)).parted == ()


def test_a_label_with_one_level_is_answered_with_the_reason():
    found = cramers_v(["a", "b", "a"], ["P1", "P1", None])
    assert (found.n, found.v, found.reason) == (2, None, "one of the labels is the same in all samples")
    assert cramers_v([], []).n == 0
    assert not found.is_confounded


def test_chance_alone_makes_v_one_where_every_sample_has_a_pool_of_its_own():
    found = cramers_v(["a", "a", "b", "b"], ["1", "2", "3", "4"])
    assert found.v == pytest.approx(1)
    assert found.v_corrected == 0
    assert found.is_confounded  # for no two groups share a pool


def test_missing_labels_are_left_out_and_unequal_lengths_refused():
    assert cramers_v(["a", "b", "", "a"], ["1", "2", "1", float("nan")]).n == 2
    with pytest.raises(ValueError, match="one length"):
        cramers_v(["a"], [])
