"""The box on every page, as keys, a scanner and a camera use it."""

import re

import pytest
from playwright.sync_api import Page, expect

from labdb.colony.models import Mouse, Study

# A camera that sees a label: what Chromium on a desk without one cannot bring.
CAMERA = """
window.BarcodeDetector = class { async detect() { return [{ rawValue: "S1-M002" }]; } };
Object.defineProperty(navigator, "mediaDevices", { value: {
  getUserMedia: async () => document.createElement("canvas").captureStream(),
} });
HTMLMediaElement.prototype.play = async () => {};
"""


@pytest.fixture
def study(page: Page) -> Study:
    study = Study.objects.create(code="S1", title="first")
    for number in range(1, 13):
        Mouse.objects.create(study=study, code=f"M{number:03}", ear_tag=f"04{number:02}")
    return study


def test_keys_alone_find_and_open_a_record(page: Page, study, sign_in):
    sign_in("boss")
    page.goto("/records/")
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Find any record")
    expect(box).to_be_focused()
    page.keyboard.type("m0")
    expect(page.get_by_role("option")).to_have_count(4)
    expect(page.get_by_role("option").first).to_contain_text("code begins with m0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_contain_text("M002")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/studies/S1/mice/M002/$"))


def test_escape_closes_and_a_slash_is_a_slash_where_one_types(page: Page, study, sign_in):
    sign_in("boss")
    page.goto("/records/mice/?study=S1")
    page.get_by_label("Search").press_sequentially("a/b")
    expect(page.get_by_label("Search")).to_have_value("a/b")
    box = page.get_by_role("combobox", name="Find any record")
    box.press_sequentially("M00")
    expect(page.locator("#find-panel").get_by_role("option").first).to_be_visible()
    box.press("Escape")
    expect(page.locator("#find-panel")).to_be_empty()
    expect(page.locator("#rows")).to_be_visible()


def test_a_scanner_that_types_a_label_and_enter_lands_on_the_record(page: Page, study, sign_in):
    sign_in("boss")
    page.goto("/records/")
    page.keyboard.press("/")
    page.keyboard.type("S1-M007")  # faster than any answer
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/studies/S1/mice/M007/$"))


def test_what_nobody_knows_is_answered_with_the_nearest(page: Page, study, sign_in):
    sign_in("boss")
    page.goto("/records/")
    page.keyboard.press("/")
    page.keyboard.type("M0O7")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("Nothing that you may see is or was called M0O7.")
    page.get_by_role("main").get_by_role("link", name="M007").click()
    expect(page).to_have_url(re.compile("/studies/S1/mice/M007/$"))


def test_a_camera_reads_a_label(page: Page, study, sign_in):
    page.add_init_script(CAMERA)
    sign_in("boss")
    page.goto("/records/")
    page.get_by_role("button", name="Read a QR code").click()
    expect(page).to_have_url(re.compile("/studies/S1/mice/M002/$"))


def test_where_no_camera_can_read_none_is_offered(page: Page, study, sign_in):
    page.add_init_script("delete window.BarcodeDetector;")
    sign_in("boss")
    page.goto("/records/")
    expect(page.get_by_role("combobox", name="Find any record")).to_be_visible()
    expect(page.get_by_role("button", name="Read a QR code")).to_be_hidden()
