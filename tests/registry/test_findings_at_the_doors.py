"""Rows that contradict other rows: the same sentence at every door, nothing stored; a warning gives way to a reason."""

import csv
import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from labdb.registry.forms import form_for
from labdb.registry.imports import import_table
from labdb.registry.record import Record, record_for
from tests.registry.rows import good_row, make_world

pytestmark = pytest.mark.django_db
REASON = "it was so"
BOXED = {"arena": "box 9", "test_at": "2025-06-20 10:00"}


@dataclass(frozen=True)
class Pair:
    """Two rows that cannot both be, or that should not."""

    resource: str
    second: dict[str, str]  # what differs from the good row
    field: str
    says: str
    first: dict[str, str] = field(default_factory=dict)
    is_warning: bool = False
    before: tuple[str, ...] = ()  # good rows of other records that both need


PAIRS = {
    "an SI test inside a trial of another mouse in the same arena": Pair(
        "si-tests", {**BOXED, "mouse": "M002", "test_at": "2025-06-20 10:04"}, "test_at", "M001", BOXED,
        before=("arenas",),
    ),
    "two scorings that count": Pair("si-tests", {"scoring_number": "2"}, "counts", "count"),
    "an aggressor with two mice at once": Pair(
        "defeat-bouts", {"mouse": "M002", "course": "", "performed_at": "2025-06-09 10:03"}, "performed_at", "M001",
    ),
    "a pair that met before": Pair(
        "defeat-bouts", {"day": "10", "performed_at": "2025-06-10 10:00"}, "aggressor", "day 9", is_warning=True,
    ),
    "a mouse in two cages at once": Pair(
        "housings", {"housed_from": "2025-06-05", "housed_to": "", "side": "R"}, "housed_from", "K1",
    ),
    "a partner that the mouse had before": Pair(
        "control-rotations", {"day": "2", "performed_at": "2025-06-02 10:00"}, "partner", "M002", is_warning=True,
    ),
    "two tubes in one position": Pair("tissue-samples", {"code": "T901"}, "position", "T900"),
    "two libraries of a pool with one index": Pair(
        "libraries", {"code": "L901", "pool": "P1", "index_i7": "ACGT"}, "index_i7", "L900",
        {"pool": "P1", "index_i7": "ACGT"},
    ),
    "two doses of one syringe on a day": Pair(
        "doses", {"planned_at": "2025-06-02 15:00", "given_at": "2025-06-02 15:00"}, "given_at", "", is_warning=True,
    ),
    "a metric in another unit": Pair(
        "tissue-measurements", {"replicate": "2", "unit": "cm3"}, "unit", "mm3", is_warning=True
    ),
}  # fmt: skip


@pytest.fixture
def writer() -> Any:
    return make_world()


def file_of(*rows: dict[str, str]) -> bytes:
    text = io.StringIO()
    lines = csv.DictWriter(text, list(rows[0]))
    lines.writeheader()
    lines.writerows(rows)
    return text.getvalue().encode()


def by_page(record: type[Record], row: dict[str, str], user: Any, reason: str) -> dict[str, list[str]]:
    client = Client()
    client.force_login(user)
    answer = client.post(reverse("record-add", args=[record.resource]), {**row, "history_reason": reason})
    return {} if answer.status_code == 302 else dict(answer.context["form"].errors)


def by_rest(record: type[Record], body: Any, user: Any, reason: str) -> Any:
    client = Client()
    client.force_login(user)
    answer = client.post(
        f"/api/v1/{record.resource}/", json.dumps(body), content_type="application/json",
        headers={"X-Reason": reason} if reason else {},
    )  # fmt: skip
    assert answer.status_code in (201, 400), answer.content
    return {} if answer.status_code == 201 else answer.json()


def by_rest_list(record: type[Record], row: dict[str, str], user: Any, reason: str) -> dict[str, list[str]]:
    answer = by_rest(record, [row], user, reason)
    return answer[0] if isinstance(answer, list) else answer


def by_file(record: type[Record], row: dict[str, str], user: Any, reason: str) -> dict[str, list[str]]:
    report = import_table(record, file_of(row), "rows.csv", user=user, reason=reason)
    found: dict[str, list[str]] = {}
    for error in () if report.is_stored else report.refusals():
        found.setdefault(error.column, []).append(error.sentence)
    return found


DOORS = {"page": by_page, "REST": by_rest, "REST list": by_rest_list, "file": by_file}


def store(resource: str, row: dict[str, str], user: Any) -> None:
    report = import_table(record_for(resource), file_of(row), "first.csv", user=user, reason="a test")
    assert report.is_stored, report.refusals()


@pytest.mark.parametrize("name", PAIRS)
def test_what_contradicts_another_row_is_said_alike_at_every_door(name: str, writer: Any) -> None:
    pair = PAIRS[name]
    record = record_for(pair.resource)
    for resource in pair.before:
        store(resource, good_row(record_for(resource)), writer)
    first = {**good_row(record), **pair.first}
    second = {**first, **pair.second}
    store(pair.resource, first, writer)
    rows = record.model._default_manager
    before = rows.count()
    expected = form_for(record)(second, user=writer).errors
    assert any(pair.says in sentence for sentence in expected.get(pair.field, [])), expected
    for door, answer in DOORS.items():
        assert answer(record, second, writer, "") == expected, door
        assert rows.count() == before, door
        with transaction.atomic():
            said = answer(record, second, writer, REASON)
            assert (said == {}) is pair.is_warning, door
            assert rows.count() == before + pair.is_warning, door
            if pair.is_warning:
                last = rows.order_by("-pk")[0].events.order_by("-pgh_id").first()  # type: ignore[attr-defined]
                assert last.pgh_context.metadata["reason"] == REASON, door
            transaction.set_rollback(True)


@pytest.mark.parametrize("name", PAIRS)
def test_rows_of_one_sheet_are_held_against_each_other(name: str, writer: Any) -> None:
    pair = PAIRS[name]
    record = record_for(pair.resource)
    for resource in pair.before:
        store(resource, good_row(record_for(resource)), writer)
    first = {**good_row(record), **pair.first}
    report = import_table(record, file_of(first, {**first, **pair.second}), "rows.csv", user=writer)
    assert not report.is_stored
    assert any(error.column == pair.field for error in report.refusals()), report.refusals()
    assert bool(report.errors) is not pair.is_warning
