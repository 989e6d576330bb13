"""Closing an account, its tokens, and the history of both."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client

from labdb.accounts.models import NEVER_DELETED, Role, User
from labdb.accounts.rest_token import make_token, tokens_of
from labdb.colony.models import Cohort, Mouse, Weighing
from tests.accounts.people import PASSWORD, is_signed_in, make, page_of, secret_in, sentences, signed_in, study

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    return make("maria", "manager")


def by_rest(key: str) -> int:
    return Client().get("/api/v1/studies/", headers={"authorization": f"Token {key}"}).status_code


def history(viewer: User, person: User) -> list[tuple[str, str, str]]:
    """Return (who, what, why) as the account's page shows it, newest first."""
    changes = signed_in(viewer).get(page_of(person)).context["changes"]
    return [(change.who, _what(change), change.reason) for change in changes]


def _what(change: Any) -> str:
    told = [
        f"{label}: {old.parts[0].text} -> {new.parts[0].text}"
        for label, old, new in change.differences
        if not label.startswith(("Password set", "REST token made"))
    ]
    dated = [label for label, _old, _new in change.differences if label in ("Password set", "REST token made")]
    return "; ".join([*told, *dated]) or change.what


def test_a_closed_account_is_shut_out_at_once_and_keeps_what_it_entered(manager: User) -> None:
    tina = make("tina", "technician")
    session, token = signed_in(tina), make_token(tina, "laptop")
    answer = session.post("/api/v1/strains/", json.dumps({"name": "C57BL/6J of ours"}), content_type="application/json")
    assert (answer.status_code, by_rest(token)) == (201, 200)

    asked = signed_in(manager).post(page_of(tina, "close/"), {"reason": " "})
    assert "This is needed; enter a value." in sentences(asked)
    assert User.objects.get(pk=tina.pk).is_active
    assert signed_in(manager).post(page_of(tina, "close/"), {"reason": "left the laboratory"}).status_code == 302

    assert not is_signed_in(session)
    assert by_rest(token) == 401
    assert not tokens_of(tina).exists()
    assert not Client().login(username="tina", password=PASSWORD)
    strain = Client()
    strain.force_login(manager)
    assert strain.get(f"/api/v1/strains/{answer.json()['id']}/").json()["created_by"] == "tina"
    assert "closed" in sentences(signed_in(manager).get(page_of(tina)))


def test_nobody_closes_his_own_account(manager: User) -> None:
    make("second", "manager")
    answer = signed_in(manager).post(page_of(manager, "close/"), {"reason": "holiday"})
    assert "You cannot close your own account; ask another manager." in sentences(answer)
    assert User.objects.get(pk=manager.pk).is_active


def test_a_reopened_account_has_its_roles_a_new_password_and_no_old_session(manager: User) -> None:
    tina = make("tina", "technician", "S1")
    session = signed_in(tina)
    client = signed_in(manager)
    client.post(page_of(tina, "close/"), {"reason": "on leave"})
    assert "reopen it first" in sentences(client.post(page_of(tina, "tokens/"), {"name": "laptop"}))
    answer = client.post(page_of(tina, "password/"), {"kind": "one-time"})
    assert not is_signed_in(session)
    assert not Client().login(username="tina", password=PASSWORD)
    again = signed_in(tina, secret_in(answer))
    assert again.get("/")["Location"].startswith("/accounts/password/")
    assert [membership.role.name for membership in tina.memberships.all()] == ["technician"]


def test_a_closed_account_is_no_longer_offered_but_can_be_named(manager: User) -> None:
    tina, s1 = make("tina"), study("S1")
    mouse = Mouse.objects.create(study=s1, code="M1", birth_date="2025-01-01")
    old = Weighing.objects.create(mouse=mouse, performed_at="2025-06-01T09:00Z", body_mass_g=25, performed_by=tina)
    client = signed_in(manager)
    option = '<option value="tina">'
    assert option in client.get("/records/weighings/add/").content.decode()
    client.post(page_of(tina, "close/"), {"reason": "left"})
    assert option not in client.get("/records/weighings/add/").content.decode()
    assert "tina" in sentences(client.get(f"/records/weighings/{old.pk}/"))
    assert 'value="tina"' in client.get(f"/records/weighings/{old.pk}/edit/").content.decode()
    row = {"mouse": "M1", "performed_at": "2025-06-02 09:00", "body_mass_g": "25", "performed_by": "tina"}
    entered = client.post("/records/weighings/add/?study=S1", row)  # last year's sheet names who has left since
    assert entered.status_code == 302
    assert Weighing.objects.filter(performed_by=tina).count() == 2


@pytest.mark.parametrize("way", ["ORM", "SQL"])
def test_an_account_is_never_deleted(way: str) -> None:
    tina = make("tina")
    with pytest.raises(IntegrityError, match=NEVER_DELETED), transaction.atomic():
        if way == "ORM":
            User.objects.filter(pk=tina.pk).delete()
        else:
            connection.cursor().execute("DELETE FROM accounts_user WHERE id = %s", [tina.pk])
    assert User.objects.filter(pk=tina.pk).exists()


def test_the_admin_shows_accounts_without_passwords_and_neither_changes_nor_deletes_them() -> None:
    boss, tina = User.objects.create_superuser("boss", password=PASSWORD), make("tina")
    client = signed_in(boss)
    path = f"/admin/accounts/user/{tina.pk}/"
    shown = client.get(f"{path}change/").content.decode()
    assert "tina" in shown
    assert tina.password not in shown
    assert client.post(f"{path}change/", {"username": "other", "is_superuser": "on"}).status_code == 403
    refused = client.post(f"{path}delete/", {"post": "yes"})
    assert refused.status_code == 403
    assert NEVER_DELETED in sentences(refused)
    assert client.get("/admin/accounts/user/add/").status_code == 403
    assert client.get("/admin/authtoken/tokenproxy/").status_code == 404
    assert User.objects.get(pk=tina.pk).username == "tina"


def test_the_command_makes_a_token_as_before_and_none_for_a_closed_account(
    manager: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("token", "robot", "--role", "investigator")
    key = capsys.readouterr().out.strip()
    assert by_rest(key) == 200
    robot = User.objects.get(username="robot")
    signed_in(manager).post(page_of(robot, "close/"), {"reason": "replaced"})
    with pytest.raises(CommandError, match="The account robot is closed; reopen it on its page"):
        call_command("token", "robot")
    with pytest.raises(CommandError, match="Robot is taken by the account robot"):
        call_command("token", "Robot")


def test_the_page_of_an_account_says_who_did_what_and_why(manager: User) -> None:
    client = signed_in(manager)
    analyst = str(Role.objects.get(name="analyst").pk)
    client.post("/accounts/people/add/", {"username": "tina", "kind": "typed", "password": "kettle in the rain"})
    tina = User.objects.get(username="tina")
    client.post(page_of(tina, "edit/"), {"username": "tina", "last_name": "Lund", "groups": [analyst]})
    study("S1")
    client.post(page_of(tina, "studies/"), {"study": "S1", "role": "scorer"})
    client.post(page_of(tina, "studies/" + str(tina.memberships.get().pk) + "/"))
    client.post(page_of(tina, "tokens/"), {"name": "laptop"})
    client.post(page_of(tina, "password/"), {"kind": "one-time"})
    client.post(page_of(tina, "edit/"), {"username": "tina", "last_name": "Lund"})
    client.post(page_of(tina, "close/"), {"reason": "left"})
    # A test is one transaction, so all of it has one time, and its order is not the page's.
    assert sorted(history(manager, tina)) == sorted(
        [
            ("maria", "REST token made", "left"),
            ("maria", "Password must be changed: yes -> no; Password set", "left"),
            ("maria", "Active: yes -> no", "left"),
            ("maria", "Role analyst in every study: taken away", ""),
            ("maria", "Password must be changed: no -> yes; Password set", ""),
            ("maria", "REST token made", ""),
            ("maria", "Role scorer in S1: taken away", ""),
            ("maria", "Role scorer in S1: given", ""),
            ("maria", "Role analyst in every study: given", ""),
            ("maria", "Last name: — -> Lund", ""),
            ("maria", "entered", ""),
        ]
    )


def test_signing_in_is_no_change_of_an_account() -> None:
    tina = make("tina")
    signed_in(tina)
    signed_in(tina)
    assert [what for _who, what, _why in history(tina, tina)] == ["entered"]


@pytest.mark.parametrize("table", ["accounts_userevent", "accounts_roleheldevent"])
@pytest.mark.parametrize("act", ["INSERT INTO {} SELECT * FROM {}", "UPDATE {} SET pgh_label = 'x'", "DELETE FROM {}"])
def test_the_history_of_accounts_cannot_be_altered_by_the_application(table: str, act: str) -> None:
    make("tina", "technician")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone()[0] >= 1
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            cursor.execute(act.replace("{}", table))


def test_what_a_person_entered_names_him_after_a_new_user_name(manager: User) -> None:
    tina = make("tina", "technician", "S1")
    cohort = Cohort.objects.create(study=study("S1"), code="C1", created_by=tina)
    signed_in(manager).post(page_of(tina, "edit/"), {"username": "tina.lund"})
    cohort.refresh_from_db()
    assert cohort.created_by is not None
    assert cohort.created_by.username == "tina.lund"
