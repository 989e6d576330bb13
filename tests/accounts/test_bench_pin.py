"""The PIN of the bench: it says who works at a shared tablet, and opens nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labdb.accounts.account_history import account_history
from labdb.accounts.bench_pin import BenchPin, people_with_pin, set_pin
from labdb.accounts.models import Role, User
from labdb.colony.models import Study, StudyMembership, Weighing
from labdb.registry.json_doors import SIGNED_OUT

pytestmark = pytest.mark.django_db
PASSWORD = "a password of the tests"


@pytest.fixture
def study() -> Study:
    return Study.objects.create(code="S1", title="one")


def person(name: str, study: Study, role: str = "technician") -> User:
    user = User.objects.create_user(name, password=PASSWORD, first_name=name.title())
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name=role))
    return user


@pytest.fixture
def tablet(client: Client, study: Study) -> User:
    user = person("tablet", study)
    client.force_login(user)
    return user


def choose(client: Client, name: str, pin: str = "", **more: str) -> Any:
    return client.post("/bench/person/", {"person": name, "pin": pin, "study": "S1", "record": "weighings", **more})


def said(answer: Any) -> str:
    return answer.json()["__all__"][0]


def pin_page(client: Client, **cells: str) -> Any:
    return client.post("/accounts/pin/", {"password": PASSWORD, "pin": "2741", "again": "2741", **cells})


def test_a_person_sets_a_pin_and_the_history_knows_when_and_not_what(client: Client, tablet: User) -> None:
    answer = pin_page(client)
    assert answer.status_code == 302
    tablet.refresh_from_db()
    assert tablet.bench_pin_set_at is not None
    assert "2741" not in BenchPin.objects.get().pin
    told = [cell[0] for change in account_history(tablet, tablet) for cell in change.differences]
    assert "Bench PIN set" in told
    assert not any("pin" in name.lower() for name in told if name != "Bench PIN set")
    assert "Change the PIN" in client.get(f"/accounts/people/{tablet.pk}/").content.decode()


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"pin": "123", "again": "123"}, "A PIN has 4 to 8 digits"),
        ({"pin": "27412741x", "again": "27412741x"}, "A PIN has 4 to 8 digits"),
        ({"pin": "٢٧٤١", "again": "٢٧٤١"}, "A PIN has 4 to 8 digits"),
        ({"pin": "1234", "again": "1234"}, "the first PIN that anybody would try"),
        ({"pin": "9876", "again": "9876"}, "the first PIN that anybody would try"),
        ({"pin": "0000", "again": "0000"}, "the first PIN that anybody would try"),
        ({"again": "2742"}, "The two PINs differ"),
        ({"password": "guessed"}, "That is not your password"),
        ({"pin": ""}, "This is needed; enter a value."),
    ],
)
def test_what_is_no_pin_is_refused_in_a_sentence(client: Client, tablet: User, cells: Any, says: str) -> None:
    answer = pin_page(client, **cells)
    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not BenchPin.objects.exists()


def test_a_right_pin_chooses_the_person_until_another_is_chosen(client: Client, study: Study, tablet: User) -> None:
    tina = person("tina", study)
    set_pin(tina, "2741")
    chosen = choose(client, "tina", "2741").json()["person"]
    assert (chosen["username"], chosen["name"]) == ("tina", "Tina")
    assert client.session["bench_person"] == "tina"
    assert choose(client, "").json() == {"person": None}
    assert "bench_person" not in client.session


def test_five_wrong_pins_lock_it_for_five_minutes(client: Client, study: Study, tablet: User) -> None:
    tina = person("tina", study)
    set_pin(tina, "2741")
    answers = [choose(client, "tina", "1111") for _try in range(5)]
    assert {answer.status_code for answer in answers} == {403}
    assert said(answers[0]) == "That is not the PIN of Tina; 4 more tries until it is locked for 5 minutes."
    assert said(answers[4]).startswith("5 wrong PINs in a row: the PIN of Tina is locked for 5 more minutes.")
    assert "locked" in said(choose(client, "tina", "2741"))
    BenchPin.objects.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert choose(client, "tina", "2741").status_code == 200
    assert BenchPin.objects.get().wrong_tries == 0


def test_only_people_with_a_pin_who_may_enter_in_the_study_are_offered(study: Study) -> None:
    other = Study.objects.create(code="S2", title="two")
    names = {"tina": study, "omar": other, "bare": study, "gone": study}
    people = {name: person(name, of) for name, of in names.items()}
    people["ivan"] = person("ivan", study, "investigator")
    people["boss"] = User.objects.create_superuser("boss", password=PASSWORD)
    for name in ("tina", "omar", "gone", "ivan", "boss"):
        set_pin(people[name], "2741")
    User.objects.filter(username="gone").update(is_active=False)
    assert {one.username for one in people_with_pin(Weighing, study)} == {"tina", "boss"}


@pytest.mark.parametrize(
    "asked",
    [{"person": "omar"}, {"person": "nobody"}, {"study": "S9"}, {"record": "horses"}, {"study": "S\0"}],
    ids=str,
)
def test_nobody_else_can_be_chosen(client: Client, study: Study, tablet: User, asked: dict[str, str]) -> None:
    set_pin(person("omar", Study.objects.create(code="S2", title="two")), "2741")
    set_pin(person("tina", study), "2741")
    answer = client.post(
        "/bench/person/", {"person": "tina", "pin": "2741", "study": "S1", "record": "weighings", **asked}
    )
    assert answer.status_code == 403
    assert "cannot be chosen here" in said(answer)
    assert "bench_person" not in client.session


def test_signed_out_it_answers_in_words(client: Client) -> None:
    answer = choose(client, "tina", "2741")
    assert (answer.status_code, said(answer)) == (401, SIGNED_OUT)


def test_a_manager_clears_a_pin_and_a_colleague_does_not(client: Client, study: Study, tablet: User) -> None:
    tina = person("tina", study)
    set_pin(tina, "2741")
    clear = f"/accounts/people/{tina.pk}/pin/clear/"
    assert client.post(clear).status_code == 403
    assert BenchPin.objects.exists()
    client.force_login(User.objects.create_superuser("boss", password=PASSWORD))
    assert client.post(clear).status_code == 302
    tina.refresh_from_db()
    assert (BenchPin.objects.count(), tina.bench_pin_set_at) == (0, None)


def test_a_closed_account_has_no_pin(client: Client, study: Study) -> None:
    tina = person("tina", study)
    set_pin(tina, "2741")
    client.force_login(User.objects.create_superuser("boss", password=PASSWORD))
    client.post(f"/accounts/people/{tina.pk}/close/", {"reason": "left"})
    assert not BenchPin.objects.exists()
