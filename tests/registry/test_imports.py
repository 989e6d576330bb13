"""Tables into records: all or nothing, and every wrong cell at once."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, StudyMembership, Weighing
from labdb.registry.forms import Conflict, conflicts
from labdb.registry.imports import import_dicts, import_rows, import_table
from labdb.registry.record import record_for
from labdb.sequencing.models import ExtractionSample, RnaExtraction
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> Any:
    return make_world()


def said(report: Any) -> list[str]:
    return [str(error) for error in report.errors]


def weigh(text: str, user: Any, **options: Any) -> Any:
    return import_table(record_for("weighings"), text.encode(), "w.csv", user=user, **options)


def test_every_wrong_cell_is_listed_with_line_column_value_and_remedy(writer: Any) -> None:
    report = weigh(
        "mouse,performed_at,body_mass_g\nM001,2025-06-01 09:00,25\nM00l,2025-06-01,2500\nM002,soon,nan\n", writer
    )
    assert said(report) == [
        "line 3, column mouse, value M00l: There is no mouse M00l; did you mean M005 or M004 or M003?",
        "line 3, column body_mass_g, value 2500: 2500 g is outside 1 to 100 g; check the unit and the decimal point.",
        "line 4, column performed_at, value soon: soon is not a date and time; enter it as 2026-03-14 09:30 "
        "(year-month-day hour:minute).",
        "line 4, column body_mass_g, value nan: nan is not a finite number; leave it empty when it is not known.",
    ]
    assert not Weighing.objects.exists()


def test_a_dry_run_checks_everything_and_stores_nothing(writer: Any) -> None:
    report = weigh("mouse,performed_at,body_mass_g\nM001,2025-06-01 09:00,25\n", writer, dry_run=True)
    assert (report.rows, report.created, report.errors, report.is_stored) == (1, 1, (), False)
    assert not Weighing.objects.exists()


def test_two_lines_that_say_the_same_are_both_named(writer: Any) -> None:
    report = weigh("mouse,performed_at,body_mass_g\n" + "M001,2025-06-01 09:00,25\n" * 2, writer)
    assert said(report) == [
        "line 3, column performed_at, value 2025-06-01 09:00: "
        "Lines 2 and 3 have the same mouse, performed_at; keep one of the two."
    ]


def test_a_missing_column_is_said_once_and_the_other_cells_are_checked(writer: Any) -> None:
    report = weigh("mouse,performed_at\nM001,never\nM002,2025-06-01\n", writer)
    assert said(report) == [
        "line 1, column body_mass_g: The column body_mass_g is missing; add it, or choose the column that holds it (by command: "
        "--map COLUMN=body_mass_g).",
        "line 2, column performed_at, value never: never is not a date and time; enter it as 2026-03-14 09:30 "
        "(year-month-day hour:minute).",
    ]


def test_an_unknown_column_is_refused_naming_the_known_ones(writer: Any) -> None:
    report = weigh("mouse,performed_at,body_mass_g,wieght\nM001,2025-06-01,25,3\n", writer)
    assert len(report.errors) == 1
    assert "wieght is not a field of weighings; known are study, mouse, performed_at, body_mass_g" in said(report)[0]
    assert "--map 'wieght='" in said(report)[0]


def test_a_map_says_what_a_column_is_or_leaves_it_out(writer: Any) -> None:
    text = "Animal,when,grams,comment\nM001,2025-06-01,25,x\n"
    names = {"Animal": "mouse", "when": "performed_at", "grams": "body_mass_g", "comment": ""}
    report = weigh(text, writer, mapping=names)
    assert (report.created, report.ignored) == (1, ("comment",))
    assert (
        "A field was chosen for a column that the file lacks" in said(weigh(text, writer, mapping={"no": "mouse"}))[0]
    )


def test_two_columns_for_one_field_are_refused(writer: Any) -> None:
    report = weigh("mouse,grams,body_mass_g\nM001,25,26\n", writer, mapping={"grams": "body_mass_g"})
    assert "Two columns stand for body_mass_g" in said(report)[0]


def test_columns_that_the_database_fills_are_left_out_by_name(writer: Any) -> None:
    header = "id,study,mouse,mouse_id,test_number,iz_absent_s,iz_present_s,si_ratio,version"
    row = "9,S1,M001,77,5,60,30,99,12"
    report = import_table(record_for("si-tests"), f"{header}\n{row}\n".encode(), "t.csv", user=writer)
    assert (report.created, report.ignored) == (1, ("id", "mouse_id", "si_ratio", "version"))
    stored = type(report.records[0]).objects.get()
    assert (stored.si_ratio, stored.version, stored.mouse.code) == (0.5, 1, "M001")  # 30 s / 60 s


def test_the_study_of_the_file_is_used_where_a_row_names_none(writer: Any) -> None:
    study = Study.objects.get(code="S2")
    report = import_table(record_for("mice"), b"code,study\nM001,\nM800,S1\n", "m.csv", user=writer, study=study)
    assert report.errors == ()
    assert [mouse.study.code for mouse in report.records] == ["S2", "S1"]


def test_a_code_that_two_studies_have_is_never_guessed(writer: Any) -> None:
    Mouse.objects.create(study=Study.objects.get(code="S2"), code="M001")
    text = "mouse,performed_at,body_mass_g\nM001,2025-06-01,25\n"
    assert "M001 exists in more than one study (S1, S2); say which in the field study." in said(weigh(text, writer))[0]
    assert weigh(text, writer, study=Study.objects.get(code="S2")).records[0].mouse.study.code == "S2"


def test_a_label_names_the_study_too(writer: Any) -> None:
    report = weigh("mouse,performed_at,body_mass_g\nS1-M001,2025-06-01,25\n", writer)
    assert report.created == 1


def test_several_related_records_stand_in_one_cell(writer: Any) -> None:
    rows = [(2, ["S1", "E500", "T001; T002"]), (3, ["S1", "E501", "T002"])]
    report = import_rows(record_for("rna-extractions"), ["study", "code", "samples"], rows, user=writer)
    assert report.errors == ()
    extraction = RnaExtraction.objects.get(code="E500")
    assert [sample.code for sample in extraction.samples.order_by("code")] == ["T001", "T002"]
    link = ExtractionSample.objects.filter(extraction=extraction).first()
    assert link is not None
    assert (link.study.code, link.created_by) == ("S1", writer)


def test_programs_import_dicts_of_values_records_and_names(writer: Any) -> None:
    mouse = Mouse.objects.get(code="M002")
    made = import_dicts(
        record_for("weighings"),
        [
            {"mouse": mouse, "performed_at": "2025-06-01", "body_mass_g": 25},
            {"mouse": mouse.pk, "performed_at": "2025-06-02", "body_mass_g": 25.5},
            {"mouse_id": mouse.pk, "performed_at": "2025-06-03", "body_mass_g": "26"},
        ],
        user=writer,
    )
    assert made.errors == ()
    assert {row.mouse_id for row in made.records} == {mouse.pk}
    refused = import_dicts(record_for("weighings"), [{"mouse": "M002", "mass": 25}], user=writer)
    assert "mass is not a field of weighings; known are" in said(refused)[0]


def test_a_role_is_asked_once_for_a_study_and_refused_once(writer: Any) -> None:
    reader = User.objects.create(username="reader")
    StudyMembership.objects.create(
        study=Study.objects.get(code="S1"), user=reader, role=Role.objects.get(name="investigator")
    )
    rows = "".join(f"M001,2025-06-01 09:{minute:02},25\n" for minute in range(30))
    report = weigh("mouse,performed_at,body_mass_g\n" + rows, reader)
    assert said(report) == ["line 2: Your role may not add weighings in study S1; ask a manager."]
    assert report.is_forbidden


def test_a_thousand_rows_cost_as_many_queries_as_ten(writer: Any) -> None:
    def queries(n_rows: int) -> int:
        rows = "".join(f"M00{1 + i % 2},2025-06-01 {i // 60:02}:{i % 60:02},25\n" for i in range(n_rows))
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert not weigh("mouse,performed_at,body_mass_g\n" + rows, writer, dry_run=True).errors
        return len(captured)

    queries(1)  # what the account may do is asked once, and remembered
    assert queries(1000) == queries(10)


def test_a_table_that_cannot_be_read_is_an_error_of_the_command(writer: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(b"")
    with pytest.raises(CommandError, match=r"empty.csv is empty"):
        call_command("import_records", "mice", str(path))
    with pytest.raises(CommandError, match="known are studies"):
        call_command("import_records", "mouses", str(path))


def test_the_command_prints_every_error_on_standard_error_and_exits_with_1(writer: Any, tmp_path: Path) -> None:
    path = tmp_path / "si.csv"
    path.write_text("mouse,iz_absent_s,iz_present_s\nM001,200,10\nM002,10,x\n")
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("import_records", "si-tests", str(path), stdout=out, stderr=err)
    assert stopped.value.code == 1
    assert err.getvalue().splitlines() == [
        "line 2, column iz_absent_s, value 200: 200 s in the zone does not fit a trial of 150 s; "
        "enter 0 to the trial's length.",
        "line 3, column iz_present_s, value x: x is not a number; enter digits, such as 12.5.",
    ]
    assert out.getvalue() == ""


def test_the_command_maps_columns_and_names_the_study(writer: Any, tmp_path: Path) -> None:
    path = tmp_path / "mice.csv"
    path.write_text("animal;sex\nM700;m\nM701;female\n")
    out = io.StringIO()
    options = {"study": "S2", "map": ["animal=code"], "stdout": out}
    call_command("import_records", "mice", str(path), dry_run=True, **options)
    assert out.getvalue() == "2 mice can be imported; nothing was stored.\n"
    call_command("import_records", "mice", str(path), **options)
    assert list(Mouse.objects.filter(study__code="S2", code__startswith="M").values_list("code", "sex")) == [
        ("M700", "M"),
        ("M701", "F"),
    ]


@pytest.mark.django_db(transaction=True)
def test_two_writers_that_wait_for_each_other_end_in_words() -> None:
    """One writes M1 then M2, the other M2 then M1, each with its first in place: PostgreSQL stops one of them."""
    user = User.objects.create_superuser("writer", password="a long password")
    study = Study.objects.create(code="D1", title="deadlock")
    together = Barrier(2)

    def write(codes: tuple[str, str]) -> str:
        try:
            with conflicts(Mouse), transaction.atomic():
                Mouse.objects.create(study_id=study.pk, code=codes[0], created_by_id=user.pk)
                together.wait(timeout=60)
                Mouse.objects.create(study_id=study.pk, code=codes[1], created_by_id=user.pk)
        except Conflict as conflict:
            return str(conflict)
        finally:
            connection.close()
        return "stored"

    with ThreadPoolExecutor(2) as writers:
        said = sorted(writers.map(write, [("M1", "M2"), ("M2", "M1")]))
    assert said == ["The database refused this change because another one came first; reload and try again.", "stored"]
    assert Mouse.objects.filter(study=study).count() == 2


def test_a_header_without_rows_is_refused(writer: Any) -> None:
    report = weigh("mouse,performed_at,body_mass_g\n", writer)
    assert said(report) == ["line 1: There is a header and no row below it; add the rows."]
