"""One-time passwords, typed ones, one's own; what ends when they change, and where they never stand."""

import json
import logging
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from labdb.accounts.changes import READABLE, one_time_password
from labdb.accounts.models import User
from labdb.accounts.rest_token import make_token
from labdb.colony.models import StudyMembership
from tests.accounts.people import PASSWORD, is_signed_in, make, page_of, secret_in, sentences, signed_in, study

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    return make("maria", "manager")


def added(manager: User, **fields: str) -> Any:
    return signed_in(manager).post("/accounts/people/add/", {"username": "tina", "kind": "one-time", **fields})


def test_a_one_time_password_is_read_without_doubt() -> None:
    password = one_time_password()
    assert [len(group) for group in password.split("-")] == [4, 4, 4, 4]
    assert set(password) <= set(READABLE) | {"-"}
    assert not set("0o1il2z5s8buv") & set(READABLE)
    assert len({one_time_password() for _ in range(100)}) == 100


def test_a_new_account_signs_in_once_and_must_then_set_its_own_password(manager: User) -> None:
    answer = added(manager)
    assert "no-store" in answer["Cache-Control"]
    tina = User.objects.get(username="tina")
    client = signed_in(tina, secret_in(answer))
    for path in ("/", "/records/mice/?search=x", page_of(tina), "/admin/", "/analysis/"):
        led = client.get(path)
        assert (led.status_code, led["Location"].partition("?")[0]) == (302, "/accounts/password/")
    assert "set by someone else" in sentences(client.get("/accounts/password/"))

    changed = client.post(
        "/accounts/password/",
        {
            "old_password": secret_in(answer),
            "new_password1": "heron over water",
            "new_password2": "heron over water",
            "next": "/records/mice/?search=x",
        },
    )
    assert (changed.status_code, changed["Location"]) == (302, "/records/mice/?search=x")
    assert client.get("/").status_code == 200
    assert not Client().login(username="tina", password=secret_in(answer))
    assert Client().login(username="tina", password="heron over water")


def test_the_page_that_was_asked_for_comes_after_the_change_and_no_foreign_one(manager: User) -> None:
    answer = added(manager)
    client = signed_in(User.objects.get(username="tina"), secret_in(answer))
    assert client.get("/genes/?a=1")["Location"] == "/accounts/password/?next=%2Fgenes%2F%3Fa%3D1"
    tina = User.objects.get(username="tina")
    tina.set_password("one more of them")
    tina.save()
    client = signed_in(tina, "one more of them")
    passwords = {
        "old_password": "one more of them",
        "new_password1": "heron over water",
        "new_password2": "heron over water",
    }
    answer = client.post("/accounts/password/", {**passwords, "next": "https://elsewhere.example/"})
    assert answer["Location"] == "/"


def test_until_then_a_session_has_no_rest_and_a_token_has(manager: User) -> None:
    answer = added(manager)
    client = signed_in(User.objects.get(username="tina"), secret_in(answer))
    answer = client.get("/api/v1/studies/")
    assert answer.status_code == 403
    assert answer.json() == {
        "__all__": ["Your password was set by someone else; set one of your own at /accounts/password/ first."]
    }
    assert client.post("/api/v1/studies/", "{}", content_type="application/json").status_code == 403
    token = {"authorization": f"Token {make_token(User.objects.get(username='tina'), 'script')}"}
    assert Client().get("/api/v1/studies/", headers=token).status_code == 200
    assert client.get("/api/v1/studies/", headers={"authorization": "Token wrong"}).status_code == 401
    assert client.get("/api/v1/studies/", headers={"authorization": "Tokenish x"}).status_code == 403


def test_a_part_of_a_page_that_htmx_asks_for_leads_the_whole_page_there(manager: User) -> None:
    answer = added(manager)
    client = signed_in(User.objects.get(username="tina"), secret_in(answer))
    answer = client.get("/records/mice/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/accounts/password/")
    assert client.post("/accounts/logout/").status_code == 302
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("old", "new", "again", "says"),
    [
        ("wrong", "heron over water", "heron over water", "Your old password was entered incorrectly"),
        (PASSWORD, PASSWORD, PASSWORD, "That is the password you have now; choose another."),
        (PASSWORD, "heron over water", "heron under water", "The two password fields didn’t match."),
        (PASSWORD, "short", "short", "It must contain at least 8 characters."),
        (PASSWORD, "password1", "password1", "This password is too common."),
        (PASSWORD, "tina.berg", "tina.berg", "too similar to the user name"),
    ],
)
def test_a_bad_own_password_is_refused_in_a_sentence(old: str, new: str, again: str, says: str) -> None:
    tina = make("tina.berg", "technician")
    client = signed_in(tina)
    answer = client.post("/accounts/password/", {"old_password": old, "new_password1": new, "new_password2": again})
    assert says in sentences(answer)
    assert User.objects.get(pk=tina.pk).check_password(PASSWORD)


def test_changing_ones_own_password_ends_the_other_sessions_and_keeps_this_one() -> None:
    tina = make("tina", "technician")
    here, there = signed_in(tina), signed_in(tina)
    new = {"old_password": PASSWORD, "new_password1": "heron over water", "new_password2": "heron over water"}
    assert here.post("/accounts/password/", new).status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(there)


def test_a_reset_ends_the_sessions_and_the_old_password(manager: User) -> None:
    tina = make("tina", "technician")
    client = signed_in(tina)
    answer = signed_in(manager).post(page_of(tina, "password/"), {"kind": "one-time"})
    assert not is_signed_in(client)
    assert not Client().login(username="tina", password=PASSWORD)
    again = signed_in(tina, secret_in(answer))
    assert again.get("/")["Location"].startswith("/accounts/password/")


@pytest.mark.parametrize(("box", "must_change"), [({"must_change": "on"}, True), ({}, False)])
def test_a_manager_may_type_a_password(manager: User, box: dict[str, str], must_change: bool) -> None:
    tina = make("tina", "technician")
    typed = {"kind": "typed", "password": "kettle in the rain", **box}
    answer = signed_in(manager).post(page_of(tina, "password/"), typed, follow=True)
    assert "kettle" not in answer.content.decode()
    assert (signed_in(tina, "kettle in the rain").get("/").status_code == 302) is must_change


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"kind": "typed", "password": "short"}, "It must contain at least 8 characters."),
        ({"kind": "typed", "password": ""}, "This is needed; enter a value."),
        ({"kind": "typed", "password": "tina.berg"}, "too similar to the user name"),
        ({"kind": "typed", "password": "nul\0nul nul"}, "Null characters are not allowed."),
        ({"kind": "hint"}, "hint is no kind of password; choose one of these."),
        ({}, "This is needed; enter a value."),
    ],
)
@pytest.mark.parametrize("page", ["add", "reset"])
def test_a_bad_password_of_a_manager_is_refused_in_a_sentence(
    manager: User, page: str, sent: dict[str, str], says: str
) -> None:
    if page == "add":
        answer = signed_in(manager).post("/accounts/people/add/", {"username": "tina.berg", **sent})
        assert not User.objects.filter(username="tina.berg").exists()
    else:
        tina = make("tina.berg")
        answer = signed_in(manager).post(page_of(tina, "password/"), sent)
        assert User.objects.get(pk=tina.pk).check_password(PASSWORD)
    assert says in sentences(answer)


def test_a_script_gets_no_password(manager: User) -> None:
    answer = added(manager, username="robot", kind="none")
    assert answer.status_code == 302
    assert not User.objects.get(username="robot").has_usable_password()


def test_a_one_time_password_stands_in_the_answer_and_nowhere_else(
    manager: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = signed_in(manager)
    made = client.post("/accounts/people/add/", {"username": "tina", "kind": "one-time"})
    tina = User.objects.get(username="tina")
    reset = client.post(page_of(tina, "password/"), {"kind": "one-time"})
    token = client.post(page_of(tina, "tokens/"), {"name": "laptop"})
    secrets = [secret_in(answer) for answer in (made, reset)]
    later = client.get(page_of(tina)).content.decode()
    cookies = "".join(morsel.OutputString() for morsel in client.cookies.values())
    sessions = json.dumps([session.get_decoded() for session in Session.objects.all()])
    for secret in [*secrets, secret_in(token)]:
        assert secret not in later + cookies + sessions + caplog.text
    for secret in [*secrets, secret_in(token)]:
        assert secret not in _whole_database()


def _whole_database() -> str:
    """Return every text of every row of every table."""
    texts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')
            texts += [text for (text,) in cursor.fetchall()]
    return "\n".join(texts)


def test_membership_is_given_on_the_page_that_shows_the_password(manager: User) -> None:
    study("S1")
    tina = User.objects.filter(username="tina")
    shown = added(manager).content.decode()
    assert f'action="{page_of(tina.get(), "studies/")}"' in shown
    assert not StudyMembership.objects.filter(user__in=tina).exists()
