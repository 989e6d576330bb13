"""Stale results: a change nominates, the digest confirms; what is read of them is stale too."""

import re
from html import unescape
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analysis import runs
from analysis.declared_inputs import models_read
from analysis.models import AnalysisRun, Contrast
from analysis.stale_reasons import Reason, reasons_of
from analysis.staleness import BY_NAME, stale_runs, staleness_of
from labdb.accounts.models import Role, User
from labdb.behavior.models import PhenotypeRule, SocialInteractionTest
from labdb.colony.models import Exclusion, Mouse, Study
from labdb.registry.history import writing
from labdb.registry.record import all_records
from labdb.sequencing.models import Library
from labdb.tissue.models import TissueSample
from labdb.treatment.unblinding import unblind
from tests.analysis.small_study import add_library, add_matrix, make_treated_study, random_counts
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db
TASKS = ("phenotype", "response", "quality", "differential_expression", "reversal", "mouse_scores")


def carried_out(study: Study, task: str, **parameters: object) -> AnalysisRun:
    run = runs.request_run(task, study, parameters, queue=False)
    runs.execute(run.pk)
    run.refresh_from_db()
    assert run.status == "done", run.reason
    return run


def analyzed(n_genes: int = 60) -> tuple[Study, dict[str, AnalysisRun]]:
    study = make_treated_study(n_per_group=3, n_genes=n_genes)
    Contrast.objects.create(
        study=study, name="stress", group_by="mouse__phenotype", numerator="susceptible", denominator="control"
    )
    return study, {task: carried_out(study, task) for task in TASKS}


def stale_tasks(study: Study) -> set[str]:
    return {found.run.task for found in stale_runs(study).values()}


def test_a_change_of_a_field_that_is_read_makes_stale_what_reads_it_and_what_reads_that():
    study, made = analyzed()
    assert stale_runs(study) == {}
    k1 = SocialInteractionTest.objects.filter(mouse__code="k1")
    k1.filter(test_number=1).update(lux=12)
    assert stale_runs(study) == {}  # nobody reads it
    tina = User.objects.create(username="tina", is_superuser=True)
    with writing(user=tina, door="web"):
        k1.filter(test_number=2).update(iz_present_s=27)
    assert stale_tasks(study) == {"response", "quality", "reversal", "mouse_scores"}
    found = staleness_of(made["response"])
    assert (found.changed, found.through) == (("after",), ())
    found = staleness_of(made["reversal"])
    assert found.changed == ("retest_ratios",)
    assert [one.run for one in found.through] == [made["response"]]
    assert staleness_of(made["mouse_scores"]).changed == ()  # no label of a mouse is another
    what = f"k1 SI test 2 changed by tina on {timezone.localdate()}: iz_present_s 26 → 27."
    assert reasons_of(staleness_of(made["response"]), tina) == [Reason(what, f"/records/si-tests/{k1[1].pk}/")]
    of_scores = [reason.sentence for reason in reasons_of(staleness_of(made["mouse_scores"]), tina)]
    assert f"Response (run {made['response'].pk}), which it reads: {what}" in of_scores
    again = Contrast.objects.create(
        study=study, name="again", group_by="mouse__phenotype", numerator="resilient", denominator="control"
    )
    of_quality = [reason.sentence for reason in reasons_of(staleness_of(made["quality"]), tina)]
    assert of_quality == [what]  # it reads by what contrasts group, and that is the same
    again.delete()
    k1.filter(test_number=2).update(iz_present_s=26)
    assert stale_runs(study) == {}  # what was read is what there is


def test_records_that_come_and_go_counts_contrasts_and_adoptions_are_inputs():
    study, made = analyzed()
    boss = User.objects.create(username="boss", is_superuser=True)
    exclusion = Exclusion.objects.create(study=study, mouse=Mouse.objects.get(code="c0"), criterion="ill")
    assert "phenotype" in stale_tasks(study)
    said = [one.sentence for one in reasons_of(staleness_of(made["phenotype"]), boss)]
    assert said == [f"Exclusion c0: ill entered by — on {timezone.localdate()}."]
    exclusion.delete()
    assert stale_runs(study) == {}
    sample = TissueSample.objects.filter(mouse__code="c0")
    sample.update(exclusion_criterion="thawed")
    assert {"differential_expression", "reversal", "mouse_scores"} <= stale_tasks(study)
    sample.update(exclusion_criterion="")
    Contrast.objects.update(covariates="")
    assert stale_tasks(study) == {"differential_expression"}
    Contrast.objects.update(covariates="library__pool")
    same_labels = carried_out(study, "phenotype", rule="Ratio below 1, 60 s with target")
    runs.adopt(same_labels, None, "It was planned.")
    assert stale_runs(study) == {}
    PhenotypeRule.objects.create(name="Ratio below 2", cutoff=2)
    runs.adopt(carried_out(study, "phenotype", rule="Ratio below 2"), None, "A test.")
    assert {"response", "differential_expression", "reversal", "mouse_scores"} <= stale_tasks(study)


def test_counts_that_are_replaced_make_stale_what_was_computed_from_them():
    study, _made = analyzed()
    libraries = list(Library.objects.filter(study=study).order_by("code"))
    add_matrix(study, libraries, random_counts(np.random.default_rng(1), 60, len(libraries)), code="X2")
    assert stale_tasks(study) == {"quality", "differential_expression", "reversal", "mouse_scores"}
    add_library(Mouse.objects.get(code="c0"), "NAc")  # without counts: only quality looks at it
    assert "phenotype" not in stale_tasks(study)


def test_unblinding_and_another_version_of_the_code_make_nothing_stale(monkeypatch: pytest.MonkeyPatch):
    study = make_treated_study(n_per_group=3, n_genes=60)
    Study.objects.update(is_blinded=True)
    study.refresh_from_db()
    for task in ("phenotype", "response", "reversal"):
        carried_out(study, task)
    boss = User.objects.create(username="boss", is_superuser=True)
    boss.groups.add(Role.objects.get(name="allocator"))
    unblind(study, by=boss, reason="All is scored.")
    study.refresh_from_db()
    assert not study.is_blinded
    monkeypatch.setattr("analysis.provenance.code_digest", lambda: "other")
    assert stale_runs(study) == {}


def test_nothing_is_read_anew_while_no_record_that_is_read_has_changed(django_assert_max_num_queries):
    study, _made = analyzed()
    stale_runs(study)
    Mouse.objects.filter(code="c0").update(notes="seen")
    stale_runs(study)
    with django_assert_max_num_queries(5):
        assert stale_runs(study) == {}


@pytest.mark.parametrize("task", TASKS)
def test_every_record_that_a_task_reads_is_declared(task: str):
    study, made = analyzed()
    with CaptureQueriesContext(connection) as asked:
        BY_NAME[task].load(study, made[task].parameters)
    said = " ".join(query["sql"] for query in asked.captured_queries)
    tracked = {record.model for record in all_records() if getattr(record.model, "_has_history", False)}
    read = {model._meta.label for model in tracked if f'"{model._meta.db_table}"' in said} - {"colony.Study"}
    assert read <= {model._meta.label for model in models_read(task)}


def test_the_page_of_a_record_shows_no_stale_result_and_says_where_it_is():
    analyzed()
    client = signed_in()
    test = SocialInteractionTest.objects.get(mouse__code="k1", test_number=1)
    address = f"/records/si-tests/{test.pk}/"
    assert "left out" not in client.get(address).content.decode()
    SocialInteractionTest.objects.filter(pk=test.pk).update(iz_present_s=60)
    said = " ".join(client.get(address).content.decode().split())
    assert "1 left out." in said
    asked = re.findall(r'href="(/records/phenotype-calls/[^"]*include_stale=1)"', said)
    assert len(asked) == 1
    assert ">k1<" in client.get(unescape(asked[0])).content.decode()


def test_stale_results_stay_out_of_lists_exports_and_rest_unless_asked_for():
    _study, made = analyzed()
    client = signed_in()
    for mouse, number in (("k1", 1), ("k1", 2)):
        SocialInteractionTest.objects.filter(mouse__code=mouse, test_number=number).update(iz_present_s=60)
    export = "/api/v1/phenotype-calls/?export=csv"
    assert content(client.get(export)).count("\n") == 1  # the header
    assert content(client.get(f"{export}&include_stale=1")).count("\n") == 13
    assert client.get("/api/v1/phenotype-calls/").json()["count"] == 0
    assert client.get("/api/v1/phenotype-calls/?include_stale=true").json()["count"] == 12
    answer = client.get("/api/v1/phenotype-calls/?include_stale=perhaps")
    assert answer.status_code == 400 and "neither yes nor no" in answer.json()["include_stale"][0]
    assert client.get("/api/v1/mice/?include_stale=1").status_code == 400  # mice are never stale
    page = client.get("/records/phenotype-calls/?study=S1").content.decode()
    assert "Include results that are out of date" in page and "/studies/S1/mice/" not in page
    asked = client.get("/records/phenotype-calls/?study=S1&include_stale=1").content.decode()
    assert 'name="include_stale" value="1" checked' in asked and ">k1<" in asked
    [run] = [one for one in client.get("/api/v1/analysis-runs/").json()["results"] if one["task"] == "phenotype"]
    assert (run["is_stale"], run["stale_because"]) == (True, "changed since: SI tests")
    one = client.get(f"/api/v1/analysis-runs/{made['phenotype'].pk}/").json()
    assert one["is_stale"] is True and one["input_parts"]["tests"]["rows"] == 12


def content(answer: Any) -> str:
    return b"".join(answer.streaming_content).decode()
