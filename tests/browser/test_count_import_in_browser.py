"""A file of counts as a person brings it: checked, a column named, stored."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from labdb.colony.models import Study
from labdb.sequencing.models import CountMatrix
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


def test_while_a_file_is_read_the_page_says_so_and_takes_no_second_click(page, study, counts, sign_in):
    sign_in("boss")
    open_page(page, counts)
    # As long as the answer is awaited: Playwright looks at no page that is on its way to the next.
    page.locator("form#counts").evaluate("form => form.addEventListener('submit', event => event.preventDefault())")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("button", name="Reading the file…")).to_be_disabled()
