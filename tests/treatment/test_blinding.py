"""While a study is blinded, its allocators alone read its treatments, at every door; the codes are everybody's."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, StudyMembership
from labdb.registry import permissions
from labdb.registry.attachments import Attachment
from labdb.registry.file_store import keep_file
from labdb.registry.imports import import_dicts, import_table
from labdb.registry.record import record_for
from labdb.registry.saved_view import SavedView
from labdb.registry.workbook_sheets import StudyRows
from labdb.treatment.models import (
    Allocation,
    AllocationKey,
    Dose,
    Drug,
    Randomization,
    Solution,
    SolutionKey,
    TreatmentArm,
    TreatmentComponent,
)
from tests.treatment.blinded_study import (
    ARMS,
    BOTTLES,
    CODE,
    DRUGS,
    LOT,
    RANDOMIZATION,
    SECRETS,
    SEED,
    account,
    blind_accounts,
    browser,
    make_blinded_study,
    unblind,
)

pytestmark = pytest.mark.django_db

SECRET_RECORDS = (
    "solutions", "solution-keys", "treatment-arms", "treatment-components", "randomizations", "allocation-keys",
)  # fmt: skip
ARM_OF_MOUSE = "allocations__key__arm__name"


@pytest.fixture
def study() -> Study:
    return make_blinded_study()


def text_of(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode("utf-8", "replace")


def leaks(client: Client, address: str) -> list[str]:
    """What of the secrets an address answers, none of them being in the address."""
    answer = client.get(address)
    assert answer.status_code < 500, address
    said = text_of(answer)
    return [secret for secret in SECRETS if secret in said]


def ids(client: Client, address: str) -> list[int]:
    answer = client.get(address)
    assert answer.status_code == 200, text_of(answer)
    return [row["id"] for row in answer.json()["results"]]


def first_of(model: Any, study: Study) -> Any:
    return model.objects.filter(study=study).order_by("pk").first()


def addresses(study: Study) -> list[str]:
    """The pages, lists, exports and rows of treatments, and those of what names them."""
    found = [
        f"/studies/{study.code}/", f"/studies/{study.code}/mice/M1/", f"/studies/{study.code}/mice/M2/", "/",
        f"{reverse('record-index')}?study={study.code}", "/api/schema/", "/api/v1/drugs/?export=csv",
        "/api/v1/allocations/?export=csv", f"/search/?q={ARMS[0][:3]}",
    ]  # fmt: skip
    models = (Solution, SolutionKey, TreatmentArm, TreatmentComponent, Randomization, Allocation, AllocationKey, Dose)
    for model in models:
        resource = record_for(model).resource
        row = first_of(model, study)
        listed = reverse("record-list", args=[resource])
        found += [
            listed, f"{listed}?study={study.code}", f"{listed}?export=csv", f"/api/v1/{resource}/",
            f"/api/v1/{resource}/?export=csv", f"/api/v1/{resource}/{row.pk}/", reverse("record-keys", args=[resource]),
            reverse("record-detail", args=[resource, row.pk]), reverse("record-edit", args=[resource, row.pk]),
            reverse("record-delete", args=[resource, row.pk]),
            f"{reverse('record-grid', args=[resource])}?study={study.code}&rows=stored",
            reverse(f"admin:treatment_{model._meta.model_name}_changelist"),
            reverse(f"admin:treatment_{model._meta.model_name}_change", args=[row.pk]),
            reverse(f"admin:treatment_{model._meta.model_name}_delete", args=[row.pk]),
            reverse(f"admin:treatment_{model._meta.model_name}_history", args=[row.pk]),
        ]  # fmt: skip
    return found


def test_nobody_but_allocators_reads_a_treatment_at_any_door(study: Study) -> None:
    asked = addresses(study)
    for who, user in blind_accounts(study).items():
        client = browser(user)
        found = {address: told for address in asked if (told := leaks(client, address))}
        assert not found, who
    key = browser(account("key", role="allocator", everywhere="manager", study=study, is_staff=True))
    told = {secret for address in asked for secret in leaks(key, address)}
    assert told == set(SECRETS), "these addresses show every one of them to who may know"


@pytest.mark.parametrize("where", ["in the study", "everywhere"])
def test_an_allocator_reads_and_writes_them(study: Study, where: str) -> None:
    user = account(
        "key", **({"role": "allocator", "study": study} if where == "in the study" else {"everywhere": "allocator"})
    )
    client = browser(user)
    assert [row["name"] for row in client.get("/api/v1/treatment-arms/").json()["results"]] == sorted(ARMS)
    assert {row["name"] for row in client.get("/api/v1/drugs/").json()["results"]} >= set(DRUGS)
    assert client.get("/api/v1/allocations/").json()["results"][1]["randomization"] == RANDOMIZATION
    assert ARMS[0] in text_of(client.get(f"/studies/{study.code}/mice/M1/"))
    first = Mouse.objects.get(study=study, code="M1").pk
    assert first in ids(client, f"/api/v1/mice/?{ARM_OF_MOUSE}={ARMS[0]}")
    made = client.post(
        "/api/v1/treatment-arms/", json.dumps({"study": study.code, "name": "third"}), content_type="application/json"
    )
    assert made.status_code == 201, made.json()


def test_everybody_reads_codes_and_doses(study: Study) -> None:
    client = browser(account("sam", role="scorer", study=study))
    rows = client.get("/api/v1/allocations/").json()["results"]
    assert [(row["mouse"], row["code"], row["randomization"], row["randomization_id"]) for row in rows] == [
        (f"M{number}", f"A{number}", None, None) for number in (1, 2, 3, 4)
    ]
    assert {row["solution_code"] for row in client.get("/api/v1/doses/").json()["results"]} == {"S1", "S2", "S3", "S4"}


def test_the_key_comes_by_a_role_and_not_by_power(study: Study) -> None:
    root = account("root", is_superuser=True)
    assert permissions.may(root, "change", Mouse, study)
    assert not permissions.may(root, "view", TreatmentArm, study)
    StudyMembership.objects.create(study=study, user=root, role=Role.objects.get(name="allocator"))
    assert permissions.may(User.objects.get(pk=root.pk), "view", TreatmentArm, study)
    assert not Role.objects.get(name="manager").permissions.filter(codename="hold_key").exists()


@pytest.mark.parametrize(
    "query",
    [
        f"{ARM_OF_MOUSE}={ARMS[0]}", f"{ARM_OF_MOUSE}__startswith=z", "allocations__key__isnull=false",
        "allocations__key__arm__is_vehicle=true", f"allocations__key__arm__components__drug__name={DRUGS[0]}",
        f"allocations__randomization__code={RANDOMIZATION}", f"allocations__randomization__seed={SEED}",
        "allocations__randomization__isnull=false", "allocations__randomization_id__gte=1",
    ],
)  # fmt: skip
def test_no_filter_through_a_treatment_tells_anything(study: Study, query: str) -> None:
    client = browser(account("sam", role="analyst", study=study))
    assert ids(client, f"/api/v1/mice/?{query}") == []
    key = browser(account("key", role="allocator", study=study))
    assert ids(key, f"/api/v1/mice/?{query}"), "the filter finds mice for who may know"


def test_neither_order_nor_absence_tells_who_was_randomized(study: Study) -> None:
    client = browser(account("mia", role="manager", study=study))
    everybody = list(Allocation.objects.filter(study=study).order_by("pk").values_list("pk", flat=True))
    for query in ("ordering=randomization", "randomization__isnull=true"):
        assert ids(client, f"/api/v1/allocations/?{query}") == everybody
    assert ids(client, "/api/v1/allocations/?ordering=-randomization") == everybody[::-1]
    pk = Randomization.objects.get().pk
    for query in (f"randomization={RANDOMIZATION}", f"randomization_id={pk}", "randomization__isnull=false"):
        assert ids(client, f"/api/v1/allocations/?{query}") == []
    key = browser(account("key", role="allocator", study=study))
    assert ids(key, "/api/v1/allocations/?ordering=randomization") == [*everybody[1:], everybody[0]]
    assert len(ids(key, f"/api/v1/allocations/?randomization={RANDOMIZATION}")) == 3


def test_a_hidden_name_and_no_name_are_the_same_sentence(study: Study) -> None:
    user = account("mia", role="manager", study=study)
    said = []
    for name in (ARMS[0], "no-arm"):
        report = import_dicts(record_for(AllocationKey), [{"allocation": "A1", "arm": name}], user=user, study=study)
        assert not report.is_stored
        said.append([one.sentence.replace(name, "X") for one in report.errors])
    assert said[0] == said[1]
    for resource, names in (("treatment-arms", (ARMS[0], "none-arm")), ("drugs", (DRUGS[0], "nodrugever"))):
        answers = [browser(user).get(f"/api/v1/{resource}/{name}/") for name in names]
        assert [answer.status_code for answer in answers] == [404, 404]
        spoken = [text_of(answer).replace(name, "X") for answer, name in zip(answers, names, strict=True)]
        assert spoken[0] == spoken[1]


def test_who_may_not_write_does_not_learn_what_is_taken(study: Study) -> None:
    user = account("mia", role="manager", everywhere="manager", study=study, is_staff=True)
    client = browser(user)
    refused = f"While study {CODE} is blinded, only its allocators add treatment arms; ask one of them."
    for name in (ARMS[0], "free"):
        body = {"study": study.code, "name": name, "is_vehicle": False}
        answer = client.post("/api/v1/treatment-arms/", json.dumps(body), content_type="application/json")
        assert (answer.status_code, answer.json()) == (403, {"__all__": [refused]})
        file = f"study,name\n{study.code},{name}\n".encode()
        report = import_table(record_for("treatment-arms"), file, "arms.csv", user=user, dry_run=True)
        assert [one.sentence for one in report.refusals()] == [refused]
        assert not report.changes
        page = client.post(reverse("record-add", args=["treatment-arms"]), {"study": study.code, "name": name})
        assert "is already" not in text_of(page)
    for name in (DRUGS[0], "free"):
        answer = client.post("/api/v1/drugs/", json.dumps({"name": name}), content_type="application/json")
        assert answer.json() == {
            "__all__": ["While a study is blinded, only its allocators add drugs; ask one of them."]
        }
    allocation = Allocation.objects.get(study=study, code="A2")
    body = {"notes": "x"}
    answer = client.patch(f"/api/v1/allocations/{allocation.pk}/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 403
    rows = [{"number": 1, "id": allocation.pk, "version": allocation.version, "cells": {"randomization": ""}}]
    grid = client.post(
        reverse("record-grid-check", args=["allocations"]) + f"?study={study.code}", json.dumps({"rows": rows}),
        content_type="application/json",
    )  # fmt: skip
    assert RANDOMIZATION not in text_of(grid)
    allocation.refresh_from_db()
    assert allocation.randomization is not None


def test_a_name_in_the_address_of_a_form_is_not_turned_into_another(study: Study) -> None:
    client = browser(account("mia", role="manager", study=study))
    pk = Randomization.objects.get().pk
    for address in (
        f"{reverse('record-add', args=['allocations'])}?study={CODE}&randomization=%23{pk}",
        f"{reverse('record-add', args=['allocations'])}?study={CODE}&randomization={pk}",
        f"{reverse('record-grid', args=['allocations'])}?study={CODE}&randomization={pk}",
    ):
        assert leaks(client, address) == []


def test_a_drug_shows_where_any_open_study_uses_it_or_none_does(study: Study) -> None:
    scorer = account("sam", role="scorer", study=study)

    def names() -> set[str]:
        return {row["name"] for row in browser(scorer).get("/api/v1/drugs/?limit=500").json()["results"]}

    Drug.objects.create(name="on the shelf")
    assert "on the shelf" in names()
    assert not names() & set(DRUGS)
    opened = Study.objects.create(code="OPEN", title="An open study")
    arm = TreatmentArm.objects.create(study=opened, name="treated")
    TreatmentComponent.objects.create(study=opened, arm=arm, drug=Drug.objects.get(name=DRUGS[0]))
    assert DRUGS[0] in names()
    page = text_of(browser(scorer).get(reverse("record-detail", args=["drugs", Drug.objects.get(name=DRUGS[0]).pk])))
    assert not [secret for secret in (*ARMS, *BOTTLES, LOT) if secret in page]


def test_the_history_of_an_allocation_hides_what_it_named(study: Study) -> None:
    allocation = Allocation.objects.get(study=study, code="A2")
    allocation.randomization = None
    allocation.save()
    page = reverse("record-detail", args=["allocations", allocation.pk])
    said = text_of(browser(account("sam", role="scorer", study=study)).get(page))
    assert RANDOMIZATION not in said
    assert "not shown to you" in said
    assert RANDOMIZATION in text_of(browser(account("key", role="allocator", study=study)).get(page))


def test_files_that_brought_treatments_are_the_allocators(study: Study) -> None:
    key = account("key", role="allocator", study=study)
    arms = f"study,name\n{study.code},{ARMS[0]}-two\n".encode()
    done = import_table(record_for("treatment-arms"), arms, f"{DRUGS[0]}.csv", user=key, study=study)
    again = f"study,name\n{study.code},{ARMS[0]} \n{study.code},{ARMS[0]}\n".encode()
    refused = import_table(record_for("treatment-arms"), again, f"{DRUGS[1]}.csv", user=key)
    assert done.is_stored
    assert not refused.is_stored
    mice = import_table(record_for("mice"), b"code,sex\nM9,F\n", "mice.csv", user=key_and(key, "manager"), study=study)
    assert mice.is_stored
    assert done.log is not None
    client = browser(account("mia", role="manager", everywhere="manager", study=study))
    listed = text_of(client.get(reverse("record-list", args=["imports"]) + "?limit=100"))
    assert "mice.csv" in listed
    for address in (reverse("record-list", args=["imports"]), "/", "/api/v1/imports/"):
        assert leaks(client, address) == []
    assert client.get(reverse("record-detail", args=["imports", done.log.pk])).status_code == 404
    assert browser(key).get(reverse("record-detail", args=["imports", done.log.pk])).status_code == 200


def key_and(user: User, role: str) -> User:
    user.groups.add(Role.objects.get(name=role))
    return User.objects.get(pk=user.pk)


def test_a_shared_view_that_filters_by_arm_is_not_offered(study: Study) -> None:
    key = account("key", role="allocator", study=study)
    query = f"{ARM_OF_MOUSE}={ARMS[0]}"
    SavedView.objects.create(owner=key, resource="mice", name=f"all {ARMS[0]}", query=query, is_shared=True)
    SavedView.objects.create(owner=key, resource="mice", name="males", query="sex=M", is_shared=True)
    menu = reverse("list-views", args=["mice"])
    said = text_of(browser(account("sam", role="scorer", study=study)).get(menu))
    assert ARMS[0] not in said
    assert "males" in said
    assert ARMS[0] in text_of(browser(key).get(menu))


def test_a_workbook_holds_no_treatment_for_who_may_not_know_it(study: Study) -> None:
    blind = {record.resource: rows for record, _columns, rows in StudyRows(study, account("r", is_superuser=True))}
    assert not set(blind) & {*SECRET_RECORDS, "drugs"}
    assert len(blind["allocations"]) == 4
    assert RANDOMIZATION not in str(blind["allocations"])
    key = account("key", role="allocator", everywhere="manager", study=study)
    known = {record.resource: rows for record, _columns, rows in StudyRows(study, key)}
    assert set(known) >= {*SECRET_RECORDS, "drugs"}
    assert RANDOMIZATION in str(known["allocations"])


def test_what_is_attached_to_a_treatment_is_as_secret_as_it(study: Study) -> None:
    arm = first_of(TreatmentArm, study)
    digest, size = keep_file([b"label of the bottle"])
    made = Attachment.objects.create(
        study=study, resource="treatment-arms", record_id=arm.pk, sha256=digest, file_name=f"{DRUGS[0]}.txt",
        media_type="text/plain", size_bytes=size,
    )  # fmt: skip
    client = browser(account("mia", role="manager", study=study))
    for address in (f"/api/v1/attachments/{made.pk}/", reverse("attachment-file", args=[made.pk])):
        assert client.get(address).status_code == 404
    assert (
        browser(account("key", role="allocator", study=study)).get(f"/api/v1/attachments/{made.pk}/").status_code == 200
    )


def test_nobody_counts_the_arms_by_trying_to_delete_the_study(study: Study) -> None:
    client = browser(account("root", is_superuser=True, is_staff=True))
    TreatmentArm.objects.create(study=study, name="a third")
    said = client.delete(f"/api/v1/studies/{study.code}/").json()["__all__"][0]
    assert "treatment arms" in said
    assert "3 treatment arms" not in said
    assert leaks(client, reverse("admin:colony_study_delete", args=[study.pk])) == []


def test_an_expired_bottle_is_told_without_its_date(study: Study) -> None:
    user = account("tim", role="technician", study=study)
    row = {
        "mouse": "M1",
        "planned_at": "2026-11-26 09:00",
        "given_at": "2026-11-26 09:00",
        "status": "given",
        "solution_code": "S1",
    }
    report = import_dicts(record_for(Dose), [row], user=user, study=study)
    warned = [one.sentence for one in report.warnings if one.column == "solution_code"]
    expired = Solution.objects.filter(study=study).values_list("expires_at", flat=True)[0]
    if expired is not None and f"{expired:%Y-%m-%d}" <= "2026-11-26":
        assert len(warned) == 1
        assert f"{expired:%Y-%m-%d}" not in warned[0]


def test_unblinded_everything_is_as_before(study: Study) -> None:
    client = browser(account("sam", role="scorer", study=study))
    unblind(study)
    assert [row["name"] for row in client.get("/api/v1/treatment-arms/").json()["results"]] == sorted(ARMS)
    assert client.get("/api/v1/allocations/").json()["results"][1]["randomization"] == RANDOMIZATION
    assert ids(client, f"/api/v1/mice/?{ARM_OF_MOUSE}={ARMS[0]}")
    assert {row["name"] for row in client.get("/api/v1/drugs/?limit=500").json()["results"]} >= set(DRUGS)


def test_a_list_costs_no_query_more_for_more_rows(study: Study, django_assert_max_num_queries: Any) -> None:
    client = browser(account("key", role="allocator", study=study))
    other = browser(account("sam", role="scorer", study=study))
    mice = Mouse.objects.bulk_create(
        Mouse(study=study, code=f"N{number}", sex="M", group="defeated") for number in range(40)
    )
    Allocation.objects.bulk_create(
        Allocation(study=study, mouse=mouse, code=f"B{mouse.code}", randomization=Randomization.objects.get())
        for mouse in mice
    )
    for one in (client, other):
        with django_assert_max_num_queries(12):
            assert len(one.get("/api/v1/allocations/").json()["results"]) == 44
