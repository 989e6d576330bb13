"""Long work: followed and stopped by whoever began it, and nothing of it stored."""

import io
import re
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from labdb.accounts.models import User
from labdb.colony.models import Cage, Mouse
from labdb.registry.file_store import drafts_folder
from labdb.registry.import_log import Import
from labdb.registry.imports import import_table
from labdb.registry.long_work import told_to
from labdb.registry.record import record_for
from labdb.registry.workbook_import import import_workbook
from labdb.sequencing.models import CountMatrix, Gene, Library
from tests.registry.held_work import HeldWork
from tests.registry.rows import make_world
from tests.registry.workbooks import workbook

CAGES = b"study,code\nS1,K7\nS1,K8\n"
NO_SUCH_WORK = {"__all__": ["This work has ended, or has not begun; nothing can be stopped."]}
PAGES = {  # address, file, what is said beside it, what is called after the file was read
    "table": ("/records/cages/import/", "cages.csv", CAGES, {}, "labdb.registry.imports.check_rows"),
    "workbook": (
        "/records/workbook/", "study.xlsx", workbook(mice=[["code"], ["M91"]], cages=[["code"], ["K7"]]),
        {"study": "S1"}, "labdb.registry.workbook_import.check_sheet",
    ),
    "counts": (
        "/counts/import/", "counts.csv", b"gene,L1,L2\nFos,1,2\nArc,3,4\n", {"study": "S1", "annotation": "A1"},
        "labdb.sequencing.count_import.store_counts",
    ),
}  # fmt: skip


def make_lab() -> Any:
    user = make_world()
    for code in ("L1", "L2"):
        Library.objects.get_or_create(study=Mouse.objects.get(code="M001").study, code=code)
    return user


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", PAGES)
def test_work_is_followed_and_stopped_by_whoever_began_it_and_by_nobody_else(
    page: str,
) -> None:
    user = make_lab()
    address, name, content, beside, held_at = PAGES[page]
    key = str(uuid.uuid4())

    def sending() -> str:
        sent = {"file": SimpleUploadedFile(name, content), "step": "import", "work": key, **beside}
        try:
            return signed_in(user).post(address, sent).content.decode()
        finally:
            connection.close()

    owner, other = signed_in(user), signed_in(User.objects.create_superuser("other", password="another long one"))
    with ThreadPoolExecutor(1) as senders, HeldWork(held_at) as held:
        waiting = senders.submit(sending)
        held.wait()
        told = owner.get(f"/work/{key}/").json()
        strangers = [other.get(f"/work/{key}/"), other.post(f"/work/{key}/stop/")]
        before = owner.get(f"/work/{key}/").json()
        stopping = owner.post(f"/work/{key}/stop/").json()
        held.go_on.set()
        answer = waiting.result(timeout=60)
    assert told["doing"]
    assert told["is_stopping"] is before["is_stopping"] is False
    assert [(one.status_code, one.json()) for one in strangers] == [(404, NO_SUCH_WORK)] * 2
    assert stopping == {"is_stopping": True}
    assert "Stopped; nothing was stored." in answer
    assert re.search(r'name="token" value="[^"]+"', answer), "the file is kept"
    assert not Cage.objects.filter(code__in=["K7", "K8"]).exists()
    assert not (Import.objects.exists() or CountMatrix.objects.exists() or Gene.objects.exists())
    ended = owner.get(f"/work/{key}/")
    assert (ended.status_code, ended.json()) == (404, NO_SUCH_WORK)
    assert not list(drafts_folder().glob("work.*"))


@pytest.mark.django_db
def test_a_key_that_is_none_is_answered_in_a_sentence(client: Client) -> None:
    assert client.get(f"/work/{uuid.uuid4()}/").status_code == 401
    client.force_login(make_world())
    for key in ("none", "..", str(uuid.uuid4()), "7" * 40):
        for answer in (client.get(f"/work/{key}/"), client.post(f"/work/{key}/stop/")):
            assert (answer.status_code, answer.json()) == (404, NO_SUCH_WORK), key
    assert client.get(f"/work/{uuid.uuid4()}/stop/").status_code == 405
    sent = {"file": SimpleUploadedFile("cages.csv", CAGES), "step": "import", "work": "../no key"}
    assert client.post("/records/cages/import/", sent).status_code == 302
    assert Cage.objects.filter(code="K7").exists()


@pytest.mark.django_db
def test_within_each_phase_the_numbers_only_grow_and_reach_their_total() -> None:
    user = make_world()
    said: list[tuple[int, int, str]] = []
    rows = "".join(f"S1,K{number}\n" for number in range(100, 350))
    sheets = workbook(cages=[["code"], *([f"W{number}"] for number in range(120))], mice=[["code"], ["M91"]])
    with told_to(lambda *tick: said.append(tick)):
        report = import_table(record_for("cages"), f"study,code\n{rows}".encode(), "cages.csv", user=user)
        import_workbook(sheets, "study.xlsx", study="S1", user=user)
    assert report.created == 250
    phases: dict[str, list[int]] = defaultdict(list)
    totals: dict[str, set[int]] = defaultdict(set)
    for done, total, doing in said:
        phases[doing].append(done)
        totals[doing].add(total)
    assert all(dones == sorted(dones) and len(totals[doing]) == 1 for doing, dones in phases.items())
    assert phases["checking cages"] == [0, 100, 200, 250]
    assert totals["checking cages"] == {250}
    assert phases["sheet 1 of 2: checking cages"] == [0, 100, 120]
    assert {"reading cages.csv", "storing cages", "sheet 2 of 2: checking mice"} <= phases.keys()


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_ends_a_command_in_one_sentence_with_nothing_stored(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_lab()

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("labdb.registry.import_storing.log_rows", interrupt)
    monkeypatch.setattr("labdb.sequencing.expression_store.write_gene_blocks", interrupt)
    commands = {"table": ("import_records", "cages"), "workbook": ("import_workbook",), "counts": ("import_counts",)}
    for page, (command, *before) in commands.items():
        _address, name, content, beside, _held_at = PAGES[page]
        file, terminal = tmp_path / name, Terminal()
        file.write_bytes(content)
        options = [part for word, value in beside.items() for part in (f"--{word}", value)]
        with pytest.raises(CommandError, match=r"^Stopped; nothing was stored\.$") as stopped:
            call_command(command, *before, str(file), *options, stderr=terminal)
        assert stopped.value.returncode == 130
        shown = terminal.getvalue()
        assert {"table": "reading cages.csv", "workbook": "reading cages", "counts": f"looking through {name}"}[
            page
        ] in shown
        assert not shown.split("\r")[-2].strip(), "the line is cleared"
    assert not Cage.objects.filter(code__in=["K7", "K8"]).exists()
    assert not (Import.objects.exists() or CountMatrix.objects.exists() or Gene.objects.exists())
