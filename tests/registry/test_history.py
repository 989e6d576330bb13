"""Who changed what, however it was written; version and study are the database's."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from labdb.colony.models import Cohort, Mouse, Study, Weighing
from labdb.registry.history import copy_into, events_of, writing
from labdb.registry.imports import import_dicts
from labdb.registry.record import record_for
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> Any:
    return make_world()


def changes(record: Any) -> list[tuple[str, Any, Any]]:
    """Return (what, who, door) of every change, oldest first."""
    found = type(record).events.rel.related_model.objects.filter(pgh_obj_id=record.pk).order_by("pgh_id")
    contexts = [(event.pgh_label, event.pgh_context.metadata if event.pgh_context else {}) for event in found]
    return [(label, words.get("user"), words.get("door")) for label, words in contexts]


def test_insert_update_and_delete_name_the_account_and_the_door(writer: Any) -> None:
    with writing(user=writer, door="test", reason="typed twice"):
        cohort = Cohort.objects.create(study=Study.objects.get(code="S1"), code="H1")
        cohort.notes = "changed"
        cohort.save()
        assert events_of(cohort)[0].pgh_context.metadata["reason"] == "typed twice"
        gone = Cohort(pk=cohort.pk)
        cohort.delete()
    assert changes(gone) == [(what, writer.pk, "test") for what in ("insert", "update", "delete")]


def test_bulk_and_raw_writes_are_recorded_too(writer: Any) -> None:
    study = Study.objects.get(code="S1")
    with writing(user=writer, door="bulk"):
        (cohort,) = Cohort.objects.bulk_create([Cohort(study=study, code="H2")])
        Cohort.objects.filter(pk=cohort.pk).update(notes="by update()")
    with writing(user=writer, door="raw"), connection.cursor() as cursor:
        cursor.execute("UPDATE colony_cohort SET notes = 'by SQL' WHERE id = %s", [cohort.pk])
        cursor.execute("DELETE FROM colony_cohort WHERE id = %s", [cohort.pk])
    assert [what for what, _user, _door in changes(cohort)] == ["insert", "update", "update", "delete"]
    assert {user for _what, user, _door in changes(cohort)} == {writer.pk}


def test_rows_written_by_copy_are_recorded_and_get_their_study(writer: Any) -> None:
    mouse = Mouse.objects.get(code="M001")
    with writing(user=writer, door="COPY"):
        columns = ["mouse", "performed_at", "body_mass_g", "notes"]
        assert (
            copy_into(Weighing, columns, [(mouse.pk, "2025-06-01", 25.0, ""), (mouse.pk, "2025-06-02", 26.0, "")]) == 2
        )
    for weighing in Weighing.objects.all():
        assert changes(weighing) == [("insert", writer.pk, "COPY")]
        assert (weighing.study_id, weighing.version) == (mouse.study_id, 1)


@pytest.mark.parametrize(("door", "path"), [("REST", "/api/v1/cohorts/"), ("admin", "/admin/colony/cohort/add/")])
def test_a_request_names_its_account_and_door(door: str, path: str, writer: Any, client: Client) -> None:
    client.force_login(writer)
    answer = client.post(path, {"study": "S1", "code": "H3"}, content_type=_kind(door))
    assert answer.status_code in (201, 302)
    assert changes(Cohort.objects.get(code="H3")) == [("insert", writer.pk, door)]


def _kind(door: str) -> str:
    from django.test.client import MULTIPART_CONTENT

    return "application/json" if door == "REST" else MULTIPART_CONTENT


def test_a_file_names_its_door(writer: Any) -> None:
    report = import_dicts(record_for("cohorts"), [{"study": "S1", "code": "H4"}], user=writer, door="file")
    assert changes(report.records[0]) == [("insert", writer.pk, "file")]


def test_every_write_raises_the_version_however_it_is_made(writer: Any) -> None:
    cohort = Cohort.objects.get(code="C1")
    cohort.save()
    Cohort.objects.filter(pk=cohort.pk).update(notes="x")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE colony_cohort SET notes = 'y', version = 77 WHERE id = %s", [cohort.pk])
    cohort.refresh_from_db()
    assert cohort.version == 4  # 1, and three writes; what the last one said of it counts for nothing


def test_the_study_follows_from_the_parent_however_a_row_is_written(writer: Any) -> None:
    mouse = Mouse.objects.get(code="M001")
    (weighing,) = Weighing.objects.bulk_create(
        [Weighing(mouse=mouse, performed_at="2025-06-01T00:00Z", body_mass_g=25)]
    )
    weighing.refresh_from_db()
    assert weighing.study_id == mouse.study_id


def test_a_study_other_than_the_parents_is_refused(writer: Any) -> None:
    other = Study.objects.get(code="S2")
    weighing = Weighing(
        mouse=Mouse.objects.get(code="M001"), study=other, performed_at="2025-06-01T00:00Z", body_mass_g=25
    )
    with pytest.raises(IntegrityError, match="The study of this row is that of its mouse"), transaction.atomic():
        weighing.save()


def test_a_record_that_others_depend_on_stays_in_its_study(writer: Any) -> None:
    mouse, other = Mouse.objects.get(code="M001"), Study.objects.get(code="S2")
    with pytest.raises(IntegrityError, match=r"The study cannot change: rows of .* depend"), transaction.atomic():
        Mouse.objects.filter(pk=mouse.pk).update(study=other)
    free = Mouse.objects.create(study=mouse.study, code="FREE")
    Mouse.objects.filter(pk=free.pk).update(study=other)
    free.refresh_from_db()
    assert free.study == other


def test_the_working_role_can_neither_change_nor_erase_the_history(writer: Any) -> None:
    event = "colony_cohortevent"
    for statement in (f"UPDATE {event} SET notes = 'forged'", f"DELETE FROM {event}", f"DROP TABLE {event}"):
        with (
            pytest.raises(Exception, match=r"permission denied|must be owner"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_record_is_never_changed_before_it_was_made(writer: Any) -> None:
    cohort = Cohort.objects.create(study=Study.objects.get(code="S1"), code="H9")  # this test is one transaction
    cohort.notes = "changed"
    cohort.save()
    cohort.refresh_from_db()
    assert cohort.modified_at > cohort.created_at
