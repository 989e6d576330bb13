"""`restore FILE`: put a backup back, all or nothing."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from labdb.archive import ArchiveError, connection_parameters, opened_archive, restore_archive
from labdb.database_backend import as_owner
from labdb.desk.installation import unknown_migrations
from labdb.postgres import PostgresError


class Command(BaseCommand):
    """Restore a backup."""

    help = "Put a backup back: verified first, then all or nothing. Refuses a database that is not empty."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file and the permission to discard."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="discard what the database holds now")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, restore as the owner, and migrate, which also renews the protection of the history."""
        source = options["file"].expanduser().absolute()
        app_role = connection.settings_dict["USER"]
        try:
            with opened_archive(source, Path(settings.DATA_DIR)) as (unpacked, manifest):
                if newer := unknown_migrations(manifest.get("migrations", [])):
                    raise ArchiveError(
                        f"{source} comes from labdb {manifest.get('labdb_version')}, which is newer (it has "
                        f"{newer[0]}). Restore it with that version."
                    )
                with as_owner(connection):
                    connection.ensure_connection()  # starts the embedded server
                    parameters = connection_parameters(connection.get_connection_params())
                    connection.close()
                    restore_archive(
                        unpacked,
                        manifest,
                        parameters,
                        Path(settings.MEDIA_ROOT),
                        app_role=app_role,
                        replace=options["replace"],
                    )
        except (ArchiveError, PostgresError, OperationalError) as error:
            raise CommandError(str(error)) from error
        call_command("migrate", interactive=False, verbosity=0)
        rows, files = sum(manifest["tables"].values()), len(manifest["members"]) - 1
        self.stdout.write(
            f"Restored {len(manifest['tables'])} tables, {rows} rows and {files} files from {source}, "
            f"backed up at {manifest['made_at']}."
        )
