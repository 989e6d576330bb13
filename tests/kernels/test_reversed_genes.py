"""The lists of reversed genes against the reference cases and gene-by-gene least squares."""

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.reversal import reversed_genes

from .reversal_cases import ARMS, NAMES, load_case, simulate

GROUPS = ["C"] * 5 + ["S"] * 5 + ["D"] * 5 + ["B1"] * 6
POOLS = ["P1", "P2", "P3"] * 7
FITTED = [name for name in NAMES if name != "07_pool_confounded"]


@pytest.fixture(scope="module", params=FITTED)
def listed(request):
    case = load_case(request.param)
    p_value = case.expected.get("p")
    return case, reversed_genes(case.expression, case.groups, pools=case.pools, region_p_value=p_value, **ARMS)


@pytest.mark.parametrize(("column", "theirs"), [("t_stress", "t_a"), ("t_merged", "t_a0"), ("t_drug", "t_b")])
def test_moderated_t_agrees_with_the_reference(listed, column, theirs):
    case, genes = listed
    np.testing.assert_allclose(genes[column], case.genes[theirs], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("column", "theirs"),
    [("p_merged", "p_a0"), ("p_drug", "p_b_opposite"), ("q_value", "q"), ("q_strict", "q_strict")],
)
def test_p_and_q_agree_with_the_reference(listed, column, theirs):
    case, genes = listed
    np.testing.assert_allclose(genes[column], case.genes[theirs], rtol=1e-6)


def test_both_lists_are_those_of_the_reference(listed):
    case, genes = listed
    assert genes["listed"].dtype == genes["listed_strict"].dtype == bool
    assert list(genes["listed"]) == list(case.genes["listed"] == 1)
    assert list(genes["listed_strict"]) == list(case.genes["listed_strict"] == 1)
    assert genes["listed"].sum() == case.expected["n_reversed"]
    assert genes["q_value"].notna().sum() == case.expected["n_selected"]


@pytest.mark.parametrize(("p_value", "is_open"), [(None, False), (0.051, False), (0.05, True), (0.001, True)])
def test_the_list_is_shown_only_where_the_region_is_reversed(p_value, is_open):
    case = load_case("01_reversal50")
    genes = reversed_genes(case.expression, case.groups, region_p_value=p_value, **ARMS)
    assert genes["listed"].any() == is_open
    assert genes["listed_strict"].sum() == case.expected["n_reversed_strict"]


def test_a_gene_moved_by_the_drug_alone_is_not_listed():
    expression, groups, _ = simulate(GROUPS, stress=2.0)
    expression.loc["g5"] = np.random.default_rng(2).normal(6, 0.3, 21) + np.where(groups == "D", 4.0, 0.0)
    genes = reversed_genes(expression, groups, region_p_value=0.001, **ARMS)
    assert genes["listed"].any()
    assert genes.loc["g5", "t_drug"] > 5
    assert not genes.loc["g5", "listed"]
    assert not genes.loc["g5", "listed_strict"]


def gene_by_gene(expression, groups, pools, weights):
    """(estimate, unscaled error) of S - C, merged - C and D - S by dummy coding and sqrt-weighted rows."""
    design = pd.concat(
        [pd.get_dummies(groups, dtype=float), pd.get_dummies(pools, drop_first=True, dtype=float)], axis=1
    )
    # a0 weighs a and b as plain least squares of the merged model does: a0 = a + (share of D given the runs) b
    merged = design.assign(SD=design["S"] + design["D"]).drop(columns=["S", "D"])
    inverse = pd.DataFrame(np.linalg.pinv(merged.to_numpy()), index=merged.columns, columns=merged.index)
    share = float((inverse.loc["SD"] - inverse.loc["C"])[groups == "D"].sum())
    contrasts = pd.DataFrame(0.0, index=design.columns, columns=["a", "a0", "b"])
    contrasts.loc[["C", "S"], "a"] = -1.0, 1.0
    contrasts.loc[["S", "D"], "b"] = -1.0, 1.0
    contrasts["a0"] = contrasts["a"] + share * contrasts["b"]
    rows = []
    for gene in expression.index:
        root = np.sqrt(weights.loc[gene].to_numpy())
        scaled = design.to_numpy() * root[:, None]
        estimate = np.linalg.lstsq(scaled, expression.loc[gene].to_numpy() * root, rcond=None)[0]
        covariance = np.linalg.inv(scaled.T @ scaled)
        error = np.sqrt(np.diag(contrasts.T.to_numpy() @ covariance @ contrasts.to_numpy()))
        rows.append(contrasts.T.to_numpy() @ estimate / error)
    return pd.DataFrame(rows, index=expression.index, columns=["t_stress", "t_merged", "t_drug"])


def test_weighted_ratios_of_t_are_those_of_gene_by_gene_least_squares():
    # The moderated error is common to the three contrasts of a gene, so their ratios are free of it.
    expression, groups, pools = simulate(GROUPS, POOLS, n_genes=40)
    values = np.random.default_rng(6).uniform(0.3, 3, expression.shape)
    weights = pd.DataFrame(values, index=expression.index, columns=expression.columns)
    ours = reversed_genes(expression, groups, pools=pools, weights=weights.sample(frac=1, random_state=1), **ARMS)
    theirs = gene_by_gene(expression, groups, pools, weights)
    for column in ("t_merged", "t_drug"):
        np.testing.assert_allclose(
            ours[column] / ours["t_stress"], theirs[column] / theirs["t_stress"], rtol=1e-9, atol=1e-12
        )


def test_equal_weights_change_nothing():
    expression, groups, pools = simulate(GROUPS, POOLS)
    plain = reversed_genes(expression, groups, pools=pools, **ARMS)
    weighted = reversed_genes(expression, groups, pools=pools, weights=expression * 0 + 2.5, **ARMS)
    pd.testing.assert_frame_equal(plain, weighted, rtol=1e-9)


def test_the_order_of_samples_does_not_matter():
    expression, groups, pools = simulate(GROUPS, POOLS)
    plain = reversed_genes(expression, groups, pools=pools, **ARMS)
    turned = reversed_genes(expression.iloc[:, ::-1], groups, pools=pools, **ARMS)
    pd.testing.assert_frame_equal(plain, turned, rtol=1e-9)


def test_a_refusal_lists_no_gene_and_says_why():
    case = load_case("07_pool_confounded")
    genes = reversed_genes(case.expression, case.groups, pools=case.pools, region_p_value=0.01, **ARMS)
    assert genes.attrs["messages"] == ("REFUSED_POOL_TREATMENT",)
    assert not genes[["listed", "listed_strict"]].any(axis=None)
    assert genes.drop(columns=["listed", "listed_strict"]).isna().all(axis=None)
    assert list(genes.index) == list(case.expression.index)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"region_p_value": 1.2}, "between 0 and 1; got 1.2"),
        ({"region_p_value": float("nan")}, "between 0 and 1; got nan"),
    ],
)
def test_a_p_value_beyond_its_range_is_refused(options, sentence):
    expression, groups, _ = simulate(GROUPS)
    with pytest.raises(ValueError, match=sentence):
        reversed_genes(expression, groups, **options, **ARMS)


def test_weights_that_are_not_positive_or_not_of_these_genes_are_refused():
    expression, groups, _ = simulate(GROUPS)
    weights = expression * 0 + 1.0
    weights.loc["g4", "m02"] = 0.0
    with pytest.raises(ValueError, match=r"got 0\.0 for g4 in m02"):
        reversed_genes(expression, groups, weights=weights, **ARMS)
    with pytest.raises(ValueError, match="genes and samples of expression"):
        reversed_genes(expression, groups, weights=weights.drop(index="g4"), **ARMS)
