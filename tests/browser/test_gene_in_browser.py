"""The page of a gene as a person comes to it: by an old name, to the figures, and on to the run behind a number."""

import pytest
from playwright.sync_api import Page, expect

from analysis.models import GeneResult
from labdb.sequencing.models import Gene
from tests.analysis.treated_study import make_analyzed_study
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_gene_is_found_by_its_old_name_and_leads_to_the_run_behind_a_number(page: Page, sign_in: SignIn):
    study = make_analyzed_study()
    Gene.objects.filter(symbol="Gene1").update(synonyms="c-one; Oldname")
    sign_in("ann", "analyst", study)
    page.goto("/genes/")
    page.get_by_label("Symbol, id or synonym").fill("oldname")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Gene1", level=1)).to_be_visible()
    expect(page.get_by_text("also called c-one; Oldname")).to_be_visible()
    for title in ("Expression by region and group", "Every contrast"):
        expect(page.locator(f"figure:has(h2:text-is('{title}')) .figure-plot svg")).to_be_attached()
    expect(page.get_by_text("n = 12 libraries of 12 mice")).to_be_visible()
    expect(page.get_by_text("Reversed in 0 of 1 comparisons")).to_be_visible()
    assert not in_both_themes(page)
    row = page.locator("tr", has_text="susceptible - control")
    row.get_by_role("link", name="PFC").click()
    expect(page.get_by_label("Contrast", exact=True)).to_be_visible()
    assert f"/analysis/runs/{GeneResult.objects.latest('pk').run_id}/" in page.url
