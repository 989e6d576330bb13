"""Pages that look across rooms: what they say, where their numbers lead, and what another study's member sees."""

import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analysis.gene_expression import expression_frame
from analysis.models import (
    AnalysisRun,
    Contrast,
    GeneResult,
    MouseReversalScore,
    ReversedGene,
    RunStatus,
    SignatureReversal,
)
from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, Weighing
from labdb.sequencing.models import CountMatrix, Gene
from tests.analysis.small_study import add_library, add_matrix, add_mouse, add_test, make_study
from tests.analysis.treated_study import add_run, make_analyzed_study, signed_in

pytestmark = pytest.mark.django_db
PAGES = (
    "/studies/S1/", "/studies/S1/mice/k0/", "/studies/S1/figures/si-scatter.svg", "/studies/S1/figures/body-mass.html",
)  # fmt: skip


@pytest.fixture
def study() -> Study:
    return make_analyzed_study()


def text_of(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, answer.content[:500]
    return " ".join(answer.content.decode().split())


def test_an_empty_database_says_what_to_do_first():
    text = text_of(signed_in(), "/")
    assert "Enter a study" in text
    assert "manage.py load_demo" in text


def test_the_first_page_shows_only_the_studies_of_the_account(study: Study):
    other = make_study("S2")
    text = text_of(signed_in("technician", other), "/")
    assert "S2" in text
    assert "/studies/S1/" not in text


def test_the_first_page_tells_of_failed_and_running_runs_and_looks_again(study: Study):
    client = signed_in()
    assert "every 2s" not in text_of(client, "/")
    add_run(study, "phenotype", RunStatus.FAILED, reason="No SI test is left.")
    assert "No SI test is left." in text_of(client, "/")
    add_run(study, "response", RunStatus.RUNNING, doing="reading the records")
    text = text_of(client, "/")
    assert "reading the records" in text
    assert 'hx-trigger="every 2s"' in text


@pytest.mark.parametrize("url", PAGES)
def test_another_study_is_as_good_as_none(study: Study, url: str):
    assert signed_in("technician", study, "own").get(url).status_code == 200
    assert signed_in("manager", make_study("S2"), "stranger").get(url).status_code == 404


def test_a_page_needs_an_account(study: Study):
    assert Client().get("/studies/S1/").status_code == 302


def test_a_study_counts_its_mice_by_group_and_how_far_they_came(study: Study):
    # 3 each of control, resilient, saline and ketamine; all tested twice, allocated and sequenced.
    add_mouse(study, "x9", "defeated", cohort="C2")
    answer = signed_in().get("/studies/S1/")
    assert [(step.n, step.name) for step in answer.context["steps"]] == [
        (13, "entered"), (12, "in the SI test"), (12, "called by phenotype"), (12, "allocated to treatment"),
        (12, "re-tested"), (12, "sequenced"), (12, "read by the analysis of expression"),
    ]  # fmt: skip
    groups = {(row["cohort"], row["group"], row["phenotype"]): row["n"] for row in answer.context["groups"]}
    assert groups == {
        ("C1", "control", "control"): 3,
        ("C1", "defeated", "resilient"): 3,
        ("C1", "defeated", "susceptible"): 6,
        ("C2", "defeated", "not called"): 1,
    }
    flow = {(row["phenotype"], row["arm"]): row["is_sequenced"] for row in answer.context["flow"]}
    assert flow[("susceptible", "ketamine")] == 3
    assert flow[("not called", "not allocated")] == 0


def test_a_study_shows_the_saline_rate_beside_the_drug(study: Study):
    answer = signed_in().get("/studies/S1/")
    rates = {rate.arm: (rate.responders, rate.called, rate.crossed) for rate in answer.context["rates"]}
    # Re-test ratios: saline 26/50, two of three ketamine mice 80/50.
    assert rates == {"saline": (0, 3, 0), "ketamine": (2, 3, 2)}
    assert "With no drug, 0 of 3 saline mice also crossed the cutoff." in answer.content.decode()


def test_a_study_says_what_is_missing_of_how_many(study: Study):
    Mouse.objects.filter(code="c0").update(group="")
    gaps = {gap.what: (gap.missing, gap.of) for gap in signed_in().get("/studies/S1/").context["gaps"]}
    assert gaps["mice without a group"] == (1, 12)
    assert gaps["libraries without counts"] == (0, 12)
    assert gaps["RNA extractions without a RIN"] == (12, 12)


def test_an_empty_study_says_what_to_do():
    make_study()
    text = text_of(signed_in(), "/studies/S1/")
    assert "No mouse yet." in text
    assert "run the pipeline" in text


@pytest.mark.parametrize("url", ["/studies/S1/", "/studies/S1/mice/k0/", "/", "/analysis/"])
def test_more_mice_cost_no_more_queries(study: Study, url: str):
    client = signed_in()
    client.get(url)
    with CaptureQueriesContext(connection) as before:
        client.get(url)
    for number in range(20):
        add_test(add_mouse(study, f"y{number}"), 50, 20)
        add_run(study, "phenotype", RunStatus.CANCELLED)
    with CaptureQueriesContext(connection) as after:
        client.get(url)
    assert len(after) == len(before)


def test_the_arm_is_not_shown_to_whom_the_key_is_closed(study: Study):
    role = Role.objects.get(name="technician")
    role.permissions.remove(role.permissions.get(codename="view_allocationkey"))
    client = signed_in("technician", study)
    text = text_of(client, "/studies/S1/mice/r0/")  # a resilient mouse: no result names its arm
    assert "arm not shown to you" in text
    assert "saline" not in text
    assert client.get("/studies/S1/").context["rates"] == []


def test_a_mouse_leads_from_its_score_to_the_seconds_in_the_zone(study: Study):
    client = signed_in("technician", study)
    mouse_page = text_of(client, "/studies/S1/mice/k0/")
    reversal = MouseReversalScore.objects.get(mouse__code="k0").reversal
    assert reversal is not None
    reversal_url = reverse("reversal-page", args=[reversal.pk])
    assert f'<a href="{reversal_url}#k0">0.38</a>' in mouse_page
    test = Mouse.objects.get(code="k0").si_tests.get(test_number=1)
    record_url = reverse("record-detail", kwargs={"resource": "si-tests", "pk": test.pk})
    reversal_page = text_of(client, reversal_url)
    assert f'<a href="{record_url}">50.0 / 25.0</a>' in reversal_page
    assert reverse("analysis-run", args=[reversal.run_id]) in reversal_page
    assert "25" in text_of(client, record_url)


def test_a_mouse_page_shows_calls_with_their_distance_and_their_test(study: Study):
    text = text_of(signed_in(), "/studies/S1/mice/k0/")
    # 25 / 50 = 0.5, that is 0.5 below the cutoff; re-test 80 / 50 = 1.6, that is 0.6 over it.
    for expected in ("susceptible", "−0.50", "0.60", "responder", "80.0", "k0-PFC", "X1", "ketamine"):
        assert expected in text, expected


def test_a_mouse_without_anything_says_what_to_do(study: Study):
    add_mouse(study, "x9")
    text = text_of(signed_in(), "/studies/S1/mice/x9/")
    assert "Not called yet." in text
    assert "No SI test yet." in text
    assert "Not allocated to an arm." in text


def test_the_body_mass_of_one_mouse_is_drawn(study: Study):
    mouse = Mouse.objects.get(code="k0")
    Weighing.objects.create(study=study, mouse=mouse, body_mass_g=24.5)
    client = signed_in()
    assert "figures/body-mass.html?mouse=k0" in text_of(client, "/studies/S1/mice/k0/")
    assert "k0, 1 weighing." in text_of(client, "/studies/S1/figures/body-mass.html?mouse=k0")
    assert "x9 is not a mouse of S1." in text_of(client, "/studies/S1/figures/body-mass.html?mouse=x9", 404)


def test_a_code_with_a_slash_has_a_page(study: Study):
    add_mouse(study, "R1/2")
    assert "S1-R1/2" in text_of(signed_in(), reverse("mouse-page", args=["S1", "R1/2"]))


@pytest.mark.parametrize(
    "url", ["/studies/%00/", "/studies/S1/mice/%00/", "/genes/%00/", "/genes/?q=%00", "/studies/S1/mice/nobody/"]
)
def test_what_nothing_is_called_by_is_not_found(study: Study, url: str):
    assert signed_in().get(url).status_code in (200, 404)


def test_expression_of_a_gene_is_log2_cpm():
    study = make_study()
    libraries = [add_library(add_mouse(study, f"m{n}"), "PFC") for n in range(3)]
    # The same composition everywhere, so TMM factors are 1; each library has 1,000 reads.
    matrix = add_matrix(study, libraries, _columns([100, 300, 600], 3))
    user = User.objects.create(username="boss", is_superuser=True)
    frame = expression_frame(matrix, Gene.objects.get(symbol="Gene0"), user)
    # log2((100 + .5) / (1000 + 1) x 1e6)
    assert frame["log2_cpm"].tolist() == pytest.approx([math.log2(100.5 / 1001 * 1e6)] * 3, abs=1e-12)
    assert frame["mouse"].tolist() == ["m0", "m1", "m2"]


def _columns(counts: list[int], n: int) -> Any:
    return np.array([[count] * n for count in counts])


def test_a_gene_page_shows_its_results_in_current_runs(study: Study):
    text = text_of(signed_in("technician", study), "/genes/Gene1/")
    assert "susceptible - control" in text
    assert "0.015" in text
    assert "−1.00" in text
    assert "Reversed in 0 of 1 comparisons" in text
    stranger = text_of(signed_in("technician", make_study("S2"), "stranger"), "/genes/Gene1/")
    assert "susceptible - control" not in stranger


def test_a_gene_page_shows_estimates_with_intervals_and_its_part_in_reversals(study: Study):
    run, test = AnalysisRun.objects.get(task="differential_expression"), SignatureReversal.objects.get()
    gene = Gene.objects.get(symbol="Gene5")
    # t = 3 with 1 df: p = 1 - 2/pi atan(3); se = 1.5 / 3, qt(.975, 1) = 12.706205: 1.5 +- 6.35
    GeneResult.objects.create(
        study=study, run=run, contrast=Contrast.objects.get(), region=test.region, gene=gene, log2_fold_change=1.5,
        average_expression=5.0, t=3.0, p_value=1 - 2 / math.pi * math.atan(3), adj_p_value=0.3,
    )  # fmt: skip
    ReversedGene.objects.create(
        study=study, run=test.run, reversal=test, gene=gene, t_stress=6.2, t_merged=5.0, t_drug=-4.7, p_merged=1e-4,
        p_drug=1e-3, q_value=0.02, listed=True, q_strict=0.04, listed_strict=False,
    )  # fmt: skip
    client = signed_in("technician", study)
    text = text_of(client, "/genes/Gene5/")
    for shown in ("−4.85 to 7.85", "−4.7", "moved by stress and moved back (list)", "Reversed in 1 of 1 comparisons"):
        assert shown in text
    assert "/records/gene-results/?gene=ENS5" in text  # all of them
    assert "susceptible - control" in text_of(client, "/records/gene-results/?gene=ENS5&include_stale=1")
    answer = client.get("/genes/Gene5/figures/contrasts.svg")
    assert answer.status_code == 200 and "susceptible - control" in answer.content.decode()
    assert text_of(client, "/genes/Gene5/figures/heat.svg", 404).startswith("heat is not a figure of a gene")
    stranger = signed_in("technician", make_study("S2"), "stranger")
    assert "no current contrast tested" in stranger.get("/genes/Gene5/figures/contrasts.svg").content.decode()
    assert "No reversal was tested in a study that you see" in text_of(stranger, "/genes/Gene5/")


def test_a_gene_is_found_by_every_name_that_it_has_or_had(study: Study):
    client = signed_in()
    gene = Gene.objects.get(symbol="Gene11")
    gene.synonyms = "c-elf; Elf-1"
    gene.save()
    Gene.objects.filter(symbol="Gene12").update(symbol="Newname")
    for name, page in (("gene11", "Gene11"), ("C-ELF", "Gene11"), ("Gene12", "Newname"), ("ens3", "Gene3")):
        assert client.get(f"/genes/?q={name}")["Location"] == f"/genes/{page}/"
        assert client.get(f"/genes/{name}/")["Location"] == f"/genes/{page}/"
    text = text_of(client, "/genes/?q=ene1")
    assert "Gene19" in text
    assert "/genes/Gene11/" in text_of(client, "/search/?q=c-elf")
    assert "No gene matches “zzz”" in text_of(client, "/genes/?q=zzz")
    unknown = text_of(client, "/genes/Gene1l/", 404)
    assert "No gene that you may see is or was called “Gene1l”; near to it:" in unknown
    assert "/genes/Gene1/" in unknown


def test_a_gene_figure_is_of_a_matrix_that_the_account_sees(study: Study):
    matrix = CountMatrix.objects.get()
    url = f"/genes/Gene1/figures/expression.svg?matrix={matrix.pk}"
    answer = signed_in("technician", study).get(url)
    assert answer["Content-Disposition"] == 'attachment; filename="S1_Gene1_expression.svg"'
    refused = signed_in("technician", make_study("S2"), "stranger").get(url)
    assert refused.status_code == 400
    assert "not a count matrix" in refused.content.decode()


def test_health_needs_no_account(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("labdb.desk.work_facts.LOW_BYTES", 0)  # whatever the machine of the tests has left
    monkeypatch.setattr("labdb.desk.work_facts.FULL_BYTES", 0)
    answer = Client().get("/health/")
    assert answer.status_code == 200
    assert answer.json() == {
        "live": True, "ready": True, "database": "answers", "migrations": "applied", "workers": "none alive",
        "disk": "enough",
    }  # fmt: skip
    assert Client().get("/health/work/").status_code == 503  # nobody would compute


def test_a_full_disk_is_not_ready(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("labdb.desk.work_facts.FULL_BYTES", 10**18)
    answer = Client().get("/health/")
    assert (answer.status_code, answer.json()["disk"], answer.json()["ready"]) == (503, "full", False)


def test_health_says_when_the_database_is_away(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("labdb.desk.health.connection.cursor", refuse)
    answer = Client().get("/health/")
    assert answer.status_code == 503
    assert answer.json()["live"] is True
    assert answer.json()["database"] == "unreachable"


def test_health_is_not_ready_while_migrations_are_pending(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("labdb.desk.health.latest_migrations", lambda: frozenset({("colony", "9999_next")}))
    answer = Client().get("/health/")
    assert answer.status_code == 503
    assert answer.json()["migrations"] == "pending"


def test_health_tells_of_workers_by_what_became_of_runs(study: Study):
    run = add_run(study, "phenotype", RunStatus.QUEUED)
    AnalysisRun.objects.filter(pk=run.pk).update(queued_at=timezone.now() - timedelta(minutes=3))
    assert Client().get("/health/").json()["workers"] == "not taking runs"
    AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING, attempt=1, heartbeat_at=timezone.now())
    assert Client().get("/health/work/").json()["workers"] == "seen working"
    ahead = timezone.now() + timedelta(days=3)  # written before the clock was set right
    AnalysisRun.objects.filter(pk=run.pk).update(heartbeat_at=ahead)
    assert Client().get("/health/work/").json()["workers"] == "none alive"  # no worker is connected
    status = signed_in(name="boss").get("/status/", headers={"HX-Request": "true"})
    assert "ahead of the clock, which was set back" in status.content.decode()


def test_a_technician_finds_what_is_entered_every_day_on_the_first_page(study: Study):
    text = text_of(signed_in("technician", study), "/")
    for what in ("si-tests", "weighings", "mice", "tissue-samples"):
        assert f'href="/records/{what}/add/?study=S1"' in text
        assert f'href="/records/{what}/import/?study=S1"' in text


def test_only_what_a_role_may_enter_is_offered(study: Study):
    text = text_of(signed_in("scorer", study), "/")
    assert "/records/si-tests/add/?study=S1" in text
    assert "/records/weighings/add/" not in text
    assert "/add/" not in text_of(signed_in("investigator", study, "boss"), "/studies/S1/mice/k0/")


def test_nothing_is_offered_for_entry_into_a_closed_study(study: Study):
    study.state = "closed"
    study.save()
    assert "/records/si-tests/add/" not in text_of(signed_in(), "/")


def test_a_mouse_is_already_in_the_form_that_its_page_leads_to(study: Study):
    client = signed_in("technician", study)
    url = "/records/weighings/add/?study=S1&mouse=k0"
    assert url.replace("&", "&amp;") in text_of(client, "/studies/S1/mice/k0/")
    assert 'value="k0"' in text_of(client, url)


def test_the_record_of_a_mouse_leads_to_its_whole_story(study: Study):
    mouse = Mouse.objects.get(study=study, code="k0")
    assert 'href="/studies/S1/mice/k0/"' in text_of(signed_in(), f"/records/mice/{mouse.pk}/")


def test_dates_are_written_with_the_day_first_and_a_clock_of_24_hours(study: Study):
    add_run(study, "phenotype", finished_at=timezone.make_aware(datetime(2026, 3, 14, 15, 9)))
    assert "14 Mar 2026, 15:09" in text_of(signed_in(), "/analysis/")


def test_a_manager_finds_accounts_and_everyone_the_rest_pages(study: Study):
    manager = Client()
    manager.force_login(User.objects.create(username="mia", is_staff=True))
    assert 'href="/admin/"' in text_of(manager, "/")
    text = text_of(signed_in("technician", study, "tina"), "/")
    assert 'href="/admin/"' not in text
    assert 'href="/api/docs/"' in text
