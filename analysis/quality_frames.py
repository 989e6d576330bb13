"""The libraries of a quality run as its figures draw them."""

from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from django.urls import reverse

from analysis.design_frame import OUTCOME, PHENOTYPE, values_of_mice
from analysis.frames import read_frame
from analysis.kernels.quality import library_correlations
from analysis.kernels.quality_identity import without_sex_genes
from analysis.models import AnalysisRun
from labdb.registry.permissions import may
from labdb.sequencing.expression_store import load_counts
from labdb.sequencing.models import CountMatrix, Gene, Library
from labdb.treatment.models import AllocationKey

UNKNOWN_GROUP = "group unknown"
COMPONENTS = ("pc1", "pc2", "pc3", "pc4")


def library_frame(run: AnalysisRun, user: Any) -> pd.DataFrame:
    """Return one row per library: its numbers, ``group`` as far as the account may know it, and ``url``.

    Groups go by treatment and outcome where the account may know the arms, else by phenotype.
    """
    columns = {
        "library_id": "library_id", "library__code": "library", "mouse_id": "mouse_id", "mouse__code": "mouse",
        "mouse__sex": "sex", "mouse__group": "mouse_group", "region__code": "region", "library__pool": "pool",
        "matrix_id": "matrix_id",
        **{name: name for name in ("library_size", "xist_cpm", "y_cpm", "sex_called", "distance_from_mean", *COMPONENTS)},
    }  # fmt: skip
    libraries = read_frame(run.libraryqualitys.order_by("region_id", "library__code"), columns)
    field = OUTCOME if may(user, "view", AllocationKey, run.study) else PHENOTYPE
    group = libraries["mouse_id"].map(values_of_mice(run.study, field))
    libraries["group"] = group.fillna(libraries["mouse_group"]).replace("", UNKNOWN_GROUP)
    libraries["reads_million"] = libraries["library_size"] / 1e6
    root = reverse("record-list", args=["libraries"])
    libraries["url"] = [f"{root}{key}/" for key in libraries["library_id"]]
    return libraries


def explained_shares(libraries: pd.DataFrame) -> dict[str, float]:
    """Return the share of the variance of every component that the run has."""
    total = float((libraries["distance_from_mean"].astype(float) ** 2).sum())
    squares = {name: float((libraries[name].astype(float) ** 2).sum()) for name in COMPONENTS}
    return {name: square / total for name, square in squares.items() if total and square}


def correlation_frame(libraries: pd.DataFrame, n_variable_genes: int) -> pd.DataFrame:
    """Return the correlation of every two libraries of one region, in the order given: ``one``, ``other``, ``r``."""
    known = libraries[libraries["library_size"] > 0]
    r = _correlations(int(known["matrix_id"].iloc[0]), tuple(known["library_id"]), n_variable_genes)
    names = known["library"].to_numpy()
    n = len(names)
    return pd.DataFrame({"one": np.repeat(names, n), "other": np.tile(names, n), "r": r.ravel()})


@lru_cache(maxsize=16)
def _correlations(matrix_id: int, libraries: tuple[int, ...], n_variable_genes: int) -> np.ndarray:
    """Stored counts never change, so once per process."""
    found = Library.objects.in_bulk(libraries)
    counts = load_counts(CountMatrix.objects.get(pk=matrix_id), [found[key] for key in libraries])
    symbols = pd.Series(
        dict(Gene.objects.filter(pk__in=counts.index.tolist()).values_list("pk", "symbol")), dtype=object
    )
    return library_correlations(without_sex_genes(counts, symbols), n_variable_genes).to_numpy()
