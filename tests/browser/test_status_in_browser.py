"""The status page as a manager goes through it: write a schedule, see its times, pause it, read what came of it."""

import pytest
from playwright.sync_api import Page, expect

from analysis.schedules import Schedule
from labdb.desk.scheduled_work import carry_out
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def test_a_schedule_is_written_run_and_paused(page: Page, sign_in: SignIn) -> None:
    sign_in("boss")
    page.goto("/status/")
    expect(page.get_by_text("none alive")).to_be_visible()
    page.get_by_role("link", name="Add schedule").click()
    page.get_by_label("Name").fill("Noon sweep")
    page.get_by_label("What is done").select_option(label="take up lost runs")
    times = page.locator("#schedule-times")
    expect(times.get_by_text("the next three times stand here")).to_be_visible()
    when = page.get_by_label("When", exact=True)
    when.press_sequentially("0 24 * * *")
    expect(times.get_by_text("24 is not an hour")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#id_cron-errors")).to_contain_text("24 is not an hour")
    when.fill("0 12 * * mon")
    expect(times.locator("li")).to_have_count(3)
    expect(times.locator("li").first).to_contain_text("Monday")
    expect(times.locator("li").first).to_contain_text("12:00")
    assert not in_both_themes(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("It has not come due yet.")).to_be_visible()

    page.goto("/status/")
    page.get_by_role("button", name="Run now: Noon sweep").press("Enter")
    expect(page.get_by_text("Noon sweep is queued")).to_be_visible()
    schedule = Schedule.objects.get(name="Noon sweep")
    carry_out(schedule.turns.get().pk)
    page.reload()
    row = page.locator("table.schedules tr", has_text="Noon sweep")
    expect(row).to_contain_text("No run was lost.")
    row.get_by_role("button", name="Pause Noon sweep").click()
    expect(page.get_by_text("Noon sweep pauses.")).to_be_visible()
    expect(row.get_by_role("button", name="Resume Noon sweep")).to_be_visible()
    assert not in_both_themes(page)
    row.get_by_role("link", name="Noon sweep", exact=True).click()
    expect(page.get_by_text("It is off, and comes at no time.")).to_be_visible()
    expect(page.locator("section", has=page.locator("#turns"))).to_contain_text("No run was lost.")
