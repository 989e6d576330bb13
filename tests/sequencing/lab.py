"""A study with libraries and a matrix, as small as the tests of counts allow."""

import numpy as np
import pandas as pd
from django.test import Client

from labdb.accounts.first_account import system_account
from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, StudyMembership
from labdb.sequencing.expression_store import load_counts, store_counts
from labdb.sequencing.models import CountMatrix, Gene, GeneCounts, GeneOrder, Library, LibraryCounts


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


def member(study: Study, role: str) -> User:
    """Return an account with a role in one study."""
    user = User.objects.create(username=f"a {role}")
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def numbers(matrix: CountMatrix) -> dict[str, dict[str, int]]:
    """Return library -> gene -> count, as stored."""
    counts = load_counts(matrix)
    codes = dict(Library.objects.values_list("pk", "code"))
    ids = dict(Gene.objects.values_list("pk", "gene_id"))
    counts = counts.rename(index=ids, columns=codes)
    return {str(library): {str(gene): int(n) for gene, n in counts[library].items()} for library in counts}


def assert_nothing_stored() -> None:
    for model in (CountMatrix, GeneOrder, LibraryCounts, GeneCounts, Gene):
        assert not model.objects.exists(), model.__name__
