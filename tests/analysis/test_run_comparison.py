"""Provenance, reproduction, and two runs side by side."""

import pytest
from django.core.management import CommandError, call_command

from analysis import runs
from analysis.models import AnalysisRun, PhenotypeCall
from labdb.behavior.models import SocialInteractionTest
from tests.analysis.test_staleness import analyzed, carried_out
from tests.analysis.treated_study import signed_in

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
