"""The schema and the answers agree: schemathesis asks every operation with sense and nonsense, signed by each role.

A few examples, always the same, and roles take turns; `SCHEMATHESIS_EXAMPLES=50` asks more, by every role.
"""

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from labdb.accounts.rest_token import make_token
from labdb.registry.record import record_for
from tests.registry.role_world import World, resources, roles

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "1"))  # of each operation and mode
IS_LONG = EXAMPLES > 1
# A rule of the laboratory refuses with a 400 what the shape allows: a mouse that is not there, a test before the last
# defeat. No schema can say it, so sense is not always accepted.
LEFT_OUT = ("positive_data_acceptance",)


@pytest.fixture(scope="module")
def kept(django_db_setup: Any, django_db_blocker: Any) -> Iterator[list["Laboratory"]]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield []
        transaction.set_rollback(True)


@pytest.fixture
def laboratory(kept: list["Laboratory"], quiet_server: None) -> Iterator["Laboratory"]:
    """The one of all tests, made when the first one has set the server up; its connection outlives each request."""
    if not kept:
        kept.append(Laboratory())
    for signal in (request_started, request_finished):  # Django's own client connects them anew
        signal.disconnect(close_old_connections)
    yield kept[0]
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(autouse=True)
def without_warnings() -> Iterator[None]:
    """Write no trace of the refusals that are wanted."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


class Laboratory:
    """Somebody for each role, a token for each of them, and the schema as they get it."""

    def __init__(self) -> None:
        self.world = World.make()
        people = {role: self.world.members[role].user for role in roles()}
        self.tokens = {role: make_token(person, "schemathesis") for role, person in people.items()}
        self.tokens["an administrator"] = make_token(self.world.writer, "schemathesis")
        self.tokens["a token that only reads"] = make_token(self.world.writer, "reader", is_read_only=True)
        self.tokens["a token of another study"] = make_token(self.world.writer, "other", study=self.world.elsewhere)
        client = Client()
        client.force_login(self.world.writer)
        document = client.get("/api/schema/", headers={"accept": "application/json"}).json()
        self.schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict({}))
        self.schema.app = get_wsgi_application()

    def operations(self, start: str) -> list[Any]:
        """The operations at these addresses."""
        found = [one.ok() for one in self.schema.get_all_operations()]
        return [one for one in found if one.path == start or one.path.startswith(f"{start}{{")]


def checks() -> list[Any]:
    return [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name not in LEFT_OUT]


@pytest.mark.parametrize("resource", resources())
def test_every_answer_is_as_the_schema_says(resource: str, laboratory: Laboratory) -> None:
    with transaction.atomic():
        row = laboratory.world.row_of(record_for(resource))
        wrong = ask_all(laboratory, f"/api/v1/{resource}/", resources().index(resource), {"id": str(row.pk)})
        transaction.set_rollback(True)
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("start", ["/api/v1/genes/{symbol}/expression/", "/api/v1/attachments/"])
def test_so_are_the_answers_of_doors_beside_the_records(start: str, laboratory: Laboratory) -> None:
    wrong = ask_all(laboratory, start, 1, {"symbol": "Fos", "id": "1"})
    assert not wrong, "\n\n".join(wrong)


def ask_all(laboratory: Laboratory, start: str, turn: int, place: dict[str, str]) -> list[str]:
    wrong: list[str] = []
    names = list(laboratory.tokens)
    operations = laboratory.operations(start)
    assert operations, f"the schema says nothing of {start}"
    for at, operation in enumerate(operations):
        asking = names if IS_LONG else [names[(turn + at) % len(names)]]
        for name in asking:
            headers = {"Authorization": f"Token {laboratory.tokens[name]}"}
            for mode in GenerationMode:
                places = ([place, None] if IS_LONG else [place]) if "{" in operation.path else [None]
                for path_parameters in places:
                    problem = ask(operation, mode, headers, path_parameters)
                    if problem:
                        wrong.append(f"{operation.label}, {name}, {mode.value}: {problem}")
    return wrong


def ask(operation: Any, mode: GenerationMode, headers: dict[str, str], path_parameters: Any) -> str:
    try:
        cases = operation.as_strategy(mode, path_parameters=path_parameters)

        @seed(20260314)
        @hypothesis_settings(
            max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=cases)
        def answers(case: Any) -> None:
            with transaction.atomic():
                try:
                    case.call_and_validate(headers=headers, checks=checks())
                finally:
                    transaction.set_rollback(True)

        answers()
    except (Exception, BaseExceptionGroup) as error:
        text = f"{type(error).__name__}: {error}"
        return text if "Unsatisfiable" not in text and "SkipTest" not in text else ""
    return ""
