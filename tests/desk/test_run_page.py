"""The page of a run: planned against received, and the sample sheet with the reasons why there is none."""

import io
from typing import Any

import pytest
from openpyxl import load_workbook

from labdb.colony.models import Study
from labdb.sequencing.models import Library, LibraryRun, SequencingRun
from tests.analysis.small_study import add_library, add_mouse, make_study
from tests.sequencing.lab import member, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """L0 and L1 of S1 on lane 1 of RUN1; L1 has too few reads. A third library is of a study apart."""
    study, other = make_study(), make_study("S2")
    run = SequencingRun.objects.create(code="RUN1", read_length_bp=50)
    for number, i7 in enumerate(["ACGTACGT", "TTTTACGT"]):
        library = add_library(add_mouse(study, f"M{number}"), "PFC", code=f"L{number}", pool="=1+1")
        Library.objects.filter(pk=library.pk).update(index_i7=i7)
        LibraryRun.objects.create(
            study=study, library=library, run=run, lane="1", planned_reads_million=25, received_reads_million=27 - 18 * number
        )  # fmt: skip
    hidden = Library.objects.create(study=other, code="SECRET", index_i7="GGGGGGGG")
    LibraryRun.objects.create(study=other, library=hidden, run=run, lane="1")
    return study


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content.decode()
    return " ".join(answer.content.decode().split())


def test_reads_planned_and_received_are_held_against_each_other(study: Study):
    client = signed_in(member(study, "technician"))
    url = f"/runs/{SequencingRun.objects.get().pk}/"
    text = text_of(client.get(url))
    assert "108 %" in text and '<span class="badge bg-yellow-lt">36 %</span>' in text
    assert "75 %" in text and "25 %" in text  # 27 and 9 of 36 million
    assert "SECRET" not in text
    assert "1 more library lies on this run, of studies that you do not see" in text
    assert url in text_of(client.get("/studies/S1/pools/"))


def test_the_sheet_and_the_list_are_files(study: Study):
    client = signed_in(member(study, "technician"))
    url = f"/runs/{SequencingRun.objects.get().pk}/"
    sheet = client.get(f"{url}sample-sheet.csv")
    assert sheet["Content-Disposition"] == 'attachment; filename="SampleSheet_RUN1.csv"'
    assert sheet.content.decode().endswith("Lane,Sample_ID,index\n1,L0,ACGTACGT\n1,L1,TTTTACGT\n")
    lines = client.get(f"{url}libraries.csv").content.decode().splitlines()
    assert lines[1] == "S1,L0,L0,=1+1,1,ACGTACGT,,,25.0"
    book = load_workbook(io.BytesIO(client.get(f"{url}libraries.xlsx").content))
    cell = book["libraries"]["D2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")
    assert client.get(f"{url}nothing.csv").status_code == 404
    assert client.get("/runs/999999/").status_code == 404


def test_equal_indexes_refuse_the_sheet_and_not_the_page(study: Study):
    Library.objects.filter(study=study).update(index_i7="ACGTACGT")
    client = signed_in(member(study, "technician"))
    url = f"/runs/{SequencingRun.objects.get().pk}/"
    said = "L0 and L1 on lane 1 cannot be told apart by their indexes"
    assert said in text_of(client.get(url))
    refused = client.get(f"{url}sample-sheet.csv")
    assert refused.status_code == 409 and said in refused.content.decode()


def test_groups_that_lie_on_lanes_of_their_own_are_warned_of(study: Study):
    """Three more defeated mice on lane 1, and five controls on lane 2: lane and group cannot be told apart."""
    run = SequencingRun.objects.get()
    for number in range(2, 10):
        group, lane = ("defeated", "1") if number < 5 else ("control", "2")
        library = add_library(add_mouse(study, f"M{number}", group), "PFC", code=f"L{number}", pool=f"P{number % 2}")
        LibraryRun.objects.create(study=study, library=library, run=run, lane=lane)
    text = text_of(signed_in(member(study, "technician")).get(f"/runs/{run.pk}/"))
    assert "Group and lane are confounded: no lane holds both sides of control | defeated." in text
    assert "Group and pool are confounded" not in text
    table = text.split('aria-label="Group x lane"')[1].split("</table>")[0]
    assert table.count("<tr>") == 3
    for level, cells in (("control", (0, 5)), ("defeated", (5, 0))):
        row = table.split(f'<th scope="row">{level}</th>')[1].split("</tr>")[0]
        assert [int(one.split("<")[0]) for one in row.split(">") if one[:1].isdigit()] == list(cells)
