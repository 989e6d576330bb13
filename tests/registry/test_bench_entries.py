"""What the bench sends: each entry stored by itself and once, answered in words whatever it says."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.colony.models import Cage, Mouse, Study, StudyMembership, Weighing
from labdb.registry.bench_person import person_token
from labdb.registry.history import events_of
from labdb.registry.json_doors import MUST_CHANGE
from labdb.sequencing.models import RnaExtraction
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db
AT = "2025-06-01T09:00:00Z"


@pytest.fixture
def writer(client: Client) -> Any:
    user = make_world()
    client.force_login(user)
    return user


def post(client: Client, body: Any) -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post("/bench/entries/", text, content_type="application/json")


def send(client: Client, *entries: dict[str, Any]) -> Any:
    answer = post(client, {"entries": list(entries)})
    assert answer.status_code == 200, answer.content
    answers = answer.json()["answers"]
    return answers if len(answers) > 1 else answers[0]


def key() -> str:
    return str(uuid.uuid4())


def weighing(mass: Any = 24.3, **more: Any) -> dict[str, Any]:
    values = {"mouse": "M001", "study": "S1", "performed_at": AT, "body_mass_g": mass, **more.pop("values", {})}
    return {"key": key(), "record": "weighings", "action": "add", "values": values, **more}


def technician(study: Study, name: str = "tina") -> User:
    user = User.objects.create_user(name, password="a long password")
    StudyMembership.objects.create(study=study, user=user, role=Role.objects.get(name="technician"))
    return user


def test_an_entry_is_stored_with_the_account_as_performer_and_the_bench_as_door(client: Client, writer: Any) -> None:
    answer = send(client, weighing(at="2025-06-01T09:00:05Z"))
    stored = Weighing.objects.get()
    assert answer["status"] == "stored"
    assert (answer["id"], answer["version"], answer["name"]) == (stored.pk, 1, "M001 24.3 g")
    assert answer["url"] == f"/records/weighings/{stored.pk}/"
    assert (stored.body_mass_g, stored.performed_by, stored.created_by) == (24.3, writer, writer)
    words = events_of(stored)[0].pgh_context.metadata
    assert (words["door"], words["user"], words["entered_at"]) == ("bench", writer.pk, "2025-06-01T09:00:05Z")


def test_the_person_whom_a_pin_named_is_the_performer(client: Client, writer: Any) -> None:
    anna = User.objects.get(username="anna")
    send(client, weighing(person=person_token(writer, anna)))
    stored = Weighing.objects.get()
    assert (stored.performed_by, stored.created_by) == (anna, writer)
    assert events_of(stored)[0].pgh_context.metadata["at_bench"] == "anna"


def test_a_person_that_the_server_did_not_name_counts_for_nothing(client: Client, writer: Any) -> None:
    other = User.objects.create_superuser("other", password="a long password")
    for token in ("anna", person_token(other, User.objects.get(username="anna"))):
        send(client, weighing(person=token, values={"performed_at": f"2025-06-0{len(token) % 7 + 1}T08:00:00Z"}))
    assert {one.performed_by for one in Weighing.objects.all()} == {writer}


def test_an_entry_sent_again_is_answered_as_before_and_stored_once(client: Client, writer: Any) -> None:
    entry = weighing()
    assert send(client, entry) == send(client, {**entry, "values": {**entry["values"], "body_mass_g": 20}})
    assert send(client, entry, entry)[0]["status"] == "stored"
    assert [one.body_mass_g for one in Weighing.objects.all()] == [24.3]


def test_each_entry_stands_for_itself(client: Client, writer: Any) -> None:
    good, bad, unknown = weighing(), weighing(2430), weighing(values={"mouse": "M00l"})
    answers = send(client, bad, good, unknown)
    assert [one["status"] for one in answers] == ["refused", "stored", "refused"]
    assert answers[0]["errors"] == {
        "body_mass_g": ["2430 g is outside 1 to 100 g; check the unit and the decimal point."]
    }
    assert "There is no mouse M00l" in answers[2]["errors"]["mouse"][0]
    assert Weighing.objects.count() == 1


def test_a_refused_entry_is_corrected_under_its_own_key(client: Client, writer: Any) -> None:
    entry = weighing(2430)
    send(client, entry)
    assert send(client, {**entry, "values": {**entry["values"], "body_mass_g": 24.3}})["status"] == "stored"


def test_a_warning_asks_for_a_reason(client: Client, writer: Any) -> None:
    housing = {"mouse": "M001", "study": "S1", "cage": "K1", "kind": "single", "housed_from": "2025-06-01"}
    entries = [{"key": key(), "record": "housings", "action": "add", "values": housing}]
    entries.append({**entries[0], "key": key(), "values": {**housing, "mouse": "M002"}})
    first, second = send(client, *entries)
    assert (first["status"], second["status"]) == ("stored", "needs_reason")
    assert "one of the two is housed alone" in second["warnings"][0]
    assert send(client, {**entries[1], "reason": "moved in for an hour"})["status"] == "stored"


def test_a_change_needs_the_version_that_was_seen(client: Client, writer: Any) -> None:
    added = send(client, weighing())
    change = {"record": "weighings", "action": "change", "id": added["id"], "values": {"body_mass_g": 24.8}}
    assert send(client, {"key": key(), **change})["status"] == "refused"
    changed = send(client, {"key": key(), "version": 1, "reason": "misread", **change})
    assert (changed["status"], changed["version"], changed["name"]) == ("stored", 2, "M001 24.8 g")
    late = send(client, {"key": key(), "version": 1, **change, "values": {"body_mass_g": 20}})
    assert late["status"] == "conflict"
    assert (late["theirs"]["body_mass_g"], late["version"]) == ("24.8", 2)
    assert "Someone else changed M001 24.8 g" in late["errors"]["__all__"][0]
    assert events_of(Weighing.objects.get())[0].pgh_context.metadata["reason"] == "misread"


def test_a_correction_names_the_entry_that_it_corrects_and_not_a_version(client: Client, writer: Any) -> None:
    entry = weighing()
    corrections = [
        {"key": key(), "record": "weighings", "action": "change", "of": entry["key"], "values": {"body_mass_g": mass}}
        for mass in (24.4, 24.5)
    ]
    answers = send(client, entry, *corrections)
    assert [(one["status"], one["version"]) for one in answers] == [("stored", 1), ("stored", 2), ("stored", 3)]
    Weighing.objects.update(notes="by somebody else")
    late = send(client, {**corrections[0], "key": key()})
    assert late["status"] == "conflict"


def test_a_correction_of_what_was_not_stored_is_refused(client: Client, writer: Any) -> None:
    correction = {"key": key(), "record": "weighings", "action": "change", "of": key(), "values": {"body_mass_g": 20}}
    assert send(client, correction)["errors"]["__all__"] == ["What this corrects was not stored; enter it anew."]


def undo(entry: dict[str, Any]) -> dict[str, Any]:
    return {"key": entry["key"], "action": "undo"}


def test_undo_deletes_what_the_entry_added_and_once(client: Client, writer: Any) -> None:
    entry = weighing()
    added = send(client, entry)
    taken_back = send(client, undo(entry))
    assert (taken_back["status"], taken_back["undone"]) == ("stored", True)
    assert not Weighing.objects.exists()
    assert send(client, undo(entry)) == taken_back == send(client, entry)  # sent again, it does not come back
    event = Weighing.events.rel.related_model.objects.filter(pgh_obj_id=added["id"], pgh_label="delete").get()
    assert event.pgh_context.metadata["reason"] == "undone at the bench"
    assert send(client, {**undo(entry), "action": "change", "record": "weighings", "of": entry["key"], "key": key()})[
        "errors"
    ]["__all__"] == ["M001 24.3 g was taken back; enter it anew."]


def test_undo_gives_back_what_the_entry_changed(client: Client, writer: Any) -> None:
    added = send(client, weighing())
    change = {
        "key": key(), "record": "weighings", "action": "change", "id": added["id"], "version": 1,
        "values": {"body_mass_g": 20, "notes": "calm"},
    }  # fmt: skip
    send(client, change)
    assert send(client, undo(change))["version"] == 3
    stored = Weighing.objects.get()
    assert (stored.body_mass_g, stored.notes, stored.performed_by) == (24.3, "", writer)


def test_undo_gives_back_the_several_records_that_a_field_named(client: Client, writer: Any) -> None:
    extraction = RnaExtraction.objects.get()
    change = {
        "key": key(), "record": "rna-extractions", "action": "change", "id": extraction.pk,
        "version": extraction.version, "values": {"samples": "T002", "rin": 7.5},
    }  # fmt: skip
    assert send(client, change)["status"] == "stored"
    assert [one.code for one in extraction.samples.all()] == ["T002"]
    assert send(client, undo(change))["undone"]
    extraction.refresh_from_db()
    assert ([one.code for one in extraction.samples.all()], extraction.rin) == (["T001"], None)


def test_what_was_changed_since_is_not_taken_back(client: Client, writer: Any) -> None:
    entry = weighing()
    send(client, entry)
    Weighing.objects.update(notes="looked ill")
    answer = send(client, undo(entry))
    assert answer["status"] == "conflict"
    assert answer["errors"]["__all__"] == ["Weighing M001 24.3 g was changed since; correct it on its own page."]
    assert Weighing.objects.exists()


def test_what_others_depend_on_is_not_taken_back(client: Client, writer: Any) -> None:
    entry = {"key": key(), "record": "cages", "action": "add", "values": {"study": "S1", "code": "K7"}}
    send(client, entry)
    housing = {"mouse": "M001", "study": "S1", "cage": "K7", "housed_from": "2025-06-01"}
    send(client, {"key": key(), "record": "housings", "action": "add", "values": housing})
    assert send(client, undo(entry))["errors"]["__all__"] == ["Cage K7 has 1 housing; delete it first."]


def test_nobody_takes_back_the_entry_of_another(client: Client, writer: Any) -> None:
    entry = weighing()
    send(client, entry)
    client.force_login(User.objects.create_superuser("other", password="a long password"))
    for again in (entry, undo(entry)):
        assert "sent by another account" in send(client, again)["errors"]["__all__"][0]
    assert Weighing.objects.count() == 1


def test_a_technician_takes_back_what_they_just_added_although_they_may_not_delete(client: Client, writer: Any) -> None:
    client.force_login(technician(Study.objects.get(code="S1")))
    entry = weighing()
    assert send(client, entry)["status"] == "stored"
    assert send(client, undo(entry))["undone"]
    assert not Weighing.objects.exists()


def test_a_role_that_may_not_weigh_is_told_so(client: Client, writer: Any) -> None:
    added = send(client, weighing())
    scorer = User.objects.create_user("sam", password="a long password")
    StudyMembership.objects.create(
        study=Study.objects.get(code="S1"), user=scorer, role=Role.objects.get(name="investigator")
    )
    client.force_login(scorer)
    change = {"key": key(), "record": "weighings", "action": "change", "id": added["id"], "version": 1, "values": {}}
    for answer, action in zip(send(client, weighing(), change), ("add", "change"), strict=True):
        assert answer["status"] == "forbidden"
        assert answer["errors"]["__all__"] == [f"Your role may not {action} weighings in study S1; ask a manager."]


def test_another_study_is_as_good_as_none(client: Client, writer: Any) -> None:
    added = send(client, weighing())
    client.force_login(technician(Study.objects.get(code="S2")))
    change = {"key": key(), "record": "weighings", "action": "change", "id": added["id"], "version": 1, "values": {}}
    answers = send(client, weighing(), change)
    assert [one["status"] for one in answers] == ["refused", "refused"]
    assert "There is no weighing" in answers[1]["errors"]["__all__"][0]


def test_nothing_is_entered_or_taken_back_in_a_closed_study(client: Client, writer: Any) -> None:
    entry = weighing()
    added = send(client, entry)
    Study.objects.filter(code="S1").update(state="closed")
    change = {"key": key(), "record": "weighings", "action": "change", "id": added["id"], "version": 1, "values": {}}
    for answer in send(client, weighing(21, values={"performed_at": "2025-06-02T09:00:00Z"}), change, undo(entry)):
        assert answer["status"] == "forbidden"
        assert answer["errors"]["__all__"] == ["Study S1 is closed; a manager can open it again."]
    assert Weighing.objects.count() == 1


def test_results_of_analyses_are_not_entered(client: Client, writer: Any) -> None:
    answer = send(client, {"key": key(), "record": "count-matrices", "action": "add", "values": {}})
    assert answer["status"] == "forbidden"
    assert "an analysis writes them" in answer["errors"]["__all__"][0]


@pytest.mark.django_db(transaction=True)
def test_four_sendings_at_once_are_stored_once() -> None:
    user = make_world()
    entry = weighing()
    together = Barrier(4)

    def sending(_number: int) -> Any:
        client = Client()
        client.force_login(user)
        together.wait(timeout=30)
        try:
            return send(client, entry)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as senders:
        ids = {answer["id"] for answer in senders.map(sending, range(4))}
    assert ids == {Weighing.objects.get().pk}


@pytest.mark.django_db(transaction=True)
def test_the_second_of_two_writers_at_the_same_moment_reads_the_rules_own_sentence() -> None:
    user = make_world()
    again = {"key": key(), "record": "cages", "action": "add", "values": {"study": "S1", "code": "K7"}}

    def second() -> Any:
        client = Client()
        client.force_login(user)
        try:
            return send(client, again)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as senders:
        with transaction.atomic():
            Cage.objects.create(study=Study.objects.get(code="S1"), code="K7", created_by=user)
            answer = senders.submit(second)
            wait_until_someone_waits_for_us()
        late = answer.result(timeout=60)
    assert late["status"] == "refused"
    assert late["errors"]["code"] == ["K7 is already a cage of this study; choose another code or edit that record."]


WAITING_HERE = """
    SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND locktype = 'transactionid' AND datname = current_database()
"""


def wait_until_someone_waits_for_us() -> None:
    for _ in range(300):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # or a transaction sees who was there at its first look
            cursor.execute(WAITING_HERE)  # other workers' databases are of the same server
            if cursor.fetchone():
                return
        time.sleep(0.1)
    raise AssertionError("Nobody waits for this transaction.")


def test_signed_out_it_answers_401_in_words(client: Client) -> None:
    answer = post(client, {"entries": []})
    assert answer.status_code == 401
    assert answer.json()["__all__"] == ["You are signed out; sign in again. What was entered is kept on this device."]


def test_a_one_time_password_lets_nothing_in(client: Client, writer: Any) -> None:
    User.objects.filter(pk=writer.pk).update(must_change_password=True)
    answer = post(client, {"entries": [weighing()]})
    assert (answer.status_code, answer.json()["__all__"]) == (403, [MUST_CHANGE])
    assert not Weighing.objects.exists()


def test_the_token_against_forged_requests_is_asked_for(writer: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(writer)
    assert post(client, {"entries": [weighing()]}).status_code == 403
    assert not Weighing.objects.exists()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "This is not JSON"),
        (b"\xff\xfe", "This is not JSON"),
        ("[" * 100_000, "This is not JSON"),
        ("[]", "There is no list of entries"),
        ('{"entries": {}}', "There is no list of entries"),
        ({"entries": [{}] * 101}, "101 entries in one request; send at most 100 at a time."),
        (" " * (2**21 + 1), "More than 2 MB in one request"),
    ],
)
def test_what_is_no_list_of_entries_is_refused_in_a_sentence(client: Client, writer: Any, body: Any, says: str) -> None:
    answer = post(client, body)
    assert answer.status_code == 400
    assert answer.json()["__all__"][0].startswith(says)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (7, "An entry is an object"),
        ({"key": None}, "The entry has no key"),
        ({"key": "7"}, "7 is not a UUID"),
        ({"key": 7}, "key is not a text"),
        ({"action": "destroy"}, "destroy is no action; send add, change or undo."),
        ({"record": "horses"}, "No record is called horses"),
        ({"record": ["weighings"]}, "record is not a text"),
        ({"values": [1]}, "The values are no object"),
        ({"values": {"mass": 3}}, "mass is not a field of weighings"),
        ({"values": {"body_mass_g": {"g": 3}}}, "This is more than one value"),
        ({"values": {"body_mass_g": "nan"}}, "nan is not a finite number"),
        ({"action": "change", "id": 2**70}, "is not a whole number from 1"),
        ({"action": "change", "id": True}, "True is not a whole number"),
        ({"action": "change", "id": 99_999_999, "version": 1}, "There is no weighing 99999999 any more"),
        ({"reason": "a\0b"}, "reason is not a text that can be stored."),
        ({"values": {"mouse": "M001", "notes": "\ud800"}}, ""),
        ({"action": "undo"}, "There is nothing to take back"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused_in_a_sentence(
    client: Client, writer: Any, entry: Any, says: str
) -> None:
    answer = send(client, {**weighing(), **entry} if isinstance(entry, dict) else entry)
    assert answer["status"] == "refused"
    sentences = [sentence for some in answer["errors"].values() for sentence in some]
    assert any(says in sentence for sentence in sentences), sentences
    assert not Weighing.objects.exists()


def test_the_clock_tells_the_time_to_everyone(client: Client) -> None:
    assert client.get("/bench/clock/").json()["now"].endswith("+00:00")


def test_the_page_of_a_mouse_is_not_needed_to_name_it(client: Client, writer: Any) -> None:
    mouse = Mouse.objects.get(study__code="S1", code="M001")
    entry = weighing()
    entry["values"] = {"mouse_id": mouse.pk, "performed_at": AT, "body_mass_g": "24.3"}
    assert send(client, entry)["status"] == "stored"
