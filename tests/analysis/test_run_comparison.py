"""Provenance, reproduction, and two runs side by side."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from analysis import runs
from analysis.models import AnalysisRun, GeneResult, PhenotypeCall, QualityFinding, ReversedGene
from labdb.behavior.models import SocialInteractionTest
from labdb.sequencing.models import Gene
from tests.analysis.test_staleness import analyzed, carried_out
from tests.analysis.treated_study import add_reversal, add_run, add_scores, make_analyzed_study, signed_in

pytestmark = pytest.mark.django_db


def reproduced(run: AnalysisRun, capsys: pytest.CaptureFixture) -> str:
    try:
        call_command("reproduce", str(run.pk))
    except CommandError as error:
        return capsys.readouterr().out + str(error)
    return capsys.readouterr().out


def test_a_run_is_reproduced_to_the_bit_or_what_differs_is_said(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    _study, made = analyzed()
    n_runs, n_calls = AnalysisRun.objects.count(), PhenotypeCall.objects.count()
    for task in made:
        said = reproduced(made[task], capsys)
        assert "Inputs: the same." in said and "Code that computes: the same." in said
        assert "All results are bit-equal." in said, said
    SocialInteractionTest.objects.filter(mouse__code="k1", test_number=1).update(iz_present_s=60)  # 60 / 50 = 1.2
    said = reproduced(made["phenotype"], capsys)
    assert "Inputs changed: SI tests." in said
    assert "k1 SI test 1 changed by —" in said and "iz_present_s 25 → 60." in said
    assert "phenotype calls: 12 rows then, 12 now; 1 with other values." in said
    assert "k1: phenotype susceptible → resilient" in said
    assert "si_ratio: 1 rows, by at most 0.7" in said  # 1.2 - 25 / 50
    assert said.endswith("The results differ.")
    monkeypatch.setattr("analysis.reproducing.code_digest", lambda: "other")
    monkeypatch.setattr("analysis.reproducing.package_versions", lambda: {"numpy": "99.0"})
    said = reproduced(made["reversal"], capsys)
    assert "Code that computes: another (" in said and " then, 99.0 now" in said
    assert (AnalysisRun.objects.count(), PhenotypeCall.objects.count()) == (n_runs, n_calls)  # nothing was kept
    with pytest.raises(CommandError, match="There is no run 999999"):
        call_command("reproduce", "999999")
    SocialInteractionTest.objects.update(counts=False)
    assert "Not computed: " in reproduced(made["phenotype"], capsys)


def test_two_runs_are_compared_and_the_new_one_is_adopted_there():
    study, made = analyzed()
    client = signed_in()
    SocialInteractionTest.objects.filter(mouse__code="k1", test_number=1).update(iz_present_s=60)
    newer = {"phenotype": carried_out(study, "phenotype")}
    runs.adopt(newer["phenotype"], None, "A test.")
    for task in ("differential_expression", "reversal", "mouse_scores", "quality", "response"):
        newer[task] = carried_out(study, task)

    def page(task: str, user: object = client) -> str:
        return user.get(f"/analysis/compare/{made[task].pk}/{newer[task].pk}/").content.decode()  # type: ignore[attr-defined]

    said = page("phenotype")
    assert "Mice called otherwise: 1 of 12" in said and "/studies/S1/mice/k1/" in said
    assert "What they read differs in: SI tests." in said
    assert "susceptible</td><td>resilient</td>" in said
    assert "adjusted p &lt; 0.05" in page("differential_expression")
    assert "Fraction of the stress signature undone" in page("reversal")
    assert "Mouse reversal scores: " in page("mouse_scores") and "Quality findings" in page("quality")
    run_page = client.get(f"/analysis/runs/{newer['reversal'].pk}/").content.decode()
    assert f"/analysis/compare/{made['reversal'].pk}/{newer['reversal'].pk}/" in run_page
    assert "libraries, with what is known of their mice" in run_page
    client.post(f"/analysis/runs/{newer['reversal'].pk}/adopt/", {"reason": "k1 was mistyped."})
    assert "Why should the results" not in page("reversal")
    assert "Why should the results" in page("response")
    assert client.get(f"/analysis/compare/{made['reversal'].pk}/{made['response'].pk}/").status_code == 404


def shown(client: Client, old: AnalysisRun, new: AnalysisRun) -> str:
    """The words of a comparison, without its marks."""
    answer = client.get(f"/analysis/compare/{old.pk}/{new.pk}/")
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_what_changed_is_told_by_how_much():
    study = make_analyzed_study()
    client = signed_in()
    first = {run.task: run for run in AnalysisRun.objects.filter(study=study)}

    genes = add_run(study, "differential_expression", is_adopted=False)
    for result in GeneResult.objects.filter(run=first["differential_expression"]).select_related("gene"):
        change, adjusted = {"Gene0": (1.5, 1e-5), "Gene1": (-0.75, 0.06), "Gene2": (0.5, 0.04)}[result.gene.symbol]
        result.pk, result.run, result.log2_fold_change, result.adj_p_value = None, genes, change, adjusted
        result.save()
    said = shown(client, first["differential_expression"], genes)
    assert "susceptible - control PFC 2 2 1 1 0 0.50" in said  # Gene0 2 and 1.5, the one below .05 in both
    assert "Gene1 susceptible - control PFC lost −1.00 −0.75 0.015 0.06" in said
    assert "Gene2 susceptible - control PFC gained 0.10 0.50 0.6 0.04" in said

    reversal = add_run(study, "reversal", is_adopted=False)
    test = add_reversal(reversal, fraction_undone=0.5, p_value=0.2)
    other = add_reversal(reversal, arm="saline")
    for symbol, is_listed in (("Gene0", True), ("Gene1", False)):
        ReversedGene.objects.create(
            study=study, run=reversal, reversal=test, gene=Gene.objects.get(symbol=symbol), t_stress=3, t_merged=3,
            t_drug=-3, p_merged=0.01, p_drug=0.01, q_strict=0.02, listed=is_listed, listed_strict=False,
        )  # fmt: skip
    said = shown(client, first["reversal"], reversal)
    assert "PFC ketamine 0.62 0.31 to 0.93 0.50 0.31 to 0.93 −0.12 0.05 0.2 0 1" in said
    assert "PFC saline – – 0.62 0.31 to 0.93 – – 0.05 – 0" in said  # an arm that the old run did not have
    assert str(other.pk) in client.get(f"/analysis/compare/{first['reversal'].pk}/{reversal.pk}/").content.decode()

    scores = add_scores(study, test)
    scores.mousereversalscores.filter(mouse__code="k1").update(score=0.75)
    said = shown(client, first["mouse_scores"], scores)
    assert "0 no more, 0 new, 1 with other values: score 1 (by at most 0.370)." in said  # .75 - .38
    assert "k1-PFC, ketamine score 0.38 0.75" in said

    found = {"study": study, "severity": "warning", "kind": "low_reads", "subject": "k1-PFC", "evidence": "few"}
    QualityFinding.objects.create(**found, run=first["quality"], sentence="k1-PFC has 9 million reads.")
    quality = add_run(study, "quality", is_adopted=False)
    said = shown(client, first["quality"], quality)
    assert "Quality findings: 1 old, 0 new 1 no more, 0 new, 0 with other values." in said
    assert "no more low_reads, k1-PFC, k1-PFC has 9 million reads." in said
    assert "blinded" not in said
