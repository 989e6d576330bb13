"""Who may see, make and change accounts, and what is refused, in which words."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labdb.accounts.changes import Refused, close, keeping_managers
from labdb.accounts.first_account import system_account
from labdb.accounts.models import Role, User
from labdb.colony.models import StudyMembership
from tests.accounts.people import PASSWORD, make, page_of, sentences, signed_in, study

pytestmark = pytest.mark.django_db


def roles(user: User) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


def role_id(name: str) -> str:
    return str(Role.objects.get(name=name).pk)


@pytest.fixture
def manager() -> User:
    return make("maria", "manager")


def test_a_manager_makes_an_account_with_names_and_roles(manager: User) -> None:
    page = signed_in(manager).get("/accounts/people/add/").content.decode()
    assert "mail" not in page
    fields = {"username": "jo", "first_name": "Johannes", "last_name": "van den Heuvel", "kind": "one-time"}
    groups = [role_id("analyst"), role_id("scorer")]
    signed_in(manager).post("/accounts/people/add/", {**fields, "groups": groups})
    jo = User.objects.get(username="jo")
    assert (jo.get_full_name(), roles(jo)) == ("Johannes van den Heuvel", {"analyst", "scorer"})
    assert (jo.is_active, jo.is_superuser, jo.is_staff) == (True, False, False)


def test_a_manager_changes_names_and_roles_and_nothing_else(manager: User) -> None:
    anna = make("anna", "technician")
    before = User.objects.get(pk=anna.pk)
    fields = {"username": "anna.b", "last_name": "Berg", "groups": [role_id("scorer")]}
    forged = {"is_superuser": "on", "is_staff": "on", "password": "x", "is_active": ""}
    assert signed_in(manager).post(page_of(anna, "edit/"), {**fields, **forged}).status_code == 302
    anna = User.objects.get(pk=anna.pk)
    assert (anna.username, anna.last_name, roles(anna)) == ("anna.b", "Berg", {"scorer"})
    assert (anna.is_superuser, anna.is_staff, anna.is_active, anna.password) == (False, False, True, before.password)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("anna", "anna is taken by the account anna (Anna Berg); choose another name."),
        ("ANNA", "ANNA is taken by the account anna (Anna Berg); choose another name."),
        ("Labdb", "labdb is the account of labdb itself; choose another name."),
        ("", "This is needed; enter a value."),
        ("anna berg", "A user name holds letters, digits and @ . + - _ only, without spaces; enter one such as anna."),
        ("x" * 151, "has 151 characters; enter at most 150."),
        ("an\0na", "Text cannot hold NUL or half characters; type it anew."),
    ],
)
@pytest.mark.parametrize("page", ["add", "edit"])
def test_a_bad_user_name_is_refused_in_a_sentence(manager: User, page: str, name: str, says: str) -> None:
    make("anna", first_name="Anna", last_name="Berg")
    other = make("other")
    path = "/accounts/people/add/" if page == "add" else page_of(other, "edit/")
    number = User.objects.count()
    answer = signed_in(manager).post(path, {"username": name, "kind": "one-time"})
    assert answer.status_code == 200
    assert says in sentences(answer)
    assert User.objects.count() == number
    assert User.objects.filter(username="other").exists()


def test_a_role_that_does_not_exist_is_refused_in_a_sentence(manager: User) -> None:
    answer = signed_in(manager).post(page_of(make("anna"), "edit/"), {"username": "anna", "groups": ["999999"]})
    assert "There is no role 999999; choose from those shown." in sentences(answer)


def test_two_names_that_differ_in_capitals_only_are_refused_by_the_database_too() -> None:
    make("anna")
    with pytest.raises(IntegrityError, match="account_username_once"), transaction.atomic():
        User.objects.create(username="Anna")


PAGES = ["", "edit/", "password/", "close/"]
POSTS = ["edit/", "password/", "close/", "tokens/", "studies/"]
SENT = {
    "username": "taken", "kind": "one-time", "reason": "no reason", "name": "laptop", "study": "S1", "role": "scorer",
}  # fmt: skip


def state_of(person: User) -> Any:
    person = User.objects.get(pk=person.pk)
    n_tokens, n_studies = person.rest_tokens.count(), person.memberships.count()
    return person.username, person.password, person.is_active, person.token_made_at, n_tokens, n_studies


@pytest.mark.parametrize(("role", "of"), [("technician", ""), ("investigator", ""), ("technician", "S1"), ("", "")])
def test_others_may_do_nothing_with_accounts(role: str, of: str) -> None:
    study("S1")
    other, client = make("other"), signed_in(make("tina", role, of))
    before = state_of(other)
    answers = [client.get(path) for path in ["/accounts/people/", "/accounts/people/add/"]]
    answers += [client.get(page_of(other, page)) for page in PAGES]
    answers += [client.post(page_of(other, page), SENT) for page in POSTS]
    answers.append(client.post("/accounts/people/add/", SENT))
    assert {answer.status_code for answer in answers} == {403}
    assert "ask a manager" in sentences(answers[0])
    assert state_of(other) == before
    assert not User.objects.filter(username="taken").exists()
    assert ">People<" not in client.get("/").content.decode()


def test_who_is_not_signed_in_is_led_to_the_sign_in() -> None:
    other = make("other")
    paths = ["/accounts/people/", "/accounts/password/", *(page_of(other, page) for page in PAGES)]
    for path in paths:
        assert Client().get(path)["Location"].startswith("/accounts/login/")


def test_a_manager_of_one_study_gives_and_takes_roles_there_and_nothing_else() -> None:
    other = make("other", "analyst", "S2")
    chief = make("chief", "manager", "S1")
    client = signed_in(chief)
    assert ">People<" in client.get("/").content.decode()
    listed = sentences(client.get("/accounts/people/"))
    assert "other" in listed
    assert "S2" not in listed
    assert client.post(page_of(other, "studies/"), {"study": "S1", "role": "scorer"}).status_code == 302
    given = StudyMembership.objects.get(user=other, study__code="S1")
    assert given.role.name == "scorer"
    assert client.post(page_of(other, f"studies/{given.pk}/")).status_code == 302
    assert not StudyMembership.objects.filter(user=other, study__code="S1").exists()

    elsewhere = StudyMembership.objects.get(user=other, study__code="S2")
    before = state_of(other)
    refused = [client.post(page_of(other, page), SENT) for page in ("edit/", "password/", "close/", "tokens/")]
    refused += [client.post(page_of(other, f"studies/{elsewhere.pk}/")), client.post("/accounts/people/add/", SENT)]
    assert {answer.status_code for answer in refused} == {403}
    hidden = client.post(page_of(other, "studies/"), {"study": "S2", "role": "scorer"})
    assert "There is no study S2" in sentences(hidden)
    assert state_of(other) == before
    shown = sentences(client.get(page_of(other)))
    assert "S2" not in shown
    assert "Last sign-in" not in shown
    assert "History" not in shown


def test_a_manager_of_one_study_who_sees_another_has_no_say_there() -> None:
    other, chief = make("other"), make("chief", "manager", "S1")
    StudyMembership.objects.create(study=study("S2"), user=chief, role=Role.objects.get(name="investigator"))
    answer = signed_in(chief).post(page_of(other, "studies/"), {"study": "S2", "role": "scorer"})
    assert answer.status_code == 403
    assert "Your role may not add study memberships in study S2; ask a manager." in sentences(answer)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"study": "S1", "role": "scorer"}, "other already has the role scorer in S1."),
        ({"study": "S9", "role": "scorer"}, "There is no study S9"),
        ({"study": "S1", "role": "king"}, "There is no role king"),
        ({}, "This is needed; enter a value."),
    ],
)
def test_a_role_in_a_study_that_cannot_be_given_is_refused_in_a_sentence(
    manager: User, sent: dict[str, str], says: str
) -> None:
    other = make("other", "scorer", "S1")
    assert says in sentences(signed_in(manager).post(page_of(other, "studies/"), sent))
    assert StudyMembership.objects.count() == 1


def test_a_manager_may_not_touch_an_administrator_who_may_touch_anyone(manager: User) -> None:
    boss = User.objects.create_superuser("boss", password=PASSWORD)
    before = state_of(boss)
    for page in ("edit/", "password/", "close/", "tokens/"):
        answer = signed_in(manager).post(page_of(boss, page), SENT)
        assert answer.status_code == 403
        assert "boss is an administrator; only an administrator may change that account." in sentences(answer)
    assert state_of(boss) == before
    answer = signed_in(boss).post(page_of(manager, "edit/"), {"username": "maria", "is_superuser": "on"})
    assert answer.status_code == 302
    assert User.objects.filter(username="maria", is_superuser=True, is_staff=True).exists()


def test_the_account_of_labdb_itself_stays_as_it_is() -> None:
    boss = User.objects.create_superuser("boss", password=PASSWORD)
    itself = system_account()
    before = state_of(itself)
    for page in ("edit/", "password/", "close/", "tokens/"):
        answer = signed_in(boss).post(page_of(itself, page), SENT)
        assert answer.status_code == 403
        assert "labdb is the account that labdb itself acts as; it stays as it is." in sentences(answer)
    assert state_of(itself) == before


LAST_MANAGER = "This is the last account that manages accounts; make another manager first."
LAST_ADMINISTRATOR = "This is the last administrator; make another account an administrator first."


def test_the_last_manager_keeps_the_role(manager: User) -> None:
    system_account()  # nobody signs in with it
    closed = make("closed", "manager")
    close(closed, manager, "left")
    make("of one study", "manager", "S1")
    client = signed_in(manager)
    answer = client.post(page_of(manager, "edit/"), {"username": "maria", "groups": [role_id("scorer")]})
    assert LAST_MANAGER in sentences(answer)
    assert roles(manager) == {"manager"}
    make("second", "manager")
    assert client.post(page_of(manager, "edit/"), {"username": "maria"}).status_code == 302
    assert roles(manager) == set()


def test_the_last_administrator_stays_one(manager: User) -> None:
    boss = User.objects.create_superuser("boss", password=PASSWORD)
    answer = signed_in(boss).post(page_of(boss, "edit/"), {"username": "boss"})
    assert LAST_ADMINISTRATOR in sentences(answer)
    assert User.objects.get(pk=boss.pk).is_superuser
    User.objects.create_superuser("second", password=PASSWORD)
    assert signed_in(boss).post(page_of(boss, "edit/"), {"username": "boss"}).status_code == 302
    assert not User.objects.get(pk=boss.pk).is_superuser


@pytest.mark.parametrize("sent", [{"kind": "none"}, {"reason": "gone"}])
def test_the_last_manager_is_neither_closed_nor_left_without_a_password(sent: dict[str, str]) -> None:
    """By one whose right was given without the password that would make them the next."""
    manager, helper = make("maria", "manager"), make("helper", "manager")
    client = Client()
    client.force_login(helper)
    helper.set_unusable_password()
    User.objects.filter(pk=helper.pk).update(password=helper.password)
    client.force_login(User.objects.get(pk=helper.pk))
    answer = client.post(page_of(manager, "password/" if "kind" in sent else "close/"), sent)
    assert LAST_MANAGER in sentences(answer)
    assert User.objects.get(pk=manager.pk).is_active
    assert User.objects.get(pk=manager.pk).check_password(PASSWORD)


def test_the_rows_of_the_managers_are_locked_before_one_of_them_is_closed(manager: User) -> None:
    with CaptureQueriesContext(connection) as queries, pytest.raises(Refused), keeping_managers():
        User.objects.filter(pk=manager.pk).update(is_active=False)
    statements = [query["sql"] for query in queries if "accounts_user" in query["sql"]]
    assert "FOR UPDATE" in statements[0]
    assert statements[1].startswith("UPDATE")


@pytest.mark.parametrize("of", ["", "S1"])
def test_the_list_searches_and_filters_with_the_same_number_of_queries_for_any_number(of: str) -> None:
    client = signed_in(make("maria", "manager", of))
    make("anna", "technician", "S1", first_name="Anna", last_name="Berg")
    with CaptureQueriesContext(connection) as few:
        assert client.get("/accounts/people/").status_code == 200
    for number in range(5):
        make(f"more{number}", "technician", "S1", last_name="Lund")
    with CaptureQueriesContext(connection) as many:
        assert "more4" in sentences(client.get("/accounts/people/"))
    assert len(many) == len(few) <= 12
    User.objects.filter(username="more3").update(is_active=False)

    def found(query: str) -> set[str]:
        page = client.get(f"/accounts/people/?{query}").context["page"]
        return {person.username for person in page}

    assert found("search=berg") == {"anna"}
    assert found("search=anna+berg") == {"anna"}
    assert found("search=lund") == {"more0", "more1", "more2", "more4"}
    assert found("search=lund&state=closed") == {"more3"}
    assert found("search=lund&state=all") == {f"more{number}" for number in range(5)}
    assert found("search=%00") == set()


def test_the_list_has_pages(manager: User) -> None:
    User.objects.bulk_create(User(username=f"p{number:03}") for number in range(60))
    client = signed_in(manager)
    first = client.get("/accounts/people/?state=all")
    assert "1–50 of 61" in sentences(first)
    assert 'rel="next" href="?state=all&amp;page=2"' in first.content.decode()
    assert "51–61 of 61" in sentences(client.get("/accounts/people/?state=all&page=2"))
    assert client.get("/accounts/people/?page=elephant").status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_an_account_that_is_none_is_404(manager: User, page: str) -> None:
    assert signed_in(manager).get(f"/accounts/people/99999/{page}").status_code == 404
