"""limma-voom held to R's numbers (R 4.2.2, limma 3.54.1, edgeR 3.40.2) and to least squares done plainly."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from analysis.kernels.differential_expression import (
    VoomTransform,
    adjust_p_values,
    contrast_tables,
    fit_genes,
    linear_dependencies,
    voom,
    voom_limma,
)
from analysis.kernels.lowess import LowessCurve
from tests.kernels.expression_oracle import case, contrast_matrix, read_oracle

REAL_AND_SIMULATED = ["sim2k", "pasilla", "integrative_DG", "integrative_region"]


def simulated_counts(n_genes=300, n_samples=12, seed=7):
    rng = np.random.default_rng(seed)
    mean = np.exp(rng.normal(4, 1, n_genes))[:, None] * rng.lognormal(0, 0.2, n_samples)
    return pd.DataFrame(
        rng.poisson(mean * rng.gamma(8, 1 / 8, mean.shape)) + 1,
        index=[f"gene{k}" for k in range(n_genes)],
        columns=[f"S{k:02d}" for k in range(n_samples)],
    )


def two_groups(counts):
    in_a = np.arange(counts.shape[1]) % 2 == 0
    return pd.DataFrame({"a": in_a, "b": ~in_a}, index=counts.columns)


A_MINUS_B = contrast_matrix({"a - b": ("a", "b")})


@pytest.mark.parametrize("name", REAL_AND_SIMULATED)
def test_every_contrast_equals_limma(name):
    data = case(name)
    tables = voom_limma(data.kept_counts, data.design, data.contrasts)
    assert list(tables) == list(data.tables)
    for contrast, expected in data.tables.items():
        table = tables[contrast]
        assert list(table.index) == list(expected.index)
        for column, r_column, rtol, atol in (
            ("log2_fold_change", "logFC", 1e-10, 1e-10),
            ("average_expression", "AveExpr", 1e-12, 0),
            ("t", "t", 1e-9, 1e-10),
            ("p_value", "P.Value", 1e-10, 0),  # required: 1e-7
            ("adj_p_value", "adj.P.Val", 1e-10, 0),
        ):
            np.testing.assert_allclose(table[column], expected[r_column], rtol=rtol, atol=atol, err_msg=column)


@pytest.mark.parametrize("name", ["sim2k", "pasilla"])
def test_weights_and_hyperparameters_equal_limma(name):
    data = case(name)
    transform = voom(data.kept_counts, data.design)
    np.testing.assert_allclose(transform.weights, read_oracle(f"{name}_voom_weights"), rtol=1e-11)
    hyper = read_oracle(f"{name}_limma_hyper").reset_index().iloc[0]
    fit = fit_genes(transform)
    assert fit.df_residual == hyper["df.residual"]
    assert fit.moderated.df_prior == pytest.approx(hyper["df.prior"], rel=1e-12)
    assert fit.moderated.prior == pytest.approx(hyper["s2.prior"], rel=1e-12)


def test_the_fit_is_weighted_least_squares_even_for_covariates_far_from_zero():
    counts = simulated_counts()
    design = two_groups(counts).astype(float)
    rng = np.random.default_rng(8)
    design["age_days"] = 70 + rng.normal(0, 0.3, len(design))
    design["cells_per_ul"] = rng.uniform(1e6, 1.001e6, len(design))
    transform = voom(counts, design)
    fit = fit_genes(transform)
    for gene in ("gene0", "gene150", "gene299"):
        root = np.sqrt(transform.weights.loc[gene].to_numpy())
        weighted = design.to_numpy() * root[:, None]
        response = transform.log2_cpm.loc[gene].to_numpy() * root
        solution, residual_ss, _, _ = np.linalg.lstsq(weighted, response, rcond=None)
        np.testing.assert_allclose(fit.coefficients.loc[gene], solution, rtol=1e-7)
        assert fit.residual_variance[gene] == pytest.approx(residual_ss[0] / (12 - 4), rel=1e-9)
        spread = np.sqrt(np.diag(np.linalg.inv(weighted.T @ weighted)))
        np.testing.assert_allclose(fit.stdev_unscaled.loc[gene], spread, rtol=1e-5)


def test_equal_weights_without_moderation_are_the_t_test_of_two_groups():
    rng = np.random.default_rng(9)
    samples, genes = [f"S{k}" for k in range(9)], ["one", "two", "three"]
    log2_cpm = pd.DataFrame(rng.normal(5, 1, (3, 9)), index=genes, columns=samples)
    design = pd.DataFrame({"a": [1.0] * 4 + [0] * 5, "b": [0.0] * 4 + [1] * 5}, index=samples)
    unit = pd.Series(1.0, index=samples)
    fit = fit_genes(VoomTransform(log2_cpm, log2_cpm * 0 + 3, design, unit, unit, LowessCurve(*np.ones((2, 1)))))
    expected = ttest_ind(log2_cpm.iloc[:, :4], log2_cpm.iloc[:, 4:], axis=1)
    table = contrast_tables(fit, A_MINUS_B)["a - b"]
    unmoderated = table.t * np.sqrt(fit.moderated.posterior / fit.residual_variance)
    np.testing.assert_allclose(unmoderated, expected.statistic, rtol=1e-12)
    # Weight 3 on every observation: three times the pooled variance.
    pooled = (3 * log2_cpm.iloc[:, :4].var(axis=1) + 4 * log2_cpm.iloc[:, 4:].var(axis=1)) / 7
    np.testing.assert_allclose(fit.residual_variance, 3 * pooled, rtol=1e-12)


def test_a_contrast_among_many_is_the_contrast_alone():
    data = case("sim2k")
    tables = voom_limma(data.kept_counts, data.design, data.contrasts)
    for name in data.contrasts:
        alone = voom_limma(data.kept_counts, data.design, data.contrasts[[name]])[name]
        pd.testing.assert_frame_equal(alone, tables[name], rtol=1e-13)


def test_the_design_is_matched_to_the_samples_by_name():
    counts = simulated_counts()
    design = two_groups(counts)
    expected = voom_limma(counts, design, A_MINUS_B)["a - b"]
    shuffled = design.sample(frac=1, random_state=1)
    assert list(shuffled.index) != list(design.index)
    pd.testing.assert_frame_equal(voom_limma(counts, shuffled, A_MINUS_B)["a - b"], expected)


def test_a_coefficient_that_the_contrasts_leave_out_counts_as_zero():
    data = case("sim2k")
    contrasts = data.contrasts[["sus_vs_ctrl"]]
    short = contrasts.loc[["ctrl", "sus"]]
    pd.testing.assert_frame_equal(
        voom_limma(data.kept_counts, data.design, short)["sus_vs_ctrl"],
        voom_limma(data.kept_counts, data.design, contrasts)["sus_vs_ctrl"],
    )


def test_a_gene_without_reads_does_not_move_the_others_trend():
    counts = simulated_counts()
    silent = pd.DataFrame(0, index=["silent"], columns=counts.columns)
    trend = voom(counts, two_groups(counts)).trend
    with_silent = voom(pd.concat([counts, silent]), two_groups(counts)).trend
    np.testing.assert_allclose(with_silent.x, trend.x, rtol=1e-14)
    np.testing.assert_allclose(with_silent.y, trend.y, rtol=1e-14)


def test_benjamini_hochberg_by_hand():
    # Sorted .005 .01 .03 .04, times 4 / rank: .02 .02 .04 .04; each at most those after it.
    np.testing.assert_allclose(adjust_p_values(np.array([0.01, 0.04, 0.03, 0.005])), [0.02, 0.04, 0.04, 0.02])
    # .5 .9 .6: 3 / rank gives 1.5 .9 .9, cut to the .9 after it.
    np.testing.assert_allclose(adjust_p_values(np.array([0.5, 0.9, 0.6])), 0.9)


def test_dependent_columns_are_named_with_those_they_follow_from():
    design = pd.DataFrame(
        {
            "a": [1, 1, 0, 0, 0, 0],
            "b": [0, 0, 1, 1, 0, 0],
            "c": [0, 0, 0, 0, 1, 1],
            "run_1": [1, 1, 1, 1, 0, 0],
            "age_days": [60, 61, 60, 63, 66, 61],
            "nothing": [0] * 6,
        }
    )
    assert linear_dependencies(design) == {"run_1": ["a", "b"], "nothing": []}
    assert linear_dependencies(design[["a", "b", "c", "age_days"]]) == {}


def test_a_group_confounded_with_a_run_is_refused_with_the_contrast_that_is_lost():
    counts = simulated_counts()
    third = np.arange(12) % 3
    design = pd.DataFrame({"a": third == 0, "b": third == 1, "c": third == 2}, index=counts.columns)
    design["run_2"] = design.c  # every c mouse, and no other, was sequenced in run 2
    contrasts = contrast_matrix({"a - b": ("a", "b"), "c - a": ("c", "a")})
    with pytest.raises(ValueError, match="run_2 is confounded with c; cannot be estimated: c - a"):
        voom_limma(counts, design, contrasts)
    with pytest.raises(ValueError, match="run_2 is confounded with c; leave one column of each out"):
        voom_limma(counts, design, contrasts[["a - b"]])


def test_a_contrast_of_units_as_unlike_as_groups_and_cells_is_still_seen_as_lost():
    counts = simulated_counts()
    design = two_groups(counts).astype(float)
    design["cells_per_ul"] = design.b * 1e9
    with pytest.raises(ValueError, match="cells_per_ul is confounded with b; cannot be estimated: a - b"):
        voom_limma(counts, design, A_MINUS_B)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.iloc[:-1], "design must hold every sample; it has no S11"),
        (lambda d: pd.concat([d, d.iloc[:1].rename(index={"S00": "S99"})]), "counts must .* it has no S99"),
        (lambda d: pd.concat([d, d.iloc[:1]]), "one row per sample"),
        (lambda d: d.assign(age_days=[np.nan] + [60.0] * 11), "age_days is not for S00"),
        (lambda d: d.assign(empty=0.0), "empty is 0 in every sample"),
        (lambda d: d.to_numpy(), "design must be a DataFrame"),
    ],
)
def test_a_design_that_does_not_fit_is_refused(change, words):
    counts = simulated_counts()
    with pytest.raises(ValueError, match=words):
        voom_limma(counts, change(two_groups(counts)), A_MINUS_B)


def test_a_design_with_as_many_coefficients_as_samples_is_refused():
    counts = simulated_counts(n_samples=4)
    design = pd.DataFrame(np.eye(4), index=counts.columns, columns=list("abcd"))
    with pytest.raises(ValueError, match="4 samples and 4 coefficients leave no residual degrees of freedom"):
        voom_limma(counts, design, A_MINUS_B)


@pytest.mark.parametrize(
    ("contrasts", "words"),
    [
        (contrast_matrix({"x": ("a", "drug")}), "contrasts name drug; the design has a, b"),
        (pd.DataFrame({"x": [1.0, np.nan]}, index=["a", "b"]), "contrast x must be finite"),
        (pd.DataFrame({"x": [0.0, 0.0]}, index=["a", "b"]), "contrast x compares nothing"),
        (pd.DataFrame([[1.0, 1.0], [-1.0, -1.0]], index=["a", "b"], columns=["x", "x"]), "one column per name"),
        (pd.DataFrame(), "contrasts must be a DataFrame"),
    ],
)
def test_a_contrast_that_asks_nothing_answerable_is_refused(contrasts, words):
    counts = simulated_counts()
    with pytest.raises(ValueError, match=words):
        voom_limma(counts, two_groups(counts), contrasts)


def test_counts_that_are_not_raw_are_refused():
    counts = simulated_counts().astype(float)
    counts.loc["gene7", "S03"] = 2.5
    with pytest.raises(ValueError, match=r"got 2\.5 for gene7 in S03"):
        voom_limma(counts, two_groups(counts), A_MINUS_B)


def test_one_gene_is_too_few_for_a_trend():
    counts = simulated_counts(n_genes=1)
    with pytest.raises(ValueError, match="at least two genes"):
        voom_limma(counts, two_groups(counts), A_MINUS_B)


def test_counts_without_any_scatter_are_refused():
    counts = pd.DataFrame(8, index=["one", "two", "three"], columns=list("wxyz"))
    design = pd.DataFrame({"a": [1, 1, 0, 0], "b": [0, 0, 1, 1]}, index=counts.columns)
    with pytest.raises(ValueError, match="without remainder"):
        voom_limma(counts, design, A_MINUS_B)
