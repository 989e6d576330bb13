"""Exports: every selected row at database speed, and the file can be imported again."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from labdb.accounts.models import User
from labdb.colony.models import Mouse, Study
from labdb.registry.exports import copy_csv
from labdb.registry.filters import apply, read_filters
from labdb.registry.imports import import_dicts, import_table
from labdb.registry.record import record_for
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> Any:
    return make_world()


def exported(resource: str, query: str = "", **options: Any) -> str:
    record = record_for(resource)
    user = User.objects.get(username="writer")
    found = read_filters(record, RequestFactory().get(f"/?{query}").GET, user)
    rows = apply(record.model._default_manager.all(), record, found)
    return b"".join(copy_csv(rows, record, user=user, **options)).decode()


AWKWARD = 'a "quote", a comma;\na line, -0.1 and = signs µ'
ROUND_TRIPS: dict[str, list[dict[str, Any]]] = {
    "mice": [
        {
            "study": "S2",
            "code": "N1",
            "sex": "F",
            "birth_date": "2025-02-03",
            "is_humane_endpoint": True,
            "notes": AWKWARD,
        },
        {"study": "S2", "code": "N2"},
    ],
    "weighings": [{"mouse": "M002", "performed_at": "2025-06-01 09:30:15.123456", "body_mass_g": 0.1 + 25.2}],
    "si-tests": [{"mouse": "M002", "test_number": 3, "iz_absent_s": 0, "iz_present_s": 1 / 3}],
    "rna-extractions": [{"study": "S1", "code": "E7", "samples": ["T002", "T001"], "rin": 7.5}],
    "libraries": [{"study": "S1", "code": "L7", "extractions": ["E001"], "runs": [], "library_layout": "PAIRED"}],
    "allocation-keys": [{"allocation": "X1", "arm": "arm A"}],
}


@pytest.mark.parametrize("resource", ROUND_TRIPS)
def test_what_was_exported_is_imported_again_unchanged(resource: str, writer: Any) -> None:
    record = record_for(resource)
    made = import_dicts(record, ROUND_TRIPS[resource], user=writer)
    assert made.errors == ()
    kept = record.model._default_manager.filter(pk__in=[row.pk for row in made.records])
    before = b"".join(copy_csv(kept, record, user=writer))
    assert before.count(b"\n") > len(made.records)
    kept.delete()
    again = import_table(record, before, "again.csv", user=writer)
    assert again.errors == ()
    stored = record.model._default_manager.filter(pk__in=[row.pk for row in again.records])
    assert b"".join(copy_csv(stored, record, user=writer)) == before


def test_rows_follow_the_filters_and_their_order(writer: Any) -> None:
    assert exported("mice", "ordering=-code&code__in=M001,M003", columns=["code", "cohort", "is_humane_endpoint"]) == (
        "code,cohort,is_humane_endpoint\nM003,,false\nM001,C1,false\n"
    )


def test_several_related_records_are_named_in_one_cell(writer: Any) -> None:
    import_dicts(
        record_for("rna-extractions"), [{"study": "S1", "code": "E8", "samples": ["T002", "T001"]}], user=writer
    )
    assert exported("rna-extractions", "code=E8", columns=["code", "samples"]) == "code,samples\nE8,T001; T002\n"


def test_a_spreadsheet_runs_no_cell_of_an_export_made_for_it(writer: Any) -> None:
    study = Study.objects.get(code="S1")
    for code, notes in (("F1", "=1+1"), ("F2", "-2 g"), ("F3", "@x"), ("F4", "a=b")):
        Mouse.objects.create(study=study, code=code, notes=notes)
    query = "code__startswith=F&ordering=code"
    plain = exported("mice", query, columns=["notes"])
    assert plain == "notes\n=1+1\n-2 g\n@x\na=b\n"
    assert exported("mice", query, columns=["notes"], for_excel=True) == "notes\n'=1+1\n'-2 g\n'@x\na=b\n"


def test_the_address_streams_a_file_of_what_the_account_sees(writer: Any, client: Client) -> None:
    client.force_login(writer)
    Mouse.objects.create(study=Study.objects.get(code="S2"), code="M001")
    with CaptureQueriesContext(connection) as captured:
        answer = client.get("/api/v1/mice/?export=csv&study=S2&fields=study,code&ordering=code")
        body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert body == b"study,code\nS2,M001\nS2,N001\n"
    assert re.fullmatch(r'attachment; filename="mice_S2_\d{4}-\d\d-\d\d_\d{4}\.csv"', answer["Content-Disposition"])
    assert sum("COPY" in query["sql"] for query in captured.captured_queries) <= 1
    refused = client.get("/api/v1/mice/?export=pdf")
    assert refused.status_code == 400
    assert refused.json() == {"export": ["pdf is not a format of exports; known are csv, parquet, ndjson, xlsx."]}
