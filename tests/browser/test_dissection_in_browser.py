"""A day of dissections as a technician does it: a tap starts, a tap freezes, positions are offered, nothing is typed twice."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Page, expect

from labdb.accounts.models import User
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse, Study
from labdb.tissue.models import BrainRegion, Dissection, RegionNotTaken, StorageBox, TissueSample
from labdb.tissue.sample_codes import sample_code
from labdb.treatment.models import Dose
from tests.browser.axe import serious
from tests.browser.conftest import SignIn, until
from tests.treatment.dosed_study import make_study

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/studies/S1/dissection/?cohort=C1&order=cages"
MINUTES = re.compile(r"^\d+\.\d min$")  # how many, this machine decides


@pytest.fixture
def study(page: Page) -> Study:
    """Six mice, M6 first as the cages stand; a box with a tube of a study that you do not see in A2; M5 lacks a dose."""
    study = make_study()
    now = timezone.now()
    for number in range(1, 7):
        mouse = Mouse.objects.get(study=study, code=f"M{number}")
        for hours in (30, 6):
            at = now - timedelta(hours=hours)
            is_missed = number == 5 and hours == 6
            given = {"status": "missed", "reason": "ill"} if is_missed else {"given_at": at}
            Dose.objects.create(study=study, mouse=mouse, planned_at=at, **given)
        test_at = now - timedelta(hours=50)
        SocialInteractionTest.objects.create(
            study=study, mouse=mouse, test_number=1, test_at=test_at, iz_absent_s=60, iz_present_s=30
        )
    box = StorageBox.objects.create(code="BOX1", freezer="F1")
    region = BrainRegion.objects.get_or_create(code="PFC", defaults={"name": "prefrontal cortex"})[0]
    BrainRegion.objects.get_or_create(code="NAc", defaults={"name": "nucleus accumbens"})
    other = Study.objects.create(code="S2", title="two")
    stranger = Mouse.objects.create(study=other, code="X1")
    TissueSample.objects.create(study=other, mouse=stranger, code="X1-PFC", region=region, box=box, position="A2")
    return study


@pytest.fixture
def bench(page: Page, study: Study, sign_in: SignIn) -> Page:
    """The sheet, opened by a technician who says how it is done today."""
    sign_in("tina", "technician", study)
    page.goto(ADDRESS)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Protocol of the day")).to_be_visible()
    dialog.get_by_role("button", name="This is how it is done today").click()
    expect(dialog.get_by_text("Say the anesthesia; enter none, if there was none.")).to_be_visible()
    dialog.get_by_label("Anesthesia").fill("isoflurane 4 %")
    dialog.get_by_label("Method of death").select_option("decapitation")
    dialog.get_by_role("button", name="Add a region").click()
    dialog.get_by_label("Region", exact=True).select_option("PFC")
    dialog.get_by_label("Punch (mm)").fill("1,5")
    dialog.get_by_label("Punches").fill("2")
    dialog.get_by_label("Box").select_option("BOX1")
    dialog.get_by_role("button", name="Add a region").click()  # like the one before
    dialog.get_by_label("Region", exact=True).last.select_option("NAc")
    dialog.get_by_role("button", name="This is how it is done today").click()
    expect(dialog).to_be_hidden()
    return page


def table(page: Page) -> Any:
    return page.get_by_label("On the table")


def tap(page: Page, region: str) -> None:
    table(page).get_by_role("button", name=f"{region} tap when frozen").click()


def row(page: Page, code: str) -> Any:
    return page.get_by_role("row").filter(has=page.get_by_role("button", name=code, exact=True))


def saved(page: Page) -> None:
    expect(page.locator("[data-outbox-chip]")).to_have_text("all saved")


def tubes() -> dict[str, str]:
    return dict(TissueSample.objects.filter(study__code="S1").values_list("code", "position"))


def test_a_tap_starts_a_tap_freezes_and_everything_else_is_known(bench: Page) -> None:
    expect(table(bench).get_by_text("M6", exact=True)).to_be_visible()
    expect(table(bench).get_by_text("6.0 h")).to_be_visible()  # since the last dose
    expect(table(bench).get_by_text("2.1 days")).to_be_visible()  # since the SI test, 50 h ago
    expect(table(bench).get_by_role("button", name="PFC tap when frozen")).to_be_disabled()
    bench.get_by_role("button", name="Start M6").click()
    saved(bench)
    bench.get_by_role("button", name="Undo").click()  # the wrong mouse: it lives
    saved(bench)
    expect(table(bench).get_by_role("button", name="PFC tap when frozen")).to_be_disabled()
    assert not Dissection.objects.exists()
    assert not Mouse.objects.exclude(death_date=None).exists()
    bench.get_by_role("button", name="Start M6").click()
    expect(table(bench).get_by_text("min since death")).to_be_visible()
    tap(bench, "PFC")
    expect(row(bench, "M6").get_by_text(MINUTES)).to_be_visible()
    saved(bench)
    mouse = Mouse.objects.get(study__code="S1", code="M6")
    assert (mouse.death_date, mouse.death_reason) == (timezone.localdate(), "dissected")
    done = Dissection.objects.get(mouse=mouse)
    assert (done.anesthesia, done.death_method, done.order_of_day) == ("isoflurane 4 %", "decapitation", 1)
    assert done.performed_by == User.objects.get(username="tina")
    tube = TissueSample.objects.get(study__code="S1")
    assert (tube.code, tube.position, tube.punch_mm, tube.punch_count) == ("M6-PFC", "A1", 1.5, 2)
    assert tube.dissection == done
    assert tube.code == sample_code(settings.SAMPLE_CODE, mouse="M6", region="PFC")

    bench.get_by_role("button", name="Undo").click()
    saved(bench)
    expect(table(bench).get_by_role("button", name="PFC tap when frozen")).to_be_enabled()
    assert tubes() == {}
    tap(bench, "PFC")
    table(bench).get_by_role("button", name="NAc: side, punches").click()  # A2 is taken, so A3 is offered
    dialog = bench.get_by_role("dialog")
    expect(dialog.get_by_role("gridcell", name="A3 free")).to_have_attribute("aria-selected", "true")
    dialog.get_by_role("gridcell", name="A2 holds a tube of a study that you do not see").click()
    expect(
        dialog.get_by_text("A2 holds a tube of a study that you do not see; choose a free position.")
    ).to_be_visible()
    dialog.get_by_role("gridcell", name="B1 free").click()
    dialog.get_by_label("Side").select_option("L")
    dialog.get_by_role("button", name="Keep for this tube").click()
    tap(bench, "NAc")
    expect(bench.get_by_text("1 of 6 mice, 2 tubes")).to_be_visible()
    expect(table(bench).get_by_text("M5", exact=True)).to_be_visible()  # the next mouse comes by itself
    expect(table(bench).get_by_text("1 doses in full where most mice had 2 (1 missed).")).to_be_visible()
    saved(bench)
    assert tubes() == {"M6-PFC": "A1", "M6-NAc": "B1"}
    assert TissueSample.objects.get(code="M6-NAc").hemisphere == "L"
    done.refresh_from_db()
    assert done.minutes_to_freeze is not None


def test_without_a_network_nothing_is_lost_and_a_region_may_be_missing(bench: Page) -> None:
    bench.context.set_offline(True)
    bench.get_by_role("button", name="Start M6").click()
    tap(bench, "PFC")
    table(bench).get_by_role("button", name="NAc: side, punches").click()
    bench.get_by_role("dialog").get_by_role("button", name="crushed or torn").click()
    expect(table(bench).get_by_text("M5", exact=True)).to_be_visible()
    bench.get_by_role("button", name="Start M5").click()
    bench.get_by_label("Scan a mouse, or the tube that is frozen").fill("S1-M5-NAc")
    bench.keyboard.press("Enter")  # the tube was labelled before: scanned, it is frozen
    expect(row(bench, "M5").get_by_text(MINUTES)).to_be_visible()
    expect(bench.locator("[data-outbox-chip]")).to_contain_text("waiting: no network")
    assert not Dissection.objects.exists()
    bench.context.set_offline(False)
    saved(bench)
    assert tubes() == {"M6-PFC": "A1", "M5-NAc": "A4"}  # A3 waits for M5-PFC
    assert RegionNotTaken.objects.get().reason == "crushed or torn"
    assert set(Mouse.objects.exclude(death_date=None).values_list("code", flat=True)) == {"M5", "M6"}
    bench.reload()  # the protocol of the day is kept
    expect(bench.get_by_text("anesthesia: isoflurane 4 %; decapitation; box BOX1")).to_be_visible()
    expect(row(bench, "M6").get_by_text("not taken")).to_be_visible()

    # another tablet enters M4 and puts its tube where this one did, before it hears of it
    bench.context.set_offline(True)
    tap(bench, "PFC")  # of M5, which is on the table
    expect(bench.locator("[data-outbox-chip]")).to_contain_text("waiting: no network")
    study = Study.objects.get(code="S1")
    mouse = Mouse.objects.get(study=study, code="M4")
    theirs = Dissection.objects.create(study=study, mouse=mouse, performed_at=timezone.now())
    TissueSample.objects.create(
        study=study, mouse=mouse, dissection=theirs, code="M4-PFC", region=BrainRegion.objects.get(code="PFC"),
        box=StorageBox.objects.get(), position="A3",
    )  # fmt: skip
    bench.context.set_offline(False)
    expect(bench.locator("[data-outbox-chip]")).to_contain_text("A3 of box BOX1 holds S1-M4-PFC")
    expect(row(bench, "M5")).to_contain_text("look here")
    row(bench, "M5").get_by_role("button").click()
    table(bench).get_by_role("button", name="PFC: side, punches").click()
    dialog = bench.get_by_role("dialog").filter(has_text="Save the correction")
    dialog.get_by_role("gridcell", name="A5 free").click()
    dialog.get_by_role("button", name="Save the correction").click()
    saved(bench)
    assert tubes()["M5-PFC"] == "A5"


def test_the_sheet_is_fit_for_gloves_for_paper_and_for_a_look_back(bench: Page) -> None:
    bench.emulate_media(reduced_motion="reduce")  # no color is looked at on its way to another
    for theme in ("light", "dark"):
        bench.evaluate("theme => { document.documentElement.dataset.bsTheme = theme; }", theme)
        assert serious(bench) == []
    bench.get_by_role("button", name="Start M6").click()
    table(bench).get_by_role("button", name="PFC: side, punches").click()
    expect(bench.get_by_role("dialog").get_by_role("gridcell", name="A1 free")).to_be_visible()
    assert serious(bench) == []
    small = bench.evaluate(
        "() => [...document.querySelectorAll('.bench-content :is(button, a, input, select, [role=gridcell]), .bench-header .btn')].filter((one) => one.offsetParent"
        " && (one.offsetHeight < 56 || one.offsetWidth < 44) && !one.closest('p')).map((one) => one.outerHTML.slice(0, 80))"
    )
    assert small == []
    bench.get_by_role("dialog").get_by_role("button", name="Close").click()
    tap(bench, "PFC")
    saved(bench)
    until(bench, "() => document.querySelector('[data-outbox-chip]').textContent === 'all saved'")
    bench.get_by_role("link", name="Paper sheet").click()
    expect(bench.get_by_role("table").get_by_role("rowheader")).to_have_text([f"M{one}" for one in range(6, 0, -1)])
    expect(bench.get_by_role("table")).to_contain_text("min BOX1 A1")
    expect(bench.get_by_role("columnheader", name="NAc")).to_be_visible()  # as the tablet says, not the last day
    bench.go_back()
    bench.get_by_role("link", name="Labels of all tubes").click()
    expect(bench.get_by_role("heading", name="Labels of 12 tubes")).to_be_visible()
    assert serious(bench) == []
    Dissection.objects.update(performed_at=timezone.now() - timedelta(days=1))
    Mouse.objects.exclude(death_date=None).update(death_date=timezone.localdate() - timedelta(days=1))
    bench.goto("/studies/S1/dissection/")
    bench.get_by_role("link", name="1 mice").click()
    expect(bench.get_by_text("A day that is over")).to_be_visible()
    expect(bench.get_by_role("table").get_by_role("rowheader")).to_have_text(["M6"])
    expect(bench.get_by_role("button", name="Start")).to_have_count(0)
