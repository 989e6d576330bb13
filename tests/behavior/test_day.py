"""A day of SI tests is planned once, kept, and planned anew with a reason; its page knows what the technician need not type."""

from typing import Any

import pytest
from django.utils import timezone

from labdb.behavior.models import PhenotypeRule, PlannedSiTest, SiTestPlan, SocialInteractionTest
from labdb.colony.models import Cage, Exclusion, Housing, Mouse, Study
from labdb.defeat.models import Aggressor, DefeatBout
from tests.behavior.day_lab import COHORT, ROOT, make_day, save_day, sheet_of, words
from tests.defeat.lab import client_of, make_course

pytestmark = pytest.mark.django_db


def test_the_saved_day_is_the_one_that_was_shown_and_the_form_starts_from_it_next_time():
    make_day()
    client = client_of()
    first = client.get(f"{ROOT}plan/{COHORT}").context["values"]
    assert (first["test_number"], first["trial_s"], first["lights_on"]) == (1, "150", "07:00")
    shown = client.post(f"{ROOT}plan/{COHORT}", words(room="B12", lux="20"))
    assert not SiTestPlan.objects.exists()
    previewed = [(order, place.mouse, place.arena, place.target) for order, place, _mouse in shown.context["preview"]]
    assert save_day(client, room="B12", lux="20").status_code == 302
    plan = SiTestPlan.objects.get()
    stored = PlannedSiTest.objects.values_list("order_of_day", "mouse__code", "arena__name", "target__code")
    assert list(stored) == previewed
    assert (plan.code, plan.seed, plan.room, plan.lux) == ("DC1-C-T1-P1", 7, "B12", 20)
    assert plan.input_digest == shown.context["inputs"].digest
    met = set(DefeatBout.objects.values_list("mouse__code", "aggressor__code"))
    assert not {(mouse, target) for _order, mouse, _arena, target in previewed} & met
    again = client.get(f"{ROOT}plan/{COHORT}").context["values"]
    assert (again["room"], again["lux"], len(again["arenas"])) == ("B12", "20", 2)


def test_a_new_plan_needs_a_reason_keeps_the_old_and_leaves_out_who_was_tested():
    course = make_day()
    client = client_of()
    save_day(client)
    refused = save_day(client)
    assert refused.status_code == 409
    assert "SI test 1 of cohort DC1-C has the plan DC1-C-T1-P1 already; say why" in refused.content.decode()
    first = PlannedSiTest.objects.order_by("order_of_day").first()
    assert first is not None
    SocialInteractionTest.objects.create(
        study=course.study, mouse=first.mouse, test_at=timezone.now(), iz_absent_s=60, iz_present_s=30, order_of_day=1
    )
    ill = Mouse.objects.get(code="DC1-K02")
    Exclusion.objects.create(study=course.study, mouse=ill, criterion="ill")
    assert save_day(client, reason="box 2 is broken").status_code == 302
    assert list(SiTestPlan.objects.values_list("code", "reason")) == [
        ("DC1-C-T1-P1", ""), ("DC1-C-T1-P2", "box 2 is broken"),
    ]  # fmt: skip
    second = PlannedSiTest.objects.filter(plan__code="DC1-C-T1-P2")
    assert {row.mouse.code for row in second} == {
        code for code in Mouse.objects.values_list("code", flat=True) if code not in (first.mouse.code, "DC1-K02")
    }
    assert min(row.order_of_day for row in second) == 2
    rows = sheet_of(client)["mice"]
    assert rows[0]["code"] == first.mouse.code  # tested by the plan before
    assert [row["order"] for row in rows] == list(range(1, 8))


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        ({"arenas": []}, 400, "arenas: choose the boxes that are used"),
        ({"seed": "x"}, 400, "seed: Enter a whole number."),
        ({"test_date": "soon"}, 400, "test date: Enter a valid date."),
        ({"trial_s": ""}, 409, "trial s: This is needed; enter a value."),
        ({"lights_on": "7"}, 409, "lights on: 7 is not a time of day; enter it as 07:00."),
        ({"trial_s": "9000"}, 409, "9000 s is outside 10 to 3600 s"),
        ({"test_number": 2}, 302, ""),
    ],
)
def test_what_cannot_be_planned_is_said_and_nothing_is_stored(more: dict[str, Any], status: int, says: str):
    make_day()
    answer = save_day(client_of(), **more)
    assert answer.status_code == status
    assert says in answer.content.decode()
    assert SiTestPlan.objects.exists() == (status == 302)


def test_no_target_is_left_that_a_mouse_never_met_is_said_and_may_be_allowed():
    course = make_day(n_mice=2, n_controls=0, n_targets=2)
    mouse = Mouse.objects.get(code="DC1-M01")
    DefeatBout.objects.create(study=course.study, mouse=mouse, day=2, aggressor=Aggressor.objects.get(code="R2"))
    client = client_of()
    answer = save_day(client)
    assert answer.status_code == 409
    assert "DC1-M01 has met all 2 mice that can be a target that day" in answer.content.decode()
    Aggressor.objects.create(code="R3", is_resting=True)
    assert save_day(client).status_code == 409
    shown = client.post(f"{ROOT}plan/{COHORT}", words(may_know="yes"))
    assert "and there is no other target for it" in shown.content.decode()
    assert save_day(client, may_know="yes").status_code == 302
    row = next(one for one in sheet_of(client)["mice"] if one["code"] == "DC1-M01")
    assert row["target"] in row["met"]


def test_the_page_knows_place_target_and_uses_and_a_scorer_sees_no_arm():
    course = make_day()
    mouse = Mouse.objects.get(code="DC1-M01")
    cage = Cage.objects.create(study=course.study, code="K7", position="B4")
    Housing.objects.create(study=course.study, mouse=mouse, cage=cage, housed_from=timezone.localdate())
    boss = client_of()
    save_day(boss)
    other = make_course(course.study, code="DC2", n_mice=1, n_controls=0)
    SocialInteractionTest.objects.create(
        study=course.study, mouse=Mouse.objects.get(cohort=other.cohort), test_at=timezone.now(), iz_absent_s=60,
        iz_present_s=30, target=Aggressor.objects.get(code="R2"),
    )  # fmt: skip
    course.study.is_blinded = True
    course.study.save()
    answer = client_of("scorer", course.study).get(f"{ROOT}{COHORT}")
    sheet = answer.context["sheet"]
    row = next(one for one in sheet["mice"] if one["code"] == "DC1-M01")
    assert (row["place"], row["met"], row["is_called"]) == ("K7 (B4)", {"R1": 1}, True)
    assert {one["code"]: one["used"] for one in sheet["targets"]}["R2"] == 1
    assert not [word for word in ("allocation", "arm", "solution") if word in str(sheet).lower().replace("box", "")]
    assert "DC1-M01" in boss.get(f"{ROOT}{COHORT}&print=1").content.decode()
    assert client_of("investigator", course.study).post(f"{ROOT}plan/{COHORT}", words()).status_code == 403


def test_the_class_is_that_of_the_studys_rule_and_bad_times_are_said():
    course = make_day(n_controls=8)
    client = client_of("scorer", course.study)
    mouse, control = Mouse.objects.get(code="DC1-M01"), Mouse.objects.get(code="DC1-K01")

    def asked(pk: int = mouse.pk, **times: Any) -> Any:
        given = {"mouse": pk, "test_number": 1, "trial_s": 150, "iz_absent_s": 60, "iz_present_s": 30, **times}
        return client.get(f"{ROOT}class/", given)

    said = asked().json()
    assert (said["phenotype"], said["si_ratio"], said["sentence"]) == (
        "susceptible",
        0.5,
        "susceptible, 0.50 below the cutoff",
    )
    assert asked(iz_present_s=61).json()["sentence"] == "resilient, 0.02 above the cutoff, borderline"
    assert asked(iz_absent_s=0).json()["phenotype"] == "unclassified"
    assert asked(control.pk).json() == {"phenotype": "", "sentence": "Only defeated mice are classified."}
    for times, says in (
        ({"iz_absent_s": "abc"}, "abc is not a number"),
        ({"iz_present_s": "-1"}, "iz_present_s must be 0 or more; it is -1."),
        ({"iz_absent_s": ""}, "iz_absent_s is not given"),
        ({"test_number": "first"}, "test_number must be a whole number from 1; it is first."),
    ):
        answer = asked(**times)
        assert answer.status_code == 400
        assert says in answer.json()["__all__"][0]
    assert asked(999_999).status_code == 404
    PhenotypeRule.objects.filter(name="Ratio below 1").update(control_sd=1.0)
    for number, code in enumerate(Mouse.objects.filter(group="control").order_by("code")):
        SocialInteractionTest.objects.create(
            study=course.study, mouse=code, iz_absent_s=60, iz_present_s=72 + 3 * number
        )
    # ratios of the 8 controls are 1.2 to 1.55 in steps of 0.05: mean 1.375, SD 0.12247, so that the cutoff is 1.2525
    assert asked(iz_present_s=75).json()["distance_to_cutoff"] == pytest.approx(1.25 - 1.37500 + 0.122474, abs=1e-5)


def test_who_may_not_see_the_study_sees_no_day():
    course = make_day()
    save_day(client_of())
    stranger = client_of("scorer", Study.objects.create(code="S2", title="another"))
    assert stranger.get(f"{ROOT}{COHORT}").status_code == 404
    assert stranger.get(f"{ROOT}stored/{COHORT}").status_code == 404
    boss = client_of("technician", course.study)
    for address in (
        f"{ROOT}?cohort=none",
        f"{ROOT}{COHORT}&test=x",
        f"{ROOT}stored/?cohort=",
        "/studies/S2/bench/si-tests/",
    ):
        assert boss.get(address).status_code == 404, address
    assert boss.get(ROOT).status_code == 200
    assert boss.get(f"{ROOT}stored/{COHORT}").json()["plan"] == "DC1-C-T1-P1"
