"""What the demo plants in the genes: baselines, and the effects of stress, resilience and the drugs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from labdb.demo import gene_names
from labdb.demo import parameters as p

STATES = (
    "stress",
    "stress_shared_with_resilience",
    "resilience",
    *p.DRUGS,
    *(f"{drug}_non_response" for drug in p.DRUGS),
)
MARKER_SHIFT_LOG2 = 3.0  # of a region marker in its region; ours
Y_LOG2_CPM = 4.5  # of genes on Y in males; ours
X_INACTIVATION_MALE_LOG2_CPM = -4.0  # a few stray reads; ours
MITOCHONDRIAL_LOG2_CPM = 12.0  # about 3 % of all reads in eight genes; ours
MIN_LOG2_CPM_OF_AFFECTED_GENES = 0.0  # a gene that is not expressed can't be a stress gene; ours


@dataclass(frozen=True)
class ExpressionTruth:
    """What is planted in one brain region.

    Attributes
    ----------
    baseline_log2_cpm : numpy.ndarray, shape (n_genes,)
        Expression of an undisturbed mouse.
    effects_log2 : pandas.DataFrame, shape (n_genes, n_states)
        What each state, when it is 1, adds. ``stress_shared_with_resilience`` is the part of
        ``stress`` that resilient mice have too; the states of susceptible mice do not use it.
    """

    baseline_log2_cpm: np.ndarray
    effects_log2: pd.DataFrame


def plant_expression(genes: pd.DataFrame, rng: np.random.Generator) -> dict[str, ExpressionTruth]:
    """Choose the genes that stress, resilience and the drugs move in each region, and by how much.

    Within a region no gene belongs to two of stress, own resilience, drug and non-response, but for
    the non-responders' opposing genes, which are the drug's. So a fraction undone planted in the
    stress genes is the fraction that a least-squares fit on all genes finds.

    Parameters
    ----------
    genes : pandas.DataFrame
        From `gene_names.demo_genes`.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    dict of str to ExpressionTruth
        By region.
    """
    overall = _overall_log2_cpm(genes, rng)
    baselines = {region: overall + _region_shift(genes, region, rng) for region in p.REGIONS}
    reserved = genes["symbol"].isin(
        (*gene_names.Y_GENES, *gene_names.X_INACTIVATION_GENES, *gene_names.MITOCHONDRIAL_GENES)
    )
    everywhere = np.min(list(baselines.values()), axis=0) > MIN_LOG2_CPM_OF_AFFECTED_GENES
    candidates = np.flatnonzero(everywhere & ~reserved.to_numpy())
    n_common = round(p.STRESS_GENE_SHARE * p.STRESS_SHARED_BY_REGIONS * len(genes))
    common = rng.choice(candidates, n_common, replace=False)
    common_effect = rng.normal(0, p.STRESS_SD_LOG2, n_common)
    others = np.setdiff1d(candidates, common)
    truth = {}
    for region in p.REGIONS:
        effects = _region_effects(len(genes), common, common_effect, _Deck(rng.permutation(others)), rng)
        truth[region] = ExpressionTruth(baselines[region], pd.DataFrame(effects, index=genes.index))
    return truth


def _overall_log2_cpm(genes: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    n_genes = len(genes)
    known = genes["symbol"].isin(gene_names.KNOWN_SYMBOLS).to_numpy()
    expressed = (rng.random(n_genes) < p.EXPRESSED_SHARE) | known
    log2_cpm = np.where(expressed, rng.normal(*p.EXPRESSED_LOG2_CPM, n_genes), rng.normal(*p.SILENT_LOG2_CPM, n_genes))
    log2_cpm[known] = np.abs(log2_cpm[known] - 1) + 1  # a gene that people look for is found
    symbol = genes["symbol"]
    log2_cpm[symbol.isin(gene_names.Y_GENES)] = Y_LOG2_CPM
    log2_cpm[symbol.isin(gene_names.X_INACTIVATION_GENES)] = X_INACTIVATION_MALE_LOG2_CPM
    log2_cpm[symbol.isin(gene_names.MITOCHONDRIAL_GENES)] = MITOCHONDRIAL_LOG2_CPM
    return log2_cpm


def _region_shift(genes: pd.DataFrame, region: str, rng: np.random.Generator) -> np.ndarray:
    shift = rng.normal(0, p.REGION_SD_LOG2, len(genes))
    sex_genes = (*gene_names.Y_GENES, *gene_names.X_INACTIVATION_GENES)
    shift[genes["symbol"].isin(sex_genes)] = 0.0
    shift[genes["symbol"].isin(gene_names.REGION_MARKERS[region])] = MARKER_SHIFT_LOG2
    return shift


class _Deck:
    """Genes (places) to be dealt out once each."""

    def __init__(self, places: np.ndarray) -> None:
        self._places: Iterator[int] = iter(places)

    def deal(self, n: int) -> np.ndarray:
        return np.fromiter((next(self._places) for _ in range(n)), dtype=int, count=n)


def _region_effects(
    n_genes: int, common: np.ndarray, common_effect: np.ndarray, deck: _Deck, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw each state's effects; `common` genes are stress genes in every region, the deck holds the others."""
    effects = {state: np.zeros(n_genes) for state in STATES}
    own = deck.deal(round(p.STRESS_GENE_SHARE * n_genes) - len(common))
    r = p.STRESS_REGION_CORRELATION
    # Sharing a part sqrt(r) of a standard normal between two regions correlates their effects r.
    own_part = rng.normal(0, p.STRESS_SD_LOG2, len(common))
    effects["stress"][common] = np.sqrt(r) * common_effect + np.sqrt(1 - r) * own_part
    effects["stress"][own] = rng.normal(0, p.STRESS_SD_LOG2, len(own))

    stress_genes = np.concatenate([common, own])
    n_shared = round(p.STRESS_SHARED_WITH_RESILIENCE * len(stress_genes))
    shared = rng.choice(stress_genes, n_shared, replace=False)
    effects["stress_shared_with_resilience"][shared] = effects["stress"][shared]
    resilience = deck.deal(round(p.RESILIENCE_GENE_SHARE * n_genes))
    effects["resilience"][resilience] = rng.normal(0, p.RESILIENCE_SD_LOG2, len(resilience))

    n_drug = round(p.DRUG_GENE_SHARE * n_genes)
    both = deck.deal(round(p.DRUG_GENES_COMMON * n_drug))
    both_effect = rng.normal(0, p.DRUG_SD_LOG2, len(both))
    for drug in p.DRUGS:
        one = deck.deal(n_drug - len(both))
        effects[drug][both] = both_effect
        effects[drug][one] = rng.normal(0, p.DRUG_SD_LOG2, len(one))
        effects[f"{drug}_non_response"] = _non_response(effects[drug], deck, rng)
    return effects


def _non_response(drug_effect: np.ndarray, deck: _Deck, rng: np.random.Generator) -> np.ndarray:
    """Effects that only mice have in which the drug does not work, on top of the drug's own."""
    effect = np.zeros_like(drug_effect)
    opposing = rng.choice(np.flatnonzero(drug_effect), p.N_NON_RESPONDER_OPPOSING, replace=False)
    effect[opposing] = -2 * drug_effect[opposing]  # +1 by the drug, -2 here: as far on the other side
    own = deck.deal(p.N_NON_RESPONDER_GENES - p.N_NON_RESPONDER_OPPOSING)
    effect[own] = rng.normal(0, p.NON_RESPONDER_SD_LOG2, len(own))
    return effect
