"""Gene sets by name, each on genes made by hand."""

import numpy as np
import pandas as pd
import pytest

from analysis.kernels.named_gene_sets import drug_genes, published_genes, specific_genes, target_table


def results(**genes):
    """Change and adjusted p by gene; the nominal p is a tenth of it."""
    frame = pd.DataFrame(genes, index=["log2_fold_change", "adj_p_value"]).T.astype(float)
    return frame.assign(p_value=frame["adj_p_value"] / 10, average_expression=5.0)


S_C = results(both=(1, 0.01), against=(1, 0.02), control_only=(1, 0.001), other_only=(1, 0.5), missing=(1, 0.01))
S_R = results(both=(0.8, 0.03), against=(-1, 0.01), control_only=(0.1, 0.9), other_only=(1, 0.01))


def test_specific_genes_differ_from_controls_and_from_the_other_phenotype():
    found = specific_genes(S_C, S_R, names=("S - C", "S - R"))
    assert list(found.genes.index) == ["both"]
    assert found.n_tested == 4
    assert found.rule == "Adjusted p at most 0.05 in S - C and in S - R, in the same direction."


def test_the_published_rule_is_named_with_its_weakness():
    found = published_genes(S_C, S_R, names=("S - C", "R - C"))
    # 1.3 is log2 .379: the change of control_only in the other is .1; the genes called in both are out.
    assert list(found.genes.index) == ["control_only"]
    assert found.rule.startswith("Nominal p below 0.05 and fold change above 1.3 in S - C, and not in R - C.")
    with pytest.raises(ValueError, match="at least 1"):
        published_genes(S_C, S_R, names=("a", "b"), fold_change=0.5)


def test_drugs_share_genes_that_both_change_and_in_which_they_do_not_differ():
    first = results(shared=(1, 0.01), own=(2, 0.01), strong=(2, 0.01), cross=(1, 0.01), none=(0.1, 0.9))
    second = results(shared=(0.9, 0.02), own=(0.1, 0.8), strong=(1, 0.04), cross=(-1, 0.01), none=(0.1, 0.9))
    between = results(shared=(0.1, 0.9), own=(1.9, 0.01), strong=(1, 0.03), cross=(2, 0.001), none=(0.0, 0.001))
    found = drug_genes(first, second, between)
    assert list(found.shared.index) == ["shared"]
    assert set(found.first_only.index) == {"own", "strong", "cross"}
    assert list(found.second_only.index) == ["cross"]
    assert found.shared.loc["shared"].tolist() == [1.0, 0.9]


def test_targets_are_ranked_by_how_often_and_how_far_they_are_moved_back():
    stress = {"PFC": results(Fos=(2, 0.01), Arc=(-1, 0.01), Bdnf=(1, 0.2)), "NAc": results(Fos=(1, 0.01), Arc=(1, 0.9))}
    drugs = {
        "imipramine": {
            "PFC": results(Fos=(-1, 0.01), Arc=(-0.5, 0.01), Bdnf=(-1, 0.01)),
            "NAc": results(Fos=(-0.75, 0.01), Arc=(-1, 0.01)),
        },
        "ketamine": {"PFC": results(Fos=(-2, 5.0), Arc=(0.5, 0.01), Bdnf=(-1, 0.01))},
    }
    table = target_table(stress, drugs)
    assert list(table.index) == ["Fos", "Arc"]  # stress does not change Bdnf
    fos = table.loc["Fos"]
    # -drug / stress: .5 and .75 by imipramine, 1 by ketamine, whose p is .5 / 2
    assert (fos["n_regions"], fos["n_comparisons"], fos["n_opposite"], fos["n_reversed"]) == (2, 3, 3, 2)
    assert (fos["fraction_undone"], fos["worst_fraction"], fos["expression"]) == (0.75, 0.5, 5.0)
    arc = table.loc["Arc"]
    assert (arc["n_opposite"], arc["worst_fraction"], arc["fraction_undone"]) == (1, -0.5, 0.0)
    with pytest.raises(ValueError, match="ketamine has results in AMY, stress has not; it has PFC, NAc"):
        target_table(stress, {"ketamine": {"AMY": stress["PFC"]}})
    assert target_table(stress, {}).empty


def test_results_without_a_column_or_with_a_gene_twice_are_refused():
    with pytest.raises(ValueError, match="one has no adj_p_value"):
        specific_genes(S_C.drop(columns="adj_p_value"), S_R, names=("a", "b"))
    with pytest.raises(ValueError, match="both comes twice"):
        specific_genes(S_C, pd.concat([S_R, S_R.iloc[:1]]), names=("a", "b"))
    assert specific_genes(S_C * np.nan, S_R, names=("a", "b")).n_tested == 0
