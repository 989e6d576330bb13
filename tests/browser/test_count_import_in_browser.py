"""A file of counts as a person brings it: checked, a column named, stored."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from labdb.colony.models import Study
from labdb.sequencing.models import CountMatrix
from tests.sequencing.count_archives import REVERSE_L1, REVERSE_L2, star
from tests.sequencing.lab import make_study, numbers


@pytest.fixture
def study(page: Page) -> Study:
    return make_study()


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    file = tmp_path / "counts.csv"
    file.write_text("gene,L1,l-2\nFos,1,2\nArc,3,4\n")
    return file


def open_page(page: Page, counts: Path) -> None:
    page.goto("/records/count-matrices/?study=S1")
    page.get_by_role("link", name="Import counts").click()
    page.get_by_label("File").set_input_files(counts)
    page.get_by_role("combobox", name="Annotation").fill("A1")


def test_counts_go_in_by_the_page_without_choosing_the_file_twice(page, study, counts, sign_in):
    sign_in("boss")
    open_page(page, counts)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_contain_text("1 error in counts.csv; nothing was stored.")
    page.get_by_label("Library of column l-2").fill("L2")
    page.get_by_role("button", name="Check with these names").click()
    expect(page.get_by_role("status").first).to_contain_text("counts.csv: no errors.")
    page.get_by_role("button", name="Import 2 genes × 2 libraries").click()
    expect(page).to_have_url(re.compile(r"/records/count-matrices/\d+/$"))
    assert numbers(CountMatrix.objects.get()) == {"L1": {"Fos": 1, "Arc": 3}, "L2": {"Fos": 2, "Arc": 4}}


def test_files_of_samples_go_in_when_strand_and_spellings_are_confirmed(page, study, tmp_path, sign_in):
    files = [tmp_path / "l_1ReadsPerGene.out.tab", tmp_path / "L2ReadsPerGene.out.tab"]
    for file, rows in zip(files, (REVERSE_L1, REVERSE_L2), strict=True):
        file.write_bytes(star(rows))
    sign_in("boss")
    page.goto("/counts/import/?study=S1")
    page.get_by_label("Files").set_input_files(files)
    page.get_by_role("combobox", name="Annotation").fill("A1")
    page.get_by_role("button", name="Check").click()
    sums = page.get_by_role("region", name="Strandedness")
    expect(sums.get_by_role("row", name="all samples")).to_contain_text("4,284")
    sums.get_by_role("button", name="Confirm reverse").click()
    expect(page.get_by_role("region", name="Names of columns")).to_contain_text("spelled differently")
    expect(page.get_by_label("Library of column l_1")).to_have_value("L1")
    expect(page.get_by_label("Strandedness")).to_have_value("reverse")
    page.get_by_role("button", name="Check with these names").click()
    page.get_by_role("button", name="Import 3 genes × 2 libraries").click()
    expect(page).to_have_url(re.compile(r"/records/count-matrices/\d+/$"))
    expect(page.get_by_role("main")).to_contain_text("reverse")
    assert numbers(CountMatrix.objects.get())["L1"] == {"Fos": 970, "Arc": 480, "Egr1": 7}
