"""Pages of analysis: progress while a run works, its results afterwards, and what a person may ask of it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analysis.models import Adoption, AnalysisRun, Contrast, RunStatus, SignatureReversal
from analysis.summaries import GeneCounts, gene_counts
from labdb.colony.models import Study
from tests.analysis.small_study import make_study
from tests.analysis.treated_study import add_reversal, add_run, make_analyzed_study, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_analyzed_study()


def page_of(run: AnalysisRun) -> str:
    return f"/analysis/runs/{run.pk}/"


def run_of(study: Study, task: str) -> AnalysisRun:
    return AnalysisRun.objects.get(study=study, task=task)


def words(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_runs_are_filtered_by_study_task_and_status(study: Study):
    failed = add_run(study, "reversal", RunStatus.FAILED, reason="No pools.")
    client = signed_in()
    assert {run.task for run in client.get("/analysis/?task=reversal").context["page"]} == {"reversal"}
    assert list(client.get("/analysis/?status=failed").context["page"]) == [failed]
    assert not client.get("/analysis/?study=S9").context["page"].object_list


def test_runs_of_other_studies_are_not_listed_nor_found(study: Study):
    client = signed_in("manager", make_study("S2"), "stranger")
    assert not client.get("/analysis/").context["page"].object_list
    assert client.get(page_of(run_of(study, "reversal"))).status_code == 404
    assert client.get(f"/analysis/reversals/{SignatureReversal.objects.get().pk}/").status_code == 404


def test_the_list_looks_again_only_while_a_run_waits_or_works():
    study = make_study()
    client = signed_in()
    run = add_run(study, "phenotype", RunStatus.QUEUED)
    assert 'hx-trigger="every 2s"' in words(client.get("/analysis/"))
    AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.CANCELLED)
    again = client.get("/analysis/", headers={"HX-Request": "true"})
    assert "every 2s" not in words(again)
    assert "<html" not in words(again)


def test_a_working_run_shows_how_far_it_is_and_is_drawn_anew_at_its_end():
    run = add_run(
        make_study(), "reversal", RunStatus.RUNNING, done=30, total=120, doing="PFC, ketamine", log="a line\n"
    )
    client = signed_in()
    text = words(client.get(page_of(run)))
    assert 'value="25"' in text  # 30 of 120
    assert "PFC, ketamine" in text
    assert "a line" in text
    part = client.get(page_of(run), headers={"HX-Request": "true"})
    assert "<html" not in words(part)
    assert "HX-Retarget" not in part
    AnalysisRun.objects.filter(pk=run.pk).update(status=RunStatus.FAILED, reason="out of memory")
    ended = client.get(page_of(run), headers={"HX-Request": "true"})
    assert (ended["HX-Retarget"], ended["HX-Reswap"]) == ("#run", "innerHTML")
    assert "out of memory" in words(ended)
    assert "hx-trigger" not in words(ended)


def test_a_failed_run_shows_its_reason():
    run = add_run(make_study(), "reversal", RunStatus.FAILED, reason="S1 needs a vehicle arm.")
    text = words(signed_in().get(page_of(run)))
    assert '<div class="alert alert-danger" role="alert">' in text
    assert "S1 needs a vehicle arm." in text


def test_a_pipeline_shows_its_steps(study: Study):
    pipeline = add_run(study, "pipeline")
    step = add_run(study, "quality", parent=pipeline)
    assert page_of(step) in words(signed_in().get(page_of(pipeline)))


def test_a_run_says_what_it_was_made_from(study: Study):
    run = add_run(study, "response", input_digest="d" * 64, packages={"numpy": "2.4"})
    run.depends_on.add(run_of(study, "phenotype"))
    text = words(signed_in().get(page_of(run)))
    for expected in ("d" * 64, "numpy 2.4", "rule = Ratio 1 and reliable change", page_of(run_of(study, "phenotype"))):
        assert expected in text, expected


def test_asking_for_a_run_queues_it_and_leads_to_it(study: Study):
    answer = signed_in("analyst", study).post("/analysis/request/", {"study": "S1", "task": "phenotype"})
    run = AnalysisRun.objects.latest("pk")
    assert answer["Location"] == page_of(run)
    assert (run.status, run.task, str(run.requested_by)) == (RunStatus.QUEUED, "phenotype", "tina")


def test_a_role_that_runs_nothing_may_not_ask_cancel_or_adopt(study: Study):
    client = signed_in("technician", study)
    run = run_of(study, "reversal")
    assert client.post("/analysis/request/", {"study": "S1", "task": "pipeline"}).status_code == 403
    assert client.post(f"{page_of(run)}cancel/").status_code == 403
    assert client.post(f"{page_of(run)}adopt/", {"reason": "better"}).status_code == 403
    assert "Run the pipeline" not in words(client.get("/studies/S1/"))


def test_a_wrong_task_is_said_in_words(study: Study):
    answer = signed_in().post("/analysis/request/", {"study": "S1", "task": "magic"}, follow=True)
    assert "magic is not a task" in words(answer)


def test_what_changes_something_is_not_done_by_looking(study: Study):
    client = signed_in()
    for url in ("/analysis/request/", f"{page_of(run_of(study, 'reversal'))}adopt/"):
        assert client.get(url).status_code == 405


def test_a_waiting_run_is_cancelled():
    run = add_run(make_study(), "phenotype", RunStatus.QUEUED)
    signed_in().post(f"{page_of(run)}cancel/")
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED


def test_results_are_adopted_with_a_reason_only(study: Study):
    later = add_run(study, "phenotype", is_adopted=False)
    client = signed_in("analyst", study)
    assert "Why should they count" in words(client.get(page_of(later)))
    refused = client.post(f"{page_of(later)}adopt/", {"reason": " "}, follow=True)
    assert "Say why these results should count" in words(refused)
    assert Adoption.objects.filter(run=later).count() == 0
    client.post(f"{page_of(later)}adopt/", {"reason": "the cutoff was wrong"})
    assert str(Adoption.objects.get(run=later).adopted_by) == "tina"
    assert "Why should they count" not in words(client.get(page_of(later)))


def test_genes_are_counted_up_and_down(study: Study):
    table = gene_counts(run_of(study, "differential_expression"))
    assert table.regions == ["PFC"]
    [(contrast, [cell])] = table.rows
    assert (contrast, cell) == ("susceptible - control", GeneCounts("susceptible - control", "PFC", 3, 1, 1))


def test_contrast_and_region_are_chosen_by_the_address(study: Study):
    client, url = signed_in(), page_of(run_of(study, "differential_expression"))
    text = words(client.get(url + "?contrast=susceptible+-+control&region=PFC"))
    assert "/genes/Gene0/" in text
    refused = client.get(url + "?region=NAc")
    assert refused.status_code == 400
    assert "NAc is not a region of this run; there are: PFC." in words(refused)


def test_a_contrast_of_responders_is_shown_with_what_saline_did(study: Study):
    run = run_of(study, "differential_expression")
    client = signed_in()
    assert "Responders were chosen after treatment" not in words(client.get(page_of(run)))
    Contrast.objects.update(numerator="ketamine responder")
    run.depends_on.add(run_of(study, "response"))
    assert "With no drug, 0 of 3 saline mice also crossed the cutoff." in words(client.get(page_of(run)))


def test_a_reversal_is_explained_with_its_own_numbers(study: Study):
    text = words(signed_in().get(page_of(run_of(study, "reversal"))))
    for expected in (
        "ketamine undoes the stress signature in PFC (62 %; 31 % to 93 %).",
        "PFC, ketamine: by estimate 62 % of the stress signature is undone (95 % interval 31 % to 93 %); p = 0.05",
        # -1/3 / sqrt((1/3 + 1/3) (1/3 + 1/3)) = -1/2
        "measured against the same 3 susceptible mice, so what is peculiar to these mice alone turns the two against each "
        "other: with 3 / 3 / 3 mice a correlation of −0.50 is expected where neither stress nor drug does anything.",
        "a plain cosine of −0.71, but −0.44 is expected without any reversal",
        "exchanging the labels of the 3 susceptible and 3 treated mice within sequencing runs gives as much, and with 20 "
        "relabelings no p can be smaller than 0.05.",
        "With no drug, 0 of 3 saline mice also crossed the cutoff.",
    ):
        assert expected in text, expected


def test_a_refusal_is_a_sentence_not_a_code(study: Study):
    run = run_of(study, "reversal")
    SignatureReversal.objects.filter(run=run).delete()
    add_reversal(
        run, refusal="REFUSED_POOL_CONTROL", messages="Controls were sequenced in runs of their own.", p_value=None,
        fraction_undone=None, fraction_undone_low=None, fraction_undone_high=None, cosine=None, cosine_null_mean=None,
        n_relabelings=None, p_floor=None,
    )  # fmt: skip
    client = signed_in()
    for url in (page_of(run), "/studies/S1/", f"/analysis/reversals/{SignatureReversal.objects.get().pk}/"):
        text = words(client.get(url))
        assert url == "/studies/S1/" or "no plain cosine of the two is given" in text, "four sentences all the same"
        assert "Controls were sequenced in runs of their own." in text, url
        assert "REFUSED_POOL" not in text, url


def test_without_evidence_the_page_says_that_no_reversal_is_shown(study: Study):
    SignatureReversal.objects.update(p_value=0.3)
    assert "p = 0.3, the smallest possible is 0.05. No reversal is shown." in words(signed_in().get("/studies/S1/"))


def test_scores_are_shown_by_arm(study: Study):
    client, url = signed_in(), page_of(run_of(study, "mouse_scores"))
    means = {row["group"]: (row["count"], row["mean"]) for row in client.get(url).context["results"]["means"]}
    assert means["ketamine responder"] == (3, pytest.approx(0.38))
    refused = client.get(url + "?arm=imipramine")
    assert refused.status_code == 400
    assert "imipramine is not an arm of this run; there are: ketamine." in words(refused)


@pytest.mark.parametrize("task", ["phenotype", "response", "differential_expression", "reversal", "mouse_scores"])
def test_the_results_of_every_task_take_few_queries(study: Study, task: str):
    client, url = signed_in(), page_of(run_of(study, task))
    client.get(url)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200
    assert len(asked) <= 40


def test_a_run_that_changed_nothing_shows_the_results_that_stand(study: Study):
    earlier = run_of(study, "phenotype")
    again = add_run(study, "phenotype", same_as=earlier, is_adopted=False)
    text = words(signed_in().get(page_of(again)))
    assert f'Nothing had changed since <a href="{page_of(earlier)}">' in text
    assert "/studies/S1/mice/k0/" in text
