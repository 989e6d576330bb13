"""A cutoff is moved, the mice that flip are looked at, and the rule is run and adopted with a reason."""

import re

import pytest
from playwright.sync_api import Page, expect

from analysis import runs
from analysis.models import Adoption, AnalysisRun
from labdb.behavior.models import PhenotypeRule
from tests.analysis.small_study import make_treated_study
from tests.analysis.treated_study import add_phenotypes
from tests.browser.conftest import SignIn

pytestmark = pytest.mark.django_db(transaction=True)


def count(page: Page, phenotype: str):
    return page.locator(f"[data-count={phenotype}]")


def test_a_cutoff_is_moved_and_the_rule_run_and_adopted(page: Page, sign_in: SignIn):
    study = make_treated_study(n_per_group=3, n_genes=3)  # resilient mice at 1.50, 1.52 and 1.54
    add_phenotypes(study)
    sign_in("ana", "analyst", study)
    page.goto("/studies/S1/")
    page.get_by_role("link", name="Try another phenotype rule").click()
    figure = page.locator("#rule-figure [data-figure]")
    expect(figure).to_have_attribute("data-drawn", re.compile("light|dark"))
    expect(page.get_by_role("heading", name="0 mice flip")).to_be_visible()

    slider = page.get_by_role("slider", name="Cutoff, by slider")
    slider.fill("1.53")  # as a hand that drags it
    expect(page.get_by_role("textbox", name="Cutoff (SI ratio)")).to_have_value("1.53")
    expect(page.get_by_role("heading", name="2 mice flip")).to_be_visible()
    expect(count(page, "susceptible")).to_have_text("8")
    expect(count(page, "resilient")).to_have_text("1")
    expect(page.locator("[data-flips]")).to_contain_text("r1")
    expect(figure).to_contain_text("cutoff 1.53")
    expect(figure.get_by_role("link", name="SVG")).to_have_attribute("href", re.compile(r"cutoff=1\.53"))
    expect(page).to_have_url(re.compile(r"cutoff=1\.53"))
    expect(page.locator("#rule-labels")).to_contain_text("the rule above")

    page.get_by_role("textbox", name="Cutoff (SI ratio)").fill("15")
    expect(page.get_by_role("alert")).to_contain_text("15 is outside 0.01 to 10")
    page.get_by_role("textbox", name="Cutoff (SI ratio)").fill("1.51")
    expect(page.get_by_role("heading", name="1 mouse flips")).to_be_visible()

    page.locator("[data-flips]").get_by_role("link", name="r0", exact=True).click()
    expect(page).to_have_url(re.compile("/studies/S1/mice/r0/"))
    page.go_back()
    expect(page.get_by_role("heading", name="1 mouse flips")).to_be_visible()  # the address held it

    page.get_by_label("Name of the new rule").fill("Ratio below 1.51")
    page.get_by_label("Why it is needed").fill("agreed on 3 June")
    slider.press("ArrowRight")
    expect(page.get_by_role("textbox", name="Cutoff (SI ratio)")).to_have_value("1.52")
    expect(page.get_by_label("Why it is needed")).to_have_value("agreed on 3 June")  # typed words stay
    page.get_by_role("button", name="Run under this rule").click()
    expect(page).to_have_url(re.compile("/analysis/runs/"))
    run = AnalysisRun.objects.latest("pk")
    assert PhenotypeRule.objects.get(name=run.parameters["rule"]).cutoff == 1.52
    runs.execute(run.pk)

    expect(page.locator("[data-flips]")).to_contain_text("r0")  # the page looks again by itself
    page.get_by_label("Why should they count from now on?").fill("agreed on 3 June")
    page.get_by_role("button", name="Adopt").click()
    expect(page.get_by_text("are now current")).to_be_visible()
    assert Adoption.objects.get(run=run).reason == "agreed on 3 June"
