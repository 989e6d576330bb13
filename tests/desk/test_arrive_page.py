"""The ARRIVE report says what the records say, lists what they lack, and tells no arm of a blinded study."""

import re
from pathlib import Path

import pytest

from labdb.accounts.models import Role, User
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Cohort, Mouse, Shipment, Strain, Study, StudyMembership, Weighing
from labdb.desk.arrive import pdf
from labdb.desk.arrive.report import Asked
from labdb.desk.arrive_page import make_report
from labdb.registry import pdf_letters
from labdb.treatment.unblinding import unblind
from tests.accounts.people import make, sentences
from tests.accounts.people import signed_in as sign_in
from tests.analysis.treated_study import make_analyzed_study, signed_in
from tests.treatment.blinded_study import SECRETS, make_blinded_study

pytestmark = pytest.mark.django_db


def gaps_of(study: Study) -> dict[str, list[str]]:
    report = make_report(Asked(study, User.objects.get_or_create(username="boss", is_superuser=True)[0]))
    found: dict[str, list[str]] = {}
    for number, gap in report.gaps:
        found.setdefault(number, []).append(gap.sentence)
    return found


def test_the_page_says_what_the_records_say() -> None:
    make_analyzed_study()
    page = sentences(signed_in().get("/studies/S1/arrive/"))
    for words in (
        "1a Groups that are compared", "Phenotype n control 3 resilient 3 susceptible 6", "ketamine 3", "saline 9",
        "called by phenotype 12 control 3, susceptible 6, resilient 3",
        "Phenotype by the rule “Ratio below 1”", "6 mice allocated at random, 6 given vehicle without randomization.",
        "Region Arm Control Susceptible, vehicle Treated PFC ketamine 3 3 3",
        "PFC ketamine 62 % 31 % to 93 % 0.05",  # as written in add_reversal
        # 75, 76 and 77 s over 50 s
        "SI ratio of the first test Group n Mean SD Median Range control 3 1.52 0.02 1.52 1.5 to 1.54",
        "susceptible - control 1 up, 1 down of 3", "Sex: male 12.", "For the authors to write: ",
    ):  # fmt: skip
        assert words in page, words


def test_what_is_missing_is_said_until_it_is_entered() -> None:
    study = make_analyzed_study()
    before = gaps_of(study)
    assert "The planned number of mice." in before["2a"]
    assert {"12 mice have no strain.", "12 mice have no birth date.", "No mouse was weighed."} <= set(before["8a"])
    assert before["14"] == ["The number of the ethics approval.", "The prospective severity."]
    Study.objects.update(
        question="Does it work?", planned_n=12, planned_n_basis="A pilot.", primary_outcome="SI ratio",
        ethics_number="TVV 1/26", severity_prospective="moderate",
    )  # fmt: skip
    shipment = Shipment.objects.create(study=study, code="D1", vendor="Janvier", health_report="FELASA negative")
    strain = Strain.objects.get_or_create(name="C57BL/6J")[0]
    Cohort.objects.filter(study=study).update(start_date="2026-03-01")
    mice = Mouse.objects.filter(study=study)
    mice.update(strain=strain, birth_date="2026-01-04", shipment=shipment, genotype="WT")  # 56 days, 8 weeks
    for number, mouse in enumerate(mice):
        Weighing.objects.create(study=study, mouse=mouse, body_mass_g=20 + number, performed_at="2026-03-01T08:00Z")
    study.refresh_from_db()
    after = gaps_of(study)
    assert not {"2a", "2b", "6b", "8a", "8b", "13", "14"} & set(after)
    page = sentences(signed_in().get("/studies/S1/arrive/"))
    # 20 to 31 g: mean 25.5, SD sqrt(143 / 11) = 3.6
    assert "Body mass at the first weighing: 25.5 ± 3.6 g (20 to 31, n = 12)." in page
    assert "Age at the start of the stress: 8 weeks (8 to 8, n = 12)." in page
    assert "D1 Janvier FELASA negative" in page
    assert "Approval TVV 1/26." in page


@pytest.mark.django_db(transaction=True)  # the history's clock stands still within a transaction
def test_blinding_is_told_with_its_log_and_the_scores_after_it() -> None:
    study = make_analyzed_study()
    Study.objects.update(is_blinded=True)
    study.refresh_from_db()
    holder = make("alma", "allocator", of="S1")
    unblind(study, by=holder, reason="All is scored.")
    test = SocialInteractionTest.objects.filter(study=study).first()
    test.iz_absent_s = 61
    test.save()
    SocialInteractionTest.objects.create(
        study=study, mouse=test.mouse, test_number=3, iz_absent_s=60, iz_present_s=30, scorer=holder
    )
    page = sentences(signed_in().get("/studies/S1/arrive/"))
    assert "The study was blinded from " in page
    assert "the study All is scored. alma" in page
    assert "The key is held by alma; everybody else works with codes." in page
    # 24 tests before and 1 after; 1 changed after it; 1 by the holder
    assert "SI tests 25 1 1 1" in page
    assert "7 of 7 analyses were computed before the unblinding." in page


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Write PDFs in the font of every reader, whose letters stand in the file."""
    monkeypatch.setattr(pdf_letters, "FONT_FOLDERS", (tmp_path,))


def test_the_file_has_headings_tables_and_the_flow(readable: None) -> None:
    study = make_analyzed_study()
    client = signed_in()
    answer = client.get("/studies/S1/arrive/?export=pdf")
    assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
    assert 'filename="arrive_S1.pdf"' in answer["Content-Disposition"]
    assert b"/Subtype /Image" in answer.content
    assert len(re.findall(rb"/Type /Page\b(?!s)", answer.content)) >= 3
    report = make_report(Asked(study, User.objects.get(username="tina")))
    written = pdf.report_pdf(report, "today", None, compress=False)
    for words in (
        "ARRIVE 2.0 report of S1",
        "Missing in the records",
        "The Essential 10",
        "Statistical methods",
        "62 %",
    ):
        assert words.encode("latin-1") in written, words


@pytest.mark.parametrize("role", ["technician", "scorer", "analyst", "investigator", "allocator", "manager"])
def test_no_door_of_the_report_tells_what_an_arm_is_while_it_is_blinded(role: str, readable: None) -> None:
    study = make_blinded_study()
    someone = User.objects.create_user("rita", password="a password of the tests")
    StudyMembership.objects.create(study=study, user=someone, role=Role.objects.get(name=role))
    client = sign_in(someone)
    page = client.get("/studies/BLIND/arrive/").content.decode()
    assert "Arms: arm A and arm B; what each of them gets, allocators alone know." in page
    written = pdf.report_pdf(make_report(Asked(study, someone)), "today", None, compress=False).decode("latin-1")
    assert "blinded" in written
    for secret in SECRETS:
        assert secret not in page, secret
        assert secret not in written, secret


def test_results_of_a_blinded_study_name_no_arm_of_mice_that_were_not_randomized() -> None:
    make_analyzed_study()  # controls and resilient mice get saline without randomization
    Study.objects.update(is_blinded=True)
    page = sentences(signed_in().get("/studies/S1/arrive/"))
    retest = page.split("SI ratio of the re-test")[1].split("10b")[0]
    assert re.search(r"control 3 .* resilient 3 .* susceptible, arm [AB] 3 .* susceptible, arm [AB] 3 ", retest)
    assert "control, arm" not in retest


def test_only_who_sees_the_study_sees_its_report() -> None:
    make_analyzed_study()
    assert sign_in(make("mia", "analyst", of="S2")).get("/studies/S1/arrive/").status_code == 404
    Study.objects.create(code="S3", title="Empty")
    page = sentences(signed_in().get("/studies/S3/arrive/"))
    assert "No mouse is entered." in page
    assert signed_in(name="tom").get("/studies/S3/arrive/?export=pdf").content.startswith(b"%PDF-")
