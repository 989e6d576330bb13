"""Days of defeat for a cohort of 24: screening before, weighing throughout; ten in an empty study, two beside the demo.

Everything is entered by the pages, as people would; only the laboratory's clock is moved on from day to day.
"""

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page, expect

from labdb.colony.models import Mouse, Study, Weighing
from labdb.defeat.models import AggressorScreening, DefeatBout

N_MICE, N_CONTROLS, N_AGGRESSORS = 24, 4, 30
SESSIONS = 3
MoveTo = Callable[[datetime], None]


@pytest.fixture
def move_to(monkeypatch: pytest.MonkeyPatch) -> MoveTo:
    """Return a function that sets the clock of the laboratory; from then on it runs."""
    real = timezone.now

    def move(at: datetime) -> None:
        ahead = at - real()
        monkeypatch.setattr("django.utils.timezone.now", lambda: real() + ahead)

    return move


def paste(page: Page, address: str, lines: list[str]) -> None:
    """Import a pasted table: look at what it would do, then do it."""
    page.goto(address)
    page.get_by_label("Pasted table, its header first").fill("\n".join(lines))
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_role("button", name=f"Import {len(lines) - 1} row").click()
    expect(page.get_by_role("heading", name="What it made and changed")).to_be_visible()


def screen(page: Page, session: int) -> None:
    """Enter a session for every aggressor: the last two of them do not attack."""
    page.goto("/defeat/screening/")
    for number in range(1, N_AGGRESSORS + 1):
        attacks = number <= N_AGGRESSORS - 2
        page.get_by_label(f"R{number:02}, session {session}, latency (s)").fill(f"{4 + number}" if attacks else "-")
        if attacks:
            page.get_by_label(f"R{number:02}, session {session}, attacks").fill(f"{40 - number}")
    page.get_by_role("button", name="Save sessions").click()
    expect(page.get_by_text(f"{N_AGGRESSORS} sessions saved.")).to_be_visible()


def plan(page: Page, study: str, n_days: int, first_day: datetime) -> None:
    course = f"DC1,C9,{n_days},0.1,{first_day.date().isoformat()}"
    lines = ["code,cohort,days,bout_length_min,start_date", course]
    paste(page, f"/records/defeat-courses/import/?study={study}", lines)
    page.goto(f"/studies/{study}/defeat/DC1/")
    page.get_by_role("link", name="Plan rotation").click()
    page.get_by_role("button", name="Show the plan").click()
    page.get_by_role("button", name="Save this plan").click()
    expect(page.get_by_role("link", name=f"Day {n_days}")).to_be_visible()


def saved(page: Page) -> None:
    expect(page.locator("[data-outbox-chip]")).to_have_text("all saved", timeout=60_000)


def weigh(page: Page, study: str, day: int) -> None:
    """Put one mouse after the other on the balance: they lose a little, then gain."""
    page.goto(f"/studies/{study}/bench/weighing/?cohort=C9")
    expect(page.get_by_label("Body mass (g), or a mouse's code")).to_be_focused()
    for number in range(N_MICE + N_CONTROLS):
        page.keyboard.type(f"{24 + number / 10 + day * 0.1:.1f} g")
        page.keyboard.press("Enter")
    expect(page.get_by_text("All weighed.")).to_be_visible()
    saved(page)


def defeat(page: Page, day: int, n_days: int) -> None:
    """Run the rack: one tap starts all, and each mouse is attacked as often as it can be told apart."""
    page.goto("/")
    page.get_by_role("link", name=f"bouts of day {day} of {n_days}").click()
    tiles = page.locator(".rack-tile")
    expect(tiles).to_have_count(N_MICE)
    page.get_by_role("button", name=re.compile("^Start all")).click()
    tiles.nth(day % N_MICE).locator(".rack-tap").click()
    over = page.locator(
        '.rack-tile:is([data-phase="alarm"], [data-phase="sent"])'
    )  # sent, if the tap came after the end
    expect(over).to_have_count(N_MICE, timeout=60_000)
    saved(page)


@pytest.mark.timeout(1500)
@pytest.mark.parametrize(("study", "n_days"), [("S1", 10), ("DEMO", 2)])
def test_days_of_defeat_with_screening_before_and_weighing_throughout(
    page: Page, sign_in: Any, move_to: MoveTo, settings: Any, study: str, n_days: int
) -> None:
    settings.BOUT_STAGGER_S = 0
    if study == "DEMO":
        call_command("load_demo", verbosity=0, stdout=io.StringIO())
    else:
        Study.objects.create(code=study, title="empty at first")
    first_day = (timezone.localtime() - timedelta(days=n_days - 1)).replace(hour=9, minute=0)
    move_to(first_day - timedelta(days=SESSIONS + 1))
    sign_in("tina", "technician", Study.objects.get(code=study))
    paste(page, f"/records/cohorts/import/?study={study}", ["code", "C9"])
    groups = {"M": ("defeated", N_MICE), "K": ("control", N_CONTROLS)}
    mice = [f"{letter}{at:02},{group},C9" for letter, (group, n) in groups.items() for at in range(1, n + 1)]
    paste(page, f"/records/mice/import/?study={study}", ["code,group,cohort", *mice])
    paste(page, "/records/aggressors/import/", ["code", *(f"R{at:02}" for at in range(1, N_AGGRESSORS + 1))])
    for session in range(1, SESSIONS + 1):
        move_to(first_day - timedelta(days=SESSIONS + 1 - session))
        screen(page, session)
    page.get_by_role("button", name="Accept the verdicts").click()
    expect(page.get_by_text("sessions judged by the rule")).to_be_visible()
    plan(page, study, n_days, first_day)
    for day in range(1, n_days + 1):
        move_to(first_day + timedelta(days=day - 1))
        weigh(page, study, day)
        defeat(page, day, n_days)

    judged = AggressorScreening.objects.filter(aggressor__code__startswith="R")
    assert judged.filter(passed=True).count() == (N_AGGRESSORS - 2) * SESSIONS
    bouts = list(DefeatBout.objects.filter(course__code="DC1").select_related("mouse", "aggressor", "performed_by"))
    assert len(bouts) == N_MICE * n_days
    assert len({(bout.mouse, bout.aggressor) for bout in bouts}) == len(bouts)
    assert {(bout.day, timezone.localdate(bout.performed_at)) for bout in bouts} == {
        (day, first_day.date() + timedelta(days=day - 1)) for day in range(1, n_days + 1)
    }
    assert {bout.aggressor.code for bout in bouts} <= {f"R{at:02}" for at in range(1, N_AGGRESSORS - 1)}
    assert {str(bout.performed_by) for bout in bouts} == {"tina"}
    cohort = Mouse.objects.filter(cohort__code="C9")
    assert Weighing.objects.filter(mouse__in=cohort).count() == (N_MICE + N_CONTROLS) * n_days
    assert not cohort.filter(group="control", defeat_bouts__isnull=False).exists()
