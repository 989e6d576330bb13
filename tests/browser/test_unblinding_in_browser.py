"""An allocator lifts a blind as a person does, and a technician reads the log."""

import re

import pytest
from playwright.sync_api import Page, expect

from labdb.colony.models import Study
from tests.browser.conftest import PASSWORD, SignIn
from tests.browser.test_accessibility import faults
from tests.treatment.blinded_study import ARMS, make_blinded_study

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_mouse_then_the_study_is_unblinded_with_the_password_again(page: Page, sign_in: SignIn) -> None:
    study = make_blinded_study()
    sign_in("alma", "allocator", study)
    page.goto("/studies/BLIND/")
    page.get_by_role("link", name="Unblinding").click()
    one = page.get_by_role("form", name="One mouse, in an emergency")
    one.get_by_label("Code of the mouse").fill("M1")
    one.get_by_label("Why it must be known").fill("It convulses.")
    one.get_by_label("Your password").fill("guessed")
    one.get_by_role("button", name="Unblind this mouse").click()
    expect(page.get_by_text("That is not your password; 4 more tries")).to_be_visible()
    expect(one.get_by_label("Why it must be known")).to_have_value("It convulses.")
    assert not faults(page)
    one.get_by_label("Your password").fill(PASSWORD)
    one.get_by_role("button", name="Unblind this mouse").click()
    expect(page.get_by_text("M1 is unblinded, for you alone.")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("M1"))).to_contain_text(ARMS[0])
    whole = page.get_by_role("form", name="The whole study")
    expect(whole).to_contain_text("No analysis plan is frozen.")
    whole.get_by_label("Code of the study").fill("BLIND")
    whole.get_by_label("Why it must be known").fill("All is scored.")
    whole.get_by_label("Your password").fill(PASSWORD)
    whole.get_by_role("button", name="Unblind BLIND").click()
    expect(page.get_by_text("Study BLIND is unblinded.")).to_be_visible()
    expect(page.get_by_role("form", name="The whole study")).to_have_count(0)
    assert not Study.objects.get(code="BLIND").is_blinded
    for other in ("analysis-plan", "arrive"):
        page.goto(f"/studies/BLIND/{other}/")
        assert not faults(page)
    page.context.clear_cookies()
    sign_in("tess", "technician", study)
    page.goto("/studies/BLIND/unblinding/")
    expect(page.get_by_role("row", name=re.compile("It convulses"))).to_contain_text("alma")
    expect(page.get_by_role("row", name=re.compile("It convulses"))).not_to_contain_text(ARMS[0])
