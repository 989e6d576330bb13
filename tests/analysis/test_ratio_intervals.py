"""How sure a ratio is stands beside the class wherever that is shown, and follows from the tracks alone."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from analysis import runs
from analysis.models import AnalysisRun, PhenotypeCall, RunStatus
from labdb.behavior.models import SocialInteractionTest
from labdb.behavior.tracking.sources import FileSource
from labdb.colony.models import Mouse, Study
from labdb.registry.file_store import path_of
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import signed_in
from tests.behavior.si_trials import make_arena, si_walk

pytestmark = pytest.mark.django_db
PERCENT = {"M1": (40, 20), "M2": (30, 35)}  # of the time in the zone, without and with target


@pytest.fixture
def study() -> Study:
    """Two mice with tracks and one without."""
    study = make_study()
    for code in (*PERCENT, "M3"):
        add_mouse(study, code)
    add_test(Mouse.objects.get(code="M3"), 40, 20)
    arena = make_arena()
    files = []
    for hour, (code, both) in enumerate(PERCENT.items(), start=10):
        for minute, stage, percent in zip(("00", "04"), ("no target", "target"), both, strict=True):
            track = si_walk(code, percent, stage=stage, start=f"11/27/2025 {hour}:{minute}:00")
            files.append(SimpleUploadedFile(f"{code}-{stage}.txt", track))
    side = {f"ethovision_raw_data-{arena.pk}-target_side": "bottom"}
    data = {"files": files, "step": "save", "arena": arena.name, **side}
    answer = signed_in("scorer", study, name="sam").post("/studies/S1/tracker-files/", data)
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    return study


@pytest.fixture
def client(study: Study) -> Client:
    return signed_in("analyst", study)


def called(study: Study, **parameters: Any) -> AnalysisRun:
    run = runs.request_run("phenotype", study, parameters, queue=False)
    runs.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.DONE, run.reason
    return run


def call_of(run: AnalysisRun, mouse: str) -> PhenotypeCall:
    return run.results_run.phenotypecalls.get(mouse__code=mouse)


def test_a_run_says_how_sure_each_ratio_is_as_the_page_of_the_test_does(study: Study, client: Client):
    run = called(study)
    one, other, untracked = (call_of(run, mouse) for mouse in ("M1", "M2", "M3"))
    for call in (one, other):
        on_page = client.get(f"/studies/S1/si-tests/{call.si_test_id}/").context["interval"]
        assert (call.si_ratio_low, call.si_ratio_high) == (on_page.low, on_page.high)
        assert call.si_ratio_low < call.si_ratio < call.si_ratio_high
        assert call.spans_cutoff is (call.si_ratio_low <= 1 <= call.si_ratio_high)
    assert other.spans_cutoff is True
    assert (untracked.si_ratio_low, untracked.si_ratio_high, untracked.spans_cutoff) == (None, None, None)
    assert (untracked.phenotype, untracked.tracks_digest) == ("susceptible", "")
    assert "2 of 2 mice with both tracks have an interval." in run.log


def test_the_interval_stands_beside_the_class_on_every_page_and_by_rest(study: Study, client: Client):
    run = called(study)
    call = call_of(run, "M2")
    interval = f"{call.si_ratio_low:.2f} to {call.si_ratio_high:.2f}"
    pages = {
        f"/analysis/runs/{run.pk}/": "the interval of 1 spans the cutoff",
        "/studies/S1/mice/M2/": "interval spans the cutoff",
        "/studies/S1/phenotype/": "the 95 % interval of 1 spans this cutoff",
        "/studies/S1/phenotype/labels/": "95 % by track",
    }
    for url, words in pages.items():
        text = client.get(url).content.decode()
        assert words in text, url
        assert interval in text or url.endswith("/phenotype/"), url
    figure = client.get("/studies/S1/phenotype/ratios.html")
    assert figure.status_code == 200 and "si_ratio_high" in figure.content.decode()
    listed = client.get("/records/phenotype-calls/?spans_cutoff=true").content.decode()
    assert "M2" in listed and "M3" not in listed
    (row,) = client.get("/api/v1/phenotype-calls/?spans_cutoff=true").json()["results"]
    assert (row["si_ratio_low"], row["si_ratio_high"]) == (call.si_ratio_low, call.si_ratio_high)


def test_a_cutoff_that_is_tried_is_held_against_the_interval(study: Study, client: Client):
    call = call_of(called(study), "M2")
    below = call.si_ratio_low - 0.01
    answer = client.get(f"/studies/S1/phenotype/?test_number=1&cutoff={below:.4f}&borderline=0.05")
    comparison = answer.context["comparison"]
    assert (comparison.n_with_interval, comparison.n_spanning) == (
        2,
        int(call_of(called(study), "M1").si_ratio_high > below),
    )


def test_tracks_are_read_once_and_again_when_they_or_the_arena_are_others(study: Study, monkeypatch: Any):
    first = called(study)
    read: list[str] = []
    original = FileSource.read
    monkeypatch.setattr(FileSource, "read", lambda source: read.append(source.name) or original(source))
    assert called(study).same_as == first
    under_another_rule = called(study, rule="Ratio below 1, 60 s with target")
    assert read == []
    assert call_of(under_another_rule, "M1").si_ratio_low == call_of(first, "M1").si_ratio_low
    test = SocialInteractionTest.objects.get(mouse__code="M1")
    test.arena.zone_depth_cm = 20
    test.arena.save()
    changed = called(study)
    assert changed.same_as is None
    assert sorted(read) == ["M1-no target.txt", "M2-no target.txt"]  # whose times say already that the arena is another
    assert call_of(changed, "M1").si_ratio_low is None
    assert "2 without an interval: the track gives other zone times than the test holds." in changed.log


def test_a_test_scored_otherwise_than_its_track_and_a_lost_file_have_no_interval(study: Study):
    SocialInteractionTest.objects.filter(mouse__code="M1").update(iz_absent_s=50)
    lost = SocialInteractionTest.objects.get(mouse__code="M2").tracked_trials.first()
    path_of(lost.sha256).unlink()
    run = called(study)
    assert {call_of(run, mouse).si_ratio_low for mouse in PERCENT} == {None}
    assert "1 without an interval: the track gives other zone times than the test holds." in run.log
    assert "1 without an interval: the file cannot be read any more, or the arena is not known." in run.log
