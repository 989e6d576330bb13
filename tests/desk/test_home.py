"""The first page says what is due today and what went wrong; each line leads to where it is done."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analysis import runs
from analysis.models import AnalysisRun, QualityFinding, RunStatus
from analysis.quality_results import decide
from labdb.accounts.models import User
from labdb.behavior.models import PlannedSiTest, SiTestPlan, SocialInteractionTest
from labdb.colony.models import Cohort, Exclusion, Mouse, Study, Weighing, WelfareCheck
from labdb.defeat.models import Aggressor, DefeatBout, DefeatCourse, RotationPlan
from labdb.treatment.models import Dose, Drug, Solution
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import add_run, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


def start_course(study: Study, days_ago: int, code: str = "C1") -> Cohort:
    """A cohort in its course of ten days: two defeated mice and a control."""
    start = timezone.localdate() - timedelta(days=days_ago)
    cohort, _new = Cohort.objects.get_or_create(study=study, code=code)
    cohort.start_date = start
    cohort.save()
    for name, group in (("d1", "defeated"), ("d2", "defeated"), ("c1", "control")):
        add_mouse(study, f"{code}{name}", group, cohort=code)
    DefeatCourse.objects.create(study=study, code=f"D{code}", cohort=cohort)
    return cohort


def due(user: Any = None) -> dict[str, str]:
    client = user or signed_in()
    return {one.what: f"{one.n_done} of {one.n_due}" for one in client.get("/").context["due"]}


def troubles(client: Any) -> list[tuple[str, str]]:
    return [(one.what, one.sentence) for one in client.get("/").context["troubles"]]


def test_a_running_course_asks_for_bouts_and_weighings(study: Study):
    start_course(study, days_ago=2)
    client = signed_in()
    assert due(client) == {"bouts of day 3 of 10": "0 of 2", "weighings under defeat": "0 of 3"}
    mouse = Mouse.objects.get(code="C1d1")
    DefeatBout.objects.create(study=study, mouse=mouse, day=3, performed_at=timezone.now())
    Weighing.objects.create(study=study, mouse=mouse, body_mass_g=24)
    Weighing.objects.create(study=study, mouse=mouse, body_mass_g=25, performed_at=timezone.now() - timedelta(days=1))
    assert due(client) == {"bouts of day 3 of 10": "1 of 2", "weighings under defeat": "1 of 3"}


def test_the_first_day_of_the_course_itself_comes_before_that_of_the_cohort(study: Study):
    start_course(study, days_ago=2)
    DefeatCourse.objects.update(start_date=timezone.localdate())
    assert "bouts of day 1 of 10" in due()


def test_each_line_leads_to_where_it_is_done(study: Study):
    start_course(study, days_ago=2)
    client = signed_in()
    for one in client.get("/").context["due"]:
        assert client.get(one.url).status_code == 200, one.url


def test_a_planned_course_leads_to_its_rack_and_begins_on_its_own_first_day(study: Study):
    cohort = start_course(study, days_ago=5)
    course = DefeatCourse.objects.get(cohort=cohort)
    course.start_date = timezone.localdate() - timedelta(days=1)
    course.save()
    RotationPlan.objects.create(study=study, course=course, code="P1")
    (bouts,) = [one for one in signed_in().get("/").context["due"] if one.what.startswith("bouts")]
    assert (bouts.what, bouts.url) == ("bouts of day 2 of 10", "/studies/S1/defeat/DC1/day/2/")


def test_dead_and_excluded_mice_are_not_waited_for(study: Study):
    start_course(study, days_ago=0)
    Mouse.objects.filter(code="C1d1").update(death_date=timezone.localdate())
    Exclusion.objects.create(study=study, mouse=Mouse.objects.get(code="C1c1"), criterion="fell ill")
    assert due() == {"bouts of day 1 of 10": "0 of 1", "weighings under defeat": "0 of 1"}


@pytest.mark.parametrize(("days_ago", "expected"), [(9, 2), (10, 1), (11, 0), (-1, 0)])
def test_a_course_ends_with_the_si_test_on_the_day_after(study: Study, days_ago: int, expected: int):
    start_course(study, days_ago)
    found = due()
    assert len(found) == expected
    assert ("SI tests after the last bout" in found) == (days_ago == 10)


def test_doses_are_counted_by_what_became_of_them_and_late_ones_come_first(study: Study):
    mouse, now = add_mouse(study, "d1", cohort="C1"), timezone.localtime().replace(hour=12)
    for hours, status in ((0, "planned"), (1, "missed"), (-24, "planned"), (24, "planned")):
        at = now + timedelta(hours=hours)
        reason = "unknown" if status == "missed" else ""
        Dose.objects.create(study=study, mouse=mouse, planned_at=at, status=status, reason=reason)
    found = signed_in().get("/").context["due"]
    assert [(one.what, one.n_done, one.n_due, one.is_late) for one in found] == [
        ("doses of days before, given or missed", 0, 1, True), ("doses", 1, 2, False),
    ]  # fmt: skip


def test_what_runs_out_and_who_has_rested_is_said(study: Study):
    drug = Drug.objects.create(name="saline of the test")
    until = timezone.localtime().replace(hour=23, minute=30)
    Solution.objects.create(study=study, code="SOL1", drug=drug, expires_at=until)
    Solution.objects.create(study=study, code="SOL2", drug=drug, expires_at=until + timedelta(days=9))
    rested = timezone.localdate() - timedelta(days=1)
    Aggressor.objects.create(code="1A", is_resting=True, resting_until=rested)
    Aggressor.objects.create(code="1B", is_resting=True, resting_until=rested + timedelta(days=3))
    assert due() == {
        "solution SOL1 anew: usable until today, 23:30": "0 of 1",
        "screenings of aggressors whose rest is over": "0 of 1",
    }


def test_nothing_is_due_in_a_closed_study_or_one_that_is_not_seen(study: Study):
    start_course(study, days_ago=2)
    assert due(signed_in("manager", make_study("S2"), "stranger")) == {}
    study.state = "closed"
    study.save()
    client = signed_in()
    assert due(client) == {}
    assert "Nothing is due" in client.get("/").content.decode()


def test_what_went_wrong_is_said_animals_first(study: Study):
    client = signed_in()
    assert "No run failed" in client.get("/").content.decode()
    add_run(study, "phenotype", RunStatus.FAILED, reason="No SI test is left.")
    waits = add_run(study, "response", RunStatus.QUEUED)
    AnalysisRun.objects.filter(pk=waits.pk).update(queued_at=timezone.now() - timedelta(minutes=9))
    hurt, ended = add_mouse(study, "d1"), add_mouse(study, "d2")
    DefeatBout.objects.create(study=study, mouse=hurt, day=4, performed_at=timezone.now(), wound_score=3)
    DefeatBout.objects.create(study=study, mouse=hurt, day=3, performed_at=timezone.now(), wound_score=1)
    Mouse.objects.filter(pk=ended.pk).update(is_humane_endpoint=True, death_date=timezone.localdate())
    said = troubles(client)
    assert [what for what, _sentence in said[:2]] == ["S1, d1", "S1, d2"]
    assert said[0][1] == "Day 4: wound score 3. Look at it today."
    assert said[1][1] == f"Humane endpoint on {timezone.localdate()}."
    assert "It waits for a worker since" in said[2][1]
    assert said[3][1] == "No SI test is left."


def weigh(mouse: Mouse, *masses: float, days_ago: int = 0) -> None:
    """One mass a day, the last of them so many days ago."""
    last = timezone.localtime().replace(hour=0, minute=1) - timedelta(days=days_ago)
    for days, mass in enumerate(reversed(masses)):
        Weighing.objects.create(
            study=mouse.study, mouse=mouse, body_mass_g=mass, performed_at=last - timedelta(days=days)
        )


def check(mouse: Mouse, action: str, **more: Any) -> WelfareCheck:
    return WelfareCheck.objects.create(study=mouse.study, mouse=mouse, action=action, **{"finding": "wound", **more})


def test_living_mice_that_are_light_or_lose_mass_are_named(study: Study):
    today = timezone.localdate()
    light, falls, steady, dead, long_ago = (add_mouse(study, f"d{number}", cohort="C1") for number in range(1, 6))
    Cohort.objects.update(start_date=today - timedelta(days=2))
    weigh(light, 23.0, 25.0, 24.5, 20.0)  # 80 % of the mass of the first day, not of the first mass
    weigh(falls, 25.0, 24.7, 24.4, 24.1)
    weigh(steady, 25.0, 24.7, 24.4, 24.4)
    for gone in (dead, long_ago):
        weigh(gone, 25.0, 24.0, 23.0, 19.0, days_ago=20 if gone is long_ago else 0)
    Mouse.objects.filter(pk=dead.pk).update(death_date=today)
    client = signed_in()
    started = today - timedelta(days=2)
    limit = (
        "S1, d1",
        f"{today}: 20 g, 80 % of its baseline (25 g on {started}); the humane endpoint is 80 %. Decide what is done with it.",
    )
    falling = ("S1, d2", f"{today}: 3 falls in a row: 25, 24.7, 24.4, 24.1 g. Decide what is done with it.")
    assert troubles(client) == [limit, falling]
    for mouse in (light, falls):
        check(mouse, "none")
    assert troubles(client) == [limit]  # a decision does not lift the limit
    assert troubles(signed_in("manager", make_study("S2"), "stranger")) == []


@pytest.mark.parametrize(
    ("action", "finding", "later", "is_open"),
    [
        ("watch", "wound", "", True),
        ("vet", "behavior", "weighed", True),  # a mass says nothing of a wound
        ("watch", "mass falling", "weighed", False),
        ("treat", "mass limit", "weighed", True),  # a treatment ends by another look
        ("pause", "wound", "checked", False),
        ("watch", "wound", "died", False),
        ("killed", "wound", "", False),
        ("none", "wound", "", False),
    ],
)
def test_a_welfare_check_is_open_until_somebody_looked_again(
    study: Study, action: str, finding: str, later: str, is_open: bool
):
    mouse, earlier = add_mouse(study, "d1"), timezone.now() - timedelta(hours=30)
    check(mouse, action, finding=finding, finding_detail="left flank", performed_at=earlier)
    if later == "weighed":
        Weighing.objects.create(study=study, mouse=mouse, body_mass_g=24)
    elif later == "checked":
        check(mouse, "none")
    elif later == "died":
        Mouse.objects.update(death_date=timezone.localdate())
    said = troubles(signed_in())
    assert len(said) == is_open
    assert not is_open or "left flank" in said[0][1]


def test_more_troubles_than_are_named_are_said_to_be_there(study: Study):
    for number in range(10):
        check(add_mouse(study, f"d{number}"), "feed", finding="wound", performed_at=timezone.now())
    said = troubles(signed_in())
    assert [what for what, _sentence in said[7:]] == ["S1, d7", "S1, d8, and perhaps more"]
    assert said[8][1].startswith("Only the first 8 of this kind are named here")


def test_a_failure_is_no_trouble_once_the_same_was_run_anew(study: Study):
    add_run(study, "phenotype", RunStatus.FAILED, reason="No SI test is left.")
    add_run(study, "phenotype")
    assert troubles(signed_in()) == []


def test_quality_findings_wait_on_the_first_page_until_somebody_decides(study: Study):
    former, run = add_run(study, "quality"), add_run(study, "quality")
    finding = {"study": study, "kind": "low_reads", "sentence": "Few.", "subject": "L1", "evidence": "12 reads"}
    for of_run, subject, severity in (
        (former, "L8", "error"), (run, "L1", "error"), (run, "L2", "warning"), (run, "L3", "warning"), (run, "L4", "note"),
    ):  # fmt: skip
        QualityFinding.objects.create(**{**finding, "run": of_run, "subject": subject, "severity": severity})
    client = signed_in()
    [(what, sentence)] = troubles(client)
    assert what == "S1, quality"
    assert sentence == "1 error and 2 warnings that nobody has decided on. Look at each, and decide."
    first = QualityFinding.objects.get(run=run, subject="L1")
    decide(first, User.objects.get(), "not_an_error", "A pool of few.")
    assert troubles(client)[0][1].startswith("2 warnings that")
    QualityFinding.objects.filter(pk=first.pk).update(evidence="11 reads")  # another question than was decided on
    assert troubles(client)[0][1].startswith("1 error and 2 warnings")
    assert troubles(signed_in("technician", make_study("S2"), "stranger")) == []


def test_stale_results_are_said_on_the_first_page(study: Study):
    add_test(add_mouse(study, "m1", "control"), 50, 60)
    test = add_test(add_mouse(study, "m2"), 50, 20)
    runs.execute(runs.request_run("phenotype", study).pk)
    client = signed_in()
    assert troubles(client) == []
    SocialInteractionTest.objects.filter(pk=test.pk).update(iz_present_s=90)
    said = "phenotype: out of date since records changed. See why, and bring them up to date."
    assert troubles(client) == [("S1, results", said)]
    assert client.get("/").context["troubles"][0].url == "/studies/S1/"
    assert troubles(signed_in("technician", make_study("S2"), "stranger")) == []


def test_more_cohorts_cost_no_more_questions(study: Study):
    start_course(study, days_ago=2)
    client = signed_in()
    client.get("/")
    with CaptureQueriesContext(connection) as before:
        client.get("/")
    for number in range(2, 7):
        start_course(study, days_ago=number, code=f"C{number}")
        add_test(Mouse.objects.get(code=f"C{number}d1"), 50, 20)
    with CaptureQueriesContext(connection) as after:
        client.get("/")
    assert len(after) == len(before) <= 21  # three ask who holds keys of blinded studies


def test_a_planned_day_of_si_tests_stands_in_place_of_the_day_after_the_last_bout(study: Study):
    cohort = start_course(study, days_ago=10)
    client = signed_in()
    (due_tests,) = [one for one in client.get("/").context["due"] if one.what.startswith("SI tests")]
    assert due_tests.url == f"/studies/S1/bench/si-tests/?cohort={cohort.code}"
    assert client.get(due_tests.url).status_code == 200
    plan = SiTestPlan.objects.create(study=study, cohort=cohort, code="T1", test_date=timezone.localdate())
    mice = list(cohort.mice.order_by("code"))
    for order, mouse in enumerate(mice, start=1):
        PlannedSiTest.objects.create(study=study, plan=plan, mouse=mouse, order_of_day=order)
    assert due(client) == {"SI tests, number 1": f"0 of {len(mice)}"}
    PlannedSiTest.objects.filter(mouse=mice[0]).update(state="skipped", state_reason="ill")
    assert due(client) == {"SI tests, number 1": f"1 of {len(mice)}"}
    SiTestPlan.objects.update(test_date=timezone.localdate() + timedelta(days=1))
    assert due(client) == {}
