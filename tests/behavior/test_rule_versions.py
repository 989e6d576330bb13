"""A rule that was used stays as it was, at every door; its next version is one click away, and each knows the others."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from analysis.models import AnalysisRun, RunStatus
from labdb.accounts.models import User
from labdb.behavior.models import PhenotypeRule, ResponseRule
from labdb.registry.imports import import_table
from labdb.registry.record import record_for
from tests.analysis.small_study import make_study
from tests.analysis.treated_study import add_run, signed_in

pytestmark = pytest.mark.django_db
SENTENCE = "The rule Ratio below 1 stands in the parameters of 1 analysis run; enter a new rule under another name."
VALUES = {"name": "Ratio below 1", "cutoff": "0.9", "borderline": "0.05"}


@pytest.fixture
def rule() -> PhenotypeRule:
    return PhenotypeRule.objects.get(name="Ratio below 1")


def by_page(client: Client, rule: PhenotypeRule, values: dict[str, str]) -> Any:
    url = reverse("record-edit", args=["phenotype-rules", rule.pk])
    return client.post(url, {**values, "version": str(rule.version)})


def by_rest(client: Client, rule: PhenotypeRule, values: dict[str, str]) -> Any:
    return client.patch(
        f"/api/v1/phenotype-rules/{rule.pk}/", json.dumps(values), content_type="application/json"
    )  # fmt: skip


def by_admin(client: Client, rule: PhenotypeRule, values: dict[str, str]) -> Any:
    return client.post(f"/admin/behavior/phenotyperule/{rule.pk}/change/", values)


@pytest.mark.parametrize("door", [by_page, by_rest, by_admin])
@pytest.mark.parametrize("changed", [{"cutoff": "0.9"}, {"name": "ours", "cutoff": "1"}])
def test_a_rule_that_a_run_without_calls_names_is_refused_at_every_door(door, changed, rule: PhenotypeRule):
    add_run(make_study(), "phenotype")
    client = signed_in()
    User.objects.update(is_staff=True)  # for the admin
    answer = door(client, rule, {**VALUES, **changed})
    assert SENTENCE in answer.content.decode()
    rule.refresh_from_db()
    assert (rule.name, rule.cutoff) == ("Ratio below 1", 1.0)


def test_a_file_cannot_change_a_used_rule_either(rule: PhenotypeRule):
    add_run(make_study(), "phenotype")
    user = User.objects.create(username="tina", is_superuser=True)
    table = b"name,cutoff\nRatio below 1,0.9\n"
    report = import_table(record_for("phenotype-rules"), table, "rules.csv", user=user)
    assert not report.is_stored
    assert SENTENCE in [error.sentence for error in report.refusals()]


def test_a_rule_that_only_a_failed_run_or_another_task_names_can_change(rule: PhenotypeRule):
    study = make_study()
    add_run(study, "phenotype", RunStatus.FAILED)
    ResponseRule.objects.create(name="Ratio below 1")
    add_run(study, "response", parameters={"rule": "Ratio below 1", "before": 1, "after": 2})
    assert by_page(signed_in(), rule, VALUES).status_code == 302
    rule.refresh_from_db()
    assert rule.cutoff == 0.9


def test_a_rule_that_a_run_names_is_not_deleted(rule: PhenotypeRule):
    add_run(make_study(), "phenotype")
    answer = signed_in().post(reverse("record-delete", args=["phenotype-rules", rule.pk]))
    assert "which could not be repeated without it" in answer.content.decode()
    assert AnalysisRun.objects.exists()
    assert PhenotypeRule.objects.filter(pk=rule.pk).exists()


def new_version(client: Client, resource: str, pk: int) -> dict[str, Any]:
    """Follow the button and return what the form then holds."""
    url = client.get(reverse("record-detail", args=[resource, pk])).context["new_version_url"]
    form = client.get(url).context["form"]
    return {name: "" if form[name].value() is None else form[name].value() for name in form.fields}


def test_a_new_version_copies_the_rule_and_both_lead_to_each_other(rule: PhenotypeRule):
    client = signed_in()
    PhenotypeRule.objects.filter(pk=rule.pk).update(max_corner_ratio=1.2)
    texts = new_version(client, "phenotype-rules", rule.pk)
    assert texts["name"] == "Ratio below 1, version 2"
    assert (float(texts["cutoff"]), float(texts["max_corner_ratio"]), texts["control_sd"]) == (1.0, 1.2, "")
    client.post(reverse("record-add", args=["phenotype-rules"]), {**texts, "cutoff": "0.9"})
    second = PhenotypeRule.objects.get(name="Ratio below 1, version 2")
    assert (second.cutoff, second.max_corner_ratio, second.notes) == (0.9, 1.2, rule.notes)
    for one, other in ((rule, second), (second, rule)):
        page = client.get(reverse("record-detail", args=["phenotype-rules", one.pk])).content.decode()
        assert f'href="/records/phenotype-rules/{other.pk}/"' in page
    # the rule of another stem ("Ratio below 1, 60 s with target") is none of its versions
    assert rule.versions() == [rule, second]
    assert new_version(client, "phenotype-rules", rule.pk)["name"] == "Ratio below 1, version 3"


def test_a_new_version_of_a_response_rule_keeps_its_yes_and_no():
    rule = ResponseRule.objects.create(name="ours", reliable_change=False)
    client = signed_in()
    texts = new_version(client, "response-rules", rule.pk)
    assert client.post(reverse("record-add", args=["response-rules"]), texts).status_code == 302
    assert ResponseRule.objects.get(name="ours, version 2").reliable_change is False
