"""A long import as a person waits for it: seen as it goes on, stopped, and begun again without choosing the file."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from labdb.colony.models import Cage, Study
from labdb.sequencing.models import CountMatrix
from tests.browser.conftest import TIMEOUT_MS, SignIn
from tests.registry.held_work import HeldWork
from tests.registry.workbooks import workbook
from tests.sequencing.lab import make_study


@pytest.fixture
def study(page: Page) -> Study:
    return make_study()


# A person in the page: sees what is being done, and clicks.
CLICK_STOP = """(doing) => {
  const timer = setInterval(() => {
    const panel = document.querySelector("section[aria-label='Work under way']");
    if (!panel?.querySelector("[role=status]").textContent.includes(doing)) return;
    clearInterval(timer);
    const others = [...document.querySelectorAll("form[data-long-work] button[type=submit]")];
    const button = panel.querySelector("button");
    sessionStorage.setItem("seen", JSON.stringify([button.textContent, others.every((one) => one.disabled)]));
    button.click();
  }, 50);
}"""


def begin_and_stop(page: Page, button: str, held: HeldWork, *, doing: str) -> None:
    """Click the button, see what is being done, stop it, and let the work go on to where it hears of that.

    Neither Playwright nor the debugger looks at a page that is on its way to the next; its own script does.
    """
    page.evaluate(CLICK_STOP, doing)
    with page.expect_response(lambda answer: answer.url.endswith("/stop/") and answer.ok, timeout=2 * TIMEOUT_MS):
        page.get_by_role("button", name=button).click(no_wait_after=True)
    assert held.reached.is_set()
    held.go_on.set()
    expect(page.get_by_role("alert")).to_have_text("Stopped; nothing was stored.")
    assert page.evaluate("JSON.parse(sessionStorage.getItem('seen'))") == ["Stop; nothing is stored", True]


def test_a_table_and_a_workbook_are_stopped_and_checked_again(
    page: Page, study: Study, tmp_path: Path, sign_in: SignIn
) -> None:
    table, book = tmp_path / "cages.csv", tmp_path / "study.xlsx"
    table.write_text("study,code\nS1,K7\n")
    book.write_bytes(workbook(cages=[["code"], ["K8"]]))
    sign_in("boss")
    page.goto("/records/cages/import/")
    page.get_by_label("File (Excel").set_input_files(table)
    with HeldWork("labdb.registry.imports.check_rows") as held:
        begin_and_stop(page, "Check", held, doing="Reading cages.csv")
    page.get_by_role("button", name="Check cages.csv again").click()
    page.get_by_role("button", name="Import 1 row").click()
    expect(page.get_by_role("main")).to_contain_text("cages.csv")
    expect(page.get_by_text("1 cages imported from cages.csv.")).to_be_visible()
    page.goto("/records/workbook/?study=S1")
    page.get_by_label("Workbook (XLSX)").set_input_files(book)
    with HeldWork("labdb.registry.workbook_import.check_sheet") as held:
        begin_and_stop(page, "Check", held, doing="Sheet 1 of 1: reading cages")
    page.get_by_role("button", name="Check study.xlsx again").click()
    expect(page.get_by_role("button", name="Import 1 row into S1")).to_be_visible()
    assert list(Cage.objects.values_list("code", flat=True)) == ["K7"]


def test_an_import_of_counts_is_stopped_while_it_stores_and_goes_on_from_the_kept_file(
    page: Page, study: Study, tmp_path: Path, sign_in: SignIn
) -> None:
    counts = tmp_path / "counts.csv"
    counts.write_text("gene,L1,L2\nFos,1,2\nArc,3,4\n")
    sign_in("boss")
    page.goto("/counts/import/?study=S1")
    page.get_by_label("Files").set_input_files(counts)
    page.get_by_role("combobox", name="Annotation").fill("A1")
    page.get_by_role("button", name="Check").click()
    with HeldWork("labdb.sequencing.count_import.store_counts") as held:
        begin_and_stop(page, "Import 2 genes × 2 libraries", held, doing="counts.csv")
    expect(page.get_by_role("combobox", name="Annotation")).to_have_value("A1")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("status").first).to_contain_text("counts.csv: no errors.")
    assert not CountMatrix.objects.exists()
