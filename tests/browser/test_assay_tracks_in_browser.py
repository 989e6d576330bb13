"""A plus maze as a person brings it: its file dropped on the assay's page, saved, seen as a track, and taken back."""

import pytest
from playwright.sync_api import Page, expect

from labdb.behavior.models import AssayResult, TrackedAssayTrial
from tests.analysis.small_study import add_mouse, make_study
from tests.behavior.assay_tracks import THROUGH, make_maze, make_maze_assay, walk
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes
from tests.browser.test_tracker_files_in_browser import drop

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_dropped_maze_is_read_seen_as_a_track_and_taken_back(page: Page, sign_in: SignIn):
    study = make_study()
    add_mouse(study, "M1")
    make_maze()
    make_maze_assay()
    sign_in("mia", "manager", study)
    page.goto("/studies/S1/assays/")
    page.get_by_role("link", name="maze", exact=True).click()
    page.get_by_role("link", name="Tracker files").click()
    expect(page.get_by_text("maze_open_entries: entries into zones of open arm 1 | open arm 2")).to_be_visible()
    drop(page, {"maze.txt": walk("M1", THROUGH)})
    row = page.locator("#trials tbody tr:not(.sentences)")
    expect(row).to_have_count(1)
    page.get_by_label("Session").fill("day 1")
    page.get_by_label("Arena, where no row says another").select_option("maze A")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("status").last).to_contain_text("Nothing is wrong")
    expect(row).to_contain_text("20.6")  # s in the open arms, see assay_tracks
    assert in_both_themes(page) == []
    page.get_by_role("button", name="Save 1 trial").click()
    expect(page.get_by_text("1 trial stored in session day 1: 6 results of maze.")).to_be_visible()

    page.locator("table", has_text="maze.txt").get_by_role("link", name="M1").click()
    expect(page.get_by_role("heading", name="Maze of S1-M1, day 1")).to_be_visible()
    for title in ("Track over the arena", "Where it stayed"):
        expect(page.locator("figure[data-drawn]").filter(has_text=title).locator("svg").first).to_be_visible()
    assert in_both_themes(page) == []

    page.goto("/records/imports/")
    page.get_by_role("row").filter(has_text="maze.txt").get_by_role("link").first.click()
    page.get_by_role("link", name="Undo this import").click()
    page.get_by_label("Why it is undone").fill("another mouse")
    page.get_by_role("button", name="Undo the import").click()
    expect(page.get_by_text("undone; the history keeps what it was")).to_be_visible()
    assert not TrackedAssayTrial.objects.exists() and not AssayResult.objects.exists()
