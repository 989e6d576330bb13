"""Gene sets by name: susceptible- and resilience-specific genes, what drugs share, and target genes.

"Significant here and not there" proves no difference, so each set rests on the comparison that says
so. The published rule, which does not, can be chosen and is then named.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]

MAX_Q = 0.05
PUBLISHED_P = 0.05  # Bagot et al. 2016, 2017: nominal
PUBLISHED_FOLD_CHANGE = 1.3  # the same
TESTED = "tested"
PUBLISHED = "published"
COLUMNS = ("log2_fold_change", "p_value", "adj_p_value")
RULES = {
    TESTED: "Adjusted p at most {max_q:g} in {first} and in {second}, in the same direction.",
    PUBLISHED: (
        "Nominal p below {p:g} and fold change above {fold:g} in {first}, and not in {other}. "
        "Not to be significant is no evidence of no effect: many of these genes may differ in {other} too."
    ),
}


@dataclass(frozen=True)
class NamedGenes:
    """A set with the rule that made it.

    Attributes
    ----------
    genes : pandas.DataFrame
        ``log2_fold_change`` and ``p_value`` of the first comparison, the smallest p first.
    rule : str
        In words.
    tested : pandas.Index
        Genes with a number in all comparisons used: those that could have come into the set.
    """

    genes: pd.DataFrame
    rule: str
    tested: pd.Index

    @property
    def n_tested(self) -> int:
        """Number of these."""
        return len(self.tested)


def specific_genes(
    against_control: pd.DataFrame,
    against_other: pd.DataFrame,
    *,
    names: tuple[str, str],
    max_q: float = MAX_Q,
) -> NamedGenes:
    """Genes of one phenotype: it differs from controls and, the same way, from the other phenotype.

    Parameters
    ----------
    against_control, against_other : pandas.DataFrame
        Results of S - C and S - R for susceptible-specific genes, of R - C and R - S for
        resilience-specific ones: ``log2_fold_change``, ``p_value``, ``adj_p_value`` by gene.
    names : tuple of str
        Of the two comparisons, for the rule.
    max_q : float

    Raises
    ------
    ValueError
        If a column is missing or a gene comes twice.
    """
    first, second = _tested_in_both(against_control, against_other)
    chosen = (first["adj_p_value"] <= max_q) & (second["adj_p_value"] <= max_q)
    chosen &= np.sign(first["log2_fold_change"]) == np.sign(second["log2_fold_change"])
    rule = RULES[TESTED].format(max_q=max_q, first=names[0], second=names[1])
    return _named(first, chosen.to_numpy(), rule)


def published_genes(
    comparison: pd.DataFrame,
    other: pd.DataFrame,
    *,
    names: tuple[str, str],
    p: float = PUBLISHED_P,
    fold_change: float = PUBLISHED_FOLD_CHANGE,
) -> NamedGenes:
    """Genes by the published rule: called in one comparison and not called in the other.

    Parameters
    ----------
    comparison, other : pandas.DataFrame
        As `specific_genes`.
    names : tuple of str
        Of the two, for the rule.
    p, fold_change : float
        Nominal; as a ratio, either way.

    Raises
    ------
    ValueError
        As `specific_genes`, or if fold_change is below 1.
    """
    if not fold_change >= 1:
        raise ValueError(f"fold_change is a ratio of at least 1; got {fold_change}")
    first, second = _tested_in_both(comparison, other)
    called = [(one["p_value"] < p) & (one["log2_fold_change"].abs() > np.log2(fold_change)) for one in (first, second)]
    rule = RULES[PUBLISHED].format(p=p, fold=fold_change, first=names[0], other=names[1])
    return _named(first, (called[0] & ~called[1]).to_numpy(), rule)


@dataclass(frozen=True)
class DrugGenes:
    """What two drugs do to one gene after another, in one region.

    Attributes
    ----------
    shared, first_only, second_only : pandas.DataFrame
        ``first``, ``second``: log2 fold change of either drug against saline.
        Shared: both drugs change the gene, the same way, and do not differ. Only: one drug does and
        differs from the other.
    rule : str
        In words.
    tested : pandas.Index
        Genes with a number in all three comparisons.
    """

    shared: pd.DataFrame
    first_only: pd.DataFrame
    second_only: pd.DataFrame
    rule: str
    tested: pd.Index


def drug_genes(
    first: pd.DataFrame, second: pd.DataFrame, difference: pd.DataFrame, *, max_q: float = MAX_Q
) -> DrugGenes:
    """Sort genes by the comparison of the two drugs, not by comparing two lists.

    Parameters
    ----------
    first, second : pandas.DataFrame
        Results of either drug against saline, as `specific_genes`. Both share the saline mice: that
        a gene is in both is in part by construction, so each must hold by itself.
    difference : pandas.DataFrame
        Of the first drug against the second.
    max_q : float
        Of each.

    Raises
    ------
    ValueError
        As `specific_genes`.
    """
    one, two = _tested_in_both(first, second)
    one, between = _tested_in_both(one, difference)
    two = two.loc[one.index]
    called = [(frame["adj_p_value"] <= max_q).to_numpy() for frame in (one, two, between)]
    first_change, second_change = (frame["log2_fold_change"].to_numpy(dtype=float) for frame in (one, two))
    same = np.sign(first_change) == np.sign(second_change)
    larger = np.abs(first_change) > np.abs(second_change)
    changes = pd.DataFrame({"first": one["log2_fold_change"], "second": two["log2_fold_change"]})
    order = np.argsort(np.maximum(one["p_value"].to_numpy(), two["p_value"].to_numpy()), kind="stable")

    def chosen(mask: BoolArray) -> pd.DataFrame:
        return changes.iloc[order[mask[order]]]

    return DrugGenes(
        shared=chosen(called[0] & called[1] & same & ~called[2]),
        first_only=chosen(called[0] & called[2] & (larger | ~same)),
        second_only=chosen(called[1] & called[2] & (~larger | ~same)),
        rule=(
            f"Shared: adjusted p at most {max_q:g} for both drugs against saline, the same direction, and above it "
            "between the drugs. Of one drug: at most so for it against saline and between the drugs."
        ),
        tested=one.index,
    )


def target_table(
    stress: Mapping[str, pd.DataFrame],
    drugs: Mapping[str, Mapping[str, pd.DataFrame]],
    *,
    max_q: float = MAX_Q,
) -> pd.DataFrame:
    """Rank genes by how far drugs move back what stress did, over regions and drugs.

    Parameters
    ----------
    stress : mapping of pandas.DataFrame
        By region, results of the merged signature, (S and D together) - C, or another estimate of the
        stress effect that does not share the noise of the drug's: ``log2_fold_change``, ``p_value``,
        ``adj_p_value``, ``average_expression``.
    drugs : mapping of mapping of pandas.DataFrame
        By drug and region, results of the drug against saline.
    max_q : float
        Of the stress effect, for a gene to be looked at in a region.

    Returns
    -------
    pandas.DataFrame, indexed by gene, the best first
        ``n_regions`` (where stress changes it), ``n_comparisons`` (drug x region there),
        ``n_opposite`` (that go against stress), ``n_reversed`` (with a nominal one-sided p at most .05),
        ``fraction_undone`` (median over comparisons of minus drug over stress; shrunken by nothing, so
        large for small stress effects), ``worst_fraction`` (smallest), ``expression`` (mean). It is a
        table to choose from, not a test.

    Raises
    ------
    ValueError
        If a region of a drug has no stress result, or a column is missing.
    """
    rows = []
    for drug, regions in drugs.items():
        for region, result in regions.items():
            if region not in stress:
                raise ValueError(f"{drug} has results in {region}, stress has not; it has {', '.join(stress)}")
            moved, treated = _tested_in_both(stress[region], result)
            moved = moved[moved["adj_p_value"] <= max_q]
            treated = treated.loc[moved.index]
            against = np.sign(treated["log2_fold_change"]) == -np.sign(moved["log2_fold_change"])
            rows.append(
                pd.DataFrame(
                    {
                        "region": region,
                        "fraction": -treated["log2_fold_change"] / moved["log2_fold_change"],
                        "is_opposite": against,
                        "is_reversed": against & (treated["p_value"] / 2 <= MAX_Q),
                        "expression": stress[region]["average_expression"].reindex(moved.index),
                    }
                ).rename_axis("gene")
            )
    long = pd.concat(rows).reset_index() if rows else pd.DataFrame(columns=["gene", "region", "fraction"])
    if long.empty:
        columns = (
            "n_regions",
            "n_comparisons",
            "n_opposite",
            "n_reversed",
            "fraction_undone",
            "worst_fraction",
            "expression",
        )
        return pd.DataFrame(columns=list(columns), index=pd.Index([], name="gene"))
    table = long.groupby("gene").agg(
        n_regions=("region", "nunique"),
        n_comparisons=("region", "size"),
        n_opposite=("is_opposite", "sum"),
        n_reversed=("is_reversed", "sum"),
        fraction_undone=("fraction", "median"),
        worst_fraction=("fraction", "min"),
        expression=("expression", "mean"),
    )
    return table.sort_values(["n_reversed", "n_opposite", "worst_fraction"], ascending=False, kind="stable")


def _tested_in_both(x: pd.DataFrame, y: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    for frame in (x, y):
        missing = [column for column in COLUMNS if column not in frame.columns]
        if missing:
            raise ValueError(f"results must have the columns {', '.join(COLUMNS)}; one has no {missing[0]}")
        if not frame.index.is_unique:
            raise ValueError(
                f"results must have each gene once; {frame.index[frame.index.duplicated()][0]} comes twice"
            )
    first, second = (frame[list(COLUMNS)].dropna() for frame in (x, y))
    genes = first.index.intersection(second.index)
    return first.loc[genes], second.loc[genes]


def _named(first: pd.DataFrame, chosen: BoolArray, rule: str) -> NamedGenes:
    genes = first.loc[chosen, ["log2_fold_change", "p_value"]].sort_values("p_value", kind="stable")
    return NamedGenes(genes, rule, first.index)
