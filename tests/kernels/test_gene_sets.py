"""Gene sets: the file format, and both tests against published examples and hand arithmetic."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.gene_sets import over_representation, preranked, read_gmt


def test_a_gmt_of_any_system_is_read():
    text = "\ufeffIEG\tearly genes\tFos\tArc\tFos\t\t\r\n\r\nMYELIN\t\tMbp\r\nIEG\tagain\tArc\tFos\r\n"
    found = read_gmt(text)
    assert found.sets == {"IEG": ("Fos", "Arc"), "MYELIN": ("Mbp",)}
    assert found.descriptions == {"IEG": "early genes", "MYELIN": ""}
    assert found.messages == ("IEG stands in lines 1 and 4 with the same genes; kept once.",)
    assert read_gmt(text.replace("\r\n", "\n")).sets == read_gmt(text.replace("\r\n", "\r")).sets == found.sets


def test_every_line_that_is_no_set_is_named():
    with pytest.raises(ValueError, match="line 2: 'B' has no genes; line 3: the set has no name; lines 1 and 4: both"):
        read_gmt("A\tx\tFos\nB\tx\n\tx\tFos\nA\tx\tArc\n")
    with pytest.raises(ValueError, match="no gene set"):
        read_gmt("\r\n")


def genes(n, letter="g"):
    return [f"{letter}{number}" for number in range(n)]


def test_over_representation_is_the_hypergeometric_tail():
    # 20 tested, 5 in the set, 6 listed, 4 in both:
    # (C(5,4) C(15,2) + C(5,5) C(15,1)) / C(20,6) = (5 x 105 + 15) / 38760
    tested = genes(20)
    sets = {"yes": ["g0", "g1", "g2", "g3", "g4", "not tested"], "no": tested[10:16], "small": ["g1"]}
    frame = over_representation(["g0", "g1", "g2", "g3", "g10", "g19"], tested, sets, min_genes=2)
    assert list(frame.index) == ["yes", "no"]
    row = frame.loc["yes"]
    assert row["p_value"] == pytest.approx(540 / 38_760, rel=1e-12)
    assert (row["n_set"], row["n_listed"], row["n_both"]) == (5, 6, 4)
    assert (row["expected"], row["fold"]) == (1.5, pytest.approx(4 / 1.5))
    assert row["genes"] == ("g0", "g1", "g2", "g3")
    assert row["adj_p_value"] == pytest.approx(2 * 540 / 38_760)
    with pytest.raises(ValueError, match="must be among those tested; Fos"):
        over_representation(["Fos"], tested, sets)
    assert over_representation(["g0"], tested, sets).empty  # no set of 15 genes


def test_the_running_sum_is_that_of_the_hand():
    # Ranked 4 3 2 1 -1 -2; set at 1, 2 and 5: hits 4, 3, 1 of 8, misses a third each.
    scores = pd.Series([4.0, 3, 2, 1, -1, -2], index=list("abcdef"))
    frame = preranked(scores, {"top": ["a", "b", "e"], "bottom": ["e", "f"]}, n_permutations=20, min_genes=2)
    assert frame.loc["top", "score"] == pytest.approx(7 / 8)
    assert frame.loc["top", "leading_edge"] == ("a", "b")
    assert frame.loc["bottom", "score"] == pytest.approx(-1.0)
    assert frame.loc["bottom", "leading_edge"] == ("e", "f")
    by_rank = preranked(scores, {"top": ["a", "b", "e"]}, weight=0, n_permutations=20, min_genes=2)
    assert by_rank.loc["top", "score"] == pytest.approx(2 / 3)


def test_ranks_alone_give_the_two_sample_statistic_of_kolmogorov_and_smirnov():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(5)
    scores = pd.Series(rng.normal(size=300), index=genes(300))
    inside = rng.choice(300, 40, replace=False)
    frame = preranked(scores, {"s": scores.index[inside]}, weight=0, n_permutations=20)
    expected = ks_2samp(scores.iloc[inside], scores.drop(scores.index[inside])).statistic
    assert abs(frame.loc["s", "score"]) == pytest.approx(expected)


def test_random_sets_are_called_at_the_level_and_a_shifted_one_is_found():
    rng = np.random.default_rng(2)
    scores = pd.Series(rng.normal(size=1_000), index=genes(1_000))
    sets = {f"random {number}": rng.choice(scores.index, 30, replace=False) for number in range(200)}
    sets["top"] = scores.sort_values().index[-60::2]
    frame = preranked(scores, sets, n_permutations=200)
    assert frame.index[0] == "top"
    assert frame.loc["top", "normalized_score"] > 2
    nulls = frame.drop("top")["p_value"]
    assert (nulls <= 0.05).mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)
    assert nulls.mean() == pytest.approx(0.5, abs=0.07)
    pd.testing.assert_frame_equal(frame, preranked(scores.sample(frac=1, random_state=0), sets, n_permutations=200))


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        (pd.Series([1.0, 2.0], index=["a", "a"]), "a comes twice"),
        (pd.Series([1.0, np.inf], index=["a", "b"]), "that of b is not"),
        (pd.Series([1.0, np.nan], index=["a", "b"]), "at least two genes"),
    ],
)
def test_rankings_without_meaning_are_refused(scores, sentence):
    with pytest.raises(ValueError, match=sentence):
        preranked(scores, {"s": ["a"]})
