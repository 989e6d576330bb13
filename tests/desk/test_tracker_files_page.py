"""Trackers' files become SI tests by the page: all of them or none, and everything wrong is said at once."""

from datetime import datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from labdb.behavior.models import (
    Arena,
    PlannedSiTest,
    SiTestPlan,
    SocialInteractionTest,
    TrackedTrial,
    TrackerMapping,
)
from labdb.behavior.tracking.planned import light_cycle_hour
from labdb.colony.models import Cohort, Mouse, MouseIdentification, Study
from labdb.defeat.models import Aggressor
from labdb.registry.attachments import attachments_of
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import signed_in
from tests.behavior.si_trials import make_arena, si_trial
from tests.behavior.tracker_files import ANYMAZE, DEEPLABCUT, RAW, needs_real_files, real

pytestmark = pytest.mark.django_db
URL = "/studies/S1/tracker-files/"
RAW_BOX = "ethovision_raw_data-{arena}-"


@pytest.fixture
def study() -> Study:
    study = make_study()
    for code in ("M1", "M2", "M3"):
        add_mouse(study, code)
    return study


@pytest.fixture
def arena() -> Arena:
    return make_arena()


@pytest.fixture
def client(study: Study) -> Client:
    return signed_in("scorer", study)


def send(client: Client, files: dict[str, bytes], step: str = "check", **said: Any) -> Any:
    uploads = [SimpleUploadedFile(name, data) for name, data in files.items()]
    answer = client.post(URL, {"files": uploads, "step": step, "arena": "box 1", **said})
    assert answer.status_code in (200, 302), answer.status_code
    return answer


def again(client: Client, answer: Any, step: str = "check", **said: Any) -> Any:
    """Send the page as it stands, with some answers changed."""
    drop = answer.context["drop"]
    fields: dict[str, Any] = {"token": [token for token, _file in answer.context["tokens"]], "step": step}
    for row in drop.rows:
        fields |= {f"mouse-{row.key}": row.mouse_text, f"mouse-guess-{row.key}": row.mouse_by_file}
        fields |= {f"target-{row.key}": row.target, f"target-guess-{row.key}": row.target_by_file}
        arena, guessed = (one.name if one else "" for one in (row.arena, row.arena_guessed))
        fields |= {f"arena-{row.key}": arena, f"arena-guess-{row.key}": guessed}
    for words in drop.arenas.values():
        fields |= {
            f"{words.prefix}scored_from": words.scored_from, f"{words.prefix}target_side": words.target_side,
            **{f"{words.prefix}role-{name}": role for name, role in words.zones},
        }  # fmt: skip
    return send(client, {}, **{"test_number": drop.test_number, **fields, **said})


def errors_of(answer: Any) -> list[str]:
    drop = answer.context["drop"]
    said = [str(file.error) for file in drop.files if file.error]
    return drop.problems + said + [f"{row.where}: {one}" for row in drop.wanted for one in row.errors]


def warnings_of(answer: Any) -> list[str]:
    return [one for row in answer.context["drop"].wanted for one in row.warnings]


FOUR = {
    "a.txt": si_trial("M1", 60, stage="no target", corner_s=20),
    "b.txt": si_trial("M1", 30, stage="target", start="11/27/2025 10:04:00"),
    "c.txt": si_trial("m-2", 40, stage="no target", start="11/27/2025 11:00:00"),
    "d.txt": si_trial("m-2", 60, stage="target", start="11/27/2025 11:04:00"),
}


def test_four_files_of_two_mice_become_two_tests_and_are_not_asked_about_twice(client, study, arena):
    seen = send(client, FOUR)
    assert len(errors_of(seen)) == 4
    assert all("Nobody said at which wall the target stands" in one for one in errors_of(seen)), errors_of(seen)
    side = {RAW_BOX.format(arena=arena.pk) + "target_side": "bottom"}
    seen = again(client, seen, **side)
    assert errors_of(seen) == []
    assert [row.match.by for row in seen.context["drop"].rows] == [
        "code",
        "code",
        "spelled otherwise",
        "spelled otherwise",
    ]
    calls = [(line.row.mouse_text, line.call["phenotype"]) for line in seen.context["lines"] if line.call is not None]
    assert calls == [("M1", "susceptible"), ("M2", "resilient")]
    assert not SocialInteractionTest.objects.exists()
    assert again(client, seen, "save", **side).status_code == 302

    test = SocialInteractionTest.objects.get(mouse__code="M1")
    assert (test.iz_absent_s, test.iz_present_s) == (60.029, 30.029)  # see si_trial
    assert test.corner_absent_s == pytest.approx(20, abs=0.1)
    assert (test.arena, test.target_side, test.gap_between_trials_min) == (arena, "bottom", 1.5)
    assert test.test_at is not None
    trial = TrackedTrial.objects.get(si_test=test, target="present")
    assert (trial.zone_s, trial.entries, trial.latency_s, trial.missing_share) == (30.029, 1, 0, 0)
    assert trial.velocity_cm_per_s == pytest.approx(15.5 / 150, abs=1e-3)  # one step of 15.5 cm
    assert sorted(one.file_name for one in attachments_of(test)) == ["a.txt", "b.txt"]
    assert {one.sha256 for one in attachments_of(test)} == set(test.tracked_trials.values_list("sha256", flat=True))
    assert TrackerMapping.objects.get().tracker_format == "EthoVision raw data"

    twice = send(client, {"copy.txt": FOUR["a.txt"]})
    assert "This trial of copy.txt is stored already: M1 SI test 1, target absent." in " ".join(errors_of(twice))


def test_what_was_said_of_a_tracker_in_an_arena_is_known_the_next_time(client, study, arena):
    zone = RAW_BOX.format(arena=arena.pk)
    said = {
        f"{zone}scored_from": "tracker's zones", f"{zone}role-IZ / center-point": "interaction zone",
        f"{zone}role-IZ": "interaction zone", "ethovision_raw_data-told_by": "variable",
        "ethovision_raw_data-told_variable": "Stage", "ethovision_raw_data-absent_says": "A",
        "ethovision_raw_data-present_says": "B",
    }  # fmt: skip
    one = {"a.txt": si_trial("M1", 60, stage="A"), "b.txt": si_trial("M1", 30, stage="B")}
    assert send(client, one, "save", **said).status_code == 302
    other = {
        "c.txt": si_trial("M3", 50, stage="A", start="11/27/2025 11:00:00"),
        "d.txt": si_trial("M3", 75, stage="B"),
    }
    assert send(client, other, "save").status_code == 302
    test = SocialInteractionTest.objects.get(mouse__code="M3")
    assert (test.iz_absent_s, test.iz_present_s, test.si_ratio) == (50, 75, 1.5)


def test_everything_wrong_is_said_at_once_with_file_and_remedy_and_nothing_is_stored(client, study, arena):
    MouseIdentification.objects.create(study=study, mouse=Mouse.objects.get(code="M2"), value="0412")
    files = {
        "unknown.txt": si_trial("Z9", 60, stage="no target"),
        "long.txt": si_trial("M1", 60, stage="no target", length_s=180),
        "silent.txt": si_trial("0412", 60),
        "twice.txt": si_trial("M1", 61, stage="no target", trial="Trial     2"),
        "far.txt": si_trial("M3", 60, stage="no target", shift_cm=100),
        "cut.txt": si_trial("M3", 60, stage="target")[:9_000],
        "two.txt": si_trial("M3", 60, stage="target") + si_trial("M2", 60, stage="target"),
        "rubbish.txt": b"\x00\x01\x02" * 50,
        "back.txt": si_trial("M3", 60, stage="target").replace(b"2.000;2.000;", b"1.000;1.000;"),
    }
    answer = send(client, files, "save", **{RAW_BOX.format(arena=arena.pk) + "target_side": "bottom"})
    said = " | ".join(errors_of(answer))
    for words in (
        "unknown.txt: No mouse of study S1 is called Z9; choose the mouse",
        "long.txt: The trial lasts 180 s, the protocol's 150 s; take the first 150 s",
        "silent.txt: Was the target absent or present? The file does not say; choose.",
        "twice.txt: M1 has two trials with target absent",
        "far.txt: The track never enters the arena",
        "cut.txt, line", "rubbish.txt", "back.txt, line", "two.txt, line",
    ):  # fmt: skip
        assert words in said, words
    text = answer.content.decode()
    assert all(name in text for name in files)
    wrong = send(client, {"silent.txt": files["silent.txt"]}, expected_format="ANY-maze test data")
    assert "The file looks like EthoVision raw data, not like ANY-maze test data." in errors_of(wrong)[0]
    assert [row.match.by for row in answer.context["drop"].rows if row.subject == "0412"] == ["ear tag"]
    assert not SocialInteractionTest.objects.exists() and not TrackedTrial.objects.exists()
    assert not TrackerMapping.objects.exists()


def test_what_is_doubtful_is_stored_with_a_reason_alone(client, study, arena):
    add_test(Mouse.objects.get(code="M1"), 70, 30)
    side = {RAW_BOX.format(arena=arena.pk) + "target_side": "bottom"}
    files = {
        "a.txt": si_trial("M1", 20, stage="no target", missing_s=126),
        "b.txt": si_trial("M2", 30, stage="target", length_s=140, start="11/27/2025 11:00:00"),
        "c.txt": si_trial("M2", 60, stage="no target", start="11/27/2025 11:04:00"),
    }
    seen = send(client, files, **side)
    keys = {row.file.kept.name: row.key for row in seen.context["drop"].rows}
    swapped = {f"target-{keys['b.txt']}": "absent", f"target-{keys['c.txt']}": "present"}
    seen = again(client, seen, "save", **side, **swapped)
    assert errors_of(seen) == []
    said = " | ".join(warnings_of(seen))
    for words in (
        "% of a.txt, and the limit is 20 %; track the video again.",
        "M1 SI test 1: time in IZ, target absent (s) 70.0 is stored; 20.0",
        "The trial lasts 140 s, shorter than the protocol's 150 s.",
        "The file says target present (Stage is target), here stands absent; exchange them",
    ):
        assert words in said, words
    assert not TrackedTrial.objects.exists()
    kept = again(client, seen, "save", **side, reason="the camera fell")
    assert kept.status_code == 302
    test = SocialInteractionTest.objects.get(mouse__code="M1")
    assert (round(test.iz_absent_s), test.iz_present_s) == (20, 30)
    assert test.tracked_trials.get().is_missing_too_much


def test_a_longer_trial_counts_in_its_first_part_if_that_is_said(client, study, arena):
    side = {RAW_BOX.format(arena=arena.pk) + "target_side": "bottom", "long": "first"}
    files = {"a.txt": si_trial("M1", 160, stage="no target", length_s=180), "b.txt": si_trial("M1", 30, stage="target")}
    never = {"c.txt": si_trial("M2", -1, stage="no target"), "d.txt": si_trial("M2", 30, stage="target")}
    calls = [line.call for line in send(client, files | never, **side).context["lines"]]
    assert [call and (call["phenotype"], call["si_ratio"]) for call in calls] == [
        ("susceptible", pytest.approx(30.029 / 150)), None, ("unclassified", None), None,
    ]  # fmt: skip
    assert send(client, files, "save", **side).status_code == 302
    assert SocialInteractionTest.objects.get().iz_absent_s == 150


def test_strange_names_and_numbers_get_a_sentence_and_store_nothing(client, study, arena):
    side = {RAW_BOX.format(arena=arena.pk) + "target_side": "bottom"}
    long_name = {f"{'n' * 220}.txt": si_trial("M1", 60, stage="no target"), "b.txt": si_trial("M1", 30, stage="target")}
    assert "has 224 characters; rename it" in " ".join(errors_of(send(client, long_name, "save", **side)))
    assert not TrackedTrial.objects.exists()
    strange = {
        "test_number": "1.5", "trial_s": "1e999", "frame_rate_hz": "fast", "likelihood_cutoff": "-1", RAW_BOX.format(arena=arena.pk) + "origin_x_cm": "left",
        RAW_BOX.format(arena=arena.pk) + "scored_from": "stars",
    }  # fmt: skip
    said = " ".join(
        errors_of(send(client, {"a.txt": si_trial("M1", 60, stage="no target")}, "save", **side, **strange))
    )
    for words in (
        "1.5 is no number of a test", "1e999 is no length", "fast is no frame rate", "The likelihood cutoff -1 cannot be",
    ):  # fmt: skip
        assert words in said, words
    assert "Nothing was sent" in " ".join(errors_of(send(client, {}, "save")))


def test_what_was_entered_stays_with_its_trial_and_what_the_page_guessed_follows_what_is_said(client, study, arena):
    files = {"a.txt": si_trial("Z1", 60, stage="A"), "b.txt": si_trial("M1", 30, stage="no target")}
    seen = send(client, files)
    first, second = seen.context["drop"].rows
    entered = {f"mouse-{first.key}": "M3", f"target-{first.key}": "present"}
    seen = again(client, seen, **entered)
    first, second = seen.context["drop"].rows
    assert [(row.mouse_text, row.target) for row in (first, second)] == [("M3", "present"), ("M1", "absent")]
    told = {
        "ethovision_raw_data-told_by": "variable", "ethovision_raw_data-told_variable": "Stage",
        "ethovision_raw_data-absent_says": "A", "ethovision_raw_data-present_says": "no target",
    }  # fmt: skip
    seen = again(client, seen, **told)
    first, second = seen.context["drop"].rows
    assert [(row.mouse_text, row.target) for row in (first, second)] == [("M3", "present"), ("M1", "present")]
    assert "The file says target absent (Stage is A), here stands present" in " ".join(warnings_of(seen))
    seen = again(client, seen, drop=second.file.kept.sha256, **{f"mouse-{first.key}": "m/3\0"})
    (only,) = seen.context["drop"].rows
    assert (only.match.mouse, only.match.by) == (Mouse.objects.get(code="M3"), "spelled otherwise")


def test_one_trial_of_a_new_test_asks_for_the_other(client, study, arena):
    side = {RAW_BOX.format(arena=arena.pk) + "target_side": "bottom"}
    answer = send(client, {"b.txt": si_trial("M1", 30, stage="target")}, "save", **side)
    assert "M1 has no SI test 1 yet, and there is no trial with target absent" in errors_of(answer)[0]


def test_two_lines_of_a_table_of_zone_times_are_two_mice_with_both_trials(client, study, arena):
    table = b"mouse,IZ alone (s),IZ social (s)\nM1,60,30\nM2,40.5,81\n"
    box = f"table_of_zone_times-{arena.pk}-"
    said = {
        f"{box}role-IZ alone (s)": "interaction zone, target absent",
        f"{box}role-IZ social (s)": "interaction zone, target present",
    }
    assert send(client, {"times.csv": table}, "save", **said).status_code == 302
    tests = SocialInteractionTest.objects.order_by("mouse__code").values_list(
        "iz_absent_s", "iz_present_s", "tracker_file"
    )
    assert list(tests) == [(60, 30, "times.csv"), (40.5, 81, "times.csv")]
    more = table.replace(b"M1,60,30\nM2", b"M3,50,50\nM3").replace(b"40.5,81", b"1,1")
    assert "M3 has two trials" in " ".join(errors_of(send(client, {"more.csv": more})))
    M3 = b"mouse,IZ alone (s),IZ social (s)\nM3,50,50\n"
    assert send(client, {"m3.csv": M3}, "save").status_code == 302  # nothing is asked again


@needs_real_files
def test_real_files_of_other_mazes_are_mapped_by_hand(client, study, arena):
    files = {"water.txt": real(RAW), "any.csv": real(ANYMAZE), "cut.csv": real(DEEPLABCUT)}
    seen = send(client, files)
    said = " | ".join(errors_of(seen))
    assert "No mouse of study S1 is called 1red" in said
    assert "DeepLabCut numbers the frames and does not say how many there were per second" in said
    assert seen.context["asks_frame_rate"]
    by_name = {row.file.kept.name: row.key for row in seen.context["drop"].rows}
    box = f"any_maze_test_data-{arena.pk}-"
    named = again(
        client, seen, **{f"target-{by_name['any.csv']}": "absent", f"{box}scored_from": "track", f"{box}target_side": "top"}
    )  # fmt: skip
    assert "any.csv: The file does not say the unit of its positions; choose cm, mm or pixels." in " ".join(
        errors_of(named)
    )
    pixels = again(
        client, seen, **{
            f"target-{by_name['any.csv']}": "absent", f"{box}scored_from": "track", f"{box}target_side": "top",
            f"{box}unit": "px",
        },
    )  # fmt: skip
    assert "Positions are in pixels, and the arena lacks its scale and origin" in " ".join(errors_of(pixels))
    rated = again(client, seen, frame_rate_hz="30")
    assert {row.format for row in rated.context["drop"].rows} == {
        "EthoVision raw data", "ANY-maze test data", "DeepLabCut positions",
    }  # fmt: skip


def test_who_may_not_enter_tests_and_whose_token_is_another_get_nothing(client, study, arena):
    seen = send(client, FOUR)
    token = [one for one, _file in seen.context["tokens"]]
    other = signed_in("scorer", study, name="otto")
    stolen = other.post(URL, {"token": token, "step": "save"})
    assert "is no longer kept; choose it again" in " ".join(errors_of(stolen))
    assert signed_in("investigator", study, name="ines").get(URL).status_code == 403
    assert signed_in("scorer", make_study("S2"), name="olga").get(URL).status_code == 404


def test_what_the_plan_of_the_day_knows_is_typed_by_nobody(client, study, arena):
    cohort, mouse = Cohort.objects.get(code="C1"), Mouse.objects.get(code="M1")
    target = Aggressor.objects.create(code="7B")
    plan = SiTestPlan.objects.create(
        study=study, cohort=cohort, code="C1-T1-P1", test_number=1, lights_on="07:00", room="R2", lux=20,
        target_side="bottom",
    )  # fmt: skip
    PlannedSiTest.objects.create(study=study, plan=plan, mouse=mouse, order_of_day=3, arena=arena, target=target)
    make_arena("box 2")  # a second one: the arena is no longer the only one
    files = {name: FOUR[name] for name in ("a.txt", "b.txt")}
    seen = send(client, files, arena="", day_of="C1", test_number="1")
    assert errors_of(seen) == []
    stored = again(client, seen, step="save", arena="", day_of="C1")
    assert stored["Location"] == "/studies/S1/bench/si-tests/?cohort=C1&test=1"
    test = SocialInteractionTest.objects.get(mouse=mouse)
    assert (test.arena, test.target, test.order_of_day, test.room, test.lux) == (arena, target, 3, "R2", 20)
    assert (test.target_side, test.iz_absent_s, test.iz_present_s) == ("bottom", 60.029, 30.029)
    assert test.light_cycle_hour == light_cycle_hour(timezone.localtime(test.test_at), "07:00")


@pytest.mark.parametrize(
    ("at", "lights_on", "hour"),
    [("2026-03-12 11:30", "07:00", 4.5), ("2026-03-12 06:00", "07:00", 23.0), ("2026-03-12 01:15", "19:30", 5.75)],
)
def test_the_hour_of_the_light_cycle_is_counted_from_lights_on(at, lights_on, hour):
    assert light_cycle_hour(datetime.fromisoformat(at), lights_on) == hour
