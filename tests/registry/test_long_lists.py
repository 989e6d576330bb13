"""Long lists stay quick: what they sort by, how they are counted, and that a page is joined for its own rows only."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analysis.models import PhenotypeCall
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse, Weighing
from labdb.registry import long_lists
from labdb.registry.long_lists import count_text, counts_of, is_indexed, is_long
from tests.analysis.small_study import add_mouse, make_study
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def mice():
    """Four mice in two studies; codes that overlap."""
    first, second = make_study("S1"), make_study("S2")
    return [
        add_mouse(first, "M1", group="control"), add_mouse(first, "M2", group="witness"),
        add_mouse(first, "X10", group="control"), add_mouse(second, "M1", group="defeated"),
    ]  # fmt: skip


@pytest.fixture
def long(monkeypatch):
    """A list is long from the third row on."""
    monkeypatch.setattr(long_lists, "COUNTED", 2)


def codes(client, address):
    return [row["code"] for row in client.get(f"/api/v1/mice/{address}").json()["results"]]


def headings(client, address):
    return set(re.findall(r'<a class="sort" href="[^"]*ordering=-?(\w+)"', client.get(address).content.decode()))


@pytest.mark.parametrize(
    ("model", "name", "answer"),
    [
        (Mouse, "code", True), (Mouse, "group", True), (Mouse, "study", True), (Mouse, "id", True),
        (Mouse, "sex", False), (Mouse, "cohort", False), (Mouse, "nonsense", False),
        (Weighing, "performed_at", True), (Weighing, "mouse", True), (Weighing, "body_mass_g", True),
        (Weighing, "notes", False), (SocialInteractionTest, "si_ratio", False), (PhenotypeCall, "si_test", True),
    ],
)  # fmt: skip
def test_a_column_is_indexed_where_an_index_gives_its_order(model, name, answer):
    assert is_indexed(model, name) is answer


def test_counts_stop_and_many_are_asked_at_once(mice, long, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert counts_of([Mouse.objects.all(), Mouse.objects.filter(group="witness"), Mouse.objects.none()]) == [
            "2+",
            "1",
            "0",
        ]
    assert counts_of([]) == []
    assert count_text(Mouse.objects.filter(group="control")) == "2"
    assert is_long(Mouse.objects.all())
    assert not is_long(Mouse.objects.filter(group="control"))


def test_a_long_list_is_not_sorted_by_a_column_without_index_and_says_by_what_it_is(mice, long):
    client = signed_in()
    for door in ("/api/v1/mice/", "/records/mice/"):
        answer = client.get(f"{door}?ordering=-sex")
        assert answer.status_code == 400
        assert (
            "rows are not sorted by sex, which has no index; filter for fewer, or sort by birth_date, code,"
            in answer.content.decode()
        )
    assert client.get("/api/v1/mice/?ordering=-sex&group=control").status_code == 200
    assert codes(client, "?ordering=-code") == ["X10", "M2", "M1", "M1"]


def test_a_short_list_is_sorted_by_any_column(mice):
    client = signed_in()
    assert client.get("/api/v1/mice/?ordering=sex,notes").status_code == 200
    assert "sex" in headings(client, "/records/mice/")


def test_the_headings_of_a_long_list_sort_by_indexed_columns_only(mice, long):
    for number in range(60):
        add_mouse(mice[0].study, f"N{number}")
    assert headings(signed_in(), "/records/mice/") == {"code", "study", "group", "birth_date", "death_date"}


def test_equal_values_turn_round_with_the_order_so_that_an_index_serves_both_ways(mice):
    Mouse.objects.update(group="")
    client = signed_in()
    there = [row["id"] for row in client.get("/api/v1/mice/?ordering=group").json()["results"]]
    back = [row["id"] for row in client.get("/api/v1/mice/?ordering=-group").json()["results"]]
    assert there == back[::-1] == sorted(there)


def test_weighings_of_one_study_sort_by_the_codes_of_its_mice(mice):
    for mouse in mice:
        Weighing.objects.create(study=mouse.study, mouse=mouse, body_mass_g=20, performed_at=timezone.now())
    rows = signed_in().get("/api/v1/weighings/?study=S1&ordering=-mouse").json()["results"]
    assert [row["mouse"] for row in rows] == ["X10", "M2", "M1"]


def test_a_search_finds_text_within_a_name_also_of_a_related_record(mice):
    for mouse in mice:
        Weighing.objects.create(study=mouse.study, mouse=mouse, body_mass_g=20, performed_at=timezone.now())
    client = signed_in()
    assert codes(client, "?search=m1") == ["M1", "M1"]
    assert codes(client, "?search=1") == ["M1", "X10", "M1"]
    assert client.get("/api/v1/weighings/?search=x1").json()["count"] == 1
    assert client.get("/api/v1/weighings/?search=nothing").json()["count"] == 0


def test_a_search_that_finds_many_finds_them_all(mice, monkeypatch):
    monkeypatch.setattr("labdb.registry.filters.FEW", 1)
    for mouse in mice:
        Weighing.objects.create(study=mouse.study, mouse=mouse, body_mass_g=20, performed_at=timezone.now())
    client = signed_in()
    assert codes(client, "?search=M") == ["M1", "M2", "M1"]
    assert client.get("/api/v1/weighings/?search=m1").json()["count"] == 2
    assert client.get("/api/v1/weighings/?mouse=M1").json()["count"] == 2


@pytest.mark.parametrize("few", [0, 1, 1_000])
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("mouse__group=control", ["M1", "X10"]), ("study=S1&mouse__code=M1", ["M1"]), ("mouse__code=M1", ["M1", "M1"]),
        ("mouse__cohort=C1&study=S2", ["M1"]), ("mouse__cohort__isnull=true", []), ("mouse__group__in=witness", ["M2"]),
        ("mouse__in=M2,X10", ["M2", "X10"]), ("mouse__isnull=false&study=S2", ["M1"]), ("mouse__code=nobody", []),
    ],
)  # fmt: skip
def test_rows_are_found_by_what_their_mice_are_however_many(mice, monkeypatch, few, asked, found):
    monkeypatch.setattr("labdb.registry.filters.FEW", few)
    for mouse in mice:
        Weighing.objects.create(study=mouse.study, mouse=mouse, body_mass_g=20, performed_at=timezone.now())
    rows = signed_in().get(f"/api/v1/weighings/?{asked}&ordering=mouse").json()["results"]
    assert [row["mouse"] for row in rows] == found


def test_what_a_page_skips_is_not_joined(mice):
    with CaptureQueriesContext(connection) as queries:
        found = codes(signed_in(), "?limit=2&offset=2")
    assert found == ["X10", "M1"]
    (skipping,) = re.findall(
        r"WHERE \S+ IN \((.* OFFSET 2)\)", next(q["sql"] for q in queries if "OFFSET 2" in q["sql"])
    )
    assert "strain" not in skipping
    assert "cohort" not in skipping


@pytest.mark.parametrize(
    "address",
    [
        "/records/", "/records/mice/", "/records/mice/?study=S1&group=control&search=M&ordering=-group",
        "/records/weighings/?study=S1&mouse=M1&ordering=mouse", "/records/weighings/?mouse__cohort=C1&search=M1",
        "/api/v1/mice/?study=S1&search=M", "/api/v1/weighings/?mouse=M1&ordering=-body_mass_g",
        "/records/mice/keys/?q=M", "/records/dictionary/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", ["", "technician"])
def test_a_list_takes_at_most_12_queries(mice, role, address, django_assert_max_num_queries):
    client = signed_in(role, mice[0].study)
    with django_assert_max_num_queries(12):
        assert client.get(address).status_code == 200
