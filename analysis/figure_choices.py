"""Which contrast and region of a run an address asks for."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef

from analysis.contrasts import Contrast
from analysis.figure_types import FigureError
from analysis.models import AnalysisRun, GeneResult
from labdb.tissue.models import BrainRegion


def contrasts_of(run: AnalysisRun) -> list[Contrast]:
    """Return the contrasts that a run answered, without reading its half a million rows.

    As they were made: the standard set begins with what stress does, and so does every page.
    """
    results = GeneResult.objects.filter(run=run, contrast=OuterRef("pk"))
    return list(Contrast.objects.filter(Exists(results), study_id=run.study_id).order_by("pk"))


def regions_of(run: AnalysisRun, contrast: Contrast) -> list[BrainRegion]:
    """Return the regions in which a run answered a contrast."""
    regions = BrainRegion.objects.filter(tissue_samples__study_id=run.study_id).distinct().order_by("pk")
    return [one for one in regions if GeneResult.objects.filter(run=run, contrast=contrast, region=one).exists()]


def chosen_genes(run: AnalysisRun, parameters: Mapping[str, str]) -> tuple[Contrast, BrainRegion]:
    """Return the contrast and region that an address names, by default the first of each."""
    contrasts = contrasts_of(run)
    contrast = named_choice(contrasts, parameters.get("contrast", ""), "name", "contrast")
    return contrast, named_choice(regions_of(run, contrast), parameters.get("region", ""), "code", "region")


def named_choice(choices: list[Any], asked: str, field: str, what: str) -> Any:
    """Return the one of these that is asked for by name, by default the first; FigureError says which there are."""
    if not choices:
        raise FigureError(f"This run has no {what} with results.", 404)
    for choice in choices:
        if asked in ("", getattr(choice, field)):
            return choice
    known = ", ".join(getattr(choice, field) for choice in choices)
    raise FigureError(f"{asked} is not a {what} of this run; there are: {known}.")
