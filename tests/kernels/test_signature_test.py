"""Induction and the difference of two drugs against plain means, all relabelings and their refusals."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.reversal import reversal_test
from analysis.kernels.signature_test import drug_difference_test, induction_test, signature_test

NAMES = {"control": "C", "stress": "S"}


def study(sizes, positions, *, n_genes=200, pools=None, seed=3):
    """Mice of each group at a place in the plane of the stress (first) and the resilience signature."""
    rng = np.random.default_rng(seed)
    groups = [group for group, size in sizes.items() for _ in range(size)]
    names = [f"m{number:02d}" for number in range(len(groups))]
    signatures = rng.normal(0, 0.5, (n_genes, 2))
    places = np.array([positions.get(group, (0.0, 0.0)) for group in groups]).T
    values = signatures @ places + rng.normal(0, 0.4, (n_genes, len(groups)))
    values += rng.normal(0, 0.2, (n_genes, 1)) * rng.normal(size=len(groups))
    if pools is not None:
        values += rng.normal(0, 0.5, (n_genes, 2))[:, [int(pool == "P2") for pool in pools]]
    expression = pd.DataFrame(values, index=[f"g{number}" for number in range(n_genes)], columns=names)
    return expression, pd.Series(groups, index=names), None if pools is None else pd.Series(pools, index=names)


SIZES = {"C": 5, "R": 5, "S": 5, "T": 5}
PLANE = {"S": (1.0, 0.0), "R": (0.0, 1.0)}


def test_the_p_of_induction_is_that_of_all_relabelings_of_plain_means():
    expression, groups, _ = study(SIZES, {**PLANE, "T": (0.9, 0.15)})
    answer = induction_test(expression, groups, treated="T", resilient="R", **NAMES)
    values = expression.to_numpy()
    # Weights from the controls: df 4, pulled to the geometric mean with 4 pseudo degrees of freedom.
    variance = values[:, :5].var(axis=1, ddof=1)
    weighted = values / np.sqrt((4 * variance + 4 * np.exp(np.log(variance).mean())) / 8)[:, None]
    signature = weighted[:, 5:10].mean(axis=1) - weighted[:, :5].mean(axis=1)
    products = []
    for chosen in combinations(range(10, 20), 5):
        rest = [mouse for mouse in range(10, 20) if mouse not in chosen]
        products.append(signature @ (weighted[:, list(chosen)].mean(axis=1) - weighted[:, rest].mean(axis=1)))
    observed = products[-1]  # 15 to 19: the treated
    assert answer.n_relabelings == answer.n_relabelings_available == 252
    assert answer.p_value == np.mean(np.array(products) >= observed - 1e-9)
    assert answer.messages == ("NO_BYSTANDERS",)


def test_a_drug_that_makes_half_of_a_resilient_mouse_is_seen_to_and_an_inert_one_is_not():
    sizes = {**SIZES, "T": 6, "B1": 6, "B2": 6}
    expression, groups, pools = study(sizes, {**PLANE, "T": (1.0, 0.5)}, pools=["P1", "P2", "P1"] * 11)
    answer = induction_test(expression, groups, treated="T", resilient="R", pools=pools, **NAMES)
    low, high = answer.share_interval
    assert low < 0.5 < high
    assert answer.share == pytest.approx(0.5, abs=0.15)
    assert answer.p_value <= 0.01
    assert answer.cosine > 0.3
    expression, groups, pools = study(sizes, {**PLANE, "T": (1.0, 0.0)}, pools=["P1", "P2", "P1"] * 11)
    inert = induction_test(expression, groups, treated="T", resilient="R", pools=pools, **NAMES)
    assert inert.p_value > 0.05
    assert inert.share_interval[0] < 0 < inert.share_interval[1]


def test_the_difference_of_two_drugs_is_that_of_their_fractions_undone():
    sizes = {"C": 6, "S": 6, "D1": 6, "D2": 6, "B1": 6, "B2": 6}
    expression, groups, _ = study(sizes, {"S": (1, 0), "D1": (0.2, 0), "D2": (0.8, 0)})
    answer = drug_difference_test(expression, groups, first="D1", second="D2", **NAMES)
    both = [
        reversal_test(expression, groups, treated=drug, n_random=19, max_exhaustive=1, **NAMES) for drug in ("D1", "D2")
    ]
    # The second drug is a bystander of the first there, and weighs in the fractions: close, not equal.
    assert answer.share == pytest.approx(both[0].fraction_undone - both[1].fraction_undone, abs=0.05)
    assert answer.share == pytest.approx(0.6, abs=0.15)
    assert answer.p_value <= 0.01
    swapped = drug_difference_test(expression, groups, first="D2", second="D1", **NAMES)
    assert (swapped.share, swapped.p_value) == (pytest.approx(-answer.share), answer.p_value)


def test_what_cannot_be_known_is_refused_in_words():
    few, groups, _ = study({**SIZES, "R": 2}, PLANE)
    answer = induction_test(few, groups, treated="T", resilient="R", **NAMES)
    assert answer.sentences == ("Needs at least 3 mice in each of the four groups.",)
    expression, groups, pools = study(SIZES, PLANE, pools=["P1", "P2"] * 5 + ["P1"] * 5 + ["P2"] * 5)
    answer = induction_test(expression, groups, treated="T", resilient="R", pools=pools, **NAMES)
    assert answer.sentences == ("T and S mice never share a sequencing run; run and group cannot be separated.",)
    expression, groups, pools = study(SIZES, PLANE, pools=["P1"] * 5 + ["P2"] * 5 + ["P3", "P4"] * 5)
    answer = induction_test(expression, groups, treated="T", resilient="R", pools=pools, **NAMES)
    assert answer.sentences == ("The runs leave no comparison of R with C.",)
    expression, groups, _ = study({**SIZES, "S": 3, "T": 3}, {"S": (1.0, 0.0)})
    answer = induction_test(expression, groups, treated="T", resilient="R", **NAMES)
    assert answer.p_value is not None
    assert answer.p_floor == 1 / 20
    assert answer.share is None
    assert answer.sentences[-1] == "R and C mice do not differ measurably; there is no signature to follow."


def test_comparisons_that_share_a_group_are_refused():
    expression, groups, _ = study(SIZES, PLANE)
    with pytest.raises(ValueError, match="share no group; got S - C and T - S"):
        signature_test(expression, groups, signature=("S", "C"), between=("T", "S"))
    with pytest.raises(ValueError, match="alternative must be one of"):
        signature_test(expression, groups, signature=("R", "C"), between=("T", "S"), alternative="up")
