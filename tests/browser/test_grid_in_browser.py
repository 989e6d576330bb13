"""The grid as a technician uses it: pasted, typed, corrected, saved once, and never lost."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Cohort, Mouse, Study, Weighing
from tests.browser.axe import serious

COPY = """text => {
  document.addEventListener("copy", (event) => {
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { once: true, capture: true });
  document.execCommand("copy");
}"""
SI_GRID = "/records/si-tests/grid/?study=S1"


@pytest.fixture
def study(page: Page) -> Study:
    study = Study.objects.create(code="S1", title="first")
    cohort = Cohort.objects.create(study=study, code="C1")
    Mouse.objects.bulk_create(
        Mouse(study=study, code=f"M{number:02}", cohort=cohort, group="defeated") for number in range(1, 41)
    )
    return study


def open_grid(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("body[data-grid=ready]")).to_be_attached()


def cell(page: Page, row: int, label: str) -> Any:
    """Return a cell by the number of its row and the label of its column."""
    headers = page.locator("#grid thead td").all_text_contents()
    at = next(i for i, text in enumerate(headers) if text.startswith(label))
    return page.locator(f"#grid tbody tr:nth-child({row}) > td:nth-child({at + 1})")


def paste(page: Page, text: str) -> None:
    """Put a block on the clipboard, as a spreadsheet does, and press Ctrl+V."""
    page.evaluate(COPY, text)
    page.keyboard.press("Control+V")


def test_forty_tests_of_a_cohort_are_pasted_checked_and_saved(page, study, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, SI_GRID)
    page.get_by_label("A row for each mouse of").select_option("C1")
    expect(cell(page, 40, "Mouse")).to_have_text("M40")
    cell(page, 1, "Time in IZ, target absent").click()
    block = "\r\n".join(f"{40 + number}.5\t{60 - number}" for number in range(1, 41))
    started = time.perf_counter()
    paste(page, block)
    expect(page.locator("#grid-state")).to_have_text("No errors; not stored yet.")
    checked = time.perf_counter()
    page.get_by_role("button", name="Save 40 rows").click()
    expect(page.locator("#grid-state")).to_contain_text("40 SI tests stored")
    saved = time.perf_counter()
    print(f"\n40 SI tests: pasted and checked {checked - started:.2f} s, saved {saved - started:.2f} s")  # noqa: T201  (measured, shown with -s)
    assert SocialInteractionTest.objects.count() == 40
    first = SocialInteractionTest.objects.get(mouse__code="M01")
    assert (first.iz_absent_s, first.iz_present_s, first.test_number, first.trial_s) == (41.5, 59, 1, 150)


def type_cell(page: Page, row: int, label: str, text: str) -> None:
    cell(page, row, label).click()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def state(page: Page) -> Any:
    return page.locator("#grid-state")


@pytest.fixture
def weighings(study: Study) -> list[Weighing]:
    """Three mice, one weighing each; the list shows the newest first, so M01 is row 1."""
    mice = Mouse.objects.filter(code__in=["M01", "M02", "M03"]).order_by("-code")
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    return [Weighing.objects.create(study=study, mouse=mouse, performed_at=at, body_mass_g=23.5) for mouse in mice]


def test_a_wrong_cell_shows_the_sentence_of_the_record_and_nothing_is_stored(page, study, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, SI_GRID)
    cell(page, 1, "Mouse").click()
    paste(page, "M01\t1\t\t40\t50\nM02\t1\t\t40\t500\nM99\t1\t\t40\t50\n")
    problems = page.locator("#grid-problem-list li")
    expect(problems).to_have_count(2)
    expect(problems.nth(0)).to_contain_text("Row 2, Time in IZ, target present (s)")
    expect(problems.nth(0)).to_contain_text("500 s in the zone does not fit a trial of 150 s")
    expect(problems.nth(1)).to_contain_text("There is no mouse M99 in study S1")
    expect(cell(page, 2, "Time in IZ, target present")).to_have_class(re.compile("grid-error"))
    page.get_by_role("button", name="Save 3 rows").click()
    expect(state(page)).to_have_text("Nothing is stored before this is right.")
    assert not SocialInteractionTest.objects.exists()
    page.get_by_role("button", name="Row 2, Time in IZ, target present").click()
    expect(page.locator("#grid-cell")).to_contain_text("500 s in the zone does not fit")
    page.keyboard.type("50")
    page.keyboard.press("Enter")
    type_cell(page, 3, "Mouse", "M03")
    expect(state(page)).to_have_text("No errors; not stored yet.")
    page.get_by_role("button", name="Save 3 rows").click()
    expect(state(page)).to_contain_text("3 SI tests stored")
    assert SocialInteractionTest.objects.count() == 3


def test_a_double_click_on_save_stores_once(page, study, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, "/records/weighings/grid/?study=S1")
    cell(page, 1, "Mouse").click()
    paste(page, "M01\t2026-03-02 09:30\t23.4\nM02\t2026-03-02 09:31\t22")
    page.get_by_role("button", name="Save 2 rows").dblclick()
    expect(state(page)).to_contain_text("2 weighings stored")
    assert Weighing.objects.count() == 2


def test_what_was_typed_is_there_again_after_a_reload_and_can_be_saved_or_discarded(page, study, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, "/records/weighings/grid/?study=S1")
    cell(page, 1, "Mouse").click()
    page.keyboard.type("M01")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("23.4")
    page.keyboard.press("Enter")
    shown = cell(page, 1, "Weighed at").get_attribute("data-default")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator("body[data-grid=ready]")).to_be_attached()
    expect(page.get_by_role("status").filter(has_text="1 unsaved row of")).to_be_visible()
    expect(cell(page, 1, "Body mass")).to_have_text("23.4")
    assert cell(page, 1, "Weighed at").get_attribute("data-default") == shown
    page.get_by_role("button", name="Save 1 row").click()
    expect(state(page)).to_contain_text("1 weighing stored")
    assert Weighing.objects.get().body_mass_g == 23.4
    page.reload()
    expect(page.locator("body[data-grid=ready]")).to_be_attached()
    expect(page.get_by_text("unsaved row")).to_have_count(0)
    type_cell(page, 1, "Mouse", "M02")
    page.reload()
    page.get_by_role("button", name="Discard").click()
    expect(state(page)).to_have_text("Nothing was typed yet.")


def test_what_was_typed_before_a_sign_out_comes_back_after_signing_in(page, study, sign_in):
    sign_in("boss")
    open_grid(page, "/records/weighings/grid/?study=S1")
    cell(page, 1, "Mouse").click()
    paste(page, "M01\t2026-03-02 09:30\t23.4")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save 1 row").click()
    expect(page.get_by_role("alert")).to_contain_text("You are signed out.")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("User name").fill("boss")
    page.get_by_label("Password").fill("a password of the tests")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(state(page)).to_contain_text("1 weighing stored")  # what was sent is sent again by itself, once
    assert Weighing.objects.count() == 1


def test_two_people_who_change_one_weighing_choose_between_both_values(page, study, weighings, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, "/records/weighings/grid/?study=S1&rows=stored")
    type_cell(page, 1, "Body mass", "24.3")
    type_cell(page, 2, "Body mass", "25.3")
    Weighing.objects.filter(pk=weighings[2].pk).update(body_mass_g=24.1, notes="again")
    Weighing.objects.filter(pk=weighings[1].pk).update(notes="calm")
    page.get_by_role("button", name="Save 2 rows").click()
    conflict = page.locator(".grid-problem-conflict")
    expect(conflict).to_have_count(1)
    expect(conflict).to_contain_text("theirs 24.1, yours 24.3")
    expect(page.locator("#grid")).to_contain_text("calm")  # of row 2, where they changed another cell
    assert list(Weighing.objects.order_by("mouse__code").values_list("body_mass_g", flat=True)) == [24.1, 23.5, 23.5]
    conflict.get_by_role("button", name="Keep yours: 24.3").click()
    page.get_by_role("button", name="Save 2 rows").click()
    expect(state(page)).to_contain_text("2 weighings stored")
    stored = Weighing.objects.order_by("mouse__code").values_list("body_mass_g", "notes")
    assert list(stored) == [(24.3, "again"), (25.3, "calm"), (23.5, "")]


def test_theirs_can_be_taken_and_then_nothing_is_left_to_save(page, study, weighings, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, "/records/weighings/grid/?study=S1&rows=stored")
    type_cell(page, 1, "Body mass", "24.3")
    Weighing.objects.filter(pk=weighings[2].pk).update(body_mass_g=24.1)
    page.get_by_role("button", name="Save 1 row").click()
    page.get_by_role("button", name="Take theirs: 24.1").click()
    expect(cell(page, 1, "Body mass")).to_have_text("24.1")
    expect(state(page)).to_have_text("Nothing was changed.")


def test_a_block_that_is_too_wide_is_refused_with_what_would_be_lost(page, study, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, "/records/weighings/grid/?study=S1")
    type_cell(page, 1, "Mouse", "M07")
    cell(page, 1, "Body mass").click()
    paste(page, "23.4\ttina\tcalm\t77\n24\t\t\t")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("would be lost. Nothing was pasted.")
    expect(alert).to_contain_text("(77 in its first row)")
    expect(cell(page, 1, "Body mass")).to_have_text("")
    expect(cell(page, 1, "Mouse")).to_have_text("M07")


def test_columns_go_where_their_names_say_and_more_rows_than_there_are_are_added(page, study, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, SI_GRID)
    cell(page, 1, "Mouse").click()
    lines = [f'{number}\t"left, then\nright"\tM{number:02}\t60\t1.5' for number in range(1, 41)]
    paste(
        page, "\n".join(["time in IZ, target absent\tnotes\tMouse\tiz_present_s\tsi_ratio", *lines, "41\t\tM01\t60\t"])
    )
    expect(cell(page, 40, "Notes")).to_contain_text("left, then right")
    expect(page.get_by_role("status").filter(has_text="si_ratio")).to_be_visible()
    expect(cell(page, 41, "Mouse")).to_have_text("M01")
    expect(page.locator("#grid-problem-list li").first).to_contain_text("Rows 1 and 41 have the same mouse")
    cell(page, 41, "Mouse").click()
    page.get_by_role("button", name="Remove rows").click()
    page.get_by_role("button", name="Save 40 rows").click()
    expect(state(page)).to_contain_text("40 SI tests stored")
    assert SocialInteractionTest.objects.get(mouse__code="M40").notes == "left, then\nright"


def test_without_a_network_rows_are_kept_and_saved_once_when_it_is_back(page, study, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, "/records/weighings/grid/?study=S1")
    cell(page, 1, "Mouse").click()
    paste(page, "M01\t2026-03-02 09:30\t23.4")
    page.context.set_offline(True)
    page.get_by_role("button", name="Save 1 row").click()
    expect(state(page)).to_contain_text("1 row is kept on this device and saved once it answers.")
    type_cell(page, 2, "Mouse", "M02")
    assert not Weighing.objects.exists()
    page.context.set_offline(False)
    expect(cell(page, 1, "Mouse").locator("xpath=..")).to_have_class(re.compile("grid-saved"))
    assert Weighing.objects.count() == 1
    expect(cell(page, 2, "Mouse")).to_have_text("M02")
    expect(page.get_by_role("button", name="Save 1 row")).to_be_visible()


def test_an_answer_that_was_lost_stores_nothing_twice(page, study, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, "/records/weighings/grid/?study=S1")
    cell(page, 1, "Mouse").click()
    paste(page, "M01\t2026-03-02 09:30\t23.4")

    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    page.route("**/grid/save/**", lose, times=1)
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="Save 1 row").click()
        type_cell(page, 1, "Body mass", "23.9")
    expect(cell(page, 1, "Body mass")).to_have_class(re.compile("grid-changed"))
    assert Weighing.objects.get().body_mass_g == 23.4
    page.get_by_role("button", name="Save 1 row").click()
    expect(state(page)).to_contain_text("1 weighing stored")
    assert Weighing.objects.get().body_mass_g == 23.9


def test_three_rows_are_entered_by_the_keyboard_alone(page, study, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, "/records/weighings/grid/?study=S1")
    page.locator("#grid").focus()
    for number, mass in ((1, "23.4"), (2, "24"), (3, "25,5")):
        page.keyboard.type(f"M0{number}")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type(mass)
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Control+z")
    expect(cell(page, 3, "Body mass")).to_have_text("")
    page.keyboard.press("Control+y")
    expect(cell(page, 3, "Body mass")).to_have_text("25,5")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Save 3 rows")).to_be_focused()
    page.keyboard.press("Enter")
    expect(state(page)).to_contain_text("3 weighings stored")
    masses = Weighing.objects.order_by("mouse__code").values_list("body_mass_g", flat=True)
    assert list(masses) == [23.4, 24, 25.5]


def test_an_ambiguous_day_is_asked_about_above_the_grid(page, study, sign_in):
    sign_in("tina", "technician", study)
    open_grid(page, "/records/weighings/grid/?study=S1")
    cell(page, 1, "Mouse").click()
    paste(page, "M01\t3/4/2026 09:30\t23.4 g\nM02\t3/4/2026 09:35\t1,234")
    page.get_by_label("Days such as 3/4/2026").select_option("day-first")
    page.get_by_label("A comma as in 1,234").select_option("comma")
    page.get_by_role("button", name="Save 2 rows").click()
    expect(state(page)).to_contain_text("2 weighings stored")
    assert {(one.performed_at.month, one.body_mass_g) for one in Weighing.objects.all()} == {(4, 23.4), (4, 1.234)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_grid_is_accessible_and_fits_a_tablet(page, study, weighings, sign_in, theme: Any):
    page.set_viewport_size({"width": 820, "height": 1180})
    page.emulate_media(color_scheme=theme)
    sign_in("boss")
    open_grid(page, "/records/weighings/grid/?study=S1&rows=stored")
    type_cell(page, 1, "Body mass", "much")
    expect(page.locator("#grid-problem-list li")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    assert serious(page) == []
