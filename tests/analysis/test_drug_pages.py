"""The tasks beside reversal on a study in the database: what they store, and what pages, REST and exports tell whom."""

import csv
import io

import pytest

from analysis.kernels.adjusting import benjamini_hochberg
from analysis.models import (
    AnalysisRun,
    DrugGeneSet,
    PlaneGroup,
    PlaneMouse,
    ResilienceInduction,
    ReversalDifference,
    SignatureReversal,
    TargetGene,
)
from analysis.staleness import staleness_of
from labdb.colony.models import Mouse, Study
from labdb.sequencing.models import SelectionMouse, SequencingSelection
from labdb.treatment.models import Allocation, AllocationKey, Randomization, TreatmentArm
from tests.analysis.small_study import add_mouse, add_test, make_treated_study
from tests.analysis.test_tasks import done
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def treated() -> Study:
    study = make_treated_study(regions=("PFC", "NAc"))
    for task in ("phenotype", "response"):
        done(study, task)
    return study


def test_four_estimands_and_the_difference_of_two_regions_are_stored(treated):
    run = done(treated, "reversal")
    rows = SignatureReversal.objects.filter(run=run, region__code="PFC")
    assert set(rows.values_list("estimand", "response")) == {
        ("arm", ""), ("responder", "responder"), ("matched", "responder"), ("matched", "non_responder"),
    }  # fmt: skip
    # Planted: the drug undoes all in every mouse; 3 of 5 respond, and no mouse with vehicle.
    arm, responder = rows.get(estimand="arm"), rows.get(estimand="responder")
    assert responder.fraction_undone == pytest.approx(1, abs=0.15)
    assert (responder.n_stress, responder.n_treated) == (5, 3)
    assert (arm.n_vehicle_retested, arm.n_vehicle_responded) == (5, 0)
    assert (arm.retest_n, arm.retest_rho) == (5, None), "every mouse with vehicle has the same re-test"
    assert arm.retest_reason == "one of the measures is the same in all mice"
    assert len(arm.relabeled) == arm.n_relabelings == 120
    assert arm.relabeled[0] == arm.statistic
    assert arm.max_t_p_value >= arm.p_value
    matched = rows.get(estimand="matched", response="responder")
    assert (matched.refusal, matched.p_value, matched.adj_p_value) == ("REFUSED_TOO_FEW", None, None)
    assert matched.messages.startswith("0 of 5 re-tested mice with vehicle and 3 with ketamine were responders")
    for estimand in ("arm", "responder"):
        tests = SignatureReversal.objects.filter(run=run, estimand=estimand).order_by("pk")
        expected = benjamini_hochberg(list(tests.values_list("p_value", flat=True)))
        assert list(tests.values_list("adj_p_value", flat=True)) == expected, "each estimand is a family of its own"
    difference = ReversalDifference.objects.get(run=run)
    assert {difference.region.code, difference.other_region.code} == {"PFC", "NAc"}
    assert difference.difference == pytest.approx(0, abs=0.1)
    assert difference.low < 0 < difference.high
    assert difference.p_floor == pytest.approx(1 / 120)


def test_mice_chosen_after_the_retest_are_refused_and_the_run_is_stale_when_that_is_recorded():
    treated = make_treated_study()
    # A susceptible mouse that was randomized and not sequenced: whether the others were chosen matters now.
    left = add_mouse(treated, "s9")
    add_test(left, 50, 25)
    add_test(left, 50, 26, number=2)
    randomization, saline = Randomization.objects.get(study=treated), TreatmentArm.objects.get(name="saline")
    drawn = Allocation.objects.create(study=treated, mouse=left, code="As9", randomization=randomization)
    AllocationKey.objects.create(study=treated, allocation=drawn, arm=saline)
    for task in ("phenotype", "response"):
        done(treated, task)
    run = done(treated, "reversal")
    row = SignatureReversal.objects.get(run=run, region__code="PFC", estimand="responder")
    assert row.refusal == ""
    assert "It is not recorded whether mice were chosen" in row.messages
    selection = SequencingSelection.objects.create(study=treated, code="SEL", rule="responders", decided="after")
    for mouse in Mouse.objects.filter(study=treated).exclude(code="s9"):
        SelectionMouse.objects.create(study=treated, selection=selection, mouse=mouse)
    found = staleness_of(AnalysisRun.objects.get(pk=run.pk))
    assert "selected" in found.changed
    row = SignatureReversal.objects.get(run=done(treated, "reversal"), region__code="PFC", estimand="responder")
    assert row.refusal == "REFUSED_CHOSEN_BY_OUTCOME"
    assert row.messages.startswith("Mice were chosen for sequencing by their re-test;")
    assert row.fraction_undone is None


def test_induction_the_plane_and_genes_are_stored_and_shown_and_mice_only_to_whom_they_may_be(treated):
    resilience, genes = done(treated, "resilience"), done(treated, "drug_genes")
    assert ResilienceInduction.objects.filter(run=resilience).count() == 2
    # One group of the drug is too small to stand alone (2 non-responders), so the whole arm is placed.
    assert set(PlaneGroup.objects.filter(run=resilience).values_list("group", "n")) == {("ketamine", 5)}
    targets = TargetGene.objects.filter(run=genes)
    assert targets.count() >= 50, "60 of 300 genes were moved, in both regions"
    best = targets.get(rank=1)
    assert (best.n_comparisons, best.n_opposite) == (2, 2)
    assert best.mice_moved_back >= 0.9
    assert best.fraction_undone == pytest.approx(1, abs=0.2)
    row = DrugGeneSet.objects.filter(run=genes).first()
    assert (row.kind, row.arm) == ("non_responder", "ketamine")
    assert "5 with vehicle that did not respond, 0 with vehicle that responded" in row.refusal

    client = signed_in()
    page = client.get(f"/analysis/runs/{resilience.pk}/").content.decode()
    assert "Does a drug make susceptible mice like resilient ones?" in page
    assert "is_blinded" not in page
    page = client.get(f"/analysis/runs/{genes.pk}/").content.decode()
    assert f"/genes/{best.gene.symbol}/" in page
    assert "0 with vehicle that responded" in page
    exported = client.get("/api/v1/target-genes/?export=csv")
    lines = list(csv.DictReader(io.StringIO(b"".join(exported.streaming_content).decode())))
    assert len(lines) == targets.count()
    for resource in ("reversal-differences", "resilience-inductions", "plane-groups", "drug-gene-sets", "drug-genes"):
        assert client.get(f"/api/v1/{resource}/").status_code == 200, resource

    Study.objects.filter(pk=treated.pk).update(is_blinded=True)
    scorer = signed_in("analyst", treated, "ann")
    if PlaneMouse.objects.filter(run=resilience).exists():
        assert scorer.get("/api/v1/plane-mice/?include_stale=1").json()["count"] == 0
    page = scorer.get(f"/analysis/runs/{resilience.pk}/").content.decode()
    assert "places of single mice are shown to its allocators" in page
    assert "/mice/k0/" not in page
