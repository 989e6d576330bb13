"""What is used of tubes, held against what they have."""

from typing import Any

import pytest

from labdb.registry.batch import check_rows
from labdb.registry.findings import Grade
from labdb.registry.record import record_for
from labdb.sequencing.models import ExtractionSample, Library, LibraryExtraction, RnaExtraction
from labdb.tissue.models import TissueSample
from tests.analysis.small_study import add_library, add_mouse, make_study
from tests.sequencing.lab import member

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> dict[str, Any]:
    """Sample T-M1-PFC-M1 used up for E-M1-PFC, which has 30 ul at 10 ng/ul, 12 ul of it in library M1-PFC."""
    study = make_study()
    add_library(add_mouse(study, "M1"), "PFC")
    ExtractionSample.objects.update(is_used_up=True, amount_used_mg=2)
    RnaExtraction.objects.update(volume_ul=30, rna_conc_ng_per_ul=10)
    LibraryExtraction.objects.update(volume_used_ul=12, input_ng=120)
    for code in ("L2", "L3"):
        Library.objects.create(study=study, code=code)
    return {"study": study, "user": member(study, "technician")}


def checked(world: dict[str, Any], model: Any, *rows: dict[str, str]) -> list[Any]:
    return check_rows(record_for(model), list(enumerate(rows, 2)), user=world["user"], study=world["study"])


def test_an_extraction_from_a_used_up_sample_needs_a_reason(world: dict[str, Any]):
    [row] = checked(world, RnaExtraction, {"study": "S1", "code": "E2", "samples": "T-M1-PFC-M1"})
    said = "T-M1-PFC-M1 was used up for E-M1-PFC; correct the sample, or say there that some was left."
    assert row.warnings == [("samples", said)] and not row.errors
    second = RnaExtraction.objects.create(study=world["study"], code="E2")
    [row] = checked(world, ExtractionSample, {"extraction": "E2", "sample": "T-M1-PFC-M1"})
    assert row.warnings == [("sample", said)]
    stored = ExtractionSample.objects.get()
    assert list(ExtractionSample.findings([stored])) == []  # the one that used it up is no surprise to itself
    stored.is_used_up = False
    stored.save()
    new = ExtractionSample(study=world["study"], extraction=second, sample=TissueSample.objects.get(), is_used_up=True)
    assert list(ExtractionSample.findings([new])) == []


def test_libraries_that_take_more_than_there_is_are_warned_of(world: dict[str, Any]):
    rows = [
        {"library": "L2", "extraction": "E-M1-PFC", "volume_used_ul": "10"},
        {"library": "L3", "extraction": "E-M1-PFC", "volume_used_ul": "9"},
    ]
    fits, over = checked(world, LibraryExtraction, *rows)
    assert not fits.warnings
    assert over.warnings == [
        (
            "volume_used_ul",
            "9 ul are more than the 8 ul that are left of E-M1-PFC (of 30 ul); correct one of the volumes.",
        )
    ]
    [row] = checked(world, LibraryExtraction, {"library": "L2", "extraction": "E-M1-PFC", "input_ng": "200"})
    [(field, sentence)] = row.warnings
    assert field == "input_ng"
    assert sentence.startswith("200 ng are more than the 180 ng that are left of E-M1-PFC (30 ul at 10 ng/ul)")


def test_what_is_not_known_is_not_held_against_anything(world: dict[str, Any]):
    RnaExtraction.objects.update(volume_ul=None)
    [row] = checked(world, LibraryExtraction, {"library": "L2", "extraction": "E-M1-PFC", "volume_used_ul": "900"})
    assert not row.warnings
    stored = LibraryExtraction.objects.get()
    assert all(finding.grade != Grade.WARNING for finding in LibraryExtraction.findings([stored]))
