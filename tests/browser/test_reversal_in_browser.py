"""The page of reversal as a reader goes through it: the answer, its figure, one comparison, one mouse, its seconds."""

import re

import pytest
from playwright.sync_api import Page, expect

from analysis.models import AnalysisRun
from tests.analysis.treated_study import make_analyzed_study
from tests.browser.conftest import SignIn

pytestmark = pytest.mark.django_db(transaction=True)


def test_from_the_answer_to_the_seconds_of_one_mouse(page: Page, sign_in: SignIn):
    study = make_analyzed_study()
    sign_in("ann", "analyst", study)
    page.set_viewport_size({"width": 820, "height": 1180})
    page.goto(f"/analysis/runs/{AnalysisRun.objects.get(task='reversal').pk}/")
    expect(page.get_by_text("ketamine undoes the stress signature in PFC (62 %; 31 % to 93 %).")).to_be_visible()
    expect(page.locator("#answer ~ .row li")).to_have_count(4)
    forest = page.locator("figure:has(h2:has-text('Fraction of the stress signature undone'))")
    for title in ("Where which drug undoes how much", "What relabeled mice give"):
        expect(page.locator(f"figure:has(h2:has-text('{title}')) .figure-plot svg")).to_be_attached()
    point = forest.locator(".figure-plot svg path[aria-roledescription='point']").first
    expect(point).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    point.click()
    expect(page).to_have_url(re.compile(r"/analysis/reversals/\d+/$"))
    page.locator("tr#k0").get_by_role("link", name="1.60").click()
    expect(page).to_have_url(re.compile(r"/records/si-tests/\d+/$"))
    expect(page.locator("main")).to_contain_text("80")
