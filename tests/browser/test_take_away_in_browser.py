"""Files of a list and of a study, taken by clicking; the pages fit a tablet."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.analysis.treated_study import make_analyzed_study
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = pytest.mark.django_db(transaction=True)
SHOTS = os.environ.get("LABDB_SHOTS", "")  # a folder, for whoever wants to look


def look(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def test_a_list_and_a_study_are_taken_away_by_clicking(page: Page, sign_in: SignIn) -> None:
    make_analyzed_study()
    sign_in("boss")
    page.goto("/records/mice/?study=S1&group=control")
    page.get_by_role("button", name="Export", exact=True).click()
    look(page, "list")
    with page.expect_download() as taken:
        page.get_by_role("link", name="Parquet").click()
    assert taken.value.suggested_filename.startswith("mice_S1_20")
    assert Path(taken.value.path()).read_bytes()[:4] == b"PAR1"
    page.goto("/studies/S1/")
    page.get_by_role("link", name="Take away").click()
    expect(page.get_by_role("heading", name="Take away")).to_be_visible()
    look(page, "take-away")
    page.locator(".list-group-item", has_text="one row a mouse").get_by_role("button", name="Export").click()
    look(page, "take-away-menu")
    with page.expect_download() as taken:
        page.get_by_role("link", name="XLSX").locator("visible=true").click()
    assert taken.value.suggested_filename.startswith("animal-table_S1_20")
    page.set_viewport_size({"width": 820, "height": 1100})
    page.goto("/analysis/studies/S1/take-away/")
    look(page, "take-away-820")
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    page.goto("/analysis/studies/S1/take-away/animal-table/?include_stale=1")
    look(page, "animals-820")
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert not in_both_themes(page)
    look(page, "animals-dark")
