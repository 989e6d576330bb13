"""The page of reversal: the answer first, every comparison by its name, and from a number to mice and their seconds."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from analysis.models import AnalysisRun, MouseReversalScore, ResponseCall, SignatureReversal
from analysis.reversal_results import ReversalDifference
from analysis.reversal_summaries import answers, most_telling, why_not_the_plain_cosine
from labdb.colony.models import Study
from labdb.tissue.models import BrainRegion
from tests.analysis.test_figure_files import specification
from tests.analysis.treated_study import add_drug_contrasts, add_reversal, make_analyzed_study, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_analyzed_study()


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def run_of(study: Study, task: str) -> AnalysisRun:
    return AnalysisRun.objects.get(study=study, task=task)


def points(client: Client, url: str, field: str) -> list[dict[str, Any]]:
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    return [row for rows in specification(answer)["datasets"].values() for row in rows if field in row]


def test_every_comparison_has_its_name_and_responders_what_saline_did(study: Study):
    run = run_of(study, "reversal")
    region = BrainRegion.objects.get(code="PFC")
    SignatureReversal.objects.update(retest_n=3, retest_rho=-0.5, retest_rho_low=-0.9, retest_rho_high=0.2)
    other = BrainRegion.objects.get(code="NAc")
    add_reversal(run, region=other, adj_p_value=0.4, fraction_undone=0.1, fraction_undone_low=-0.2)
    add_reversal(run, region=other, arm="esketamine", adj_p_value=None, p_value=None, messages="Too few relabelings.")
    add_reversal(run, estimand="responder", response="responder", p_value=0.2)
    add_reversal(run, estimand="matched", response="non_responder", p_value=None, adj_p_value=None, relabeled=None)
    ReversalDifference.objects.create(
        study=study, run=run, region=region, arm="ketamine", other_region=other, difference=0.52, low=0.1, high=0.9,
        p_value=0.04, p_floor=0.02, adj_p_value=0.04,
    )  # fmt: skip
    client = signed_in()
    text = words(client.get(f"/analysis/runs/{run.pk}/"))
    for expected in (
        "ketamine undoes the stress signature in PFC (62 %; 31 % to 93 %); no reversal is shown in NAc (10 %; −20 % to 93 %).",
        "esketamine: there is no p-value in NAc.",
        "adjusted over the 2 tests of whole arms and regions",
        "PFC, ketamine, responders: by estimate 62 %",
        "PFC, ketamine, non-responders, matched: by estimate 62 %",
        "PFC ketamine 3 −0.50 −0.90 to 0.20",
        "PFC − NAc ketamine 52 % 10 % to 90 % 0.04 0.02 0.04",
        "With no drug, 0 of 3 saline mice also crossed the cutoff. The plain test would mistake that choice for an effect.",
    ):
        assert expected in text, expected
    responders = SignatureReversal.objects.get(estimand="responder")
    page = words(client.get(f"/analysis/reversals/{responders.pk}/"))
    assert "responders, the arm relabeled" in page
    assert "Responders were chosen after treatment." in page
    root = f"/analysis/runs/{run.pk}/figures"
    assert len(points(client, f"{root}/reversal-forest.html", "fraction_undone_low")) == 3  # whole arms
    assert len(points(client, f"{root}/responder-forest.html", "fraction_undone_low")) == 5
    assert {one["url"] for one in points(client, f"{root}/reversal-map.html", "words")} == {
        f"/analysis/reversals/{test.pk}/" for test in SignatureReversal.objects.filter(estimand="arm")
    }
    assert len(points(client, f"{root}/relabelings.html?region=PFC&arm=ketamine&estimand=responder", "height")) == 20
    refused = client.get(f"{root}/relabelings.html?region=AMY")
    assert refused.status_code == 400
    assert "AMY is not a region of this run with relabelings; there are: PFC, NAc." in refused.content.decode()


def test_genes_stand_against_what_shared_mice_make_in_stress_and_drug_and_in_two_drugs(study: Study):
    run = add_drug_contrasts(study)
    client, root = signed_in(), f"/analysis/runs/{run.pk}/figures"
    genes = {one["gene"]: one for one in points(client, f"{root}/signatures.html?arm=ketamine&region=PFC", "x_p_value")}
    assert {gene: one["url"] for gene, one in genes.items()} == {
        f"Gene{number}": f"/genes/Gene{number}/" for number in range(3)
    }
    said = client.get(f"{root}/signatures.html?arm=ketamine").content.decode()
    # Two of three mice of control, resilient and susceptible are in P0, both responders (k0, k2) too. Adjusted for pools,
    # K - S weighs K 1/2; S -7/18, -7/18, -4/18; C and R -1/18, -1/18, 2/18 each, and S - C weighs S 1/3 and C -1/3:
    # -1/3 / sqrt(2/3 (1/2 + 114/324 + 12/324)) = -.433.
    assert "by shared mice alone r = \\u22120.43" in said
    assert "susceptible - control against ketamine responder - susceptible, PFC" in said  # its title, with the region
    assert "Of the 2 genes with p &lt; 0.05 in both, 100 % go in opposite directions" in said
    # Esketamine is in no library of today, so what it shares is not known.
    assert "not known here" in client.get(f"{root}/drugs.html").content.decode()
    same = client.get(f"{root}/drugs.html?x=ketamine+responder+-+susceptible&y=susceptible+-+control").content.decode()
    assert "by shared mice alone r = \\u22120.43" in same
    refused = client.get(f"{root}/signatures.html?x=magic&y=susceptible+-+control")
    assert (refused.status_code, "magic is not a contrast of this run" in refused.content.decode()) == (400, True)
    refused = client.get(f"{root}/signatures.html?region=NAc")
    assert "NAc is not a region where both contrasts were answered; there are: PFC." in refused.content.decode()
    page = client.get(f"/analysis/runs/{run_of(study, 'reversal').pk}/").content.decode()
    assert f"{root}/drugs.html?x=esketamine+responder" in page
    test = client.get(f"/analysis/reversals/{SignatureReversal.objects.get().pk}/").content.decode()
    for name in ("signatures", "relabelings", "plane", "mouse-scores", "score-vs-si"):
        assert f"/figures/{name}.html?region=PFC" in test, name


def test_scores_stand_against_both_si_tests_saline_too_and_lead_to_the_seconds(study: Study):
    run = run_of(study, "mouse_scores")
    client, url = signed_in(), f"/analysis/runs/{run.pk}/figures/score-vs-si.html"
    calls = {call.mouse.code: call for call in ResponseCall.objects.select_related("mouse")}
    expected = {
        (code, test): f"/records/si-tests/{getattr(calls[code], f'{which}_id')}/"
        for code in ("s0", "s1", "s2", "k0", "k1", "k2")
        for which, test in (("before", "before treatment"), ("after", "after treatment"))
    }
    for depends in (False, True):  # the first and the last test, else those that the response was called by
        run.depends_on.set([run_of(study, "response")] if depends else [])
        drawn = points(client, url, "test")
        assert {(one["mouse"], one["test"]): one["url"] for one in drawn} == expected
    assert {one["arm"] for one in drawn} == {"saline", "ketamine"}
    assert client.get(expected["k0", "after treatment"]).status_code == 200


def test_a_blinded_study_shows_groups_but_no_mice_in_the_plane(study: Study):
    url = f"/analysis/runs/{run_of(study, 'resilience').pk}/figures/plane.html"
    client = signed_in("analyst", study)
    assert {one["mouse"] for one in points(client, url, "mouse")} == {"k0", "k1", "k2"}
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    assert not points(client, url, "mouse")
    assert len(points(client, url, "n")) >= 1


def test_the_four_sentences_hold_with_and_without_a_cosine_and_need_mice(study: Study):
    run = run_of(study, "reversal")
    refused = {"cosine": None, "cosine_null_mean": None, "n_relabelings": None, "p_floor": None, "p_value": None}
    bare = add_reversal(run, arm="esketamine", **refused)
    few = add_reversal(run, arm="zolpidem", n_relabelings=12, p_value=None)
    none = add_reversal(run, arm="lithium", n_treated=0, **refused)
    known = SignatureReversal.objects.get(arm="ketamine")
    assert [len(why_not_the_plain_cosine(test)) for test in (known, bare, few, none)] == [4, 4, 4, 0]
    assert "of which there are too few here for any p-value" in why_not_the_plain_cosine(bare)[3]
    assert "12 relabelings are too few for a p-value" in why_not_the_plain_cosine(few)[3]
    assert most_telling([bare, known]) == known
    assert most_telling([none]) is None
    assert not answers([])
    assert json.dumps(answers([none]))
    assert MouseReversalScore.objects.count() == 9
