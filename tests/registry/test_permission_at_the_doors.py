"""What a role may see and do is the same at every door: REST, file, admin and page."""

import json
import re
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from labdb.accounts.models import Role, User
from labdb.accounts.rest_token import make_token
from labdb.colony.models import Cohort, Mouse, Strain, Study, StudyMembership
from labdb.registry.imports import import_dicts
from labdb.registry.record import record_for
from labdb.tissue.models import BrainRegion, TissueSample

pytestmark = pytest.mark.django_db

# role -> what it may do with cohorts of its study (see labdb.accounts.roles)
RIGHTS = {
    "technician": {"view", "add", "change"},
    "scorer": {"view"},
    "analyst": {"view"},
    "allocator": {"view"},
    "investigator": {"view"},
    "manager": {"view", "add", "change", "delete"},
}
MINE, OTHER = "MINE", "OTHER"
ACTIONS = ("view", "add", "change", "delete")


@pytest.fixture
def cohorts() -> dict[str, Cohort]:
    return {
        code: Cohort.objects.create(study=Study.objects.create(code=code, title=code), code=f"C-{code}")
        for code in (MINE, OTHER)
    }


def member(role: str) -> User:
    user = User.objects.create(username=f"a {role}", is_staff=True)
    StudyMembership.objects.create(study=Study.objects.get(code=MINE), user=user, role=Role.objects.get(name=role))
    return user


def by_rest(user: User, action: str, cohort: Cohort) -> bool:
    client = Client()
    client.force_login(user)
    path = "/api/v1/cohorts/"
    if action == "add":
        body = {"study": cohort.study.code, "code": "NEW"}
        answer = client.post(path, json.dumps(body), content_type="application/json")
    elif action == "change":
        answer = client.patch(f"{path}{cohort.pk}/", json.dumps({"notes": "x"}), content_type="application/json")
    else:
        answer = client.get(f"{path}{cohort.pk}/") if action == "view" else client.delete(f"{path}{cohort.pk}/")
    assert answer.status_code in (200, 201, 204, 400, 403, 404)
    if answer.status_code == 400:  # a study that the account does not see does not exist for it
        assert "There is no study OTHER" in str(answer.json())
    return answer.status_code < 300


def by_admin(user: User, action: str, cohort: Cohort) -> bool:
    client = Client()
    client.force_login(user)
    if action == "view":
        return client.get(reverse("admin:colony_cohort_change", args=[cohort.pk])).status_code == 200
    if action == "add":
        client.post(reverse("admin:colony_cohort_add"), {"study": cohort.study.code, "code": "NEW"})
        return Cohort.objects.filter(code="NEW").exists()
    if action == "change":
        body = {"study": cohort.study.code, "code": cohort.code, "notes": "x"}
        client.post(reverse("admin:colony_cohort_change", args=[cohort.pk]), body)
        return Cohort.objects.filter(notes="x").exists()
    client.post(reverse("admin:colony_cohort_delete", args=[cohort.pk]), {"post": "yes"})
    return not Cohort.objects.filter(pk=cohort.pk).exists()


def by_page(user: User, action: str, cohort: Cohort) -> bool:
    client = Client()
    client.force_login(user)
    if action == "view":
        return client.get(reverse("record-detail", args=["cohorts", cohort.pk])).status_code == 200
    if action == "add":
        client.post(reverse("record-add", args=["cohorts"]), {"study": cohort.study.code, "code": "NEW"})
        return Cohort.objects.filter(code="NEW").exists()
    if action == "change":
        body = {"notes": "x", "version": cohort.version}
        client.post(reverse("record-edit", args=["cohorts", cohort.pk]), body)
        return Cohort.objects.filter(notes="x").exists()
    client.post(reverse("record-delete", args=["cohorts", cohort.pk]))
    return not Cohort.objects.filter(pk=cohort.pk).exists()


def by_file(user: User, action: str, cohort: Cohort) -> bool:
    report = import_dicts(record_for("cohorts"), [{"study": cohort.study.code, "code": "NEW"}], user=user)
    return report.is_stored


DOORS = {"REST": by_rest, "admin": by_admin, "page": by_page}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("role", RIGHTS)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_role_holds_in_its_study_and_in_no_other(
    action: str, role: str, door: str, cohorts: dict[str, Cohort]
) -> None:
    user = member(role)
    assert DOORS[door](user, action, cohorts[OTHER]) is False
    cohort = Cohort.objects.get(pk=cohorts[MINE].pk)
    assert DOORS[door](user, action, cohort) is (action in RIGHTS[role])


@pytest.mark.parametrize("role", RIGHTS)
def test_a_file_is_imported_by_who_may_add(role: str, cohorts: dict[str, Cohort]) -> None:
    user = member(role)
    assert by_file(user, "add", cohorts[OTHER]) is False
    assert by_file(user, "add", cohorts[MINE]) is ("add" in RIGHTS[role])


def test_lists_hold_what_the_account_may_see(cohorts: dict[str, Cohort]) -> None:
    client = Client()
    client.force_login(member("technician"))
    shown = client.get("/api/v1/cohorts/").json()
    assert [cohort["code"] for cohort in shown["results"]] == ["C-MINE"]
    export = client.get("/api/v1/cohorts/?export=csv&fields=code")
    assert b"".join(export.streaming_content) == b"code\nC-MINE\n"  # type: ignore[attr-defined]
    admin_list = client.get(reverse("admin:colony_cohort_changelist"))
    assert [cohort.code for cohort in admin_list.context["cl"].queryset] == ["C-MINE"]


def test_visible_but_not_allowed_is_403_and_not_visible_is_404(cohorts: dict[str, Cohort]) -> None:
    client = Client()
    client.force_login(member("investigator"))
    answer = client.delete(f"/api/v1/cohorts/{cohorts[MINE].pk}/")
    assert answer.status_code == 403
    assert answer.json() == {"__all__": ["Your role may not delete cohorts in study MINE; ask a manager."]}
    assert client.delete(f"/api/v1/cohorts/{cohorts[OTHER].pk}/").status_code == 404
    assert Client().get("/api/v1/cohorts/").status_code == 401


def test_a_manager_of_one_study_changes_no_other_that_he_sees(cohorts: dict[str, Cohort]) -> None:
    user = member("manager")
    other = Study.objects.get(code=OTHER)
    StudyMembership.objects.create(study=other, user=user, role=Role.objects.get(name="investigator"))
    client = Client()
    client.force_login(user)
    patch = {"title": "taken over"}
    for code, status in ((MINE, 200), (OTHER, 403)):
        answer = client.patch(f"/api/v1/studies/{code}/", json.dumps(patch), content_type="application/json")
        assert answer.status_code == status
    mouse = Mouse.objects.create(study=other, code="M1")
    moved = client.patch(f"/api/v1/mice/{mouse.pk}/", json.dumps({"study": MINE}), content_type="application/json")
    assert moved.status_code == 403  # nor takes a mouse out of it


@pytest.mark.parametrize("door", ["/api/v1/strains/", "/records/strains/"])
def test_a_filter_on_related_records_does_not_tell_of_studies_that_are_hidden(
    door: str, cohorts: dict[str, Cohort]
) -> None:
    """Both studies use one strain; only its mouse in the own study may be found by it."""
    shared = Strain.objects.create(name="shared")
    only_other = Strain.objects.create(name="only there")
    for code, strain in ((MINE, shared), (OTHER, shared), (OTHER, only_other)):
        mouse = Mouse.objects.create(study=cohorts[code].study, strain=strain, code=f"{code}-{strain.pk}")
        TissueSample.objects.create(mouse=mouse, code=mouse.code, region=BrainRegion.objects.all()[0])
    unused = Strain.objects.create(name="unused")
    client = Client()
    client.force_login(member("technician"))

    def found(query: str) -> set[str]:
        names = {strain.name for strain in (shared, only_other, unused)}
        answer = client.get(f"{door}?{query}&name__in={','.join(names)}")
        if door.startswith("/api"):
            return {row["name"] for row in answer.json()["results"]}
        return {name for name in names if f">{name}<" in answer.content.decode()}

    assert found(f"mice__code=MINE-{shared.pk}") == {"shared"}
    assert found(f"mice=MINE-{shared.pk}") == {"shared"}
    assert found(f"mice__code=OTHER-{shared.pk}") == set()
    assert found(f"mice=OTHER-{shared.pk}") == set()
    assert found("mice__study__code=OTHER") == set()
    assert found("mice__tissue_samples__code__startswith=OTHER") == set()
    assert found("mice__tissue_samples__code__startswith=MINE") == {"shared"}
    assert found("mice__isnull=false") == {"shared"}
    assert found("mice__isnull=true") == {"only there", "unused"}  # a mouse that is hidden is not there
    assert found("mice__birth_date__isnull=true") == {"shared", "only there", "unused"}


def test_an_account_that_is_switched_off_sees_nothing(cohorts: dict[str, Cohort]) -> None:
    user = member("manager")
    token = make_token(user, "script")
    headers = {"authorization": f"Token {token}"}
    assert Client().get("/api/v1/cohorts/", headers=headers).json()["count"] == 1
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert Client().get("/api/v1/cohorts/", headers=headers).status_code == 401


def test_the_token_command_prints_a_new_token_and_nothing_else(
    cohorts: dict[str, Cohort], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("token", "script", role="technician", study=MINE)
    first = capsys.readouterr().out
    call_command("token", "script")
    second = capsys.readouterr().out
    assert re.fullmatch(r"labdb_[\w-]{43}\n", second)  # 256 bits
    assert first != second
    headers = {"authorization": f"Token {second.strip()}"}
    answer = Client().get("/api/v1/cohorts/", headers=headers).json()
    assert [cohort["code"] for cohort in answer["results"]] == ["C-MINE"]
    old: Any = Client().get("/api/v1/cohorts/", headers={"authorization": f"Token {first.strip()}"})
    assert old.status_code == 401


@pytest.mark.parametrize("username", ["", "a b", "x" * 200, "a\x01"])
def test_the_token_command_makes_no_account_that_the_admin_would_refuse(username: str) -> None:
    with pytest.raises(CommandError, match="cannot name an account"):
        call_command("token", username)
    assert not User.objects.filter(username=username[:150]).exists()
