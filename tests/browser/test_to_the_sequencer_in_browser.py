"""From the RNA to the lane as a technician does it: a file of an instrument, then pools that keep the groups even."""

import pytest
from playwright.sync_api import Page, expect

from labdb.sequencing.models import Library, RnaExtraction, SequencingRun
from tests.analysis.small_study import add_library, add_mouse, make_study
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import in_both_themes

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = (
    "FileName,WellId,Sample Description,Alert,Observations,RINe,Conc. [ng/µl]\n"
    "f,A1,E-M0-PFC,,,8.6,45.2\nf,B1,e m1 pfc,!,RIN low,6.1,30\nf,C1,tube x,,,8,41\n"
)


def test_rna_is_measured_and_libraries_go_to_lanes(page: Page, sign_in: SignIn):
    study = make_study()
    for number in range(8):
        add_library(add_mouse(study, f"M{number}", "control" if number < 4 else "defeated"), "PFC")
    SequencingRun.objects.create(code="RUN1")
    sign_in("tina", "technician", study)
    page.goto("/studies/S1/")
    page.get_by_role("link", name="RNA quality files").click()
    file = {"name": "rna_sampleTable.csv", "mimeType": "text/csv", "buffer": TABLE.encode("latin-1")}
    page.locator("#file").set_input_files(file)  # type: ignore[arg-type]
    expect(page.get_by_text("No extraction is called tube x")).to_be_visible()
    expect(page.get_by_label("Extraction of line 3")).to_have_value("E-M1-PFC")
    assert not in_both_themes(page)
    page.get_by_label("Leave out line 4").check()
    page.get_by_role("button", name="Check").click()
    page.get_by_role("button", name="Save 2 extractions").click()
    expect(page.get_by_text("2 extractions changed by the TapeStation file")).to_be_visible()
    assert RnaExtraction.objects.get(code="E-M1-PFC").rin == 6.1

    page.goto("/studies/S1/")
    page.get_by_role("link", name="Pools and lanes").click()
    page.get_by_label("Number of pools").fill("2")
    page.get_by_label("Run", exact=True).select_option("RUN1")
    page.get_by_label("Lanes", exact=True).fill("1; 2")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("region", name="Group x pool")).to_contain_text("control")
    expect(page.get_by_text("Nothing that contrasts are made of goes together with the pools.")).to_be_visible()
    assert not in_both_themes(page)
    page.get_by_role("button", name="Store the plan").click()
    expect(page.get_by_text("PLAN1 stored: 8 libraries in 2 pools.")).to_be_visible()
    page.get_by_role("link", name="deal again and compare").click()
    expect(page.get_by_text("8 of 8 libraries are where its seed puts them")).to_be_visible()
    groups = Library.objects.filter(pool="P1").values_list("extractions__samples__mouse__group", flat=True)
    assert sorted(groups) == ["control", "control", "defeated", "defeated"]
