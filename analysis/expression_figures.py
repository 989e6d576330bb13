"""Figures of a run of differential expression: one contrast in one region, and lists of genes across them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis import frames, gene_lists, summaries
from analysis.contrasts import Contrast
from analysis.design_frame import OUTCOME, PHENOTYPE, read_libraries
from analysis.figure_choices import chosen_genes, contrasts_of, regions_of
from analysis.figure_types import Asked, Drawn, Figure, FigureError
from analysis.figures import expression, theme
from analysis.figures import gene_lists as list_figures
from analysis.gene_expression import UNKNOWN_GROUP, effective_library_sizes, expression_frame
from analysis.kernels.counts import log2_cpm_of
from analysis.links import storable
from analysis.models import GeneResult
from analysis.tasks.matrices import chosen_matrix
from labdb.colony.models import Mouse
from labdb.registry.permissions import may
from labdb.sequencing.expression_store import load_counts
from labdb.sequencing.models import CountMatrix, Gene, Library
from labdb.tissue.models import BrainRegion
from labdb.treatment.models import AllocationKey

N_IN_HEAT_MAP = 40
COLUMNS = ("groups", "mice")


def draw_volcano(asked: Asked) -> Drawn:
    """All genes of one contrast in one region."""
    contrast, region, genes = _genes(asked)
    return Drawn(expression.volcano(genes), _caption(contrast, region, genes), (contrast.name, region.code))


def draw_ma(asked: Asked) -> Drawn:
    """Fold change against mean expression: whether it depends on how strongly a gene is expressed."""
    contrast, region, genes = _genes(asked)
    return Drawn(expression.ma_plot(genes), _caption(contrast, region, genes), (contrast.name, region.code))


def draw_p_histogram(asked: Asked) -> Drawn:
    """The p-values of all genes: flat without any difference, a peak near 0 with some."""
    contrast, region, genes = _genes(asked)
    caption = (
        f"{_caption(contrast, region, genes)} A peak near 0 is of genes that differ; a slope towards 1 or a hill in the "
        "middle says that the model does not fit."
    )
    return Drawn(expression.p_histogram(genes["p_value"]), caption, (contrast.name, region.code))


def _genes(asked: Asked) -> tuple[Contrast, BrainRegion, pd.DataFrame]:
    contrast, region = chosen_genes(asked.run, asked.parameters)
    return contrast, region, frames.gene_frame(asked.run, contrast, region)


def _caption(contrast: Contrast, region: BrainRegion, genes: pd.DataFrame) -> str:
    return f"{contrast.name} in {region.code}: n = {len(genes):,} genes, limma-voom, adjusted by Benjamini-Hochberg."


def draw_gene_counts(asked: Asked) -> Drawn:
    """How many genes differ, by contrast and region."""
    table = summaries.gene_counts(asked.run)
    cells = [cell for _, row in table.rows for cell in row if cell is not None]
    columns = ["contrast", "region", "tested", "up", "down"]
    counts = pd.DataFrame([[getattr(cell, name) for name in columns] for cell in cells], columns=columns)
    caption = (
        f"Genes with adjusted p < {summaries.ALPHA:g}. A number of genes depends on the number of mice and on their "
        "spread: two numbers do not say that one drug or region changes more than another."
    )
    return Drawn(list_figures.gene_count_bars(counts), caption)


def draw_upset_contrasts(asked: Asked) -> Drawn:
    """Genes by the contrasts that they differ in, in one region."""
    _, region = chosen_genes(asked.run, asked.parameters)
    lists = _lists(asked, contrasts_of(asked.run), [region], by="contrast__name")
    caption = (
        f"{region.code}, genes with adjusted p < {summaries.ALPHA:g}, either way. Contrasts that share a group overlap "
        "by themselves, so a large intersection is no evidence of a common effect."
    )
    return Drawn(list_figures.upset(lists, what="contrast"), caption, (region.code,))


def draw_upset_regions(asked: Asked) -> Drawn:
    """Genes by the regions that they differ in, for one contrast."""
    contrast, _ = chosen_genes(asked.run, asked.parameters)
    lists = _lists(asked, [contrast], regions_of(asked.run, contrast), by="region__code")
    caption = (
        f"{contrast.name}, genes with adjusted p < {summaries.ALPHA:g}, either way. The regions are of the same mice, "
        "and a gene that misses the threshold in one may differ there all the same."
    )
    return Drawn(list_figures.upset(lists, what="region"), caption, (contrast.name,))


def _lists(asked: Asked, contrasts: Sequence[Contrast], regions: Sequence[BrainRegion], by: str) -> pd.DataFrame:
    """Return genes x lists: whether the gene differs."""
    rows = GeneResult.objects.filter(
        run=asked.run, contrast__in=contrasts, region__in=regions,
        p_value__lt=summaries.ALPHA, adj_p_value__lt=summaries.ALPHA,
    )  # fmt: skip  # an adjusted p is no smaller than p, which the index knows
    found = pd.DataFrame.from_records(list(rows.order_by().values_list("gene_id", by)), columns=["gene", "list"])
    return pd.crosstab(found["gene"], found["list"]).astype(bool) if len(found) else pd.DataFrame(dtype=bool)


def draw_heat_map(asked: Asked) -> Drawn:
    """The strongest susceptible-specific genes over all groups."""
    columns = asked.parameters.get("columns") or "groups"
    if columns not in COLUMNS:
        raise FigureError(f"{columns} is not what the columns can be; there are: {', '.join(COLUMNS)}.")
    _, region = chosen_genes(asked.run, asked.parameters)
    sets = {one.slug: one for one in gene_lists.named_gene_sets(asked.run, region)}
    found = sets.get("susceptible-specific") or sets.get("susceptible-specific-1")
    if found is None:
        return Drawn(theme.no_data("needs susceptible - control and susceptible - resilient in this region"), "")
    matrix = _matrix(asked)
    z, groups = _z_scores(asked, matrix, region, found.genes.head(N_IN_HEAT_MAP))
    if columns == "groups":
        z = z.T.groupby(groups).mean().T
        sizes = theme.counted(groups)
        z = z[list(sizes)].rename(columns=sizes)
    chart = list_figures.gene_heat_map(z, groups if columns == "mice" else None)
    caption = (
        f"{region.code}: the {len(z)} strongest of {len(found.genes)} susceptible-specific genes. {found.rule} Color: "
        f"log2 CPM in SD of the gene over all mice here, {'mean of each group' if columns == 'groups' else 'each mouse'}. "
        "They were chosen by control, susceptible and resilient mice: that these differ is no finding, how treated mice "
        f"lie between them is. Counts: {matrix}."
    )
    return Drawn(chart, caption, (region.code, columns))


def _matrix(asked: Asked) -> CountMatrix:
    try:
        return chosen_matrix(asked.run.study, asked.run.parameters)
    except ValueError as error:
        raise FigureError(str(error), 404) from None


def _z_scores(
    asked: Asked, matrix: CountMatrix, region: BrainRegion, chosen: pd.DataFrame
) -> tuple[pd.DataFrame, pd.Series]:
    """Return genes (symbols, up first) x mice, and the group of each mouse as far as the account may know it."""
    study = asked.run.study
    field = OUTCOME if may(asked.user, "view", AllocationKey, study) else PHENOTYPE
    every = read_libraries(study, matrix, [field]).frame
    sizes = effective_library_sizes(matrix, tuple(zip(every["library"], every["region"], strict=True)))
    libraries = every[every["region"] == region.code]
    codes = dict(Mouse.objects.filter(pk__in=set(libraries["mouse"])).values_list("pk", "code"))
    ordered = chosen.sort_values(["log2_fold_change"], ascending=False)
    genes = Gene.objects.in_bulk(list(ordered.index))
    found = Library.objects.in_bulk(list(libraries["library"]))
    counts = load_counts(matrix, [found[key] for key in libraries["library"]], [genes[key] for key in ordered.index])
    values = counts.loc[list(ordered.index), list(libraries["library"])].to_numpy(dtype=float)
    log2_cpm = log2_cpm_of(values, np.asarray(libraries["library"].map(sizes), dtype=np.float64))
    spread = log2_cpm.std(axis=1, ddof=1, keepdims=True) if len(libraries) > 1 else 1.0
    z = (log2_cpm - log2_cpm.mean(axis=1, keepdims=True)) / spread
    mice = [codes[key] for key in libraries["mouse"]]
    groups = pd.Series(libraries[field].fillna(UNKNOWN_GROUP).tolist(), index=mice)
    return pd.DataFrame(z, index=[str(genes[key]) for key in ordered.index], columns=mice), groups


def draw_gene_by_group(asked: Asked) -> Drawn:
    """One gene by group and region, each mouse a point; by default the one with the smallest p."""
    contrast, region = chosen_genes(asked.run, asked.parameters)
    matrix, symbol = _matrix(asked), storable(asked.parameters.get("gene", "").strip())
    if symbol:
        held = Gene.objects.filter(count_blocks__matrix=matrix)
        gene = held.filter(symbol__iexact=symbol).first() or held.filter(gene_id=symbol).first()
        if gene is None:
            raise FigureError(f"{symbol} is not a gene of {matrix}; write a symbol or an id of its annotation.", 404)
    else:
        rows = GeneResult.objects.filter(run=asked.run, contrast=contrast, region=region).select_related("gene")
        gene = rows.order_by("p_value", "pk")[0].gene
    samples = expression_frame(matrix, gene, asked.user)
    which = "asked for" if symbol else f"the smallest p of {contrast.name} in {region.code}"
    caption = (
        f"{gene}, {which}. n = {len(samples)} libraries of {samples['mouse'].nunique()} mice, {matrix}; log2 counts per "
        "million, library sizes by TMM within each region."
    )
    return Drawn(expression.gene_expression(samples, gene=str(gene)), caption, (str(gene),))


TASK = "differential_expression"
FIGURES = (
    Figure("volcano", "Volcano", TASK, draw_volcano),
    Figure("ma", "Fold change and mean expression", TASK, draw_ma),
    Figure("p-histogram", "All p-values", TASK, draw_p_histogram),
    Figure("gene-by-group", "One gene by group", TASK, draw_gene_by_group, is_wide=True),
    Figure("gene-counts", "Numbers of genes that differ", TASK, draw_gene_counts, is_wide=True),
    Figure("upset-contrasts", "Genes that contrasts share", TASK, draw_upset_contrasts, is_wide=True),
    Figure("upset-regions", "Genes that regions share", TASK, draw_upset_regions),
    Figure("heat-map", "Susceptible-specific genes by group", TASK, draw_heat_map, is_wide=True),
)
