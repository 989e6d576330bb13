"""A day of defeat at the rack, as a technician runs it: taps, swaps, stops; a reload, a lost network, a tablet that slept."""

import re
import time
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from labdb.defeat.models import ControlRotation, DefeatBout, DefeatCourse, PlannedBout, RotationPlan
from tests.browser.conftest import until
from tests.browser.test_accessibility import in_both_themes
from tests.defeat.lab import make_aggressors, make_course, page_of

BOUT_MIN = 0.1  # the shortest that a course takes: 6 s


def make_planned(n_mice: int, *, bout_length_min: float, n_controls: int = 0) -> DefeatCourse:
    """Make a course whose last day is today, with a plan for it."""
    course = make_course(n_mice=n_mice, n_controls=n_controls, days=2, bout_length_min=bout_length_min)
    residents = make_aggressors(n_mice + 4)
    plan = RotationPlan.objects.create(study=course.study, course=course, code="DC1-P1")
    mice = course.cohort.mice.exclude(group="control").order_by("code")  # type: ignore[union-attr]
    PlannedBout.objects.bulk_create(
        PlannedBout(study=course.study, plan=plan, mouse=mouse, day=2, aggressor=residents[place], place=place + 1)
        for place, mouse in enumerate(mice)
    )
    return course


@pytest.fixture
def rack(page: Page, sign_in: Any) -> Any:
    """Open the rack of a planned day, as a technician."""

    def open_rack(n_mice: int, *, bout_length_min: float = BOUT_MIN, **more: Any) -> DefeatCourse:
        course = make_planned(n_mice, bout_length_min=bout_length_min, **more)
        sign_in("tina", "technician", course.study)
        page.goto(page_of(course, "day/2/"), wait_until="networkidle")  # its clock has been told the time
        expect(page.locator(".rack-tile")).to_have_count(n_mice)
        return course

    return open_rack


def tile(page: Page, number: int) -> Locator:
    return page.locator(f'.rack-tile[data-mouse="DC1-M{number:02}"]')


def tap(page: Page, number: int) -> None:
    tile(page, number).locator(".rack-tap").click()
    page.wait_for_timeout(300)  # a second touch within a quarter of a second is the glove's


def menu(page: Page, number: int) -> Locator:
    tile(page, number).locator(".rack-more").click()
    return page.locator("[data-menu]")


def saved(page: Page) -> None:
    expect(page.locator("[data-outbox-chip]")).to_have_text("all saved", timeout=30_000)


def over(page: Page, number: int) -> None:
    expect(tile(page, number)).to_have_attribute("data-phase", "alarm", timeout=30_000)


def bout(number: int) -> DefeatBout:
    return DefeatBout.objects.get(mouse__code=f"DC1-M{number:02}")


def test_a_day_of_24_is_run_by_one_tap_and_the_attacks(page, rack, settings):
    settings.BOUT_STAGGER_S = 1
    course = rack(24, bout_length_min=0.2)
    started = time.perf_counter()
    page.get_by_role("button", name="Start all, every 1 s").click()
    expect(page.locator("[data-next]")).to_contain_text(re.compile(r"In \d+ s: (start )?cage"))
    tap(page, 1)
    tap(page, 1)
    for number in range(1, 25):
        expect(tile(page, number)).to_have_attribute("data-phase", "alarm", timeout=60_000)
    saved(page)
    print(f"24 bouts of 12 s, started every second: {time.perf_counter() - started:.0f} s, 3 taps")  # noqa: T201
    stored = list(DefeatBout.objects.select_related("mouse", "aggressor", "course", "performed_by").order_by("mouse"))
    assert len(stored) == 24
    planned = dict(PlannedBout.objects.values_list("mouse", "aggressor"))
    assert {row.mouse_id: row.aggressor_id for row in stored} == planned
    assert {(row.course, row.day, row.physical_s, row.sensory_contact_h) for row in stored} == {(course, 2, 12.0, None)}
    assert {str(row.performed_by) for row in stored} == {"tina"}
    gaps = [(late.performed_at - early.performed_at).total_seconds() for early, late in pairwise(stored)]
    assert all(gap == pytest.approx(1, abs=0.01) for gap in gaps)
    assert (stored[0].attacks, stored[1].attacks, stored[1].attack_latency_s) == (2, 0, None)
    assert 0 <= stored[0].attack_latency_s < 12
    expect(page.get_by_role("heading", name="Move to sensory contact")).to_be_visible()


def test_attacks_are_counted_taken_back_and_the_first_sets_the_latency(page, rack):
    rack(2, bout_length_min=0.3)
    started = time.perf_counter()
    tap(page, 1)  # starts
    page.wait_for_timeout(1000)
    tap(page, 1)
    first_s = time.perf_counter() - started
    page.wait_for_timeout(1000)
    tap(page, 1)
    tap(page, 1)
    tile(page, 1).get_by_role("button", name="one attack less").click()
    over(page, 1)
    saved(page)
    assert bout(1).attacks == 2
    assert 1.0 <= bout(1).attack_latency_s <= first_s + 0.1
    assert DefeatBout.objects.count() == 1  # the other was not started


def test_swapping_names_reason_and_aggressor_and_offers_none_that_is_busy_or_met(page, rack):
    course = rack(3)
    opened = menu(page, 1)
    offered = opened.get_by_role("button", name=re.compile("^Swap for"))
    expect(offered).to_have_count(4)  # seven residents, three of them with a mouse today
    opened.get_by_role("button", name="wounded").click()
    opened.get_by_role("button", name="Swap for R7").click()
    expect(tile(page, 1)).to_contain_text("R7")
    tap(page, 1)
    over(page, 1)
    saved(page)
    row = bout(1)
    assert (str(row.aggressor), row.substituted, row.substitution_reason) == ("R7", True, "R1: wounded")
    assert row.course == course


def test_a_bout_is_stopped_early_and_the_stop_can_be_taken_back(page, rack):
    rack(1, bout_length_min=5)
    tap(page, 1)
    menu(page, 1).get_by_role("button", name="exhausted").click()
    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(tile(page, 1)).to_have_attribute("data-phase", "running")
    saved(page)
    assert not DefeatBout.objects.exists()
    tap(page, 1)
    menu(page, 1).get_by_role("button", name="wounds").click()
    over(page, 1)
    saved(page)
    row = bout(1)
    assert (row.stopped_early, row.notes, row.attacks) == (True, "Stopped early: wounds.", 1)
    assert row.physical_s < 300


def test_wounds_are_scored_where_the_pair_is_moved_apart(page, rack):
    rack(1)
    tap(page, 1)
    over(page, 1)
    saved(page)
    page.get_by_role("button", name="Wound score 2: small").click()
    page.get_by_role("button", name="DC1-M01 moved").click()
    expect(tile(page, 1)).to_have_attribute("data-phase", "sent")
    saved(page)
    assert bout(1).wound_score == 2


def test_a_reload_in_mid_bout_loses_nothing(page, rack):
    rack(2, bout_length_min=0.4)
    tap(page, 1)
    tap(page, 1)
    tap(page, 1)
    page.reload()
    expect(tile(page, 1)).to_have_attribute("data-phase", "running")
    tap(page, 1)
    over(page, 1)
    saved(page)
    assert (bout(1).attacks, bout(1).physical_s) == (3, 24.0)


def test_a_reload_without_a_network_goes_on_with_the_day(page, rack):
    rack(3, bout_length_min=0.3)
    until(page, "async () => Boolean(await caches.match(location.href)) && Boolean(navigator.serviceWorker.controller)")
    tap(page, 1)
    page.context.set_offline(True)
    tap(page, 1)  # an attack
    page.reload()
    expect(page.get_by_text("No network: this page is as it was at")).to_be_visible()
    expect(tile(page, 1)).to_have_attribute("data-phase", "running")
    tap(page, 1)
    tap(page, 2)
    over(page, 1)
    expect(page.locator("[data-outbox-chip]")).to_contain_text("waiting: no network")
    assert not DefeatBout.objects.exists()
    page.context.set_offline(False)
    over(page, 2)
    saved(page)
    assert (bout(1).attacks, bout(1).physical_s, bout(2).attacks) == (2, 18.0, 0)
    assert DefeatBout.objects.count() == 2


def test_the_course_and_the_sheet_of_a_day_are_printed_by_a_button(page, rack):
    course = rack(2)
    page.add_init_script("window.print = () => { document.title = 'printed'; }")
    for address in (page_of(course), page_of(course, "day/2/sheet/")):
        page.goto(address)
        page.get_by_role("button", name="Print").click()
        expect(page).to_have_title("printed")


def test_without_a_network_at_the_end_the_bout_is_kept_and_stored_once(page, rack):
    rack(1)
    tap(page, 1)
    tap(page, 1)
    page.context.set_offline(True)
    over(page, 1)
    expect(tile(page, 1)).to_contain_text("kept here, on its way")
    assert not DefeatBout.objects.exists()
    page.context.set_offline(False)
    saved(page)
    assert bout(1).attacks == 1


def test_an_end_that_a_sleeping_tablet_missed_is_asked_about(page, rack):
    page.clock.install()
    rack(1, bout_length_min=5)
    tap(page, 1)
    page.clock.run_for(1000)
    tap(page, 1)
    page.clock.fast_forward(400_000)  # asleep: nothing ran meanwhile
    expect(tile(page, 1)).to_have_attribute("data-phase", "asked")
    expect(tile(page, 1)).to_contain_text("unseen")
    assert not DefeatBout.objects.exists()
    tap(page, 1)
    saved(page)
    assert (bout(1).attacks, bout(1).physical_s) == (1, 300.0)


def test_a_second_tablet_shows_what_is_stored_and_stores_nothing_twice(page, rack, browser, live_server):
    course = rack(2)
    tap(page, 1)
    over(page, 1)
    saved(page)
    other = browser.new_context(base_url=live_server.url)
    other.add_cookies(page.context.cookies())
    second = other.new_page()
    second.goto(page_of(course, "day/2/"))
    expect(tile(second, 1)).to_contain_text("saved by tina")
    expect(tile(second, 2)).to_have_attribute("data-phase", "idle")
    tap(second, 2)  # both tablets run the same bout
    tap(page, 2)
    over(second, 2)
    over(page, 2)
    # Either may be the first, and the other may have asked the server before its end.
    said = re.compile("all saved|already has a bout on day 2")
    for one in (second, page):
        expect(one.locator("[data-outbox-chip]")).to_have_text(said)
    other.close()
    assert DefeatBout.objects.count() == 2


def test_controls_get_their_partners(page, rack):
    rack(1, n_controls=4)
    page.get_by_role("button", name="DC1-K01 and DC1-K04 moved").click()
    saved(page)
    assert sorted(ControlRotation.objects.values_list("mouse__code", "partner__code", "day")) == [
        ("DC1-K01", "DC1-K04", 2),
        ("DC1-K04", "DC1-K01", 2),
    ]


@pytest.mark.parametrize("width", [820, 1280])
def test_targets_are_large_and_nothing_scrolls_sideways(page, rack, width):
    page.set_viewport_size({"width": width, "height": 1180})
    rack(24)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        "() => [...document.querySelectorAll('.bench-content button, .bench-header .btn')].filter((one) => one.offsetParent"
        " && (one.offsetHeight < 56 || one.offsetWidth < 44)).map((one) => one.outerHTML.slice(0, 80))"
    )
    assert small == []


def test_no_page_of_the_defeat_has_a_serious_fault(page, rack):
    course = rack(3, n_controls=2)
    found = {"idle": in_both_themes(page)}
    menu(page, 1)
    found["menu"] = in_both_themes(page)
    page.keyboard.press("Escape")
    tap(page, 1)
    page.get_by_role("button", name="Start the other 2").click()
    found["scheduled"] = in_both_themes(page)
    over(page, 1)
    found["over"] = in_both_themes(page)
    for address in (page_of(course), page_of(course, "plan/"), page_of(course, "day/2/sheet/"), "/defeat/screening/"):
        page.goto(address)
        found[address] = in_both_themes(page)
    said = [f"{what}: {one}" for what, some in found.items() for one in some]
    assert not said, "\n".join(said)
