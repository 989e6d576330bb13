"""Signed overlap against hand-made tables and simulated normal deviates."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.overlap import opposite_share, overlap_relabeling_p, signed_overlap
from analysis.kernels.relabeled_signatures import relabeled_signatures

from .reversal_cases import ARMS, simulate


def comparison(changes, p_values, genes=None):
    names = genes or [f"g{number}" for number in range(len(changes))]
    return pd.DataFrame({"log2_fold_change": changes, "p_value": p_values}, index=names, dtype=float)


# Ten genes: 0-2 called in both and opposite, 3 called in both and alike, 4-5 in x only, 6 in y only.
X = comparison([1, -1, 2, 1, 1, -1, 1, 1, 1, 1], [0.01, 0.02, 0.001, 0.01, 0.01, 0.01, 0.5, 0.5, 0.5, 0.5])
Y = comparison([-1, 1, -2, 1, 1, 1, 1, 1, 1, 1], [0.01, 0.001, 0.004, 0.01, 0.5, 0.5, 0.04, 0.5, 0.5, 0.5])


def test_the_tables_are_those_of_the_hand():
    answer = signed_overlap(X, Y)
    assert (answer.n_genes, answer.n_dropped, answer.n_x, answer.n_y) == (10, 0, 6, 5)
    opposite, same = answer.opposite, answer.same
    # Gene 3, called in the same direction, takes no part in the table of opposite directions.
    assert (opposite.both, opposite.only_x, opposite.only_y, opposite.neither) == (3, 2, 1, 3)
    assert (same.both, same.only_x, same.only_y, same.neither) == (1, 2, 1, 3)
    assert opposite.odds_ratio == pytest.approx(3.5 * 3.5 / (2.5 * 1.5))
    reach = 1.959964 * math.sqrt(2 / 3.5 + 1 / 2.5 + 1 / 1.5)
    assert opposite.low == pytest.approx(opposite.odds_ratio * math.exp(-reach), rel=1e-6)
    assert opposite.high == pytest.approx(opposite.odds_ratio * math.exp(reach), rel=1e-6)
    assert opposite.expected == pytest.approx(5 * 4 / 9)
    assert list(opposite.genes) == ["g2", "g0", "g1"]  # larger of both p: .004, .01, .02
    assert list(same.genes) == ["g3"]
    assert answer.directions.to_numpy().tolist() == [[1, 2], [1, 0]]
    assert answer.null_opposite_share == pytest.approx(0.5)


def test_the_smallest_change_counts_beside_p():
    answer = signed_overlap(X, Y, min_abs_log2_fc=1.5)
    assert (answer.n_x, answer.n_y, list(answer.opposite.genes)) == (1, 1, ["g2"])


def test_only_genes_tested_in_both_take_part():
    answer = signed_overlap(X.drop("g0"), Y.assign(p_value=Y["p_value"].where(Y.index != "g1")))
    assert (answer.n_genes, answer.n_dropped) == (8, 2)
    assert list(answer.opposite.genes) == ["g2"]


def test_comparisons_that_share_a_group_oppose_without_any_effect():
    rng = np.random.default_rng(1)
    shared, first, second = rng.normal(size=(3, 400_000))
    x, y = (first + shared) / 2**0.5, (second - shared) / 2**0.5  # correlated by -1/2, as S - C and D - S
    beyond = (np.abs(x) > 1.281552) & (np.abs(y) > 1.281552)  # two-sided .2
    simulated = np.mean(x[beyond] * y[beyond] < 0)
    # Standard error .0006
    assert opposite_share(-0.5, 0.2) == pytest.approx(simulated, abs=0.003)
    assert opposite_share(0.5, 0.2) == pytest.approx(1 - simulated, abs=0.003)
    assert opposite_share(-0.5, 1.0) == pytest.approx(2 / 3)  # Sheppard: 1/2 + asin(1/2) / pi
    assert (opposite_share(-1.0, 0.05), opposite_share(1.0, 0.05)) == (1.0, 0.0)
    assert signed_overlap(X, Y, null_correlation=-0.5).null_opposite_share > 0.99


def test_nothing_in_common_and_nothing_called_are_said():
    answer = signed_overlap(X, comparison([1.0], [0.01], ["ENSMUSG1"]))
    assert answer.opposite is None
    assert answer.sentences == ("No gene was tested in both comparisons; are their identifiers of one kind?",)
    answer = signed_overlap(X, Y, p_cutoff=1e-9)
    assert answer.opposite.both == 0
    assert answer.sentences == (
        "No gene passes the thresholds in the first comparison and the second; there is nothing to overlap.",
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"p_cutoff": 0.0}, "p_cutoff must be above 0"),
        ({"min_abs_log2_fc": -1.0}, "min_abs_log2_fc must be 0 or more"),
        ({"null_correlation": 1.1}, "null_correlation must be between"),
        ({"x": X.drop(columns="p_value")}, "x must have the columns log2_fold_change and p_value; it has no p_value"),
        ({"y": pd.concat([Y, Y.iloc[:1]])}, "y must have each gene once; g0 comes twice"),
        ({"y": Y.assign(p_value=1.2)}, r"p-values between 0 and 1; got 1\.2"),
    ],
)
def test_malformed_comparisons_are_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        signed_overlap(**{"x": X, "y": Y, **change})


def test_the_p_of_an_overlap_comes_from_relabeled_animals():
    p_values = {}
    for undone in (0.0, 1.0):
        groups = ["C"] * 6 + ["S"] * 6 + ["D"] * 6
        expression, groups, _ = simulate(groups, n_genes=400, stress=1.5, undone=undone, seed=6)
        stack = relabeled_signatures(expression, groups, n_random=59, max_exhaustive=100, **ARMS)
        p_values[undone], counts = overlap_relabeling_p(stack, 60)
        assert len(counts) == 60
        assert counts[1:].mean() > 1.5 * 60 * 60 / 400 / 2  # chance puts 9 into both, half of them opposite
    assert p_values[1.0] == 1 / 60
    assert p_values[0.0] > 0.05


def test_the_strongest_genes_of_a_hand_made_stack():
    true = (np.array([5.0, -4.0, 3.0, 0.1]), np.array([-5.0, 4.0, 3.0, 0.1]))
    other = (np.array([5.0, -4.0, 3.0, 0.1]), np.array([5.0, 0.1, 0.2, -4.0]))
    assert overlap_relabeling_p([true, other], 2)[1].tolist() == [2.0, 0.0]
    assert overlap_relabeling_p([true, other], 2)[0] == 0.5
    assert overlap_relabeling_p([true, other], 3, opposite=False)[1].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="between 1 and the number of genes, 4; got 5"):
        overlap_relabeling_p([true, other], 5)
    with pytest.raises(ValueError, match="at least one other"):
        overlap_relabeling_p([true], 2)
