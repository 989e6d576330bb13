"""The pages of records as a person at the bench uses them."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labdb.colony.models import Cohort, Mouse, Study


@pytest.fixture
def study(page: Page) -> Study:
    study = Study.objects.create(code="S1", title="first")
    for code, group in (("C1", "defeated"), ("C2", "control")):
        cohort = Cohort.objects.create(study=study, code=code)
        Mouse.objects.bulk_create(
            Mouse(study=study, code=f"{code}-{number:02}", cohort=cohort, group=group) for number in range(30)
        )
    return study


def choose(page: Page, label: str, text: str) -> None:
    """Type into a field that searches records and take what it finds."""
    field = page.get_by_role("combobox", name=label)
    field.click()
    field.press_sequentially(text)
    page.locator(".ts-dropdown-content .option", has_text=text).first.click()


def test_a_list_is_filtered_sorted_and_paged_without_leaving_it(page, study, sign_in):
    sign_in("boss")
    page.goto("/records/mice/?study=S1")
    expect(page.get_by_text("1–50 of 60")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("51–60 of 60")).to_be_visible()
    page.get_by_role("combobox", name="Group").select_option("control")
    expect(page.get_by_text("1–30 of 30")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/records/mice/\?(?=.*group=control)(?=.*study=S1)(?!.*sex=)(?!.*page=)"))
    page.get_by_role("link", name="Code").click()
    page.get_by_role("link", name="Code ↑").click()
    expect(page.locator("tbody tr").first).to_contain_text("C2-29")
    page.get_by_label("Search").fill("C2-0")
    expect(page.get_by_text("1–10 of 10")).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("C2-09")  # still sorted
    page.go_back()
    expect(page.get_by_text("1–30 of 30")).to_be_visible()
    expect(page.get_by_role("combobox", name="Group")).to_have_value("control")
    page.get_by_role("link", name="group is control").click()
    expect(page.get_by_text("1–50 of 60")).to_be_visible()


def test_a_filter_that_is_not_understood_says_so_in_place(page, study, sign_in):
    sign_in("boss")
    page.goto("/records/si-tests/?study=S1")
    page.get_by_role("textbox", name="Test number").fill("two")
    page.get_by_role("textbox", name="Test number").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("two is not a whole number")


def test_a_mouse_is_entered_with_names_that_are_searched(page, study, sign_in):
    sign_in("tina", "technician", study)
    page.goto("/records/mice/?study=S1")
    page.get_by_role("link", name="Add mouse").click()
    page.get_by_role("textbox", name="Code").fill("M 1")
    choose(page, "Cohort", "C2")
    choose(page, "Strain", "CD")
    page.get_by_role("button", name="Save", exact=True).click()
    refused = page.locator(".entry", has=page.get_by_role("textbox", name="Code"))
    expect(refused).to_contain_text("A code starts with a letter or digit")
    expect(page.locator(".entry", has_text="Cohort").locator(".item")).to_have_text("C2")
    page.get_by_role("textbox", name="Code").fill("M1")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Mouse M1 saved.")
    mouse = Mouse.objects.get(code="M1")
    assert (str(mouse.cohort), str(mouse.strain)) == ("C2", "CD-1")


def test_a_name_that_nobody_knows_is_refused_with_those_there_are(page, study, sign_in):
    sign_in("boss")
    page.goto("/records/mice/add/?study=S1")
    page.get_by_role("textbox", name="Code").fill("M1")
    cohort = page.get_by_role("combobox", name="Cohort")
    cohort.click()
    cohort.press_sequentially("C9")
    page.get_by_label("Genotype").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".entry", has_text="Cohort")).to_contain_text(
        "There is no cohort C9 in study S1; there are C1, C2."
    )


def test_a_file_with_errors_is_corrected_on_the_page_and_imported(page, study, sign_in, tmp_path: Path):
    sign_in("boss")
    page.goto("/records/mice/import/?study=S1")
    file = tmp_path / "mice.csv"
    file.write_text("code,sex,cohort\nN1,M,C1\nN2,Q,C1\nN3,F,C7\n")
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("2 errors in 2 lines of mice.csv; nothing was stored.")
    expect(page.locator("tr", has_text="Q is not one of")).to_contain_text("3")
    expect(page.locator("tr", has_text="There is no cohort C7")).to_contain_text("4")
    text = page.get_by_label("mice.csv")
    text.fill(text.input_value().replace("Q", "F").replace("C7", "C2"))
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_role("button", name="Import 3 rows").click()
    expect(page.get_by_role("status").first).to_contain_text("3 mice imported from mice.csv.")
    assert set(Mouse.objects.filter(code__startswith="N").values_list("code", "cohort__code")) == {
        ("N1", "C1"),
        ("N2", "C1"),
        ("N3", "C2"),
    }


def test_two_people_who_change_one_mouse_settle_it_on_the_page(page, study, sign_in):
    sign_in("boss")
    mouse = Mouse.objects.get(code="C1-00")
    page.goto(f"/records/mice/{mouse.pk}/edit/")
    Mouse.objects.filter(pk=mouse.pk).update(group="witness")
    page.get_by_label("Group").fill("control")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("witness").check()
    page.get_by_role("button", name="Save what I chose").click()
    expect(page.get_by_role("status").first).to_contain_text("Mouse C1-00 saved.")
    assert Mouse.objects.get(pk=mouse.pk).group == "witness"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_tablet_shows_a_form_without_scrolling_sideways(page: Page, study, sign_in, theme: Any):
    page.set_viewport_size({"width": 820, "height": 1180})
    page.emulate_media(color_scheme=theme)
    sign_in("boss")
    for address in ("/records/", "/records/mice/?study=S1", "/records/si-tests/add/", "/records/mice/import/"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 820, address
