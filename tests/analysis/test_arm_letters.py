"""Analyses of a blinded study run, and say letters: nobody learns from a result which mice are in one arm."""

import re

import pytest
from django.test import Client

from analysis import frames, standard_contrasts, summaries
from analysis.models import AnalysisRun, Contrast, MouseReversalScore, ResponseCall, SignatureReversal
from analysis.tasks.expression_design import Question
from labdb.colony.models import Study
from labdb.sequencing.models import CountMatrix
from labdb.treatment.arm_labels import arm_labels, former_labels
from labdb.treatment.models import ArmLetter, TreatmentArm
from tests.analysis.small_study import make_treated_study
from tests.analysis.test_tasks import done
from tests.treatment.blinded_study import account, browser, unblind

pytestmark = pytest.mark.django_db

NAMES = ("saline", "ketamine")
OF_SINGLE_MICE = ("/mice/", "figures/expression", "figures/si-", "figures/score-vs-si", "mouse-reversal-scores")


@pytest.fixture
def treated() -> Study:
    """The treated study, blinded, with a run of every task that knows arms."""
    study = make_treated_study(n_per_group=4, n_genes=60)
    Study.objects.filter(pk=study.pk).update(is_blinded=True)
    study.refresh_from_db()
    for task in ("phenotype", "response"):
        done(study, task)
    assert standard_contrasts.propose(study, CountMatrix.objects.get(study=study))
    for task in ("differential_expression", "reversal", "mouse_scores"):
        done(study, task)
    return study


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()  # type: ignore[attr-defined]


def addresses(study: Study) -> list[str]:
    runs = {run.task: run.pk for run in AnalysisRun.objects.filter(study=study, parent=None)}
    reversal = SignatureReversal.objects.get(study=study, estimand="arm")
    figures = {
        "response": ("si-slope", "response-rates", "si-retest", "si-course"),
        "reversal": ("reversal-forest",), "mouse_scores": ("mouse-scores", "score-vs-si"),
    }  # fmt: skip
    return [
        f"/studies/{study.code}/", f"/studies/{study.code}/mice/k0/", f"/studies/{study.code}/mice/s0/",
        f"/analysis/reversals/{reversal.pk}/", "/records/contrasts/", "/api/v1/contrasts/?export=csv",
        "/api/v1/signature-reversals/", "/api/v1/mouse-reversal-scores/", "/api/v1/mouse-reversal-scores/?export=csv",
        "/api/v1/analysis-runs/", "/api/v1/reversed-genes/", "/genes/Gene0/", "/genes/Gene0/figures/expression.html",
        *(f"/analysis/runs/{pk}/" for pk in runs.values()),
        *(
            f"/analysis/runs/{runs[task]}/figures/{name}.{kind}"
            for task, names in figures.items() for name in names for kind in ("html", "svg")
        ),
    ]  # fmt: skip


def test_no_result_names_an_arm_or_says_which_mice_share_a_letter(treated: Study) -> None:
    client = browser(account("ann", role="analyst", study=treated))
    letter = dict(ArmLetter.objects.values_list("arm__name", "letter"))["ketamine"]
    for address in addresses(treated):
        said = text_of(client, address)
        assert not [name for name in NAMES if name in said], address
        if any(part in address for part in OF_SINGLE_MICE):
            assert not re.search(r"\barm [AB]\b", said), address
    assert client.get("/api/v1/mouse-reversal-scores/").json()["count"] == 0
    assert f"arm {letter}" in text_of(
        client, f"/analysis/reversals/{SignatureReversal.objects.get(estimand='arm').pk}/"
    )


def test_rates_are_told_by_letter_and_no_arm_is_told_to_be_the_vehicle(treated: Study) -> None:
    run = ResponseCall.objects.filter(study=treated)[0].run
    calls = frames.response_frame(run, account("ann", role="analyst", study=treated))
    rates = summaries.response_rates(calls, 1.0)
    named = {name: (2 if name == "ketamine" else 0) for name in NAMES}
    by_letter = dict(ArmLetter.objects.values_list("letter", "arm__name"))
    assert [rate.arm for rate in rates] == ["arm A", "arm B"], "in the order of letters"
    assert [rate.responders for rate in rates] == [named[by_letter[one]] for one in "AB"]
    assert not any(rate.is_vehicle or rate.against_vehicle for rate in rates)
    assert set(calls["arm"]) == {frames.ARM_NOT_SHOWN}
    assert set(frames.response_frame(run, account("key", role="allocator", study=treated))["arm"]) == set(NAMES)


def test_letters_are_dealt_once_and_by_chance() -> None:
    first_letters = set()
    for number in range(24):
        study = Study.objects.create(code=f"L{number}", title="letters", is_blinded=True)
        arms = [TreatmentArm.objects.create(study=study, name=name) for name in ("one", "two", "three")]
        labels = arm_labels(study)
        assert list(labels.values()) == ["arm A", "arm B", "arm C"]
        assert arm_labels(study) == labels
        first_letters.add(labels[arms[0].pk])
        late = TreatmentArm.objects.create(study=study, name="a late one")
        assert arm_labels(study)[late.pk] == "arm D"
    assert first_letters == {"arm A", "arm B", "arm C"}, "the first of three in 24 deals, all but surely"
    study.is_blinded = False
    assert list(arm_labels(study).values()) == ["a late one", "one", "three", "two"]


def test_after_unblinding_a_page_says_what_its_letters_stood_for(treated: Study) -> None:
    pk = SignatureReversal.objects.get(estimand="arm").pk
    scorer = browser(account("sam", role="scorer", study=treated))
    assert "Computed while" not in text_of(scorer, f"/analysis/reversals/{pk}/")
    unblind(treated)
    letter = ArmLetter.objects.get(arm__name="ketamine").letter
    for address in (f"/analysis/reversals/{pk}/", f"/studies/{treated.code}/"):
        assert f"arm {letter} was <strong>ketamine</strong>" in text_of(scorer, address)
    assert SignatureReversal.objects.get(estimand="arm").arm == f"arm {letter}", (
        "what was computed blind keeps its letters"
    )
    assert MouseReversalScore.objects.filter(group=f"arm {letter} responder").exists()


def test_contrasts_written_with_letters_are_answered_after_unblinding(treated: Study) -> None:
    written = [one for one in Contrast.objects.filter(study=treated) if "arm" in one.numerator]
    assert written
    assert all(re.search(r"\barm [AB]\b", one.numerator) for one in written)
    account("key", role="allocator", study=treated)
    unblind(treated)
    labels = former_labels(treated)
    asked = {value for one in written for value in Question.of(one, labels).values}
    assert asked >= {"ketamine responder"}
    again = done(treated, "differential_expression")
    assert "Refused" not in again.log
