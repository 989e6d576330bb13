"""Every format of an export through HTTP: what stands in it, and what does not."""

import csv
import datetime as dt
import io
import json
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.colony.models import Cohort, Mouse, Study, StudyMembership, Weighing
from labdb.registry import exports
from labdb.registry.export_formats import FORMATS
from labdb.registry.imports import import_table
from labdb.registry.record import record_for
from labdb.tissue.models import TissueSample
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db
# what breaks readers: quotes, commas, line ends of all kinds, a lone CR, the end mark of COPY, JSON and XML in disguise
AWKWARD = 'a "quote", a; semicolon\nnext\r\nline\rold µ 𝄞 \\. \\N {"x": 1} <b>&amp;</b> _x0041_ \x01 \x02 \t end'
ADDRESS = "/api/v1/mice/?study=S1&code__startswith=Q&ordering=code"


@pytest.fixture
def writer() -> Any:
    writer = make_world()
    study = Study.objects.get(code="S1")
    cohort = Cohort.objects.get(study=study, code="C1")
    Mouse.objects.create(
        study=study, code="Q1", sex="F", notes=AWKWARD, cohort=cohort, birth_date=dt.date(2025, 2, 3),
        is_humane_endpoint=True,
    )  # fmt: skip
    Mouse.objects.create(study=study, code="Q2", sex="M")
    Mouse.objects.create(study=study, code="Q3", sex="M", notes="\\.")
    return writer


@pytest.fixture
def signed_in(writer: Any, client: Client) -> Client:
    client.force_login(writer)
    return client


def taken(client: Client, address: str) -> bytes:
    answer: Any = client.get(address)
    assert answer.status_code == 200, answer.content[:500]
    return b"".join(answer.streaming_content)


def rows_of(name: str, body: bytes) -> list[dict[str, Any]]:
    """The rows as a program reads them."""
    if name == "csv":
        return list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    if name == "ndjson":
        return [json.loads(line) for line in body.decode().split("\n")[:-1]]
    if name == "parquet":
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(body)).to_pylist()
        return rows
    sheet = openpyxl.load_workbook(io.BytesIO(body)).worksheets[0]
    head, *lines = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, head), line, strict=True)) for line in lines]


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_holds_the_rows_that_the_filters_select_in_their_order(name: str, signed_in: Client) -> None:
    rows = rows_of(name, taken(signed_in, f"{ADDRESS}&export={name}"))
    assert [row["code"] for row in rows] == ["Q1", "Q2", "Q3"]
    assert rows[0]["cohort"] == "C1"
    assert rows[1]["cohort"] in (None, "")
    again = rows_of(name, taken(signed_in, f"{ADDRESS}&export={name}&cohort=C1&fields=code,id,cohort_id,created_at"))
    mouse = Mouse.objects.get(code="Q1")
    assert [str(row["id"]) for row in again] == [str(mouse.pk)]
    assert str(again[0]["cohort_id"]) == str(mouse.cohort_id)
    assert list(again[0]) == ["code", "id", "cohort_id", "created_at"]


def test_values_have_their_types(signed_in: Client) -> None:
    study = Study.objects.get(code="S1")
    at = dt.datetime(2025, 6, 1, 9, 30, 15, 123456, tzinfo=dt.UTC)
    mouse = Mouse.objects.get(code="Q1")
    Weighing.objects.create(study=study, mouse=mouse, performed_at=at, body_mass_g=0.1 + 25.2)
    address = "/api/v1/weighings/?mouse=Q1&fields=mouse,performed_at,body_mass_g,performed_by,version"
    [row] = rows_of("parquet", taken(signed_in, f"{address}&export=parquet"))
    assert row == {
        "mouse": "Q1", "performed_at": at, "body_mass_g": 0.1 + 25.2, "performed_by": None, "version": 1,
    }  # fmt: skip
    [line] = rows_of("ndjson", taken(signed_in, f"{address}&export=ndjson"))
    assert line == {
        "mouse": "Q1", "performed_at": "2025-06-01T09:30:15.123456+00:00", "body_mass_g": 0.1 + 25.2,
        "performed_by": None, "version": 1,
    }  # fmt: skip
    [cells] = rows_of("xlsx", taken(signed_in, f"{address}&export=xlsx"))
    assert cells["body_mass_g"] == 0.1 + 25.2
    assert dt.datetime.fromisoformat(cells["performed_at"]) == at  # more exact than a sheet's dates
    query = f"{ADDRESS}&fields=code,birth_date,is_humane_endpoint"
    born = [row["birth_date"] for row in rows_of("parquet", taken(signed_in, f"{query}&export=parquet"))]
    assert born == [dt.date(2025, 2, 3), None, None]
    told = [row["is_humane_endpoint"] for row in rows_of("ndjson", taken(signed_in, f"{query}&export=ndjson"))]
    assert told == [True, False, False]
    sheet = rows_of("xlsx", taken(signed_in, f"{query}&export=xlsx"))[0]
    assert sheet["birth_date"] == dt.datetime(2025, 2, 3)
    assert sheet["is_humane_endpoint"] == "yes"


@pytest.mark.parametrize("name", FORMATS)
def test_any_text_comes_through_unchanged(name: str, signed_in: Client) -> None:
    rows = rows_of(name, taken(signed_in, f"{ADDRESS}&export={name}&fields=notes"))
    found = [row["notes"] for row in rows]
    if name == "xlsx":  # XML has one line end, and an empty cell is none
        assert [openpyxl.utils.escape.unescape(found[0]).replace("\r", "")] == [AWKWARD.replace("\r", "")]
        assert found[1:] == [None, "\\."]
    else:
        assert found == [AWKWARD, "", "\\."]


def test_parquet_tells_nothing_from_an_empty_text(signed_in: Client) -> None:
    rows = rows_of("parquet", taken(signed_in, f"{ADDRESS}&export=parquet&fields=code,notes,cohort,death_date"))
    assert rows[1] == {"code": "Q2", "notes": "", "cohort": None, "death_date": None}


@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_what_was_exported_is_imported_again_as_it_was(name: str, writer: User, signed_in: Client) -> None:
    study = Study.objects.get(code="S1")
    for number in range(3):
        at = dt.datetime(2025, 6, 1 + number, 9, 30, tzinfo=dt.UTC)
        Weighing.objects.create(
            study=study, mouse=Mouse.objects.get(code="Q2"), performed_at=at, body_mass_g=20 + 1 / 3 + number
        )
    address = "/api/v1/weighings/?mouse=Q2&ordering=performed_at&export="
    before, plain = taken(signed_in, f"{address}{name}"), taken(signed_in, f"{address}csv")
    Weighing.objects.filter(mouse__code="Q2").delete()
    again = import_table(record_for("weighings"), before, f"again.{name}", user=writer)
    assert again.errors == ()
    assert taken(signed_in, f"{address}csv") == plain


def test_several_records_are_a_list_in_json(writer: User, signed_in: Client) -> None:
    [row] = rows_of("ndjson", taken(signed_in, "/api/v1/libraries/?code=L001&export=ndjson&fields=extractions,runs"))
    assert row["extractions"] == ["E001"]
    assert isinstance(row["runs"], list)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1+cmd", "@SUM(A1)", "\t=1", "\r=1", " =1", "a;=1+1", "a\t=1+1", "a\n=1+1", "＝1+1", "x;  @y"],
)
def test_a_spreadsheet_runs_no_cell(text: str, signed_in: Client) -> None:
    Mouse.objects.filter(code="Q2").update(notes=text)
    body = taken(signed_in, "/api/v1/mice/?code=Q2&export=csv&for=excel&fields=notes").decode()
    [[cell]] = list(csv.reader(io.StringIO(body, newline="")))[1:]
    for part in cell.replace("\t", ";").replace("\n", ";").replace("\r", ";").split(";"):
        assert not part.strip().startswith(("=", "+", "-", "@", "＝")), cell
    assert cell.replace("'", "") == text
    plain = taken(signed_in, "/api/v1/mice/?code=Q2&export=csv&fields=notes").decode()
    assert list(csv.reader(io.StringIO(plain, newline="")))[1:] == [[text]]
    sheet = openpyxl.load_workbook(
        io.BytesIO(taken(signed_in, "/api/v1/mice/?code=Q2&export=xlsx&fields=notes"))
    ).worksheets[0]
    assert sheet["A2"].data_type in ("s", "inlineStr")


def test_numbers_below_zero_stay_numbers_for_a_spreadsheet(signed_in: Client) -> None:
    address = "/api/v1/tissue-samples/?code=T001&fields=bregma_from_mm&export=csv&for=excel"
    TissueSample.objects.filter(code="T001").update(bregma_from_mm=-1.5, bregma_to_mm=-2.5)
    assert taken(signed_in, address) == b"bregma_from_mm\n-1.5\n"


@pytest.mark.parametrize("name", FORMATS)
def test_no_row_is_a_file_with_its_columns(name: str, signed_in: Client) -> None:
    body = taken(signed_in, f"/api/v1/mice/?code=NOBODY&export={name}&fields=code,sex")
    assert rows_of(name, body) == []
    if name == "csv":
        assert body == b"code,sex\n"
    if name == "parquet":
        assert pq.read_schema(io.BytesIO(body)).names == ["code", "sex"]


@pytest.mark.parametrize("name", FORMATS)
def test_who_sees_nothing_gets_nothing_and_members_their_study(name: str, writer: User) -> None:
    for username, study in (("outsider", None), ("member", "S2")):
        user = User.objects.create(username=username)
        if study:
            role = Role.objects.get(name="technician")
            StudyMembership.objects.create(user=user, study=Study.objects.get(code=study), role=role)
        client = Client()
        client.force_login(user)
        answer: Any = client.get(f"/api/v1/mice/?export={name}&fields=study,code")
        rows = rows_of(name, b"".join(answer.streaming_content))
        assert {row["study"] for row in rows} == ({study} if study else set())


def test_what_is_kept_from_an_account_is_in_no_format(writer: User) -> None:
    """A row that it may see names a record that it may not: the randomization of an allocation, while blinded."""
    study = Study.objects.get(code="S1")
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    user = User.objects.create(username="tess")
    StudyMembership.objects.create(user=user, study=study, role=Role.objects.get(name="technician"))
    client = Client()
    client.force_login(user)
    for name in FORMATS:
        address = f"/api/v1/allocations/?export={name}&fields=code,randomization,randomization_id"
        rows = rows_of(name, taken(client, address))
        assert rows and all(not row["randomization"] and not row["randomization_id"] for row in rows), name
        keys: Any = client.get(f"/api/v1/allocation-keys/?export={name}")
        assert rows_of(name, b"".join(keys.streaming_content)) == []


def test_headers_and_files_say_what_was_asked(signed_in: Client) -> None:
    address = "/api/v1/mice/?study=S1&code__startswith=Q&search=µ&export="
    answer: Any = signed_in.get(f"{address}parquet")
    body = b"".join(answer.streaming_content)
    assert answer["X-Labdb-Query"].startswith("/api/v1/mice/?study=S1&code__startswith=Q&search=%C2%B5&export=parquet")
    assert (answer["X-Labdb-Study"], answer["X-Labdb-Records"]) == ("S1", "mice")
    assert answer["X-Labdb-Exported-At"].endswith("+00:00")
    assert answer["Content-Disposition"].startswith('attachment; filename="mice_S1_20')
    about = pq.read_schema(io.BytesIO(body)).metadata
    assert about[b"labdb.query"].decode() == answer["X-Labdb-Query"]
    assert about[b"labdb.study"] == b"S1"
    book = openpyxl.load_workbook(io.BytesIO(taken(signed_in, f"{address}xlsx")))
    assert book.custom_doc_props["labdb.study"].value == "S1"


def test_a_sheet_that_is_too_long_or_a_cell_is_refused_before_it_begins(
    signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_SHEET_ROWS", 2)
    answer = signed_in.get(f"{ADDRESS}&export=xlsx")
    assert answer.status_code == 400
    assert answer.json() == {
        "export": [
            "A sheet of XLSX takes 2 rows here, and these filters select more; filter for fewer, or export csv, ndjson "
            "or parquet."
        ]
    }
    assert len(rows_of("csv", taken(signed_in, f"{ADDRESS}&export=csv"))) == 3
    page = signed_in.get("/records/mice/?export=xlsx")
    assert page.status_code == 400
    assert "A sheet of XLSX takes 2 rows here" in page.content.decode()
    Mouse.objects.filter(code="Q2").update(notes="x" * 32_768)
    long = signed_in.get("/api/v1/mice/?code=Q2&export=xlsx")
    assert "notes has 32,768 characters somewhere and a cell of XLSX holds 32,767" in long.json()["export"][0]


@pytest.mark.parametrize("value", [1 / 3, 0.1 + 0.2, 12.000000000000002, 0.0123456789])
def test_numbers_are_exact_in_every_format(value: float, signed_in: Client) -> None:
    TissueSample.objects.filter(code="T001").update(tissue_mg=value)
    for name in FORMATS:
        [row] = rows_of(name, taken(signed_in, f"/api/v1/tissue-samples/?code=T001&export={name}&fields=tissue_mg"))
        assert float(row["tissue_mg"]) == value, name


@pytest.mark.parametrize("name", ["ndjson", "parquet", "xlsx"])
def test_a_single_column_may_hold_nothing(name: str, signed_in: Client) -> None:
    rows = rows_of(name, taken(signed_in, f"{ADDRESS}&export={name}&fields=cohort"))
    assert [row["cohort"] for row in rows] == (["C1"] if name == "xlsx" else ["C1", None, None])
