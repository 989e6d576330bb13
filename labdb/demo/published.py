"""The published layout: few mice chosen by outcome, and one region on runs that cannot be told from its groups."""

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.kernels.response import classify_response
from labdb.demo import parameters as p
from labdb.demo.simulate_behavior import SimulatedBehavior
from labdb.demo.simulate_tissue import SequencingPlan


def sequence_by_outcome(behavior: SimulatedBehavior, rng: np.random.Generator) -> SimulatedBehavior:
    """Return the animals with those sequenced that the published study has: chosen after the re-test.

    Parameters
    ----------
    behavior : SimulatedBehavior
        All animals.
    rng : numpy.random.Generator
        The only source of randomness.

    Raises
    ------
    ValueError
        If too few mice have an outcome.
    """
    outcome = outcomes(behavior)
    is_sequenced = pd.Series(False, index=outcome.index)
    for name, n_mice in p.PUBLISHED_MICE.items():
        candidates = outcome.index[outcome == name]
        if len(candidates) < n_mice:
            raise ValueError(f"this seed gives {len(candidates)} mice of {name}; the published layout needs {n_mice}")
        is_sequenced[rng.choice(candidates, n_mice, replace=False)] = True
    return replace(behavior, mice=behavior.mice.assign(is_sequenced=is_sequenced))


def outcomes(behavior: SimulatedBehavior) -> pd.Series:
    """Name what became of every mouse, in the words of `parameters.PUBLISHED_MICE`; others are None."""
    first, second = (
        behavior.si_tests[behavior.si_tests["test_number"] == number].set_index("mouse") for number in (1, 2)
    )
    phenotype, arm = behavior.latent["phenotype"], behavior.allocations["arm"]
    before = first.assign(group=behavior.mice["group"], phenotype=phenotype)
    response = classify_response(before, second)["response"].reindex(arm.index)
    outcome = phenotype.where(phenotype != "susceptible", arm.where(arm == "saline"))
    return outcome.mask(arm.isin(p.DRUGS), arm + " " + response).astype(object)


def _deal(libraries: pd.DataFrame, treatment: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Put each region on one run, but one on four: no saline mouse is on the run that has most drug mice."""
    pool = libraries["region"].copy()
    is_split = libraries["region"] == p.PUBLISHED_SPLIT_REGION
    is_drugged = treatment.str.endswith(p.DRUGS)
    is_saline = treatment.str.endswith("saline")
    kinds = (
        (is_drugged, p.PUBLISHED_SPLIT_DRUGGED),
        (is_saline, (1,) * p.PUBLISHED_MICE["saline"]),
        (treatment.str.startswith("control"), p.PUBLISHED_SPLIT_OTHERS),
        (treatment.str.startswith("resilient"), p.PUBLISHED_SPLIT_OTHERS),
    )
    for is_kind, n_libraries in kinds:
        members = rng.permutation(libraries.index[is_split & is_kind])
        places = np.repeat(np.arange(1, len(n_libraries) + 1), n_libraries)
        pool[members] = [f"{p.PUBLISHED_SPLIT_REGION}-{place}" for place in places]
    return pool


def _run_of_pool() -> dict[str, str]:
    whole = [region for region in p.REGIONS if region != p.PUBLISHED_SPLIT_REGION]
    split = [f"{p.PUBLISHED_SPLIT_REGION}-{place}" for place in range(1, len(p.PUBLISHED_SPLIT_DRUGGED) + 1)]
    return {pool: f"BAGOT-RUN{number}" for number, pool in enumerate([*whole, *split], start=1)}


PUBLISHED_PLAN = SequencingPlan(_deal, _run_of_pool(), lost=p.PUBLISHED_LOST)
