"""A finding decided to be left out is left out: by the record's own form, in one transaction, and it can be taken back."""

from typing import Any

import pytest
from django.test import Client

from analysis.models import Adoption, AnalysisRun, QualityDecision
from analysis.staleness import why_stale
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Exclusion, Study
from labdb.registry.history import events_of
from labdb.tissue.models import TissueSample
from tests.analysis.faulty_study import FEMALE, POOR, SWAPPED, UNTESTED, make_faulty_study
from tests.analysis.test_tasks import done
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db
PAGE = "/studies/S1/quality/"


@pytest.fixture
def study() -> Study:
    return make_faulty_study()


def decided(client: Client, run: AnalysisRun, kind: str, decision: str = "excluded", **sent: Any) -> str:
    """The page after a decision."""
    finding = run.qualityfindings.get(kind=kind)
    answer = client.post(
        f"/analysis/findings/{finding.pk}/decide/", {"decision": decision, "next": PAGE, **sent}, follow=True
    )
    assert answer.status_code == 200
    return " ".join(answer.content.decode().replace("&quot;", '"').split())


def found_by(study: Study) -> set[str]:
    return set(done(study, "quality").qualityfindings.values_list("kind", flat=True))


def test_what_is_decided_to_be_left_out_is_excluded_and_analyses_read_it_no_more(study):
    phenotype, run = done(study, "phenotype"), done(study, "quality")
    client = signed_in()
    page = decided(client, run, "no_time_without_target", reason="Asleep.", a_priori="true", blind="false")
    assert f"Left out from now on: {UNTESTED} SI test 1." in page
    test = SocialInteractionTest.objects.get(mouse__code=UNTESTED)
    assert (test.exclusion_criterion, test.is_exclusion_a_priori, test.is_exclusion_blind) == ("Asleep.", True, False)
    assert test.excluded_by.username == "tina"
    context = events_of(test)[0].pgh_context.metadata
    assert (context["reason"], context["door"]) == ("Asleep.", "web")
    assert "changed since: SI tests" in why_stale(phenotype)

    decided(client, run, "low_reads", reason="Hardly a read.")
    assert TissueSample.objects.get(code=f"T-{POOR}-M7").exclusion_criterion == "Hardly a read."
    decided(client, run, "sex_of_mouse", reason="Not ours.", blind="true")
    row = Exclusion.objects.get()
    assert (row.mouse.code, row.criterion, row.is_a_priori, row.is_blind) == (FEMALE, "Not ours.", None, True)
    assert (row.decided_by.username, row.decided_at is not None) == ("tina", True)

    listed = client.get("/studies/S1/exclusions/?export=csv").content.decode().splitlines()
    assert len(listed) == 4
    assert not {"no_time_without_target", "low_reads", "sex_of_mouse"} & found_by(study)


def test_of_a_pair_what_is_ticked_is_left_out_and_nothing_without_a_tick(study):
    run, client = done(study, "quality"), signed_in()
    samples = TissueSample.objects.filter(mouse__code=SWAPPED).order_by("code")
    page = decided(client, run, "swapped_pair", reason="Exchanged.")
    assert "Tick what is to be left out: " in page and not QualityDecision.objects.exists()
    decided(client, run, "swapped_pair", reason="Exchanged.", target=[f"tissue-samples:{samples[1].pk}"])
    assert [one.exclusion_criterion for one in samples.all()] == ["", "Exchanged."]


def test_another_decision_offers_to_take_in_again_what_the_first_left_out_and_nothing_else(study):
    run, client = done(study, "quality"), signed_in()
    by_hand = SocialInteractionTest.objects.filter(mouse__code=UNTESTED)
    by_hand.update(exclusion_criterion="fell asleep")
    page = decided(client, run, "no_time_without_target", reason="No time.")
    assert "It was left out already." in page and "is left out: fell asleep" in page and "Take in again" not in page
    decided(client, run, "sex_of_mouse", reason="Not ours.")
    page = decided(client, run, "low_reads", reason="Hardly a read.")
    assert page.count("Take in again") == 2

    second = done(study, "quality")  # looks at none: their findings are gone, and can be decided anew all the same
    Adoption.objects.create(study=study, task="quality", run=second, reason="Without what is left out.")
    page = " ".join(client.get(PAGE).content.decode().split())
    assert "Left out by decision" in page and page.count("Take in again") == 2
    decided(client, run, "low_reads", "not_an_error", reason="A small punch.", take_in="1")
    decided(client, run, "sex_of_mouse", "corrected", reason="Its sex was wrong.", take_in="1")
    decided(client, run, "no_time_without_target", "confirmed", reason="So it is.", take_in="1")
    assert not Exclusion.objects.exists() and by_hand.get().exclusion_criterion == "fell asleep"
    sample = TissueSample.objects.get(code=f"T-{POOR}-M7")
    assert (sample.exclusion_criterion, sample.excluded_by) == ("", None)
    assert {"low_reads", "sex_of_mouse"} <= found_by(study)


def test_who_may_decide_but_not_exclude_is_told_so_and_nothing_is_stored(study):
    run = done(study, "quality")
    analyst = signed_in("analyst", study)
    sentence = "Your role may not change tissue samples in study S1; ask a manager."
    assert sentence in analyst.get(PAGE).content.decode()
    assert sentence in decided(analyst, run, "low_reads", reason="Hardly a read.")
    assert "Your role may not add exclusions in study S1" in decided(analyst, run, "sex_of_mouse", reason="Not ours.")
    assert "It is about no mouse, test or sample" in decided(
        signed_in(name="root"), run, "confounded", reason="So it is."
    )
    too_long = decided(signed_in(name="boss"), run, "low_reads", reason="x" * 201)
    assert "has 201 characters; enter at most 200." in too_long
    assert not QualityDecision.objects.exists() and not TissueSample.objects.exclude(exclusion_criterion="").exists()
