"""Counts of the demo study: who has how much of each planted effect, and the noise on it."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.plant_expression import STATES, ExpressionTruth
from labdb.demo.simulate_behavior import SimulatedBehavior


class GeneNoise(NamedTuple):
    """Spread of each gene: gamma dispersion, and loadings on the latent factors (natural log)."""

    gamma_dispersion: np.ndarray
    loadings: np.ndarray


def mouse_states(behavior: SimulatedBehavior, region: str) -> pd.DataFrame:
    """Say how much of each state the tissue of each sequenced mouse has.

    Parameters
    ----------
    behavior : SimulatedBehavior
        Phenotypes, arms, in whom the drug works, persistence of the stress state.
    region : str
        Brain region; the drugs undo different fractions in different regions.

    Returns
    -------
    pandas.DataFrame, shape (n_sequenced_mice, n_states)
        0 for none; columns as in `ExpressionTruth.effects_log2`.
    """
    sequenced = behavior.mice.index[behavior.mice["is_sequenced"]]
    latent, arm = behavior.latent.loc[sequenced], behavior.allocations.loc[sequenced, "arm"]
    susceptible, resilient = latent["phenotype"] == "susceptible", latent["phenotype"] == "resilient"
    undone = fraction_undone(behavior, region).loc[sequenced]
    states = pd.DataFrame(0.0, index=sequenced, columns=list(STATES))
    states["stress"] = (latent["persistence"] * (1 - undone)).where(susceptible, 0.0)
    states["stress_shared_with_resilience"] = latent["persistence"].where(resilient, 0.0)
    states["resilience"] = resilient + p.RESILIENCE_INDUCED * undone
    for drug in p.DRUGS:
        states[drug] = (arm == drug).astype(float)
        states[f"{drug}_non_response"] = ((arm == drug) & ~latent["drug_works"]).astype(float)
    return states


def fraction_undone(behavior: SimulatedBehavior, region: str) -> pd.Series:
    """Return the planted fraction of the stress effect that is undone in each mouse; 0 without a drug."""
    undone = behavior.allocations["arm"].map(p.FRACTION_UNDONE[region]).fillna(0.0)
    untouched = p.FRACTION_UNDONE_NON_RESPONDER
    drugged = behavior.allocations["arm"].isin(p.DRUGS)
    return undone.mask(drugged & ~behavior.latent["drug_works"], untouched)


def expected_log2_cpm(truth: ExpressionTruth, behavior: SimulatedBehavior, region: str) -> pd.DataFrame:
    """Return noiseless log2 expression, genes x sequenced mice, before pools, factors and counting."""
    states = mouse_states(behavior, region)[list(STATES)]
    moved = truth.effects_log2.to_numpy() @ states.to_numpy().T
    return pd.DataFrame(truth.baseline_log2_cpm[:, None] + moved, index=truth.effects_log2.index, columns=states.index)


def simulate_counts(
    truth: dict[str, ExpressionTruth],
    behavior: SimulatedBehavior,
    libraries: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw the read counts of all libraries.

    Parameters
    ----------
    truth : dict of str to ExpressionTruth
        From `plant_expression`.
    behavior : SimulatedBehavior
        The animals.
    libraries : pandas.DataFrame, indexed by library
        ``mouse``, ``region``, ``pool``.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    pandas.DataFrame of int32, shape (n_genes, n_libraries)
        Gamma-Poisson counts; genes and libraries in the order given.
    """
    genes = next(iter(truth.values())).effects_log2.index
    library_sizes = draw_library_sizes(len(libraries), rng)
    scatter = np.exp(rng.normal(0, p.DISPERSION_SD, len(genes)))
    directions = rng.standard_normal((len(genes), p.N_FACTORS)) / np.sqrt(p.N_FACTORS)
    mice = libraries["mouse"].unique()
    of_mice = pd.DataFrame(rng.standard_normal((len(mice), p.N_FACTORS)), index=mice)
    counts = np.empty((len(genes), len(libraries)), dtype=np.int32)
    for region in p.REGIONS:
        places = np.flatnonzero(libraries["region"] == region)
        here = libraries.iloc[places]
        log2_cpm = expected_log2_cpm(truth[region], behavior, region)
        log_rate = np.log(2) * log2_cpm[here["mouse"]].to_numpy()
        log_rate += _pool_effects(here["pool"], len(genes), rng)
        noise = _gene_noise(truth[region].baseline_log2_cpm, scatter, directions)
        log_rate += noise.loadings @ _factor_scores(of_mice.loc[here["mouse"]].to_numpy(), rng).T
        rate = np.exp(log_rate)
        rate *= library_sizes[places] / rate.sum(axis=0)
        shape = 1 / noise.gamma_dispersion[:, None]
        counts[:, places] = rng.poisson(rate * rng.standard_gamma(shape, rate.shape) / shape)
    return pd.DataFrame(counts, index=genes, columns=libraries.index)


def draw_library_sizes(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the expected reads of each library: the first draw of `simulate_counts`."""
    log_sd = np.sqrt(np.log1p(p.LIBRARY_SIZE_CV**2))
    sizes = p.LIBRARY_SIZE * rng.lognormal(-(log_sd**2) / 2, log_sd, n)
    return np.maximum(sizes, p.LIBRARY_SIZE * p.LEAST_LIBRARY_SHARE)


def _pool_effects(pool: pd.Series, n_genes: int, rng: np.random.Generator) -> np.ndarray:
    codes, _ = pd.factorize(pool)
    effects = rng.normal(0, np.log(2) * p.POOL_EFFECT_SD_LOG2, (n_genes, codes.max() + 1))
    return effects[:, codes]


def _gene_noise(baseline_log2_cpm: np.ndarray, scatter: np.ndarray, directions: np.ndarray) -> GeneNoise:
    """Split each gene's dispersion into a share of the latent factors and the rest."""
    mean_count = 2**baseline_log2_cpm * p.LIBRARY_SIZE / 1e6
    dispersion = (p.DISPERSION_FLOOR + p.DISPERSION_SLOPE / mean_count) * scatter
    loadings = np.sqrt(p.FACTOR_VARIANCE_SHARE * dispersion)[:, None] * directions
    return GeneNoise((1 - p.FACTOR_VARIANCE_SHARE) * dispersion, loadings)


def _factor_scores(of_mice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    own = rng.standard_normal(of_mice.shape)
    shared = p.FACTOR_SHARED_BY_REGIONS
    return np.sqrt(shared) * of_mice + np.sqrt(1 - shared) * own
