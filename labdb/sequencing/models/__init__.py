"""From RNA to counts: extractions, libraries and their lanes, who was chosen, and the expression store's tables."""

from labdb.sequencing.models.counts import CountMatrix, Gene, GeneCounts, GeneOrder, LibraryCounts
from labdb.sequencing.models.extractions import ExtractionSample, RnaExtraction
from labdb.sequencing.models.libraries import Library, LibraryExtraction, LibraryRun, SequencingRun
from labdb.sequencing.models.pool_plans import PoolPlan
from labdb.sequencing.models.selections import SelectionMoment, SelectionMouse, SequencingSelection

__all__ = [
    "CountMatrix", "ExtractionSample", "Gene", "GeneCounts", "GeneOrder", "Library", "LibraryCounts",
    "LibraryExtraction", "LibraryRun", "PoolPlan", "RnaExtraction", "SelectionMoment", "SelectionMouse",
    "SequencingRun", "SequencingSelection",
]  # fmt: skip
