"""`migrate`, by the role that owns the tables: the role that works may not alter them."""

from typing import Any

from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from labdb.database_backend import as_owner
from labdb.postgres import grant_app_role
from labdb.registry.autodetector import Autodetector
from labdb.registry.history_protection import protect_history
from labdb.registry.lab_clock import remember_zone
from labdb.registry.quick_states import quick_states


class Command(MigrateCommand):
    """Django's command, run as the owner; then the working role gets its rights, and none on the history."""

    autodetector = Autodetector  # the same as in `makemigrations`, or Django's checks refuse both

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate and grant."""
        connection = connections[options["database"]]
        if connection.in_atomic_block:
            super().handle(*args, **options)
            return
        app_role = connection.settings_dict["USER"]
        with as_owner(connection), quick_states():
            super().handle(*args, **options)
            with connection.cursor() as cursor:
                grant_app_role(cursor, app_role)
                if connection.settings_dict["USER"] != app_role:  # one role for both cannot be kept from itself
                    protect_history(cursor, app_role)
                if MigrationRecorder(connection).has_table():  # not yet, where only a plan was asked for
                    remember_zone(cursor)
