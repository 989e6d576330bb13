"""Bringing a study up to date: what is stale and counts, in order of dependence, and nothing else."""

import pytest
from django.utils import timezone

from analysis import runs
from analysis.models import Adoption, AnalysisRun
from analysis.refresh import refresh_under_way, request_refresh, stale_chain
from analysis.staleness import stale_runs
from labdb.behavior.models import SocialInteractionTest
from labdb.colony.models import Mouse
from tests.analysis.test_staleness import analyzed, carried_out
from tests.analysis.treated_study import signed_in

pytestmark = pytest.mark.django_db
MARK = "stale-mark"


def test_the_chain_is_computed_in_order_and_what_is_fresh_is_left_alone():
    study, made = analyzed()
    client = signed_in()
    assert "Bring up to date" not in client.get("/studies/S1/").content.decode()
    SocialInteractionTest.objects.filter(mouse__code="k1", test_number=2).update(iz_present_s=90)  # a responder now
    page = client.get("/studies/S1/").content.decode()
    assert "4 of the results that count are out of date." in page
    what = f"k1 SI test 2 changed by tina on {timezone.localdate()}: iz_present_s 26 → 90."
    assert page.count(what) == 1 and "Bring up to date" in page
    own = client.get(f"/analysis/runs/{made['response'].pk}/").content.decode()
    assert what in own and MARK in own
    for address in ("/studies/S1/mice/k1/", "/studies/S1/quality/", "/analysis/"):
        assert MARK in client.get(address).content.decode(), address
    assert MARK in client.get(f"/analysis/runs/{made['response'].pk}/figures/si-slope.html").content.decode()
    fresh = client.get(f"/analysis/runs/{made['phenotype'].pk}/").content.decode()
    assert MARK not in fresh

    answer = client.post("/analysis/studies/S1/refresh/")
    refresh = refresh_under_way(study)
    assert refresh is not None and answer["Location"] == f"/analysis/runs/{refresh.pk}/"
    assert client.post("/analysis/studies/S1/refresh/")["Location"] == answer["Location"]  # two requests make one
    runs.execute(refresh.pk)
    refresh.refresh_from_db()
    assert refresh.status == "done", refresh.reason
    steps = list(refresh.children.order_by("pk").values_list("task", flat=True))
    assert steps == ["response", "quality", "reversal", "mouse_scores"]
    assert stale_chain(study) == []
    assert set(stale_runs(study)) <= {run.pk for run in made.values()}  # the old ones stay what they are
    last = Adoption.objects.filter(task="response").first()
    assert last is not None and last.run.parent == refresh
    assert last.reason == f"Brought up to date: run {made['response'].pk} was stale (changed since: re-tests)."
    assert client.post("/analysis/studies/S1/refresh/")["Location"] == "/studies/S1/"
    assert request_refresh(study) is None


def test_a_step_that_fails_leaves_what_reads_it_as_it_is():
    study, _made = analyzed()
    before = Adoption.objects.count()
    SocialInteractionTest.objects.filter(test_number=2).update(counts=False)
    refresh = carried_out_refresh(study)
    assert refresh.status == "failed"
    assert "response (run" in refresh.reason and "What reads it was left as it is." in refresh.reason
    assert Adoption.objects.count() == before


def carried_out_refresh(study) -> AnalysisRun:
    run = request_refresh(study)
    assert run is not None
    runs.execute(run.pk)
    run.refresh_from_db()
    return run


def test_who_may_not_adopt_is_refused_in_words():
    study, _made = analyzed()
    Mouse.objects.filter(code="c0").update(group="defeated")
    reader = signed_in("technician", study)
    page = reader.get("/studies/S1/").content.decode()
    assert "out of date" in page and "Bring up to date" not in page
    assert reader.post("/analysis/studies/S1/refresh/").status_code == 403
    run = carried_out(study, "phenotype")  # by a command: the same question, and the old run stays until adopted
    assert stale_chain(study)[0].run != run
