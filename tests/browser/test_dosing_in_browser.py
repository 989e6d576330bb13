"""A round of dosing as a technician does it: the syringe is scanned, the wrong one refused, nothing lost without a network."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from labdb.accounts.models import User
from labdb.colony.models import Mouse, Study, Weighing
from labdb.treatment.dose_planning import plan_doses, store_dose_plan
from labdb.treatment.models import Dose, Solution
from tests.browser.axe import serious
from tests.browser.conftest import SignIn
from tests.treatment.dosed_study import make_study, member

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = "/studies/S1/bench/dosing/?cohort=C1"


@pytest.fixture
def study(page: Page) -> Study:
    """Six mice with a dose planned for today each; M6 stands first, as cages stand in the rack."""
    study = make_study()
    allocator = member(study, "alma", "allocator")
    plan = plan_doses(study, None, allocator, day_1=timezone.localdate(), default_time="09:00")
    store_dose_plan(plan, allocator, "the bottle was made this morning")
    return study


@pytest.fixture
def bench(page: Page, study: Study, sign_in: SignIn) -> Page:
    """The page of the round, opened by a technician."""
    sign_in("tina", "technician", study)
    page.goto(ADDRESS)
    expect(scan_of(page)).to_be_focused()
    return page


def scan_of(page: Page) -> Any:
    return page.get_by_label("Syringe's code, mouse, or body mass (g)")


def scan(page: Page, typed: str) -> None:
    """Type as a scanner does: signs and Enter."""
    scan_of(page).focus()
    page.keyboard.type(typed)
    page.keyboard.press("Enter")


def dose_of(code: str) -> Dose:
    return Dose.objects.get(mouse__code=code, planned_at__date=timezone.localdate())


def syringe_of(code: str) -> str:
    return dose_of(code).solution_code


def row(page: Page, code: str) -> Any:
    return page.get_by_label("The round").get_by_role("button").filter(has=page.get_by_text(code, exact=True))


def table(page: Page) -> Any:
    return page.get_by_label("On the table")


def saved(page: Page) -> None:
    expect(page.locator("[data-outbox-chip]")).to_have_text("all saved")


def test_a_dose_is_given_after_its_syringe_was_scanned_and_can_be_taken_back(bench: Page) -> None:
    expect(table(bench).get_by_text("M6", exact=True)).to_be_visible()
    expect(table(bench).get_by_text("0.25 ml", exact=True)).to_be_visible()  # 10 ml/kg x 25 g
    expect(bench.get_by_role("button", name="Scan the syringe first")).to_be_disabled()

    scan(bench, syringe_of("M5"))
    expect(
        bench.get_by_role("alert").filter(
            has_text=f"Stop: {syringe_of('M5')} is the syringe of M5. M6 gets {syringe_of('M6')}."
        )
    ).to_be_visible()
    expect(bench.get_by_role("button", name="Scan the syringe first")).to_be_disabled()
    scan(bench, syringe_of("M6").lower())
    bench.get_by_role("button", name="Given 0.25 ml").click()
    expect(table(bench).get_by_text("M5", exact=True)).to_be_visible()
    saved(bench)
    dose = dose_of("M6")
    assert (dose.status, dose.volume_ml, dose.body_mass_g) == ("given", 0.25, 25.0)
    assert dose.performed_by == User.objects.get(username="tina")
    assert dose.given_at is not None
    assert abs(timezone.now() - dose.given_at) < timedelta(minutes=2)

    bench.get_by_role("button", name="Undo").click()
    saved(bench)
    expect(table(bench).get_by_text("M6", exact=True)).to_be_visible()
    expect(bench.get_by_text("0 of 6 done")).to_be_visible()
    assert (dose_of("M6").status, dose_of("M6").given_at, dose_of("M6").volume_ml) == ("planned", None, None)
    scan(bench, syringe_of("M6"))
    bench.keyboard.press("Enter")  # the button has the focus
    expect(bench.get_by_text("1 of 6 done")).to_be_visible()
    saved(bench)
    assert dose_of("M6").status == "given"


def test_partial_and_missed_need_a_reason_and_are_corrected(bench: Page) -> None:
    scan(bench, "M3")
    bench.get_by_role("button", name="In part").click()
    dialog = bench.get_by_role("dialog")
    dialog.get_by_label("How much was given (ml)").fill("2,5")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Say why.")).to_be_visible()
    dialog.get_by_role("button", name="Leaked from the site").click()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("more than 0 and at most 0.25 ml")).to_be_visible()  # ten times too much
    dialog.get_by_label("How much was given (ml)").fill("0,1")
    dialog.get_by_role("button", name="Save").click()
    expect(row(bench, "M3")).to_contain_text("in part")
    saved(bench)
    assert (dose_of("M3").status, dose_of("M3").volume_ml, dose_of("M3").reason) == (
        "partial",
        0.1,
        "leaked from the site",
    )

    scan(bench, "M3")
    expect(table(bench).get_by_text("It is in part 0.1 ml")).to_be_visible()
    bench.get_by_role("button", name="Missed").click()
    bench.get_by_role("dialog").get_by_role("button", name="The mouse is unwell").click()
    bench.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(row(bench, "M3")).to_contain_text("missed")
    saved(bench)
    missed = dose_of("M3")
    assert (missed.status, missed.given_at, missed.volume_ml, missed.reason) == (
        "missed",
        None,
        None,
        "the mouse is unwell",
    )


def test_an_old_mass_is_warned_of_and_a_new_one_changes_the_volume(bench: Page) -> None:
    Weighing.objects.filter(mouse__code="M6").update(performed_at=timezone.now() - timedelta(days=3), body_mass_g=25.0)
    bench.reload()
    expect(bench.get_by_text("This mass is 3 days old: weigh the mouse and type its mass")).to_be_visible()
    scan(bench, "27.1 g")
    expect(table(bench).get_by_text("0.27 ml", exact=True)).to_be_visible()
    expect(bench.get_by_text("This mass is")).to_be_hidden()
    saved(bench)
    newest = Weighing.objects.filter(mouse__code="M6").latest("performed_at")
    assert (newest.body_mass_g, newest.performed_by) == (27.1, User.objects.get(username="tina"))
    scan(bench, syringe_of("M6"))
    bench.get_by_role("button", name="Given 0.27 ml").click()
    expect(bench.get_by_text("1 of 6 done")).to_be_visible()
    saved(bench)
    assert (dose_of("M6").body_mass_g, dose_of("M6").volume_ml) == (27.1, 0.27)


def test_a_round_without_a_network_is_stored_when_it_is_back(bench: Page) -> None:
    syringes = {code: syringe_of(code) for code in ("M6", "M5", "M4")}
    bench.context.set_offline(True)
    for code, syringe in syringes.items():
        expect(table(bench).get_by_text(code, exact=True)).to_be_visible()
        scan(bench, syringe)
        bench.get_by_role("button", name="Given 0.25 ml").click()
    scan(bench, "M5")
    bench.get_by_role("button", name="Missed").click()  # corrected before it ever left
    bench.get_by_role("dialog").get_by_label("Why").fill("wrong cage")
    bench.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(bench.locator("[data-outbox-chip]")).to_contain_text("waiting: no network")
    expect(bench.get_by_text("3 of 6 done")).to_be_visible()
    assert Dose.objects.exclude(status="planned").count() == 0
    bench.context.set_offline(False)
    saved(bench)
    assert {code: dose_of(code).status for code in syringes} == {"M6": "given", "M5": "missed", "M4": "given"}
    bench.reload()
    expect(row(bench, "M5")).to_contain_text("missed")
    expect(bench.get_by_text("3 of 6 done")).to_be_visible()


def test_what_the_server_asks_or_refuses_comes_back_to_the_person(bench: Page) -> None:
    Solution.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    scan(bench, syringe_of("M6"))
    bench.get_by_role("button", name="Given 0.25 ml").click()
    expect(bench.get_by_role("dialog")).to_contain_text(syringe_of("M6"))
    bench.get_by_label("If it is right, say why").fill("made up an hour ago")
    bench.get_by_role("button", name="It is right", exact=True).click()
    expect(row(bench, "M6")).to_contain_text("✓")
    saved(bench)
    assert dose_of("M6").status == "given"
    Mouse.objects.filter(code="M5").update(death_date=timezone.localdate() - timedelta(days=1))
    scan(bench, "M5")
    scan(bench, syringe_of("M5"))
    bench.get_by_role("button", name="Given 0.25 ml").click()
    expect(bench.get_by_role("alert").filter(has_text="M5 died on")).to_be_visible()
    assert dose_of("M5").status == "planned"


def test_paper_and_labels_have_the_order_and_the_page_is_fit_for_gloves(bench: Page) -> None:
    for theme in ("light", "dark"):
        bench.evaluate("theme => { document.documentElement.dataset.bsTheme = theme; }", theme)
        assert serious(bench) == []
    for button in bench.get_by_role("button").or_(bench.get_by_role("link")).all():
        box = button.bounding_box()
        if box and box["height"] > 1:
            assert box["height"] >= 56, button.inner_text()
    bench.get_by_role("link", name="Paper sheet").click()
    expect(bench.get_by_role("table").get_by_role("rowheader")).to_have_text(
        [f"M{number}" for number in range(6, 0, -1)]
    )
    bench.goto(ADDRESS)
    bench.get_by_role("link", name="Syringe labels").click()
    expect(bench.get_by_text("S1 M6")).to_be_visible()
    labels = bench.locator(".syringe-labels")
    expect(labels).to_contain_text(syringe_of("M1"))
    for drug in ("imipramine", "ketamine", "saline", "IMI", "mg"):
        expect(labels).not_to_contain_text(drug)


def test_an_allocator_adds_a_part_gives_a_reason_and_plans_and_every_page_is_accessible(
    page: Page, sign_in: SignIn
) -> None:
    study = make_study()
    sign_in("alma", "allocator", study)
    page.goto("/studies/S1/arms/")
    arm = page.get_by_role("region", name="imipramine")
    arm.get_by_label("Time of day").first.fill("10:00")
    page.get_by_role("button", name="Save the parts").click()
    expect(page.get_by_role("alert").first).to_contain_text("Nothing was saved.")
    expect(arm.get_by_text("time is 10:00, in arm ketamine 09:00; give both alike.")).to_be_visible()
    assert serious(page) == []
    arm.get_by_label("Time of day").first.fill("09:00")
    page.get_by_role("button", name="Save the parts").click()
    expect(page.get_by_text("Nothing was changed.")).to_be_visible()

    page.get_by_role("link", name="S1", exact=True).click()
    page.get_by_role("link", name="Plan doses").click()
    page.get_by_label("Day 1 (first dose)").fill(str(timezone.localdate() + timedelta(days=1)))
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("row", name="Doses 84")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Plan these doses").click()
    expect(page.get_by_text("84 doses of 6 mice planned, out of 12 syringes.")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("link", name="Doses", exact=True).click()
    expect(page.get_by_text("84 to come")).to_be_visible()
    assert serious(page) == []
