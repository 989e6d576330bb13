"""An import that was refused is remembered, whichever door it came through, until the same person's succeeds."""

import io
import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from labdb.accounts.models import Role, User
from labdb.colony.models import Mouse, Study, StudyMembership, Weighing
from labdb.registry.import_log import Import, Source, imported_before
from labdb.registry.undo import CannotUndo, undo_import
from tests.registry.rows import make_world
from tests.registry.workbooks import workbook

pytestmark = pytest.mark.django_db
HEADER = "mouse,performed_at,body_mass_g\n"
WRONG = HEADER + "M001,2025-06-01 09:00,250\nM009,2025-06-01 09:00,26\n"
RIGHT = HEADER + "M001,2025-06-01 09:00,25\n"
IMPORT = "/records/weighings/import/"


@pytest.fixture
def boss() -> Client:
    user = make_world()
    client = Client()
    client.force_login(user)
    return client


def member(name: str, role: str = "technician") -> Client:
    user = User.objects.create_user(name, password="a long password")
    StudyMembership.objects.create(study=Study.objects.get(code="S1"), user=user, role=Role.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, text: str, step: str = "import") -> Any:
    """Check a pasted table on the page, and with ``import`` go on with it whatever the check said."""
    checked = client.post(IMPORT, {"text": text, "study": "S1", "step": "check"})
    if step == "check":
        return checked
    return client.post(IMPORT, {"token": checked.context["token"], "study": "S1", "step": "import"})


def command(tmp_path: Path, text: str, **options: Any) -> str:
    """Import a file by the command; return what it complained of."""
    path, err = tmp_path / "masses.csv", io.StringIO()
    path.write_text(text)
    try:
        call_command("import_records", "weighings", str(path), study="S1", stdout=io.StringIO(), stderr=err, **options)
    except SystemExit:
        return err.getvalue()
    except CommandError as error:
        return str(error)
    return ""


def troubles(client: Client) -> list[str]:
    return [f"{one.what}: {one.sentence}" for one in client.get("/").context["troubles"]]


def test_a_refused_file_is_remembered_with_who_when_what_and_why_and_nothing_else_is_stored(boss: Client):
    send(boss, WRONG, "check")
    assert not Import.objects.exists()  # a check is no attempt
    assert send(boss, WRONG).status_code == 200
    kept = Import.objects.get()
    assert (kept.is_refused, kept.n_errors, kept.resource, str(kept.study), str(kept.created_by), kept.door) == (
        True, 2, "weighings", "S1", "writer", "web import",
    )  # fmt: skip
    assert (kept.file_name, kept.sha256, kept.size_bytes) == (
        "pasted table", sha256(WRONG.encode()).hexdigest(), len(WRONG),
    )  # fmt: skip
    assert kept.refusal.splitlines()[0].startswith("line 2, column body_mass_g, value 250: 250 g is outside 1 to 100 g")
    assert (kept.n_created, kept.rows.count(), Weighing.objects.count()) == (0, 0, 0)
    assert "pasted table" in boss.get("/records/imports/?is_refused=true").content.decode()
    assert "pasted table" not in boss.get("/records/imports/?is_refused=false").content.decode()


def test_it_is_on_the_first_page_until_the_same_person_imports_the_same_record(boss: Client):
    tina, mail = member("tina"), "S1, import of weighings, pasted table: Refused for tina at "
    send(tina, WRONG)
    send(tina, WRONG)
    assert [one.startswith(mail) and "2 errors: line 2" in one for one in troubles(tina)] == [True]  # the newest stands
    assert len(troubles(boss)) == 1  # a manager's too
    assert troubles(member("ben")) == []
    send(boss, RIGHT)
    assert len(troubles(tina)) == 1  # another's success is not hers
    send(tina, HEADER + "M002,2025-06-01 09:00,25\n")
    assert troubles(tina) == troubles(boss) == []
    assert Import.objects.filter(is_refused=True, settled_at=None).count() == 0


def test_after_a_week_it_is_no_longer_on_the_first_page(boss: Client):
    send(boss, WRONG)
    Import.objects.update(created_at=timezone.now() - timedelta(days=7, minutes=1))
    assert troubles(boss) == []


def test_what_the_file_said_is_read_by_who_sent_it_and_by_managers(boss: Client):
    tina = member("tina")
    send(tina, WRONG)
    address = f"/records/imports/{Import.objects.get().pk}/rows/"
    for client, reads in ((tina, True), (boss, True), (member("meg", "manager"), True), (member("ben"), False)):
        text = client.get(address).content.decode()
        assert ("is outside 1 to 100 g" in text, "2 errors" in text) == (reads, True)
    assert "refusal" not in member("ann", "analyst").get("/api/v1/imports/").json()["results"][0]


def test_nothing_of_a_refused_import_can_be_undone_and_its_file_was_not_imported(boss: Client):
    send(boss, WRONG)
    log = Import.objects.get()
    with pytest.raises(CannotUndo, match="was refused; nothing of it was stored"):
        undo_import(log, log.created_by, "why not")
    assert "Undo this import" not in boss.get(f"/records/imports/{log.pk}/").content.decode()
    assert boss.get(f"/records/imports/{log.pk}/undo/").status_code == 200
    assert imported_before(Source.of(WRONG.encode(), "again.csv"), "weighings", log.created_by) is None


@pytest.mark.parametrize(
    ("text", "n_errors", "sentence"),
    [
        (WRONG, 2, "250 g is outside 1 to 100 g"),
        ("", 1, "is empty"),
        (HEADER + "M001,2025-06-01 09:00,25\nM001,2025-06-02 09:00,15\n", 2, "Check the mouse"),  # needs a reason
    ],
)
def test_the_command_remembers_too(boss: Client, tmp_path: Path, text: str, n_errors: int, sentence: str):
    command(tmp_path, text, dry_run=True)
    assert not Import.objects.exists()
    assert sentence in command(tmp_path, text)
    kept = Import.objects.get()
    assert (kept.file_name, kept.is_refused, kept.n_errors) == ("masses.csv", True, n_errors)
    assert sentence in kept.refusal
    assert not Weighing.objects.exists()
    assert len(troubles(boss)) == 1
    assert command(tmp_path, RIGHT) == ""
    assert troubles(boss) == []


def test_a_list_by_rest_is_remembered_and_settled_like_a_file(boss: Client):
    def post(mass: float) -> int:
        rows = [{"study": "S1", "mouse": "M001", "performed_at": "2025-06-01T09:00Z", "body_mass_g": mass}]
        return boss.post("/api/v1/weighings/", json.dumps(rows), content_type="application/json").status_code

    assert post(250) == 400
    kept = Import.objects.get()
    assert (kept.file_name, kept.door, kept.is_refused, kept.n_errors) == ("1 row by REST", "REST", True, 1)
    assert troubles(boss) == [
        f"import of weighings, 1 row by REST: Refused for writer at {timezone.localtime(kept.created_at):%Y-%m-%d %H:%M}, "
        "1 error: line 1, column body_mass_g, value 250: 250 g is outside 1 to 100 g; check the unit and the decimal point."
    ]
    assert post(25) == 201
    assert troubles(boss) == []
    assert Import.objects.count() == 1


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "two\nlines", "x" * 3000])
def test_what_the_database_cannot_hold_is_remembered_without_it(boss: Client, text: str):
    rows = json.dumps([{"study": "S1", "mouse": text, "body_mass_g": text}] * 9)
    assert boss.post("/api/v1/weighings/", rows, content_type="application/json").status_code == 400
    kept = Import.objects.get()
    assert (len(kept.refusal.splitlines()), kept.n_errors >= 9) == (5, True)
    assert f"and {kept.n_errors - 5} more" in boss.get(f"/records/imports/{kept.pk}/rows/").content.decode()


def test_a_refused_workbook_takes_its_own_study_back_and_is_remembered(boss: Client, tmp_path: Path):
    path = tmp_path / "study.xlsx"
    path.write_bytes(
        workbook(studies=[["code", "title"], ["NEW", "new"]], mice=[["code", "sex"], ["M1", "M"], ["M2", "male?"]])
    )
    for dry_run, n_kept in ((True, 0), (False, 1)):
        with pytest.raises(SystemExit):
            call_command(
                "import_workbook", str(path), study="NEW", dry_run=dry_run, stdout=io.StringIO(), stderr=io.StringIO()
            )
        assert Import.objects.count() == n_kept
    kept = Import.objects.get()
    assert (kept.resource, kept.study, kept.file_name, kept.n_errors) == ("workbook", None, "study.xlsx", 1)
    assert "sheet mice, line 3" in kept.refusal
    assert not Study.objects.filter(code="NEW").exists()
    assert not Mouse.objects.filter(code="M1").exists()
