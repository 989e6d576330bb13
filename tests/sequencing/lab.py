"""A study with libraries and a matrix, as small as the tests of counts allow."""

import numpy as np
import pandas as pd

from labdb.accounts.first_account import system_account
from labdb.colony.models import Mouse, Study
from labdb.sequencing.expression_store import store_counts
from labdb.sequencing.models import CountMatrix, Gene, Library


def make_study(code: str = "S1", libraries: tuple[str, ...] = ("L1", "L2")) -> Study:
    study = Study.objects.create(code=code, title="Counts")
    Mouse.objects.create(study=study, code="M1")
    for library in libraries:
        Library.objects.create(study=study, code=library)
    return study


def make_matrix(study: Study, values: np.ndarray) -> tuple[CountMatrix, pd.DataFrame]:
    """Store counts and return them as the store should give them back: by primary keys."""
    genes = Gene.objects.bulk_create(
        Gene(annotation="A1", gene_id=f"g{number}", symbol=f"Gene{number}") for number in range(len(values))
    )
    libraries = list(Library.objects.filter(study=study).order_by("-code"))  # not the order of their keys
    matrix = CountMatrix.objects.create(
        study=study, code="m1", annotation="A1", file_name="m1.csv", sha256="0" * 64,
        n_genes=len(genes), n_libraries=len(libraries), created_by=system_account(),
    )  # fmt: skip
    counts = pd.DataFrame(
        values,
        index=pd.Index([gene.pk for gene in genes], name="gene"),
        columns=pd.Index([library.pk for library in libraries], name="library"),
    )
    store_counts(matrix, counts)
    return matrix, counts
