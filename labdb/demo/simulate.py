"""The simulated demo study: all its records as frames, and the truth behind them.

Nothing here knows the database: `load_demo` turns the frames into records. The study that `simulate_study` returns is
free of errors; `with_planted_errors` makes the copy that is loaded.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from labdb.demo import parameters as p
from labdb.demo.gene_names import demo_genes
from labdb.demo.layouts import DEMO, Layout
from labdb.demo.plant_expression import ExpressionTruth, plant_expression
from labdb.demo.planted_errors import PlantedError, choose_errors, plant
from labdb.demo.simulate_assays import assay_truth, simulate_assays
from labdb.demo.simulate_behavior import SimulatedBehavior, simulate_behavior
from labdb.demo.simulate_bench import SimulatedBench, simulate_bench
from labdb.demo.simulate_expression import draw_library_sizes, fraction_undone, simulate_counts
from labdb.demo.simulate_measurements import tissue_truth
from labdb.demo.simulate_tissue import SimulatedTissue, simulate_tissue
from labdb.demo.simulate_track_files import TrackFile, choose_tracked, track_files


@dataclass(frozen=True)
class SimulatedStudy:
    """One draw of the demo study.

    Attributes
    ----------
    layout : Layout
        Which of the two studies.
    seed : int
        The same seed gives the same study.
    behavior : SimulatedBehavior
        Mice, SI tests, weighings, allocations; in ``latent`` what nobody sees.
    tissue : SimulatedTissue
        Dissections, samples, extractions, libraries, runs.
    assays : pandas.DataFrame
        Results of other assays; empty in a layout without.
    bench : SimulatedBench
        Everything else that the bench wrote down; where it has ``mice``, ``si_tests`` and ``weighings`` of its own, those
        are the full records.
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

    layout: Layout
    seed: int
    behavior: SimulatedBehavior
    tissue: SimulatedTissue
    bench: SimulatedBench
    assays: pd.DataFrame
    genes: pd.DataFrame
    counts: pd.DataFrame
    expression_truth: dict[str, ExpressionTruth]
    truth: list[dict[str, Any]]
    truth_by_arm: list[dict[str, Any]]
    planted: list[PlantedError] = field(default_factory=list)


class _Streams(NamedTuple):
    """A generator for each part: a part that is added at the end leaves the draws of the others as they are."""

    behavior: np.random.Generator
    tissue: np.random.Generator
    effects: np.random.Generator
    counts: np.random.Generator
    bench: np.random.Generator
    selection: np.random.Generator
    errors: np.random.Generator
    assays: np.random.Generator
    tracks: np.random.Generator


def simulate_study(seed: int | None = None, layout: Layout = DEMO) -> SimulatedStudy:
    """Simulate a study at its real size: 122 mice, 22,000 genes, and 256 libraries (99 in the published layout).

    Parameters
    ----------
    seed : int, optional
        By default the layout's own.
    layout : Layout
        Who is sequenced on which runs.

    Returns
    -------
    SimulatedStudy
        Free of errors.

    Raises
    ------
    ValueError
        If the seed gives fewer mice of a kind than the layout needs.
    """
    seed = layout.seed if seed is None else seed
    streams = _streams(seed)
    behavior = layout.choose(simulate_behavior(streams.behavior), streams.selection)
    tissue = simulate_tissue(behavior, streams.tissue, layout.plan)
    genes = demo_genes()
    expression_truth = plant_expression(genes, streams.effects)
    return SimulatedStudy(
        layout=layout,
        seed=seed,
        behavior=behavior,
        tissue=tissue,
        bench=simulate_bench(behavior, tissue, layout.code, streams.bench),
        assays=_assays(behavior, streams.assays, layout),
        genes=genes,
        counts=simulate_counts(expression_truth, behavior, tissue.libraries, streams.counts),
        expression_truth=expression_truth,
        truth=truth_by_response(),
        truth_by_arm=truth_by_arm(behavior),
    )


def _assays(behavior: SimulatedBehavior, rng: np.random.Generator, layout: Layout) -> pd.DataFrame:
    results = simulate_assays(behavior.mice, behavior.si_tests, rng)
    return results if layout.has_tracks else results.iloc[:0]


def simulated_track_files(study: SimulatedStudy) -> Iterator[TrackFile]:
    """Yield the files of a tracker behind some of the first SI tests, as these are in the records."""
    tests = choose_tracked(study.bench.si_tests, study.behavior.latent["phenotype"])
    return track_files(tests, _streams(study.seed).tracks)


def with_planted_errors(study: SimulatedStudy) -> SimulatedStudy:
    """Return the study as it is loaded: with the errors of its layout, which `planted` lists."""
    if not study.layout.has_planted_errors:
        return study
    streams = _streams(study.seed)
    of_choice, of_reads = streams.errors.spawn(2)
    sizes = _sizes(streams.counts, study.tissue)
    errors = choose_errors(study.bench.mice, study.behavior.latent["phenotype"], sizes, of_choice)
    return plant(study, errors, of_reads)


def _sizes(rng: np.random.Generator, tissue: SimulatedTissue) -> pd.Series:
    """Return the reads that each library was drawn with, by the random stream of the counts before anything else is."""
    return pd.Series(draw_library_sizes(len(tissue.libraries), rng), index=tissue.libraries.index)


def _streams(seed: int) -> _Streams:
    return _Streams(*np.random.default_rng(seed).spawn(len(_Streams._fields)))


def truth_of(seed: int | None = None, layout: Layout = DEMO) -> dict[str, list[dict[str, Any]]]:
    """Return the truth behind a seed, without simulating any counts.

    Returns
    -------
    dict
        ``by_response`` and ``by_arm`` (fraction undone), ``tissue`` and ``assays`` (correlations), ``planted`` (errors in
        the records).
    """
    streams = _streams(layout.seed if seed is None else seed)
    behavior = layout.choose(simulate_behavior(streams.behavior), streams.selection)
    planted: list[PlantedError] = []
    if layout.has_planted_errors:
        tissue = simulate_tissue(behavior, streams.tissue, layout.plan)
        mice = simulate_bench(behavior, tissue, layout.code, streams.bench).mice
        sizes = _sizes(streams.counts, tissue)
        planted = choose_errors(mice, behavior.latent["phenotype"], sizes, streams.errors.spawn(2)[0])
    return {
        "by_response": truth_by_response(),
        "by_arm": [{**row, "response": None} for row in truth_by_arm(behavior)],
        "tissue": tissue_truth(),
        "planted": [asdict(error) for error in planted],
        **({"assays": assay_truth()} if layout.has_tracks else {}),
    }


def truth_by_response() -> list[dict[str, Any]]:
    """Return the planted fraction undone by region, arm and response."""
    return [
        {"region": region, "arm": arm, "response": response, "fraction_undone": fraction}
        for region, of_arms in p.FRACTION_UNDONE.items()
        for arm, undone in of_arms.items()
        for response, fraction in (("responder", undone), ("non_responder", p.FRACTION_UNDONE_NON_RESPONDER))
    ]


def truth_by_arm(behavior: SimulatedBehavior) -> list[dict[str, Any]]:
    """Return the mean fraction undone over the sequenced mice of each drug arm, by region."""
    arms = behavior.allocations["arm"][behavior.mice["is_sequenced"]]
    return [
        {
            "region": region,
            "arm": arm,
            "fraction_undone": float(fraction_undone(behavior, region)[arms.index[arms == arm]].mean()),
        }
        for region in p.REGIONS
        for arm in p.DRUGS
    ]
