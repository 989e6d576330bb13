"""Every door of a record: asked to show, add, change or delete a row, it answers yes or no, and never fails.

A door that does not exist for a record (a file finds no row that has no name) is left out of `DOORS`.
"""

import csv
import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.urls import reverse

from labdb.accounts.models import User
from labdb.registry.forms import REASON
from labdb.registry.record import Record, natural_key
from labdb.registry.workbook_sheets import sheet_columns, sheet_records
from tests.registry.rows import good_row
from tests.registry.test_one_sentence import as_csv
from tests.registry.workbooks import workbook

BECAUSE, CHANGED = "a test of roles", "changed by a test of roles"
JSON = "application/json"


@dataclass(frozen=True)
class Visit:
    """Somebody at the doors of a record; the row is the one that is shown, changed or deleted."""

    record: type[Record]
    client: Client
    user: User
    row: Any = None
    n_seen: int | None = None  # how many rows a list may count; None where any number is right

    @property
    def rest(self) -> str:
        """The address of the list by REST."""
        return f"/api/v1/{self.record.resource}/"

    @property
    def new(self) -> dict[str, str]:
        """A row that nobody has entered yet."""
        return {"notes": "seen"} if self.record.read_only else good_row(self.record)

    @property
    def changed(self) -> dict[str, str]:
        """The whole row with other notes: as it was entered, for a study as it stands."""
        is_study = self.record.resource == "studies"
        entered = {name: getattr(self.row, name) for name in ("code", "title", "state")} if is_study else self.new
        return {**entered, "notes": CHANGED}

    def page(self, name: str, *args: Any) -> str:
        """The address of a page of the record."""
        return reverse(f"record-{name}", args=[self.record.resource, *args])

    def admin(self, name: str, *args: Any) -> str:
        """The address of its admin."""
        meta = self.record.model._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)


def answered(visit: Visit, response: Any, *statuses: int) -> bool:
    """Whether a door let somebody in; what it may answer otherwise is a refusal in words, never a failure."""
    status = response.status_code
    assert status < 500, f"{visit.record.resource} answers {status}"
    return status in statuses


# --- view ---


def list_page(visit: Visit) -> bool:
    response = visit.client.get(visit.page("list"), {"ordering": "-id"})
    if not answered(visit, response, 200):
        return False
    count = response.context["page"].count
    assert visit.n_seen is None or count == str(visit.n_seen), f"the list counts {count} rows"
    return f'href="{visit.page("detail", visit.row.pk)}"' in response.content.decode()


def list_by_rest(visit: Visit) -> bool:
    response = visit.client.get(visit.rest, {"fields": "id", "ordering": "-id"})
    if not answered(visit, response, 200):
        return False
    body = response.json()
    assert visit.n_seen is None or body["count"] == visit.n_seen, f"REST counts {body['count']} rows"
    return visit.row.pk in [one["id"] for one in body["results"]]


def csv_file(visit: Visit) -> bool:
    query = {"export": "csv"} | ({"id": str(visit.row.pk)} if visit.n_seen is None else {})
    response = visit.client.get(visit.rest, query)
    if not answered(visit, response, 200):
        return False
    n_rows = len(list(csv.reader(b"".join(response.streaming_content).decode().splitlines(keepends=True)))) - 1
    assert visit.n_seen in (None, n_rows), f"the export holds {n_rows} rows"
    return visit.n_seen is None and n_rows == 1


def detail_page(visit: Visit) -> bool:
    return answered(visit, visit.client.get(visit.page("detail", visit.row.pk)), 200)


def detail_by_rest(visit: Visit) -> bool:
    return answered(visit, visit.client.get(f"{visit.rest}{visit.row.pk}/"), 200)


def list_in_admin(visit: Visit) -> bool:
    response = visit.client.get(visit.admin("changelist"))
    if not answered(visit, response, 200):
        return False
    found = response.context["cl"].queryset
    assert visit.n_seen is None or found.count() == visit.n_seen, f"the admin lists {found.count()} rows"
    return found.filter(pk=visit.row.pk).exists()


def detail_in_admin(visit: Visit) -> bool:
    return answered(visit, visit.client.get(visit.admin("change", visit.row.pk)), 200)


def attachments_by_rest(visit: Visit) -> bool:
    query = {"resource": visit.record.resource, "record": f"#{visit.row.pk}"}
    return answered(visit, visit.client.get("/api/v1/attachments/", query), 200)


# --- add ---


def _adds(visit: Visit, send: Callable[[], Any]) -> bool:
    rows = visit.record.model._default_manager
    before = rows.count()
    with transaction.atomic():
        response = send()
        is_added = rows.count() == before + 1
        transaction.set_rollback(True)
    if response is not None:
        answered(visit, response)
        assert not is_added or response.status_code < 400, f"{response.status_code}, and yet a row was stored"
    return is_added


def add_page(visit: Visit) -> bool:
    return _adds(visit, lambda: visit.client.post(visit.page("add"), {**visit.new, REASON: BECAUSE}))


def add_grid(visit: Visit) -> bool:
    sent = {"key": str(uuid4()), "reason": BECAUSE, "rows": [{"number": 1, "cells": visit.new}]}
    return _adds(visit, lambda: visit.client.post(visit.page("grid-save"), json.dumps(sent), content_type=JSON))


def add_by_rest(visit: Visit) -> bool:
    return _adds(visit, lambda: _post(visit, visit.new))


def add_list_by_rest(visit: Visit) -> bool:
    return _adds(visit, lambda: _post(visit, [visit.new]))


def _post(visit: Visit, body: Any) -> Any:
    return visit.client.post(visit.rest, json.dumps(body), content_type=JSON, headers={"X-Reason": BECAUSE})


def import_page(visit: Visit) -> bool:
    return _adds(visit, lambda: _import(visit, visit.new))


def _import(visit: Visit, row: dict[str, Any]) -> Any:
    file = SimpleUploadedFile("rows.csv", as_csv(row))
    return visit.client.post(visit.page("import"), {"file": file, "step": "import", REASON: BECAUSE})


def import_command(visit: Visit, folder: Any) -> bool:
    path = folder / "rows.csv"
    path.write_bytes(as_csv(visit.new))

    def send() -> None:
        with suppress(CommandError, SystemExit):
            call_command(
                "import_records", visit.record.resource, str(path), user=visit.user.username, reason=BECAUSE,
                stdout=io.StringIO(), stderr=io.StringIO(),
            )  # fmt: skip

    return _adds(visit, send)


def add_in_admin(visit: Visit) -> bool:
    return _adds(visit, lambda: visit.client.post(visit.admin("add"), {**visit.new, REASON: BECAUSE}))


def workbook_page(visit: Visit) -> bool:
    columns = [name for name in sheet_columns(visit.record) if name in visit.new]
    sheet = [columns, [visit.new[name] for name in columns]]
    file = SimpleUploadedFile("study.xlsx", workbook(**{visit.record.resource: sheet}))
    sent = {"file": file, "step": "import", "study": visit.new.get("code") or "S1", REASON: BECAUSE}
    if visit.record.resource != "studies":
        sent["study"] = "S1"
    return _adds(visit, lambda: visit.client.post(reverse("workbook"), sent))


# --- change ---


def _changes(visit: Visit, send: Callable[[], Any]) -> bool:
    rows = visit.record.model._default_manager.filter(pk=visit.row.pk)
    before = rows.values().get()
    with transaction.atomic():
        response = send()
        after = rows.values().get()
        transaction.set_rollback(True)
    answered(visit, response)
    assert after == before or response.status_code < 400, f"{response.status_code}, and yet the row was changed"
    return after != before and after["notes"] == CHANGED


def edit_page(visit: Visit) -> bool:
    sent = {"notes": CHANGED, "version": getattr(visit.row, "version", 1), REASON: BECAUSE}
    return _changes(visit, lambda: visit.client.post(visit.page("edit", visit.row.pk), sent))


def change_grid(visit: Visit) -> bool:
    row = {"number": 1, "id": visit.row.pk, "version": getattr(visit.row, "version", 1), "cells": {"notes": CHANGED}}
    sent = {"key": str(uuid4()), "reason": BECAUSE, "rows": [row]}
    return _changes(visit, lambda: visit.client.post(visit.page("grid-save"), json.dumps(sent), content_type=JSON))


def patch_by_rest(visit: Visit) -> bool:
    return _changes(visit, lambda: _send(visit, visit.client.patch, {"notes": CHANGED}))


def put_by_rest(visit: Visit) -> bool:
    return _changes(visit, lambda: _send(visit, visit.client.put, visit.changed))


def _send(visit: Visit, method: Any, body: dict[str, Any]) -> Any:
    headers = {"X-Reason": BECAUSE}
    return method(f"{visit.rest}{visit.row.pk}/", json.dumps(body), content_type=JSON, headers=headers)


def change_in_admin(visit: Visit) -> bool:
    sent = {**visit.changed, REASON: BECAUSE}
    return _changes(visit, lambda: visit.client.post(visit.admin("change", visit.row.pk), sent))


def change_by_file(visit: Visit) -> bool:
    return _changes(visit, lambda: _import(visit, visit.changed))


# --- delete ---


def _deletes(visit: Visit, send: Callable[[], Any]) -> bool:
    """Whether the row went, or only what depends on it kept it: then the role was no obstacle."""
    rows = visit.record.model._default_manager
    with transaction.atomic():
        response = send()
        is_gone = not rows.filter(pk=visit.row.pk).exists()
        transaction.set_rollback(True)
    answered(visit, response)
    return is_gone or "delete these first" in response.content.decode()


def delete_page(visit: Visit) -> bool:
    return _deletes(visit, lambda: visit.client.post(visit.page("delete", visit.row.pk)))


def delete_by_rest(visit: Visit) -> bool:
    return _deletes(visit, lambda: visit.client.delete(f"{visit.rest}{visit.row.pk}/"))


def delete_in_admin(visit: Visit) -> bool:
    return _deletes(visit, lambda: visit.client.post(visit.admin("delete", visit.row.pk), {"post": "yes"}))


Door = Callable[[Visit], bool]
DOORS: dict[str, list[Door]] = {
    "view": [
        list_page, list_by_rest, csv_file, detail_page, detail_by_rest, list_in_admin, detail_in_admin,
        attachments_by_rest,
    ],
    "add": [add_page, add_grid, add_by_rest, add_list_by_rest, import_page, add_in_admin, workbook_page],
    "change": [edit_page, change_grid, patch_by_rest, put_by_rest, change_in_admin, change_by_file],
    "delete": [delete_page, delete_by_rest, delete_in_admin],
}  # fmt: skip
COUNTING: list[Door] = [list_page, list_by_rest, csv_file, list_in_admin]


def has_door(record: type[Record], door: Door) -> bool:
    """Whether a record has this door at all."""
    if door is workbook_page:
        return record in sheet_records()
    if door is change_by_file:
        return not record.read_only and bool(natural_key(record))
    return not (record.read_only and door in (put_by_rest, change_in_admin))
