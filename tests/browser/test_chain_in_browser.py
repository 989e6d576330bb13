"""From a reversal score to the seconds in the interaction zone, click by click; and figures that are really drawn."""

import re
from datetime import UTC, datetime

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from analysis import runs
from analysis.models import AnalysisRun, RunStatus
from labdb.colony.models import Mouse, Weighing
from tests.analysis.treated_study import make_analyzed_study
from tests.browser.conftest import SignIn

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_score_leads_to_the_seconds_in_the_zone(page: Page, sign_in: SignIn):
    study = make_analyzed_study()
    sign_in("tina", "technician", study)
    page.goto("/")
    page.get_by_role("link", name="S1", exact=True).click()
    page.get_by_role("link", name="mouse scores").click()
    page.get_by_role("link", name="k0", exact=True).click()
    page.locator("#scores").get_by_role("link", name="0.38").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Does ketamine undo the stress signature in PFC?")
    row = page.locator("#k0")
    expect(row).to_be_in_viewport()
    row.get_by_role("link", name="50.0 / 25.0").click()
    test = Mouse.objects.get(code="k0").si_tests.get(test_number=1)
    expect(page).to_have_url(re.compile(f"/records/si-tests/{test.pk}/$"))
    expect(page.get_by_role("main")).to_contain_text("time in IZ, target present (s)", ignore_case=True)
    expect(page.get_by_role("main")).to_contain_text("25")


def test_the_figures_of_a_study_are_drawn_and_their_points_lead_on(page: Page, sign_in: SignIn):
    make_analyzed_study()
    sign_in("boss")
    page.goto("/studies/S1/")
    expect(page.locator("figure[data-drawn=light]")).to_have_count(5)
    expect(page.locator(".figure-card[hx-get]")).to_have_count(0)
    # Mice with equal times lie on each other: whichever is on top is followed.
    page.locator("#figure-studies-S1-figures-si-scatter .mark-symbol.role-mark path").first.click(force=True)
    expect(page).to_have_url(re.compile("/studies/S1/mice/[crsk][0-2]/$"))


def test_a_run_is_followed_to_its_results_without_a_reload(page: Page, sign_in: SignIn):
    study = make_analyzed_study()
    run = runs.request_run("phenotype", study, user=sign_in("boss"))
    page.goto(f"/analysis/runs/{run.pk}/")
    page.evaluate("window.isTheSamePage = true")
    expect(page.locator("#run-state")).to_contain_text("A free worker takes it within a second.")
    AnalysisRun.objects.filter(pk=run.pk).update(
        status=RunStatus.RUNNING, attempt=1, done=1, total=4, doing="reading", log="first line\n",
        started_at=timezone.now(), heartbeat_at=timezone.now(),
    )  # fmt: skip
    expect(page.locator("#run-doing")).to_have_text("reading")
    expect(page.locator("#run-status")).to_have_text("running")
    page.get_by_role("button", name="Stop").focus()
    AnalysisRun.objects.filter(pk=run.pk).update(doing="calling", done=2, log="first line\nsecond line\n")
    expect(page.locator("#run-log")).to_contain_text("second line")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.QUEUED)
    runs.execute(run.pk)
    expect(page.locator("#run-status")).to_contain_text("done")
    expect(page.locator("#run")).to_contain_text("Where these numbers come from")
    expect(page.locator("#run-state[hx-trigger]")).to_have_count(0)
    assert page.evaluate("window.isTheSamePage")
    page.goto("/")  # it was looked at, so nothing rings
    expect(page.get_by_role("link", name="Runs that you asked for", exact=True)).to_be_visible()


def test_a_stopped_run_says_so_and_rings(page: Page, sign_in: SignIn):
    study = make_analyzed_study()
    user = sign_in("boss")
    run = runs.request_run("pipeline", study, user=user)
    page.goto(f"/analysis/runs/{run.pk}/")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("main")).to_contain_text(f"Run {run.pk} is cancelled; it had not begun.")
    AnalysisRun.objects.filter(pk=runs.request_run("response", study, user=user).pk).update(
        status=RunStatus.FAILED, reason="No SI test is left.", finished_at=timezone.now()
    )
    page.goto("/")
    page.get_by_role("link", name="Runs that you asked for: 1 ended since you looked").click()
    expect(page.get_by_role("main")).to_contain_text("No SI test is left.")
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_role("link", name="Runs that you asked for", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [1280, 820])
def test_no_letter_of_a_figure_is_scaled_below_reading_size(page: Page, sign_in: SignIn, width: int):
    study = make_analyzed_study()
    mouse = Mouse.objects.get(study=study, code="k0")
    for day in (2, 9):
        at = datetime(2026, 3, day, 9, tzinfo=UTC)
        Weighing.objects.create(study=study, mouse=mouse, performed_at=at, body_mass_g=20.0 + day / 10)
    sign_in("boss")
    page.set_viewport_size({"width": width, "height": 1000})
    for address in ("/studies/S1/", "/studies/S1/mice/k0/"):
        page.goto(address)
        expect(page.locator(".figure-card[hx-get]")).to_have_count(0)
        expect(page.locator("figure:not([data-drawn])")).to_have_count(0)
        scales = page.locator(".figure-plot svg").evaluate_all("drawn => drawn.map(one => one.getScreenCTM().a)")
        # The smallest letters of analysis/figures/theme.py have 11 pixels; 10.5 are still read at arm's length.
        assert scales
        assert all(scale * 11 >= 10.5 for scale in scales), (address, scales)
