"""Task `drug_genes`: genes that drugs share, that one has or non-responders alone have, and the table of target genes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis.kernels.named_gene_sets import MAX_Q, drug_genes, target_table
from analysis.models import AnalysisRun, DrugGene, DrugGeneSet, TargetGene
from analysis.progress import Progress
from analysis.reversal_results import DrugGeneKind
from analysis.tasks import arm_comparisons
from analysis.tasks.arm_comparisons import ArmComparisons
from analysis.tasks.gene_comparisons import (
    GENE_COLUMNS,
    ArmTables,
    compare_arms,
    gene_columns,
    moved_back,
)
from analysis.tasks.matrices import MATRIX
from analysis.tasks.outcome_genes import non_responder_genes
from analysis.tasks.task import Loaded, Parameters, Task, rows_of
from labdb.colony.models import Study
from labdb.registry.history import copy_into

TARGET_COLUMNS = [
    "rank", "n_regions", "n_comparisons", "n_opposite", "n_reversed", "fraction_undone", "worst_fraction",
    "mice_moved_back", "expression", "where",
]  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """The comparisons."""

    comparisons: ArmComparisons


@dataclass(frozen=True)
class GeneSet:
    """A set with its rule and, by gene, `GENE_COLUMNS`; ``counts``: further numbers of its row."""

    region: str
    kind: str
    arm: str
    other_arm: str = ""
    rule: str = ""
    genes: pd.DataFrame | None = None
    n_tested: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    refusal: str = ""


@dataclass(frozen=True)
class Found:
    """All sets, and the target table by gene with `TARGET_COLUMNS`."""

    sets: list[GeneSet]
    targets: pd.DataFrame


def load(study: Study, parameters: Parameters) -> Loaded:
    """Read the comparisons."""
    loaded = arm_comparisons.load(study, parameters)
    return Loaded(Inputs(loaded.inputs), loaded.reads, loaded.notes)


def compute(inputs: Inputs, progress: Progress) -> Found:
    """Fit every region, sort its genes by drug, and rank those that stress moves over all of them."""
    comparisons = inputs.comparisons
    sets: list[GeneSet] = []
    regions: dict[str, ArmTables] = {}
    for number, region in enumerate(comparisons.regions):
        progress.show(number, len(comparisons.regions) + 1, region)
        counts = comparisons.kept_counts(region)
        regions[region] = compare_arms(comparisons, region, counts)
        for refusal in regions[region].refusals:
            progress.note(f"Refused. {refusal}")
        found = [*_sets_of_pairs(comparisons, region, regions[region])]
        for arm, genes in non_responder_genes(comparisons, region, counts).items():
            found.append(GeneSet(region, DrugGeneKind.NON_RESPONDER, arm, **genes))
        for one in found:
            size = one.refusal or f"{0 if one.genes is None else len(one.genes)} genes"
            progress.note(f"{region}, {one.arm}, {DrugGeneKind(one.kind).label}: {size}")
        sets += found
    progress.show(len(comparisons.regions), len(comparisons.regions) + 1, "target genes")
    targets = _targets(comparisons, regions)
    progress.note(f"{len(targets)} genes that stress moves in some region are ranked.")
    return Found(sets, targets)


def _sets_of_pairs(comparisons: ArmComparisons, region: str, tables: ArmTables) -> Iterator[GeneSet]:
    """Yield what every two drugs share and what each has for itself, or why that is not known."""
    for first, second in combinations(comparisons.arms, 2):
        kinds = (
            (DrugGeneKind.SHARED, first, second),
            (DrugGeneKind.SPECIFIC, first, second),
            (DrugGeneKind.SPECIFIC, second, first),
        )
        between = tables.between.get((first, second))
        if between is None or first not in tables.drugs or second not in tables.drugs:
            why = " ".join(tables.refusals) or "One of the drugs has no mice here."
            yield from (GeneSet(region, kind, arm, other, refusal=why) for kind, arm, other in kinds)
            continue
        one, two = tables.drugs[first], tables.drugs[second]
        found = drug_genes(one, two, between)
        members = (found.shared, found.first_only, found.second_only)
        for (kind, arm, other), genes in zip(kinds, members, strict=True):
            own, others = (one, two) if arm == first else (two, one)
            yield GeneSet(
                region, kind, arm, other, found.rule, gene_columns(own, others, between, genes.index), len(one)
            )


def _targets(comparisons: ArmComparisons, regions: dict[str, ArmTables]) -> pd.DataFrame:
    stress = {region: tables.stress for region, tables in regions.items() if tables.stress is not None}
    drugs: dict[str, dict[str, pd.DataFrame]] = {}
    for arm in comparisons.arms:
        drugs[arm] = {region: regions[region].drugs[arm] for region in stress if arm in regions[region].drugs}
    table = target_table(stress, drugs)
    table["rank"] = np.arange(1, len(table) + 1)
    table["mice_moved_back"] = _share_moved_back(comparisons, stress, table.index)
    table["where"] = _where(stress, drugs).reindex(table.index)
    return table


def _share_moved_back(comparisons: ArmComparisons, stress: dict[str, pd.DataFrame], genes: pd.Index) -> pd.Series:
    """Return the share of treated samples, over the regions where stress moves a gene, on the controls' side."""
    moved, n_samples = pd.Series(0.0, index=genes), pd.Series(0.0, index=genes)
    for region, table in stress.items():
        changed = table.index[table["adj_p_value"] <= MAX_Q].intersection(genes)
        of_region, n_treated = moved_back(comparisons, region, table.loc[changed, "log2_fold_change"])
        moved = moved.add(of_region, fill_value=0.0)
        n_samples = n_samples.add(pd.Series(float(n_treated), index=changed), fill_value=0.0)
    return (moved / n_samples.where(n_samples > 0)).reindex(genes)


def _where(stress: dict[str, pd.DataFrame], drugs: dict[str, dict[str, pd.DataFrame]]) -> pd.Series:
    """Say of each gene, region by region, which fraction each drug undoes."""
    parts: list[pd.Series] = []
    for region, table in stress.items():
        changed = table[table["adj_p_value"] <= MAX_Q]
        by_drug = {
            arm: -of_region[region].loc[changed.index, "log2_fold_change"] / changed["log2_fold_change"]
            for arm, of_region in drugs.items()
            if region in of_region
        }
        said = [", ".join(f"{arm} {by_drug[arm][gene]:.2f}" for arm in by_drug) for gene in changed.index]
        parts.append(pd.Series([f"{region}: {text}" for text in said], index=changed.index, dtype=object))
    return pd.concat(parts).groupby(level=0).agg("; ".join) if parts else pd.Series(dtype=object)


def store(run: AnalysisRun, inputs: Inputs, found: Found) -> None:
    """Write one row a set, a gene of it, and a target gene."""
    regions = inputs.comparisons.regions
    rows = DrugGeneSet.objects.bulk_create(
        DrugGeneSet(
            study_id=run.study_id, run=run, region_id=regions[one.region], kind=one.kind, arm=one.arm,
            other_arm=one.other_arm, rule=one.rule, n_tested=one.n_tested, refusal=one.refusal,
            n_genes=None if one.genes is None else len(one.genes), **one.counts,
        )
        for one in found.sets
    )  # fmt: skip
    copy_into(DrugGene, ("study", "run", "gene_set", "gene", *GENE_COLUMNS), _gene_rows(run, rows, found.sets))
    columns = ("study", "run", "matrix", "gene", *TARGET_COLUMNS)
    copy_into(TargetGene, columns, _target_rows(run, inputs.comparisons.matrix_id, found.targets))


def _gene_rows(run: AnalysisRun, rows: list[DrugGeneSet], sets: list[GeneSet]) -> Iterator[tuple[Any, ...]]:
    for row, one in zip(rows, sets, strict=True):
        if one.genes is None:
            continue
        for gene, values in zip(one.genes.index.tolist(), rows_of(one.genes[GENE_COLUMNS]), strict=True):
            yield (run.study_id, run.pk, row.pk, gene, *values.values())


def _target_rows(run: AnalysisRun, matrix_id: int, targets: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    for gene, values in zip(targets.index.tolist(), rows_of(targets[TARGET_COLUMNS]), strict=True):
        yield (run.study_id, run.pk, matrix_id, gene, *values.values())


TASK = Task(
    name="drug_genes",
    parameters={"matrix": MATRIX},
    missing=arm_comparisons.missing,
    load=load,
    compute=compute,
    store=store,
)
