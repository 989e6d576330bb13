"""A round of weighing as a person does it: the balance types, the page keeps all of it, whatever the network does."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from labdb.accounts.bench_pin import set_pin
from labdb.accounts.models import Role, User
from labdb.colony.models import Cage, Cohort, Housing, Mouse, Study, StudyMembership, Weighing, WelfareCheck
from labdb.registry.attachments import Attachment
from tests.browser.axe import serious
from tests.browser.conftest import PASSWORD, until

N_MICE = 24
ADDRESS = "/studies/S1/bench/weighing/?cohort=C1"


@pytest.fixture
def study(page: Page) -> Study:
    """A cohort of 24 whose cages stand in another order than their codes, weighed on each of the last three days."""
    study = Study.objects.create(code="S1", title="first")
    today = timezone.localdate()
    cohort = Cohort.objects.create(study=study, code="C1", start_date=today - timedelta(days=3))
    for number in range(1, N_MICE + 1):
        mouse = Mouse.objects.create(study=study, code=f"M{number:02}", cohort=cohort)
        cage = Cage.objects.create(study=study, code=f"K{number}", position=f"B{N_MICE + 1 - number}")
        Housing.objects.create(study=study, mouse=mouse, cage=cage, housed_from=today - timedelta(days=9))
        for days in (3, 2, 1):
            at = timezone.now() - timedelta(days=days)
            Weighing.objects.create(study=study, mouse=mouse, performed_at=at, body_mass_g=25.0 + (days == 2) * 0.2)
    return study


@pytest.fixture
def bench(page: Page, study: Study, sign_in: Any) -> Page:
    """The page of the round, opened by the account of a shared tablet."""
    sign_in("tablet", "technician", study)
    page.goto(ADDRESS)
    expect(mass_of(page)).to_be_focused()
    return page


def mass_of(page: Page) -> Any:
    return page.get_by_label("Body mass (g), or a mouse's code")


def weigh(page: Page, typed: str) -> None:
    """Type as a balance or a scanner does: signs and Enter, wherever the focus is."""
    page.keyboard.type(typed)
    page.keyboard.press("Enter")


def row(page: Page, code: str) -> Any:
    return page.get_by_label("The round").get_by_role("button").filter(has=page.get_by_text(code, exact=True))


def chip_of(page: Page) -> Any:
    return page.locator("[data-outbox-chip]")


def saved(page: Page) -> None:
    expect(chip_of(page)).to_have_text("all saved")


def today() -> dict[str, float]:
    start = timezone.now() - timedelta(hours=12)
    rows = Weighing.objects.filter(performed_at__gte=start).order_by("performed_at")
    return {mass.mouse.code: mass.body_mass_g for mass in rows.select_related("mouse")}


def test_a_round_of_24_is_typed_by_the_balance_within_a_minute(bench: Page) -> None:
    started = time.perf_counter()
    for number in range(N_MICE):
        weigh(bench, f"{24.0 + number / 10:.1f} g")
    expect(bench.get_by_text("All weighed.")).to_be_visible()
    took = time.perf_counter() - started
    saved(bench)
    print(f"24 weighings: {took:.1f} s of interaction, all stored after {time.perf_counter() - started:.1f} s")  # noqa: T201
    assert took <= 60
    # by the place of the cage: M24 stands in B1
    assert today() == {f"M{24 - number:02}": round(24.0 + number / 10, 1) for number in range(N_MICE)}
    stored = Weighing.objects.order_by("-performed_at").first()
    assert stored is not None
    assert stored.performed_by == User.objects.get(username="tablet")


def test_a_mass_is_corrected_in_two_actions(bench: Page) -> None:
    weigh(bench, "24.3")
    weigh(bench, "24.5")
    row(bench, "M24").click()  # one
    expect(bench.get_by_text("Weighed 24.3 g today; another mass corrects it.")).to_be_visible()
    weigh(bench, "24.8")  # two
    saved(bench)
    assert today() == {"M24": 24.8, "M23": 24.5}
    expect(row(bench, "M24")).to_contain_text("24.8 g")


def test_a_mass_of_an_earlier_visit_is_corrected_too(bench: Page) -> None:
    weigh(bench, "24.3")
    saved(bench)
    bench.reload()
    weigh(bench, "M24")
    weigh(bench, "24.8")
    saved(bench)
    assert today() == {"M24": 24.8}


def test_the_last_entry_is_undone_for_ten_seconds(bench: Page) -> None:
    weigh(bench, "24.3")
    saved(bench)
    expect(bench.get_by_text("Saved M24 24.3 g")).to_be_visible()
    bench.get_by_role("button", name="Undo").click()
    expect(bench.get_by_label("On the balance").get_by_text("M24", exact=True)).to_be_visible()
    saved(bench)
    assert today() == {}
    weigh(bench, "24.4")
    saved(bench)
    assert today() == {"M24": 24.4}
    bench.clock.install()
    row(bench, "M24").click()
    weigh(bench, "24.6")
    bench.clock.run_for(11_000)
    expect(bench.get_by_role("button", name="Undo")).to_be_hidden()


def test_undoing_a_correction_gives_the_first_mass_back(bench: Page) -> None:
    weigh(bench, "24.3")
    weigh(bench, "M24")
    weigh(bench, "24.8")
    saved(bench)
    bench.get_by_role("button", name="Undo").click()
    saved(bench)
    expect(row(bench, "M24")).to_contain_text("24.3 g")
    assert today() == {"M24": 24.3}


def test_what_is_entered_without_a_network_is_stored_once_when_it_is_back(bench: Page) -> None:
    weigh(bench, "24.0")
    saved(bench)
    bench.context.set_offline(True)
    for mass in ("24.1", "24.2", "24.3"):
        weigh(bench, mass)
    weigh(bench, "M22")
    weigh(bench, "24.9")  # corrected before it ever left
    expect(chip_of(bench)).to_contain_text("waiting: no network")
    assert today() == {"M24": 24.0}
    bench.context.set_offline(False)
    saved(bench)
    assert today() == {"M24": 24.0, "M23": 24.1, "M22": 24.9, "M21": 24.3}
    assert Weighing.objects.count() == 3 * N_MICE + 4


def test_an_answer_that_is_lost_makes_nothing_twice(bench: Page) -> None:
    bench.evaluate(  # the server stores it, and its answer never comes
        """() => {
          const ask = window.fetch;
          window.fetch = async (address, ...more) => {
            const answer = await ask(address, ...more);
            if (address === "/bench/entries/" && !window.lost) { window.lost = true; throw new TypeError("lost"); }
            return answer;
          };
        }"""
    )
    weigh(bench, "24.0")
    saved(bench)
    assert bench.evaluate("window.lost")
    assert today() == {"M24": 24.0}
    assert Weighing.objects.count() == 3 * N_MICE + 1


def test_what_waits_outlives_a_reload_and_the_tab(bench: Page) -> None:
    bench.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('no network')); }")
    weigh(bench, "24.0")
    expect(chip_of(bench)).to_contain_text("1 waiting")
    context = bench.context
    bench.close()
    again = context.new_page()
    again.goto(ADDRESS)
    saved(again)
    assert today() == {"M24": 24.0}


def test_a_reload_without_a_network_shows_the_round_as_it_stands(bench: Page) -> None:
    weigh(bench, "24.0")
    saved(bench)
    until(bench, "async () => (await (await caches.match(location.href))?.text())?.includes('\"g\": 24.0')")
    bench.context.set_offline(True)
    weigh(bench, "24.1")
    bench.reload()
    expect(bench.get_by_text("No network: this page is as it was at")).to_be_visible()
    expect(row(bench, "M24")).to_contain_text("24 g")
    expect(row(bench, "M23")).to_contain_text("24.1 g")
    weigh(bench, "24.2")
    bench.context.set_offline(False)
    saved(bench)
    assert today() == {"M24": 24.0, "M23": 24.1, "M22": 24.2}


def test_who_signs_out_leaves_no_page_behind(bench: Page) -> None:
    until(bench, "async () => Boolean(await caches.match(location.href))")
    bench.reload()
    bench.goto("/studies/S1/")
    bench.get_by_role("button", name="Sign out").click()
    bench.wait_for_url("**/accounts/login/**")
    until(bench, "async () => !(await caches.has('labdb-bench'))")


def test_a_double_enter_saves_one_mass(bench: Page) -> None:
    mass_of(bench).fill("24.0")
    bench.keyboard.press("Enter")
    bench.keyboard.press("Enter")
    expect(bench.get_by_text("Nothing was typed; weigh the mouse, or skip it.")).to_be_visible()
    saved(bench)
    assert today() == {"M24": 24.0}


def test_a_sign_out_in_the_middle_keeps_what_was_entered(bench: Page) -> None:
    bench.context.clear_cookies(name="sessionid")
    weigh(bench, "24.0")
    chip = chip_of(bench)
    expect(chip).to_contain_text("1 waiting: signed out")
    bench.get_by_role("link", name="Sign in").click()
    bench.get_by_label("User name").fill("tablet")
    bench.get_by_label("Password").fill(PASSWORD)
    bench.get_by_role("main").get_by_role("button", name="Sign in").click()
    saved(bench)
    assert today() == {"M24": 24.0}


def test_a_person_chosen_by_pin_stands_in_what_is_entered_then(bench: Page, study: Study) -> None:
    tina = User.objects.create_user("tina", password=PASSWORD, first_name="Tina", last_name="Bench")
    StudyMembership.objects.create(study=study, user=tina, role=Role.objects.get(name="technician"))
    set_pin(tina, "2741")
    bench.reload()
    weigh(bench, "24.0")
    bench.get_by_role("button", name="Working: tablet").click()
    bench.get_by_role("button", name="Tina Bench").click()
    for digit in "1111":
        bench.get_by_role("button", name=digit, exact=True).click()
    bench.get_by_role("button", name="OK").click()
    expect(bench.get_by_text("That is not the PIN of Tina Bench; 4 more tries")).to_be_visible()
    bench.keyboard.type("2741")
    bench.keyboard.press("Enter")
    expect(bench.get_by_role("button", name="Working: Tina Bench")).to_be_visible()
    bench.context.set_offline(True)
    weigh(bench, "24.1")
    bench.get_by_role("button", name="Working: Tina Bench").click()
    expect(bench.get_by_text("No network: who works cannot be changed")).to_be_visible()
    bench.get_by_role("button", name="tablet (signed in)").click()
    expect(bench.get_by_text("No network: who works cannot be changed")).to_be_visible()
    bench.get_by_role("button", name="Close").click()
    bench.context.set_offline(False)
    saved(bench)
    assert [
        (mass.mouse.code, mass.performed_by and mass.performed_by.username, mass.created_by.username)
        for mass in Weighing.objects.order_by("performed_at").select_related("mouse")[3 * N_MICE :]
    ] == [("M24", "tablet", "tablet"), ("M23", "tina", "tablet")]
    bench.reload()
    expect(bench.get_by_role("button", name="Working: Tina Bench")).to_be_visible()


def test_a_wrong_clock_is_said_and_not_used(page: Page, study: Study, sign_in: Any) -> None:
    sign_in("tablet", "technician", study)
    page.clock.install(time=timezone.now() + timedelta(minutes=7))
    page.goto(ADDRESS)
    expect(page.get_by_text("This tablet's clock is 7 min fast; the lab clock is used.")).to_be_visible()
    weigh(page, "24.0")
    saved(page)
    stored = Weighing.objects.order_by("-performed_at").first()
    assert stored is not None
    assert abs(stored.performed_at - timezone.now()) < timedelta(seconds=60)


def test_the_humane_endpoint_asks_for_a_decision_and_keeps_it(bench: Page) -> None:
    newest = Weighing.objects.filter(mouse__code="M24").order_by("-performed_at")
    Weighing.objects.filter(pk=newest[0].pk).update(body_mass_g=21.0)
    Weighing.objects.filter(pk=newest[1].pk).update(body_mass_g=23.0)
    bench.reload()
    weigh(bench, "20.0")
    expect(bench.get_by_role("heading", name="M24 needs a decision")).to_be_visible()
    expect(bench.get_by_role("dialog")).to_contain_text("20 g, 80 % of its baseline (25 g on ")
    bench.get_by_label("In words").fill("gel and wet food")
    bench.get_by_role("button", name="Soft food, fluid or warmth").click()
    saved(bench)
    check = WelfareCheck.objects.get()
    assert (check.mouse.code, check.finding, check.action, check.action_detail) == (
        "M24", "mass limit", "feed", "gel and wet food",
    )  # fmt: skip
    assert check.performed_by == User.objects.get(username="tablet")
    expect(row(bench, "M24")).to_contain_text("✓")
    expect(bench.get_by_label("On the balance").get_by_text("M23", exact=True)).to_be_visible()


def test_three_falls_in_a_row_ask_for_a_decision_that_can_wait(bench: Page) -> None:
    newest = Weighing.objects.filter(mouse__code="M24").order_by("-performed_at")
    Weighing.objects.filter(pk=newest[0].pk).update(body_mass_g=24.4)
    Weighing.objects.filter(pk=newest[1].pk).update(body_mass_g=24.7)
    bench.reload()
    weigh(bench, "24.1")
    expect(bench.get_by_role("dialog")).to_contain_text("3 falls in a row: 25, 24.7, 24.4, 24.1 g")
    bench.get_by_role("button", name="Decide later").click()
    saved(bench)
    assert not WelfareCheck.objects.exists()
    expect(row(bench, "M24")).to_contain_text("decide")
    bench.reload()
    row(bench, "M24").click()
    bench.get_by_role("button", name="Decide what to do").click()
    bench.get_by_role("button", name="Watched more closely").click()
    saved(bench)
    assert WelfareCheck.objects.get().finding == "mass falling"


def test_a_sudden_change_is_asked_about_while_the_mouse_is_on_the_balance(bench: Page) -> None:
    weigh(bench, "20.5")
    expect(bench.get_by_role("dialog")).to_contain_text("20.5 g is 18 % less")
    bench.get_by_role("button", name="Weigh again").click()
    weigh(bench, "25.4")
    weigh(bench, "20.9")
    bench.get_by_label("If it is right, say why").fill("had no water")
    bench.get_by_role("button", name="It is right", exact=True).click()
    saved(bench)
    assert today() == {"M24": 25.4, "M23": 20.9}


def test_what_is_neither_mass_nor_mouse_is_said_and_nothing_is_lost(bench: Page) -> None:
    for typed, says in (
        ("S D 24.3 g", "The balance was not at rest"),
        ("24300 mg", "is not in grams"),
        ("hello", "hello is neither a mass nor a mouse of this round"),
    ):
        weigh(bench, typed)
        expect(bench.get_by_text(says)).to_be_visible()
        mass_of(bench).fill("")
    for typed, code in (("M05", "M05"), ("S1-M09", "M09"), ("http://lab/studies/S1/mice/M11/", "M11")):
        weigh(bench, typed)
        expect(bench.get_by_label("On the balance").get_by_text(code, exact=True)).to_be_visible()
    weigh(bench, "ST,+0024.30  g")
    saved(bench)
    assert today() == {"M11": 24.3}


def test_what_the_server_refuses_comes_back_to_be_corrected(bench: Page) -> None:
    Mouse.objects.filter(code="M24").update(death_date=timezone.localdate() - timedelta(days=1))
    weigh(bench, "24.0")
    expect(bench.get_by_role("alert").filter(has_text="M24 died on")).to_be_visible()
    expect(bench.get_by_label("On the balance").get_by_text("M24", exact=True)).to_be_visible()
    bench.get_by_role("button", name="Skip this mouse").click()
    expect(bench.get_by_text("0 of 24 weighed, 1 skipped")).to_be_visible()
    assert today() == {}


def test_what_was_refused_meanwhile_is_corrected_from_the_list(bench: Page) -> None:
    Weighing.objects.filter(mouse__code="M24").delete()
    bench.reload()
    bench.context.set_offline(True)
    weigh(bench, "240")  # its first mass: nothing to hold it against, until the server sees it
    mass_of(bench).fill("24.")  # in the middle of the next one
    bench.context.set_offline(False)
    expect(chip_of(bench)).to_have_text("1 refused: 240 g is outside 1 to 100 g; check the unit and the decimal point.")
    expect(row(bench, "M24")).to_contain_text("look here")
    chip_of(bench).click()
    bench.get_by_role("dialog").get_by_label("body mass g").fill("24.0")
    bench.get_by_role("button", name="Send again").click()
    expect(bench.get_by_text("Everything entered here is saved.")).to_be_visible()
    assert today() == {"M24": 24.0}


def test_what_the_server_asks_is_asked_of_the_person(bench: Page) -> None:
    at = timezone.now() - timedelta(minutes=1)  # by another tablet, since this page was opened
    mouse = Mouse.objects.get(code="M24")
    Weighing.objects.create(study=mouse.study, mouse=mouse, performed_at=at, body_mass_g=20.0)
    weigh(bench, "24.9")
    expect(bench.get_by_role("dialog")).to_contain_text("24.9 g is 24 % more")
    bench.get_by_label("If it is right, say why").fill("the other was M23")
    bench.get_by_role("button", name="It is right", exact=True).click()
    saved(bench)
    assert Weighing.objects.filter(mouse=mouse, body_mass_g=24.9).exists()


def test_two_tablets_in_one_round_see_what_the_other_saved(bench: Page) -> None:
    state = bench.context.storage_state()
    state["origins"] = []  # another device: it shares the account, not what waits
    context = bench.context.browser.new_context(base_url=bench.url, storage_state=state)  # type: ignore[union-attr]
    other = context.new_page()
    other.goto(ADDRESS)
    expect(mass_of(other)).to_be_focused()

    def look(page: Page) -> None:
        page.evaluate("() => { window.dispatchEvent(new Event('focus')); }")

    weigh(bench, "24.0")
    saved(bench)
    mass_of(other).fill("25.1")  # typed, not sent yet, for the same mouse
    look(other)
    expect(row(other, "M24")).to_contain_text("24 g")
    expect(other.get_by_role("alert").filter(has_text="M24 was weighed on another tablet: 24 g.")).to_be_visible()
    expect(other.get_by_text("1 of 24 weighed")).to_be_visible()
    expect(mass_of(other)).to_have_value("25.1")
    other.keyboard.press("Enter")
    expect(other.get_by_role("dialog")).to_contain_text("Another tablet saved 24 g for M24")
    other.get_by_role("button", name="Keep 24 g").click()
    expect(other.get_by_label("On the balance").get_by_text("M23", exact=True)).to_be_visible()
    weigh(other, "24.2")
    weigh(other, "M24")
    weigh(other, "24.6")  # a correction that was meant
    saved(other)
    weigh(bench, "M22")
    look(bench)
    expect(row(bench, "M24")).to_contain_text("24.6 g")
    weigh(bench, "24.4")
    expect(bench.get_by_label("On the balance").get_by_text("M21", exact=True)).to_be_visible()
    saved(bench)
    other.get_by_role("button", name="Undo").click()  # the correction
    saved(other)
    look(bench)
    expect(row(bench, "M24")).to_contain_text("24 g")
    context.close()
    assert today() == {"M24": 24.0, "M23": 24.2, "M22": 24.4}
    assert Weighing.objects.count() == 3 * N_MICE + 3


def test_the_paper_sheet_has_the_same_order_and_leads_back(bench: Page) -> None:
    bench.get_by_role("link", name="Paper sheet").click()
    codes = bench.get_by_role("table").get_by_role("rowheader")
    expect(codes).to_have_text([f"M{number:02}" for number in range(N_MICE, 0, -1)])
    expect(bench.get_by_role("img", name="QR code")).to_be_visible()
    bench.get_by_role("link", name="Weighing").click()
    expect(mass_of(bench)).to_be_focused()


def test_a_photo_of_the_sheet_outlives_a_lost_network_and_is_attached_once(bench: Page) -> None:
    picture = {"name": "sheet.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + bytes(40)}
    bench.context.set_offline(True)
    bench.get_by_label("Photo of the sheet").set_input_files(picture)
    expect(bench.get_by_text("No network: the photo was not sent. The photo is kept")).to_be_visible()
    bench.context.set_offline(False)
    expect(bench.get_by_text("The photo is attached.")).to_be_visible()
    bench.get_by_label("Photo of the sheet").set_input_files(picture)
    expect(bench.get_by_text("sheet.png is already attached to C1.")).to_be_visible()
    bench.evaluate("() => { window.ask = window.fetch; window.fetch = () => Promise.reject(new TypeError('lost')); }")
    bench.get_by_label("Photo of the sheet").set_input_files({**picture, "buffer": picture["buffer"] + b"2"})
    expect(bench.get_by_text("No network: the photo was not sent.")).to_be_visible()
    bench.evaluate("() => { window.fetch = window.ask; }")
    bench.get_by_role("button", name="Send the photo again").click()
    expect(bench.get_by_text("The photo is attached.")).to_be_visible()
    assert Attachment.objects.count() == 2
    bench.goto(f"/records/cohorts/{Cohort.objects.get().pk}/")
    expect(bench.get_by_text("weighing sheet of").first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(bench: Page, theme: str) -> None:
    Weighing.objects.filter(mouse__code="M23").update(body_mass_g=30.5)
    bench.evaluate("theme => { document.documentElement.dataset.bsTheme = theme; }", theme)
    weigh(bench, "24.0")
    bench.get_by_role("button", name="Skip this mouse").click()
    assert serious(bench) == []
    bench.get_by_role("button", name="Working").click()
    assert serious(bench) == []
    bench.keyboard.press("Escape")
    weigh(bench, "10")
    expect(bench.get_by_role("heading", name="Is that right?")).to_be_visible()
    assert serious(bench) == []


def test_everything_tapped_is_large(bench: Page) -> None:
    for button in bench.get_by_role("button").or_(bench.get_by_role("link")).all():
        box = button.bounding_box()
        if box and box["height"] > 1:  # the link to the content is there for keyboards alone
            assert box["height"] >= 56, button.inner_text()
