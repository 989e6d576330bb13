"""Rows ticked in a list as a person ticks them, and one thing done to all."""

import re

import pytest
from playwright.sync_api import Page, expect

from labdb.colony.models import Cohort, Mouse, Study


@pytest.fixture
def study(page: Page) -> Study:
    study = Study.objects.create(code="S1", title="first")
    cohort = Cohort.objects.create(study=study, code="C1")
    Mouse.objects.bulk_create(
        Mouse(study=study, code=f"M{number:02}", cohort=cohort, group="defeated") for number in range(60)
    )
    Mouse.objects.create(study=study, code="N01", cohort=cohort, group="control")
    return study


def row(page: Page, number: int):
    return page.locator("input[name=row]").nth(number)


def test_a_range_is_ticked_and_a_field_set_for_all_of_it(page: Page, study, sign_in):
    sign_in("boss")
    page.goto("/records/mice/?study=S1")
    bar = page.get_by_role("region", name="What is chosen")
    expect(bar).to_be_hidden()
    row(page, 2).click()
    row(page, 5).click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 mice ticked")
    bar.get_by_role("button", name="Set a field").click()
    page.get_by_label("Which field").select_option("group")
    page.get_by_label("Group").fill("witness")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("tr", has_text="M02")).to_contain_text("defeated")
    page.get_by_role("button", name="Set a field: 4 mice").click()
    expect(page.get_by_role("status").first).to_contain_text("Set a field: done for 4 mice")
    expect(page).to_have_url(re.compile(r"/records/mice/\?study=S1$"))
    changed = Mouse.objects.filter(group="witness").order_by("code").values_list("code", flat=True)
    assert list(changed) == ["M02", "M03", "M04", "M05"]


def test_all_that_the_filters_select_are_more_than_the_page(page: Page, study, sign_in):
    sign_in("boss")
    page.goto("/records/mice/?study=S1&group=defeated")
    page.get_by_label("All rows of this page").check()
    bar = page.get_by_role("region", name="What is chosen")
    expect(bar).to_contain_text("50 mice ticked")
    bar.get_by_label("all 60 that the filters select").check()
    bar.get_by_role("button", name="Note").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("60 mice")
    page.get_by_label("Notes").fill("moved to room 2")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Note: 60 mice").click()
    expect(page.get_by_role("status").first).to_contain_text("Note: done for 60 mice")
    assert Mouse.objects.filter(notes__endswith="moved to room 2").count() == 60
    assert Mouse.objects.get(code="N01").notes == ""


def test_ticks_do_not_filter_and_go_with_their_page(page: Page, study, sign_in):
    sign_in("boss")
    page.goto("/records/mice/?study=S1")
    row(page, 0).check()
    expect(page).to_have_url(re.compile(r"/records/mice/\?study=S1$"))
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("51–61 of 61")).to_be_visible()
    expect(page.get_by_role("region", name="What is chosen")).to_be_hidden()
