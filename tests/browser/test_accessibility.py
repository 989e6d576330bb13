"""What axe-core, keys alone and a look at the focus say of the main pages, light and dark."""

from collections.abc import Sequence
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from analysis.models import AnalysisRun, RunStatus, SignatureReversal
from labdb.behavior.models import Assay
from labdb.colony.models import Mouse, Study
from labdb.sequencing.models import Library, LibraryRun, SequencingRun, SequencingSelection
from labdb.sequencing.selecting import Candidate, SelectionInputs
from labdb.tissue.models import StorageBox, TissueSample
from tests.analysis.treated_study import add_run, make_analyzed_study
from tests.browser.axe import serious
from tests.browser.conftest import SignIn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(1200)]  # it looks at every page
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# Vega writes its drawings itself; what they show stands in the caption and in the tables beside them.
WITHOUT_DRAWINGS = '{exclude: [[".figure-plot svg"]]}, {resultTypes: ["violations"]}'
# By night a page differs in its colors alone: the rules of axe that look at colors.
ITS_COLORS = '{exclude: [[".figure-plot svg"]]}, {runOnly: ["color-contrast", "link-in-text-block"]}'

FOCUSED = """() => {
  const { outlineStyle, boxShadow } = getComputedStyle(document.activeElement);
  return [document.activeElement.outerHTML.slice(0, 200), outlineStyle, boxShadow];
}"""


def faults(page: Page) -> list[str]:
    """Return what is seriously wrong with the page that is shown."""
    return serious(page, WITHOUT_DRAWINGS)


def addresses(mouse: Mouse) -> list[str]:
    """Return the main pages, each of a kind of its own."""
    run = AnalysisRun.objects.filter(task="reversal").latest("pk")
    response = AnalysisRun.objects.filter(task="response").latest("pk")
    own = f"/records/mice/{mouse.pk}/"
    assay, _ = Assay.objects.get_or_create(name="sucrose preference")
    return [
        "/", "/studies/S1/", "/studies/S1/mice/k0/", "/studies/S1/mice/k0/merge/", "/studies/S1/exclusions/",
        "/studies/S1/phenotype/?cutoff=1.53&borderline=0.05",
        "/records/", "/records/mice/?study=S1&group=control", "/records/mice/?study=S1&birth_date__gte=soon",
        "/records/mice/add/?study=S1", "/records/mice/import/?study=S1", own, f"{own}edit/", f"{own}delete/",
        "/records/si-tests/?study=S1", "/records/workbook/", "/records/dictionary/",
        "/genes/?q=gene", "/genes/Gene1/", "/analysis/", f"/analysis/runs/{run.pk}/", f"/analysis/runs/{response.pk}/?since=first-test",
        f"/analysis/reversals/{SignatureReversal.objects.latest('pk').pk}/", "/accounts/people/", "/search/?q=k&all=1",
        "/search/?q=nobody", "/studies/S1/bench/weighing/?cohort=C1", "/studies/S1/defeat/", "/records/weighings/grid/?study=S1",
        "/nowhere/", "/studies/S1/scoring/", "/studies/S1/scoring/again/?test=2&seed=1", "/studies/S1/assays/",
        f"/studies/S1/assays/{assay.pk}/", f"/studies/S1/assays/{assay.pk}/entry/?cohort=C1", "/studies/S1/assays/new/",
    ]  # fmt: skip


def along_the_chain(study: Study) -> list[str]:
    """Return the pages from the dissection to the count, with a tube in a box, a run whose groups lie apart, a selection."""
    box = StorageBox.objects.create(code="BOX1", freezer="F1")
    tube = TissueSample.objects.filter(study=study).earliest("pk")
    tube.box, tube.position = box, "A1"
    tube.save()
    run = SequencingRun.objects.create(code="RUN1")
    for library in Library.objects.filter(study=study):
        mouse = library.extractions.get().samples.get().mouse
        lane = "1" if mouse.group == "control" else "2"
        Library.objects.filter(pk=library.pk).update(pool=f"P{lane}")
        LibraryRun.objects.create(study=study, library=library, run=run, lane=lane, planned_reads_million=25)
    inputs = SelectionInputs((Candidate("k0", "control", is_listed=True),))
    selection = SequencingSelection.objects.create(
        study=study, code="SEL1", rule=inputs.rule(1), seed=1, algorithm_version=inputs.algorithm_version,
        input_digest=inputs.digest, input_snapshot=inputs.snapshot,
    )  # fmt: skip
    return [
        "/studies/S1/dissection/", "/studies/S1/dissection/?cohort=C1", f"/labels/?samples={tube.pk}", "/freezers/",
        "/boxes/BOX1/", "/boxes/BOX1/scan/", f"/records/tissue-samples/{tube.pk}/",
        "/studies/S1/rna-quality/", f"/studies/S1/selection/?again={selection.pk}", "/studies/S1/pools/",
        f"/runs/{run.pk}/", "/counts/import/?study=S1", "/studies/S1/measures/", "/studies/S1/measures/entry/",
        "/studies/S1/quality/",
    ]  # fmt: skip


def in_both_themes(page: Page) -> list[str]:
    """Return the faults of the page as it is shown by day and by night."""
    return in_themes(page, THEMES)


def in_themes(page: Page, themes: Sequence[Literal["light", "dark"]]) -> list[str]:
    """Return the faults of the page as each of these shows it."""
    said = []
    for theme in themes:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        expect(page.locator(f"html[data-bs-theme={theme}]")).to_be_attached()
        found = faults(page) if theme == "light" else serious(page, ITS_COLORS)
        said += [f"{theme}: {one}" for one in found]
    return said


def in_turn(page: Page, pages: Sequence[str]) -> dict[str, list[str]]:
    """Return the faults of each page, by day and by night in turn: they share their colors."""
    found = {}
    for number, address in enumerate(pages):
        page.goto(address)
        found[address] = in_themes(page, [THEMES[number % 2]])
    return found


def refuse(found: dict[str, list[str]]) -> None:
    said = [f"{address}: {one}" for address, some in found.items() for one in some]
    assert not said, "\n".join(said)


def what_opens(page: Page) -> dict[str, list[str]]:
    """Return the faults of what has no address: the panel below the box, ticked rows, an action's preview."""
    page.goto("/records/mice/?study=S1")
    page.get_by_role("combobox", name="Find any record").press_sequentially("k0")
    expect(page.locator("#find-panel").get_by_role("option").first).to_be_visible()
    found = {"panel": in_both_themes(page)}
    page.keyboard.press("Escape")
    page.locator("input[name=row]").first.check()
    found["ticks"] = in_both_themes(page)
    page.get_by_role("button", name="Set a field").click()
    page.get_by_label("Which field").select_option("group")
    page.get_by_label("Group").fill("witness")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What would be done")).to_be_visible()
    return found | {"preview": in_both_themes(page)}


def test_no_page_has_a_serious_fault(page: Page, sign_in: SignIn):
    study = make_analyzed_study()
    add_run(study, "phenotype", RunStatus.FAILED, reason="No SI test is left.")
    page.set_default_navigation_timeout(60_000)  # it looks at everything, and often is the first to
    page.goto("/accounts/login/")
    found = {"/accounts/login/": in_both_themes(page)}
    sign_in("boss")
    found |= in_turn(page, addresses(Mouse.objects.get(study=study, code="k0"))) | what_opens(page)
    refuse(found)


def test_no_page_from_the_dissection_to_the_count_has_a_serious_fault(page: Page, sign_in: SignIn):
    study = make_analyzed_study()
    page.set_default_navigation_timeout(60_000)
    sign_in("boss")
    refuse(in_turn(page, along_the_chain(study)))


def test_whoever_goes_by_keys_sees_where_they_are(page: Page, sign_in: SignIn):
    make_analyzed_study()
    sign_in("boss")
    page.goto("/records/mice/?study=S1")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    unseen = []
    for _step in range(25):  # the bar, the filters, and the first rows
        page.keyboard.press("Tab")
        element, outline, shadow = page.evaluate(FOCUSED)
        if (outline, shadow) == ("none", "none"):
            unseen.append(element)
    assert not unseen
    expect(page.locator("#rows")).to_contain_text("k0")
