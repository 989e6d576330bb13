"""A list from elsewhere and a file of gene sets, as an analyst brings them in and asks what they say."""

import os

import pytest
from playwright.sync_api import Page, expect

from tests.analysis.treated_study import add_outside, make_analyzed_study
from tests.browser.axe import serious
from tests.browser.conftest import SignIn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
WITHOUT_DRAWINGS = '{exclude: [[".figure-plot svg"]]}, {resultTypes: ["violations"]}'
RANKED = "gene\tlogFC\tPValue\tFDR\n" + "".join(
    f"Gene{number}\t{(number - 14.5) / 5}\t{0.001 * (number + 1)}\t0.04\n" for number in range(30)
)
GMT = "STRESS\tmoved by stress\t" + "\t".join(f"Gene{number}" for number in range(0, 30, 3)) + "\n"


def looked_at(page: Page, name: str) -> None:
    """Nothing is seriously wrong with the page; a picture of it where a folder for them is named."""
    assert serious(page, WITHOUT_DRAWINGS) == []
    if folder := os.environ.get("LOOK"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_an_analyst_brings_a_list_and_gene_sets_and_asks_what_they_say(page: Page, sign_in: SignIn) -> None:
    study = make_analyzed_study()
    run = add_outside(study)
    sign_in("ann", "analyst", study)
    page.goto("/records/outside-signatures/?study=S1")
    page.get_by_role("link", name="Upload a result or signature").click()
    page.get_by_label("File").set_input_files(
        {"name": "ketamine.tsv", "mimeType": "text/plain", "buffer": RANKED.encode()}
    )
    page.get_by_label("Code").fill("Li2024")
    page.get_by_label("A positive value means").fill("higher with ketamine")
    page.get_by_label("Source").fill("Li 2024, table S2")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("p-value, with the sign").or_(page.get_by_text("signed p"))).to_be_visible()
    looked_at(page, "upload")
    page.get_by_role("button", name="Keep 30 genes").click()
    expect(page.get_by_role("heading", name="Li2024")).to_be_visible()
    expect(page.locator(".figure-plot svg").first).to_be_visible()
    page.get_by_label("List").select_option(label="GSE1 (from outside)")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("at least 15 are needed")).to_be_visible()
    looked_at(page, "signature")
    page.get_by_role("link", name="Gene sets").click()
    page.get_by_role("link", name="Upload a GMT file").first.click()
    page.get_by_label("File").set_input_files({"name": "a.gmt", "mimeType": "text/plain", "buffer": GMT.encode()})
    page.get_by_label("Name").fill("Ours 1")
    page.get_by_label("Source").fill("this laboratory")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("1 sets kept as Ours 1")).to_be_visible()
    page.get_by_label("List").select_option(label="Li2024 (from outside)")
    page.get_by_label("Method").select_option("preranked")
    page.get_by_label("Smallest set").fill("3")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_role("cell", name="STRESS")).to_be_visible()
    looked_at(page, "sets")
    page.goto(f"/analysis/runs/{run.pk}/")
    expect(page.locator(".figure-plot svg")).to_have_count(2)
    expect(page.get_by_text("no mouse is on both sides")).to_be_visible()
    looked_at(page, "run")
