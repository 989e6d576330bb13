"""A label printed before a renaming still leads to its row, at every door; a current name always wins."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Strain, Study, StudyMembership, Weighing
from labdb.registry.findings import Grade
from labdb.registry.imports import import_dicts
from labdb.registry.keys import KeyRing
from labdb.registry.record import record_for
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> Any:
    """The account that typed M0O1, and renamed it M011."""
    user = make_world()
    mouse = Mouse.objects.create(study=Study.objects.get(code="S1"), code="M0O1", birth_date="2025-01-01")
    mouse.code = "M011"
    mouse.save()
    return user


def test_a_former_name_and_a_former_label_lead_to_the_row(writer: Any) -> None:
    study, ring = Study.objects.get(code="S1"), KeyRing(writer)
    mouse = Mouse.objects.get(code="M011")
    assert ring.find(Mouse, "M0O1", study) == ring.find(Mouse, "M0O1") == ring.find(Mouse, "S1-M0O1") == mouse
    assert ring.renamed == {(Mouse, "M0O1"): mouse, (Mouse, "S1-M0O1"): mouse}
    with pytest.raises(ValidationError, match="There is no mouse M0O1 in study S2"):
        ring.find(Mouse, "M0O1", Study.objects.get(code="S2"))


def test_a_current_name_wins_over_a_former_one(writer: Any) -> None:
    new = Mouse.objects.create(study=Study.objects.get(code="S1"), code="M0O1")
    ring = KeyRing(writer)
    assert ring.find(Mouse, "M0O1") == new
    assert not ring.renamed


def test_a_name_that_two_rows_had_is_refused(writer: Any) -> None:
    second = Mouse.objects.create(study=Study.objects.get(code="S1"), code="M0O1")
    Mouse.objects.filter(pk=second.pk).update(code="M012")  # bulk writes are in the history too
    with pytest.raises(
        ValidationError, match="M0O1 was once the name of S1-M011 and of S1-M012; enter the name of today"
    ):
        KeyRing(writer).find(Mouse, "M0O1")


def test_the_name_of_a_deleted_row_leads_nowhere(writer: Any) -> None:
    Mouse.objects.get(code="M011").delete()
    with pytest.raises(ValidationError, match="There is no mouse M0O1"):
        KeyRing(writer).find(Mouse, "M0O1")


def test_a_former_name_of_a_study_that_one_does_not_see_is_unknown(writer: Any) -> None:
    anna = User.objects.get(username="anna")
    role = Role.objects.get(name="scorer")
    StudyMembership.objects.create(study=Study.objects.get(code="S2"), user=anna, role=role)
    with pytest.raises(ValidationError, match="There is no mouse M0O1"):
        KeyRing(anna).find(Mouse, "M0O1")


def test_global_records_keep_their_former_names_too(writer: Any) -> None:
    strain = Strain.objects.create(name="C57 ofours")
    Strain.objects.filter(pk=strain.pk).update(name="C57 of ours")
    assert KeyRing(writer).find(Strain, "C57 ofours") == strain


def test_a_file_with_the_old_code_is_imported(writer: Any) -> None:
    row = {"mouse": "M0O1", "performed_at": "2025-06-01T00:00Z", "body_mass_g": 25}
    report = import_dicts(record_for("weighings"), [row], user=writer, study=Study.objects.get(code="S1"))
    assert not report.errors
    assert Weighing.objects.get().mouse.code == "M011"


def test_pages_and_rest_find_the_old_code(writer: Any, client: Client) -> None:
    client.force_login(writer)
    mouse = Mouse.objects.get(code="M011")
    assert "M011" in client.get("/records/mice/?search=M0O1").content.decode()
    assert client.get("/records/mice/keys/?q=M0O1&study=S1").json() == {"found": [{"value": "M011", "text": "M011"}]}
    assert client.get("/api/v1/mice/M0O1/").json()["id"] == mouse.pk
    assert [row["code"] for row in client.get("/api/v1/mice/?search=M0O1").json()["results"]] == ["M011"]
    answer = client.get("/studies/S1/mice/M0O1/", follow=True)
    assert answer.redirect_chain == [("/studies/S1/mice/M011/", 302)]
    today = f"{mouse.modified_at:%Y-%m-%d}"
    assert f"M0O1 was renamed M011 on {today}." in answer.content.decode()
    assert client.get("/studies/S1/mice/NONE/").status_code == 404
    assert "Formerly M0O1 (until" in client.get(f"/records/mice/{mouse.pk}/").content.decode()
    assert "Formerly" not in client.get(f"/records/mice/{Mouse.objects.get(code='M001').pk}/").content.decode()


def test_taking_a_former_name_of_another_is_a_warning(writer: Any) -> None:
    study = Study.objects.get(code="S1")
    rows = [
        Mouse(study=study, code="M900"),
        Mouse(study=study, code="M0O1"),
        Mouse(study=Study.objects.get(code="S2"), code="M0O1"),
        Mouse.objects.get(code="M011"),
    ]
    (finding,) = Mouse.findings(rows)
    assert (finding.number, finding.field, finding.grade) == (1, "code", Grade.WARNING)
    assert finding.sentence.startswith("M0O1 was once the name of M011, and labels may still carry it")
    renamed_back = rows[3]
    renamed_back.code = "M0O1"
    assert not list(Mouse.findings([renamed_back]))
