"""An hour that the laboratory's clock showed twice, or never, is asked about; the zone is remembered."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from labdb.colony.models import Mouse, Weighing
from labdb.database_backend import as_owner
from labdb.registry.form_fields import InstantField
from labdb.registry.lab_clock import remember_zone, remembered_zone, zone_warning
from tests.registry.rows import make_world


# Europe/Berlin: on 2026-03-29 01:00 UTC 02:00 became 03:00, on 2026-10-25 01:00 UTC 03:00 became 02:00.
@pytest.mark.parametrize(
    ("text", "hour_utc"),
    [
        ("2026-03-29 01:59", "00:59"),
        ("2026-03-29 03:00", "01:00"),
        ("2026-10-25 01:59", "23:59"),
        ("2026-10-25 03:00", "02:00"),
        ("2026-10-25 02:30+02:00", "00:30"),
        ("2026-10-25T02:30+01:00", "01:30"),
        ("2026-03-29 02:30+01:00", "01:30"),
        ("2026-07-01 12:00Z", "12:00"),
    ],
)
def test_a_time_that_says_one_instant_is_taken(text: str, hour_utc: str) -> None:
    with timezone.override("Europe/Berlin"):
        found = InstantField().clean(text)
    assert found is not None
    assert f"{found.astimezone(UTC):%H:%M}" == hour_utc


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "2026-10-25 02:30",
            "2026-10-25 02:30 happened twice in Europe/Berlin, for the clocks were changed; write which is meant with its "
            "offset: 2026-10-25 02:30+02:00 or 2026-10-25 02:30+01:00 (00:30 or 01:30 UTC).",
        ),
        (
            "2026-03-29T02:30",
            "2026-03-29 02:30 did not happen in Europe/Berlin, for the clocks were changed; write which is meant with its "
            "offset: 2026-03-29 02:30+01:00 or 2026-03-29 02:30+02:00 (01:30 or 00:30 UTC).",
        ),
    ],
)
def test_an_hour_that_happened_twice_or_never_is_refused(text: str, says: str) -> None:
    form_field = InstantField()
    with timezone.override("Europe/Berlin"), pytest.raises(ValidationError) as refused:
        form_field.clean(text)
    assert refused.value.messages == [says]
    assert form_field.widget.input_type == "text"  # where the offset can be typed


@pytest.mark.django_db
@override_settings(TIME_ZONE="Europe/Berlin")
def test_every_door_asks_which_hour_is_meant(client: Client) -> None:
    client.force_login(make_world())
    row = {"mouse": "M001", "performed_at": "2025-10-26 02:30", "body_mass_g": "25"}  # an autumn that is past
    page = client.post("/records/weighings/add/?study=S1", row).content.decode()
    assert "2025-10-26 02:30 happened twice in Europe/Berlin" in page
    assert 'type="datetime-local" name="performed_at"' not in page
    answer = client.post("/api/v1/weighings/", row, content_type="application/json")
    assert answer.status_code == 400
    assert "2025-10-26 02:30+01:00" in answer.json()["performed_at"][0]
    told = client.post(
        "/api/v1/weighings/", {**row, "performed_at": "2025-10-26 02:30+01:00"}, content_type="application/json"
    )
    assert told.json()["performed_at"] == "2025-10-26T01:30:00Z"
    assert Weighing.objects.get().performed_at == datetime(2025, 10, 26, 1, 30, tzinfo=UTC)
    exported = b"".join(client.get("/api/v1/weighings/?export=csv").streaming_content).decode()
    assert "2025-10-26 01:30:00+00" in exported
    # an hour that repeats is kept to the instant when another field is changed
    weighing = Weighing.objects.get()
    changed = client.patch(f"/api/v1/weighings/{weighing.pk}/", {"body_mass_g": 26}, content_type="application/json")
    assert changed.json()["performed_at"] == "2025-10-26T01:30:00Z"
    assert Mouse.objects.filter(code="M001").exists()


@pytest.fixture
def zone_of_before(transactional_db: Any) -> Any:
    """Let a test change what the database remembers, and set it back."""
    _remember_anew()
    yield
    _remember_anew()


def _remember_anew() -> None:
    with as_owner(connection), connection.cursor() as cursor:
        remember_zone(cursor, replace=True)
    zone_warning.cache_clear()


@pytest.mark.django_db(transaction=True)
def test_another_zone_than_before_is_warned_of_until_it_is_accepted(zone_of_before: Any, client: Client) -> None:
    client.force_login(make_world())
    before = remembered_zone()
    with override_settings(TIME_ZONE="Asia/Tokyo"):
        with as_owner(connection), connection.cursor() as cursor:
            remember_zone(cursor)  # as every migrate does: the first word stands
        assert remembered_zone() == before
        page = client.get("/").content.decode()
        assert "All times are Asia/Tokyo time." in page
        assert f"This database was first used with the time zone {before}, and now shows Asia/Tokyo" in page
        call_command("accept_time_zone")
        assert remembered_zone() == "Asia/Tokyo"
        assert "first used with" not in client.get("/").content.decode()
