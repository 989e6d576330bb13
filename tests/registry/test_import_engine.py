"""The import engine at full strength: what changes, what is asked, what a reason lets in, and the way back."""

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from labdb.accounts.models import Role, User
from labdb.colony.models import Cohort, Mouse, Study, StudyMembership, Weighing
from labdb.registry.attachments import attach
from labdb.registry.dates import DAY_FIRST, MONTH_FIRST, year_first
from labdb.registry.form_fields import Reading
from labdb.registry.history import writing
from labdb.registry.import_log import Import
from labdb.registry.imports import import_table
from labdb.registry.numbers import COMMA, POINT, AmbiguousError, read_number
from labdb.registry.record import record_for
from labdb.registry.text_tables import TableError
from labdb.registry.undo import CannotUndo, undo_import
from labdb.registry.units import unit_named
from tests.registry.rows import make_world
from tests.registry.workbooks import with_member, workbook

pytestmark = pytest.mark.django_db
HEADER = "mouse,performed_at,body_mass_g\n"
WEIGHED = HEADER + "M001,2025-06-01 09:00,25\nM002,2025-06-01 09:00,26\n"


@pytest.fixture
def writer() -> Any:
    return make_world()


@pytest.fixture
def page(writer: Any) -> Client:
    client = Client()
    client.force_login(writer)
    return client


def take(resource: str, data: str | bytes, user: Any, name: str = "t.csv", **options: Any) -> Any:
    content = data.encode() if isinstance(data, str) else data
    return import_table(record_for(resource), content, name, user=user, **options)


def said(report: Any) -> list[str]:
    return [str(error) for error in report.refusals()]


def counts(report: Any) -> tuple[int, int, int]:
    return report.created, report.changed, report.unchanged


# ---- what is stored already


def test_a_dry_run_says_from_what_to_what(writer: Any) -> None:
    take("weighings", WEIGHED, writer)
    report = take("weighings", WEIGHED.replace(",26", ",26.5") + "M002,2025-06-02 09:00,27\n", writer, dry_run=True)
    assert counts(report) == (1, 1, 1)
    (change,) = report.changes
    assert (change.line, change.name) == (3, "M002 26.5 g")
    assert [(one.field, one.old, one.new) for one in change.differences] == [("body_mass_g", "26.0", "26.5")]
    assert sorted(Weighing.objects.values_list("body_mass_g", flat=True)) == [25, 26]


def test_a_stored_value_is_replaced_only_with_a_reason(writer: Any) -> None:
    take("weighings", WEIGHED, writer)
    changed = WEIGHED.replace(",26", ",26.5")
    refused = take("weighings", changed, writer)
    assert said(refused) == [
        "line 3, column body_mass_g, value 26.5: 26.0 is stored; 26.5 would replace it. If it is right, give a reason."
    ]
    assert refused.lacks_reason and not refused.is_stored
    assert Weighing.objects.get(mouse__code="M002").body_mass_g == 26
    stored = take("weighings", changed, writer, reason="misread balance")
    row = Weighing.objects.get(mouse__code="M002")
    assert (counts(stored), row.body_mass_g, row.version) == ((0, 1, 1), 26.5, 2)
    event = row.events.order_by("-pgh_id").first()
    assert event.pgh_context.metadata["reason"] == "misread balance"
    assert event.pgh_context.metadata["import"] == stored.log.pk
    assert Weighing.objects.get(mouse__code="M001").version == 1  # what says the same is not written


def test_an_empty_field_is_filled_without_a_reason_and_other_fields_stay(writer: Any) -> None:
    mouse = Mouse.objects.get(code="M001")
    report = take("mice", "study,code,ear_tag\nS1,M001,L2\n", writer)
    assert counts(report) == (0, 1, 0)
    now = Mouse.objects.get(pk=mouse.pk)
    assert (now.ear_tag, now.birth_date, now.cohort_id) == ("L2", mouse.birth_date, mouse.cohort_id)


def test_needed_columns_may_lack_where_every_row_is_stored_already(writer: Any) -> None:
    take("weighings", WEIGHED, writer)
    notes = "mouse,performed_at,notes\nM001,2025-06-01 09:00,calm\n"
    assert counts(take("weighings", notes, writer)) == (0, 1, 0)
    new = notes + "M001,2025-06-09 09:00,new\n"
    assert "The column body_mass_g is missing" in said(take("weighings", new, writer))[0]


def test_several_related_records_of_a_stored_row_change(writer: Any) -> None:
    text = "study,code,samples\nS1,E001,T001; T002\n"
    report = take("rna-extractions", text, writer, dry_run=True)
    assert [(one.old, one.new) for one in report.changes[0].differences] == [("T001", "T001; T002")]
    take("rna-extractions", text, writer, reason="both went in")
    model: Any = record_for("rna-extractions").model
    extraction = model.objects.get(code="E001")
    assert sorted(extraction.samples.values_list("code", flat=True)) == ["T001", "T002"]


def test_a_change_needs_the_right_to_change(writer: Any) -> None:
    take("weighings", WEIGHED, writer)
    allocator = User.objects.create(username="scribe")
    role = Role.objects.create(name="adds only")
    role.permissions.set(Role.objects.get(name="technician").permissions.exclude(codename="change_weighing"))
    StudyMembership.objects.create(study=Study.objects.get(code="S1"), user=allocator, role=role)
    report = take("weighings", WEIGHED.replace(",26", ",26.5"), allocator, reason="x")
    assert report.is_forbidden
    assert "Your role may not change weighings in study S1; ask a manager." in said(report)[0]


def test_a_row_that_somebody_changed_since_the_check_is_not_overwritten(writer: Any, monkeypatch: Any) -> None:
    from labdb.registry import imports

    take("weighings", WEIGHED, writer)
    check = imports.check_sheet

    def check_then_other(*args: Any, **options: Any) -> Any:
        checked = check(*args, **options)
        Weighing.objects.filter(mouse__code="M002").update(body_mass_g=30)
        return checked

    monkeypatch.setattr(imports, "check_sheet", check_then_other)
    report = take("weighings", WEIGHED.replace(",26", ",26.5"), writer, reason="x")
    assert report.is_conflict
    assert "since the file was checked" in said(report)[0]


# ---- who, when, which file; and back


def test_an_import_is_recorded_and_the_same_file_recognized(writer: Any) -> None:
    log = take("weighings", WEIGHED, writer, name="masses.csv").log
    stored = Import.objects.get()
    assert (stored.file_name, stored.size_bytes, stored.n_created, stored.created_by) == (
        "masses.csv", len(WEIGHED), 2, writer,
    )  # fmt: skip
    assert [(row.line, row.is_new, row.version) for row in log.rows.order_by("line")] == [(2, True, 1), (3, True, 1)]
    again = take("weighings", WEIGHED, writer, dry_run=True)
    assert any("The same content was imported on" in note for note in again.notes)


def test_nothing_new_makes_no_import(writer: Any) -> None:
    take("weighings", WEIGHED, writer)
    assert take("weighings", WEIGHED, writer).log is None
    assert Import.objects.count() == 1


def test_undo_deletes_what_was_made_and_gives_back_what_was_changed(writer: Any) -> None:
    take("weighings", WEIGHED, writer)
    text = WEIGHED.replace(",26", ",26.5") + "M002,2025-06-02 09:00,27\n"
    log = take("weighings", text, writer, reason="wrong file").log
    undo_import(log, writer, "wrong file")
    assert sorted(Weighing.objects.values_list("body_mass_g", flat=True)) == [25, 26]
    log.refresh_from_db()
    assert (log.undone_by, log.undo_reason) == (writer, "wrong file")
    with pytest.raises(CannotUndo, match="was undone already"):
        undo_import(log, writer, "again")


def test_undo_gives_back_several_related_records(writer: Any) -> None:
    log = take("rna-extractions", "study,code,samples\nS1,E001,T002\n", writer, reason="x").log
    undo_import(log, writer, "no")
    model: Any = record_for("rna-extractions").model
    assert [sample.code for sample in model.objects.get(code="E001").samples.all()] == ["T001"]


def test_undo_says_what_was_built_on_it(writer: Any) -> None:
    log = take("mice", "study,code\nS1,M50\nS1,M51\n", writer).log
    take("weighings", HEADER + "M50,2025-06-01 09:00,25\n", writer)
    Mouse.objects.filter(code="M51").update(ear_tag="x")
    with pytest.raises(CannotUndo) as refused:
        undo_import(log, writer, "no")
    assert refused.value.obstacles == ["Mouse M51 was changed since.", "Mouse M50 has 1 weighing."]
    assert Mouse.objects.filter(code__in=["M50", "M51"]).count() == 2


def test_undo_stops_at_a_file_that_was_attached_to_a_new_row(writer: Any) -> None:
    log = take("mice", "study,code\nS1,M50\n", writer).log
    with writing(user=writer, door="web"):  # a request of its own, not that of the import
        attach(Mouse.objects.get(code="M50"), SimpleUploadedFile("photo.png", b"\x89PNG\r\n\x1a\n"), user=writer)
    with pytest.raises(CannotUndo, match=r"Mouse M50 has 1 attachment\."):
        undo_import(log, writer, "no")
    assert Mouse.objects.filter(code="M50").exists()


def test_a_former_name_in_a_file_is_followed_and_said(writer: Any) -> None:
    mouse = Mouse.objects.get(code="M002")
    mouse.code = "M902"
    mouse.save()
    report = take("weighings", HEADER + "M002,2025-06-01 09:00,25\n", writer)
    assert report.records[0].mouse == mouse
    assert report.notes == ("M002 is called M902 now; it was taken for M902.",)


def test_undo_needs_a_reason_and_the_right_to_delete(writer: Any) -> None:
    log = take("mice", "study,code\nS1,M50\n", writer).log
    with pytest.raises(CannotUndo, match="Say why"):
        undo_import(log, writer, " ")
    technician = User.objects.create(username="tech")
    StudyMembership.objects.create(
        study=Study.objects.get(code="S1"), user=technician, role=Role.objects.get(name="technician")
    )
    with pytest.raises(CannotUndo, match="Your role may not delete mice in study S1"):
        undo_import(log, technician, "no")


def test_the_page_of_an_import_shows_its_rows_and_undoes_it(page: Client, writer: Any) -> None:
    log = take("mice", "study,code\nS1,M50\n", writer, study=Study.objects.get(code="S1")).log
    assert "Undo this import" in page.get(reverse("record-detail", args=["imports", log.pk])).content.decode()
    assert "M50" in page.get(reverse("import-rows", args=[log.pk])).content.decode()
    address = reverse("import-undo", args=[log.pk])
    assert "1 new row would be deleted" in page.get(address).content.decode()
    assert page.post(address, {"reason": ""}).status_code == 409
    assert page.post(address, {"reason": "wrong file"}).status_code == 302
    assert not Mouse.objects.filter(code="M50").exists()


# ---- dates


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("25/03/2026", "", "2026-03-25"),  # no month 25
        ("03/25/2026", "", "2026-03-25"),
        ("3.3.2026", "", "2026-03-03"),  # the same either way
        ("3/4/2026", DAY_FIRST, "2026-04-03"),
        ("3/4/2026", MONTH_FIRST, "2026-03-04"),
        ("2026/3/4", "", "2026-03-04"),
        ("14 Mar 2026", "", "2026-03-14"),
        ("14-March-2026", "", "2026-03-14"),
        ("Sept 2, 2026", "", "2026-09-02"),
        ("3/4/2026 2:05 pm", DAY_FIRST, "2026-04-03 14:05"),
        ("12/31/2026 12:10 AM", "", "2026-12-31 00:10"),
        ("soon", "", "soon"),
    ],
)  # fmt: skip
def test_a_day_that_reads_in_one_way_is_understood(text: str, order: str, day: str) -> None:
    assert year_first(text, order) == day


def test_a_day_that_reads_in_two_ways_is_asked_about_once(writer: Any) -> None:
    text = "mouse,performed_at,body_mass_g\nM001,3/4/2025,25\nM002,5/4/2025,26\nM002,25/4/2025,26\n"
    report = take("weighings", text, writer)
    assert said(report) == [
        "line 2, column performed_at, value 3/4/2025: 3/4/2025 can be 3 April 2025 or 4 March 2025; enter it as "
        "2026-03-14 (year-month-day), or say which comes first in this file. (1 more such cell in this column.)"
    ]
    assert report.questions == {"date_order"}
    taken = take("weighings", text, writer, reading=Reading(date_order=DAY_FIRST))
    days = sorted(row.performed_at.date() for row in taken.records)
    assert days == [dt.date(2025, 4, 3), dt.date(2025, 4, 5), dt.date(2025, 4, 25)]
    wrong = take("weighings", text, writer, reading=Reading(date_order=MONTH_FIRST), dry_run=True)
    assert "25/4/2025 has no month 25 when read month-first" in said(wrong)[0]


# ---- numbers


@pytest.mark.parametrize(
    ("text", "unit", "mark", "number"),
    [
        ("20.5", "g", "", 20.5), ("20,5", "g", "", 20.5), ("0,123", "g", "", 0.123), ("1.234,5", "g", "", 1234.5),
        ("1,234.5", "g", "", 1234.5), ("1,234,567", "g", "", 1234567), ("1,234", "g", COMMA, 1.234),
        ("1,234", "g", POINT, 1234), ("1.234", "g", COMMA, 1234), ("20.5 g", "g", "", 20.5), ("20,5 grams", "g", "", 20.5),
        ("60 sec", "s", "", 60), ("10 mg/kg", "mg_per_kg", "", 10), ("-3,5", "g", "", -3.5), ("1e3", "g", "", 1000),
    ],
)  # fmt: skip
def test_a_number_is_understood(text: str, unit: str, mark: str, number: float) -> None:
    assert read_number(text, unit_named(unit), mark) == number


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        ("20500 mg", "g", "20500 mg is in mg, and this field is in g"),
        ("20 g", None, "20 g is in g, and this field has no unit"),
        ("1.2.3", "g", "is not a number"),
        ("1,2,3", "g", "is not a number"),
        ("> 300", "s", "is not a number"),
        ("20 5", "g", "is not a number"),
        ("1e999", "g", "is not a finite number"),
    ],
)
def test_a_number_that_could_be_misread_is_refused(text: str, unit: str | None, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        read_number(text, unit_named(unit) if unit else None)


def test_a_comma_before_three_digits_is_asked_about(writer: Any) -> None:
    with pytest.raises(AmbiguousError, match=r"1,234 can be 1\.234 or 1234"):
        read_number("1,234", unit_named("g"))
    text = 'mouse,performed_at,body_mass_g\nM001,2025-06-01,"25,125"\n'
    report = take("weighings", text, writer)
    assert report.questions == {"decimal_mark"}
    taken = take("weighings", text, writer, reading=Reading(decimal_mark=COMMA))
    assert taken.records[0].body_mass_g == 25.125


# ---- columns


def test_columns_are_known_by_their_labels_too(writer: Any) -> None:
    report = take("weighings", "Mouse;Weighed at;Body mass (g)\nM001;2025-06-01;25,5 g\n", writer)
    assert said(report) == []
    assert report.columns == {"Mouse": "mouse", "Weighed at": "performed_at", "Body mass (g)": "body_mass_g"}
    assert report.records[0].body_mass_g == 25.5


def test_a_label_with_another_unit_is_no_name_of_the_field(writer: Any) -> None:
    report = take("weighings", "mouse,performed_at,body mass (mg)\nM001,2025-06-01,25\n", writer)
    assert "body mass (mg) is not a field of weighings" in said(report)[0]


def test_the_page_remembers_what_a_column_was(page: Client, writer: Any) -> None:
    address = reverse("record-import", args=["weighings"])
    text = "Tier,performed_at,body_mass_g\nM001,2025-06-01 09:00,25\n"
    first = page.post(address, {"step": "check", "text": text, "study": "S1"})
    assert "Column Tier is" in first.content.decode()
    token = first.context["token"]
    again = page.post(address, {"step": "again", "token": token, "study": "S1", "column-0": "mouse"})
    assert not again.context["report"].errors
    page.post(address, {"step": "import", "token": again.context["token"], "study": "S1"})
    assert Weighing.objects.count() == 1
    later = page.post(
        address, {"step": "check", "text": text.replace("25\n", "26\n").replace("09:", "10:"), "study": "S1"}
    )
    assert not later.context["report"].errors
    assert "as said before" in later.content.decode()


def test_the_page_asks_for_the_reason_and_for_the_order_of_days(page: Client, writer: Any) -> None:
    take("weighings", WEIGHED, writer)
    address = reverse("record-import", args=["weighings"])
    text = "mouse,performed_at,body_mass_g\nM002,1/6/2025 9:00,26.5\n"
    asked = page.post(address, {"step": "check", "text": text, "study": "S1"})
    assert 'name="date_order"' in asked.content.decode()
    sent = {"token": asked.context["token"], "study": "S1", "date_order": DAY_FIRST}
    warned = page.post(address, {**sent, "step": "import"})
    assert "26.0 is stored; 26.5 would replace it." in warned.content.decode()
    assert Weighing.objects.get(mouse__code="M002").body_mass_g == 26
    done = page.post(address, {**sent, "step": "import", "history_reason": "misread"})
    assert done.status_code == 302
    assert Weighing.objects.get(mouse__code="M002").body_mass_g == 26.5


# ---- workbooks of one sheet


def test_a_sheet_of_a_workbook_is_a_table(writer: Any) -> None:
    data = workbook(
        Sheet1=[["mouse", "performed_at", "body_mass_g"], ["M001", dt.datetime(2025, 6, 1, 9, 30), 25.5]], empty=[]
    )
    (row,) = take("weighings", data, writer, name="w.xlsx").records
    assert (row.body_mass_g, row.performed_at) == (25.5, dt.datetime(2025, 6, 1, 9, 30, tzinfo=dt.UTC))


def test_of_several_sheets_the_one_called_as_the_record_is_read(writer: Any) -> None:
    mice, other = [["study", "code"], ["S1", "M60"]], [["a"], ["b"]]
    assert take("mice", workbook(mice=mice, notes=other), writer, name="m.xlsx").created == 1
    with pytest.raises(TableError, match=r"has 2 filled sheets \(one, two\); name the sheet mice"):
        take("mice", workbook(one=mice, two=other), writer, name="m.xlsx")
    assert take("mice", workbook(one=mice, two=other), writer, name="m.xlsx", sheet="one").unchanged == 1


def test_a_date_that_the_spreadsheet_made_of_a_word_is_refused(writer: Any) -> None:
    """A gene called Sept2."""
    data = workbook(genes=[["annotation", "gene_id", "symbol"], ["test-1", "ENSMUSG2", dt.date(2026, 9, 2)]])
    report = take("genes", data, writer, name="g.xlsx")
    assert "The spreadsheet made the date 2026-09-02 of this cell; format the column as text" in said(report)[0]


def test_a_formula_with_its_result_is_read_and_said(writer: Any) -> None:
    data = workbook(mice=[["study", "code", "ear_tag"], ["S1", "M61", 5]])
    member = "xl/worksheets/sheet1.xml"
    xml = zipfile.ZipFile(io.BytesIO(data)).read(member)
    assert b"<v>5</v>" in xml
    data = with_member(data, member, xml.replace(b"<v>5</v>", b"<f>2+3</f><v>5</v>"))
    report = take("mice", data, writer, name="m.xlsx")
    assert report.records[0].ear_tag == "5"
    assert report.notes == ("m.xlsx: C2 hold formulas; their last results were read.",)


def test_the_command_asks_and_is_answered(writer: Any, tmp_path: Path) -> None:
    path, err = tmp_path / "w.csv", io.StringIO()
    path.write_text("mouse,performed_at,body_mass_g\nM001,3/4/2025,25\n")
    with pytest.raises(SystemExit):
        call_command("import_records", "weighings", str(path), study="S1", stderr=err)
    assert "--dates day-first or --dates month-first" in err.getvalue()
    call_command("import_records", "weighings", str(path), study="S1", dates="day-first", stdout=io.StringIO())
    assert Weighing.objects.get().performed_at.date() == dt.date(2025, 4, 3)


def test_cohorts_of_one_study_are_not_those_of_another(writer: Any) -> None:
    """C1 of S1 is stored; a file for S2 makes its own."""
    report = take("cohorts", "code\nC1\n", writer, study=Study.objects.get(code="S2"))
    assert counts(report) == (1, 0, 0)
    assert Cohort.objects.filter(code="C1").count() == 2


def test_who_imports_records_of_the_whole_laboratory_sees_the_import_and_others_do_not(db: None) -> None:
    study = Study.objects.create(code="S9", title="another")
    clients = {}
    for name in ("anna", "ben"):
        user = User.objects.create_user(name)
        StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name="technician"))
        clients[name] = Client()
        clients[name].force_login(user)
    address = "/records/aggressors/import/"
    checked = clients["anna"].post(address, {"text": "code\nR81\nR82\n", "step": "check"})
    answer = clients["anna"].post(address, {"token": checked.context["token"], "step": "import"}, follow=True)
    assert answer.status_code == 200
    assert "2 aggressors imported" in answer.content.decode()
    address = answer.redirect_chain[-1][0]
    assert clients["ben"].get(address).status_code == 404
