"""One gene over all samples of a matrix: log2 CPM with the library sizes and TMM factors of each region."""

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from analysis.design_frame import OUTCOME, PHENOTYPE, read_libraries
from analysis.kernels.counts import filter_by_expression, log2_cpm_of, tmm_factors
from analysis.links import mouse_urls
from labdb.colony.models import Mouse, Study
from labdb.registry.permissions import may
from labdb.sequencing.expression_store import load_counts, read_gene
from labdb.sequencing.models import CountMatrix, Gene
from labdb.treatment.models import AllocationKey

UNKNOWN_GROUP = "group unknown"


def expression_frame(matrix: CountMatrix, gene: Gene, user: Any) -> pd.DataFrame:
    """Return one row per library that leads to one mouse and one region.

    Returns
    -------
    pandas.DataFrame
        ``sample`` (library), ``mouse``, ``region``, ``group``, ``count``, ``log2_cpm``, ``url``. Groups go by treatment
        and outcome where the account may know the arms, else by phenotype.
    """
    field = OUTCOME if may(user, "view", AllocationKey, matrix.study) else PHENOTYPE
    libraries = read_libraries(matrix.study, matrix, [field]).frame
    libraries = libraries.rename(columns={field: "group"}).rename_axis("sample").reset_index()
    codes = dict(Mouse.objects.filter(pk__in=set(libraries["mouse"])).values_list("pk", "code"))
    counts = read_gene(matrix, gene)
    sizes = effective_library_sizes(matrix, tuple(zip(libraries["library"], libraries["region"], strict=True)))
    found = libraries.assign(
        mouse=libraries["mouse"].map(codes),
        group=libraries["group"].fillna(UNKNOWN_GROUP),
        count=libraries["library"].map(counts),
    )
    per_library = np.asarray(found["library"].map(sizes), dtype=np.float64)
    found["log2_cpm"] = log2_cpm_of(np.asarray(found["count"], dtype=np.float64), per_library)
    found["url"] = mouse_urls(matrix.study.code, found["mouse"])
    return found.sort_values(["region_id", "mouse"]).reset_index(drop=True)


@lru_cache(maxsize=8)
def effective_library_sizes(matrix: CountMatrix, regions: tuple[tuple[int, str], ...]) -> dict[int, float]:
    """Return library size times TMM factor; once per process, since stored counts never change.

    Factors come from the genes of a region that have reads enough to be tested.

    Parameters
    ----------
    regions : tuple of (library primary key, region)
    """
    counts = load_counts(matrix)
    sizes: dict[int, float] = {}
    for region in dict.fromkeys(region for _, region in regions):
        own = counts[[library for library, its_region in regions if its_region == region]]
        kept = own[filter_by_expression(own, ["all"] * own.shape[1])]
        effective = kept.sum() * tmm_factors(kept) if len(kept) else own.sum().astype(float)
        sizes.update(zip(effective.index.tolist(), effective.tolist(), strict=True))
    return sizes


def matrices_with(genes: list[Gene], studies: list[Study]) -> list[CountMatrix]:
    """Return the matrices that hold a gene, the newest first."""
    holding = CountMatrix.objects.filter(study__in=studies, gene_blocks__gene__in=genes)
    return list(holding.select_related("study").distinct().order_by("-pk"))
