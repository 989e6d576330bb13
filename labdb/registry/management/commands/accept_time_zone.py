"""`accept_time_zone`: from now on the database's clock is the one that is set."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from labdb.database_backend import as_owner
from labdb.registry.lab_clock import remember_zone


class Command(BaseCommand):
    """Remember the present zone in place of the one before."""

    help = "Remember the time zone that is set now in place of the one that the database was first used with."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it down as the owner."""
        with as_owner(connection), connection.cursor() as cursor:
            remember_zone(cursor, replace=True)
        self.stdout.write(f"The database's time zone is {settings.TIME_ZONE}; restart labdb.")
