"""Files attached to records: kept once by their digest, seen and changed with the rights of their record."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client

from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Strain, Study, StudyMembership
from labdb.registry.attachments import Attachment, attach, media_type_of
from labdb.registry.deletion import StillNeeded, delete_record
from labdb.registry.file_store import path_of
from tests.registry.rows import make_world

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"


@pytest.fixture
def writer() -> Any:
    return make_world()


def file(content: bytes = PNG, name: str = "wound.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def content_of(answer: Any) -> bytes:
    """Return what was sent; the file is closed without the signal that would end the test's connection too."""
    try:
        return b"".join(answer.streaming_content)
    finally:
        for close in answer._resource_closers:
            close()


def mouse() -> Mouse:
    return Mouse.objects.get(code="M001")


def test_a_file_is_kept_once_under_its_digest(writer: Any, settings: Any) -> None:
    first = attach(mouse(), file(), "left flank", user=writer)
    second = attach(Mouse.objects.get(code="M002"), file(name="same.png"), user=writer)
    digest = sha256(PNG).hexdigest()
    assert first.sha256 == second.sha256 == digest
    stored = [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    assert stored == [Path(settings.MEDIA_ROOT) / digest[:2] / digest]
    assert stored[0].read_bytes() == PNG
    assert (first.study.code, first.size_bytes, first.media_type) == ("S1", 14, "image/png")
    assert [event.pgh_label for event in first.events.all()] == ["insert"]


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (PNG, "a.png", "image/png"),
        (b"%PDF-1.7", "a.pdf", "application/pdf"),
        (b"RIFF\x01\x02\n\x04WEBP", "a", "image/webp"),
        (b"<script>alert(1)</script>", "a.png", "application/octet-stream"),  # no picture, whatever its name
        (b"<svg onload='x'/>", "a.svg", "image/svg+xml"),
        (b"mass;1", "a", "application/octet-stream"),
    ],
)
def test_the_type_is_told_by_the_content(content: bytes, name: str, kind: str) -> None:
    assert media_type_of(content[:16], name) == kind


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no file": ({"file": ""}, "file", "Nothing was sent; choose a file."),
    "empty file": ({"file": file(b"")}, "file", "wound.png is empty; choose the file that holds something."),
    "too large": ({"file": file(b"x" * (2**20 + 1))}, "file", "wound.png has 1 MB; at most 1 MB can be attached."),
    "long name": ({"file": file(name="n" * 205 + ".txt")}, "file", "nnnnnnnnnnnnnnnnnnnn... has 209 characters"),
    "no such mouse": ({"record": "M999"}, "record", "There is no mouse M999"),
    "no such id": ({"record": "#999999"}, "record", "There is no mouse #999999"),
    "no such kind": ({"resource": "dragons"}, "resource", "dragons is not a record; enter one such as mice."),
    "no record": ({"record": ""}, "record", "Say which record the files belong to: resource=mice and record=M001."),
    "long description": ({"description": "x" * 301}, "description", "A description has at most 300 characters"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_attached_is_refused_with_words(name: str, writer: Any, client: Client, settings: Any) -> None:
    settings.ATTACHMENT_LIMIT_MB = 1
    client.force_login(writer)
    change, field, says = BAD[name]
    answer = client.post("/api/v1/attachments/", {"resource": "mice", "record": "S1-M001", "file": file(), **change})
    assert answer.status_code == 400
    assert says in answer.json()[field][0]
    assert not Attachment.objects.exists()


def test_a_name_with_a_folder_never_reaches_the_records(writer: Any) -> None:
    upload = file()
    upload._name = "../../etc/passwd"  # Django itself keeps the last part of what a browser sends
    with pytest.raises(Exception, match="names a folder or holds a control character"):
        attach(mouse(), upload, user=writer)


def test_rest_attaches_lists_sends_and_removes(writer: Any, client: Client) -> None:
    client.force_login(writer)
    made = client.post(
        "/api/v1/attachments/", {"resource": "mice", "record": "M001", "file": file(), "description": "flank"}
    )
    assert made.status_code == 201
    again = client.post("/api/v1/attachments/", {"resource": "mice", "record": "M001", "file": file()})
    assert again.json() == {"file": ["wound.png is already attached to M001."]}
    listed = client.get("/api/v1/attachments/?resource=mice&record=M001").json()
    assert [(one["file_name"], one["description"], one["study"]) for one in listed["results"]] == [
        ("wound.png", "flank", "S1")
    ]
    assert client.get("/api/v1/attachments/?resource=mice&record=M002").json()["count"] == 0
    path = f"/api/v1/attachments/{made.json()['id']}/"
    assert content_of(client.get(f"{path}file/")) == PNG
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_the_page_of_a_record_takes_shows_and_removes_files(writer: Any, client: Client) -> None:
    client.force_login(writer)
    place = f"/records/mice/{mouse().pk}/"
    answer = client.post(f"{place}attachments/", {"file": file(), "description": "flank"}, follow=True)
    page = answer.content.decode()
    made = Attachment.objects.get()
    assert f'<img class="attachment-thumbnail" src="/records/attachments/{made.pk}/file/"' in page
    assert 'capture="environment"' in page
    empty = client.post(f"{place}attachments/", {"file": file(b"")}, follow=True)
    assert "wound.png is empty" in empty.content.decode()
    client.post(f"/records/attachments/{made.pk}/delete/")
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("content", "name", "shown"), [(PNG, "a.png", "inline"), (b"<script>x</script>", "a.html", "attachment")]
)
def test_nothing_that_is_sent_runs_as_a_page(
    content: bytes, name: str, shown: str, writer: Any, client: Client
) -> None:
    client.force_login(writer)
    made = attach(mouse(), file(content, name), user=writer)
    answer = client.get(f"/records/attachments/{made.pk}/file/")
    assert content_of(answer) == content
    assert answer["Content-Disposition"].startswith(shown)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"] in ("image/png", "application/octet-stream")


def test_a_file_is_seen_and_changed_with_the_rights_of_its_record(writer: Any, client: Client) -> None:
    made = attach(mouse(), file(), user=writer)
    path = f"/api/v1/attachments/{made.pk}/"
    anna = User.objects.get(username="anna")
    client.force_login(anna)
    assert client.get(f"{path}file/").status_code == client.get(path).status_code == 404
    StudyMembership.objects.create(
        study=Study.objects.get(code="S1"), user=anna, role=Role.objects.get(name="investigator")
    )
    assert content_of(client.get(f"{path}file/")) == PNG
    refused = client.delete(path)
    assert refused.status_code == 403
    assert refused.json() == {"__all__": ["Your role may not change mice in study S1; ask a manager."]}
    sent = client.post("/api/v1/attachments/", {"resource": "mice", "record": "M001", "file": file(b"x", "x.txt")})
    assert sent.status_code == 403


def test_a_closed_study_takes_and_gives_up_no_file(writer: Any, client: Client) -> None:
    client.force_login(writer)
    made = attach(mouse(), file(), user=writer)
    Study.objects.filter(code="S1").update(state="closed")
    closed = {"__all__": ["Study S1 is closed; a manager can open it again."]}
    sent = client.post("/api/v1/attachments/", {"resource": "mice", "record": "M001", "file": file(b"x", "x.txt")})
    assert (sent.status_code, sent.json()) == (403, closed)
    assert client.delete(f"/api/v1/attachments/{made.pk}/").json() == closed
    to_study = client.post("/api/v1/attachments/", {"resource": "studies", "record": "S1", "file": file()})
    assert (to_study.status_code, to_study.json()) == (403, closed)
    assert 'type="file"' not in client.get(f"/records/mice/{mouse().pk}/").content.decode()
    with pytest.raises(IntegrityError, match="Study S1 is closed"):
        Attachment.objects.filter(pk=made.pk).delete()


def test_a_record_with_files_is_neither_deleted_nor_moved(writer: Any) -> None:
    free = Mouse.objects.create(study=Study.objects.get(code="S1"), code="FREE")
    attach(free, file(), user=writer)
    with pytest.raises(StillNeeded, match="Mouse FREE has 1 attachment; delete it first"):
        delete_record(free, writer)
    free.study = Study.objects.get(code="S2")
    with pytest.raises(Exception, match="1 attachments depend on this record, so it cannot move to another study"):
        free.clean()


def test_records_of_no_study_take_files_too(writer: Any) -> None:
    assert attach(Strain.objects.get(name="test strain"), file(), user=writer).study is None


def test_a_missing_or_damaged_file_is_named_and_never_sent(writer: Any, client: Client) -> None:
    client.force_login(writer)
    made = attach(mouse(), file(), user=writer)
    call_command("verify_files")
    path_of(made.sha256).write_bytes(b"rotten")
    answer = client.get(f"/api/v1/attachments/{made.pk}/file/")
    assert answer.status_code == 404
    assert "is not what was stored; restore it from a backup." in answer.json()["__all__"][0]
    with pytest.raises(CommandError, match=rf"mice #{made.record_id}, wound.png: .* is not what was stored"):
        call_command("verify_files")
    path_of(made.sha256).unlink()
    with pytest.raises(CommandError, match="is missing in"):
        call_command("verify_files")


def test_a_file_whose_record_is_gone_is_named(writer: Any) -> None:
    free = Mouse.objects.create(study=Study.objects.get(code="S1"), code="FREE")
    attach(free, file(), user=writer)
    Mouse.objects.filter(pk=free.pk).delete()  # as no door would
    with pytest.raises(CommandError, match=f"mice #{free.pk}, wound.png: its mice row is gone"):
        call_command("verify_files")
