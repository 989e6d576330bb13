"""A table of volumes is pasted, checked and stored; its figure leads to a mouse, and the arms of a study show."""

import re

import pytest
from playwright.sync_api import Page, expect

from labdb.tissue.models import TissueMeasurement
from tests.analysis.small_study import make_treated_study
from tests.analysis.treated_study import add_phenotypes
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = pytest.mark.django_db(transaction=True)
MICE = [f"{kind}{number}" for kind in "crsk" for number in range(3)]


def test_a_pasted_table_becomes_figures_that_lead_to_the_mice(page: Page, sign_in: SignIn):
    study = make_treated_study(n_per_group=3, n_genes=3)
    add_phenotypes(study)
    sign_in("boss")
    page.goto("/studies/S1/")
    page.get_by_role("link", name="Neuroplasticity").click()
    page.get_by_role("link", name="bring in a table", exact=True).click()
    page.get_by_label("Measured by").select_option("MRI")
    lines = [f"{code}\t{25 - at / 7:.2f}\t{6 + at % 4}" for at, code in enumerate(MICE)]
    table = "\n".join(["mouse\tHIP_L_volume_mm3\tPFC volume", *lines, "x9\t25\t6"])
    page.get_by_label("Pasted table, its header first").fill(table)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("There is no mouse x9 in study S1").first).to_be_visible()
    expect(page.get_by_role("cell", name="HIP_L_volume_mm3").first).to_be_visible()
    page.get_by_label("Pasted table, its header first").fill(table.replace("\nx9\t25\t6", ""))
    page.get_by_role("button", name="Check", exact=True).click()
    assert not in_both_themes(page)
    # PFC came without a unit, the left hippocampus in mm3: said, and stored for a reason.
    page.get_by_label("Why it is right all the same").fill("a normalized volume")
    page.get_by_role("button", name="Import 24 measurements").click()
    expect(page.get_by_role("heading", name="Neuroplasticity")).to_be_visible()
    assert TissueMeasurement.objects.filter(study=study).count() == 24

    scatter = page.locator("figure").filter(has=page.get_by_role("heading", name="HIP left volume, MRI", exact=True))
    expect(scatter).to_have_attribute("data-drawn", re.compile("light|dark"))
    expect(scatter).to_contain_text("all, pooled: n = 12")
    expect(page.locator("figure").filter(has_text="Spearman's rho, every measure")).to_contain_text("PFC volume, MRI")
    arms = page.locator("figure").filter(has=page.get_by_role("heading", name="HIP left volume, MRI, by arm"))
    expect(arms).to_contain_text("ketamine (n = 3)")
    expect(page.get_by_role("heading", name="Against saline")).to_be_visible()
    page.get_by_text("All numbers").click()
    expect(page.get_by_role("cell", name="all, pooled").first).to_be_visible()
    assert not in_both_themes(page)

    expect(scatter).to_have_attribute("data-drawn", "dark")  # drawn again for the night; before, a click may miss
    scatter.locator(".mark-symbol.role-mark path").first.click(force=True)
    expect(page).to_have_url(re.compile(r"/studies/S1/mice/"))
    expect(page.get_by_role("heading", name="Neuroplasticity")).to_be_visible()
