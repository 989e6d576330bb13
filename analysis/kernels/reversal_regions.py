"""Reversal in several brain regions at once: the same mice, relabeled together.

One mouse gives a sample of every region, so regions are not independent. One relabeling of mice is
applied to all of them: the best of all regions is compared with the best of all under each relabeling
(max-T), and the difference of two regions with their difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.kernels.reversal_crossfit import Progress, crossfitted_statistics
from analysis.kernels.reversal_design import (
    MAX_EXHAUSTIVE,
    N_RANDOM,
    MergedDesign,
    Projection,
    count_relabelings,
    drug_design,
    make_relabelings,
    stress_design,
)
from analysis.kernels.reversal_effect import (
    TIE,
    Effect,
    fit_effect,
    jackknife_variance,
    label_products,
    make_effect,
    make_stress_axis,
    t_interval,
)
from analysis.kernels.reversal_inputs import FloatArray, RegionSamples, read_samples
from analysis.kernels.reversal_messages import MIN_RELABELINGS, message_sentence, refuse_design, refuse_groups
from analysis.kernels.reversal_weights import EffectGram, make_grams
from analysis.kernels.score import axis_generator

REGION_COLUMNS = ("statistic", "p_value", "adj_p_value", "fraction_undone", "refusal")
DIFFERENCE_COLUMNS = ("first", "second", "difference", "se", "low", "high", "p_value")


@dataclass(frozen=True)
class RegionReversal:
    """Answer of `compare_regions`.

    Attributes
    ----------
    regions : pandas.DataFrame, indexed by region
        ``statistic`` U_test, ``p_value`` one-sided, ``adj_p_value`` over the regions by max-T (step-down),
        ``fraction_undone`` (NaN without a stress signature), ``refusal`` in words, else empty.
    differences : pandas.DataFrame
        One row per pair with a fraction undone each: ``first`` less ``second``; ``se``, ``low``, ``high``
        by the jackknife, a mouse left out of both regions at once; ``p_value`` two-sided, of the
        null that the drug does nothing in either.
    n_relabelings, n_relabelings_available : int
        Of mice, used and in existence, inside the runs of all regions.
    """

    regions: pd.DataFrame
    differences: pd.DataFrame
    n_relabelings: int
    n_relabelings_available: int


def compare_regions(
    expression: Mapping[str, pd.DataFrame],
    groups: pd.Series,
    *,
    treated: str,
    stress: str = "susceptible",
    control: str = "control",
    pools: Mapping[str, pd.Series] | None = None,
    seed: int = 0,
    max_exhaustive: int = MAX_EXHAUSTIVE,
    n_random: int = N_RANDOM,
    progress: Progress | None = None,
) -> RegionReversal:
    """Test reversal in every region and the differences between regions, the same mice relabeled in all.

    Parameters
    ----------
    expression : mapping of pandas.DataFrame, shape (n_genes, n_mice)
        By region, log2 counts per million; columns are mice. A mouse may lack a region.
    groups : pandas.Series, shape (n_mice,)
        Group by mouse.
    treated, stress, control : str
        The groups compared.
    pools : mapping of pandas.Series, optional
        By region, the sequencing run of each mouse's sample.
    seed, max_exhaustive, n_random
        As `reversal.reversal_test`.
    progress : callable, optional
        Called with the numbers of relabelings, of all regions, done and to do.

    Returns
    -------
    RegionReversal
        Where fewer than 20 relabelings exist, or none of the regions can be tested, without p-values.

    Raises
    ------
    ValueError
        If the input is malformed or there is no region.
    """
    if not expression:
        raise ValueError("expression must hold at least one region")
    names = {"treated": treated, "stress": stress, "control": control}
    samples = {
        region: read_samples(
            frame, groups.reindex(frame.columns), None if pools is None else pools.get(region), **names
        )
        for region, frame in expression.items()
    }
    problems, refusals = {}, {}
    for region, one in samples.items():
        code = refuse_groups(one)
        design = None if code else drug_design(one)
        code = code or (refuse_design(one, design) if design is not None else None)
        refusals[region] = "" if code is None else message_sentence(code)
        if code is None and design is not None:
            problems[region] = _RegionProblem(
                one, design, seed, {"max_exhaustive": max_exhaustive, "n_random": n_random}
            )
    if not problems:
        return RegionReversal(_region_frame({}, {}, refusals, None), _difference_frame([]), 0, 0)
    randomized = _Randomized([problem.samples for problem in problems.values()])
    labels = make_relabelings(
        randomized.design, np.random.default_rng((seed, 0)), max_exhaustive=max_exhaustive, n_random=n_random
    )
    n_available = count_relabelings(randomized.design)
    statistics: dict[str, FloatArray] = {}
    shares: dict[str, FloatArray] = {}
    for at, (region, problem) in enumerate(problems.items()):
        own = randomized.labels_of(labels, problem.samples)
        tell = None if progress is None else _part_of(progress, at, len(problems))
        statistics[region] = crossfitted_statistics(problem.test_gram, problem.design, own, tell)
        shares[region] = problem.scaled_products(own)
    has_p = n_available >= MIN_RELABELINGS
    regions = _region_frame(problems, statistics, refusals, has_p)
    return RegionReversal(regions, _differences(problems, shares, has_p), len(labels), n_available)


def _part_of(progress: Progress, at: int, n_parts: int) -> Progress:
    return lambda done, total: progress(at * total + done, n_parts * total)


class _Randomized:
    """All susceptible and treated mice of any region, and among whom their labels may move.

    Mice are exchanged only where they were sequenced in the same regions and, in each, in the same
    run: so every region keeps its numbers per run.
    """

    def __init__(self, regions: list[RegionSamples]):
        self.mice = pd.Index(sorted({mouse for one in regions for mouse in one.samples}, key=str))
        place: dict[object, list[object]] = {mouse: [] for mouse in self.mice}
        treated, merged = set(), set()
        for one in regions:
            run_of = dict(
                zip(one.samples, np.zeros(len(one.samples), int) if one.pool is None else one.pool, strict=True)
            )
            for mouse in self.mice:
                place[mouse].append(run_of.get(mouse))
            treated |= set(one.samples[one.is_treated])
            merged |= set(one.samples[one.is_treated | one.is_stress])
        strata = {key: number for number, key in enumerate(dict.fromkeys(map(tuple, place.values())))}
        self.design = MergedDesign(
            residuals=Projection(np.zeros((len(self.mice), 0)), 0),
            merged_contrast=None,
            is_merged=self.mice.isin(merged),
            is_labeled=self.mice.isin(treated),
            pool=np.array([strata[tuple(place[mouse])] for mouse in self.mice], dtype=np.intp),
        )

    def labels_of(self, labels: FloatArray, samples: RegionSamples) -> FloatArray:
        """Columns of a region's samples."""
        return labels[:, self.mice.get_indexer(samples.samples)]


class _RegionProblem:
    """What is computed from one region."""

    def __init__(self, samples: RegionSamples, design: MergedDesign, seed: int, limits: dict[str, int]):
        self.samples, self.design = samples, design
        apart = stress_design(samples)
        grams = make_grams(samples, design.residuals, apart.residuals)
        self.test_gram = grams.test
        # Differences need weights that no relabeling touches; the fraction itself those of the effect.
        self.fixed = EffectGram(grams.effect.gram if grams.effect.constant_noise is None else grams.test, None)
        self.effect = fit_effect(design, grams.effect)
        axis = make_stress_axis(grams.axis, apart, axis_generator(seed), **limits)
        self.has_signature = axis.objection(self.effect.a) is None

    def scaled_products(self, labels: FloatArray) -> FloatArray:
        """-U of each labeling over the squared length of the merged signature, which no labeling changes."""
        merged = self.design.estimable_contrast()
        length = make_effect(merged, merged, self.design.residuals.residual_maker, self.fixed).a
        return -label_products(self.fixed.gram, self.design, merged, labels) / abs(length)

    def left_out(self, mouse: object) -> float:
        """Fraction undone without one mouse; with all where the mouse has no sample here."""
        at = self.samples.samples.get_indexer(pd.Index([mouse]))[0]
        effect: Effect = self.effect if at < 0 else self.effect.without(int(at))
        return effect.fraction_undone


def _region_frame(
    problems: Mapping[str, _RegionProblem],
    statistics: Mapping[str, FloatArray],
    refusals: Mapping[str, str],
    has_p: bool | None,
) -> pd.DataFrame:
    frame = pd.DataFrame(np.nan, index=pd.Index(refusals, name="region"), columns=list(REGION_COLUMNS[:-1]))
    for region, problem in problems.items():
        frame.loc[region, "statistic"] = statistics[region][0]
        frame.loc[region, "fraction_undone"] = problem.effect.fraction_undone if problem.has_signature else np.nan
    if has_p and problems:
        table = np.column_stack(list(statistics.values()))
        table = np.where(np.abs(table) > 0, table, 0.0)
        ties = TIE * np.abs(table).max(axis=0)
        frame.loc[list(problems), "p_value"] = (table <= table[0] + ties).mean(axis=0)
        frame.loc[list(problems), "adj_p_value"] = max_t(table)
    frame["refusal"] = pd.Series(refusals)
    return frame


def max_t(statistics: FloatArray) -> FloatArray:
    """Adjust one-sided p-values (small is extreme) for how many regions there are.

    Each region's statistic is standardized by its own relabelings; step-down of Westfall and Young.

    Parameters
    ----------
    statistics : numpy.ndarray, shape (n_relabelings, n_regions)
        The true labeling first.

    Returns
    -------
    numpy.ndarray, shape (n_regions,)

    References
    ----------
    .. [1] Westfall, Young, Resampling-Based Multiple Testing (1993), algorithm 2.8.
    """
    spread = statistics.std(axis=0)
    standard = (statistics - statistics.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    order = np.argsort(standard[0], kind="stable")
    adjusted = np.empty(len(order))
    reached = 0.0
    for at, region in enumerate(order):
        best = standard[:, order[at:]].min(axis=1)
        reached = max(reached, float(np.mean(best <= standard[0, region] + TIE)))
        adjusted[region] = reached
    return adjusted


def _differences(problems: Mapping[str, _RegionProblem], shares: Mapping[str, FloatArray], has_p: bool) -> pd.DataFrame:
    rows = []
    shown = [region for region, problem in problems.items() if problem.has_signature]
    for first, second in combinations(shown, 2):
        pair = problems[first], problems[second]
        difference = pair[0].effect.fraction_undone - pair[1].effect.fraction_undone
        variance, n_mice = 0.0, 0
        for role in ("is_control", "is_stress", "is_treated"):
            mice = {mouse for one in pair for mouse in one.samples.samples[getattr(one.samples, role)]}
            left_out = np.array([pair[0].left_out(mouse) - pair[1].left_out(mouse) for mouse in sorted(mice, key=str)])
            variance += float(jackknife_variance(left_out))
            n_mice += len(mice)
        se = float(np.sqrt(variance))
        low, high = t_interval(np.array(difference), np.array(se), n_mice - 3)
        moved = np.abs(shares[first] - shares[second])
        p_value = float(np.mean(moved >= moved[0] - TIE * moved.max())) if has_p else np.nan
        rows.append((first, second, difference, se, float(low), float(high), p_value))
    return _difference_frame(rows)


def _difference_frame(rows: list[tuple[str, str, float, float, float, float, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(DIFFERENCE_COLUMNS))
