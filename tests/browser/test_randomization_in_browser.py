"""An allocator randomizes, looks at the balance, has the list drawn again, and adds a late entrant."""

import pytest
from playwright.sync_api import Page, expect

from labdb.treatment.models import AllocationKey, Randomization, TreatmentArm
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import add_phenotypes
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_allocator_randomizes_repeats_and_adds_a_late_entrant(page: Page, sign_in: SignIn):
    study = make_study()
    for number in range(1, 13):
        add_test(add_mouse(study, f"M{number}", cohort=f"C{1 + number % 2}"), 50, 20 + number)
    add_test(add_mouse(study, "R1"), 50, 80)
    add_phenotypes(study)
    for name in ("saline", "ketamine", "sham"):
        TreatmentArm.objects.create(study=study, name=name, is_vehicle=name == "saline")
    sign_in("alma", "allocator", study)
    page.goto("/studies/S1/")
    page.get_by_role("link", name="Randomize", exact=True).click()

    page.get_by_label("sham").fill("")
    expect(page.get_by_label("Probability of the best arm")).to_be_hidden()
    page.get_by_role("radio", name="Minimization").check()
    expect(page.get_by_label("Sizes of blocks")).to_be_hidden()
    page.get_by_label("Probability of the best arm").fill("8")
    page.get_by_label("SI ratio tertile").check()
    page.get_by_role("button", name="Show who is eligible").click()
    expect(page.get_by_role("alert")).to_contain_text("8 is no chance of the best arm: enter 0.5 to 1")
    expect(page.get_by_role("button", name="Randomize 12 mice")).to_have_count(0)
    page.get_by_label("Probability of the best arm").fill("0.9")
    page.get_by_role("button", name="Show who is eligible").click()
    expect(page.locator("#preview")).to_contain_text("12 eligible")
    expect(page.locator("#preview")).to_contain_text("low SI ratio")
    expect(page.get_by_label("sham")).to_have_value("")
    assert not in_both_themes(page)
    page.get_by_role("button", name="Randomize 12 mice").click()
    expect(page.get_by_role("heading", name="Randomization R1")).to_be_visible()
    expect(page.get_by_text("R1 stored: 12 mice allocated.")).to_be_visible()
    assert set(AllocationKey.objects.values_list("arm__name", flat=True)) == {"saline", "ketamine"}
    drawn = page.locator("figure[data-drawn]").get_by_label("How alike the arms are", exact=True)
    expect(drawn.locator("svg").first).to_be_visible()
    page.get_by_role("button", name="Repeat").click()
    expect(page.get_by_text("The same list, 12 of 12.")).to_be_visible()
    assert not in_both_themes(page)

    add_test(add_mouse(study, "M99", cohort="C1"), 50, 30)
    page.get_by_role("link", name="Add late entrants").click()
    page.get_by_role("checkbox", name="susceptible").uncheck()
    page.get_by_role("button", name="Show who is eligible").click()
    # R1 of before has no allocation and a ratio; the newcomer was not called, so it has none to be parted by.
    expect(page.locator("#preview")).to_contain_text("SI ratio is not known")
    page.get_by_role("button", name="Randomize 1 mouse").click()
    expect(page.get_by_role("heading", name="Randomization R2")).to_be_visible()
    assert Randomization.objects.get(code="R2").continues == Randomization.objects.get(code="R1")
    page.get_by_role("button", name="Repeat").click()
    expect(page.get_by_text("The same list, 13 of 13.")).to_be_visible()
