"""Exports as they run: on connections of their own, few at once, and gone as soon as their reader is."""

import socket
import time
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, RequestFactory

from labdb.accounts.models import User
from labdb.colony.models import Mouse, Study, Weighing
from labdb.registry import exports
from labdb.registry.copy_out import ClientGone, CopyOut
from labdb.registry.export_formats import FORMATS
from labdb.registry.history import writing

pytestmark = pytest.mark.django_db(transaction=True)
N_ROWS = 30_000
LIST = "/api/v1/weighings/?fields=mouse,performed_at,body_mass_g,notes"
RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"


@pytest.fixture
def boss() -> Client:
    """Somebody who sees more rows than a socket holds."""
    with writing(door="test"):
        study = Study.objects.create(code="BIG", title="Big")
        mouse = Mouse.objects.create(study=study, code="M1", sex="M")
        Weighing.objects.bulk_create(
            Weighing(study=study, mouse=mouse, body_mass_g=20 + at / N_ROWS, notes="x" * 100) for at in range(N_ROWS)
        )
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def n_exports() -> int:
    with connection.cursor() as cursor:
        cursor.execute(RUNNING, [settings.EXPORTS_APPLICATION])
        return int(cursor.fetchone()[0])


def wait_for_none() -> float:
    begun_s = time.monotonic()
    while n_exports():
        assert time.monotonic() - begun_s < 5, "an export still holds its connection"
        time.sleep(0.01)
    return time.monotonic() - begun_s


@pytest.mark.parametrize("name", FORMATS)
def test_a_reader_who_hangs_up_frees_connection_and_place_at_once(name: str, boss: Client) -> None:
    places = exports._places._value  # type: ignore[attr-defined]
    for _time in range(places + 2):  # more often than there are places
        answer: Any = boss.get(f"{LIST}&export={name}")
        assert answer.status_code == 200
        next(iter(answer.streaming_content))
        assert n_exports() == 1
        answer.close()  # as the server does when sending fails
        assert wait_for_none() < 1
    assert exports._places._value == places  # type: ignore[attr-defined]
    assert boss.get("/api/v1/weighings/?limit=1").json()["count"] == N_ROWS


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_that_ends_gives_its_place_back(name: str, boss: Client) -> None:
    answer: Any = boss.get(f"{LIST}&export={name}")
    assert len(b"".join(answer.streaming_content)) > 100_000
    wait_for_none()
    assert exports._places._value == settings.EXPORTS_AT_ONCE  # type: ignore[attr-defined]


def test_more_exports_than_there_are_places_are_asked_to_come_again(boss: Client) -> None:
    running: list[Any] = [boss.get(f"{LIST}&export=csv") for _place in range(settings.EXPORTS_AT_ONCE)]
    try:
        _crowded(boss, running)
    finally:
        for answer in running:
            answer.close()
    wait_for_none()


def _crowded(boss: Client, running: list[Any]) -> None:
    refused = boss.get(f"{LIST}&export=csv")
    assert (refused.status_code, refused["Retry-After"]) == (429, "10")
    assert refused.json() == {
        "export": [f"{settings.EXPORTS_AT_ONCE} exports are being written already; try again in a few seconds."]
    }
    page = boss.get("/records/weighings/?export=csv")
    assert page.status_code == 429
    assert "are being written already" in page.content.decode()
    assert boss.get("/records/mice/").status_code == 200
    running.pop().close()
    running.append(boss.get(f"{LIST}&export=csv"))
    assert running[-1].status_code == 200


def test_an_error_of_the_database_gives_the_place_back(boss: Client) -> None:
    for _time in range(settings.EXPORTS_AT_ONCE + 1):
        refused = boss.get("/api/v1/weighings/?export=csv&id=99999999999999999999999")
        assert refused.status_code == 400
    wait_for_none()
    assert exports._places._value == settings.EXPORTS_AT_ONCE  # type: ignore[attr-defined]


def test_whoever_hangs_up_while_the_database_computes_is_noticed() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(exports.STALLED_S)
        copy = CopyOut("COPY (SELECT pg_sleep(60)) TO STDOUT WITH (FORMAT csv)", ours)
        assert copy.block(100, patience_s=0.05) == (bytearray(), 0)
        theirs.close()
        begun_s = time.monotonic()
        with pytest.raises(ClientGone):
            copy.block(100)
        copy.close()
        assert wait_for_none() + time.monotonic() - begun_s < 3


def test_whoever_waits_while_the_database_computes_gets_the_rows() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(exports.STALLED_S)
        theirs.send(b"GET /next")  # a second request on the same connection is no farewell
        copy = CopyOut("COPY (SELECT pg_sleep(1.5), 7) TO STDOUT WITH (FORMAT csv)", ours)
        assert copy.block(100) == (bytearray(b'"",7\n'), 1)
        copy.close()


def test_an_error_on_the_way_is_raised_and_frees_the_connection() -> None:
    copy = CopyOut("COPY (SELECT 1 / (100000 - n) FROM generate_series(1, 200000) AS n) TO STDOUT WITH (FORMAT csv)")
    with pytest.raises(Exception, match="division by zero"):
        while not copy.is_over:
            copy.block(2**16)
    copy.close()
    wait_for_none()


def test_inside_a_transaction_its_own_rows_are_exported(boss: Client) -> None:
    from django.db import transaction

    with transaction.atomic():
        CopyOut("COPY (SELECT 1 FROM generate_series(1, 100000)) TO STDOUT").close()  # and it can be used on
        Weighing.objects.all().delete()
        answer: Any = boss.get(f"{LIST}&export=csv")
        assert b"".join(answer.streaming_content) == b"mouse,performed_at,body_mass_g,notes\n"
        transaction.set_rollback(True)


def test_a_client_that_takes_nothing_is_not_waited_for_without_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        request = RequestFactory().get("/", **{"gunicorn.socket": ours})
        assert exports._patient_socket(request) is ours
        assert ours.gettimeout() == exports.STALLED_S
