"""An analysis takes one matrix, hence one annotation; what that would leave out is said, not left out in silence."""

import numpy as np
import pytest

from analysis.tasks.matrices import chosen_matrix, missing_matrix
from labdb.colony.models import Study
from labdb.sequencing.models import CountMatrix, Library
from tests.analysis.small_study import add_library, add_matrix, add_mouse, make_study

pytestmark = pytest.mark.django_db
LATEST = {"matrix": ""}


@pytest.fixture
def study() -> Study:
    """Two batches of one library each: X1 of annotation `old`, X2 of annotation `test`."""
    study = make_study()
    libraries = [add_library(add_mouse(study, code), "PFC") for code in ("M1", "M2")]
    for library, code, annotation in zip(libraries, ("X1", "X2"), ("old", "test"), strict=True):
        matrix = add_matrix(study, [library], np.ones((3, 1), dtype=int), code)
        CountMatrix.objects.filter(pk=matrix.pk).update(annotation=annotation)
    return study


def test_two_annotations_are_refused_until_a_matrix_is_named(study):
    assert missing_matrix(study, LATEST) == (
        "The latest counts of S1 (X2, annotation test) lack 1 libraries that have counts by annotation old (X1), "
        "and one analysis takes one annotation; name the matrix to analyze, or quantify all libraries with one annotation."
    )
    assert missing_matrix(study, {"matrix": "X1"}) == ""
    assert chosen_matrix(study, {"matrix": "X1"}).annotation == "old"


def test_a_later_matrix_of_all_libraries_takes_the_place_of_the_others(study):
    add_matrix(study, list(Library.objects.filter(study=study)), np.ones((3, 2), dtype=int), "X3")
    assert missing_matrix(study, LATEST) == ""
    assert chosen_matrix(study, LATEST).code == "X3"
