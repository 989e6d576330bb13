"""A closed study can be looked at and analyzed; nothing of it changes, whatever the door."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from analysis.models import AnalysisRun
from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, StudyMembership, Weighing
from labdb.registry.findings import Grade
from labdb.registry.forms import complete, form_for
from labdb.registry.history import copy_into
from labdb.registry.imports import import_dicts
from labdb.registry.record import record_for
from labdb.sequencing.models import ExtractionSample
from tests.registry.rows import good_row, make_world, writable

pytestmark = pytest.mark.django_db
SENTENCE = "Study S1 is closed; a manager can open it again."
IN_S1 = [record for record in writable() if record.model._meta.model_name != "study" and record.in_study()]


@pytest.fixture
def manager() -> Any:
    """The account that made the world, then closed its study S1."""
    user = make_world()
    Study.objects.filter(code="S1").update(state="closed")
    return user


@pytest.mark.parametrize("record", IN_S1, ids=lambda record: record.resource)
def test_no_record_is_added_by_file(record: Any, manager: Any) -> None:
    report = import_dicts(record, [good_row(record)], user=manager)
    if record.model is StudyMembership:
        assert report.created == 1  # who may look at a closed study is not what it holds
    else:
        assert [error.sentence for error in report.errors] == [SENTENCE]
        assert report.is_forbidden


def stored() -> set[tuple[Any, ...]]:
    """Return what there is of each mouse of both studies."""
    return set(Mouse.objects.values_list("study__code", "code", "ear_tag", "version"))


def _mouse() -> Mouse:
    return Mouse.objects.get(code="M001", study__code="S1")


DOORS: dict[str, Callable[[Client, Mouse], Any]] = {
    "add": lambda client, mouse: client.post("/records/mice/add/?study=S1", {"study": "S1", "code": "M9", "sex": "M"}),
    "edit": lambda client, mouse: client.post(f"/records/mice/{mouse.pk}/edit/", {"code": "M9", "version": "1"}),
    "delete": lambda client, mouse: client.post(f"/records/mice/{mouse.pk}/delete/"),
    "import": lambda client, mouse: client.post(
        "/records/mice/import/", {"study": "S1", "text": "code\nM9", "step": "check"}
    ),
    "REST add": lambda client, mouse: client.post(
        "/api/v1/mice/", {"study": "S1", "code": "M9"}, content_type="application/json"
    ),
    "REST add many": lambda client, mouse: client.post(
        "/api/v1/mice/", json.dumps([{"study": "S1", "code": "M9"}]), content_type="application/json"
    ),
    "REST change": lambda client, mouse: client.patch(
        f"/api/v1/mice/{mouse.pk}/", {"ear_tag": "7"}, content_type="application/json"
    ),
    "REST move": lambda client, mouse: client.patch(
        "/api/v1/mice/S2-OTHER/", {"study": "S1"}, content_type="application/json"
    ),
    "REST delete": lambda client, mouse: client.delete(f"/api/v1/mice/{mouse.pk}/"),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_says_that_the_study_is_closed(door: str, manager: Any, client: Client) -> None:
    Mouse.objects.create(study=Study.objects.get(code="S2"), code="OTHER")
    client.force_login(manager)
    before = stored()
    answer = DOORS[door](client, _mouse())
    assert answer.status_code == 403
    assert SENTENCE in answer.content.decode()
    assert stored() == before


def test_the_admin_only_shows_a_closed_study(manager: Any, client: Client) -> None:
    User.objects.filter(pk=manager.pk).update(is_staff=True)
    client.force_login(manager)
    client.post(f"/admin/colony/mouse/{_mouse().pk}/change/", {"study": "S1", "code": "M9", "sex": "M"})
    client.post(f"/admin/colony/mouse/{_mouse().pk}/delete/", {"post": "yes"})
    answer = client.post("/admin/colony/mouse/add/", {"study": "S1", "code": "M9", "sex": "M"})
    assert SENTENCE in answer.content.decode()
    assert not Mouse.objects.filter(code="M9").exists()
    assert _mouse().version == 1


def test_a_closed_study_shows_no_buttons_and_since_when(manager: Any, client: Client) -> None:
    client.force_login(manager)
    mouse = _mouse()
    for path in (f"/records/mice/{mouse.pk}/", "/records/mice/?study=S1", "/studies/S1/"):
        page = client.get(path).content.decode()
        for button in ("/edit/", "/delete/", "/add/", "/import/"):
            assert f"mice{button}" not in page
            assert f"mice/{mouse.pk}{button}" not in page
    closed = Study.objects.get(code="S1").closed_at
    for path in ("/", "/studies/S1/"):
        assert f"since {closed.day} {closed:%b %Y}" in client.get(path).content.decode()
    assert f"{closed:%Y-%m-%d}" in client.get("/records/studies/").content.decode()


def _refused(write: Callable[[], Any]) -> None:
    with pytest.raises(IntegrityError, match=SENTENCE), transaction.atomic():
        write()


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_bulk_and_raw_writes_are_refused_too(manager: Any) -> None:
    study, mouse = Study.objects.get(code="S1"), _mouse()
    free, link = Mouse.objects.get(code="M003"), ExtractionSample.objects.get()
    _refused(lambda: Mouse.objects.bulk_create([Mouse(study=study, code="M9")]))
    _refused(lambda: Mouse.objects.filter(pk=mouse.pk).update(notes="x"))
    _refused(lambda: ExtractionSample.objects.filter(study=study).delete())
    _refused(link.delete)
    _refused(lambda: Mouse.objects.filter(pk=free.pk).update(study=Study.objects.get(code="S2")))
    open_mouse = Mouse.objects.create(study=Study.objects.get(code="S2"), code="OTHER")
    weighing = Weighing.objects.create(mouse=open_mouse, performed_at="2025-06-01T00:00Z", body_mass_g=25)
    _refused(lambda: Weighing.objects.filter(pk=weighing.pk).update(mouse=mouse))
    _refused(lambda: _sql(f"DELETE FROM colony_mouse WHERE id = {mouse.pk}"))
    with pytest.raises(IntegrityError, match=SENTENCE), transaction.atomic():
        copy_into(Weighing, ["mouse", "performed_at", "body_mass_g", "notes"], [(mouse.pk, "2025-06-01", 25.0, "")])


def test_a_closed_study_itself_can_only_be_opened(manager: Any) -> None:
    study = Study.objects.get(code="S1")
    _refused(lambda: Study.objects.filter(pk=study.pk).update(title="other"))
    _refused(lambda: Study.objects.filter(pk=study.pk).update(title="other", state="open"))
    _refused(lambda: _sql(f"DELETE FROM colony_study WHERE id = {study.pk}"))
    Study.objects.filter(pk=study.pk).update(state="open")
    study.refresh_from_db()
    assert study.closed_at is None
    Mouse.objects.create(study=study, code="M9")


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"title": "other"}, {"state": [SENTENCE]}),
        ({"title": "other", "state": "open"}, {"title": [f"{SENTENCE} Open it first, then change this."]}),
        ({"state": "open"}, {}),
    ],
)
def test_the_form_of_a_closed_study_only_opens_it(change: dict[str, str], errors: Any, manager: Any) -> None:
    study = Study.objects.get(code="S1")
    record = record_for(Study)
    form = form_for(record)(complete(change, record, study), user=manager, instance=study)
    assert form.errors == errors
    if not errors:
        form.save()
        assert Study.objects.get(code="S1").state == "open"


def test_closing_asks_for_a_reason(manager: Any) -> None:
    other, closed = Study.objects.get(code="S2"), Study.objects.get(code="S1")
    other.state = "closed"
    (finding,) = Study.findings([closed, other])
    assert (finding.number, finding.field, finding.grade) == (1, "state", Grade.WARNING)
    assert finding.sentence.startswith("Closing S2 lets nobody change its records")


def test_a_closed_study_can_be_analyzed_and_its_readers_change(manager: Any) -> None:
    study = Study.objects.get(code="S1")
    AnalysisRun.objects.create(study=study, task="phenotype", code_version="x")
    reader = StudyMembership.objects.create(
        study=study, user=User.objects.get(username="anna"), role=Role.objects.get(name="scorer")
    )
    reader.delete()
