"""Every record, every bad row, every door: the same field and the same sentence, and nothing stored.

The doors are compared with the record's one form, and each sentence with words written by hand in rows.py.
"""

import csv
import io
import json
from itertools import chain
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import reverse

from labdb.registry.findings import GIVE_REASON
from labdb.registry.forms import form_for
from labdb.registry.imports import import_table
from labdb.registry.record import Record, all_records, natural_key
from labdb.registry.rules import RowRule
from tests.registry.rows import OWN, ROWS, bad_rows, good_row, make_world, writable

Sentences = dict[str, list[str]]
pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> Any:
    return make_world()


@pytest.fixture
def client_of_writer(writer: Any, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Sign in; the admin's list of all records, on each of its pages, is left out: it takes longer than the form."""
    monkeypatch.setattr(admin.site, "get_app_list", lambda *_: [])
    client = Client(raise_request_exception=True)
    client.force_login(writer)
    return client


def by_page(client: Client, record: type[Record], row: dict[str, str], user: Any) -> Sentences:
    answer = client.post(reverse("record-add", args=[record.resource]), row)
    return {} if answer.status_code == 302 else _of_form(answer.context["form"])


def by_admin(client: Client, record: type[Record], row: dict[str, str], user: Any) -> Sentences:
    meta = record.model._meta
    answer = client.post(reverse(f"admin:{meta.app_label}_{meta.model_name}_add"), row)
    return {} if answer.status_code == 302 else _of_form(answer.context["adminform"].form)


def by_rest(client: Client, record: type[Record], row: dict[str, str], user: Any) -> Sentences:
    return _of_rest(client, record, row)


def by_rest_list(client: Client, record: type[Record], row: dict[str, str], user: Any) -> Sentences:
    answer = _of_rest(client, record, [row])
    return answer[0] if isinstance(answer, list) else answer


def as_csv(row: dict[str, str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, row.keys())
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue().encode()


def by_file(client: Client, record: type[Record], row: dict[str, str], user: Any) -> Sentences:
    report = import_table(record, as_csv(row), "rows.csv", user=user)
    found: Sentences = {}
    for error in report.errors:
        assert error.line == 2
        assert error.value == row.get(error.column, "").strip()
        found.setdefault(error.column or "__all__", []).append(error.sentence)
    return found


def by_grid(client: Client, record: type[Record], row: dict[str, str], user: Any) -> Sentences:
    sent = {"key": str(uuid4()), "rows": [{"number": 1, "cells": row}]}
    url = reverse("record-grid-save", args=[record.resource])
    answer = client.post(url, json.dumps(sent), content_type="application/json").json()
    if answer["state"] == "stored":
        return {}
    said = answer["rows"].get("1", {"errors": {}, "warnings": {}})
    found: Sentences = {name: list(sentences) for name, sentences in said["errors"].items()}
    for name, sentences in said["warnings"].items():
        found.setdefault(name, []).extend(f"{sentence} {GIVE_REASON}" for sentence in sentences)
    return found | ({"__all__": answer["sentences"]} if answer["sentences"] else {})


def _of_form(form: Any) -> Sentences:
    return {name: list(sentences) for name, sentences in form.errors.items()}


def _of_rest(client: Client, record: type[Record], body: Any) -> Any:
    answer = client.post(f"/api/v1/{record.resource}/", json.dumps(body), content_type="application/json")
    return {} if answer.status_code == 201 else answer.json()


DOORS = {
    "page": by_page,
    "admin": by_admin,
    "REST": by_rest,
    "REST list": by_rest_list,
    "file": by_file,
    "grid": by_grid,
}


@pytest.mark.parametrize("record", writable(), ids=lambda record: record.resource)
def test_a_bad_row_gets_the_same_sentence_at_every_door(
    record: type[Record], writer: Any, client_of_writer: Client
) -> None:
    good = good_row(record)
    wrong = []
    for bad in sorted(bad_rows(record), key=lambda bad: bad.is_stored_first):
        if bad.is_stored_first:
            _stored(record, good, writer)
        before = record.model._default_manager.count()
        row = {**good, **bad.cells}
        expected = _sorted(_of_form(form_for(record)(row, user=writer)))
        at_field = expected.get(bad.field, []) if bad.field else list(chain(*expected.values()))
        if not any(bad.says in sentence for sentence in at_field):
            wrong.append(f"{bad.name}: the form says {expected}; expected at {bad.field}: {bad.says}")
        for door, answer in DOORS.items():
            said = _sorted(answer(client_of_writer, record, row, writer))
            # a file finds the row of this key, and may at most ask for a reason; the other doors enter new rows only
            finds_its_row = door == "file" and (bad.is_stored_first or bad.is_taken)
            if said != ({} if finds_its_row else expected):
                wrong.append(f"{bad.name}: {door} says {said}, the form {expected}")
        if record.model._default_manager.count() != before:
            wrong.append(f"{bad.name}: a row was stored")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("record", writable(), ids=lambda record: record.resource)
def test_a_good_row_is_stored_by_every_door(record: type[Record], writer: Any, client_of_writer: Client) -> None:
    rows = record.model._default_manager
    before = rows.count()
    for door, answer in DOORS.items():
        with transaction.atomic():
            assert answer(client_of_writer, record, good_row(record), writer) == {}, door
            assert rows.count() == before + 1, door
            assert rows.order_by("pk").last().created_by == writer, door  # type: ignore[union-attr]
            transaction.set_rollback(True)  # the next door takes the same row


@pytest.mark.parametrize("record", writable(), ids=lambda record: record.resource)
def test_a_file_finds_every_row_again_by_its_natural_key(record: type[Record], writer: Any) -> None:
    row = good_row(record)
    names = [name for name in row if name in natural_key(record)] or list(row)
    text = as_csv(row)
    first = import_table(record, text, "rows.csv", user=writer)
    again = import_table(record, text, "rows.csv", user=writer)
    key_alone = as_csv({name: row[name] for name in names})
    part = import_table(record, key_alone, "rows.csv", user=writer, study=getattr(first.records[0], "study", None))
    assert [(one.created, one.changed, one.unchanged) for one in (first, again, part)] == [
        (1, 0, 0), (0, 0, 1), (0, 0, 1),
    ]  # fmt: skip
    assert not first.errors + again.errors + part.errors


@pytest.mark.parametrize("record", writable(), ids=lambda record: record.resource)
def test_every_rule_on_a_row_is_broken_by_a_row_of_the_tests(record: type[Record]) -> None:
    broken = {bad.rule for bad in OWN.get(record.resource, [])}
    rules = {rule.name for rule in record.model._meta.constraints if isinstance(rule, RowRule) and not _is_choice(rule)}
    assert rules <= broken, f"{rules - broken} of {record.resource} have no bad row in rows.py"


def test_no_row_of_the_tests_is_of_a_record_that_is_gone() -> None:
    assert set(ROWS) | set(OWN) <= {record.resource for record in all_records()}


def _stored(record: type[Record], row: dict[str, str], user: Any) -> None:
    form = form_for(record)(row, user=user)
    assert form.is_valid(), form.errors
    form.save()


def _sorted(said: Sentences) -> Sentences:
    return {name: sorted(sentences) for name, sentences in said.items()}


def _is_choice(rule: RowRule) -> bool:
    """A rule on a choice: the form knows the choices, so no row gets as far as the rule."""
    condition: Any = rule.condition
    return all(isinstance(leaf, tuple) and leaf[0].endswith("__in") for leaf in condition.children)
