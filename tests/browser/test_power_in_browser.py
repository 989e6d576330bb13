"""The power page as who plans the next study goes through it: a difference, a wrong number, a simulation, its curve."""

import re

import pytest
from playwright.sync_api import Page, expect

from analysis import runs
from analysis.models import AnalysisRun
from tests.analysis.small_study import make_treated_study
from tests.analysis.test_tasks import done
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def test_mice_per_arm_are_read_off_and_the_power_of_a_reversal_is_simulated(page: Page, sign_in: SignIn) -> None:
    study = make_treated_study(n_per_group=4, n_genes=60)
    for task in ("phenotype", "response"):
        done(study, task)
    sign_in("ann", "analyst", study)
    page.set_viewport_size({"width": 820, "height": 1180})
    page.goto("/studies/S1/power/")
    expect(page.locator("main")).to_contain_text("mice per arm")
    curve = page.locator("figure:has(h2:has-text('Power to tell two arms by their SI ratio'))")
    expect(curve.locator(".figure-plot svg")).to_be_visible()
    difference = page.get_by_label("Difference of the SI ratio")
    difference.fill("a lot")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Enter a number from 0.01 to 10.")).to_be_visible()
    expect(difference).to_have_value("a lot")
    difference.fill("1.5")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"difference=1\.5"))
    expect(curve.locator("figcaption")).to_contain_text("difference 1.5")

    sizes = page.get_by_label("Mice in each group")
    sizes.fill("2 5")
    page.locator("#reversal_power-n").fill("10")
    page.get_by_role("button", name="Simulate power").click()
    expect(page.get_by_text("2: give 1 to 12 whole numbers from 3 to 100")).to_be_visible()
    expect(sizes).to_have_value("2 5")
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    assert not in_both_themes(page)
    sizes.fill("3 5")
    page.get_by_role("button", name="Simulate power").click()
    expect(page.get_by_role("heading", name="Reversal power, run")).to_be_visible()
    runs.execute(AnalysisRun.objects.get(task="reversal_power").pk)
    expect(page.get_by_role("heading", name="Power by mice in each group")).to_be_visible()  # it looks by itself

    page.goto("/studies/S1/power/")
    power = page.locator("figure:has(h2:has-text('Power of the reversal test'))")
    expect(power.locator(".figure-plot svg")).to_be_visible()
    expect(power.locator("figcaption")).to_contain_text("10 simulated studies a point")
    numbers = page.locator("details", has_text="All numbers")
    numbers.locator("summary").click()
    expect(numbers.locator("tbody tr")).to_have_count(6)  # two sizes, and 30, 50 and 100 % undone
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    assert not in_both_themes(page)
