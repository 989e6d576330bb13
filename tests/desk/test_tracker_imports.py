"""What came in by trackers' files is an import like any other: listed, undone as a whole, and remembered when refused."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from labdb.accounts.models import User
from labdb.behavior.models import (
    Arena,
    AssayResult,
    SocialInteractionTest,
    TrackedAssayTrial,
    TrackedTrial,
    TrackerMapping,
)
from labdb.colony.models import Mouse, Study
from labdb.registry.attachments import Attachment, attach
from labdb.registry.import_log import Import
from tests.analysis.small_study import add_mouse, add_test, make_study
from tests.analysis.treated_study import signed_in
from tests.behavior.assay_tracks import THROUGH, make_maze, make_maze_assay, walk
from tests.behavior.si_trials import make_arena, si_trial

pytestmark = pytest.mark.django_db
FILES = {
    "a.txt": si_trial("M1", 60, stage="no target"),
    "b.txt": si_trial("M1", 30, stage="target", start="11/27/2025 10:04:00"),
    "c.txt": si_trial("M2", 40, stage="no target", start="11/27/2025 11:00:00"),
}


@pytest.fixture
def study() -> Study:
    study = make_study()
    for code in ("M1", "M2"):
        add_mouse(study, code)
    add_test(Mouse.objects.get(code="M2"), 70, 30)
    return study


@pytest.fixture
def client(study: Study) -> Client:
    return signed_in("scorer", study)


@pytest.fixture
def manager(study: Study) -> Client:
    return signed_in("manager", study, name="mia")


def send(client: Client, url: str, files: dict[str, bytes], **said: Any) -> Any:
    uploads = [SimpleUploadedFile(name, data) for name, data in files.items()]
    return client.post(url, {"files": uploads, "step": "save", **said})


def send_si(client: Client, files: dict[str, bytes], **said: Any) -> Any:
    words = f"ethovision_raw_data-{make_arena_once()}-"
    side = {f"{words}target_side": "bottom", "arena": "box 1", "test_number": "1"}
    return send(client, "/studies/S1/tracker-files/", files, **{**side, **said})


def make_arena_once() -> int:
    found = Arena.objects.filter(name="box 1").first() or make_arena()
    return found.pk


def undo(client: Client, log: Import, reason: str = "wrong videos") -> Any:
    return client.post(f"/records/imports/{log.pk}/undo/", {"reason": reason})


def test_files_of_si_tests_are_one_import_that_is_undone_with_all_that_came_with_it(client, manager, study):
    before = SocialInteractionTest.objects.get()
    stored = send_si(client, FILES, reason="the first scorer saw half of the trial")
    assert stored.status_code == 302, stored.content.decode()[-2000:]
    log = Import.objects.get()
    assert (log.resource, log.file_name, log.door) == ("tracked-trials", "a.txt and 2 more", "tracker files")
    assert (log.n_created, log.n_changed, log.n_warnings) == (4, 1, 1)  # a test and three trials; M2's test was there
    assert log.size_bytes == sum(map(len, FILES.values())) and log.reason.startswith("the first scorer")
    text = manager.get(f"/records/imports/{log.pk}/rows/").content.decode()
    assert "M1 SI test 1, target absent" in text and "M2 SI test 1" in text and "changed" in text
    assert f"Import {log.pk} in Records" in client.get("/").content.decode()
    assert SocialInteractionTest.objects.get(pk=before.pk).iz_absent_s == 40.029
    assert Attachment.objects.count() == 3

    assert undo(client, log).status_code == 403  # who may delete nothing
    test = SocialInteractionTest.objects.get(mouse__code="M1")
    by_hand = attach(test, ContentFile(b"photo", name="photo.jpg"), user=User.objects.get(username="mia"))
    assert "M1 SI test 1 has 1 attachment." in undo(manager, log).content.decode()
    by_hand.delete()
    assert undo(manager, log).status_code == 302
    assert SocialInteractionTest.objects.get().iz_absent_s == 70 and not TrackedTrial.objects.exists()
    assert not Attachment.objects.exists() and TrackerMapping.objects.count() == 1
    assert send_si(client, FILES, reason="right after all").status_code == 302  # nothing of it is stored any more
    assert TrackedTrial.objects.count() == 3


def test_what_was_built_on_an_import_keeps_it(client, manager, study):
    files = {name: FILES[name] for name in ("a.txt", "b.txt")}
    send_si(client, files)
    log = Import.objects.get()
    test = SocialInteractionTest.objects.get(mouse__code="M1")
    SocialInteractionTest.objects.filter(pk=test.pk).update(notes="looked at again")
    assert "M1 SI test 1 was changed since." in undo(manager, log).content.decode()
    assert TrackedTrial.objects.count() == 2


def test_a_refused_drop_is_remembered_until_one_succeeds(client, study):
    refused = send_si(client, {"a.txt": FILES["a.txt"], "rubbish.txt": b"\x00\x01" * 90})
    assert refused.status_code == 200
    log = Import.objects.get()
    assert log.is_refused and log.n_errors == 2 and log.resource == "tracked-trials" and log.settled_at is None
    assert "rubbish.txt" in log.refusal and "there is no trial with target present" in log.refusal
    assert "a.txt and 1 more" in client.get("/").content.decode()  # among the troubles of the first page
    assert send_si(client, {name: FILES[name] for name in ("a.txt", "b.txt")}).status_code == 302
    log.refresh_from_db()
    assert log.settled_at is not None
    uploads = [SimpleUploadedFile("a.txt", FILES["a.txt"])]
    client.post("/studies/S1/tracker-files/", {"files": uploads, "step": "check"})
    assert Import.objects.count() == 2  # a check is no import


def test_files_of_an_assay_are_undone_with_their_results(client, manager, study):
    make_maze()
    assay = make_maze_assay()
    url = f"/studies/S1/assays/{assay.pk}/tracker-files/"
    said = {"arena": "maze A", "session": "day 1"}
    assert send(client, url, {"m.txt": walk("M1", THROUGH)}, **said).status_code == 302
    log = Import.objects.get()
    assert (log.resource, log.file_name, log.n_created) == ("tracked-assay-trials", "m.txt", 7)
    assert log.sha256 == TrackedAssayTrial.objects.get().sha256
    assert undo(manager, log).status_code == 302
    assert not AssayResult.objects.exists() and not TrackedAssayTrial.objects.exists()
    assert not Attachment.objects.exists()


def test_the_same_files_make_another_scoring_that_does_not_count(client, study):
    files = {name: FILES[name] for name in ("a.txt", "b.txt")}
    assert send_si(client, files).status_code == 302
    first = SocialInteractionTest.objects.get(mouse__code="M1")
    SocialInteractionTest.objects.filter(pk=first.pk).update(room="R2", order_of_day=4)
    again = send_si(client, files)
    assert "is stored already: M1 SI test 1, target absent." in " ".join(again.context["drop"].sentences)
    alone = send_si(client, {"a.txt": files["a.txt"]}, scoring="another")
    assert "Another scoring needs both trials, and there is none of M1 with target present" in " ".join(
        alone.context["drop"].sentences
    )
    words = f"ethovision_raw_data-{make_arena_once()}-"
    by_zones = {f"{words}scored_from": "tracker's zones", f"{words}role-IZ / center-point": "interaction zone"}
    assert send_si(client, files, scoring="another", **by_zones).status_code == 302
    second = SocialInteractionTest.objects.get(mouse__code="M1", scoring_number=2)
    assert (second.counts, second.room, second.order_of_day, second.test_at) == (False, "R2", 4, first.test_at)
    assert (second.iz_absent_s, second.iz_present_s, second.corner_absent_s) == (60, 30, None)
    first.refresh_from_db()
    assert (first.counts, first.iz_absent_s) == (True, 60.029)
    assert second.tracked_trials.count() == 2
    never = send_si(client, {"c.txt": FILES["c.txt"]}, scoring="another", test_number="3")
    assert "M2 has no SI test 3 that could be scored again" in " ".join(never.context["drop"].sentences)
    other = {f"mouse-{row.key}": "M2" for row in again.context["drop"].rows}
    moved = send_si(client, files, scoring="another", **other)
    assert "is stored already" in " ".join(moved.context["drop"].sentences)  # of another mouse it is no second scoring
