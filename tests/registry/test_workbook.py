"""A whole study as one workbook: out, in again, and every wrong cell of all sheets at once."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from labdb.accounts.models import User
from labdb.colony.models import Mouse, Study, Weighing
from labdb.registry.imports import import_table
from labdb.registry.text_tables import TableError
from labdb.registry.workbook_export import study_workbook, template_workbook
from labdb.registry.workbook_files import WorkbookFile
from labdb.registry.workbook_import import import_workbook
from labdb.registry.workbook_sheets import sheet_records
from labdb.sequencing.models import Library
from tests.registry.rows import good_row, make_world, writable
from tests.registry.workbooks import cells_of, edited, with_member, workbook

pytestmark = pytest.mark.django_db

ROOMS = ("accounts", "colony", "registry", "defeat", "behavior", "treatment", "tissue", "sequencing", "analysis")
MICE = [["code", "sex"], ["M1", "F"], ["M2", "M"]]


@pytest.fixture
def writer() -> Any:
    return make_world()


def take(data: bytes, user: Any, study: str = "S1", **options: Any) -> Any:
    return import_workbook(data, "study.xlsx", study=study, user=user, **options)


def said(report: Any) -> list[str]:
    return [str(error) for error in report.errors]


def study_with_every_record(user: Any) -> Study:
    """S1 with the good row of every record that people write."""
    for record in writable():
        row = {name: text for name, text in good_row(record).items() if text}
        text = io.StringIO()
        csv.writer(text).writerows([row, row.values()])
        report = import_table(record, text.getvalue().encode(), "row.csv", user=user, reason="a test")
        assert report.is_stored, (record.resource, report.refusals())
    return Study.objects.get(code="S1")


def empty_the_database() -> Any:
    """As on the first day: fixtures, roles and one account; the test's transaction brings everything back."""
    tables = [model._meta.db_table for model in apps.get_models() if model._meta.app_label in ROOMS]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT empty_tables(%s)", [tables])
    call_command("load_fixtures", verbosity=0)
    return User.objects.create_superuser("somebody else", password="a long password")


def test_a_study_goes_into_an_empty_database_and_comes_out_the_same(writer: Any) -> None:
    first = study_workbook(study_with_every_record(writer), writer)
    other = empty_the_database()
    assert not Mouse.objects.exists()
    taken = take(first, other, reason="moved here")
    assert taken.is_stored, taken.refusals()
    old, new = cells_of(first), cells_of(study_workbook(Study.objects.get(code="S1"), other))
    assert old.keys() == new.keys()
    for sheet, rows in old.items():
        assert new[sheet] == rows, sheet
    unnamed = {
        "arena-zones",
        "tracker-mappings",
        "phenotype-rules",
        "response-rules",
        "screening-rules",
        "strains",
        "genes",
    }  # by no row of this study
    assert {record.resource for record in sheet_records()} - set(old) == unnamed


def test_the_same_workbook_again_changes_nothing(writer: Any) -> None:
    data = study_workbook(study_with_every_record(writer), writer)
    report = take(data, writer)
    assert said(report) == []
    assert (report.created, report.changed, report.unchanged) == (0, 0, report.rows)


def test_the_template_has_a_sheet_for_every_record_and_imports_empty_of_rows(writer: Any) -> None:
    book = WorkbookFile(template_workbook(), "template.xlsx")
    assert book.sheet_names == ["about", "columns", *(record.resource for record in sheet_records())]
    with pytest.raises(TableError, match="holds no rows; fill its sheets"):
        take(template_workbook(), writer)


def test_all_wrong_cells_of_all_sheets_are_listed_and_nothing_is_stored(writer: Any) -> None:
    data = workbook(
        cohorts=[["code"], ["C 7"], ["C8"]],
        mice=[["code", "sex", "cohort"], ["M1", "X", "C8"], ["M2", "F", "C 7"], ["M3", "F", "C8"]],
        weighings=[
            ["mouse", "performed_at", "body_mass_g"],
            ["M3", "2026-03-01 09:00", 2500],
            ["M2", "2026-03-01 09:00", 25],
            ["M4", "2026-03-01 09:00", 25],
        ],
    )
    before = Mouse.objects.count()
    report = take(data, writer)
    assert [error.rpartition(": ")[0] for error in said(report)] == [
        "sheet cohorts, line 2, column code, value C 7",
        "sheet mice, line 2, column sex, value X",
        "sheet weighings, line 2, column body_mass_g, value 2500",
        "sheet weighings, line 4, column mouse, value M4",
    ], said(report)  # that cohort "C 7" and mouse M2 are missing is said once, where they are wrong
    assert Mouse.objects.count() == before
    assert not report.is_stored


def test_a_dry_run_counts_and_stores_nothing(writer: Any) -> None:
    before = Mouse.objects.count()
    report = take(workbook(mice=MICE), writer, dry_run=True)
    assert (report.created, report.errors, report.is_stored) == (2, (), False)
    assert Mouse.objects.count() == before


def test_a_study_of_its_own_comes_along_and_may_be_closed(writer: Any) -> None:
    data = workbook(studies=[["code", "title", "state"], ["NEW", "a new one", "closed"]], mice=MICE)
    assert take(data, writer, "NEW").is_stored
    study = Study.objects.get(code="NEW")
    assert study.state == "closed"
    assert Mouse.objects.filter(study=study).count() == 2


def test_a_study_that_nobody_made_is_said_once(writer: Any) -> None:
    assert said(take(workbook(mice=MICE, cohorts=[["code"], ["C1"]]), writer, "NONE")) == [
        "sheet studies, line 1: There is no study NONE; make it first, or send it in a sheet studies."
    ]


def test_a_workbook_of_another_study_is_refused(writer: Any) -> None:
    data = workbook(studies=[["code", "title"], ["NEW", "a new one"]], mice=MICE)
    assert "This workbook is of study NEW, and study S1 was named" in said(take(data, writer, "S1"))[0]


def test_people_that_rows_name_are_made_as_closed_accounts(writer: Any) -> None:
    data = workbook(
        people=[["username", "first_name", "last_name"], ["zoe", "Zoe", "Q"]],
        mice=MICE,
        weighings=[["mouse", "performed_at", "body_mass_g", "performed_by"], ["M1", "2026-03-01 09:00", 25, "zoe"]],
    )
    report = take(data, writer)
    assert report.is_stored, report.refusals()
    zoe = User.objects.get(username="zoe")
    assert (zoe.is_active, zoe.has_usable_password(), zoe.last_name) == (False, False, "Q")
    assert Weighing.objects.get(mouse__code="M1", mouse__study__code="S1").performed_by == zoe


def test_words_that_look_like_formulas_stay_words(writer: Any) -> None:
    study = Study.objects.get(code="S1")
    notes = '=HYPERLINK("x")'
    Mouse.objects.create(study=study, code="M77", notes=notes, group="#N/A", ear_tag="007")
    data = study_workbook(study, writer)
    row = next(row for row in cells_of(data)["mice"] if row[0] == "M77")
    assert {notes, "#N/A", "007"} <= set(row)
    assert take(data, writer).unchanged == take(data, writer).rows


BAD_WORKBOOKS = {
    "an unknown sheet": (workbook(Weighing=MICE), "No record is called Weighing; did you mean weighings?"),
    "a renamed column": (
        workbook(mice=[["code", "gender"], ["M1", "F"]]),
        "gender is not a field of mice; known are",
    ),
    "a sheet that others refer to is missing": (
        workbook(weighings=[["mouse", "performed_at", "body_mass_g"], ["M9", "2026-03-01", 25]]),
        "There is no mouse M9 in study S1",
    ),
    "merged cells": (
        edited(workbook(mice=MICE), lambda book: book["mice"].merge_cells("B2:B3")),
        "has merged cells (B2:B3)",
    ),
    "a formula without its result": (
        workbook(mice=[["code", "sex"], ['="M"&1', "F"]]),
        "A2 hold a formula whose result was not saved",
    ),
    "an error cell": (
        edited(workbook(mice=MICE), lambda book: book["mice"].__setitem__("B3", "#N/A")),
        "B3 show an error such as #N/A",
    ),
    "a cell in the last corner": (
        edited(workbook(mice=MICE), lambda book: book["mice"].__setitem__("XFD1048576", 1)),
        "a cell lies far outside the table",
    ),
    "a cell beyond the header": (
        edited(workbook(mice=MICE), lambda book: book["mice"].__setitem__("D2", "x")),
        "has a cell beyond the last named column",
    ),
}


@pytest.mark.parametrize("name", BAD_WORKBOOKS)
def test_a_bad_sheet_is_refused_in_words(name: str, writer: Any) -> None:
    data, words = BAD_WORKBOOKS[name]
    before = Mouse.objects.count()
    report = take(data, writer)
    assert any(words in error for error in said(report)), said(report)
    assert Mouse.objects.count() == before


def zip_bomb() -> bytes:
    return with_member(workbook(mice=MICE), "xl/media/image1.png", b"\0" * (500 * 2**20 + 1))


def damaged() -> bytes:
    """A member that begins with a block of a kind that deflate does not have."""
    whole = with_member(b"PK\x05\x06" + b"\0" * 18, "xl/workbook.xml", b"x" * 1000)
    name_at = whole.index(b"xl/workbook.xml")
    start = name_at + len(b"xl/workbook.xml")
    return whole[:start] + b"\xff" + whole[start + 1 :]


BAD_FILES: dict[str, tuple[Callable[[], bytes], str]] = {  # made when they are needed: two of them are large
    "no workbook": (lambda: b"code,sex\nM1,F\n", "is no XLSX workbook"),
    "another zip": (
        lambda: with_member(b"PK\x05\x06" + b"\0" * 18, "x.txt", b"x"),
        "is a zip archive and no XLSX workbook",
    ),
    "cut short": (lambda: workbook(mice=MICE)[:-200], "is a damaged workbook"),
    "a damaged member": (damaged, "is a damaged workbook"),
    "macros": (lambda: with_member(workbook(mice=MICE), "xl/vbaProject.bin", b"x"), "holds macros"),
    "a zip bomb": (zip_bomb, "unpacks to more than 500 MB"),
    "200 MB": (lambda: b"PK\x03\x04" + b"\0" * (200 * 2**20), "has 200 MB, a workbook may have 100"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_sound_workbook_is_refused_in_words(name: str, writer: Any) -> None:
    make, words = BAD_FILES[name]
    with pytest.raises(TableError, match=words):
        take(make(), writer)


def test_the_commands_write_and_read_a_workbook(writer: Any, tmp_path: Path) -> None:
    path, out, err = tmp_path / "s.xlsx", io.StringIO(), io.StringIO()
    Library.objects.filter(extractions=None).delete()  # no door lets a library in without its extraction
    call_command("export_workbook", str(path), study="S1", stdout=out)
    try:
        call_command("import_workbook", str(path), study="S1", stdout=out, stderr=err)
    except SystemExit:
        pytest.fail(err.getvalue())
    assert " unchanged." in out.getvalue()
    path.write_bytes(workbook(mice=[["code"], ["two words"]]))
    with pytest.raises(SystemExit):
        call_command("import_workbook", str(path), study="S1", stdout=out, stderr=err)
    assert "sheet mice, line 2, column code, value two words: A code starts with" in err.getvalue()
    with pytest.raises(CommandError, match="There is no study NONE"):
        call_command("export_workbook", str(path), study="NONE")


def test_the_page_checks_then_stores_and_leads_to_the_import(writer: Any) -> None:
    client = Client()
    client.force_login(writer)
    file = SimpleUploadedFile("s.xlsx", workbook(mice=MICE))
    checked = client.post(reverse("workbook"), {"step": "check", "study": "S1", "file": file})
    assert "Import 2 rows into S1" in checked.content.decode()
    assert not Mouse.objects.filter(code="M1").exists()
    done = client.post(reverse("workbook"), {"step": "import", "study": "S1", "token": checked.context["token"]})
    assert done.status_code == 302
    page = client.get(done["Location"]).content.decode()
    assert "s.xlsx" in page and "Undo this import" in page
    assert Mouse.objects.filter(code="M1").exists()


def test_the_page_lists_wrong_cells_with_their_sheet(writer: Any) -> None:
    client = Client()
    client.force_login(writer)
    file = SimpleUploadedFile("s.xlsx", workbook(mice=[["code"], ["two words"]]))
    page = client.post(reverse("workbook"), {"step": "check", "study": "S1", "file": file}).content.decode()
    assert "<td>mice</td>" in page and "two words" in page
    for data, words in ((b"a,b", "is no XLSX workbook"), (b"", "Nothing was sent")):
        sent = {"step": "check", "study": "S1", **({"file": SimpleUploadedFile("x.csv", data)} if data else {})}
        assert words in client.post(reverse("workbook"), sent).content.decode()
    sent = {"step": "check", "study": "", "file": SimpleUploadedFile("x.csv", b"a")}
    assert "Say which study it is" in client.post(reverse("workbook"), sent).content.decode()


def test_the_page_gives_the_template_and_each_study_that_the_account_sees(writer: Any) -> None:
    client = Client()
    client.force_login(writer)
    template = client.get(reverse("workbook-template"))
    assert WorkbookFile(template.content, "t.xlsx").sheet_names[0] == "about"
    out = client.get(reverse("workbook-of-study", args=["S1"]))
    assert "mice" in cells_of(out.content)
    stranger = User.objects.create(username="stranger")
    client.force_login(stranger)
    assert client.get(reverse("workbook-of-study", args=["S1"])).status_code == 404
    assert client.post(reverse("workbook"), {"study": "S1"}).status_code == 403
