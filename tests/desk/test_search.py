"""One box finds a record by every name that it has or had, says why, and shows nothing that the account may not see."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analysis.models import RunStatus
from labdb.colony.models import Cage, Mouse, MouseIdentification, Study
from labdb.defeat.models import Aggressor
from labdb.desk import search
from labdb.desk.slips import slips
from labdb.sequencing.models import Gene, Library
from labdb.tissue.models import BrainRegion, TissueSample
from tests.analysis.small_study import add_mouse, make_study
from tests.analysis.treated_study import add_run, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slow machine look to the end."""
    monkeypatch.setattr(search, "LONGEST_LOOK_MS", 30_000)


@pytest.fixture
def study() -> Study:
    study = make_study()
    for code, tag in (("M001", "0421"), ("M002", "0422"), ("M010", "")):
        mouse = add_mouse(study, code)
        mouse.ear_tag = tag
        mouse.save()
    return study


def found(client: Client, text: str) -> dict[str, list[tuple[str, str]]]:
    """Return names and reasons by kind, as the page has them."""
    answer = client.get("/search/", {"q": text, "all": "1"})
    assert answer.status_code == 200
    return {title: [(one.title, one.why) for one in some] for title, some in answer.context["found"].groups}


@pytest.mark.parametrize("typed", ["M001", "m001", "S1-M001", "s1-m001", "0421", " M001 "])
def test_a_name_that_one_record_has_leads_to_it_at_once(study: Study, typed: str):
    answer = signed_in().get("/search/", {"q": typed})
    assert (answer.status_code, answer["Location"]) == (302, "/studies/S1/mice/M001/")


def test_what_begins_so_is_found_with_the_reason(study: Study):
    assert found(signed_in(), "m00") == {"Mice": [("M001", "code begins with m00"), ("M002", "code begins with m00")]}


def test_what_only_holds_the_text_is_found_where_little_else_is(study: Study):
    assert found(signed_in(), "010") == {"Mice": [("M010", "code M010 holds 010")]}


def test_a_code_that_two_studies_have_is_a_page_of_both(study: Study):
    add_mouse(make_study("S2"), "M001")
    answer = signed_in().get("/search/", {"q": "M001"})
    ((title, results),) = answer.context["found"].groups
    assert (title, sorted(one.study for one in results)) == ("Mice", ["S1", "S2"])
    assert signed_in(name="tom").get("/search/", {"q": "S2-M001"})["Location"] == "/studies/S2/mice/M001/"


def test_another_study_is_not_found(study: Study):
    add_mouse(make_study("S2"), "X77")
    client = signed_in("technician", study)
    for typed in ("X77", "S2-X77", "S2", "x7"):
        assert found(client, typed) == {}, typed
    assert client.get("/search/", {"q": "X7"}).context["found"].nearest == []


def test_a_mark_that_a_mouse_bore_leads_to_it(study: Study):
    mouse = Mouse.objects.get(code="M010")
    MouseIdentification.objects.create(mouse=mouse, study=study, kind="microchip", value="985-113")
    assert found(signed_in(), "985-113") == {"Mice": [("M010", "microchip 985-113")]}


def test_a_former_name_leads_to_the_name_of_today(study: Study):
    mouse = Mouse.objects.get(code="M010")
    mouse.code = "N10"
    mouse.save()
    client = signed_in()
    assert found(client, "m010") == {"Mice": [("N10", "formerly M010")]}
    answer = client.get("/search/", {"q": "M010"}, follow=True)
    assert answer.redirect_chain == [("/studies/S1/mice/N10/", 302)]
    assert "M010 is called N10 now." in answer.content.decode()


def test_a_name_that_was_given_anew_shows_who_had_it_before(study: Study):
    mouse = Mouse.objects.get(code="M010")
    mouse.code = "N10"
    mouse.save()
    add_mouse(study, "M010")
    assert found(signed_in(), "M010") == {"Mice": [("M010", "code M010"), ("N10", "formerly M010")]}


def test_every_kind_is_found_by_its_name(study: Study):
    region = BrainRegion.objects.get(code="NAc")
    mouse = Mouse.objects.get(code="M001")
    TissueSample.objects.create(study=study, mouse=mouse, code="Z-1", region=region)
    Cage.objects.create(study=study, code="Z-2")
    Aggressor.objects.create(code="Z-3")
    Library.objects.create(study=study, code="Z-4")
    Gene.objects.create(annotation="A1", gene_id="ENSZ", symbol="Z-5")
    assert list(found(signed_in(), "z-")) == ["Tissue samples", "Cages", "Aggressors", "Libraries", "Genes"]


def test_a_gene_of_two_annotations_is_one_page(study: Study):
    for annotation in ("A1", "A2"):
        Gene.objects.create(annotation=annotation, gene_id="ENS1", symbol="Fos")
    assert signed_in().get("/search/", {"q": "fos"})["Location"] == "/genes/Fos/"


@pytest.mark.parametrize("typed", ["#{}", "run {}", "Run #{}"])
def test_a_run_is_found_by_its_number(study: Study, typed: str):
    run = add_run(study, "phenotype", RunStatus.FAILED)
    answer = signed_in().get("/search/", {"q": typed.format(run.pk)})
    assert answer["Location"] == f"/analysis/runs/{run.pk}/"


@pytest.mark.parametrize("path", ["/studies/S1/mice/M001/", "/records/cages/{cage}/"])
def test_the_address_on_a_label_leads_to_its_page_whatever_the_server_was_called(study: Study, path: str):
    path = path.format(cage=Cage.objects.create(study=study, code="K1").pk)
    answer = signed_in().get("/search/", {"q": f"http://old-server:8000{path}"})
    assert (answer.status_code, answer["Location"]) == (302, path)


@pytest.mark.parametrize("address", ["https://evil.example/", "http://[", "http://x/accounts/login/?next=//evil"])
def test_an_address_of_something_else_leads_nowhere(study: Study, address: str):
    answer = signed_in().get("/search/", {"q": address})
    assert answer.status_code == 200
    assert "Nothing that you may see" in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "meant"), [("M0O1", "M001"), ("M1", "M001"), ("M0001", "M001"), ("M0012", "M001"), ("0M01", "M001")]
)
def test_an_unknown_name_is_answered_with_what_was_meant(study: Study, typed: str, meant: str):
    Mouse.objects.exclude(code=meant).delete()
    answer = signed_in().get("/search/", {"q": typed})
    assert f"Nothing that you may see is or was called {typed}." in answer.content.decode()
    assert answer.context["found"].nearest == [meant]


def test_ways_to_read_a_name_are_few_however_doubtful_it_is():
    assert len(slips("O0I1S5B8Z2" * 20)) < 1000


def test_a_look_that_takes_long_is_given_up_and_said(study: Study, monkeypatch: pytest.MonkeyPatch):
    union = search._union

    def slow_within_names(asked: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1) WHERE current_setting('statement_timeout') <> '0'")
        return union(asked)

    monkeypatch.setattr(search, "_union", slow_within_names)
    monkeypatch.setattr(search, "LONGEST_LOOK_MS", 50)
    client = signed_in()
    assert "too many; type how a name begins" in client.get("/search/", {"q": "holds"}).content.decode()
    assert client.get("/search/", {"q": "M001"}).status_code == 302


@pytest.mark.parametrize("typed", ["", "   ", "\0", "x" * 201, "%", "_", "'", "#99999999999999999999", "#0", "🐭"])
def test_whatever_is_typed_is_answered(study: Study, typed: str):
    for headers in ({}, {"HX-Request": "true"}):
        assert signed_in(name=f"u{len(headers)}").get("/search/", {"q": typed}, headers=headers).status_code == 200


def test_below_the_box_nothing_is_opened_by_itself(study: Study):
    answer = signed_in().get("/search/", {"q": "M001"}, headers={"HX-Request": "true"})
    text = answer.content.decode()
    assert 'href="/studies/S1/mice/M001/" role="option"' in text
    assert "<html" not in text


def test_more_records_cost_no_more_questions(study: Study):
    client = signed_in()

    def asked(text: str) -> Any:
        client.get("/search/", {"q": text, "all": "1"})
        with CaptureQueriesContext(connection) as queries:
            client.get("/search/", {"q": text, "all": "1"})
        return len(queries)

    before = asked("M0")
    for number in range(20):
        add_mouse(study, f"M02{number}")
    assert asked("M0") <= before <= 8


def test_how_a_name_begins_is_looked_up_by_an_index(study: Study):
    """Whatever the collation of the database: a real server may have another one than the embedded."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")  # of a few rows it costs nothing, and any index would do
        cursor.execute(
            """EXPLAIN SELECT 1 FROM colony_mouse WHERE (UPPER(code) COLLATE "C")::text LIKE 'M00%'
            ORDER BY UPPER(code) COLLATE "C" """
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "mouse_code_folded" in plan
    assert "Sort" not in plan
