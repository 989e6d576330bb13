"""A script that writes: 1,000 SI tests in one POST, all or none; and what signing in by a token costs."""

import datetime as dt
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.databases import throwaway_database
from bench.rows import row

N_MICE, N_TESTS = 500, 1_000
N_REQUESTS = 20
TARGET_S = 3.0
HEADERS = {"content_type": "application/json"}


def measure() -> list[dict[str, Any]]:
    with throwaway_database():
        from django.core.management import call_command
        from django.test import override_settings

        call_command("load_fixtures", verbosity=0)
        plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # nothing has collected them
        with override_settings(STORAGES={"staticfiles": plain_files}, ALLOWED_HOSTS=["testserver"]):
            return [*bulk(), *signing_in()]


def bulk() -> list[dict[str, Any]]:
    from labdb.behavior.models import SocialInteractionTest
    from labdb.colony.models import Mouse, Study

    study = Study.objects.create(code="BENCH", title="a benchmark")
    Mouse.objects.bulk_create(Mouse(study=study, code=f"M{number:04}") for number in range(N_MICE))
    body = json.dumps(rows_to_send())
    client = signed_by_token()

    def post() -> None:
        answer = client.post("/api/v1/si-tests/", body, **HEADERS)
        assert answer.status_code == 201, answer.content[:300]
        assert len(answer.json()) == N_TESTS

    def bare() -> None:
        ids = dict(Mouse.objects.values_list("code", "pk"))
        SocialInteractionTest.objects.bulk_create(
            SocialInteractionTest(study=study, mouse_id=ids[row.pop("mouse")], **row) for row in rows_to_send()
        )

    post()  # what is made once for a process: the form, the statements
    SocialInteractionTest.objects.all().delete()
    bare_s = median_s(bare, clear)
    post_s = median_s(post, clear)
    return [row(f"POST of {N_TESTS:,} SI tests by names, all or none", post_s, "s", bare_s, "bulk_create", TARGET_S)]


def clear() -> None:
    from labdb.behavior.models import SocialInteractionTest

    SocialInteractionTest.objects.all().delete()


def signing_in() -> list[dict[str, Any]]:
    """The same small list, by a token and by a session."""
    from django.test import Client

    from labdb.accounts.first_account import system_account

    by_session = Client()
    by_session.force_login(system_account())
    times = [
        median_s(partial(client.get, "/api/v1/strains/?limit=1"), n=N_REQUESTS) * 1e3
        for client in (signed_by_token(), by_session)
    ]
    return [row("GET of one strain, signed by a token", times[0], "ms", times[1], "by a session", None)]


def signed_by_token() -> Any:
    from django.test import Client

    from labdb.accounts.first_account import system_account
    from labdb.accounts.rest_token import make_token

    token = make_token(system_account(), "bench", replaces=True)
    return Client(headers={"authorization": f"Token {token}"})


def rows_to_send() -> list[dict[str, Any]]:
    start = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
    return [
        {
            "mouse": f"M{number % N_MICE:04}",
            "test_number": 1 + number // N_MICE,
            "test_at": (start + dt.timedelta(days=7 * (number // N_MICE), minutes=5 * (number % 60))).isoformat(),
            "iz_absent_s": 40 + number % 50,
            "iz_present_s": 20 + number % 70,
            "corner_absent_s": 10 + number % 20,
            "corner_present_s": 15 + number % 20,
        }
        for number in range(N_TESTS)
    ]


def median_s(work: Callable[[], object], undo: Callable[[], object] = lambda: None, n: int = 3) -> float:
    times = []
    for _ in range(n):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
        undo()
    return statistics.median(times)
