"""Who defines fields of the lab's own, and what values that are stored already do not allow."""

import json
from typing import Any

import pytest
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, StudyMembership
from labdb.registry.deletion import StillNeeded, delete_record
from labdb.registry.lab_field import LabField
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> Any:
    return make_world()


@pytest.fixture
def client(writer: Any) -> Client:
    signed_in = Client()
    signed_in.force_login(writer)
    return signed_in


def api(client: Client, method: str, path: str, body: Any = None) -> Any:
    return client.generic(method, f"/api/v1/{path}", json.dumps(body or {}), "application/json")


def score(**words: Any) -> LabField:
    return LabField.objects.create(
        **{"resource": "mice", "name": "coat_score", "label": "coat score", "kind": "number", **words}
    )


def with_values(*values: Any, name: str = "coat_score") -> None:
    for code, value in zip(("M001", "M002", "M003"), values, strict=False):
        Mouse.objects.filter(code=code).update(lab_values={name: value})


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"kind": "text"}, "kind", "3 mice hold a value that does not fit this"),
        ({"minimum": 2}, "minimum", "1 mouse hold a value that does not fit this"),
        ({"maximum": 2}, "maximum", "1 mouse hold a value that does not fit this"),
        ({"name": "fur_score"}, "name", "3 mice hold a value of coat_score, so it must stay; retire it"),
        ({"resource": "cohorts"}, "resource", "3 mice hold a value of coat_score, so it must stay; retire it"),
    ],
)
def test_a_change_that_stored_values_do_not_fit_is_refused_with_their_number(client, change, field, says):
    row = score()
    with_values(1, 2, 3)
    answer = api(client, "PATCH", f"lab-fields/{row.pk}/", change)
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert says in answer.json()[field][0]
    assert LabField.objects.get(pk=row.pk).kind == "number"


@pytest.mark.parametrize(
    "change", [{"label": "fur"}, {"minimum": 1, "maximum": 3}, {"is_retired": True}, {"help_text": "By eye."}]
)
def test_a_change_that_they_fit_is_made(client, change):
    row = score(minimum=0)
    with_values(1, 2, 3)
    assert api(client, "PATCH", f"lab-fields/{row.pk}/", change).status_code == 200


def test_a_choice_that_rows_have_stays(client):
    row = score(name="coat", kind="choice", choices="black; agouti; white")
    with_values("black", "white", name="coat")
    refused = api(client, "PATCH", f"lab-fields/{row.pk}/", {"choices": "black; agouti"})
    assert "1 mouse hold a value that does not fit this" in refused.json()["choices"][0]
    kept = api(client, "PATCH", f"lab-fields/{row.pk}/", {"choices": "white;black ; red;"})
    assert kept.json()["choices"] == "white; black; red"
    assert api(client, "PATCH", f"lab-fields/{row.pk}/", {"kind": "text", "choices": ""}).status_code == 200


def test_a_name_that_nobody_used_may_change(client):
    row = score()
    assert api(client, "PATCH", f"lab-fields/{row.pk}/", {"name": "fur_score", "kind": "text"}).status_code == 200


def test_a_new_field_takes_over_values_under_its_name_only_if_they_fit(client):
    with_values("much")
    words = {"resource": "mice", "name": "coat_score", "label": "coat score", "kind": "number"}
    assert "1 mouse hold" in api(client, "POST", "lab-fields/", words).json()["kind"][0]
    assert api(client, "POST", "lab-fields/", {**words, "kind": "text"}).status_code == 201
    assert api(client, "GET", "mice/M001/").json()["coat_score"] == "much"


def test_a_field_with_values_is_not_deleted(client, writer):
    row = score()
    with_values(1, 2)
    sentence = "coat_score has a value in 2 mice; retire the field, or empty it there first."
    answer = api(client, "DELETE", f"lab-fields/{row.pk}/")
    assert (answer.status_code, answer.json()) == (409, {"__all__": [sentence]})
    page = client.post(f"/records/lab-fields/{row.pk}/delete/")
    assert page.status_code == 409
    assert sentence in page.content.decode()
    with pytest.raises(StillNeeded, match="2 mice"):
        delete_record(row, writer)
    Mouse.objects.update(lab_values={})
    assert api(client, "DELETE", f"lab-fields/{row.pk}/").status_code == 204


def test_a_unit_is_written_as_everywhere_else(client):
    words = {"resource": "mice", "name": "tail_length_mm", "label": "tail", "kind": "number", "unit": "Millimeters"}
    assert api(client, "POST", "lab-fields/", words).json()["unit"] == "mm"
    own = {"resource": "mice", "name": "agility", "label": "agility", "kind": "number", "unit": "points"}
    assert api(client, "POST", "lab-fields/", own).json()["unit"] == "points"


@pytest.mark.parametrize(
    ("role", "status"),
    [("technician", 403), ("scorer", 403), ("analyst", 403), ("investigator", 403), ("manager", 201)],
)
def test_only_a_manager_defines_fields_and_everyone_sees_them(writer, role, status):
    user = User.objects.create(username=role)
    StudyMembership.objects.create(study=Study.objects.get(code="S1"), user=user, role=Role.objects.get(name=role))
    signed_in = Client()
    signed_in.force_login(user)
    score(name="fur_score", label="fur")
    assert api(signed_in, "GET", "lab-fields/").json()["count"] == 1
    words = {"resource": "mice", "name": "coat_score", "label": "coat score", "kind": "number"}
    answer = api(signed_in, "POST", "lab-fields/", words)
    assert answer.status_code == status, answer.json()
    if status == 403:
        assert answer.json() == {"__all__": ["Your role may not add lab-defined fields; ask a manager."]}
        assert signed_in.get("/records/lab-fields/add/").status_code == 403


def test_who_looks_on_sees_values_in_the_admin_without_changing_them(writer):
    score()
    with_values(2)
    user = User.objects.create(username="looker", is_staff=True)
    user.groups.add(Role.objects.get(name="investigator"))
    signed_in = Client()
    signed_in.force_login(user)
    page = signed_in.get(f"/admin/colony/mouse/{Mouse.objects.get(code='M001').pk}/change/")
    assert page.status_code == 200
    assert "Coat score" in page.content.decode()
    assert '<div class="readonly">2</div>' in page.content.decode()
