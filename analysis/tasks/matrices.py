"""Which count matrix a task works on, and its counts; shared by the tasks on expression."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import pandas as pd

from analysis.input_digest import STORED_AS
from analysis.shared_reading import shared
from analysis.tasks.task import Parameter, Parameters, name_in_study
from labdb.colony.models import Study
from labdb.sequencing.expression_store import gene_pks, load_counts
from labdb.sequencing.models import CountMatrix, Library, LibraryCounts

MATRIX = Parameter(
    "", name_in_study(CountMatrix.objects, "code", "count matrix"), "Code of a count matrix; empty: the latest."
)

_is_unread: ContextVar[bool] = ContextVar("counts are left unread", default=False)


@contextmanager
def counts_unread() -> Iterator[None]:
    """Let tasks load everything but the counts themselves: stored counts never change, so their digest needs none."""
    token = _is_unread.set(True)
    try:
        yield
    finally:
        _is_unread.reset(token)


def chosen_matrix(study: Study, parameters: Parameters) -> CountMatrix:
    """Return the matrix named by the parameters, else the latest of the study; ValueError if there is none."""
    matrix = _matrix(study, parameters["matrix"])
    if matrix is None:
        raise ValueError(missing_matrix(study, parameters))
    return matrix


@shared
def _matrix(study: Study, code: str) -> CountMatrix | None:
    matrices = CountMatrix.objects.filter(study=study)
    return (matrices.filter(code=code) if code else matrices).order_by("-pk").first()


def missing_matrix(study: Study, parameters: Parameters) -> str:
    """Say that there are no counts, or that the latest are not all and the others cannot be added; if so."""
    if not _has_counts(study):
        return f"{study} has no counts; import a count matrix."
    return "" if parameters["matrix"] else _other_annotation(chosen_matrix(study, parameters))


@shared
def _has_counts(study: Study) -> bool:
    return CountMatrix.objects.filter(study=study).exists()


@shared
def _other_annotation(latest: CountMatrix) -> str:
    """Say that libraries without counts in the latest matrix have some by another annotation, if so.

    Genes of two annotations are not the same genes, so one analysis cannot hold both, nor leave one out in silence.
    """
    elsewhere = (
        LibraryCounts.objects.filter(matrix__study=latest.study_id)
        .exclude(matrix__annotation=latest.annotation)
        .exclude(library__in=latest.library_blocks.values("library"))
    )
    left_out = elsewhere.order_by("-matrix").values_list("matrix__code", "matrix__annotation").first()
    if left_out is None:
        return ""
    n_libraries = elsewhere.values("library").distinct().count()
    code, annotation = left_out
    return (
        f"The latest counts of {latest.study} ({latest}, annotation {latest.annotation}) lack {n_libraries:,} libraries that have "
        f"counts by annotation {annotation} ({code}), and one analysis takes one annotation; name the matrix to analyze, "
        "or quantify all libraries with one annotation."
    )


def counts_by_code(matrix: CountMatrix, libraries: pd.Series) -> pd.DataFrame:
    """Read counts of libraries (primary keys, indexed by code): genes (primary keys) x library codes.

    Codes, so that what a kernel says names the library, and so that its order does not depend on the database.
    """
    columns = pd.Index(libraries.index, name="library")
    if _is_unread.get():
        counts = _uncounted(matrix, tuple(columns))
    else:
        found = Library.objects.in_bulk(list(libraries))
        counts = load_counts(matrix, [found[key] for key in libraries]).set_axis(columns, axis="columns")
    counts.attrs[STORED_AS] = f"matrix {matrix.pk} {matrix.sha256} libraries {libraries.tolist()}"
    return counts


@shared
def _uncounted(matrix: CountMatrix, libraries: tuple[str, ...]) -> pd.DataFrame:
    """Return zeros in place of the counts of libraries (codes)."""
    genes = gene_pks(matrix)
    zeros = np.zeros((len(genes), len(libraries)), dtype=np.int8)
    return pd.DataFrame(zeros, pd.Index(genes, name="gene"), pd.Index(libraries, name="library"))


def refuse_repeated_mice(libraries: pd.DataFrame, region: str) -> None:
    """Refuse two libraries of one mouse and region: a mouse is one replicate."""
    again = libraries.index[libraries["mouse"].duplicated(keep=False)]
    if len(again):
        raise ValueError(
            f"{region}: libraries {', '.join(sorted(again)[:8])} are several of one mouse; "
            "a mouse counts once, so keep one of them in the matrix."
        )
