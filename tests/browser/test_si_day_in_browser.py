"""A day of SI tests as a technician runs it: timers, times by hand, ratio and class as typed, a lost network, a correction."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from labdb.behavior.models import PlannedSiTest, SocialInteractionTest
from labdb.colony.models import Mouse
from labdb.defeat.models import DefeatBout
from tests.behavior.day_lab import COHORT, ROOT, make_day
from tests.behavior.si_trials import si_trial
from tests.browser.conftest import until
from tests.browser.test_accessibility import in_both_themes
from tests.browser.test_tracker_files_in_browser import drop

FIELDS = ("iz_absent_s", "corner_absent_s", "iz_present_s", "corner_present_s")


def row(page: Page, code: str) -> Locator:
    return page.get_by_label("The order of the day").get_by_role("button").filter(has_text=code)


def field(page: Page, name: str) -> Locator:
    return page.locator(f'[data-time="{name}"]')


def tap(page: Page, code: str) -> None:
    page.locator(f'.si-tile[data-mouse="{code}"] .si-tap').click()


def phase(page: Page, code: str, is_now: str | re.Pattern[str]) -> None:
    expect(page.locator(f'.si-tile[data-mouse="{code}"]')).to_have_attribute("data-phase", is_now, timeout=30_000)


def saved(page: Page) -> None:
    expect(page.locator("[data-outbox-chip]")).to_have_text("all saved", timeout=30_000)


def in_hand(page: Page, code: str) -> None:
    expect(page.get_by_label("The mouse").get_by_text(code, exact=True)).to_be_visible()


def test_of(code: str) -> SocialInteractionTest:
    return SocialInteractionTest.objects.select_related("target", "arena", "scorer", "performed_by").get(
        mouse__code=code
    )


test_of.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture
def day(page: Page, sign_in: Any) -> list[PlannedSiTest]:
    """Plan a day of four defeated mice and two controls on the page, as a technician; return its places in order."""
    course = make_day(n_mice=4, n_controls=2)
    Mouse.objects.filter(group="defeated").update(sex="F")
    sign_in("tina", "technician", course.study)
    page.goto(ROOT)
    page.get_by_role("link", name="DC1-C").click()
    page.get_by_role("link", name="Plan a day").click()
    page.get_by_label("Trial length (s)").fill("10")
    page.get_by_label("Seed").fill("8")  # a defeated mouse first, then a control
    for box in ("box 1", "box 2"):
        page.get_by_label(box).check()
    page.get_by_role("button", name="Show the plan").click()
    page.get_by_role("button", name="Save this plan").click()
    expect(page.locator(".si-row")).to_have_count(6)
    return list(PlannedSiTest.objects.select_related("mouse", "arena", "target").order_by("order_of_day"))


def test_a_day_is_run_with_two_boxes_a_lost_network_a_correction_and_a_skipped_mouse(page, day):
    one, two, three, four, five, six = (place.mouse.code for place in day)
    in_hand(page, one)
    expect(page.locator(".si-tile")).to_have_count(2)
    # both boxes: trial 1, the gap, trial 2, out
    tap(page, one)
    tap(page, two)
    row(page, one).click()
    field(page, "iz_absent_s").fill("11")
    expect(page.get_by_text("11 s is longer than the trial (10 s); enter 0 to 10.")).to_be_visible()
    field(page, "iz_absent_s").fill("4")
    phase(page, one, "between")
    tap(page, one)
    phase(page, two, "between")
    tap(page, two)
    page.reload()  # in the middle of it all
    phase(page, one, re.compile("present|over"))  # its trial goes on, and is over in 10 s
    expect(row(page, one)).to_contain_text("in the arena, absent done")
    phase(page, one, "over")
    tap(page, one)
    expect(field(page, "iz_absent_s")).to_have_value("4")
    field(page, "iz_absent_s").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("1,5")
    page.keyboard.press("Enter")
    page.keyboard.type("3")
    expect(page.get_by_text("SI ratio 0.75")).to_be_visible()
    expect(page.get_by_text("= 3 s with target / 4 s without")).to_be_visible()
    said = "susceptible, 0.25 below the cutoff (rule Ratio below 1)"
    expect(page.locator('[data-si="class"]')).to_have_text(said)
    page.get_by_role("button", name="diestrus").click()
    page.get_by_role("button", name="Save", exact=True).click()
    saved(page)
    in_hand(page, two)  # of the same turn, with its times missing; a male control
    expect(page.locator('[data-si="class"]')).to_have_text("Not classified: only defeated mice are.")
    expect(page.get_by_role("button", name="diestrus")).to_be_hidden()
    stored = test_of(one)
    assert (stored.iz_absent_s, stored.iz_present_s, stored.corner_absent_s, stored.corner_present_s) == (
        4,
        3,
        1.5,
        None,
    )
    assert (stored.target, stored.arena, stored.order_of_day, stored.trial_s) == (day[0].target, day[0].arena, 1, 10)
    assert (str(stored.scorer), str(stored.performed_by), stored.test_number) == ("tina", "tina", 1)
    assert stored.estrous_stage == "diestrus"
    assert 0 <= stored.gap_between_trials_min < 1
    local = timezone.localtime(stored.test_at)
    assert stored.light_cycle_hour == pytest.approx(
        (local.hour - 7) % 24 + local.minute / 60 + local.second / 3600, abs=0.01
    )

    # without a network: the second, half of the third, and a fourth that is skipped
    until(page, "async () => (await (await caches.match(location.href))?.text())?.includes('\"iz_present_s\": 3.0')")
    page.context.set_offline(True)
    phase(page, two, "over")
    tap(page, two)
    field(page, "iz_absent_s").fill("5")
    field(page, "iz_present_s").fill("6")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[data-outbox-chip]")).to_contain_text("1 waiting: no network")
    in_hand(page, three)
    field(page, "iz_absent_s").fill("2")
    expect(row(page, three)).to_contain_text("absent done")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("A test needs the time in the zone of both trials.")).to_be_visible()
    row(page, four).click()
    page.get_by_role("button", name="Skip", exact=True).click()
    page.get_by_role("button", name="ill or wounded").click()
    expect(row(page, four)).to_contain_text("skipped")
    assert SocialInteractionTest.objects.count() == 1
    page.reload()
    expect(page.get_by_text("No network: this page is as it was at")).to_be_visible()
    for code, words in ((one, "0.75"), (two, "1.20"), (three, "absent done"), (four, "skipped")):
        expect(row(page, code)).to_contain_text(words)
    page.context.set_offline(False)
    saved(page)
    assert test_of(two).si_ratio == pytest.approx(1.2)
    place = PlannedSiTest.objects.get(mouse__code=four)
    assert (place.state, place.state_reason) == ("skipped", "ill or wounded")

    # the tab dies with a half-entered test, and it is there again; its trial was not timed
    page.goto("/studies/S1/")
    page.goto(f"{ROOT}{COHORT}")
    expect(row(page, three)).to_contain_text("absent done")
    row(page, three).click()
    field(page, "iz_present_s").fill("8")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Enter when trial 1 started; the timer was not used.")).to_be_visible()
    started = clock(0.4)
    page.get_by_label("Started at").fill(started)
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Save", exact=True).click()
    saved(page)
    assert f"{timezone.localtime(test_of(three).test_at):%H:%M:%S}" == started

    # a correction in three actions: the row, the field, save
    row(page, two).click()
    field(page, "iz_present_s").fill("7")
    page.get_by_role("button", name="Save the correction").click()
    expect(row(page, two)).to_contain_text("1.40")
    saved(page)
    assert test_of(two).iz_present_s == 7
    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(row(page, two)).to_contain_text("1.20")
    saved(page)
    assert test_of(two).iz_present_s == 6

    # a test that is to leave the analyses, and one that has no second trial
    row(page, two).click()
    page.get_by_role("button", name="Exclude").click()
    page.get_by_role("button", name="climbed out of the arena").click()
    expect(row(page, two)).to_contain_text("excluded")
    row(page, five).click()
    page.get_by_role("button", name="Stop or exclude").click()
    page.get_by_role("button", name="target got out").click()
    expect(row(page, five)).to_contain_text("stopped")
    saved(page)
    excluded = test_of(two)
    assert (excluded.exclusion_criterion, str(excluded.excluded_by)) == ("climbed out of the arena", "tina")
    assert PlannedSiTest.objects.get(mouse__code=five).state == "stopped"
    assert {test.mouse.code for test in SocialInteractionTest.objects.select_related("mouse")} == {one, two, three}
    expect(page.get_by_text("3 of 6 tested, 2 skipped or stopped")).to_be_visible()
    assert row(page, six).get_attribute("data-state") == "left"


def test_a_repeat_another_target_and_a_second_tablet_lose_nothing(page, day, browser, live_server):
    one, two = (place.mouse.code for place in day[:2])
    known = DefeatBout.objects.get(mouse__code=one).aggressor.code
    page.get_by_role("button", name="Other target").click()
    page.get_by_role("button", name=f"{known}: not used today, met on day 1").click()
    page.get_by_role("button", name="no other target is left").click()
    expect(page.get_by_text(f"{one} met {known} on day 1: choose another target.")).to_be_visible()
    enter(page, "4", "3", at=0.5)
    saved(page)
    stored = test_of(one)
    assert (str(stored.target), stored.notes) == (known, f"Target {known} in place of {day[0].target}.")

    row(page, one).click()
    page.get_by_role("button", name="Repeat").click()
    page.get_by_role("button", name="disturbed from outside").click()
    expect(field(page, "iz_absent_s")).to_have_value("")
    expect(row(page, one)).not_to_contain_text("✓")
    enter(page, "5", "4", at=0.7)
    saved(page)
    again = test_of(one)
    assert (again.pk, again.iz_absent_s, again.iz_present_s) == (stored.pk, 5, 4)
    assert again.notes.endswith("Repeated: disturbed from outside.")
    assert again.test_at > stored.test_at

    # another tablet stores the second while its first times are typed here
    row(page, two).click()
    field(page, "iz_absent_s").fill("2")
    other = browser.new_context(base_url=live_server.url)
    other.add_cookies(page.context.cookies())
    second = other.new_page()
    second.goto(f"{ROOT}{COHORT}")
    expect(row(second, one)).to_contain_text("0.80")
    row(second, two).click()
    enter(second, "8", "4", at=0.9)
    saved(second)
    other.close()
    page.evaluate("window.dispatchEvent(new Event('focus'))")  # as when the tablet is taken up again
    expect(
        page.get_by_text("tina stored 4 s with and 8 s without target meanwhile; saving replaces it.")
    ).to_be_visible()
    expect(field(page, "iz_absent_s")).to_have_value("2")
    assert test_of(two).iz_absent_s == 8

    # a tracker's files dropped on the page are read for the test of this day
    trial = si_trial(two, 3, stage="target", length_s=10)
    drop(page, {"trial.txt": trial})
    expect(page.get_by_role("heading", name="Tracker files")).to_be_visible()
    expect(page.locator("#trials tbody tr:not(.sentences)")).to_have_count(1)
    expect(page.get_by_label("SI test number")).to_have_value("1")
    expect(page.get_by_label("Length of a trial (s)")).to_have_value("10")


def clock(share: float) -> str:
    """Return a time of the day so far, as a share of it: right after midnight too."""
    now = timezone.localtime()
    return f"{now.replace(hour=0, minute=0, second=0) + share * timedelta(hours=now.hour, minutes=now.minute, seconds=now.second):%H:%M:%S}"


def enter(page: Page, absent: str, present: str, *, at: float) -> None:
    """Type a test that was not timed on the page, and save it."""
    field(page, "iz_absent_s").fill(absent)
    field(page, "iz_present_s").fill(present)
    page.get_by_label("Started at").fill(clock(at))
    page.keyboard.press("Tab")
    page.get_by_role("button", name=re.compile("^Save")).click()


@pytest.mark.parametrize("width", [820, 1280])
def test_the_page_is_large_fits_and_has_no_serious_fault(page, day, width):
    page.set_viewport_size({"width": width, "height": 1180})
    tap(page, day[0].mouse.code)
    field(page, "iz_absent_s").fill("3")
    field(page, "iz_present_s").fill("12")
    expect(page.get_by_text("12 s is longer than the trial")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.evaluate(
        "() => [...document.querySelectorAll('.bench-content :is(button, a, label.btn, input:not(.visually-hidden)), .bench-header .btn')].filter((one) => one.offsetParent"
        " && (one.offsetHeight < 56 || one.offsetWidth < 44)).map((one) => one.outerHTML.slice(0, 80))"
    )
    assert small == []
    found = {"day": in_both_themes(page)}
    page.get_by_role("button", name="Other target").click()
    found["dialog"] = in_both_themes(page)
    if width == 1280:
        for address in (ROOT, f"{ROOT}plan/{COHORT}", f"{ROOT}{COHORT}&print=1"):
            page.goto(address)
            found[address] = in_both_themes(page)
    said = [f"{what}: {one}" for what, some in found.items() for one in some]
    assert not said, "\n".join(said)
