"""Boxes by their pages: who sees what, what is refused, and what is left in a tube."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, StudyMembership
from labdb.desk.tube_codes import find_tubes
from labdb.desk.tube_left import left_of
from labdb.sequencing.models import ExtractionSample, RnaExtraction
from labdb.tissue.models import BoxCheck, BrainRegion, StorageBox, TissueSample, TubeEvent

pytestmark = pytest.mark.django_db


def make_tube(study: str, code: str, box: str = "", position: str = "", **facts: Any) -> TissueSample:
    of, _new = Study.objects.get_or_create(code=study, defaults={"title": study})
    mouse, _new = Mouse.objects.get_or_create(study=of, code="M001")
    region, _new = BrainRegion.objects.get_or_create(code="TST", defaults={"name": "test region"})
    where = StorageBox.objects.get_or_create(code=box)[0] if box else None
    return TissueSample.objects.create(
        study=of, mouse=mouse, region=region, code=code, box=where, position=position, **facts
    )


@pytest.fixture
def tubes() -> dict[str, TissueSample]:
    """T1 and T2 of S1 and Z1 of S2 in BOX1; both studies have a T9, that of S1 in BOX2."""
    return {
        "T1": make_tube("S1", "T1", "BOX1", "A1"), "T2": make_tube("S1", "T2", "BOX1", "A2"),
        "Z1": make_tube("S2", "Z1", "BOX1", "A3"), "T9": make_tube("S1", "T9", "BOX2", "B1"),
        "other T9": make_tube("S2", "T9"),
    }  # fmt: skip


@pytest.fixture
def tina(tubes: dict[str, TissueSample]) -> Client:
    """A technician of S1 alone."""
    return signed_in("tina", "technician")


def signed_in(name: str, role: str) -> Client:
    user = User.objects.create_user(name)
    StudyMembership.objects.create(study=Study.objects.get(code="S1"), user=user, role=Role.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, address: str, key: uuid.UUID | None = None, **body: Any) -> tuple[int, Any]:
    sent = json.dumps({"key": str(key or uuid.uuid4()), **body})
    answer = client.post(address, sent, content_type="application/json")
    return answer.status_code, answer.json()


def events(client: Client, *rows: Any, **more: Any) -> tuple[int, Any]:
    return send(client, "/tubes/events/", events=list(rows), **more)


def check(client: Client, *scanned: tuple[TissueSample, str], key: Any = None, **more: Any) -> Any:
    """Send a check as the outbox of the page does, and return what was answered."""
    digest = client.get("/boxes/BOX1/stored/").json()["digest"]
    rows = [{"sample": tube.pk, "position": position} for tube, position in scanned]
    at = timezone.now().isoformat()
    values = {"box": "BOX1", "digest": digest, "performed_at": at, "scanned": rows, **more}
    entry = {"key": str(key or uuid.uuid4()), "action": "check a box", "record": "box-checks", "values": values}
    return bench(client, entry)


def bench(client: Client, entry: dict[str, Any]) -> Any:
    answer = client.post("/bench/entries/", json.dumps({"entries": [entry]}), content_type="application/json")
    return answer.json()["answers"][0]


def test_tubes_of_studies_that_one_does_not_see_have_no_name_at_any_door(
    tina: Client, tubes: dict[str, TissueSample]
) -> None:
    state = tina.get("/boxes/BOX1/stored/").json()
    assert [tube["label"] for tube in state["tubes"]] == ["S1-T1", "S1-T2"]
    assert (state["hidden"], state["n_hidden"]) == (["A3"], 1)
    for address in ("/boxes/BOX1/", "/boxes/BOX1/scan/", "/freezers/"):
        page = tina.get(address)
        assert (page.status_code, "Z1" in page.content.decode()) == (200, False)
    assert tina.get("/tubes/found/", {"code": "Z1"}).json() == {
        "tubes": [],
        "sentence": "No tube of yours is called Z1.",
    }
    assert tina.get(f"/tubes/{tubes['Z1'].pk}/story/").status_code == 404
    status, answer = events(tina, {"sample": tubes["Z1"].pk, "kind": "discarded"})
    assert (status, answer["status"]) == (422, "refused")
    status, answer = events(tina, {"sample": tubes["T1"].pk, "kind": "placed", "box": "BOX1", "position": "A3"})
    assert answer["__all__"][0].startswith("A3 of box BOX1 holds a tube of a study that you do not see; choose")
    assert check(tina, (tubes["T1"], "A1"))["status"] == "stored"
    assert sorted(BoxCheck.objects.get().tubes.values_list("sample__code", "result")) == [
        ("T1", "in place"), ("T2", "missing"),
    ]  # fmt: skip
    assert tina.get("/boxes/NONE/").status_code == 404


def test_who_may_only_look_moves_nothing(tubes: dict[str, TissueSample]) -> None:
    looker = signed_in("iris", "investigator")
    assert looker.get("/boxes/BOX1/").status_code == 200
    assert looker.get("/boxes/BOX1/scan/").status_code == 403
    status, answer = events(looker, {"sample": tubes["T1"].pk, "kind": "discarded"})
    assert (status, answer["__all__"]) == (422, ["Your role may not add tube events in study S1; ask a manager."])
    answer = check(looker, (tubes["T1"], "A1"))
    assert (answer["status"], BoxCheck.objects.exists()) == ("refused", False)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"kind": "placed", "box": "BOX1", "position": "A2"}, "A2 of box BOX1 holds S1-T2"),
        ({"kind": "placed", "box": "BOX1", "position": "A10"}, "A10 is not in box BOX1; its positions are A1 to I9"),
        ({"kind": "placed", "box": "BOX7", "position": "A1"}, "There is no storage box BOX7"),
        ({"kind": "thawed", "amount_used_mg": "a bit"}, "a bit is not a number"),
        ({"kind": "melted"}, "melted"),
        ({"kind": "placed"}, "A tube is placed in a box"),
        ({"kind": ["placed"]}, "This is more than one value"),
    ],
)
def test_bad_input_gets_a_sentence_and_nothing_is_stored(
    tina: Client, tubes: dict[str, TissueSample], row: Any, sentence: str
) -> None:
    good = {"sample": tubes["T2"].pk, "kind": "thawed"}
    status, answer = events(tina, good, {"sample": tubes["T1"].pk, **row})
    assert (status, answer["status"]) == (422, "refused")
    assert sentence in answer["__all__"][0]
    assert not TubeEvent.objects.filter(is_edit=False).exists()


def test_what_cannot_be_read_is_said(tina: Client, tubes: dict[str, TissueSample]) -> None:
    one, two = tubes["T1"], tubes["T2"]
    for status, answer, sentence in (
        (*events(tina), "Nothing was sent"),
        (*events(tina, {"sample": "T1"}), "A tube is sent by its id"),
        (*events(tina, 5), "A tube is sent by its id"),
        (*send(tina, "/tubes/events/", key=None, events=[], reason=5), "Nothing was sent"),
    ):
        assert (status, answer["__all__"][0][: len(sentence)]) == (400, sentence)
    for answer, sentence in (
        (check(tina, (one, "A1"), (two, "A1")), "Two tubes were scanned in A1; keep one of the two."),
        (check(tina, (one, "A1"), (one, "A2")), "One tube was scanned in A1 and in A2; keep one of the two."),
        (check(tina, (one, "K1")), "K1 is not in box BOX1; its positions are A1 to I9."),
        (check(tina, (one, "1A")), "1A is not a position"),
        (check(tina, scanned=[5]), "A scan is the id of a tube and a position"),
        (check(tina, unknown=[5]), "A list of texts was expected"),
        (check(tina, notes=5), "notes is not a text"),
        (check(tina, box="BOX9"), "There is no box BOX9"),
        (check(tina, performed_at="the 5th"), "the 5th is not a date and time"),
        (check(tina, performed_at="2999-01-01T00:00:00Z"), "2999-01-01T00:00:00Z is in the year 2999"),
        (check(tina, (one, "A1"), decisions={str(one.pk): "moved"}), "T1 is in its place; moved is nothing to decide"),
        (check(tina, (tubes["Z1"], "A1")), f"There is no tissue sample {tubes['Z1'].pk} any more"),
    ):
        assert (answer["status"], answer["errors"]["__all__"][0][: len(sentence)]) == ("refused", sentence)
    assert tina.post("/tubes/events/", "{", content_type="application/json").status_code == 400
    assert Client().post("/tubes/events/", "{", content_type="application/json").status_code == 401
    assert not BoxCheck.objects.exists()


def test_a_check_is_stored_once_and_against_what_is_there_now(tina: Client, tubes: dict[str, TissueSample]) -> None:
    one, two, far = tubes["T1"], tubes["T2"], tubes["T9"]
    assert check(tina, (one, "A2"), digest="of yesterday")["status"] == "conflict"
    key, decisions = uuid.uuid4(), {str(one.pk): "moved", str(far.pk): "moved"}
    answer = check(tina, (one, "A2"), (far, "B5"), key=key, decisions=decisions)
    assert answer["errors"]["__all__"] == [
        "A2 of box BOX1 holds S1-T2; choose another position, or move that sample first."
    ]
    assert not BoxCheck.objects.exists()
    decisions[str(two.pk)] = "missing"
    yesterday = timezone.now() - timedelta(days=1)
    TissueSample.objects.update(created_at=yesterday - timedelta(days=1))
    found = {"decisions": decisions, "unknown": ["Q-1"], "performed_at": yesterday.isoformat()}
    for _time in range(2):
        answer = check(tina, (one, "A2"), (far, "B5"), key=key, **found)
        assert answer["status"] == "stored"
    [stored] = BoxCheck.objects.all()
    assert (stored.code, stored.unknown_codes) == (f"BOX1-{timezone.localdate(yesterday)}", "Q-1")
    assert (answer["name"], stored.performed_at) == (stored.code, yesterday)
    assert dict(TissueSample.objects.filter(study__code="S1").values_list("code", "position")) == {
        "T1": "A2", "T2": "", "T9": "B5",
    }  # fmt: skip
    assert str(far.tube_events.latest("pk").words) == "moved from BOX2 B1 to BOX1 B5"
    back = bench(tina, {"key": str(key), "action": "undo"})
    assert back["errors"]["__all__"] == [f"{stored.code} is not taken back here; enter what is right now."]


def test_a_scanner_finds_a_tube_by_all_that_it_may_read(tubes: dict[str, TissueSample]) -> None:
    boss = User.objects.create_superuser("boss")
    one = tubes["T1"]
    one.code = "T1-NEW"
    one.save()
    for text in ("T1-new", " s1-T1-NEW ", "T1 - NEW", "t1", "S1-T1", f"https://lab.example/records/tissue-samples/{one.pk}/",
                 "http://lab.example/search/?q=S1-T1-NEW"):  # fmt: skip
        assert find_tubes(text, boss) == [one], text
    assert find_tubes("t9", boss) == [tubes["T9"], tubes["other T9"]]
    assert find_tubes("S2-T9", boss) == [tubes["other T9"]]
    for text in (
        "",
        "\0",
        "https://[",
        "x" * 10_000,
        "https://lab.example/records/tissue-samples/99999999999999999999/",
    ):
        assert find_tubes(text, boss) == []


def test_what_is_left_is_reckoned_from_what_was_taken(tubes: dict[str, TissueSample]) -> None:
    boss = User.objects.create_superuser("boss")
    weighed = make_tube("S1", "W1", tissue_mg=4, punch_count=3)
    extraction = RnaExtraction.objects.create(study=weighed.study, code="E1")
    assert left_of([weighed], boss)[weighed.pk].words == "4 mg at first; 3 punches at first; nothing taken yet"
    TubeEvent.objects.create(study=weighed.study, sample=weighed, kind="thawed", amount_used_mg=0.5, punches_used=1)
    assert left_of([weighed], boss)[weighed.pk].words == "3.5 of 4 mg left; 2 of 3 punches left"
    used = ExtractionSample.objects.create(study=weighed.study, extraction=extraction, sample=weighed, amount_used_mg=1)
    assert left_of([weighed], boss)[weighed.pk].words == "2.5 of 4 mg left; 2 of 3 punches left"
    ExtractionSample.objects.filter(pk=used.pk).update(amount_used_mg=None)
    assert left_of([weighed], boss)[weighed.pk].words.endswith("; some went into E1, not recorded how much")
    ExtractionSample.objects.filter(pk=used.pk).update(amount_used_mg=4)
    assert left_of([weighed], boss)[weighed.pk].words.startswith("4.5 mg taken of 4: check the amounts")
    ExtractionSample.objects.filter(pk=used.pk).update(is_used_up=True)
    assert left_of([weighed], boss)[weighed.pk].words == "used up in E1"
    assert left_of([tubes["T1"]], boss)[tubes["T1"].pk].words == ""
