"""What extractions and libraries say against what went into them and against each other."""

from datetime import date, datetime
from typing import Any

import pytest
from django.utils import timezone

from labdb.colony.models import Mouse, Study
from labdb.registry.batch import check_rows
from labdb.registry.findings import Grade
from labdb.registry.forms import complete, form_for
from labdb.registry.record import record_for
from labdb.sequencing.models import ExtractionSample, Library, RnaExtraction
from labdb.tissue.models import BrainRegion, Dissection, TissueSample
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return Study.objects.create(code="S1", title="one")


@pytest.fixture
def samples(study: Study) -> dict[str, TissueSample]:
    """One sample of M001, two of M002, which was dissected on 2 June."""
    region = BrainRegion.objects.create(code="TST", name="test region")
    one, two = (Mouse.objects.create(study=study, code=code) for code in ("M001", "M002"))
    died_at = timezone.make_aware(datetime(2025, 6, 2, 10))
    dissection = Dissection.objects.create(study=study, mouse=two, performed_at=died_at)
    made = {"study": study, "region": region}
    return {
        "A": TissueSample.objects.create(code="A", mouse=one, **made),
        "B": TissueSample.objects.create(code="B", mouse=two, dissection=dissection, **made),
        "C": TissueSample.objects.create(code="C", mouse=two, dissection=dissection, **made),
    }


def extraction(study: Study, *samples: TissueSample, **other: Any) -> RnaExtraction:
    row = RnaExtraction(study=study, code="E1", **other)
    row.entered_links = {"samples": list(samples)}
    return row


def test_an_extraction_from_two_mice_is_warned_of(study: Study, samples: dict[str, TissueSample]) -> None:
    rows = [extraction(study, samples["B"], samples["C"]), extraction(study, samples["A"], samples["B"])]
    [finding] = RnaExtraction.findings(rows)
    assert (finding.number, finding.field, finding.grade) == (1, "samples", Grade.WARNING)
    assert finding.sentence == (
        "These samples are of 2 mice (M001, M002); correct the sample, or say that it is pooled."
    )


def test_samples_that_are_stored_count_where_none_are_entered(study: Study, samples: dict[str, TissueSample]) -> None:
    row = RnaExtraction.objects.create(study=study, code="E1")
    for sample in (samples["A"], samples["B"]):
        ExtractionSample.objects.create(study=study, extraction=row, sample=sample)
    [finding] = RnaExtraction.findings([row])
    assert finding.field == "samples"


def test_rna_is_not_older_than_its_tissue(study: Study, samples: dict[str, TissueSample]) -> None:
    early = extraction(study, samples["B"], extraction_date=date(2025, 6, 1))
    same_day = extraction(study, samples["B"], extraction_date=date(2025, 6, 2))
    [finding] = RnaExtraction.findings([same_day, early])
    assert (finding.number, finding.field, finding.grade) == (1, "extraction_date", Grade.ERROR)
    assert "2025-06-01 is before the dissection of B (2025-06-02)" in finding.sentence


def test_a_sample_of_a_second_mouse_is_warned_of_as_an_input(study: Study, samples: dict[str, TissueSample]) -> None:
    row = RnaExtraction.objects.create(study=study, code="E1")
    ExtractionSample.objects.create(study=study, extraction=row, sample=samples["B"])
    inputs = [ExtractionSample(study=study, extraction=row, sample=samples[code]) for code in ("C", "A")]
    [finding] = ExtractionSample.findings(inputs)
    assert (finding.number, finding.field, finding.grade) == (1, "sample", Grade.WARNING)
    assert "A is of M001, E1 has tissue of M002 already" in finding.sentence


def test_inputs_of_a_sheet_are_held_against_each_other(study: Study, samples: dict[str, TissueSample]) -> None:
    row = RnaExtraction.objects.create(study=study, code="E1")
    inputs = [ExtractionSample(study=study, extraction=row, sample=samples[code]) for code in ("A", "B")]
    assert [finding.number for finding in ExtractionSample.findings(inputs)] == [1]


def library(study: Study, code: str, pool: str = "P1", i7: str = "ACGT", i5: str = "TTAA") -> Library:
    return Library(study=study, code=code, pool=pool, index_i7=i7, index_i5=i5)


def test_two_libraries_of_a_pool_have_no_equal_index(study: Study) -> None:
    library(study, "L1").save()
    [finding] = Library.findings([library(study, "L2", i5="GGCC"), library(study, "L3", i7="acgt")])
    assert (finding.number, finding.field, finding.grade) == (1, "index_i7", Grade.ERROR)
    assert finding.sentence == (
        "L1 has the index acgt + TTAA in pool P1 already; give this library another index or pool."
    )


def test_libraries_of_a_sheet_are_held_against_each_other(study: Study) -> None:
    assert [finding.number for finding in Library.findings([library(study, "L1"), library(study, "L2")])] == [1]


def test_equal_indexes_in_two_pools_or_none_are_fine(study: Study) -> None:
    library(study, "L1").save()
    rows = [library(study, "L2", pool="P2"), library(study, "L3", pool=""), library(study, "L4", i7="", i5="")]
    rows += [library(study, "L5", i7="", i5="")]
    assert list(Library.findings(rows)) == []


def test_a_form_and_a_sheet_say_which_samples_were_entered() -> None:
    user = make_world()
    record = record_for("rna-extractions")
    data = complete({"study": "S1", "code": "E9", "samples": "T002; T001"}, record)
    form = form_for(record)(data, user=user)
    assert form.is_valid(), form.errors
    [row] = check_rows(record, [(2, data)], user=user)
    for instance in (form.instance, row.instance):
        assert [sample.code for sample in instance.named_by("samples")] == ["T002", "T001"]
