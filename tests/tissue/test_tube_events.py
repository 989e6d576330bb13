"""Where a tube is follows from what happened to it, by whichever door; and its past stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from labdb.accounts.models import User
from labdb.colony.models import Mouse, Study
from labdb.registry.deletion import StillNeeded, delete_record
from labdb.registry.forms import form_for, model_texts
from labdb.registry.history import writing
from labdb.registry.import_report import ImportReport
from labdb.registry.imports import import_dicts, import_rows
from labdb.registry.record import record_for
from labdb.tissue.models import BrainRegion, StorageBox, TissueSample, TubeEvent

pytestmark = pytest.mark.django_db
SAMPLES, EVENTS = record_for("tissue-samples"), record_for("tube-events")


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def tubes() -> list[TissueSample]:
    """T1 in A1 and T2 in A2 of BOX1; T3 nowhere."""
    mouse = Mouse.objects.create(study=Study.objects.create(code="S1", title="one"), code="M001")
    region, box = BrainRegion.objects.create(code="TST", name="test region"), StorageBox.objects.create(code="BOX1")
    StorageBox.objects.create(code="BOX2", n_rows=2, n_columns=2)
    places: list[dict[str, Any]] = [{"box": box, "position": "A1"}, {"box": box, "position": "A2"}, {}]
    return [
        TissueSample.objects.create(study=mouse.study, mouse=mouse, region=region, code=f"T{number}", **place)
        for number, place in enumerate(places, start=1)
    ]


def story(tube: TissueSample) -> list[str]:
    return [event.words for event in tube.tube_events.order_by("pk")]


def enter(user: User, *rows: dict[str, Any], reason: str = "") -> ImportReport:
    return import_dicts(EVENTS, list(rows), user=user, study=Study.objects.get(), reason=reason)


def sentences(report: ImportReport) -> list[str]:
    assert not report.is_stored
    return [one.sentence for one in report.refusals()]


def place(tube: TissueSample) -> tuple[str, str, int | None]:
    tube.refresh_from_db()
    return str(tube.box or ""), tube.position, tube.thaws


def test_what_happened_moves_the_tube_and_remembers_where_it_was(tubes: list[TissueSample], boss: User) -> None:
    one = tubes[0]
    for row in (
        {"kind": "thawed", "amount_used_mg": 1.5},
        {"kind": "placed", "box": "BOX2", "position": "B2"},
        {"kind": "taken out"},
        {"kind": "placed", "box": "BOX1", "position": "A1"},
        {"kind": "used up"},
    ):
        assert enter(boss, {"sample": "T1", **row}).is_stored
    assert story(one) == [
        "thawed (in BOX1 A1)",
        "moved from BOX1 A1 to BOX2 B2",
        "taken out (was in BOX2 B2)",
        "placed in BOX1 A1",
        "used up (was in BOX1 A1)",
    ]
    assert place(one) == ("", "", 1)
    assert sentences(enter(boss, {"sample": "T1", "kind": "placed", "box": "BOX1", "position": "A1"})) == [
        f"T1 was used up on {timezone.localdate()}; say why it is there again. If it is right, give a reason."
    ]


def test_every_edit_of_the_place_leaves_its_event_with_who_made_it(tubes: list[TissueSample], boss: User) -> None:
    one, two, three = tubes
    texts = {**model_texts(one, SAMPLES), "position": "C3"}
    with writing(user=boss, door="web"):
        form = form_for(SAMPLES)(texts, user=boss, instance=one)
        assert form.is_valid(), form.errors
        form.save()
    sheet = [(2, ["T2", "BOX2", "A1"]), (3, ["T3", "BOX2", "A2"])]
    report = import_rows(
        SAMPLES, ["code", "box", "position"], sheet, user=boss, study=one.study, reason="moved at the weekend"
    )
    assert report.is_stored, report.refusals()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tissue_tissuesample SET box_id = NULL, position = '' WHERE id = %s", [three.pk])
    assert [story(one), story(two), story(three)] == [
        ["moved from BOX1 A1 to BOX1 C3"],
        ["moved from BOX1 A2 to BOX2 A1"],
        ["placed in BOX2 A2", "taken out (was in BOX2 A2)"],
    ]
    last = one.tube_events.order_by("pk").last()
    assert last is not None and last.is_edit and last.created_by == boss and last.study == one.study
    one.refresh_from_db()
    one.notes = "no other place"
    one.save()
    assert one.tube_events.count() == 1


def test_two_tubes_change_places_at_once_and_never_share_one(tubes: list[TissueSample], boss: User) -> None:
    one, two, three = tubes
    swap = [{"sample": "T1", "kind": "placed", "box": "BOX1", "position": "A2"},
            {"sample": "T2", "kind": "placed", "box": "BOX1", "position": "A1"}]  # fmt: skip
    assert enter(boss, *swap).is_stored
    assert [place(one)[:2], place(two)[:2]] == [("BOX1", "A2"), ("BOX1", "A1")]
    third = {"sample": "T3", "kind": "placed", "box": "BOX1", "position": "A1"}
    assert sentences(enter(boss, third)) == [
        "A1 of box BOX1 holds S1-T2; choose another position, or move that sample first."
    ]
    assert sentences(enter(boss, third, {**third, "sample": "T1"}))[0].startswith("A1 of box BOX1 holds S1-T2")
    assert sentences(
        enter(boss, {**third, "position": "A1", "box": "BOX2"}, {**third, "sample": "T1", "box": "BOX2"})
    ) == ["A1 of box BOX2 holds S1-T3; choose another position, or move that sample first."]
    assert sentences(enter(boss, {"sample": "T2", "kind": "placed", "box": "BOX1", "position": "A1"})) == [
        f"{two} is in A1 of box BOX1 already."
    ]
    with pytest.raises(IntegrityError, match="tissue_sample_place_once"), transaction.atomic():
        TissueSample.objects.filter(pk=three.pk).update(
            box=two.box_id or StorageBox.objects.get(code="BOX1"), position="A1"
        )


def test_several_events_of_one_tube_in_a_sheet_follow_each_other(tubes: list[TissueSample], boss: User) -> None:
    start = timezone.now() - timedelta(hours=1)
    TissueSample.objects.update(created_at=start - timedelta(days=1))
    rows = [
        {"sample": "T1", "kind": "placed", "box": "BOX2", "position": "A1", "performed_at": start},
        {"sample": "T1", "kind": "thawed", "performed_at": start + timedelta(minutes=1)},
        {"sample": "T1", "kind": "thawed", "performed_at": start + timedelta(minutes=2)},
        {
            "sample": "T1",
            "kind": "placed",
            "box": "BOX2",
            "position": "B1",
            "performed_at": start + timedelta(minutes=3),
        },
    ]
    assert enter(boss, *rows).is_stored
    assert story(tubes[0]) == [
        "moved from BOX1 A1 to BOX2 A1", "thawed (in BOX2 A1)", "thawed (in BOX2 A1)", "moved from BOX2 A1 to BOX2 B1",
    ]  # fmt: skip
    assert place(tubes[0]) == ("BOX2", "B1", 2)
    [said] = sentences(enter(boss, {"sample": "T1", "kind": "taken out", "performed_at": start}))
    assert "enter what happened in its order" in said


def test_what_became_of_a_tube_is_not_rewritten(tubes: list[TissueSample], boss: User) -> None:
    enter(boss, {"sample": "T1", "kind": "placed", "box": "BOX1", "position": "C1"})
    event = tubes[0].tube_events.get()
    form = form_for(EVENTS)({**model_texts(event, EVENTS), "position": "B1"}, user=boss, instance=event)
    assert form.errors["position"] == ["What became of a tube is not rewritten; enter what happened since."]
    with pytest.raises(IntegrityError, match="is not rewritten"), transaction.atomic():
        TubeEvent.objects.filter(pk=event.pk).update(position="B1")
    event.refresh_from_db()
    noted = form_for(EVENTS)({**model_texts(event, EVENTS), "notes": "by night"}, user=boss, instance=event)
    assert noted.is_valid(), noted.errors


def test_an_event_that_is_taken_back_takes_its_move_back(tubes: list[TissueSample], boss: User) -> None:
    one, two, _three = tubes
    enter(boss, {"sample": "T1", "kind": "placed", "box": "BOX2", "position": "A1"})
    enter(boss, {"sample": "T1", "kind": "thawed"})
    enter(boss, {"sample": "T2", "kind": "placed", "box": "BOX1", "position": "A1"})
    moved, thawed = one.tube_events.order_by("pk")
    delete_record(thawed, boss)
    assert place(one) == ("BOX2", "A1", 0)
    with pytest.raises(StillNeeded, match="where another tube is now; move that one first"):
        delete_record(moved, boss)
    delete_record(two.tube_events.order_by("pk").last(), boss)
    delete_record(moved, boss)
    assert [place(one), place(two)] == [("BOX1", "A1", 0), ("BOX1", "A2", None)]
    delete_record(one, boss)
    assert not TubeEvent.objects.exists()


def test_the_past_of_a_tube_that_comes_later_ends_where_the_tube_is(tubes: list[TissueSample], boss: User) -> None:
    """As a whole study does that moves to another laboratory: samples first, then what happened to them."""
    one = tubes[0]
    TissueSample.objects.filter(pk=one.pk).update(thaws=1)
    start = one.created_at - timedelta(days=9)
    past: list[dict[str, Any]] = [
        {"kind": "placed", "box": "BOX2", "position": "B2"}, {"kind": "thawed"},
        {"kind": "placed", "box": "BOX1", "position": "A1"},
    ]  # fmt: skip
    rows = [{"sample": "T1", **row, "performed_at": start + timedelta(days=day)} for day, row in enumerate(past)]
    assert enter(boss, *rows).is_stored
    assert story(one) == ["placed in BOX2 B2", "thawed (in BOX2 B2)", "moved from BOX2 B2 to BOX1 A1"]
    assert place(one) == ("BOX1", "A1", 1)


def test_a_box_is_not_made_smaller_than_its_tubes_need(tubes: list[TissueSample], boss: User) -> None:
    box, record = StorageBox.objects.get(code="BOX1"), record_for("storage-boxes")
    form = form_for(record)({**model_texts(box, record), "n_columns": "1"}, user=boss, instance=box)
    assert form.errors["n_columns"] == ["1 tube stands outside A1 to I1 (A2); move what stands there first."]
    roomy = form_for(record)({**model_texts(box, record), "n_columns": "2", "n_rows": "1"}, user=boss, instance=box)
    assert roomy.is_valid(), roomy.errors
