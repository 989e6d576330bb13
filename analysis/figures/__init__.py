"""Every figure of labdb: frames in, one Altair specification out, for the page and for the paper alike."""

from analysis.figures.behavior import iz_paired_lines, si_scatter, si_slope
from analysis.figures.expression import gene_expression, thin_points, volcano
from analysis.figures.flow import animal_flow
from analysis.figures.gene_forest import MOST_CONTRASTS, gene_forest
from analysis.figures.mouse_scores import mouse_scores, score_vs_si
from analysis.figures.plane import phenotype_plane
from analysis.figures.relabelings import relabeling_distribution
from analysis.figures.response import response_rates, si_course, si_retest
from analysis.figures.reversal import reversal_forest
from analysis.figures.reversal_map import reversal_map
from analysis.figures.signatures import signature_scatter
from analysis.figures.theme import no_data, save_figure, specification_of

__all__ = [
    "MOST_CONTRASTS",
    "animal_flow",
    "gene_expression",
    "gene_forest",
    "iz_paired_lines",
    "mouse_scores",
    "no_data",
    "phenotype_plane",
    "relabeling_distribution",
    "response_rates",
    "reversal_forest",
    "reversal_map",
    "save_figure",
    "score_vs_si",
    "si_course",
    "si_retest",
    "si_scatter",
    "si_slope",
    "signature_scatter",
    "specification_of",
    "thin_points",
    "volcano",
]
