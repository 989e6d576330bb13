"""The laboratory's clock: which hour is meant, and which zone the database was first used with.

The zone is kept as a comment on Django's own table of migrations: it needs no table, travels with a backup, and only
the owner's role can change it.
"""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.utils import timezone

MARK = "labdb: time zone "
READ = "SELECT obj_description(to_regclass('public.django_migrations'), 'pg_class')"


def instant_of(local: datetime) -> datetime:
    """Return the instant of a local time; ValidationError when the clock showed it twice, or never.

    Parameters
    ----------
    local : datetime
        Without an offset.
    """
    zone = timezone.get_current_timezone()
    first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    exists = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local
    what = "happened twice" if exists else "did not happen"
    raise ValidationError(
        f"{local:%Y-%m-%d %H:%M} {what} in {zone}, for the clocks were changed; write which is meant with its offset: "
        f"{_written(first)} or {_written(second)} ({_at(first)} or {_at(second)} UTC).",
        code="clock",
    )


def _written(moment: datetime) -> str:
    offset = f"{moment:%z}"
    return f"{moment:%Y-%m-%d %H:%M}{offset[:3]}:{offset[3:5]}"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M}"


def remember_zone(cursor: Any, *, replace: bool = False) -> None:
    """Write down the zone that the database is first used with; `cursor` is the owner's."""
    cursor.execute(READ)
    if replace or not (cursor.fetchone()[0] or "").startswith(MARK):
        cursor.execute(f"COMMENT ON TABLE public.django_migrations IS '{MARK}{settings.TIME_ZONE}'")
        zone_warning.cache_clear()


def remembered_zone() -> str:
    """Return the zone that the database was first used with; empty when nobody wrote it down."""
    with connection.cursor() as cursor:
        cursor.execute(READ)
        comment = cursor.fetchone()[0] or ""
    return comment.removeprefix(MARK) if comment.startswith(MARK) else ""


@cache
def zone_warning() -> str:
    """Say that the clock is another than the one that earlier entries were typed by; asked once a process."""
    try:
        before = remembered_zone()
    except DatabaseError:
        return ""
    if before in ("", settings.TIME_ZONE):
        return ""
    return (
        f"This database was first used with the time zone {before}, and now shows {settings.TIME_ZONE}: the hours on "
        f"pages differ from those that were typed. Set TIME_ZONE={before}, or accept the new one: "
        "`manage.py accept_time_zone`."
    )


def clock(request: Any) -> dict[str, str]:
    """Give every page the zone of its times, and the warning where it is not the one of before."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    return {"lab_zone": settings.TIME_ZONE, "zone_warning": zone_warning()}
