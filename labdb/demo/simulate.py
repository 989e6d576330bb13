"""The simulated demo study: all its records as frames, and the truth behind them.

Nothing here knows the database: `load_demo` turns the frames into records. The study is free of
errors; whoever wants some (a swapped pair, a wrong sex, a missing zone time) plants them in a copy made by
`dataclasses.replace`, between `simulate_study` and the loader.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.gene_names import demo_genes
from labdb.demo.plant_expression import ExpressionTruth, plant_expression
from labdb.demo.simulate_behavior import SimulatedBehavior, simulate_behavior
from labdb.demo.simulate_expression import (
    fraction_undone,
    simulate_counts,
)
from labdb.demo.simulate_tissue import SimulatedTissue, simulate_tissue


@dataclass(frozen=True)
class SimulatedStudy:
    """One draw of the demo study.

    Attributes
    ----------
    seed : int
        The same seed gives the same study.
    behavior : SimulatedBehavior
        Mice, SI tests, weighings, allocations; in ``latent`` what nobody sees.
    tissue : SimulatedTissue
        Dissections, samples, extractions, libraries, runs.
    genes : pandas.DataFrame, indexed by gene id
        ``symbol``, ``annotation``.
    counts : pandas.DataFrame of int32, genes x libraries
        Read counts.
    expression_truth : dict of str to ExpressionTruth
        Planted effects by region.
    truth : list of dict
        ``region``, ``arm``, ``response``, ``fraction_undone``: the planted fraction in the mice that
        the drug works in (``responder``) and in the others (``non_responder``).
    truth_by_arm : list of dict
        ``region``, ``arm``, ``fraction_undone``: the mean over the sequenced mice of the arm.
    """

    seed: int
    behavior: SimulatedBehavior
    tissue: SimulatedTissue
    genes: pd.DataFrame
    counts: pd.DataFrame
    expression_truth: dict[str, ExpressionTruth]
    truth: list[dict[str, Any]]
    truth_by_arm: list[dict[str, Any]]


def simulate_study(seed: int = p.DEFAULT_SEED) -> SimulatedStudy:
    """Simulate the demo study at its real size: 122 mice, 256 libraries, 22,000 genes.

    Parameters
    ----------
    seed : int
        Behavior, tissue, planted effects and counts have streams of their own, so that a change to
        one leaves the others as they are.

    Returns
    -------
    SimulatedStudy

    Raises
    ------
    ValueError
        If the seed gives fewer susceptible mice than the arms need.
    """
    of_behavior, of_tissue, of_effects, of_counts = _streams(seed)
    behavior = simulate_behavior(of_behavior)
    tissue = simulate_tissue(behavior, of_tissue)
    genes = demo_genes()
    expression_truth = plant_expression(genes, of_effects)
    return SimulatedStudy(
        seed=seed,
        behavior=behavior,
        tissue=tissue,
        genes=genes,
        counts=simulate_counts(expression_truth, behavior, tissue.libraries, of_counts),
        expression_truth=expression_truth,
        truth=truth_by_response(),
        truth_by_arm=truth_by_arm(behavior),
    )


def _streams(seed: int) -> list[np.random.Generator]:
    return np.random.default_rng(seed).spawn(4)


def truth_of(seed: int = p.DEFAULT_SEED) -> dict[str, list[dict[str, Any]]]:
    """Return the truth behind a seed, by response and for whole arms, without simulating any counts."""
    whole_arms = truth_by_arm(simulate_behavior(_streams(seed)[0]))
    return {"by_response": truth_by_response(), "by_arm": [{**row, "response": None} for row in whole_arms]}


def truth_by_response() -> list[dict[str, Any]]:
    """Return the planted fraction undone by region, arm and response."""
    return [
        {"region": region, "arm": arm, "response": response, "fraction_undone": fraction}
        for region, of_arms in p.FRACTION_UNDONE.items()
        for arm, undone in of_arms.items()
        for response, fraction in (("responder", undone), ("non_responder", p.FRACTION_UNDONE_NON_RESPONDER))
    ]


def truth_by_arm(behavior: SimulatedBehavior) -> list[dict[str, Any]]:
    """Return the mean fraction undone over the mice of each drug arm, by region."""
    arms = behavior.allocations["arm"]
    return [
        {
            "region": region,
            "arm": arm,
            "fraction_undone": float(fraction_undone(behavior, region)[arms == arm].mean()),
        }
        for region in p.REGIONS
        for arm in p.DRUGS
    ]
