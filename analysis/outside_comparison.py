"""Two lists of genes side by side: correlation, overlap by direction, and in words which null holds for the pair."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from analysis.kernels.overlap import SignedOverlap, signed_overlap
from analysis.tested_lists import CALLED, TestedList

FEWEST_GENES = 15
P_CUTOFF = 0.05
SHOWN_GENES = 25


@dataclass(frozen=True)
class Comparison:
    """What two lists share.

    Attributes
    ----------
    correlation : float or None
        Spearman's, over the genes of both.
    overlap : SignedOverlap or None
        Of the genes that both call; None where a list has no p-values.
    opposite, same : list of tuple
        (symbol, value in the first, value in the second) of genes called in both.
    sentences : tuple of str
        The null that holds, and what stands against the numbers.
    refusal : str
        Why nothing can be compared; else empty.
    """

    first: TestedList
    second: TestedList
    n_genes: int
    correlation: float | None
    overlap: SignedOverlap | None
    opposite: list[tuple[str, float, float]]
    same: list[tuple[str, float, float]]
    sentences: tuple[str, ...]
    refusal: str = ""


def compare_lists(first: TestedList, second: TestedList) -> Comparison:
    """Compare two lists, of which at least one comes from outside."""
    both = first.genes.index.intersection(second.genes.index)
    refusal = ""
    if len(both) < FEWEST_GENES:
        kinds = ""
        if first.annotation != second.annotation:
            kinds = f" Their genes were found in two annotations, {first.annotation} and {second.annotation}."
        refusal = f"The two lists share {len(both)} genes; at least {FEWEST_GENES} are needed to compare them.{kinds}"
    elif first.genes.loc[both, "value"].nunique() < 2 or second.genes.loc[both, "value"].nunique() < 2:
        refusal = "One of the lists has the same value for every gene of both; it orders nothing."
    if refusal:
        return Comparison(first, second, len(both), None, None, [], [], (), refusal)
    values = pd.DataFrame({"x": first.genes.loc[both, "value"], "y": second.genes.loc[both, "value"]})
    x, y = values["x"].to_dict(), values["y"].to_dict()
    overlap, opposite, same = None, [], []
    if first.is_called and second.is_called:
        overlap = signed_overlap(first.genes[CALLED], second.genes[CALLED], p_cutoff=P_CUTOFF)
        symbols = first.genes["symbol"]
        if overlap.opposite is not None and overlap.same is not None:
            opposite, same = (
                [(symbols[gene], float(x[gene]), float(y[gene])) for gene in genes[:SHOWN_GENES]]
                for genes in (overlap.opposite.genes, overlap.same.genes)
            )  # fmt: skip
    correlation = float(spearmanr(values["x"], values["y"])[0])
    return Comparison(
        first, second, len(both), None if np.isnan(correlation) else correlation, overlap, opposite, same,
        null_sentences(first, second),
    )  # fmt: skip


def null_sentences(first: TestedList, second: TestedList) -> tuple[str, ...]:
    """Say what is expected where neither list has an effect, and where a p-value is to be had."""
    genes = (
        "Genes move together, so a p-value that counts genes (Fisher's test, that of the correlation) would be far too "
        "small; none is given."
    )
    if first.is_outside and second.is_outside:
        return (
            "labdb has the animals of neither list. If they share no animal, a correlation of 0 is expected without any "
            "effect; if they share a control group, it is not, and labdb cannot know it: read their sources.",
            f"{genes} A p-value needs animals: test either list against the mice of the study.",
        )
    return (
        "The plain null holds: no animal is in both, so without an effect a correlation of 0 is expected, and half of the "
        "shared genes opposing. No shared group has to be allowed for, as between two contrasts of one study.",
        f"{genes} It comes from exchanging the labels of the study's own mice: run the test against its mice.",
    )
