"""Fields that the lab has defined, at every door: they behave like declared ones."""

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labdb.accounts.models import User
from labdb.colony.models import Mouse, Study, Weighing
from labdb.registry.exports import copy_csv
from labdb.registry.imports import import_dicts, import_table
from labdb.registry.lab_field import LabField
from labdb.registry.lab_fields import forget, read_once
from labdb.registry.record import record_for
from labdb.registry.undo import CannotUndo, undo_import
from labdb.registry.workbook_export import study_workbook
from labdb.registry.workbook_import import import_workbook
from tests.registry.rows import make_world
from tests.registry.workbooks import cells_of, workbook

pytestmark = pytest.mark.django_db

DEFINED: list[dict[str, Any]] = [
    {"name": "chip", "label": "chip number", "kind": "text"},
    {"name": "coat", "label": "coat", "kind": "choice", "choices": "black;agouti"},
    {"name": "coat_score", "label": "coat score", "kind": "number", "minimum": 0, "maximum": 5},
    {"name": "is_pregnant", "label": "pregnant", "kind": "yes-no"},
    {"name": "mri_date", "label": "day of MRI", "kind": "date"},
    {"name": "tail_length_mm", "label": "tail length", "kind": "number", "unit": "mm", "minimum": 10},
]
FILLED = {
    "chip": "0041", "coat": "black", "coat_score": 2.5, "is_pregnant": False, "mri_date": "2025-03-01",
    "tail_length_mm": 80.0,
}  # fmt: skip


@pytest.fixture
def writer() -> Any:
    user = make_world()
    define(user, *({"resource": "mice", **words} for words in DEFINED))
    return user


@pytest.fixture
def client(writer: Any) -> Client:
    signed_in = Client()
    signed_in.force_login(writer)
    return signed_in


def define(user: Any, *rows: dict[str, Any]) -> None:
    assert import_dicts(record_for("lab-fields"), rows, user=user).errors == ()


def fill(code: str, **values: Any) -> None:
    """Write values as the database holds them."""
    Mouse.objects.filter(code=code).update(lab_values=values)


def api(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    return client.generic(method, f"/api/v1/{path}", json.dumps(body or {}), "application/json", headers=headers)


def codes(client: Client, query: str) -> list[str]:
    return [mouse["code"] for mouse in client.get(f"/api/v1/mice/?{query}").json()["results"]]


class TestRest:
    def test_values_are_created_read_and_changed_like_any_other(self, client):
        made = api(client, "POST", "mice/", {"study": "S1", "code": "Q1", **FILLED})
        assert made.status_code == 201, made.json()
        assert {name: made.json()[name] for name in FILLED} == FILLED
        assert Mouse.objects.get(code="Q1").lab_values == FILLED
        patched = api(client, "PATCH", "mice/Q1/", {"coat_score": 3, "chip": ""}).json()
        assert (patched["coat_score"], patched["chip"], patched["coat"]) == (3.0, None, "black")
        assert api(client, "PATCH", "mice/Q1/", {"sex": "F"}).json()["coat_score"] == 3.0
        assert "chip" not in Mouse.objects.get(code="Q1").lab_values
        assert api(client, "PUT", "mice/Q1/", {"study": "S1", "code": "Q1"}).json()["coat_score"] is None
        assert Mouse.objects.get(code="Q1").lab_values == {}

    def test_what_was_read_can_be_sent_back(self, client):
        fill("M001", **FILLED)
        shown = api(client, "GET", "mice/M001/").json()
        again = api(client, "PUT", "mice/M001/", shown).json()
        assert {name: again[name] for name in FILLED} == FILLED

    @pytest.mark.parametrize(
        ("values", "says"),
        [
            ({"coat_score": 6}, {"coat_score": ["6 is outside 0 to 5; check the unit and the decimal point."]}),
            (
                {"tail_length_mm": 9.5},
                {"tail_length_mm": ["9.5 mm is below 10 mm; check the unit and the decimal point."]},
            ),
            ({"coat_score": "high"}, {"coat_score": ["high is not a number; enter digits, such as 12.5."]}),
            ({"coat": "white"}, {"coat": ["white is not one of black, agouti; choose one of these."]}),
            ({"is_pregnant": "maybe"}, {"is_pregnant": ["maybe is neither yes nor no; enter yes or no."]}),
            (
                {"mri_date": "last week"},
                {"mri_date": ["last week is not a date; enter it as 2026-03-14 (year-month-day)."]},
            ),
            ({"chip": "x" * 501}, {"chip": ["xxxxxxxxxxxxxxxxxxxx... has 501 characters; enter at most 500."]}),
            ({"coat_score": [1]}, {"coat_score": ["This is more than one value; enter one."]}),
        ],
    )
    def test_a_wrong_value_is_refused_with_a_sentence(self, client, values, says):
        answer = api(client, "PATCH", "mice/M001/", values)
        assert (answer.status_code, answer.json()) == (400, says)
        assert Mouse.objects.get(code="M001").lab_values == {}

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("coat_score__gte=2", ["M002", "M003"]),
            ("coat_score=2", ["M002"]),
            ("coat_score__in=1,10", ["M001", "M003"]),
            ("coat_score__range=1,2", ["M001", "M002"]),
            ("coat_score__isnull=true", []),
            ("tail_length_mm__isnull=false", ["M001"]),
            ("coat=black", ["M001"]),
            ("chip__icontains=AB", ["M002"]),
            ("mri_date__lt=2025-04-01", ["M001"]),
            ("is_pregnant=no", ["M001"]),
            ("coat_score__gte=2&mri_date__gte=2025-04-01", ["M002"]),
            ("ordering=-coat_score", ["M003", "M002", "M001"]),
            ("ordering=mri_date", ["M001", "M002", "M003"]),
        ],
    )
    def test_filters_and_order_read_the_values(self, client, query, found):
        fill("M001", coat_score=1, coat="black", mri_date="2025-03-01", is_pregnant=False, tail_length_mm=80)
        fill("M002", coat_score=2.0, coat="agouti", mri_date="2025-05-01", is_pregnant=True, chip="xab1")
        fill("M003", coat_score=10)
        assert codes(client, f"{query}&code__in=M001,M002,M003") == found

    def test_rows_that_point_to_a_mouse_are_found_by_its_fields(self, client):
        fill("M001", coat_score=3)
        for code in ("M001", "M002"):
            mouse = Mouse.objects.get(code=code)
            Weighing.objects.create(study=mouse.study, mouse=mouse, performed_at="2025-06-01T00:00Z", body_mass_g=20)
        found = client.get("/api/v1/weighings/?mouse__coat_score__gte=2&ordering=-body_mass_g").json()["results"]
        assert [row["mouse"] for row in found] == ["M001"]
        assert client.get("/api/v1/cohorts/?mice__coat_score=3").json()["count"] == 1
        assert client.get("/api/v1/cohorts/?mice__coat_score=4").json()["count"] == 0

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            ("coat_score=high", "high is not a number"),
            ("mri_date__gte=soon", "soon is not a date"),
            (
                "coat_colour=x",
                "coat_colour is not a filter of mice; known are birth_date, chip, coat, coat_score, code",
            ),
            ("coat_score__shine=1", "coat_score__shine is not a filter"),
            ("lab_values=1", "lab_values is not a filter"),
            ("lab_values__number:coat_score=1", "is not a filter"),
            ("ordering=coat_colour", "coat_colour cannot be sorted by; sortable are birth_date, chip"),
            ("fields=code,colour", "colour: not a field; known are id, study, study_id, code"),
        ],
    )
    def test_what_is_not_understood_is_refused(self, client, query, says):
        answer = client.get(f"/api/v1/mice/?{query}")
        assert answer.status_code == 400
        assert says in str(answer.json())

    def test_fields_chooses_them(self, client):
        fill("M001", coat_score=3)
        rows = client.get("/api/v1/mice/?fields=code,coat_score&code=M001").json()["results"]
        assert rows == [{"code": "M001", "coat_score": 3.0}]

    def test_two_who_change_one_value_see_both(self, client):
        etag = api(client, "GET", "mice/M001/")["ETag"]
        api(client, "PATCH", "mice/M001/", {"coat_score": 1}, if_match=etag)
        late = api(client, "PATCH", "mice/M001/", {"coat_score": 4}, if_match=etag)
        assert late.status_code == 412
        assert (late.json()["theirs"], late.json()["yours"]) == ({"coat_score": 1.0}, {"coat_score": 4.0})

    def test_the_schema_describes_them_as_they_are_now(self, client):
        def described() -> dict[str, Any]:
            schema = client.get("/api/schema/", headers={"accept": "application/json"}).json()
            return schema["components"]["schemas"]["Mouse"]["properties"]

        assert described()["coat_score"]["type"] == "number"
        LabField.objects.filter(name="coat_score").delete()
        assert "coat_score" not in described()


class TestFiles:
    def test_wrong_cells_are_listed_and_nothing_is_stored(self, writer):
        text = "study,code,coat_score,coat,mri_date\nS1,Q1,6,black,\nS1,Q2,3,white,2025-02-30\n"
        report = import_table(record_for("mice"), text.encode(), "mice.csv", user=writer)
        assert [(error.line, error.column, error.value, error.sentence) for error in report.errors] == [
            (2, "coat_score", "6", "6 is outside 0 to 5; check the unit and the decimal point."),
            (3, "coat", "white", "white is not one of black, agouti; choose one of these."),
            (3, "mri_date", "2025-02-30", "2025-02-30 is not a date; enter it as 2026-03-14 (year-month-day)."),
        ]
        assert not Mouse.objects.filter(code__startswith="Q").exists()

    def test_what_was_exported_is_imported_again_unchanged(self, writer):
        record = record_for("mice")
        awkward = {"chip": '=1, "a"\n; b', "coat_score": 1 / 3, "is_pregnant": True, "mri_date": "2025-03-01"}
        made = import_dicts(
            record,
            [
                {"study": "S1", "code": "Q1", **FILLED},
                {"study": "S1", "code": "Q2", **awkward},
                {"study": "S1", "code": "Q3"},
            ],
            user=writer,
        )
        assert made.errors == ()
        before = exported("Q")
        rows = list(csv.DictReader(io.StringIO(before.decode())))
        assert {name: rows[0][name] for name in FILLED} == {
            "chip": "0041", "coat": "black", "coat_score": "2.5", "is_pregnant": "false", "mri_date": "2025-03-01",
            "tail_length_mm": "80",
        }  # fmt: skip
        assert (rows[1]["chip"], rows[2]["coat_score"]) == ('=1, "a"\n; b', "")
        Mouse.objects.filter(code__startswith="Q").delete()
        assert import_table(record, before, "again.csv", user=writer).errors == ()
        assert exported("Q") == before

    def test_a_sheet_changes_what_is_stored_and_can_be_undone(self, writer):
        fill("M001", coat_score=2, chip="a")
        text = b"study,code,Coat score,Tail length (mm)\nS1,M001,3,80 mm\nS1,M002,1,\n"
        asked = import_table(record_for("mice"), text, "mice.csv", user=writer, dry_run=True)
        assert [(one.name, [(d.field, d.old, d.new) for d in one.differences]) for one in asked.changes] == [
            ("M001", [("coat_score", "2.0", "3.0"), ("tail_length_mm", "", "80.0")]),
            ("M002", [("coat_score", "", "1.0")]),
        ]
        stored = import_table(record_for("mice"), text, "mice.csv", user=writer, reason="scored again")
        assert (stored.changed, stored.log is not None) == (2, True)
        assert Mouse.objects.get(code="M001").lab_values == {"coat_score": 3.0, "chip": "a", "tail_length_mm": 80.0}
        undo_import(stored.log, writer, "wrong file")
        assert Mouse.objects.get(code="M001").lab_values == {"coat_score": 2, "chip": "a"}
        assert Mouse.objects.get(code="M002").lab_values == {}

    def test_definitions_that_rows_use_are_not_undone(self, writer):
        text = b"resource,name,label,kind\nmice,wound,wound,text\n"
        defined = import_table(record_for("lab-fields"), text, "fields.csv", user=writer)
        fill("M001", wound="small")
        with pytest.raises(CannotUndo, match="wound has a value in 1 mouse"):
            undo_import(defined.log, writer, "not wanted")
        fill("M001")
        undo_import(defined.log, writer, "not wanted")
        assert not LabField.objects.filter(name="wound").exists()

    def test_a_workbook_brings_definitions_and_values(self, writer):
        fields = [["resource", "name", "label", "kind", "maximum"], ["mice", "wound", "wound", "number", 5]]
        mice = [["code", "wound", "mri_date"], ["Q1", 3, "2025-03-01"], ["Q2", 7, ""]]
        book = workbook(**{"lab-fields": fields, "mice": mice})
        refused = import_workbook(book, "study.xlsx", study="S1", user=writer)
        assert [str(error) for error in refused.errors] == [
            "sheet mice, line 3, column wound, value 7: 7 is above 5; check the unit and the decimal point."
        ]
        assert not LabField.objects.filter(name="wound").exists()
        mice[2][1] = 4
        book = workbook(**{"lab-fields": fields, "mice": mice})
        assert import_workbook(book, "study.xlsx", study="S1", user=writer).is_stored
        assert Mouse.objects.get(code="Q1").lab_values == {"wound": 3.0, "mri_date": "2025-03-01"}
        cells = cells_of(study_workbook(Study.objects.get(code="S1"), writer))
        out = workbook(**{name: cells[name] for name in ("lab-fields", "mice")})
        same = import_workbook(out, "again.xlsx", study="S1", user=writer)
        assert (same.errors, same.unchanged) == ((), same.rows)
        Mouse.objects.filter(code__startswith="Q").update(lab_values={})
        assert import_workbook(out, "again.xlsx", study="S1", user=writer).changed == 2
        assert Mouse.objects.get(code="Q1").lab_values == {"wound": 3.0, "mri_date": "2025-03-01"}

    def test_an_export_for_a_spreadsheet_runs_no_formula(self, writer):
        fill("M001", chip="=1+1")
        assert exported("M001", columns=["code", "chip"], for_excel=True) == b"code,chip\nM001,'=1+1\n"

    def test_the_template_and_the_page_name_their_columns(self, client):
        header = client.get("/records/mice/import/?template=csv").content.decode().strip().split(",")
        assert header[-6:] == ["chip", "coat", "coat_score", "is_pregnant", "mri_date", "tail_length_mm"]
        page = client.get("/records/mice/import/").content.decode()
        assert "tail length (mm)" in page
        assert "one of black, agouti" in page

    def test_a_column_that_is_called_as_if_it_were_an_id_is_read(self, writer):
        define(writer, {"resource": "mice", "name": "chip_id", "label": "id of the chip", "kind": "text"})
        text = "study,code,chip,chip_id\nS1,Q1,a,b\n"
        assert import_table(record_for("mice"), text.encode(), "mice.csv", user=writer).errors == ()
        assert Mouse.objects.get(code="Q1").lab_values == {"chip": "a", "chip_id": "b"}

    def test_definitions_are_read_once_however_many_rows(self, writer):
        def queries(n_rows: int, prefix: str) -> int:
            rows = [{"study": "S1", "code": f"{prefix}{row}", "coat_score": row % 5} for row in range(n_rows)]
            with CaptureQueriesContext(connection) as captured:
                assert import_dicts(record_for("mice"), rows, user=writer).errors == ()
            assert sum('FROM "registry_labfield"' in query["sql"] for query in captured.captured_queries) == 1
            return len(captured)

        assert queries(2, "A") == queries(200, "B")


def exported(start: str, **options: Any) -> bytes:
    rows = Mouse.objects.filter(code__startswith=start).order_by("code")
    return b"".join(copy_csv(rows, record_for("mice"), user=User(is_superuser=True), **options))


class TestPages:
    def test_the_form_offers_them_and_stores_them(self, client):
        page = client.get("/records/mice/add/?study=S1").content.decode()
        assert "Tail length (mm)" in page
        row = {"study": "S1", "code": "Q1", "sex": "U", "coat_score": "2", "is_pregnant": "yes", "coat": "agouti"}
        assert client.post("/records/mice/add/?study=S1", row).status_code == 302
        assert Mouse.objects.get(code="Q1").lab_values == {"coat_score": 2.0, "is_pregnant": True, "coat": "agouti"}

    def test_a_wrong_value_stands_at_its_field(self, client):
        row = {"study": "S1", "code": "Q1", "sex": "U", "coat_score": "7"}
        answer = client.post("/records/mice/add/?study=S1", row)
        assert answer.context["form"].errors == {
            "coat_score": ["7 is outside 0 to 5; check the unit and the decimal point."]
        }

    def test_a_change_keeps_what_it_does_not_touch(self, client):
        fill("M001", coat_score=2, chip="a")
        mouse = Mouse.objects.get(code="M001")
        form = client.get(f"/records/mice/{mouse.pk}/edit/").context["form"]
        assert (form["coat_score"].value(), form["chip"].value()) == (2.0, "a")
        row = {"version": mouse.version, "coat_score": "3"}
        assert client.post(f"/records/mice/{mouse.pk}/edit/", row).status_code == 302
        assert Mouse.objects.get(code="M001").lab_values == {"coat_score": 3.0, "chip": "a"}

    def test_the_list_shows_sorts_and_narrows_by_them(self, client):
        fill("M001", coat_score=2.5, is_pregnant=True)
        answer = client.get("/records/mice/?study=S1&ordering=-coat_score&coat_score__gte=1")
        labels = [heading.column.label for heading in answer.context["page"].headings]
        assert labels[-6:] == ["Chip number", "Coat", "Coat score", "Pregnant", "Day of MRI", "Tail length (mm)"]
        (cells,) = [[cell.parts[0].text for cell in row] for row in answer.context["page"].rows]
        assert cells[-6:] == ["—", "—", "2.5", "yes", "—", "—"]
        names = [one.name for one in answer.context["inputs"]]
        assert names[-9:] == [
            "chip", "coat", "coat_score__gte", "coat_score__lte", "is_pregnant", "mri_date__gte", "mri_date__lt",
            "tail_length_mm__gte", "tail_length_mm__lte",
        ]  # fmt: skip
        assert [chip.text for chip in answer.context["chips"]] == ["coat score ≥ 1"]

    def test_the_page_of_a_row_shows_values_and_their_past(self, client):
        api(client, "PATCH", "mice/M001/", {"coat_score": 2, "is_pregnant": True})
        api(client, "PATCH", "mice/M001/", {"coat_score": 3})
        answer = client.get(f"/records/mice/{Mouse.objects.get(code='M001').pk}/")
        facts = {column.label: cell.parts[0].text for column, cell, _computed in answer.context["facts"]}
        assert (facts["Coat score"], facts["Pregnant"], facts["Tail length (mm)"]) == ("3", "yes", "—")
        told = [
            [(label, old.parts[0].text, new.parts[0].text) for label, old, new in change.differences]
            for change in answer.context["changes"]
        ]
        assert told[:2] == [[("Coat score", "2", "3")], [("Coat score", "—", "2"), ("Pregnant", "—", "yes")]]

    def test_the_past_of_a_field_that_is_gone_is_still_told(self, client):
        fill("M001", former="yes it was")
        fill("M001")
        answer = client.get(f"/records/mice/{Mouse.objects.get(code='M001').pk}/")
        ((label, old, new),) = answer.context["changes"][0].differences
        assert (label, old.parts[0].text, new.parts[0].text) == ("Former", "yes it was", "—")

    def test_a_definition_counts_from_the_next_request_on(self, client, writer):
        assert "wound" not in api(client, "GET", "mice/M001/").json()
        LabField.objects.create(resource="mice", name="wound", label="wound", kind="text")  # by another process
        assert api(client, "GET", "mice/M001/").json()["wound"] is None

    def test_a_request_reads_the_definitions_once(self, client):
        with CaptureQueriesContext(connection) as captured:
            client.get("/records/mice/?study=S1&coat_score__gte=1")
        assert sum('FROM "registry_labfield"' in query["sql"] for query in captured.captured_queries) == 1


class TestAdmin:
    def test_the_admin_stores_them_and_says_the_same(self, client):
        row = {"study": "S1", "code": "Q1", "sex": "U", "is_humane_endpoint": "no", "coat_score": "7"}
        refused = client.post("/admin/colony/mouse/add/", row)
        assert refused.context["adminform"].form.errors == {
            "coat_score": ["7 is outside 0 to 5; check the unit and the decimal point."]
        }
        assert client.post("/admin/colony/mouse/add/", {**row, "coat_score": "5"}).status_code == 302
        assert Mouse.objects.get(code="Q1").lab_values == {"coat_score": 5.0}
        shown = client.get(f"/admin/colony/mouse/{Mouse.objects.get(code='Q1').pk}/change/").content.decode()
        assert 'name="coat_score" value="5.0"' in shown


def test_a_value_of_another_type_written_past_the_form_harms_no_door(client):
    fill("M001", coat_score="high", mri_date="soon", is_pregnant=3, coat=7, chip=[1], tail_length_mm={"a": 1})
    fill("M002", coat_score=None, mri_date=20250301, tail_length_mm=True)
    fill("M003", coat_score=2)
    assert codes(client, "coat_score__gte=0&ordering=coat_score") == ["M003"]
    assert codes(client, "mri_date__gte=2000-01-01") == []
    assert codes(client, "is_pregnant=yes") == []
    assert api(client, "GET", "mice/M001/").json()["coat_score"] == "high"
    assert client.get("/records/mice/?study=S1").status_code == 200
    assert client.get(f"/records/mice/{Mouse.objects.get(code='M001').pk}/").status_code == 200
    assert exported("M001", columns=["code", "coat_score", "mri_date", "is_pregnant"]) == (
        b"code,coat_score,mri_date,is_pregnant\nM001,,,\n"
    )


def test_a_field_that_is_needed_is_asked_for(client, writer):
    define(writer, {"resource": "mice", "name": "room", "label": "room", "kind": "text", "is_required": True})
    sentence = {"room": ["This is needed; enter a value."]}
    assert api(client, "POST", "mice/", {"study": "S1", "code": "Q1"}).json() == sentence
    report = import_table(record_for("mice"), b"study,code\nS1,Q1\n", "mice.csv", user=writer)
    assert [error.column for error in report.errors] == ["room"]
    assert api(client, "POST", "mice/", {"study": "S1", "code": "Q1", "room": "2.14"}).status_code == 201


def test_a_retired_field_is_offered_no_longer_and_loses_nothing(client, writer):
    fill("M001", coat_score=2)
    LabField.objects.filter(name="coat_score").update(is_retired=True, is_required=True)
    mouse = Mouse.objects.get(code="M001")
    assert 'name="coat_score"' not in client.get(f"/records/mice/{mouse.pk}/edit/").content.decode()
    assert client.post(f"/records/mice/{mouse.pk}/edit/", {"version": mouse.version, "sex": "F"}).status_code == 302
    admin_row = {"study": "S1", "code": "M001", "sex": "M", "is_humane_endpoint": "no"}
    assert client.post(f"/admin/colony/mouse/{mouse.pk}/change/", admin_row).status_code == 302
    assert (Mouse.objects.get(code="M001").sex, api(client, "GET", "mice/M001/").json()["coat_score"]) == ("M", 2.0)
    assert "Coat score" in client.get(f"/records/mice/{mouse.pk}/").content.decode()
    page = client.get("/records/mice/?study=S1")
    assert "Coat score" not in [heading.column.label for heading in page.context["page"].headings]
    assert "coat_score" not in client.get("/records/mice/import/?template=csv").content.decode()
    again = exported("M001").replace(b"M001", b"Q001")
    assert import_table(record_for("mice"), again, "mice.csv", user=writer).errors == ()
    assert Mouse.objects.get(code="Q001").lab_values == {"coat_score": 2.0}


def test_what_was_just_defined_is_read_when_asked_to_forget(writer):
    with read_once():
        before = record_for("mice").entered()
        LabField.objects.create(resource="mice", name="wound", label="wound", kind="text")
        assert record_for("mice").entered() == before
        forget()
        assert record_for("mice").entered() == (*before, "wound")
