"""A mistyped SI test is mended: what was computed from it says so, is brought up to date, and old and new are compared."""

import pytest
from playwright.sync_api import Page, expect

from analysis import runs
from analysis.models import AnalysisRun
from analysis.refresh import refresh_under_way
from labdb.behavior.models import SocialInteractionTest
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def test_what_is_stale_says_why_and_is_brought_up_to_date(page: Page, sign_in: SignIn) -> None:
    study = make_study()
    for code, group, present_s in (("c1", "control", 60), ("d1", "defeated", 25), ("d2", "defeated", 90)):
        add_test(add_mouse(study, code, group), 50, present_s)
    old = runs.request_run("phenotype", study)
    runs.execute(old.pk)
    test = SocialInteractionTest.objects.get(mouse__code="d1")
    sign_in("ann", "manager", study)

    page.goto(f"/records/si-tests/{test.pk}/edit/")
    page.locator("#id_iz_present_s").fill("60")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("SI test 1 saved.")).to_be_visible()

    page.goto(f"/analysis/runs/{old.pk}/")
    expect(page.locator("#stale")).to_contain_text("These results are out of date.")
    expect(page.locator("#stale")).to_contain_text("d1 SI test 1 changed by ann")
    page.goto("/studies/S1/")
    alert = page.locator("#stale")
    expect(alert.get_by_role("link", name="d1 SI test 1 changed by ann")).to_contain_text("iz_present_s 25 → 60")
    expect(alert.locator(".refresh-chain li")).to_have_count(1)
    assert not in_both_themes(page)

    alert.get_by_role("button", name="Bring up to date").click()
    expect(page.get_by_role("heading", name="Bring up to date, run")).to_be_visible()
    refresh = refresh_under_way(study)
    assert refresh is not None
    runs.execute(refresh.pk)
    page.goto("/studies/S1/")
    expect(page.get_by_role("heading", name="Current results")).to_be_visible()
    expect(page.locator(".stale-mark, #stale")).to_have_count(0)

    newer = AnalysisRun.objects.get(task="phenotype", parent=refresh)
    page.goto(f"/analysis/runs/{newer.pk}/")
    page.get_by_role("link", name=f"with run {old.pk}").click()
    expect(page.get_by_role("heading", name="Mice called otherwise: 1 of 3")).to_be_visible()
    expect(page.get_by_role("row", name="d1 susceptible resilient 0.50 1.20")).to_be_visible()
    expect(page.get_by_text("1 mouse has another SI ratio (by at most 0.700).")).to_be_visible()
    assert not in_both_themes(page)
