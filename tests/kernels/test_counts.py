"""Filter, TMM factors and log2 CPM: held to edgeR 3.40 and to hand arithmetic."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from analysis.kernels.counts import check_counts, filter_by_expression, log_cpm, tmm_factors
from tests.kernels.expression_oracle import case, read_oracle


@pytest.fixture
def small_counts():
    return pd.DataFrame({"S01": [10, 0, 90], "S02": [20, 5, 175]}, index=pd.Index(["Fos", "Arc", "Actb"], name="gene"))


@pytest.mark.parametrize("name", ["sim2k", "pasilla"])
def test_the_filter_keeps_the_genes_that_edger_keeps(name):
    data = case(name)
    keep = filter_by_expression(data.counts, data.group)
    pd.testing.assert_series_equal(keep, read_oracle(f"{name}_filterByExpr").keep, check_names=False)


@pytest.mark.parametrize("name", ["sim2k", "pasilla"])
def test_tmm_factors_equal_edgers_to_1e_14(name):
    expected = read_oracle(f"{name}_tmm").tmm
    factors = tmm_factors(case(name).kept_counts)
    assert list(factors.index) == list(expected.index)
    np.testing.assert_allclose(factors, expected, rtol=1e-14, atol=0)


def test_a_count_is_kept_when_it_makes_the_cpm_of_ten_reads_in_the_median_library():
    # Two groups of 2: two samples must reach the cutoff. All libraries have 1000 reads, so the cutoff is 10.
    counts = pd.DataFrame(
        {
            "S1": [10, 10, 9, 971],
            "S2": [10, 0, 9, 981],
            "S3": [0, 0, 9, 991],
            "S4": [0, 0, 9, 991],
        },
        index=["two_reach", "one_reaches", "none_reaches", "rest"],
    )
    keep = filter_by_expression(counts, ["a", "a", "b", "b"])
    assert keep.to_dict() == {"two_reach": True, "one_reaches": False, "none_reaches": False, "rest": True}


def test_a_gene_needs_fifteen_reads_in_total():
    # Groups of 1 and 1, libraries of 1000: one sample at 10 reads is enough, 14 in total are not.
    counts = pd.DataFrame({"S1": [10, 10, 980], "S2": [4, 5, 991]}, index=["sum14", "sum15", "rest"])
    assert filter_by_expression(counts, ["a", "b"]).tolist() == [False, True, True]


def test_beyond_ten_samples_a_group_needs_only_seventy_percent_of_the_rest():
    # Smallest group 20: 10 + 0.7 x 10 = 17 samples.
    reads = np.zeros((3, 40), dtype=int)
    reads[0, :17], reads[1, :16] = 20, 20
    reads[2] = 1000 - reads[:2].sum(axis=0)
    counts = pd.DataFrame(reads, index=["in_17", "in_16", "rest"])
    assert filter_by_expression(counts, ["a"] * 20 + ["b"] * 20).tolist() == [True, False, True]


def test_groups_are_matched_by_sample_and_unused_categories_are_no_groups(small_counts):
    group = pd.Series(["a", "b"], index=["S02", "S01"], dtype=pd.CategoricalDtype(["a", "b", "c"]))
    assert filter_by_expression(small_counts, group).tolist() == [True, False, True]


def test_libraries_of_one_composition_have_factor_one(small_counts):
    counts = pd.DataFrame({"S1": small_counts.S02, "S2": small_counts.S02 * 3, "S3": small_counts.S02 * 7})
    np.testing.assert_allclose(tmm_factors(counts), 1.0, rtol=1e-15)


def test_one_strong_gene_moves_the_factor_by_the_share_it_takes():
    # 99 genes of 10 reads; in S2 the hundredth takes 1010 of 2000 reads, in S1 10 of 1000. The others
    # are at half their share: M = log2(10 / 2000) - log2(10 / 1000) = -1 for all that is not trimmed,
    # so 1/2 between them, and with product 1 the factors are sqrt(2) and 1 / sqrt(2).
    counts = pd.DataFrame({"S1": [10] * 100, "S2": [10] * 99 + [1010]})
    np.testing.assert_allclose(tmm_factors(counts), [np.sqrt(2), np.sqrt(0.5)], rtol=1e-14)


def test_factors_have_product_one_and_ignore_genes_without_reads():
    rng = np.random.default_rng(5)
    counts = pd.DataFrame(rng.negative_binomial(2, 0.02, size=(400, 6)), columns=list("abcdef"))
    factors = tmm_factors(counts)
    assert np.log(factors).sum() == pytest.approx(0, abs=1e-14)
    silent = pd.DataFrame(0, index=range(400, 500), columns=counts.columns)
    pd.testing.assert_series_equal(tmm_factors(pd.concat([counts, silent])), factors, rtol=0, atol=0)


def test_the_trim_goes_by_ranks_averaged_over_ties():
    # edgeR's rule written out with full ranks, on counts so small that most ratios are tied.
    counts = pd.DataFrame(np.random.default_rng(6).poisson(3, size=(500, 2)) + 1)
    low, high = counts.sum().to_numpy()
    a, b = counts[0].to_numpy() / low, counts[1].to_numpy() / high
    quartiles = np.quantile(counts, 0.75, axis=0) / [low, high]
    assert quartiles[0] != quartiles[1]
    reference_first = abs(quartiles[0] - quartiles.mean()) <= abs(quartiles[1] - quartiles.mean())
    ratio = np.log2(b / a) if reference_first else np.log2(a / b)
    ranks, abundance_ranks = rankdata(ratio), rankdata(np.log2(a) + np.log2(b))
    keep = (ranks >= 151) & (ranks <= 350) & (abundance_ranks >= 26) & (abundance_ranks <= 475)
    variance = (low - counts[0]) / low / counts[0] + (high - counts[1]) / high / counts[1]
    factor = 2 ** ((ratio / variance)[keep].sum() / (1 / variance)[keep].sum())
    ratio_of_factors = factor if reference_first else 1 / factor
    factors = tmm_factors(counts)
    assert factors[1] / factors[0] == pytest.approx(ratio_of_factors, rel=1e-13)


def test_a_single_library_has_factor_one(small_counts):
    assert tmm_factors(small_counts[["S01"]]).tolist() == [1.0]


def test_log_cpm_adds_half_a_read_and_one_to_the_library(small_counts):
    # Library of S01: 100 x 2 = 200, so Arc is log2(0.5 / 201 x 1e6).
    # Library of S02: 200 x 0.5 = 100, so Fos is log2(20.5 / 101 x 1e6).
    table = log_cpm(small_counts, pd.Series({"S02": 0.5, "S01": 2.0}))
    assert table.loc["Arc", "S01"] == pytest.approx(np.log2(0.5 / 201 * 1e6), rel=1e-15)
    assert table.loc["Fos", "S02"] == pytest.approx(np.log2(20.5 / 101 * 1e6), rel=1e-15)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "got -1 for Arc in S02"),
        (0.5, r"got 0\.5 for Arc in S02"),
        (np.nan, "got nan for Arc in S02"),
        (np.inf, "got inf for Arc in S02"),
    ],
)
def test_counts_that_are_not_raw_are_refused_with_gene_sample_and_value(small_counts, value, words):
    counts = small_counts.astype(float)
    counts.loc["Arc", "S02"] = value
    for refuse in (check_counts, tmm_factors, lambda c: filter_by_expression(c, ["a", "a"])):
        with pytest.raises(ValueError, match=words):
            refuse(counts)


def test_the_number_of_further_wrong_counts_is_said(small_counts):
    with pytest.raises(ValueError, match=r"got -10 for Fos in S01 \(and 4 more\)"):
        check_counts(-small_counts)  # six values, of which -0 is no mistake


def test_a_missing_nullable_integer_is_refused(small_counts):
    counts = small_counts.astype("Int64")
    np.testing.assert_array_equal(check_counts(counts), small_counts)
    counts.loc["Fos", "S01"] = pd.NA
    with pytest.raises(ValueError, match="got nan for Fos in S01"):
        check_counts(counts)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: pd.concat([c, c.loc[["Fos"]]]), "one row per gene; Fos appears more than once"),
        (lambda c: c.set_axis(["S01", "S01"], axis=1), "one column per sample; S01 appears more than once"),
        (lambda c: c.assign(S03="12"), "S03 holds .* values"),
        (lambda c: c.assign(S03=0), "all counts are 0 in S03"),
        (lambda c: c.iloc[:0], "genes in rows"),
        (lambda c: c.to_numpy(), "must be a DataFrame"),
    ],
)
def test_a_table_that_is_no_count_matrix_is_refused(small_counts, change, words):
    with pytest.raises(ValueError, match=words):
        check_counts(change(small_counts))


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (["a"], "got 1 for 2"),
        (["a", None], "S02 has none"),
        (pd.Series({"S01": "a", "S03": "b"}), "S02 has none"),
        (pd.Series(["a", "b", "b"], index=["S01", "S02", "S02"]), "S02 appears more than once"),
    ],
)
def test_every_sample_needs_one_group(small_counts, group, words):
    with pytest.raises(ValueError, match=words):
        filter_by_expression(small_counts, group)


def test_a_factor_that_is_missing_or_not_positive_is_refused(small_counts):
    with pytest.raises(ValueError, match=r"got 0\.0 for S02"):
        log_cpm(small_counts, pd.Series({"S01": 1.0, "S02": 0.0}))
    with pytest.raises(ValueError, match="got None for S02"):
        log_cpm(small_counts, pd.Series({"S01": 1.0}))
