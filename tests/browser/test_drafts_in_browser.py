"""What is typed into a form outlives a sign-out in the middle of it."""

import pytest
from playwright.sync_api import Page, expect

from labdb.colony.models import Mouse, Study, Weighing
from tests.browser.conftest import PASSWORD


@pytest.fixture
def study(page: Page) -> Study:
    study = Study.objects.create(code="S1", title="first")
    Mouse.objects.create(study=study, code="M1")
    return study


def sign_in_again(page: Page) -> None:
    page.get_by_label("User name").fill("boss")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def test_what_was_typed_before_a_sign_out_can_be_put_back_and_saved(page, study, sign_in):
    sign_in("boss")
    page.goto("/records/weighings/add/?study=S1&mouse=M1")
    page.get_by_label("Body mass (g)").fill("23.4")
    page.get_by_label("Notes").fill("calm")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save", exact=True).click()
    sign_in_again(page)
    page.get_by_role("button", name="Put it back").click()
    expect(page.get_by_label("Body mass (g)")).to_have_value("23.4")
    expect(page.get_by_label("Notes")).to_have_value("calm")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="saved")).to_be_visible()
    assert Weighing.objects.get().notes == "calm"


def test_what_was_saved_is_not_offered_again(page, study, sign_in):
    sign_in("boss")
    page.goto("/records/weighings/add/?study=S1&mouse=M1")
    page.get_by_label("Body mass (g)").fill("23.4")
    page.get_by_role("button", name="Save and add another").click()
    expect(page.get_by_role("status").filter(has_text="saved")).to_be_visible()
    expect(page.get_by_role("button", name="Put it back")).to_have_count(0)
    page.goto("/records/weighings/add/?study=S1&mouse=M1")
    expect(page.get_by_label("Body mass (g)")).to_have_value("")
    expect(page.get_by_role("button", name="Put it back")).to_have_count(0)


def test_a_record_changed_meanwhile_is_not_overwritten_by_what_was_put_back(page, study, sign_in):
    sign_in("boss")
    mouse = Mouse.objects.get()
    page.goto(f"/records/mice/{mouse.pk}/edit/")
    page.get_by_label("Genotype").fill("Fos-GFP")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save", exact=True).click()
    Mouse.objects.filter(pk=mouse.pk).update(genotype="wild type")
    sign_in_again(page)
    page.get_by_role("button", name="Put it back").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="was changed meanwhile")).to_be_visible()
    mouse.refresh_from_db()
    assert mouse.genotype == "wild type"
