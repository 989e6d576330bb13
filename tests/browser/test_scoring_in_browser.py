"""A person scores again what another scored, and a manager lets the second scoring count."""

import pytest
from playwright.sync_api import Page, expect

from labdb.accounts.models import User
from labdb.behavior.models import SocialInteractionTest
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.browser.conftest import SignIn

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_test_is_scored_again_without_its_first_times_and_then_counts(page: Page, sign_in: SignIn):
    study, anna = make_study(), User.objects.create(username="anna")
    for number in range(1, 5):
        add_test(add_mouse(study, f"M{number}"), 51.25, 40 + number)
    SocialInteractionTest.objects.update(scorer=anna)
    sign_in("bob", "blind scorer", study)
    page.goto("/studies/S1/scoring/again/?test=1&n=4&seed=3")
    expect(page.get_by_text("4 to score")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("51.25")
    for number in range(1, 5):
        page.get_by_label(f"M{number}, IZ, target absent (s)").fill("50")
        page.get_by_label(f"M{number}, IZ, target present (s)").fill(str(45 + number) if number > 1 else "200")
    page.get_by_role("button", name="Save what is typed").click()
    expect(page.get_by_text("200 s in the zone does not fit a trial of 150 s")).to_be_visible()
    page.get_by_label("M1, IZ, target present (s)").fill("60")  # what was typed beside it is still there
    page.get_by_role("button", name="Save what is typed").click()
    expect(page.get_by_text("4 tests scored again.")).to_be_visible()
    expect(page.get_by_text("Nothing is left to score here")).to_be_visible()

    sign_in("boss")
    page.goto("/studies/S1/scoring/")
    # M1: 41 / 51.25 = .8, then 60 / 50 = 1.2; the others stay below 1.
    expect(page.locator("#labels tbody tr").first).to_contain_text("M1, SI test 1 labels differ")
    drawn = page.locator("figure[data-drawn]").get_by_label("Difference of two scorings against their mean", exact=True)
    expect(drawn.locator("svg").first).to_be_visible()
    row = page.locator("#labels tbody tr").nth(1)
    row.get_by_text("let it count").click()
    row.get_by_label("Why scoring 2 of M1 should count").fill("anna had the wrong video")
    row.get_by_role("button", name="Save").click()
    expect(page.get_by_text("M1 SI test 1, scoring 2 counts now.")).to_be_visible()
    expect(page.locator("#labels tbody tr").nth(1)).to_contain_text("counts")
