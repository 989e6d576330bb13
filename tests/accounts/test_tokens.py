"""Tokens: a name, limits and an end; shown once, kept as a hash; what they take away no door gives back."""

import hashlib
import json
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from labdb.accounts.models import Role, User
from labdb.accounts.rest_token import RestToken, make_token, tokens_of
from labdb.colony.models import Mouse, Strain, Study
from labdb.registry.narrowing import narrow
from labdb.registry.permissions import may
from labdb.treatment.models import AllocationKey
from tests.accounts.people import make, page_of, secret_in, sentences, signed_in, study

pytestmark = pytest.mark.django_db


class Script:
    """A program with a token."""

    def __init__(self, token: str) -> None:
        self.headers = {"authorization": f"Token {token}"}

    def get(self, path: str) -> Any:
        return Client().get(f"/api/v1/{path}", headers=self.headers)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        return Client().generic(
            method, f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=self.headers
        )


def codes(answer: Any) -> list[str]:
    return sorted(row["code"] for row in answer.json()["results"])


@pytest.fixture
def manager() -> User:
    return make("maria", "manager")


@pytest.mark.parametrize("who", ["maria", "tina"])
def test_a_token_is_shown_once_and_ends_when_it_is_revoked(manager: User, who: str) -> None:
    tina = make("tina", "technician")
    client = signed_in(User.objects.get(username=who))
    made = client.post(page_of(tina, "tokens/"), {"name": "laptop"})
    token = secret_in(made)
    assert "no-store" in made["Cache-Control"]
    assert Script(token).get("studies/").status_code == 200
    assert token not in client.get(page_of(tina)).content.decode()
    row = RestToken.objects.get()
    assert row.digest == hashlib.sha256(token.encode()).hexdigest()
    assert (row.user, row.made_by.username) == (tina, who)
    other = secret_in(client.post(page_of(tina, "tokens/"), {"name": "cluster"}))
    assert client.post(page_of(tina, f"tokens/{row.pk}/revoke/")).status_code == 302
    refused = Script(token).get("studies/")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Token")
    today = timezone.localdate().isoformat()
    assert refused.json() == {"__all__": [f"The token laptop was revoked on {today}; make another one."]}
    assert Script(other).get("studies/").status_code == 200
    assert client.post(page_of(tina, f"tokens/{row.pk}/revoke/")).status_code == 404


def test_the_page_says_limits_end_and_last_use(manager: User) -> None:
    tina = make("tina", "technician")
    study("S1")
    client = signed_in(tina)
    last_day = timezone.localdate() + timedelta(days=30)
    sent = {"name": "laptop", "is_read_only": "on", "study": "S1", "last_day": last_day.isoformat()}
    token = secret_in(client.post(page_of(tina, "tokens/"), sent))
    shown = sentences(client.get(page_of(tina)))
    assert "laptop only reads only S1" in shown
    row = tokens_of(tina).get()
    assert timezone.localtime(row.expires_at).date() == last_day + timedelta(days=1)  # midnight after it
    assert row.used_at is None
    Script(token).get("studies/")
    first_use = tokens_of(tina).get().used_at
    assert first_use is not None
    Script(token).get("studies/")
    assert tokens_of(tina).get().used_at == first_use  # to the minute: no write with each request


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"name": ""}, "This is needed; enter a value."),
        ({"name": "x" * 61}, "enter at most 60"),
        ({"name": "a\0b"}, "Text cannot hold NUL"),
        ({"name": "laptop"}, "tina has a token laptop already; revoke it first, or choose another name."),
        ({"name": "new", "study": "S9"}, "tina sees no study S9"),
        ({"name": "new", "study": "HIDDEN"}, "tina sees no study HIDDEN"),
        ({"name": "new", "last_day": "soon"}, "soon is not a date"),
        ({"name": "new", "last_day": "2020-01-01"}, "2020-01-01 is over"),
    ],
)
def test_what_makes_no_token_is_said(sent: dict[str, str], says: str) -> None:
    tina = make("tina", "technician", "S1")
    study("HIDDEN")
    make_token(tina, "laptop")
    answer = signed_in(tina).post(page_of(tina, "tokens/"), sent)
    assert says in sentences(answer)
    assert tokens_of(tina).count() == 1


def test_only_its_owner_and_managers_make_and_revoke_tokens(manager: User) -> None:
    tina, other = make("tina", "technician"), make("other", "technician")
    make_token(tina, "laptop")
    row = tokens_of(tina).get()
    for path in ("tokens/", f"tokens/{row.pk}/revoke/"):
        assert signed_in(other).post(page_of(tina, path), {"name": "mine"}).status_code == 403
    assert signed_in(other).post(page_of(other, f"tokens/{row.pk}/revoke/")).status_code == 404
    assert signed_in(tina).get(page_of(tina, "tokens/")).status_code == 405
    assert list(tokens_of(tina)) == [row]


def test_an_ended_token_is_a_401_with_a_sentence_and_its_name_is_free_again() -> None:
    tina = make("tina", "technician")
    token = make_token(tina, "laptop", last_day=timezone.localdate())
    assert Script(token).get("studies/").status_code == 200
    ended = timezone.now() - timedelta(minutes=1)
    RestToken.objects.update(expires_at=ended)
    answer = Script(token).get("studies/")
    assert answer.status_code == 401
    assert answer.json() == {
        "__all__": [f"The token laptop ended on {timezone.localtime(ended):%Y-%m-%d}; make another one."]
    }
    assert Script(make_token(tina, "laptop")).get("studies/").status_code == 200


@pytest.mark.parametrize(
    "sent", ["Token", "Token ", "Token x y", "token nothing", "Token \xff\xfe", "Token " + "x" * 9000]
)
def test_a_token_that_is_none_is_a_401(sent: str, manager: User) -> None:
    client = signed_in(manager)  # beside a session too: who sends a token means it
    answer = client.get("/api/v1/studies/", headers={"authorization": sent})
    assert answer.status_code == 401
    assert "make one on the page of your account" in answer.json()["__all__"][0]


def test_a_token_that_only_reads_writes_nothing(manager: User) -> None:
    s1 = study("S1")
    mouse = Mouse.objects.create(study=s1, code="M1", birth_date="2025-01-01")
    script = Script(make_token(manager, "reader", is_read_only=True))
    assert codes(script.get("mice/")) == ["M1"]
    writes = [
        ("POST", "mice/", {"study": "S1", "code": "M2"}), ("POST", "mice/", [{"study": "S1", "code": "M2"}]),
        ("PATCH", f"mice/{mouse.pk}/", {"notes": "x"}), ("PUT", f"mice/{mouse.pk}/", {"study": "S1", "code": "M3"}),
        ("DELETE", f"mice/{mouse.pk}/", None), ("POST", "analysis-runs/", {"study": "S1", "task": "phenotype"}),
        ("POST", "count-matrices/", {}), ("POST", "attachments/", {}), ("DELETE", "attachments/1/", None),
        ("POST", "studies/", {"code": "S2", "title": "x"}),
    ]  # fmt: skip
    for method, path, body in writes:
        answer = script.send(method, path, body)
        assert answer.status_code == 403, (method, path)
        assert answer.json() == {
            "__all__": ["The token reader only reads; make one that may write on the page of your account."]
        }
    assert list(Mouse.objects.values_list("code", "version")) == [("M1", 1)]
    assert not Study.objects.filter(code="S2").exists()


@pytest.mark.parametrize("is_administrator", [True, False])
def test_a_token_of_a_study_sees_that_study_alone(is_administrator: bool) -> None:
    person = User.objects.create_superuser("boss") if is_administrator else make("tina", "manager")
    s1, s2 = study("S1"), study("S2")
    strain = Strain.objects.create(name="C57BL/6J of ours")
    mine = Mouse.objects.create(study=s1, code="M1", strain=strain, birth_date="2025-01-01")
    theirs = Mouse.objects.create(study=s2, code="M2", strain=strain, birth_date="2025-01-01")
    assert codes(Script(make_token(person, "all")).get("mice/")) == ["M1", "M2"]

    script = Script(make_token(person, "one", study=s1))
    assert codes(script.get("studies/")) == ["S1"]
    assert codes(script.get("mice/")) == ["M1"]
    assert script.get("mice/?export=csv").getvalue().decode().count("\n") == 2
    assert script.get(f"mice/{theirs.pk}/").status_code == 404
    assert script.get("mice/S2-M2/").status_code == 404
    assert script.get("strains/?mice__code=M2").json()["count"] == 0
    assert script.get("strains/?mice__code=M1").json()["count"] == 1
    assert script.send("PATCH", f"mice/{mine.pk}/", {"notes": "weak"}).status_code == 200
    assert script.send("PATCH", f"mice/{theirs.pk}/", {"notes": "weak"}).status_code == 404
    refused = [
        script.send("POST", "mice/", {"study": "S2", "code": "M3"}),
        script.send("POST", "analysis-runs/", {"study": "S2", "task": "phenotype"}),
        script.send("POST", "studies/", {"code": "S3", "title": "x"}),
    ]
    assert [answer.status_code for answer in refused] == [400, 400, 403]
    assert Mouse.objects.count() == 2
    assert not Study.objects.filter(code="S3").exists()


def test_a_token_of_a_study_gives_nobody_its_key() -> None:
    """An administrator has no part in a blinded study, and a token is no way around; an allocator keeps the own one."""
    study("S1"), study("S2")
    Study.objects.update(is_blinded=True)
    s1, s2 = Study.objects.order_by("code")
    boss, allocator = User.objects.create_superuser("boss"), make("alla")
    allocator.groups.add(Role.objects.get(name="allocator"))
    for person, of, seen in ((boss, s1, False), (allocator, s1, True)):
        user = User.objects.get(pk=person.pk)
        token = make_token(user, "one", study=of)
        signed = RestToken.objects.get(user=user)
        narrow(user, signed.narrowing)
        assert may(user, "view", AllocationKey, s1) is seen
        assert may(user, "view", AllocationKey, s2) is False
        assert Script(token).get("allocation-keys/").json()["count"] == 0


def test_tokens_of_before_are_hashed_by_the_migration_and_go_on() -> None:
    tina = make("tina", "technician")
    plain = Token.objects.create(user=tina)
    assert Script(plain.key).get("studies/").status_code == 401
    import_module("labdb.accounts.migrations.0003_hash_tokens").hash_tokens(apps, None)
    assert Script(plain.key).get("studies/").status_code == 200
    assert not Token.objects.exists()
    row = tokens_of(tina).get()
    assert (row.name, row.made_at, row.is_read_only, row.expires_at) == ("earlier token", plain.created, False, None)


def test_the_command_takes_limits_and_replaces_its_own_token_alone(capsys: pytest.CaptureFixture[str]) -> None:
    study("S1"), study("S2")

    def command(*arguments: str) -> Script:
        call_command("token", "robot", *arguments)
        said = capsys.readouterr().out
        assert len(said.split()) == 1
        return Script(said.strip())

    first = command("--role", "manager")
    reader = command("--name", "reader", "--read-only", "--only-study", "S1")
    assert codes(first.get("studies/")) == ["S1", "S2"]
    assert codes(reader.get("studies/")) == ["S1"]
    assert reader.send("POST", "strains/", {"name": "new"}).status_code == 403
    assert command("--last-day", "2099-01-01").get("studies/").status_code == 200
    assert first.get("studies/").status_code == 401
    assert reader.get("studies/").status_code == 200
    for arguments, says in (
        (["--only-study", "S9"], "There is no study S9."),
        (["--last-day", "soon"], "soon is not a date"),
        (["--last-day", "2020-01-01"], "2020-01-01 is over"),
        (["--name", ""], "A token has a name of 1 to 60 characters"),
    ):
        with pytest.raises(CommandError, match=says):
            call_command("token", "robot", *arguments)


def test_too_many_requests_are_a_429_that_says_how_long_to_wait(settings: Any) -> None:
    tina = make("tina", "technician")
    script = Script(make_token(tina, "laptop"))
    settings.REST_REQUESTS_PER_MINUTE = {"anonymous": 0, "token": 3, "export": 1}
    assert script.get("strains/?export=csv").status_code == 200
    again = script.get("strains/?export=csv")
    assert again.status_code == 429
    assert again.json()["__all__"][0].startswith("Too many requests in this minute; wait ")
    assert 0 < int(again["Retry-After"]) <= 60
    answers = [script.get("strains/").status_code for _ in range(4)]
    # By whole minutes: one may begin between two requests.
    assert 429 in answers
    assert answers[0] == 200


def test_who_does_not_sign_in_is_counted_too(settings: Any) -> None:
    settings.REST_REQUESTS_PER_MINUTE = {"anonymous": 3, "token": 0, "export": 0}
    anonymous = [Client(REMOTE_ADDR="192.0.2.1").get("/api/v1/strains/").status_code for _ in range(8)]
    assert (anonymous[0], 429 in anonymous) == (401, True)
    wrong = [
        Client(REMOTE_ADDR="192.0.2.2").get("/api/v1/strains/", headers={"authorization": "Token x"}).status_code
        for _ in range(8)
    ]
    assert (wrong[0], 429 in wrong) == (401, True)
