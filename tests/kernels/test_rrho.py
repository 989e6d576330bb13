"""RRHO against R's RRHO2, exact integer arithmetic, and hand-made lists."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.hypergeometric import log10_upper_tail, log_factorials
from analysis.kernels.relabeled_signatures import relabeled_signatures
from analysis.kernels.reversed_genes import reversed_genes
from analysis.kernels.rrho import QUADRANTS, log10_tails, overlap_counts, rank_pair, rrho
from analysis.kernels.rrho_relabeling import relabeling_p

from .reversal_cases import ARMS, simulate

FOLDER = Path(__file__).parents[1] / "reference" / "rrho"
STEP = 50
N_GENES = 2_000


def exact_log10_tail(x, a, b, n):
    """By whole numbers, of any size."""
    ways = sum(math.comb(a, k) * math.comb(n - a, b - k) for k in range(max(x, 0), min(a, b) + 1))
    total = math.comb(n, b)
    if 2 * ways > total:
        return math.log1p(-float(Fraction(total - ways, total))) / math.log(10)
    return log10_of(ways) - log10_of(total)


def log10_of(number):
    surplus = max(0, number.bit_length() - 300)
    return math.log10(number >> surplus) + surplus * math.log10(2)


def test_tails_are_exact_however_improbable():
    rng = np.random.default_rng(0)
    tables = []
    for n in (30, 400, 1_500):
        for a, b in rng.integers(1, n, (30, 2)).tolist():
            tables.append((int(rng.integers(max(0, a + b - n), min(a, b) + 1)), a, b, n))
    tables += [(0, 5, 5, 10), (5, 5, 5, 10)]
    for x, a, b, n in tables:
        expected = exact_log10_tail(x, a, b, n)
        assert float(log10_upper_tail(x, a, b, n)) == pytest.approx(expected, rel=1e-11, abs=1e-12), (x, a, b, n)
    # All of 20,000, and all but one: 1 and 1 + 20,000 x 60,000 of the C(80,000, 20,000) ways.
    n_ways = log10_of(math.comb(80_000, 20_000))
    found = log10_upper_tail([20_000, 19_999], 20_000, 20_000, 80_000)
    np.testing.assert_allclose(found, [-n_ways, math.log10(1 + 20_000 * 60_000) - n_ways], rtol=1e-13)
    assert found[0] < -10_000
    assert float(log10_upper_tail(6, 5, 7, 10)) == -np.inf
    with pytest.raises(ValueError, match="0 to 10 genes"):
        log10_upper_tail(1, 11, 2, 10)


@pytest.fixture(scope="module")
def lists():
    frame = pd.read_csv(FOLDER / "rrho_input_2000.csv.gz", index_col="gene")
    return frame["score1"], frame["score2"]


def test_offset_1_reproduces_the_four_quadrants_of_rrho2(lists):
    x, y = lists
    theirs = -pd.read_csv(FOLDER / "rrho2_hypermat_step50_log10_boundary0.1.csv.gz").to_numpy()
    top = np.arange(1, N_GENES, STEP)  # R counts 1, 51, 101 ... from the top
    n_rows, n_columns = int((top <= (x > 0).sum()).sum()), int((top <= (y > 0).sum()).sum())
    strip = len(theirs) - len(top)
    low_rows, low_columns = slice(strip + n_rows, None), slice(strip + n_columns, None)
    up_x, up_y = top[:n_rows], top[:n_columns]
    # What R counts from the top beyond the sign change is, from the bottom, the rest of the list.
    # Its down-up and up-down come from the first list reversed, whose rows it reverses again.
    reversed_x = top[::-1]
    cells = {
        "up_up": (theirs[:n_rows, :n_columns], up_x, up_y),
        "down_down": (theirs[low_rows, low_columns], N_GENES - top[n_rows:], N_GENES - top[n_columns:]),
        "down_up": (theirs[low_rows, :n_columns], reversed_x[n_rows:], up_y),
        "up_down": (theirs[:n_rows, low_columns], N_GENES - reversed_x[:n_rows], N_GENES - top[n_columns:]),
    }
    pair, table = rank_pair(x.to_numpy(), y.to_numpy()), log_factorials(N_GENES + 1)
    for quadrant, (expected, rows, columns) in cells.items():
        keep = rows <= pair.sizes(quadrant)[0]  # R rounds the sign change to its grid
        ours = at_single_genes(pair, quadrant, rows[keep], columns, table)
        np.testing.assert_allclose(-ours, -expected[keep], rtol=0, atol=1e-9, err_msg=quadrant)
    whole = rrho(x, y, step=STEP, population_offset=1).log10_p["up_up"]
    fifties = whole.index.to_numpy(), whole.columns.to_numpy()
    np.testing.assert_allclose(whole, at_single_genes(pair, "up_up", *fifties, table), rtol=0, atol=1e-12)


def at_single_genes(pair, quadrant, rows, columns, table):
    """The cells wanted of the map with one row per gene."""
    counts = overlap_counts(pair, quadrant, 1)[np.ix_(rows - 1, columns - 1)]
    return log10_tails(counts, quadrant, (rows, columns), N_GENES, 1, table)


def test_every_cell_is_the_tail_of_its_count(lists):
    x, y = lists[0].iloc[:300], lists[1].iloc[40:340].sample(frac=1, random_state=1)
    answer = rrho(x, y, step=20)
    common = x.index.intersection(y.index)
    assert (answer.n_genes, answer.n_dropped) == (260, 80)
    assert answer.sentences == ("80 genes are left out: in one list only, there twice, or without a number.",)
    x, y = x[common], y[common]
    for quadrant in QUADRANTS:
        x_end, y_end = quadrant.split("_")
        first = x.sort_values(ascending=x_end == "down").index
        second = y.sort_values(ascending=y_end == "down").index
        n_x, n_y = (
            int(((x > 0) if x_end == "up" else (x < 0)).sum()),
            int(((y > 0) if y_end == "up" else (y < 0)).sum()),
        )
        assert list(answer.log10_p[quadrant].index) == list(range(20, n_x + 1, 20))
        assert list(answer.overlap[quadrant].columns) == list(range(20, n_y + 1, 20))
        for a in answer.overlap[quadrant].index:
            for b in answer.overlap[quadrant].columns:
                count = len(set(first[:a]) & set(second[:b]))
                assert answer.overlap[quadrant].at[a, b] == count
                assert answer.log10_p[quadrant].at[a, b] == pytest.approx(
                    exact_log10_tail(count, a, b, 260), rel=1e-10, abs=1e-12
                )
        # The maximum at the resolution of single genes, every cell of a small list looked at.
        best = min(
            (exact_log10_tail(len(set(first[:a]) & set(second[:b])), a, b, 260), a, b)
            for a in range(1, n_x + 1, 8)
            for b in range(1, n_y + 1, 8)
        )
        found = answer.maxima[quadrant]
        assert found.log10_p <= best[0] + 1e-9
        assert found.log10_p == pytest.approx(exact_log10_tail(found.overlap, found.n_x, found.n_y, 260), rel=1e-10)
        assert set(answer.overlapping_genes(quadrant)) == set(first[: found.n_x]) & set(second[: found.n_y])
        assert len(answer.overlapping_genes(quadrant)) == found.overlap


def test_the_maximum_of_long_lists_is_found_between_the_rows_of_the_map():
    rng = np.random.default_rng(3)
    shared = rng.normal(size=6_000)
    x = pd.Series(shared + rng.normal(size=6_000))
    answer = rrho(x, pd.Series(rng.normal(size=6_000) - shared))
    assert answer.step == 78  # root of 6,000: 77.5
    for quadrant in ("up_down", "down_up"):
        assert answer.maxima[quadrant].log10_p < answer.log10_p[quadrant].to_numpy().min() < -50
    assert answer.maxima["up_up"].log10_p > -5


def test_ties_do_not_agree_by_the_names_of_genes():
    names = [f"g{number:04d}" for number in range(1_000)]
    tied = pd.Series(np.repeat([1.0, -1.0], 500), index=names)
    other = pd.Series(np.tile([1.0, -1.0], 500), index=names)
    answer = rrho(tied, other)
    assert answer.n_tied == 1_000
    assert answer.sentences[0].startswith("1000 genes share their value")
    assert min(best.log10_p for best in answer.maxima.values()) > -4  # 250,000 cells of pure chance
    shuffled = rrho(tied.sample(frac=1, random_state=0), other)
    pd.testing.assert_frame_equal(answer.log10_p["up_up"], shuffled.log10_p["up_up"])


def test_lists_of_one_direction_are_answered():
    x = pd.Series([3.0, 2.0, 1.0, 0.5, 0.0], index=list("abcde"))
    y = pd.Series([2.0, 3.0, -1.0, -2.0, 0.0], index=list("abcde"))
    answer = rrho(x, y, step=1)
    assert answer.messages == ("ONE_DIRECTION_X",)
    assert answer.log10_p["down_up"].shape == (0, 2)
    assert set(answer.maxima) == {"up_up", "up_down"}
    assert list(answer.overlapping_genes("down_down")) == []
    # up_up at 2 x 2: both of 2 genes among 5 the same: 1 / C(5, 2) = .1
    assert answer.log10_p["up_up"].at[2, 2] == pytest.approx(-1.0)
    assert list(answer.overlapping_genes("up_up")) == ["a", "b"]


def test_lists_without_a_common_gene_are_refused_in_words():
    answer = rrho(pd.Series([1.0, np.nan, 2.0, 3.0], index=list("abcc")), pd.Series([1.0, np.inf], index=["b", "a"]))
    assert answer.log10_p is None
    assert answer.maxima is None
    assert (answer.n_genes, answer.n_dropped) == (0, 3)
    assert answer.sentences == (
        "The two lists share no gene with a number in both; are their identifiers of one kind?",
    )
    assert list(answer.overlapping_genes("up_up")) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([1.0], pd.Series([1.0])), "x must be a Series"),
        ((pd.Series([1.0]), pd.Series(["Fos"])), "y must hold numbers"),
        ((pd.Series([1.0]), pd.Series([1.0]), 0), "step must be at least 1"),
        ((pd.Series([1.0]), pd.Series([1.0]), 1, -1), "population_offset"),
    ],
)
def test_malformed_lists_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        rrho(*arguments)


def test_no_such_quadrant():
    with pytest.raises(ValueError, match="no quadrant 'up'"):
        rrho(pd.Series([1.0]), pd.Series([1.0])).overlapping_genes("up")


GROUPS = ["C"] * 5 + ["S"] * 5 + ["D"] * 5


def test_relabeled_signatures_are_the_t_of_least_squares():
    expression, groups, pools = simulate(GROUPS, ["P1", "P2", "P1"] * 5)
    stack = relabeled_signatures(expression, groups, pools=pools, max_exhaustive=30, n_random=40, **ARMS)
    assert len(stack) == 41
    stress, drug = next(iter(stack))
    genes = reversed_genes(expression, groups, pools=pools, **ARMS)
    np.testing.assert_allclose(stress, genes["t_stress"], rtol=1e-9)
    np.testing.assert_allclose(drug, genes["t_drug"], rtol=1e-9)


def test_an_inert_drug_overlaps_as_its_relabelings_do_and_a_reversal_more():
    p_values = {}
    for undone in (0.0, 1.0):
        expression, groups, _ = simulate([*GROUPS, "C", "S", "D"], n_genes=400, stress=1.5, undone=undone, seed=6)
        stack = relabeled_signatures(expression, groups, n_random=59, max_exhaustive=200, **ARMS)
        answer = relabeling_p(stack)
        assert answer.n_relabelings == 60
        assert answer.minima["up_down"].iloc[1:].mean() < -1.5  # the shared mice alone
        opposite, same = (answer.null_log10_p[one].loc[100, 100] for one in ("up_down", "up_up"))
        assert opposite < same
        p_values[undone] = answer.p_value
    assert p_values[1.0]["opposite"] <= 0.05 < p_values[0.0]["opposite"]


def test_a_stack_of_one_labeling_or_of_other_genes_is_refused():
    one = np.array([1.0, -1.0, 2.0])
    with pytest.raises(ValueError, match="at least one other; got 1"):
        relabeling_p([(one, one)])
    with pytest.raises(ValueError, match="the same genes"):
        relabeling_p([(one, one), (one[:2], one[:2])])
    with pytest.raises(ValueError, match="finite"):
        relabeling_p([(one, one * np.nan)])
    expression, groups, _ = simulate(["C"] * 3 + ["S"] * 2 + ["D"] * 3)
    refused = relabeled_signatures(expression, groups, **ARMS)
    assert (len(refused), refused.messages) == (0, ("REFUSED_TOO_FEW",))


def test_the_true_signatures_are_there_where_too_few_relabelings_are():
    groups = pd.Series(["control"] * 3 + ["susceptible"] * 3 + ["treated"] * 3 + ["resilient"] * 6).rename(str)
    expression = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 15)), columns=groups.index)
    pools = pd.Series(["a", "b", "c"] * 5, index=groups.index)
    few = relabeled_signatures(expression, groups, treated="treated", pools=pools)
    # One susceptible and one treated mouse in each of three pools: 2^3 relabelings.
    assert (len(few), list(few), few.messages, few.n_available) == (0, [], ("TOO_FEW_RELABELINGS",), 8)
    enough = relabeled_signatures(expression, groups, treated="treated")
    assert len(enough) == enough.n_available == 20
    np.testing.assert_array_equal(enough.observed(), next(iter(enough)))
    assert [one.shape for one in few.observed()] == [(50,), (50,)]
    assert relabeled_signatures(expression.drop(columns="0"), groups.drop("0"), treated="treated").observed() is None
