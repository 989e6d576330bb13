"""A tracker's files as a person brings them: dropped on the page, mapped, saved, and seen as a track."""

import base64
import re

import pytest
from playwright.sync_api import Page, expect

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Study
from tests.analysis.small_study import add_mouse, make_study
from tests.behavior.si_trials import make_arena, si_walk
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = pytest.mark.django_db(transaction=True)
DROP = """files => {
  const transfer = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: "text/plain" }));
  }
  for (const type of ["dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop files on the page, once its scripts listen."""
    page.wait_for_load_state()
    page.evaluate(DROP, [[name, base64.b64encode(content).decode()] for name, content in files.items()])


@pytest.fixture
def study(page: Page) -> Study:
    study = make_study()
    for code in ("M1", "M2"):
        add_mouse(study, code)
    make_arena()
    return study


def files() -> dict[str, bytes]:
    return {
        "Raw data-Trial 1.txt": si_walk("M1", 45, stage="alone"),
        "Raw data-Trial 2.txt": si_walk("M1", 25, stage="social", start="11/27/2025 10:04:00"),
        "Raw data-Trial 3.txt": si_walk("m 2", 30, stage="alone", start="11/27/2025 11:00:00"),
        "Raw data-Trial 4.txt": si_walk("m 2", 60, stage="social", start="11/27/2025 11:04:00"),
    }


def test_dropped_files_are_mapped_saved_and_seen_as_a_track(page: Page, study: Study, sign_in: SignIn):
    sign_in("sam", "scorer", study)
    page.goto("/studies/S1/")
    page.get_by_role("link", name="Tracker files").click()
    expect(page.get_by_role("heading", name="Tracker files")).to_be_visible()
    drop(page, files())
    rows = page.locator("#trials tbody tr:not(.sentences)")
    expect(rows).to_have_count(4)
    expect(page.get_by_role("status").last).to_contain_text("things to put right; nothing is stored")
    expect(page.locator(".sentences").first).to_contain_text("The file does not say; choose.")

    page.get_by_label("Arena, where no row says another").select_option("box 1")
    page.get_by_label("Trials are told apart by").select_option("a variable in the file")
    page.get_by_label("Which variable").select_option("Stage")
    page.get_by_label("It says without target").fill("alone")
    page.get_by_label("It says with target").fill("social")
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".sentences").first).to_contain_text("Nobody said at which wall the target stands")
    page.get_by_label("Wall with the target, where the test does not say").select_option("bottom")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("status").last).to_contain_text("Nothing is wrong")
    expect(rows.filter(has_text="Trial 3")).to_contain_text("spelled otherwise")
    expect(page.locator("#trials")).to_contain_text("susceptible")
    assert in_both_themes(page) == []
    page.get_by_role("button", name="Save 4 trials").click()
    expect(page.get_by_text("4 trials stored: 2 SI tests 1, 2 of them new.")).to_be_visible()

    test = SocialInteractionTest.objects.get(mouse__code="M1")
    page.goto("/studies/S1/mice/M1/")
    page.locator("#si-tests").get_by_role("link", name="SI test 1").click()
    expect(page).to_have_url(re.compile(rf"/studies/S1/si-tests/{test.pk}/$"))
    expect(page.get_by_text("95 % interval of the two tracks")).to_be_visible()
    for title in ("Track over the arena", "Where it stayed"):
        expect(page.locator("figure[data-drawn]").filter(has_text=title).locator("svg").first).to_be_visible()
    assert in_both_themes(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Raw data-Trial 1.txt").first.click()
    assert download.value.path().read_bytes() == files()["Raw data-Trial 1.txt"]
