"""From the sequenced mice to libraries on runs: dissection, RNA, pools."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.simulate_behavior import SimulatedBehavior


@dataclass(frozen=True)
class SimulatedTissue:
    """Samples of the sequenced mice and what became of them.

    Attributes
    ----------
    dissections : pandas.DataFrame, indexed by mouse
        ``performed_at``, ``order_of_day``, ``minutes_to_freeze``.
    samples : pandas.DataFrame, indexed by sample
        ``mouse``, ``region``, ``punch_mm``, ``punch_count``.
    extractions : pandas.DataFrame, indexed by extraction
        ``sample``, ``rna_conc_ng_per_ul``, ``rin``, ``ratio_260_280``, ``batch``, ``extraction_date``.
    libraries : pandas.DataFrame, indexed by library
        ``extraction``, ``mouse``, ``region``, ``pool``, ``index_i7``, ``index_i5``, ``run``, ``lane``,
        ``assigned_share`` (of the reads received, those counted).
    runs : pandas.DataFrame, indexed by run
        ``instrument``, ``read_length_bp``, ``flowcell``, ``run_date``.
    """

    dissections: pd.DataFrame
    samples: pd.DataFrame
    extractions: pd.DataFrame
    libraries: pd.DataFrame
    runs: pd.DataFrame


class SequencingPlan(NamedTuple):
    """How the samples of a layout come to runs.

    Attributes
    ----------
    deal : callable
        From libraries (``mouse``, ``region``), their treatment and a random generator to the pool of each.
    run_of_pool : dict of str to str
        Every pool.
    lost : tuple of (region, group), optional
        The last mouse of the group has no sample of the region.
    """

    deal: Callable[[pd.DataFrame, pd.Series, np.random.Generator], pd.Series]
    run_of_pool: dict[str, str]
    lost: tuple[str, str] | None = None


def simulate_tissue(
    behavior: SimulatedBehavior, rng: np.random.Generator, plan: SequencingPlan | None = None
) -> SimulatedTissue:
    """Simulate one library per sequenced mouse and region.

    Parameters
    ----------
    behavior : SimulatedBehavior
        The animals.
    rng : numpy.random.Generator
        The only source of randomness.
    plan : SequencingPlan, optional
        Without one, two balanced pools a region.

    Returns
    -------
    SimulatedTissue
    """
    plan = plan or BALANCED
    mice = behavior.mice[behavior.mice["is_sequenced"]]
    samples = _samples(mice, plan.lost)
    extractions = _extractions(samples, rng)
    libraries = pd.DataFrame(
        {
            "extraction": extractions.index,
            "mouse": samples["mouse"].to_numpy(),
            "region": samples["region"].to_numpy(),
        },
        index=pd.Index([f"{sample}-LIB" for sample in samples.index], name="library"),
    )
    treatment = behavior.latent["phenotype"] + " " + behavior.allocations["arm"]
    libraries["pool"] = plan.deal(libraries, libraries["mouse"].map(treatment), rng)
    libraries = libraries.join(_indexes(libraries["pool"]))
    libraries["run"] = libraries["pool"].map(plan.run_of_pool)
    libraries["lane"] = libraries["pool"].map(_lanes(plan.run_of_pool))
    dissections = _dissections(mice, rng)
    libraries["assigned_share"] = rng.normal(*p.ASSIGNED_SHARE, len(libraries)).clip(0.5, 0.95)
    return SimulatedTissue(dissections, samples, extractions, libraries, _runs(plan.run_of_pool))


def _samples(mice: pd.DataFrame, lost: tuple[str, str] | None) -> pd.DataFrame:
    taken = [(mouse, region) for mouse in mice.index for region in p.REGIONS]
    if lost is not None:
        region, group = lost
        taken.remove((mice.index[mice["group"] == group][-1], region))
    samples = pd.DataFrame(taken, columns=["mouse", "region"])
    samples.index = pd.Index(samples["mouse"] + "-" + samples["region"], name="sample")
    samples["punch_mm"] = samples["region"].map(p.PUNCH_MM)
    samples["punch_count"] = p.PUNCHES
    return samples


def _dissections(mice: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    dissections = pd.DataFrame(index=mice.index)
    order = pd.Series(0, index=mice.index)
    for _, members in mice.groupby("cohort"):
        order[members.index] = 1 + rng.permutation(len(members))
    start = pd.to_datetime(mice["death_date"]) + pd.Timedelta(hours=9)
    dissections["performed_at"] = start + pd.to_timedelta((order - 1) * 12, unit="min")
    dissections["order_of_day"] = order
    dissections["minutes_to_freeze"] = rng.lognormal(np.log(6), 0.2, len(mice)).round(1)
    return dissections


def _extractions(samples: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n = len(samples)
    rin = rng.normal(*p.RIN, n).clip(7.0, 10.0)
    is_low = rng.random(n) < p.RIN_LOW_SHARE
    rin[is_low] = rng.uniform(*p.RIN_LOW_RANGE, is_low.sum())
    batch_number = rng.permutation(n) // p.EXTRACTION_BATCH_SIZE
    first_day = max(p.COHORTS.values()) + dt.timedelta(days=p.DISSECTION_DAY + 2)
    median, log_sd = p.RNA_CONC_NG_PER_UL
    return pd.DataFrame(
        {
            "sample": samples.index,
            "rna_conc_ng_per_ul": rng.lognormal(np.log(median), log_sd, n).round(1),
            "rin": rin.round(1),
            "ratio_260_280": rng.normal(*p.RATIO_260_280, n).round(2),
            "batch": [f"X{number + 1:02d}" for number in batch_number],
            "extraction_date": [first_day + dt.timedelta(days=int(number)) for number in batch_number],
        },
        index=pd.Index([f"{sample}-RNA" for sample in samples.index], name="extraction"),
    )


def deal_evenly(libraries: pd.DataFrame, treatment: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Split the libraries of a region over its pools, each treatment evenly."""
    pool_of: dict[str, str] = {}
    for region in p.REGIONS:
        for _, members in treatment[libraries["region"] == region].groupby(treatment):
            for place, library in enumerate(rng.permutation(members.index)):
                pool_of[library] = f"{region}-{1 + place % p.POOLS_PER_REGION}"
    return pd.Series(pool_of).reindex(libraries.index)


def _neighbors_share_runs() -> dict[str, str]:
    """Put one pool each of neighboring regions on a run: no region is confounded with a run."""
    pools = [f"{region}-{half + 1}" for half in range(p.POOLS_PER_REGION) for region in p.REGIONS]
    return {pool: f"RUN{1 + place // p.POOLS_PER_RUN}" for place, pool in enumerate(pools)}


BALANCED = SequencingPlan(deal_evenly, _neighbors_share_runs())


def _indexes(pool: pd.Series) -> pd.DataFrame:
    """Give each library of a pool a pair of its own, down the plate."""
    place = pool.groupby(pool).cumcount()
    n_i7 = len(p.INDEXES_I7)
    return pd.DataFrame(
        {
            "index_i7": [p.INDEXES_I7[number % n_i7] for number in place],
            "index_i5": [p.INDEXES_I5[number // n_i7] for number in place],
        },
        index=pool.index,
    )


def _lanes(run_of_pool: dict[str, str]) -> pd.Series:
    """Give each pool of a run a lane: 1, 2, ..."""
    run = pd.Series(run_of_pool)
    return (1 + run.groupby(run).cumcount()).astype(str)


def _runs(run_of_pool: dict[str, str]) -> pd.DataFrame:
    codes = sorted(set(run_of_pool.values()))
    return pd.DataFrame(
        {
            "instrument": p.INSTRUMENT,
            "read_length_bp": p.READ_LENGTH_BP,
            "flowcell": [f"DEMOFC{number}" for number in range(1, len(codes) + 1)],
            "run_date": [p.FIRST_RUN_DATE + dt.timedelta(days=2 * number) for number in range(len(codes))],
        },
        index=pd.Index(codes, name="run"),
    )
