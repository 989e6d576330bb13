"""A list as a person wants it: its columns, and the views that are kept and shared."""

import csv
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, StudyMembership
from labdb.registry.saved_view import SavedView

pytestmark = pytest.mark.django_db
LIST = "/records/mice/"


@pytest.fixture
def study() -> Study:
    study = Study.objects.create(code="S1", title="first")
    for code, sex, group in (("M1", "F", "control"), ("M2", "M", "defeated"), ("M3", "F", "defeated")):
        Mouse.objects.create(study=study, code=code, sex=sex, group=group, ear_tag=f"E-{code}")
    return study


def member(name: str, study: Study) -> Client:
    user = User.objects.create_user(name)
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name="technician"))
    client = Client()
    client.force_login(user)
    return client


def headings(answer: Any) -> list[str]:
    cells = re.findall(r"<th scope=\"col\".*?</th>", answer.content.decode(), re.S)
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in cells]


def said(answer: Any) -> str:
    return unescape(answer.content.decode())


def keep(client: Client, name: str, query: str, **more: str) -> Any:
    return client.post(f"{LIST}views/", {"name": name, "query": query, **more}, follow=True)


def test_chosen_columns_are_shown_in_the_page_and_in_the_file(study: Study) -> None:
    client = member("anna", study)
    assert headings(client.get(f"{LIST}?fields=code,ear_tag")) == ["", "Code", "Ear tag"]  # first the boxes to tick
    answer = client.get(f"{LIST}?fields=code&fields=ear_tag&export=csv&ordering=code")
    rows = list(csv.reader(b"".join(answer.streaming_content).decode().splitlines()))
    assert rows == [["code", "ear_tag"], ["M1", "E-M1"], ["M2", "E-M2"], ["M3", "E-M3"]]


def test_ticked_boxes_become_one_address_and_stay_while_one_sorts(study: Study) -> None:
    answer = member("anna", study).get(f"{LIST}?fields=code&fields=sex&sex=F")
    assert 'href="/records/mice/?fields=code,sex&sex=F&ordering=code"' in said(answer)
    assert 'name="fields" value="code,sex" form="filters"' in said(answer)


def test_an_unknown_column_is_refused_and_the_known_ones_are_named(study: Study) -> None:
    answer = member("anna", study).get(f"{LIST}?fields=code,tail")
    assert answer.status_code == 400
    assert "tail: not a field; known are id, " in said(answer)


def test_a_view_brings_back_filters_order_and_columns(study: Study) -> None:
    client = member("anna", study)
    saved = keep(client, "Females ", "study=S1&sex=F&ordering=-code&fields=code,group&page=3")
    assert "View Females saved." in said(saved)
    view = SavedView.objects.get()
    assert (view.query, view.study) == ("study=S1&sex=F&ordering=-code&fields=code,group", study)
    shown = client.get(f"{LIST}?{view.query}")
    assert re.findall(r">(M\d)</a>", said(shown)) == ["M3", "M1"]
    assert re.search(r'aria-current="true">Females</a>', said(client.get(f"{LIST}views/?{view.query}")))


def test_the_same_name_again_replaces_the_view(study: Study) -> None:
    client = member("anna", study)
    keep(client, "mine", "sex=F")
    assert "View MINE replaced." in said(keep(client, "MINE", "sex=M"))
    assert SavedView.objects.get().query == "sex=M"


def test_a_view_is_seen_by_others_only_when_shared_and_only_with_its_study(study: Study) -> None:
    anna, ben = member("anna", study), member("ben", study)
    stranger = member("carl", Study.objects.create(code="S2", title="second"))
    keep(anna, "private", "sex=F")
    keep(anna, "ours", "study=S1&sex=F", is_shared="on")
    menu = said(ben.get(f"{LIST}views/"))
    assert "ours" in menu and "by anna" in menu
    assert "private" not in menu
    assert "ours" not in said(stranger.get(f"{LIST}views/"))


def test_only_its_owner_forgets_a_view(study: Study) -> None:
    anna, ben = member("anna", study), member("ben", study)
    keep(anna, "ours", "sex=F", is_shared="on")
    address = f"{LIST}views/{SavedView.objects.get().pk}/forget/"
    assert ben.post(address).status_code == 404
    assert "View ours forgotten" in said(anna.post(address, follow=True))
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    ("name", "query", "sentence"),
    [
        ("  ", "sex=F", "A view needs a name of at most 80 characters"),
        ("x" * 81, "sex=F", "A view needs a name of at most 80 characters"),
        ("odd", "tail_length=3", "tail_length is not a filter"),
        ("long", "code=" + "M" * 2000, "take some filters away"),
    ],
)
def test_a_view_that_cannot_be_kept_is_refused_in_words(study: Study, name: str, query: str, sentence: str) -> None:
    answer = keep(member("anna", study), name, query)
    assert sentence in said(answer)
    assert not SavedView.objects.exists()


def test_a_view_of_a_study_that_is_not_seen_is_no_page(study: Study) -> None:
    stranger = member("carl", Study.objects.create(code="S2", title="second"))
    assert keep(stranger, "peek", "study=S1").status_code in (400, 404)
    assert not SavedView.objects.exists()
