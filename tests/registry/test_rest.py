"""REST: what a script relies on."""

import json
from contextlib import suppress
from itertools import cycle
from typing import Any

import pytest
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analysis.models import AnalysisRun
from labdb.accounts.models import User
from labdb.colony.models import Cohort, Mouse, Study, Weighing
from labdb.registry.filters import LOOKUPS, FilterError, apply, known, read_filters
from labdb.registry.forms import Conflict
from labdb.registry.record import all_records
from labdb.sequencing.models import RnaExtraction
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(client: Client) -> "Api":
    writer = make_world()
    client.force_login(writer)
    return Api(client)


class Api:
    """Requests with JSON in and out."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = json.dumps(body) if body is not None and not isinstance(body, bytes) else body or ""
        return self.client.generic(method, f"/api/v1/{path}", data, "application/json", headers=headers)


def weighing(**values: Any) -> dict[str, Any]:
    return {"mouse": "M001", "performed_at": "2025-06-01T09:00:00Z", "body_mass_g": 25.5, **values}


def test_a_list_is_paged_and_says_how_many_there_are(api: Api) -> None:
    first = api("GET", "mice/?limit=2&ordering=code").json()
    assert (first["count"], [mouse["code"] for mouse in first["results"]], first["previous"]) == (
        6,  # five in S1, one in S2
        ["M001", "M002"],
        None,
    )
    second = api.client.get(first["next"]).json()
    assert [mouse["code"] for mouse in second["results"]] == ["M003", "M004"]
    last = api.client.get(second["next"]).json()
    assert ([mouse["code"] for mouse in last["results"]], last["next"]) == (["M005", "N001"], None)
    assert api("GET", "mice/?limit=many").json() == {"limit": ["many is not a number of rows; enter 1 or more."]}


def test_a_row_names_related_records_and_gives_their_ids(api: Api) -> None:
    mouse = Mouse.objects.get(code="M001")
    answer = api("GET", f"mice/{mouse.pk}/")
    shown = answer.json()
    assert (shown["study"], shown["cohort"], shown["cohort_id"]) == ("S1", "C1", mouse.cohort_id)
    assert (shown["birth_date"], shown["version"], answer["ETag"]) == ("2025-01-01", 1, '"1"')
    assert api("GET", "mice/M001/").json() == api("GET", "mice/S1-M001/").json() == shown


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("code=M002", ["M002"]),
        ("cohort=C1", ["M001", "M005"]),
        ("cohort__code=C1&sex=U", ["M001", "M005"]),
        ("cohort__isnull=true", ["M002", "M003", "N001"]),
        ("death_date__gte=2025-01-01", ["M003"]),
        ("code__in=M001,M003", ["M001", "M003"]),
        ("search=m00", ["M001", "M002", "M003", "M004", "M005"]),
        ("study=S2", ["N001"]),
        ("tissue_samples__code=T001", ["M001"]),
        ("ordering=-code&limit=1", ["N001"]),
    ],
)
def test_filters_search_and_order(query: str, codes: list[str], api: Api) -> None:
    assert [mouse["code"] for mouse in api("GET", f"mice/?{query}").json()["results"]] == codes


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("colour=brown", "colour is not a filter of mice; known are birth_date"),
        ("cohort__shoe=1", "cohort__shoe is not a filter of mice"),
        ("birth_date__gte=soon", "soon is not a date"),
        ("id=x", "x is not an id"),
        ("cohort__isnull=maybe", "maybe is neither yes nor no"),
        ("ordering=notes__x", "cannot be sorted by"),
        ("fields=code,colour", "colour: not a field; known are id, study"),
        ("code=%00", "NUL"),
        ("search=%00", "NUL"),
        ("created_by__password=x", "is not a filter"),
        ("export=xls", "xls is not a format of exports; known are csv"),
    ],
)
def test_what_is_not_understood_is_refused_naming_what_is(query: str, says: str, api: Api) -> None:
    answer = api("GET", f"mice/?{query}")
    assert answer.status_code == 400
    assert says in str(answer.json())


def query_of(name: str, value: str) -> QueryDict:
    query = QueryDict(mutable=True)
    query[name] = value
    return query


VALUES = ("1", "-3", "1.5", "x", "2025-06-01", "2025-06-01 09:00", "yes", "1,2", "", "\u00df", "9" * 30, "nan")


@pytest.mark.parametrize("record", list(all_records()), ids=lambda record: record.resource)
def test_every_filter_with_every_lookup_is_read_or_refused(record: Any, api: Api) -> None:
    """Read by what stands behind the address, for there are thousands; values take turns."""
    user = User.objects.get(username="writer")
    rows = record.model._default_manager.all()
    values = cycle(VALUES)
    for name in known(record):
        for lookup in ("", *(f"__{one}" for one in LOOKUPS)):
            with suppress(FilterError, EmptyResultSet):
                found = read_filters(record, query_of(f"{name}{lookup}", next(values)), user)
                str(apply(rows, record, found).query)
    for name in (field.name for field in record.model._meta.fields if field.generated):
        assert api("GET", f"{record.resource}/?{name}__lt=1&limit=1").status_code == 200, name


def test_fields_chooses_columns(api: Api) -> None:
    assert api("GET", "mice/?fields=code,cohort&limit=1").json()["results"] == [{"code": "M001", "cohort": "C1"}]


def test_one_object_is_created_by_names_or_ids(api: Api) -> None:
    made = api("POST", "weighings/", weighing())
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    assert {name: made.json()[name] for name in ("study", "mouse", "body_mass_g", "created_by")} == {
        "study": "S1", "mouse": "M001", "body_mass_g": 25.5, "created_by": "writer",
    }  # fmt: skip
    mouse = Mouse.objects.get(code="M002")
    assert api("POST", "weighings/", weighing(mouse=mouse.pk)).json()["mouse"] == "M002"
    body = weighing(mouse_id=mouse.pk, performed_at="2025-06-02T09:00:00Z")
    del body["mouse"]
    assert api("POST", "weighings/", body).json()["mouse_id"] == mouse.pk


def test_a_list_is_created_whole_or_not_at_all(api: Api) -> None:
    bad = [weighing(), weighing(performed_at="2025-06-02", body_mass_g=900), weighing(wight=3)]
    answer = api("POST", "weighings/", bad)
    assert answer.status_code == 400
    assert answer.json()[0] == {}
    assert answer.json()[1] == {"body_mass_g": ["900 g is outside 1 to 100 g; check the unit and the decimal point."]}
    assert "wight is not a field of weighings" in answer.json()[2]["wight"][0]
    assert not Weighing.objects.exists()
    made = api("POST", "weighings/", [weighing(), weighing(performed_at="2025-06-02")])
    assert (made.status_code, [row["mouse"] for row in made.json()]) == (201, ["M001", "M001"])


def test_several_related_records_are_a_list(api: Api) -> None:
    made = api("POST", "rna-extractions/", {"study": "S1", "code": "E5", "samples": ["T002", "T001"]}).json()
    assert sorted(made["samples"]) == ["T001", "T002"]
    changed = api("PATCH", f"rna-extractions/{made['id']}/", {"samples": ["T001"]}).json()
    assert changed["samples"] == ["T001"]
    assert api("PATCH", f"rna-extractions/{made['id']}/", {"rin": 7}).json()["samples"] == ["T001"]
    assert RnaExtraction.objects.get(code="E5").samples.count() == 1


def test_patch_keeps_and_put_replaces(api: Api) -> None:
    patched = api("PATCH", "mice/M001/", {"sex": "F", "genotype": "wt"})
    assert (patched.json()["sex"], patched.json()["cohort"], patched["ETag"]) == ("F", "C1", '"2"')
    put = api("PUT", "mice/M001/", {"study": "S1", "code": "M001"}).json()
    assert (put["sex"], put["cohort"], put["genotype"], put["version"]) == ("U", None, "", 3)


def test_what_was_read_can_be_sent_back(api: Api) -> None:
    shown = api("GET", "mice/M001/").json()
    again = api("PUT", "mice/M001/", shown)
    assert again.status_code == 200
    ignored = {"version", "modified_at"}
    assert {k: v for k, v in again.json().items() if k not in ignored} == {
        k: v for k, v in shown.items() if k not in ignored
    }


def test_a_change_of_an_outdated_version_is_refused_with_both_values(api: Api) -> None:
    etag = api("GET", "mice/M001/")["ETag"]
    assert api("PATCH", "mice/M001/", {"genotype": "het"}, if_match=etag).status_code == 200
    late = api("PATCH", "mice/M001/", {"genotype": "wt"}, if_match=etag)
    assert late.status_code == 412
    assert (late.json()["theirs"], late.json()["yours"]) == ({"genotype": "het"}, {"genotype": "wt"})
    assert "Someone else changed M001" in late.json()["__all__"][0]
    assert api("DELETE", "mice/M001/", if_match=etag).status_code == 412
    assert api("PATCH", "mice/M001/", {"genotype": "wt"}, if_match="nonsense").status_code == 412
    assert api("PATCH", "mice/M001/", {"genotype": "wt"}, if_match="*").status_code == 200


def test_a_record_that_others_need_says_by_what(api: Api) -> None:
    study, mouse = Study.objects.get(code="S1"), Mouse.objects.get(code="M002")
    Weighing.objects.create(study=study, mouse=mouse, performed_at="2025-06-01T00:00Z", body_mass_g=20)
    for number in (1, 2):
        api("POST", "si-tests/", {"mouse": "M002", "test_number": number, "iz_absent_s": 60, "iz_present_s": 30})
    answer = api("DELETE", "mice/M002/")
    assert answer.status_code == 409
    assert answer.json() == {
        "__all__": ["Mouse M002 has 1 weighing, 1 planned bout and 2 SI tests; delete these first."]
    }
    assert api("DELETE", "mice/M003/").status_code == 204
    assert not Mouse.objects.filter(code="M003").exists()


def test_a_study_says_all_that_is_in_it(api: Api) -> None:
    answer = api("DELETE", "studies/S2/")
    assert answer.status_code == 409
    assert answer.json() == {"__all__": ["Study S2 has 1 cohort, 1 mouse and 1 cage; delete these first."]}


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"3", b'"x"', b"[1]", b'{"code": {"a": 1}}', b'{"code": ["a"]}', b'{"study": [["S1"]]}',
        b'{"code": "a\\u0000b", "study": "S1"}', b'{"code": "\\ud800", "study": "S1"}', b'{"study": "\\u0000"}',
        b'{"study": 99999999999999999999999}', b'{"study": true}', b'{"birth_date": NaN}', b'{"notes": "\\ud800"}',
        b'{"birth_date": "\\ud800"}', b'{"\\ud800": 1}', b'{"cohort": ["\\udc00"]}',
        pytest.param(b"[" * 20_000, id="deep lists"), pytest.param(b'{"a":' * 20_000, id="deep objects"),
    ],
)  # fmt: skip
def test_nonsense_is_a_400_with_words(body: bytes, api: Api) -> None:
    answer = api("POST", "mice/", body)
    assert answer.status_code == 400
    assert answer.json()


def test_a_list_that_comes_second_is_a_409(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def come_second(*args: Any, **options: Any) -> Any:
        raise Conflict("Another mouse with the same code was saved at the same moment; reload and compare.")

    monkeypatch.setattr("labdb.registry.import_storing.store_rows", come_second)
    answer = api("POST", "mice/", [{"study": "S1", "code": "N1"}, {"study": "S1", "code": "N2"}])
    assert answer.status_code == 409
    assert "at the same moment" in answer.json()[0]["__all__"][0]


def test_an_address_of_nothing_is_a_404(api: Api) -> None:
    for name in ("999999", "99999999999999999999999", "no-such", "%00", "M0-01"):
        assert api("GET", f"mice/{name}/").status_code == 404, name
    assert api("GET", "unicorns/").status_code == 404


def test_too_much_at_once_is_a_413(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labdb.registry.rest.MAX_BODY_BYTES", 100)
    answer = api("POST", "mice/", {"study": "S1", "code": "M9", "notes": "x" * 200})
    assert answer.status_code == 413
    assert "send it in parts" in answer.json()["__all__"][0]


def test_results_are_read_and_filtered_by_their_run(api: Api) -> None:
    run = AnalysisRun.objects.create(study=Study.objects.get(code="S1"), task="phenotype")
    shown = api("GET", f"analysis-runs/{run.pk}/").json()
    assert (shown["task"], shown["study"], shown["status"], shown["parameters"]) == ("phenotype", "S1", "queued", {})
    assert api("GET", f"phenotype-calls/?run={run.pk}").json()["count"] == 0
    assert api("POST", "phenotype-calls/", {}).status_code == 405
    assert api("DELETE", f"analysis-runs/{run.pk}/").status_code == 405


@pytest.mark.parametrize("record", list(all_records()), ids=lambda record: record.resource)
def test_every_list_costs_the_same_few_queries_however_many_rows(record: Any, api: Api) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert api("GET", f"{record.resource}/").status_code == 200
    assert len(captured) <= 10  # session, account, context, count, rows, and one for each field of several records


def test_more_rows_cost_no_more_queries(api: Api) -> None:
    with CaptureQueriesContext(connection) as few:
        api("GET", "mice/")
    cohort = Cohort.objects.get(code="C1")
    Mouse.objects.bulk_create([Mouse(study=cohort.study, code=f"Q{i}", cohort=cohort) for i in range(50)])
    with CaptureQueriesContext(connection) as many:
        assert len(api("GET", "mice/").json()["results"]) == 56
    assert len(many) == len(few)


def test_the_schema_and_its_page_are_served_to_who_is_signed_in(api: Api) -> None:
    schema = api.client.get("/api/schema/", headers={"accept": "application/json"})
    assert schema.status_code == 200
    paths = schema.json()["paths"]
    for record in all_records():
        assert f"/api/v1/{record.resource}/" in paths
        assert "get" in paths[f"/api/v1/{record.resource}/{{id}}/"]
    assert api.client.get("/api/docs/").status_code == 200
    assert Client().get("/api/schema/").status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["mise/", "mice/M001/tail/"])
def test_an_address_that_is_none_is_refused_in_json(api: Api, method: str, path: str) -> None:
    answer = api(method, path)
    assert answer.status_code == 404
    assert answer.json() == {"__all__": [f"There is nothing at /api/v1/{path}; /api/docs/ lists what there is."]}
    assert Client().get(f"/api/v1/{path}").status_code == 401


def test_a_page_that_is_cut_says_so(api: Api) -> None:
    cut = api("GET", "mice/?limit=100000").json()
    assert "A page holds 1,000 rows at most, not 100,000" in cut["note"]
    assert "note" not in api("GET", "mice/?limit=1000").json()


def test_more_rows_than_one_request_holds_are_a_413(api: Api) -> None:
    answer = api("POST", "mice/", [{}] * 10_001)
    assert answer.status_code == 413
    assert answer.json()["__all__"][0].startswith("10,001 rows are more than the 10,000 of one request")


def test_json_is_answered_whatever_a_client_would_rather_have(api: Api) -> None:
    answer = api("GET", "mice/?export=csv", accept="text/csv")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert b"".join(answer.streaming_content).startswith(b"study,")  # to the end: COPY holds the connection
    assert api("GET", "mice/", accept="application/xml")["Content-Type"] == "application/json"
