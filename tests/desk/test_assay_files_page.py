"""Trackers' files become results of an assay: the page says what is read from them, and everything that is wrong."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from labdb.behavior.models import (
    Arena,
    ArenaZone,
    Assay,
    AssayMetric,
    AssayReading,
    AssayResult,
    TrackedAssayTrial,
    TrackerMapping,
)
from labdb.colony.models import Mouse, Study
from labdb.registry.attachments import attachments_of
from tests.analysis.small_study import add_mouse, make_study
from tests.analysis.treated_study import signed_in
from tests.behavior.assay_tracks import THROUGH, make_maze, make_maze_assay, walk
from tests.behavior.tracker_files import ANYMAZE, STATISTICS, cells_of, needs_real_files, real

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    study = make_study()
    for code in ("M1", "M2"):
        add_mouse(study, code)
    return study


@pytest.fixture
def maze() -> Arena:
    return make_maze()


@pytest.fixture
def assay() -> Assay:
    return make_maze_assay()


@pytest.fixture
def client(study: Study) -> Client:
    return signed_in("scorer", study)


def send(client: Client, assay: Assay, files: dict[str, bytes], step: str = "check", **said: Any) -> Any:
    uploads = [SimpleUploadedFile(name, data) for name, data in files.items()]
    url = f"/studies/S1/assays/{assay.pk}/tracker-files/"
    answer = client.post(url, {"files": uploads, "step": step, "arena": "maze A", **said})
    assert answer.status_code in (200, 302), answer.status_code
    return answer


def said_by(answer: Any) -> str:
    return " | ".join(answer.context["drop"].sentences)


def results(mouse: str, session: str = "day 1") -> dict[str, float]:
    found = AssayResult.objects.filter(mouse__code=mouse, session=session)
    return dict(found.values_list("metric__name", "value"))


def test_a_dropped_track_becomes_one_result_for_each_thing_that_the_assay_reads(client, study, maze, assay):
    files = {"a.txt": walk("M1", THROUGH), "b.txt": walk("m-2", ((0, 32.5, 50), (60, 32.5, 50)))}
    seen = send(client, assay, files, session="day 1")
    assert said_by(seen) == "" and not AssayResult.objects.exists()
    text = " ".join(seen.content.decode().split())
    assert "maze_open_percent: share of time in zones (%) of open arm 1 | open arm 2, in % of" in text
    assert "spelled otherwise" in text
    assert send(client, assay, files, "save", session="day 1").status_code == 302
    # In the arms: 10 s and the way out of the first (15 of 30 cm in 1 s), the way into the second (10 of 30 cm), 9 s
    # there, and of the way back 10 of 12.5 cm; down the closed arm 25 cm in 2.5 s, of which 2.5 cm are the center's.
    in_open = 10 + 15 / 30 + 10 / 30 + 9 + 10 / 12.5
    in_closed = 60 - 21 - 0.25
    assert results("M1") == {
        "maze_open_s": pytest.approx(in_open, abs=0.002),
        "maze_open_percent": pytest.approx(100 * in_open / (in_open + in_closed), abs=0.01),
        "maze_open_entries": 2,
        "maze_closed_latency_s": pytest.approx(21.25, abs=0.002),
        "maze_distance_cm": pytest.approx(30 + 12.5 + 25, abs=0.01),
        "maze_velocity_cm_per_s": pytest.approx(67.5 / 60, abs=0.001),
    }
    still = results("M2")
    assert (still["maze_open_entries"], still["maze_open_percent"], still["maze_distance_cm"]) == (0, 0, 0)

    trial = TrackedAssayTrial.objects.get(mouse__code="M1")
    assert (trial.assay, trial.session, trial.arena, trial.trial_s) == (assay, "day 1", maze, 60)
    assert "open arm 1 (other): rectangle x 0, y 30, width 30, height 5" in trial.zones_as_scored
    assert attachments_of(trial).get().sha256 == trial.sha256
    result = AssayResult.objects.filter(mouse__code="M1").first()
    assert f"{result.performed_at:%Y-%m-%d}" == "2025-11-27"
    again = send(client, assay, {"copy.txt": files["a.txt"]}, session="day 2")
    assert "This trial of copy.txt is stored already: M1 maze, day 1." in said_by(again)
    assert "maze_open_percent" in client.get(f"/studies/S1/assays/{assay.pk}/").content.decode()


def test_the_assays_that_every_lab_starts_with_are_read_from_a_track(client, study):
    places = ((0, 2, 2), (20, 2, 2), (21, 21, 21), (40, 21, 21), (41, 2, 2), (300, 2, 2))
    box = Assay.objects.get(name="open field")
    said = {"arena": "open field 42 x 42 cm", "session": "1"}
    assert send(client, box, {"a.txt": walk("M1", places)}, "save", **said).status_code == 302
    # The center is x and y 10.5 to 31.5 cm: 10.5 of the 19 cm each way.
    found = results("M1", "1")
    assert found["open_field_center_s"] == pytest.approx(19 + 2 * 10.5 / 19, abs=0.002)
    assert found["open_field_center_entries"] == 1
    assert found["open_field_distance_cm"] == pytest.approx(2 * 19 * 2**0.5, abs=0.01)
    maze = Assay.objects.get(name="elevated plus maze")
    long = (*THROUGH, (300, 32.5, 7.5))
    said["arena"] = "elevated plus maze 65 x 65 cm"
    assert send(client, maze, {"b.txt": walk("M1", long)}, "save", **said).status_code == 302
    found = results("M1", "1")
    assert (found["plus_maze_open_arm_entries"], len(found)) == (2, 4 + 5)
    assert found["plus_maze_center_s"] == pytest.approx(5 / 30 + 2.5 / 12.5 + 2.5 / 10, abs=0.002)


def test_zones_of_the_tracker_are_said_once_and_the_words_of_si_tests_stay(client, study, maze, assay):
    mapping = TrackerMapping.objects.create(
        arena=maze, tracker_format="EthoVision raw data", scored_from="track", interaction_zones="IZ", corners="c1",
        told_by="order",
    )  # fmt: skip
    for name in ("maze_open_percent", "maze_closed_latency_s"):
        assay.metrics.get(name=name).readings.all().delete()
    words = f"ethovision_raw_data-{maze.pk}-"
    said = {f"{words}scored_from": "tracker's zones", f"{words}role-Open arms / center-point": ""}
    seen = send(client, assay, {"a.txt": walk("M1", THROUGH)}, session="day 1", **said)
    assert "Nobody said which zone of the file is the open arm 1 or open arm 2" in said_by(seen)
    said[f"{words}role-Open arms / center-point"] = "open arm 1 | open arm 2"
    assert send(client, assay, {"a.txt": walk("M1", THROUGH)}, "save", session="day 1", **said).status_code == 302
    assert results("M1")["maze_open_s"] == pytest.approx(10.5 + 9.3 + 0.8, abs=0.15)  # to a sample at each edge
    assert results("M1")["maze_open_entries"] == 2
    mapping.refresh_from_db()
    assert (mapping.interaction_zones, mapping.corners, mapping.told_by) == ("IZ", "c1", "order")
    assert mapping.assay_zones == "Open arms / center-point = open arm 1 | Open arms / center-point = open arm 2"
    assert send(client, assay, {"b.txt": walk("M2", THROUGH)}, "save", session="day 1").status_code == 302
    assert results("M2")["maze_open_entries"] == 2
    assert TrackedAssayTrial.objects.get(mouse__code="M2").tracker_zones == mapping.assay_zones


def test_statistics_of_a_tracker_are_read_by_the_names_of_their_columns(client, study, maze, assay):
    for name in ("maze_open_percent", "maze_open_entries", "maze_closed_latency_s"):
        assay.metrics.get(name=name).readings.all().delete()
    table = b"mouse,Time open (s)\nM1,33.5\nM2,12\n"
    words = f"table_of_zone_times-{maze.pk}-"
    seen = send(client, assay, {"t.csv": table}, **{f"{words}role-Time open (s)": "open arm 1 | open arm 2"})
    assert said_by(seen) == ""
    assert "maze_distance_cm stays empty: the file says no distance." in seen.content.decode()
    said = {f"{words}role-Time open (s)": "open arm 1 | open arm 2"}
    assert send(client, assay, {"t.csv": table}, "save", **said).status_code == 302
    assert (results("M1", ""), results("M2", "")) == ({"maze_open_s": 33.5}, {"maze_open_s": 12})


def test_everything_wrong_is_said_at_once_and_nothing_is_stored(client, study, maze, assay):
    AssayResult.objects.create(
        study=study, mouse=Mouse.objects.get(code="M1"), metric=assay.metrics.get(name="maze_open_s"), session="day 1",
        value=7,
    )  # fmt: skip
    files = {
        "unknown.txt": walk("Z9", THROUGH), "long.txt": walk("M1", (*THROUGH, (90, 32.5, 7.5))),
        "far.txt": walk("M2", ((0, 500, 500), (60, 500, 500))), "rubbish.txt": b"\x00\x01" * 90,
        "twice.txt": walk("M2", THROUGH, trial="Trial     2"),
    }  # fmt: skip
    said = said_by(send(client, assay, files, "save", session="day 1"))
    for words in (
        "unknown.txt: No mouse of study S1 is called Z9", "long.txt: The trial lasts 90 s, the protocol's 60 s",
        "far.txt: The track never enters the arena", "rubbish.txt", "M2 has two trials in one session (also row",
    ):  # fmt: skip
        assert words in said, words
    seen = send(client, assay, {"a.txt": walk("M1", THROUGH)}, "save", session="day 1")
    assert "M1 maze_open_s 20.633: value 7.0 is stored; 20.633 would replace it." in said_by(seen)
    Assay.objects.filter(pk=assay.pk).update(trial_s=90)
    ArenaZone.objects.filter(name="closed arm 1").delete()
    seen = said_by(send(client, assay, {"b.txt": walk("M2", THROUGH)}, "save", session="x" * 51))
    assert "The trial lasts 60 s, shorter than the protocol's 90 s." in seen
    assert "Arena maze A has no zone closed arm 1 (there are: center, closed arm 2" in seen
    assert "The name of the session has 51 characters" in seen
    assert AssayResult.objects.count() == 1 and not TrackedAssayTrial.objects.exists()
    unread = Assay.objects.create(name="marbles")
    assert "Nobody has said what marbles reads from a track" in said_by(
        send(client, unread, {"a.txt": files["far.txt"]})
    )
    assert (
        signed_in("investigator", study, name="ines").get(f"/studies/S1/assays/{assay.pk}/tracker-files/").status_code
        == 403
    )
    assert (
        signed_in("scorer", make_study("S2"), name="olga")
        .get(f"/studies/S1/assays/{assay.pk}/tracker-files/")
        .status_code
        == 404
    )


def test_the_page_of_a_trial_shows_where_zones_lay_then_and_now(client, study, maze, assay):
    send(client, assay, {"a.txt": walk("M1", THROUGH)}, "save", session="day 1")
    trial = TrackedAssayTrial.objects.get()
    url = f"/studies/S1/assays/{assay.pk}/trials/{trial.pk}/"
    for page in (
        f"/studies/S1/assays/{assay.pk}/",
        "/studies/S1/mice/M1/",
        f"/records/tracked-assay-trials/{trial.pk}/",
    ):
        assert f'href="{url}"' in client.get(page).content.decode(), page
    answer = client.get(url)
    assert [figure["title"] for figure in answer.context["figures"]] == ["Track over the arena", "Where it stayed"]
    stored = {one.reading.metric.name: (one.result.value, one.today) for one in answer.context["lines"]}
    assert stored["maze_open_s"] == (pytest.approx(20.633, abs=0.002),) * 2
    assert not any(one.differs for one in answer.context["lines"]) and not answer.context["reread"].is_elsewhere_today
    assert client.get(f"{url}figures/track.svg").status_code == 200
    assert client.get(f"{url}figures/heat.svg").status_code == 404

    ArenaZone.objects.filter(name="open arm 2").update(geometry="x 35, y 30, width 5, height 5")
    answer = client.get(url)
    text = " ".join(answer.content.decode().split())
    assert "what is stored is of the zones as they were" in text
    assert "open arm 2 (other): rectangle x 35, y 30, width 30, height 5" in text
    assert "open arm 2 (other): rectangle x 35, y 30, width 5, height 5" in text
    differs = {one.reading.metric.name for one in answer.context["lines"] if one.differs}
    assert {"maze_open_s", "maze_open_percent"} <= differs and "maze_distance_cm" not in differs
    assert len(answer.context["figures"][0]["spec"]["concat"]) == 2  # as scored, and as it is today
    ArenaZone.objects.filter(name="open arm 2").delete()
    answer = client.get(url)
    assert "has no zone open arm 2" in answer.content.decode() and len(answer.context["figures"]) == 2

    assert signed_in("scorer", make_study("S2"), name="olga").get(url).status_code == 404
    client.post(f"{url}remove/")
    assert TrackedAssayTrial.objects.count() == 1
    client.post(f"{url}remove/", {"history_reason": "wrong video"})
    assert not TrackedAssayTrial.objects.exists() and results("M1")["maze_open_entries"] == 2


@needs_real_files
def test_real_statistics_and_a_real_track_are_read_as_they_stand(client, study, maze):
    """Numbers as they stand in the file of EthoVision; of ANY-maze each sample in the center until the next."""
    for code in ("582", "rat 482"):
        add_mouse(study, code)
    assay = Assay.objects.create(name="places", trial_s=300)
    readings = {
        "hot_s": ("s", "time in zones", "hot"), "hot_entries": ("", "entries", "hot"), "hot_latency_s": ("s", "latency", "hot"),
        "hot_percent": ("%", "share of time", "hot"), "places_distance_cm": ("cm", "distance", ""),
    }  # fmt: skip
    for name, (unit, statistic, zones) in readings.items():
        metric = AssayMetric.objects.create(assay=assay, name=name, unit=unit)
        AssayReading.objects.create(metric=metric, statistic=statistic, zones=zones)
    said = {f"ethovision_statistics-{maze.pk}-role-hot zone": "hot", "session": "1"}
    seen = send(client, assay, {"s.csv": real(STATISTICS)}, **said)
    others = {f"leave-{row.key}": "yes" for row in seen.context["drop"].rows if row.subject != "582"}
    assert len(others) >= 34
    tokens = {"token": [token for token, _file in seen.context["tokens"]]}
    twice = send(client, assay, {}, **tokens, **others, **said)
    rows = twice.context["drop"].wanted[1:]
    others |= {f"leave-{row.key}": "yes" for row in rows}  # of several trials of the mouse the first
    assert send(client, assay, {}, "save", **tokens, **others, **said).status_code == 302
    assert results("582", "1") == {
        "hot_s": 72.48, "hot_entries": 8, "hot_latency_s": 10.16, "hot_percent": pytest.approx(24.16),
        "places_distance_cm": 938.848,
    }  # fmt: skip

    header, *samples = cells_of(real(ANYMAZE))
    at = header.index("In Center")
    in_center = [row[at] == "1" for row in samples]
    clock = [float(row[0].rpartition(":")[2]) + 60 * int(row[0].split(":")[1]) for row in samples]
    said = {f"any_maze_test_data-{maze.pk}-scored_from": "tracker's zones", "trial_s": "99.9", "session": "1"}
    seen = send(client, assay, {"a.csv": real(ANYMAZE)}, **said)
    row = seen.context["drop"].rows[0]
    said |= {f"mouse-{row.key}": "rat 482", f"any_maze_test_data-{maze.pk}-role-Center": "hot"}
    assert send(client, assay, {"a.csv": real(ANYMAZE)}, "save", **said).status_code == 302
    found = results("rat 482", "1")
    seconds = sum(end - start for start, end, flag in zip(clock, clock[1:], in_center, strict=False) if flag)
    ways_in = sum(now and not before for before, now in zip([False, *in_center], in_center, strict=False))
    assert (found["hot_s"], found["hot_entries"]) == (pytest.approx(seconds, abs=0.001), ways_in)
