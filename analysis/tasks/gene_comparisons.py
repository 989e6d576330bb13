"""Limma-voom of whole arms in one region: stress from all randomized mice together, each drug against vehicle."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd

from analysis.kernels.counts import log_cpm, tmm_factors
from analysis.kernels.differential_expression import voom_limma
from analysis.kernels.phenotype import CONTROL, SUSCEPTIBLE
from analysis.tasks.arm_comparisons import ArmComparisons
from analysis.tasks.expression_design import Question, RegionDesign, make_design

STRESS, MERGED = "susceptible - control", "susceptible, all arms - control"
GROUP, POOL = "group", "pool"
GENE_COLUMNS = ["log2_fold_change", "other_log2_fold_change", "adj_p_value", "adj_p_between", "is_opposing"]

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class ArmTables:
    """Results of one region, gene by gene.

    Attributes
    ----------
    stress : pandas.DataFrame or None
        Stress by log2 fold change of mice with vehicle; its p-values are those of all randomized susceptible mice together
        less controls, which share no noise with a drug against vehicle. Genes that the two move apart are missing.
    drugs : dict
        By arm, against vehicle.
    between : dict
        By two arms, the first less the second.
    refusals : list of str
        What could not be compared, and why.
    """

    stress: pd.DataFrame | None
    drugs: Tables
    between: dict[tuple[str, str], pd.DataFrame]
    refusals: list[str] = field(default_factory=list)


def question(name: str, numerator: str, denominator: str) -> Question:
    """Ask for one group less another, adjusted for the pool."""
    return Question(0, name, GROUP, (numerator,), (denominator,), (POOL,), "")


def region_design(
    comparisons: ArmComparisons, region: str, groups: pd.Series, questions: Sequence[Question]
) -> RegionDesign:
    """Make the design of groups and pools."""
    libraries = pd.DataFrame({GROUP: groups, POOL: comparisons.of_region(region)["pool"]})
    comparisons.pools(region)  # refuses pools that some libraries lack
    return make_design(libraries, region, questions)


def fit(counts: pd.DataFrame, design: RegionDesign) -> Tables:
    """Fit a design that answers something."""
    tables = voom_limma(counts[list(design.matrix.index)], design.matrix, design.contrasts)
    return {str(name): table for name, table in tables.items()}


def compare_arms(comparisons: ArmComparisons, region: str, counts: pd.DataFrame) -> ArmTables:
    """Compare every drug with vehicle, every two drugs, and all randomized susceptible mice with controls."""
    groups, names = comparisons.outcomes(region), {}
    for arm in comparisons.arms:
        names[arm] = f"{arm} mice"  # no group of bystanders is called so
        groups = groups.mask(comparisons.is_of(region, arm), names[arm])
    questions = [question(arm, name, SUSCEPTIBLE) for arm, name in names.items()]
    pairs = {f"{one} - {two}": (one, two) for one, two in combinations(names, 2)}
    questions += [question(name, names[one], names[two]) for name, (one, two) in pairs.items()]
    questions += [question(name, SUSCEPTIBLE, CONTROL) for name in (STRESS, MERGED)]
    design = region_design(comparisons, region, groups, questions)
    if not design.questions:
        return ArmTables(None, {}, {}, design.refusals)
    if MERGED in design.contrasts:
        design.contrasts[MERGED] = _merged(design, [SUSCEPTIBLE, *names.values()])
    tables = fit(counts, design)
    return ArmTables(
        _stress(tables), {arm: tables[arm] for arm in names if arm in tables},
        {pair: tables[name] for name, pair in pairs.items() if name in tables}, design.refusals,
    )  # fmt: skip


def _stress(tables: Tables) -> pd.DataFrame | None:
    if MERGED not in tables:
        return None
    merged, change = tables[MERGED], tables[STRESS]["log2_fold_change"]
    is_same = np.sign(merged["log2_fold_change"]) == np.sign(change)
    return merged.assign(log2_fold_change=change)[is_same]


def _merged(design: RegionDesign, stressed: list[str]) -> pd.Series:
    """+1 shared by the mice of all arms, -1 for controls."""
    sizes = design.groups.value_counts().reindex(stressed).dropna()
    weights = pd.Series(0.0, index=design.contrasts.index)
    weights[list(sizes.index)] = sizes / sizes.sum()
    weights[CONTROL] = -1.0
    return weights


def gene_columns(own: pd.DataFrame, other: pd.DataFrame, between: pd.DataFrame, genes: pd.Index) -> pd.DataFrame:
    """Return `GENE_COLUMNS` of some genes: one comparison beside another, and the difference of the two."""
    change, other_change = own.loc[genes, "log2_fold_change"], other.loc[genes, "log2_fold_change"]
    return pd.DataFrame(
        {
            "log2_fold_change": change, "other_log2_fold_change": other_change,
            "adj_p_value": own.loc[genes, "adj_p_value"], "adj_p_between": between.loc[genes, "adj_p_value"],
            "is_opposing": np.sign(change) == -np.sign(other_change),
        }
    )  # fmt: skip


def moved_back(comparisons: ArmComparisons, region: str, stress: pd.Series) -> tuple[pd.Series, int]:
    """Count the treated samples that lie, pools adjusted for, on the controls' side of the mean with vehicle.

    Parameters
    ----------
    stress : pandas.Series
        What stress does to each gene (log2 fold change).

    Returns
    -------
    counts : pandas.Series
        By gene.
    n_treated : int
    """
    counts = comparisons.kept_counts(region)
    expression = log_cpm(counts, tmm_factors(counts)).loc[stress.index]
    vehicle = comparisons.is_of(region)
    treated = pd.concat([comparisons.is_of(region, arm) for arm in comparisons.arms], axis="columns").any(axis=1)
    values = expression.to_numpy() - _pool_part(comparisons, region, expression)
    columns = expression.columns
    middle = values[:, vehicle.reindex(columns).to_numpy()].mean(axis=1, keepdims=True)
    beyond = np.sign(values[:, treated.reindex(columns).to_numpy()] - middle)
    back = (beyond == -np.sign(stress.to_numpy())[:, None]).sum(axis=1)
    return pd.Series(back.astype(float), index=stress.index), int(treated.sum())


def _pool_part(comparisons: ArmComparisons, region: str, expression: pd.DataFrame) -> np.ndarray:
    """Return what the pools add to each value by least squares beside the groups."""
    pools = comparisons.pools(region)
    if pools is None:
        return np.zeros(expression.shape)
    groups = comparisons.outcomes(region).reindex(expression.columns)
    design = [pd.get_dummies(one, dtype=float).to_numpy() for one in (groups, pools.reindex(expression.columns))]
    coefficients = expression.to_numpy() @ np.linalg.pinv(np.hstack(design)).T
    part: np.ndarray = coefficients[:, design[0].shape[1] :] @ design[1].T
    return part
