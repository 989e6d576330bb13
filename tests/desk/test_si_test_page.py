"""From a ratio to the track behind it: one page reads the original file anew and says how sure the ratio is."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from labdb.behavior.models import SocialInteractionTest, TrackedTrial
from labdb.colony.models import Study
from labdb.registry.attachments import attachments_of
from labdb.registry.file_store import path_of
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import signed_in
from tests.behavior.si_trials import make_arena, si_walk

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    study = make_study()
    add_mouse(study, "M1")
    return study


@pytest.fixture
def client(study: Study) -> Client:
    return signed_in("scorer", study)


@pytest.fixture
def stored(study: Study, client: Client) -> SocialInteractionTest:
    arena = make_arena()
    files = [
        SimpleUploadedFile("a.txt", si_walk("M1", 40, stage="no target")),
        SimpleUploadedFile("b.txt", si_walk("M1", 20, stage="target", start="11/27/2025 10:04:00")),
    ]
    side = {f"ethovision_raw_data-{arena.pk}-target_side": "bottom"}
    answer = client.post("/studies/S1/tracker-files/", {"files": files, "step": "save", "arena": "box 1", **side})
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    return SocialInteractionTest.objects.get()


def text_of(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_page_of_a_mouse_leads_to_both_tracks_and_how_sure_the_ratio_is(client: Client, stored: Any):
    url = f"/studies/S1/si-tests/{stored.pk}/"
    assert f'<a href="{url}">SI test 1</a>' in text_of(client, "/studies/S1/mice/M1/")
    assert f'href="{url}"' in text_of(client, f"/records/si-tests/{stored.pk}/")
    answer = client.get(url)
    interval, text = answer.context["interval"], " ".join(answer.content.decode().split())
    assert interval.reason == "" and interval.low < stored.si_ratio < interval.high
    assert interval.ratio == pytest.approx(stored.si_ratio, abs=0.01)
    assert "95 % interval of the two tracks" in text and "The other class" in text
    assert "susceptible" in text and "Ratio below 1" in text
    assert [figure["title"] for figure in answer.context["figures"]] == ["Track over the arena", "Where it stayed"]
    seconds = sum(row["seconds"] for row in panel_rows(answer.context["figures"][1]["spec"], 0))
    assert seconds == pytest.approx(150, abs=0.2)  # all of the trial is spent somewhere on the floor
    link = attachments_of(stored).get(file_name="a.txt")
    assert f"/records/attachments/{link.pk}/file/" in text
    for name in ("track", "occupancy"):
        svg = client.get(f"{url}figures/{name}.svg")
        assert svg.status_code == 200 and b"target present" in svg.content
    assert client.get(f"{url}figures/heat.svg").status_code == 404


def panel_rows(spec: dict[str, Any], panel: int) -> list[dict[str, Any]]:
    return spec["datasets"][spec["concat"][panel]["layer"][0]["data"]["name"]]


def test_a_changed_arena_a_lost_file_and_a_trial_taken_away_are_said(client: Client, stored: Any):
    url = f"/studies/S1/si-tests/{stored.pk}/"
    assert "by the arena as it is today" not in text_of(client, url)
    arena = stored.arena
    arena.zone_depth_cm = 30
    arena.save()
    text = text_of(client, url)
    assert "by the arena as it is today the time in the zone is" in text
    assert "interaction zone (interaction_zone): rectangle x 14, y 0, width 14, height 9" in text  # as scored
    assert "interaction zone (interaction_zone): rectangle x 14, y 0, width 14, height 30" in text
    trial = TrackedTrial.objects.get(target="present")
    path_of(trial.sha256).unlink()
    assert "is missing in" in text_of(client, url)
    remove = f"{url}trials/{trial.pk}/remove/"
    client.post(remove)
    assert TrackedTrial.objects.count() == 2
    client.post(remove, {"history_reason": "wrong video"})
    assert TrackedTrial.objects.get().target == "absent"
    assert "An interval needs the tracks of both trials." in text_of(client, url)


def test_a_test_without_a_file_shows_its_numbers_and_other_studies_see_nothing(client: Client, study: Study):
    test = add_test(study_mouse(study), 50, 25)
    text = text_of(client, f"/studies/S1/si-tests/{test.pk}/")
    assert "25.0 s with target / 50.0 s without" in text and "No file of a tracker is behind these numbers" in text
    never = add_test(add_mouse(study, "M8"), 0, 25)
    text = text_of(client, f"/studies/S1/si-tests/{never.pk}/")
    assert "unclassified" in text and "0 s in the interaction zone without target" in text and "nan" not in text
    guest = signed_in("scorer", make_study("S2"), name="gast")
    assert guest.get(f"/studies/S1/si-tests/{test.pk}/").status_code == 404
    assert guest.get(f"/studies/S2/si-tests/{test.pk}/").status_code == 404


def study_mouse(study: Study) -> Any:
    return add_mouse(study, "M7")
