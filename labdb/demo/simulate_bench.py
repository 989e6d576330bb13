"""Everything that the bench writes down beside behavior and tissue, step by step, each with a random stream of its own."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.simulate_behavior import SimulatedBehavior
from labdb.demo.simulate_colony import SimulatedColony, simulate_colony
from labdb.demo.simulate_defeat import SimulatedDefeat, day_of, simulate_defeat
from labdb.demo.simulate_dosing import SimulatedDosing, simulate_dosing
from labdb.demo.simulate_freezer import SimulatedFreezer, simulate_freezer
from labdb.demo.simulate_measurements import measure_tissue, scan_arms, store_in_boxes
from labdb.demo.simulate_test_facts import note_test_facts
from labdb.demo.simulate_tissue import SimulatedTissue
from labdb.demo.simulate_weighings import daily_weighings


@dataclass(frozen=True)
class SimulatedBench:
    """Bench records.

    Attributes
    ----------
    mice : pandas.DataFrame, indexed by mouse
        Those of `SimulatedBehavior` with ``shipment``, ``litter``, ``is_humane_endpoint``; one died a day early.
    colony, defeat, dosing : SimulatedColony, SimulatedDefeat, SimulatedDosing
        Cages, aggressors and bouts, solutions and doses.
    si_tests : pandas.DataFrame
        Those of `SimulatedBehavior` with arena, target, light and gap.
    weighings : pandas.DataFrame
        Those of `SimulatedBehavior` and the days between: ``mouse``, ``day``, ``performed_at``, ``body_mass_g``.
    boxes, places : pandas.DataFrame
        Storage boxes, and where each sample stands.
    freezer : SimulatedFreezer
        What happened to the tubes, and the check of a box.
    measurements : pandas.DataFrame
        Volumes and spine densities.
    """

    mice: pd.DataFrame
    colony: SimulatedColony
    defeat: SimulatedDefeat
    dosing: SimulatedDosing
    si_tests: pd.DataFrame
    weighings: pd.DataFrame
    boxes: pd.DataFrame
    places: pd.DataFrame
    freezer: SimulatedFreezer
    measurements: pd.DataFrame


def simulate_bench(
    behavior: SimulatedBehavior, tissue: SimulatedTissue, study_code: str, rng: np.random.Generator
) -> SimulatedBench:
    """Simulate the bench records of animals that have been drawn.

    Parameters
    ----------
    behavior : SimulatedBehavior
        The animals.
    tissue : SimulatedTissue
        Their samples.
    study_code : str
        Goes into the codes that a whole lab shares.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    SimulatedBench
    """
    of_defeat, of_colony, of_weighings, of_doses, of_tests, of_endpoint, of_tissue, of_arms, of_tubes = rng.spawn(9)
    mice, cohort_of = behavior.mice, behavior.mice["cohort"]
    defeat = simulate_defeat(mice, study_code[0], of_defeat)
    weighings = daily_weighings(mice, behavior.weighings, of_weighings)
    mice = _reach_humane_endpoint(mice, behavior, defeat.bouts, of_endpoint)
    colony = simulate_colony(mice, defeat, of_colony)
    boxes, places = store_in_boxes(tissue.samples, study_code)
    measurements = measure_tissue(mice, behavior.si_tests, of_tissue)
    arms = behavior.allocations.loc[behavior.allocations["is_randomized"], "arm"]
    scans = scan_arms(mice, arms, behavior.si_tests, measurements, of_arms)
    return SimulatedBench(
        mice=mice.join(colony.origins),
        colony=colony,
        defeat=defeat,
        dosing=simulate_dosing(cohort_of, behavior.allocations, weighings, of_doses),
        si_tests=note_test_facts(behavior.si_tests, cohort_of, defeat.aggressors, study_code, of_tests),
        weighings=weighings,
        boxes=boxes,
        places=places,
        freezer=simulate_freezer(tissue.samples, tissue.dissections, tissue.extractions, places, of_tubes),
        measurements=pd.concat([measurements, scans], ignore_index=True),
    )


def _reach_humane_endpoint(
    mice: pd.DataFrame, behavior: SimulatedBehavior, bouts: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Let one wounded mouse, not randomized and not sequenced, be killed on the evening of its re-test."""
    worst = bouts.groupby("mouse")["wound_score"].max()
    spare = mice.index[~mice["is_sequenced"] & ~behavior.allocations["is_randomized"] & mice.index.isin(worst.index)]
    worst_spare = worst.loc[spare]
    mouse = rng.choice(worst_spare.index[worst_spare == worst_spare.max()])
    mice = mice.assign(is_humane_endpoint=mice.index == mouse)
    mice.loc[mouse, "death_date"] = day_of(mice.loc[mouse, "cohort"], p.HUMANE_ENDPOINT_DAY).date()
    mice.loc[mouse, "death_reason"] = "humane endpoint: a wound of more than 1 cm had opened again"
    return mice
