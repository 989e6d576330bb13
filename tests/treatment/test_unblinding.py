"""A blind is lifted by a row of the log and in no other way, and what is written afterwards says so for ever."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.archive import connection_parameters
from labdb.behavior.models import Assay, AssayMetric, AssayResult, SocialInteractionTest
from labdb.colony.models import Mouse, Study, StudyMembership
from labdb.registry.forms import complete, form_for
from labdb.registry.history import copy_into, events_of
from labdb.registry.imports import import_dicts
from labdb.registry.merging import merge_records
from labdb.registry.record import record_for
from labdb.tissue.models import BrainRegion, TissueMeasurement
from labdb.treatment.models import Allocation, AllocationKey, TreatmentArm, Unblinding
from labdb.treatment.unblinding import unblind
from tests.accounts.people import make

pytestmark = pytest.mark.django_db
SENTENCE = "Study S1 is blinded; it is unblinded on its own page"


@pytest.fixture
def study() -> Study:
    """A blinded study of two mice, each with a key."""
    study = Study.objects.create(code="S1", title="Blinded", is_blinded=True)
    arm = TreatmentArm.objects.create(study=study, name="ketamine")
    for code in ("M1", "M2"):
        mouse = Mouse.objects.create(study=study, code=code, sex="M")
        allocation = Allocation.objects.create(mouse=mouse, code=f"X{code}")
        AllocationKey.objects.create(allocation=allocation, arm=arm)
    return study


def boss() -> User:
    return User.objects.get_or_create(username="boss", defaults={"is_superuser": True, "is_staff": True})[0]


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def reload(row: Any) -> Any:
    row.refresh_from_db()
    return row


def test_a_study_is_unblinded_by_a_row_of_the_log(study: Study) -> None:
    row = unblind(study, by=boss(), reason="All is scored.")
    assert not reload(study).is_blinded
    assert study.unblinded_at == row.at
    event = events_of(study)[0]
    assert event.pgh_context.metadata["reason"] == "All is scored."
    with pytest.raises(IntegrityError, match="not blinded"), transaction.atomic():
        unblind(study, by=boss(), reason="Again.")


NEW_STUDY = (
    "INSERT INTO colony_study (code, title, question, ethics_number, severity_prospective, severity_actual,"
    " primary_outcome, planned_n_basis, is_blinded, state, notes)"
    " VALUES ('S1', '', '', '', '', '', '', '', true, 'open', '')"
)
LIFTED_BY_SQL = [
    "UPDATE colony_study SET is_blinded = false",
    "UPDATE colony_study SET is_blinded = false, unblinded_at = now()",
    f"{NEW_STUDY} ON CONFLICT (code) DO UPDATE SET is_blinded = false",
]


def by_orm(study: Study) -> None:
    study.is_blinded = False
    study.save()


def by_bulk_update(study: Study) -> None:
    study.is_blinded = False
    Study.objects.bulk_update([study], ["is_blinded"])


ROUND: dict[str, Callable[[Study], Any]] = {
    **{f"SQL {n}": lambda _study, text=text: sql(text) for n, text in enumerate(LIFTED_BY_SQL)},
    "save": by_orm,
    "update": lambda study: Study.objects.filter(pk=study.pk).update(is_blinded=False),
    "bulk update": by_bulk_update,
}


@pytest.mark.parametrize("way", ROUND)
def test_the_database_lets_nothing_else_lift_it(way: str, study: Study) -> None:
    with pytest.raises(IntegrityError, match=SENTENCE), transaction.atomic():
        ROUND[way](study)
    assert reload(study).is_blinded


def test_every_door_says_where_a_study_is_unblinded(study: Study, client: Client) -> None:
    client.force_login(boss())
    record = record_for(Study)
    form = form_for(record)(complete({"is_blinded": "no"}, record, study), user=boss(), instance=study, reason="x")
    assert form.errors["is_blinded"][0].startswith(SENTENCE)
    checked = client.post("/records/studies/import/", {"text": "code,is_blinded\nS1,no", "step": "check"})
    assert SENTENCE in checked.content.decode()
    patch = client.patch("/api/v1/studies/S1/", {"is_blinded": False}, content_type="application/json")
    assert patch.status_code == 400
    assert SENTENCE in patch.content.decode()
    form_page = client.get(f"/admin/colony/study/{study.pk}/change/")
    assert form_page.status_code == 200
    admin = client.post(
        f"/admin/colony/study/{study.pk}/change/", {"code": "S1", "title": "x", "state": "open", "is_blinded": "false"}
    )
    assert SENTENCE in admin.content.decode()
    assert client.post("/api/v1/unblindings/", {"study": "S1", "reason": "x"}).status_code == 405
    assert client.get("/records/unblindings/add/").status_code in (403, 404)
    assert client.get("/admin/treatment/unblinding/add/").status_code == 403
    assert reload(study).is_blinded
    assert not Unblinding.objects.exists()


def test_a_stale_save_neither_fails_nor_changes_when_it_was_unblinded(study: Study) -> None:
    stale_study, stale_mouse = Study.objects.get(), Mouse.objects.get(code="M1")
    unblind(study, by=boss(), reason="An emergency.", mouse=stale_mouse)
    row = unblind(study, by=boss(), reason="All is scored.")
    stale_study.title, stale_study.is_blinded, stale_mouse.notes = "New", False, "seen"
    stale_study.save()
    stale_mouse.save()
    assert (reload(stale_study).title, stale_study.unblinded_at) == ("New", row.at)
    assert reload(stale_mouse).unblinded_at is not None
    Mouse.objects.update(unblinded_at=None)
    Mouse.objects.filter(code="M2").update(unblinded_at="2026-01-01T00:00Z")
    Study.objects.update(unblinded_at=None)
    born = Mouse.objects.create(study=study, code="M3", unblinded_at="2026-01-01T00:00Z")
    assert [bool(mouse.unblinded_at) for mouse in (reload(stale_mouse), Mouse.objects.get(code="M2"), reload(born))] == [
        True, False, False,
    ]  # fmt: skip
    assert reload(study).unblinded_at == row.at


def test_blinded_again_it_needs_a_row_of_its_own_and_a_reason_where_keys_exist(study: Study) -> None:
    unblind(study, by=boss(), reason="All is scored.")
    record = record_for(Study)
    again = complete({"is_blinded": "yes"}, record, reload(study))
    form = form_for(record)(again, user=boss(), instance=Study.objects.get())
    assert form.errors["is_blinded"][0].startswith("2 keys of S1 could be read until now")
    form = form_for(record)(again, user=boss(), instance=Study.objects.get(), reason="A second cohort.")
    assert form.is_valid()
    form.save()
    with pytest.raises(IntegrityError, match=SENTENCE), transaction.atomic():
        Study.objects.update(is_blinded=False)
    unblind(study, by=boss(), reason="The second cohort is scored, too.")
    assert not reload(study).is_blinded


CHANGES = [
    "UPDATE treatment_unblinding SET reason = 'none'",
    "DELETE FROM treatment_unblinding",
    "TRUNCATE treatment_unblinding",
]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_working_role_changes_nothing_of_the_log(statement: str, study: Study) -> None:
    unblind(study, by=boss(), reason="All is scored.")
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(statement)
    assert Unblinding.objects.get().reason == "All is scored."


@pytest.mark.parametrize("statement", CHANGES)
def test_nor_does_the_role_that_owns_the_tables(statement: str) -> None:
    owner = {name.lower(): value for name, value in connection.settings_dict["OWNER"].items()}
    with psycopg.connect(**connection_parameters({**connection.get_connection_params(), **owner})) as session:
        session.execute(NEW_STUDY)
        session.execute("INSERT INTO accounts_user (username, password, first_name, last_name, is_superuser, is_staff,"
                        " is_active, date_joined, must_change_password) VALUES ('o', '', '', '', false, false, true,"
                        " now(), false)")  # fmt: skip
        session.execute(
            "INSERT INTO treatment_unblinding (study_id, by_id, reason) SELECT study.id, person.id, 'scored'"
            " FROM colony_study AS study, accounts_user AS person WHERE code = 'S1' AND username = 'o'"
        )
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(psycopg.errors.RaiseException), session.transaction():
            session.execute(statement)  # type: ignore[call-overload]
        assert session.execute("SELECT reason FROM treatment_unblinding").fetchall() == [("scored",)]
        assert session.execute("SELECT is_blinded FROM colony_study WHERE code = 'S1'").fetchone() == (False,)
        session.rollback()


def test_a_row_needs_a_reason_and_its_own_clock(study: Study) -> None:
    for reason in ("", "  "):
        with pytest.raises(IntegrityError, match="unblinding_has_reason"), transaction.atomic():
            unblind(study, by=boss(), reason=reason)
    other = Mouse.objects.create(study=Study.objects.create(code="S2", title="x", is_blinded=True), code="M1")
    with pytest.raises(IntegrityError, match="not of this study"), transaction.atomic():
        Unblinding.objects.create(study=study, mouse=other, by=boss(), reason="x")
    row = Unblinding.objects.create(study=study, by=boss(), reason="x", at="2020-01-01T00:00Z")
    assert reload(row).at.year > 2020
    Study.objects.filter(code="S2").update(state="closed")
    for mouse in (None, other):
        with pytest.raises(IntegrityError, match="Study S2 is closed"), transaction.atomic():
            unblind(other.study, by=boss(), reason="x", mouse=mouse)


def add_scores(mouse: Mouse, number: int) -> list[Any]:
    """One score of each kind, by the ORM."""
    assay, _ = Assay.objects.get_or_create(name="a test")
    metric, _ = AssayMetric.objects.get_or_create(assay=assay, name="a metric")
    region = BrainRegion.objects.get(code="PFC")
    return [
        SocialInteractionTest.objects.create(mouse=mouse, test_number=number, iz_absent_s=60, iz_present_s=30),
        AssayResult.objects.create(mouse=mouse, metric=metric, session=str(number), value=1),
        TissueMeasurement.objects.create(
            mouse=mouse, region=region, modality="MRI", metric="volume", value=1, replicate=number
        ),
    ]


def marks(rows: list[Any]) -> set[bool]:
    return {reload(row).entered_unblinded for row in rows}


def test_scores_entered_after_an_unblinding_say_so_for_ever(study: Study) -> None:
    one, other = Mouse.objects.order_by("code")
    before = add_scores(one, 1)
    unblind(study, by=boss(), reason="An emergency.", mouse=one)
    after, of_other = add_scores(one, 2), add_scores(other, 1)
    assert (marks(before), marks(after), marks(of_other)) == ({False}, {True}, {False})
    for rows in (before, after):
        for row in rows:
            row.entered_unblinded = not row.entered_unblinded
            row.save()
            type(row).objects.filter(pk=row.pk).update(entered_unblinded=not row.entered_unblinded)
            sql(f"UPDATE {row._meta.db_table} SET entered_unblinded = NOT entered_unblinded WHERE id = %s", row.pk)
    assert (marks(before), marks(after)) == ({False}, {True})
    unblind(study, by=boss(), reason="All is scored.")
    assert marks(add_scores(other, 2)) == {True}


def test_every_way_in_marks_a_score(study: Study, client: Client) -> None:
    unblind(study, by=boss(), reason="All is scored.")
    mouse = Mouse.objects.get(code="M1")
    client.force_login(boss())
    lie = {"iz_absent_s": 60, "iz_present_s": 30, "entered_unblinded": False}
    SocialInteractionTest.objects.bulk_create([SocialInteractionTest(study=study, mouse=mouse, test_number=1, **lie)])
    with transaction.atomic():
        columns = ["mouse", "test_number", "scoring_number", "counts", "trial_s", "iz_absent_s", "iz_present_s", "room"]
        texts = ["target_side", "estrous_stage", "tracker_file", "tracker_sha256", "exclusion_criterion", "notes"]
        row = (mouse.pk, 2, 1, True, 150.0, 60.0, 30.0, "", *([""] * len(texts)), False)
        copy_into(SocialInteractionTest, [*columns, *texts, "entered_unblinded"], [row])
    rest = client.post(
        "/api/v1/si-tests/", {"mouse": "S1-M1", "test_number": 3, "iz_absent_s": 60, "iz_present_s": 30},
        content_type="application/json",
    )  # fmt: skip
    assert rest.status_code == 201, rest.content
    report = import_dicts(
        record_for(SocialInteractionTest), [{"mouse": "M1", "test_number": "4", "iz_absent_s": "60", "iz_present_s": "30"}],
        user=boss(), study=study,
    )  # fmt: skip
    assert report.is_stored
    tests = SocialInteractionTest.objects.order_by("test_number")
    assert list(tests.values_list("test_number", "entered_unblinded")) == [(n, True) for n in (1, 2, 3, 4)]
    for url in ("/records/si-tests/?study=S1", f"/studies/S1/si-tests/{tests[0].pk}/"):
        assert "nblinded" in client.get(url).content.decode()
    answer = client.get("/api/v1/si-tests/?entered_unblinded=true").json()
    assert answer["count"] == 4
    client.patch(f"/api/v1/si-tests/{tests[0].pk}/", {"entered_unblinded": False}, content_type="application/json")
    assert reload(tests[0]).entered_unblinded


def enter(user: User, study: Study, reason: str = "", **more: str) -> Any:
    record = record_for(SocialInteractionTest)
    texts = complete({"mouse": "M1", "iz_absent_s": "60", "iz_present_s": "30", **more}, record)
    return form_for(record)(texts, user=user, study=study, reason=reason)


def allocator_and_scorer(study: Study) -> User:
    both = make("alma", "scorer", of="S1")
    StudyMembership.objects.create(study=study, user=both, role=Role.objects.get(name="allocator"))
    return both


def test_an_allocator_who_scores_behavior_is_warned_and_the_reason_kept(study: Study, client: Client) -> None:
    both = allocator_and_scorer(study)
    says = "You hold the key of study S1, which is blinded"
    assert enter(both, study).errors["scorer"][0].startswith(says)
    named = enter(make("sam", "scorer", of="S1"), study, scorer="alma")
    assert named.errors["scorer"][0].startswith("alma holds the key of study S1")
    assert enter(boss(), study).is_valid()  # a superuser holds no key as such
    record = record_for(SocialInteractionTest)
    row = {"mouse": "M1", "iz_absent_s": "60", "iz_present_s": "30"}
    report = import_dicts(record, [row], user=both, study=study)
    assert not report.is_stored
    client.force_login(both)
    posted = {**row, "mouse": "S1-M1"}
    refused = client.post("/api/v1/si-tests/", posted, content_type="application/json")
    assert (refused.status_code, says in refused.content.decode()) == (400, True)
    assert not SocialInteractionTest.objects.exists()
    stored = client.post(
        "/api/v1/si-tests/", posted, content_type="application/json", headers={"X-Reason": "Nobody else is here."}
    )
    assert stored.status_code == 201, stored.content
    event = events_of(SocialInteractionTest.objects.get())[0]
    assert event.pgh_context.metadata["reason"] == "Nobody else is here."
    unblind(study, by=boss(), reason="All is scored.")
    assert enter(both, reload(study), test_number="2").is_valid()


def test_a_mouse_in_the_log_is_not_merged_away(study: Study) -> None:
    one, other = Mouse.objects.order_by("code")
    Mouse.objects.create(study=study, code="M9", sex="M")
    unblind(study, by=boss(), reason="An emergency.", mouse=other)
    merge = merge_records(Mouse.objects.get(code="M9"), other, [], user=boss(), reason="The same.")
    assert "stands in the log" in merge.obstacles[0].sentence
    fresh = Mouse.objects.create(study=study, code="M8", sex="M")
    assert not merge_records(one, fresh, [], user=boss(), reason="The same.").obstacles
