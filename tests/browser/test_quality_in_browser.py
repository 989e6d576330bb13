"""The quality page as a person goes through it: read, decide, and come back to it decided."""

import pytest
from playwright.sync_api import Page, expect

from analysis.models import QualityDecision
from labdb.tissue.models import TissueSample
from tests.analysis.faulty_study import POOR, make_faulty_study
from tests.analysis.test_tasks import done
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_finding_is_read_decided_and_stays_decided(page: Page, sign_in: SignIn):
    study = make_faulty_study()
    sign_in("ann", "manager", study)
    done(study, "quality")
    page.goto("/studies/S1/quality/")
    expect(page.get_by_text("5 still to be decided")).to_be_visible()
    for title in ("Library size by region and group", "Principal components by group", "Sex by its genes"):
        expect(page.locator(f"figure:has(h2:text-is('{title}')) .figure-plot svg")).to_be_attached()
    row = page.locator("tr", has_text=f"{POOR} has")
    expect(row.get_by_role("link", name=POOR, exact=True)).to_be_visible()
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(row.get_by_label("Criterion set a priori")).to_be_hidden()  # asked of what is left out alone
    row.get_by_label("Decision").select_option(label="left out of analyses")
    row.get_by_label("Criterion set a priori").select_option(label="yes")
    row.get_by_label("Why").fill("Hardly a read.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("4 still to be decided")).to_be_visible()
    expect(row.get_by_text("left out of analyses: Hardly a read.")).to_be_visible()
    expect(row.get_by_text(f"Tissue sample T-{POOR}-M7 is left out")).to_be_visible()
    assert QualityDecision.objects.get().decided_by.username == "ann"
    assert TissueSample.objects.get(code=f"T-{POOR}-M7").is_exclusion_a_priori
    row.locator("summary").click()  # the form is looked at as well
    page.locator("details.card > summary").click()
    expect(page.get_by_text("E-M1-PFC has RIN 5.5, below 7")).to_be_visible()
    assert not in_both_themes(page)
    row.get_by_label("Decision").select_option(label="not an error")
    expect(row.get_by_label(f"Take in again: Tissue sample T-{POOR}-M7")).to_be_checked()
    row.get_by_label("Why").fill("A small punch.")
    row.get_by_role("button", name="Keep").click()
    expect(row.get_by_text("not an error: A small punch.")).to_be_visible()
    assert not TissueSample.objects.exclude(exclusion_criterion="").exists()
