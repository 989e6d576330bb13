"""A course is planned, run day by day, and planned anew when something happens; what cannot be is said."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from labdb.colony.models import Cohort, Mouse, Study
from labdb.defeat.models import Aggressor, DefeatBout, DefeatCourse, PlannedBout, RotationPlan
from tests.defeat.lab import client_of, make_aggressors, make_course, page_of, rack_of, save_plan, send_bouts

pytestmark = pytest.mark.django_db


def pairs() -> Counter:
    return Counter(DefeatBout.objects.values_list("mouse__code", "aggressor__code"))


def test_ten_days_of_defeat_on_an_empty_study_without_a_second_meeting():
    course, client = make_course(), client_of()
    make_aggressors(28)
    assert save_plan(client, course).status_code == 302
    for day in range(1, 11):
        swap = {}
        if day == 4:  # one planned pair is swapped by hand
            tile, free = rack_of(client, course, day)["tiles"][0], rack_of(client, course, day)["free"]
            swap = {
                tile["mouse"].replace("-", "_"): next(one["code"] for one in free if one["code"] not in tile["met"])
            }
            answers = send_bouts(client, course, day, **swap)
            assert {answer["status"] for answer in answers} == {"stored"}, answers
            assert save_plan(client, course, from_day=5, reason="R1 did not attack").status_code == 302
            continue
        answers = send_bouts(client, course, day)
        assert {answer["status"] for answer in answers} == {"stored"}, answers
    assert sum(pairs().values()) == 240
    assert max(pairs().values()) == 1
    assert Counter(DefeatBout.objects.values_list("day", "aggressor")).most_common(1)[0][1] == 1
    assert "the course is over" in client.post(page_of(course, "plan/"), {"from_day": 10, "seed": 1}).content.decode()


def test_the_saved_plan_is_the_one_that_was_shown_and_can_be_made_again():
    course, client = make_course(n_mice=6), client_of()
    make_aggressors(12)
    shown = client.post(page_of(course, "plan/"), {"from_day": 1, "seed": 3})
    previewed = {
        (mouse, day): one.code for mouse, ones, _sum in shown.context["preview"] for day, one in enumerate(ones, 1)
    }
    save_plan(client, course, seed=3)
    stored = {
        (row.mouse.code, row.day): row.aggressor.code
        for row in PlannedBout.objects.select_related("mouse", "aggressor")
    }
    assert stored == previewed
    plan = RotationPlan.objects.get()
    assert (plan.code, plan.seed, plan.from_day, plan.input_digest) == ("DC1-P1", 3, 1, shown.context["inputs"].digest)


def test_what_changed_since_the_preview_is_shown_anew_and_not_saved():
    course, client = make_course(n_mice=4), client_of()
    make_aggressors(12)
    shown = client.post(page_of(course, "plan/"), {"from_day": 1, "seed": 3})
    Aggressor.objects.filter(code="R3").update(retired_date=timezone.localdate() - timedelta(days=30))
    answer = client.post(
        page_of(course, "plan/"), {"from_day": 1, "seed": 3, "save": "yes", "digest": shown.context["inputs"].digest}
    )
    assert "Mice or aggressors were changed since the preview" in answer.content.decode()
    assert not RotationPlan.objects.exists()


def test_who_rests_is_retired_or_fights_elsewhere_is_not_planned():
    first = make_course(n_mice=3, days=3)
    second = make_course(first.study, code="DC2", n_mice=3, days=3)
    make_aggressors(9)
    client = client_of()
    save_plan(client, first)
    Aggressor.objects.filter(code="R1").update(is_resting=True)
    Aggressor.objects.filter(code="R2").update(retired_date=second.date_of(2))
    assert save_plan(client, second).status_code == 302
    planned = PlannedBout.objects.filter(plan__course=second)
    assert not planned.filter(aggressor__code="R1").exists()
    assert not planned.filter(aggressor__code="R2", day__gte=2).exists()
    at_once = Counter(PlannedBout.objects.values_list("day", "aggressor__code"))
    assert max(at_once.values()) == 1


@pytest.mark.parametrize(
    ("n_aggressors", "words", "says"),
    [
        (4, {}, "Too few aggressors on days 1 to 10: 4 for 6 mice; 2 more are needed."),
        (4, {}, "Of 4 aggressors known, 4 passed the screening; enter and screen more."),
        (0, {}, "No aggressor is entered yet."),
        (7, {}, "DC1-M06 have each 7 of 7 aggressors left that they have not met, for 10 days; 3 more are needed."),
        (12, {"from_day": 11}, "Day 11 is outside the days of course DC1; enter 1 to 10."),
        (12, {"from_day": "two"}, "Enter a whole number"),
        (12, {"seed": -1}, "greater than or equal to 0"),
        (12, {"rule": 99}, "not one of the available choices"),
    ],
)
def test_a_plan_that_cannot_be_made_says_why_and_stores_nothing(n_aggressors, words, says):
    course, client = make_course(n_mice=6), client_of()
    make_aggressors(n_aggressors)
    answer = client.post(page_of(course, "plan/"), {"from_day": 1, "seed": 1, "save": "yes", **words})
    assert answer.status_code in (400, 409)
    assert says in answer.content.decode()
    assert not RotationPlan.objects.exists()


def test_aggressors_that_failed_or_were_not_screened_are_left_out_unless_asked_for():
    course, client = make_course(n_mice=3, days=3), client_of()
    make_aggressors(4, passed=False)
    for place in range(6):
        Aggressor.objects.create(code=f"U{place}")
    refused = save_plan(client, course).content.decode()
    assert "0 for 3 mice" in refused
    assert "Of 10 aggressors known, 6 have none yet, 4 did not pass it so far; screen them, or tick the box." in refused
    shown = client.post(page_of(course, "plan/"), {"from_day": 1, "seed": 1, "with_unscreened": "yes"}).content.decode()
    assert "6 aggressors without a screening count as medium: how hard they attack is not known." in shown
    assert save_plan(client, course, with_unscreened="yes").status_code == 302
    assert set(PlannedBout.objects.values_list("aggressor__code", flat=True)) <= {f"U{place}" for place in range(6)}


def test_a_course_without_its_first_day_asks_for_it():
    course, client = make_course(n_mice=3), client_of()
    type(course).objects.update(start_date=None)
    make_aggressors(12)
    assert "Enter the first day of course DC1 first" in save_plan(client, course).content.decode()


def test_mice_without_a_group_are_named_and_nothing_is_planned():
    course = make_course(n_mice=12)
    make_aggressors(20)
    client = client_of("technician", course.study)
    Mouse.objects.filter(code__in=["DC1-M02", "DC1-M07"]).update(group="")
    answer = save_plan(client, course)
    assert answer.status_code == 409
    assert "DC1-M02, DC1-M07 have no group, and a control never meets an aggressor" in answer.content.decode()
    assert not RotationPlan.objects.exists()
    Mouse.objects.filter(group="").update(group="control")
    assert save_plan(client, course).status_code == 302
    assert PlannedBout.objects.values("mouse").distinct().count() == 10


def test_the_first_day_of_the_cohort_is_that_of_a_course_without_its_own():
    course = make_course(n_mice=2, start=timezone.localdate())
    Cohort.objects.update(start_date=course.start_date)
    DefeatCourse.objects.update(start_date=None)
    make_aggressors(14)
    client = client_of("technician", course.study)
    assert save_plan(client, course).status_code == 302
    assert rack_of(client, course, 2)["date"] == str(course.start_date + timedelta(days=1))


def test_a_new_plan_keeps_what_happened_and_needs_a_reason():
    course, client = make_course(n_mice=4), client_of()
    make_aggressors(16)
    save_plan(client, course)
    send_bouts(client, course, 1)
    assert "Day 1 has bouts already, and what happened stays; plan from day 2 on." in (
        client.post(page_of(course, "plan/"), {"from_day": 1, "seed": 1}).content.decode()
    )
    assert "say why this one replaces it" in save_plan(client, course, from_day=2).content.decode()
    assert save_plan(client, course, from_day=2, seed=8, reason="R2 is lame").status_code == 302
    happened = set(DefeatBout.objects.values_list("mouse", "aggressor"))
    later = set(PlannedBout.objects.filter(plan__code="DC1-P2").values_list("mouse", "aggressor"))
    assert not happened & later
    shown = client.get(page_of(course)).content.decode()
    assert "DC1-P2" in shown
    assert "R2 is lame" in shown


def test_a_pair_that_met_by_a_swap_and_is_planned_again_is_pointed_out():
    course, client = make_course(n_mice=2, days=3), client_of()
    make_aggressors(6)
    save_plan(client, course)
    mouse = Mouse.objects.get(code="DC1-M01")
    later = PlannedBout.objects.get(mouse=mouse, day=3).aggressor.code
    answers = send_bouts(client, course, 1, DC1_M01=later)
    assert {answer["status"] for answer in answers} == {"stored"}, answers
    assert (
        f"DC1-M01 and {later} met on day 1, and are planned for day 3" in client.get(page_of(course)).content.decode()
    )
    (tile,) = [tile for tile in rack_of(client, course, 3)["tiles"] if tile["mouse"] == "DC1-M01"]
    assert tile["warning"] == f"met {later} on day 1: swap"


def test_a_dead_mouse_has_no_tile_and_is_named():
    course, client = make_course(n_mice=3, days=5), client_of()
    make_aggressors(9)
    save_plan(client, course)
    Mouse.objects.filter(code="DC1-M02").update(death_date=course.date_of(2))
    assert {tile["mouse"] for tile in rack_of(client, course, 3)["tiles"]} == {"DC1-M01", "DC1-M03"}
    page = client.get(page_of(course, "day/3/")).content.decode()
    assert "DC1-M02 died on" in page
    assert "is left out" in page


def test_a_second_tablet_learns_what_is_stored_and_stores_nothing_twice():
    course, client = make_course(n_mice=3, days=2), client_of()
    make_aggressors(9)
    save_plan(client, course)
    send_bouts(client, course, 1)
    stored = client.get(page_of(course, "day/1/stored/")).json()["bouts"]
    assert {mouse: bout["attacks"] for mouse, bout in stored.items()} == {f"DC1-M0{n}": 12 for n in (1, 2, 3)}
    again = send_bouts(client, course, 1)
    assert {answer["status"] for answer in again} == {"refused"}
    assert "already has a bout on day 1" in str(again[0]["errors"])
    assert DefeatBout.objects.count() == 3


def test_the_sheet_has_the_order_of_the_rack():
    course, client = make_course(n_mice=5, days=2), client_of()
    make_aggressors(9)
    save_plan(client, course)
    tiles = [tile["mouse"] for tile in rack_of(client, course, 2)["tiles"]]
    sheet = client.get(page_of(course, "day/2/sheet/")).content.decode()
    places = [sheet.index(f"<strong>{mouse}</strong>") for mouse in tiles]
    assert places == sorted(places)


@pytest.mark.parametrize("end", ["", "plan/", "day/1/", "day/1/sheet/", "day/1/stored/"])
def test_who_does_not_see_the_study_sees_no_course_of_it(end):
    course = make_course(n_mice=2)
    outsider = client_of("technician", Study.objects.create(code="S2", title="another"))
    assert outsider.get(page_of(course, end)).status_code == 404
    assert client_of().get(page_of(course, end)).status_code == 200


def test_a_scorer_may_look_and_not_plan():
    course = make_course(n_mice=2)
    scorer = client_of("scorer", course.study)
    assert scorer.get(page_of(course)).status_code == 200
    assert "Plan rotation" not in scorer.get(page_of(course)).content.decode()
    assert scorer.post(page_of(course, "plan/"), {"from_day": 1, "seed": 1}).status_code == 403


@pytest.mark.parametrize("address", ["/studies/S1/defeat/DC9/", "/studies/S9/defeat/DC1/", "/studies/S1/defeat/DC1/day/0/",
                                     "/studies/S1/defeat/DC1/day/11/", "/studies/S1/defeat/%00/"])  # fmt: skip
def test_an_address_that_leads_nowhere_is_404(address):
    make_course(n_mice=2)
    assert client_of().get(address).status_code == 404


def test_the_list_of_courses_leads_to_each():
    course = make_course(n_mice=2)
    assert page_of(course) in client_of().get("/studies/S1/defeat/").content.decode()
