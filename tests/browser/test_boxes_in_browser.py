"""A box of tubes as a person handles it: gone through with a scanner, tubes moved by click, key and scan."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from labdb.accounts.bench_pin import set_pin
from labdb.accounts.models import User
from labdb.colony.models import Mouse, Study
from labdb.tissue.models import BoxCheck, BrainRegion, StorageBox, TissueSample, TubeEvent
from labdb.tissue.places import positions
from tests.browser.axe import violations


@pytest.fixture
def study(page: Page) -> Study:
    """Box BOX1 with 81 tubes of two regions in the order of their codes, BOX2 with one of the same study."""
    page.set_default_navigation_timeout(60_000)  # it is often the first to ask for any page
    study = Study.objects.create(code="S1", title="first")
    mouse = Mouse.objects.create(study=study, code="M001")
    regions = [BrainRegion.objects.create(code=code, name=code) for code in ("XA", "XB")]
    full, other = (
        StorageBox.objects.create(code="BOX1", freezer="F1", rack="R2"),
        StorageBox.objects.create(code="BOX2"),
    )
    places = [(full, position) for position in positions(9, 9)] + [(other, "C3")]
    TissueSample.objects.bulk_create(
        TissueSample(
            study=study, mouse=mouse, region=regions[n % 2], code=f"T{n:02}", box=box, position=position,
        )
        for n, (box, position) in enumerate(places, start=1)
    )  # fmt: skip
    return study


def tube(number: int) -> TissueSample:
    return TissueSample.objects.select_related("box").get(code=f"T{number:02}")


def place(number: int) -> str:
    row = tube(number)
    return f"{row.box or ''} {row.position}".strip()


def scan(page: Page, code: str) -> None:
    """Read a code as a scanner does: signs and Enter, wherever the focus is."""
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def has_no_faults(page: Page) -> None:
    found = violations(page, "document, {runOnly: ['wcag2a', 'wcag2aa']}")
    assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found] == []


def store_unfinished(page: Page) -> None:
    page.get_by_role("button", name="Store the check").click()
    dialog = page.get_by_role("dialog", name="Store it all the same?")
    dialog.get_by_role("button", name="Store the check").click()
    expect(dialog).to_be_hidden()


def test_a_box_of_81_is_scanned_and_checked_without_a_reload(page: Page, study: Study, sign_in: Any) -> None:
    """T05 is missing, T11 and T12 stand in each other's positions, T82 of BOX2 stands where T20 should be."""
    sign_in("tina", "technician", study)
    page.goto("/boxes/BOX1/scan/")
    page.evaluate("window.isSamePage = true")
    says, grid = page.locator("[data-scan=says]"), page.get_by_role("grid", name="Box BOX1, scan session")
    codes = {5: "", 11: "T12", 12: "s1-t11", 20: "T82"}
    for number in range(1, 82):
        code = codes.get(number, f"T{number:02}")
        if code:
            scan(page, code)
        else:
            page.get_by_role("button", name="This position is empty").click()
        if number == 20:
            expect(says).to_contain_text("S1-T82 is not of this box: recorded in BOX2 C3. Laid in C2.")
    expect(page.get_by_text("Every position was looked at.")).to_be_visible()
    counts = page.locator(".scan-counts")
    expect(counts).to_contain_text("77 in place 2 elsewhere 2 missing 1 foreign 0 unknown 0 scanned twice")
    expect(grid.get_by_role("gridcell", name="B2, recorded in B3: T12 of S1")).to_be_visible()
    scan(page, "T01")
    expect(says).to_contain_text("S1-T01 was scanned already, in A1")
    scan(page, "XYZ-9")
    expect(says).to_contain_text("No tube of yours is called XYZ-9.")
    has_no_faults(page)
    small = page.evaluate(
        "() => [...document.querySelectorAll('.bench-content :is(button, select, .form-control, [role=gridcell]), .bench-header .btn')]"
        ".filter((one) => one.offsetParent && (one.offsetHeight < 56 || one.offsetWidth < 44)).map((one) => one.outerHTML.slice(0, 80))"
    )
    assert small == []

    page.get_by_label("What to record of S1-T12").select_option("Record where it was found")
    expect(page.get_by_label("What to record of S1-T11")).to_have_value("moved")
    page.get_by_label("What to record of S1-T05").select_option("Record as not found")
    page.get_by_label("What to record of S1-T20").select_option("Record as not found")
    page.get_by_label("What to record of S1-T82").select_option("Record it in this box")
    page.get_by_role("button", name="Store the check").click()
    expect(says).to_contain_text("The check is stored.")
    assert page.evaluate("window.isSamePage")

    check = BoxCheck.objects.get()
    results = list(
        check.tubes.exclude(result="in place")
        .order_by("sample__code")
        .values_list("sample__code", "result", "decision")
    )
    assert results == [
        ("T05", "missing", "missing"), ("T11", "elsewhere", "moved"), ("T12", "elsewhere", "moved"),
        ("T20", "missing", "missing"), ("T82", "foreign", "moved"),
    ]  # fmt: skip
    assert (check.tubes.count(), check.unknown_codes, str(check.performed_by)) == (82, "XYZ-9", "tina")
    assert [place(n) for n in (5, 11, 12, 20, 82)] == ["", "BOX1 B3", "BOX1 B2", "", "BOX1 C2"]
    words = list(TubeEvent.objects.filter(sample__code__in=["T05", "T11"], is_edit=False).order_by("sample__code"))
    assert [one.words for one in words] == ["not found (was in BOX1 A5)", "moved from BOX1 B2 to BOX1 B3"]


def test_scans_outlive_a_loss_of_the_network_and_of_the_page(page: Page, study: Study, sign_in: Any) -> None:
    sign_in("tina", "technician", study)
    page.goto("/boxes/BOX1/scan/")
    says = page.locator("[data-scan=says]")
    scan(page, "T01")
    page.context.set_offline(True)
    scan(page, "T02")
    expect(says).to_contain_text("S1-T02 is in its place, A2.")
    scan(page, "T82")
    expect(page.get_by_text("1 scans wait for the network.")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator(".scan-counts")).to_contain_text("2 in place 0 elsewhere")
    expect(page.locator(".scan-counts")).to_contain_text("1 foreign")
    for code in ("T05", "T06", "T07"):  # T04 is not there, and nobody said so
        scan(page, code)
    expect(page.get_by_text("The last 3 scans are each one position early. Was A4 empty?")).to_be_visible()
    page.get_by_role("button", name="Yes, it is empty").click()
    expect(page.locator(".scan-counts")).to_contain_text("5 in place 0 elsewhere")
    expect(page.locator(".scan-counts")).to_contain_text("1 foreign")
    page.reload()
    expect(says).to_contain_text("6 scans of before are kept on this device.")
    TissueSample.objects.filter(code="T81").update(position="", box=None)  # somebody moves a tube meanwhile
    store_unfinished(page)
    expect(says).to_contain_text("Somebody moved tubes of this box meanwhile")
    expect(page.locator(".scan-counts")).to_contain_text("5 in place 0 elsewhere")  # nothing has to be scanned again
    tina = User.objects.get(username="tina")
    set_pin(User.objects.create_user("tom", first_name="Tom", is_superuser=True), "2741")
    page.reload()
    page.get_by_role("button", name="Working: tina").click()
    people = page.get_by_role("dialog", name="Who is working?")
    people.get_by_role("button", name="Tom").click()
    page.keyboard.type("2741")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Working: Tom")).to_be_visible()
    page.context.set_offline(True)
    store_unfinished(page)
    expect(page.locator("[data-outbox-chip]")).to_contain_text("1 waiting: no network")
    expect(page.locator(".scan-counts")).to_contain_text("0 in place")  # the next check can begin
    assert not BoxCheck.objects.exists()
    page.context.set_offline(False)
    expect(says).to_contain_text("The check is stored.")
    check = BoxCheck.objects.get()
    assert check.tubes.count() == 81  # 80 that are recorded, and the foreign one
    assert (str(check.performed_by), check.created_by) == ("tom", tina)


def test_tubes_are_moved_by_click_by_key_and_by_scan(page: Page, study: Study, sign_in: Any) -> None:
    sign_in("tina", "technician", study)
    TissueSample.objects.filter(code="T10").update(exclusion_criterion="thawed over the weekend")
    page.goto("/boxes/BOX1/")
    says, grid = page.locator("[data-box=says]"), page.get_by_role("grid", name="Box BOX1")
    cell = lambda position: grid.locator(f"[data-position={position}]")  # noqa: E731
    expect(cell("B1")).to_have_attribute("aria-label", "B1, XA T10 of S1, excluded: thawed over the weekend")
    has_no_faults(page)

    cell("A1").click()
    cell("A3").click(modifiers=["Shift"])
    expect(page.get_by_role("heading", name="3 tubes chosen")).to_be_visible()
    page.get_by_label("Into another box").select_option("BOX2")
    free = page.get_by_role("grid", name="Free positions of box BOX2")
    free.locator("[data-position=C2]").click()  # C3 is taken: they lie one after the other
    expect(page.get_by_text("Move 3 tubes to C2 … C5 of box BOX2?")).to_be_visible()
    page.keyboard.press("Enter")
    expect(says).to_contain_text("3 tubes are in box BOX2 now.")
    assert [place(n) for n in (1, 2, 3)] == ["BOX2 C2", "BOX2 C4", "BOX2 C5"]
    page.get_by_role("button", name="Put back where they were").click()
    expect(says).to_contain_text("Put back where they were.")
    assert [place(n) for n in (1, 2, 3)] == ["BOX1 A1", "BOX1 A2", "BOX1 A3"]

    cell("A1").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Tissue taken (mg)").fill("1.5")
    page.get_by_role("button", name="Used up").click()
    expect(says).to_contain_text("Stored: S1-T01 used up.")
    expect(cell("A1")).to_have_attribute("aria-label", "A1, free")

    page.get_by_label("Scan or type a tube").click()
    scan(page, "t82")
    expect(says).to_contain_text("S1-T82 is in your hand (BOX2 C3)")
    scan(page, "a1")
    expect(page.get_by_text("Move S1-T82 to A1 of box BOX1?")).to_be_visible()
    page.get_by_role("button", name="Move", exact=True).click()
    expect(says).to_contain_text("S1-T82 is in A1 of box BOX1 now.")
    assert (place(82), tube(1).tube_events.order_by("-pk")[0].amount_used_mg) == ("BOX1 A1", 1.5)

    page.goto(f"/records/tissue-samples/{tube(1).pk}/")
    story = page.get_by_role("region", name="The tube")
    expect(story).to_contain_text("used up (was in BOX1 A1), 1.5 mg taken")
    expect(story).to_contain_text("moved from BOX2 C2 to BOX1 A1")
    page.goto("/freezers/")
    page.get_by_role("link", name="BOX1").click()
    expect(page.get_by_role("grid", name="Box BOX1")).to_be_visible()
