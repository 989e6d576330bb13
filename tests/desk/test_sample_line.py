"""The line from mouse to counts reads the same from every record on it, in as many queries however long it is."""

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labdb.desk.sample_line import line_of
from labdb.sequencing.models import (
    ExtractionSample,
    Library,
    LibraryExtraction,
    LibraryRun,
    RnaExtraction,
    SequencingRun,
)
from labdb.tissue.models import Dissection, TissueSample
from tests.analysis.small_study import add_library, add_matrix, add_mouse, make_study
from tests.sequencing.lab import member, signed_in

pytestmark = pytest.mark.django_db


def make_line() -> tuple[TissueSample, RnaExtraction, Library]:
    """M1's PFC in an extraction with M2's, split into two libraries, one of them on two lanes and counted."""
    study = make_study()
    one, two = add_mouse(study, "M1"), add_mouse(study, "M2")
    library = add_library(one, "PFC", code="L1", pool="P1", others=(two,))
    extraction = RnaExtraction.objects.get()
    RnaExtraction.objects.update(volume_ul=30, rin=8.4)
    twin = Library.objects.create(study=study, code="L2")
    LibraryExtraction.objects.update(volume_used_ul=12)
    LibraryExtraction.objects.create(study=study, library=twin, extraction=extraction, volume_used_ul=5.5)
    run = SequencingRun.objects.create(code="RUN1")
    for lane, reads in (("1", 11.5), ("2", 12.0)):
        LibraryRun.objects.create(study=study, library=library, run=run, lane=lane, received_reads_million=reads)
    add_matrix(study, [library], np.ones((3, 1), dtype=int))
    sample = TissueSample.objects.get(code="T-L1-M1")
    sample.dissection = Dissection.objects.create(study=study, mouse=one)
    sample.save()
    ExtractionSample.objects.filter(sample=sample).update(is_used_up=True)
    TissueSample.objects.create(study=study, code="SPARE", mouse=one, region=sample.region)
    return sample, extraction, library


def test_every_record_on_the_line_shows_the_whole_of_it():
    sample, extraction, library = make_line()
    client = signed_in(member(sample.study, "analyst"))
    pages = {
        "sample": f"/records/rna-extractions/{extraction.pk}/",
        "library": f"/records/libraries/{library.pk}/",
        "mouse": "/studies/S1/mice/M1/",
    }
    for name, page in pages.items():
        text = client.get(page).content.decode()
        section = " ".join(text[text.index('id="line"') :].split("</section>")[0].split())
        for said in ("M1", "M2", "T-L1-M1", "E-L1", "L2", "P1", "RUN1 lane 1, 2", "X1", "used up", "RIN 8.4"):
            assert said in section, (name, said)
        assert "12.5 of 30 ul left" in section
        assert "23.5 million reads" in section
        assert "E-L1 is pooled from T-L1-M1, T-L1-M2." in section
        assert "E-L1 was split into L1, L2." in section
        assert ("SPARE" in section) == (name == "mouse")


def test_a_line_takes_as_many_queries_for_one_mouse_as_for_many():
    sample, extraction, _library = make_line()
    user = member(sample.study, "analyst")
    line_of(extraction, user)
    with CaptureQueriesContext(
        connection,
    ) as few:
        line_of(extraction, user)
    for number in range(3, 9):
        mouse = add_mouse(sample.study, f"M{number}")
        more = add_library(mouse, "PFC")
        ExtractionSample.objects.create(
            study=sample.study, extraction=extraction, sample=TissueSample.objects.get(mouse=mouse)
        )
        LibraryExtraction.objects.create(study=sample.study, library=more, extraction=extraction)
    with CaptureQueriesContext(connection) as many:
        line = line_of(extraction, user)
    assert len({way.mouse.name for way in line.ways if way.mouse}) == 8
    assert len(many) == len(few) <= 12


def test_who_may_not_see_the_study_sees_no_line_and_a_lonely_library_has_one():
    sample, _extraction, _library = make_line()
    lonely = Library.objects.create(study=sample.study, code="LONELY")
    user = member(sample.study, "analyst")
    [way] = line_of(lonely, user).ways
    assert way.library is not None and way.library.is_here and way.mouse is None
    assert line_of(lonely, member(make_study("S2"), "manager")).ways[0].mouse is None
    stranger = member(make_study("S3"), "scorer")
    assert [way for way in line_of(sample, stranger).ways if way.sample] == []
    assert Client().get("/records/libraries/1/").status_code == 302
