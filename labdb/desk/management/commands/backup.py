"""`backup FILE`: the whole database and its files in one verified file, while labdb runs."""

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from labdb.archive import ArchiveError, connection_parameters, write_archive
from labdb.database_backend import as_owner
from labdb.desk.installation import applied_migrations
from labdb.postgres import PostgresError
from labdb.registry.attachments import Attachment


class Command(BaseCommand):
    """Write a backup."""

    help = "Write the whole database and its files to one file. labdb may be in use."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the file."""
        parser.add_argument("file", type=Path, help="a file that exists is replaced once the new one is complete")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the archive as the owner, who may read everything."""
        target = options["file"].expanduser().absolute()
        try:
            about = {"labdb_version": settings.LABDB_VERSION, "migrations": applied_migrations()}
            with as_owner(connection):
                connection.ensure_connection()  # starts the embedded server
                parameters = connection_parameters(connection.get_connection_params())
                manifest = write_archive(target, parameters, Path(settings.MEDIA_ROOT), about)
        except (ArchiveError, PostgresError, OperationalError) as error:
            raise CommandError(str(error)) from error
        rows, files = sum(manifest["tables"].values()), len(manifest["members"]) - 1
        size_mb = target.stat().st_size / 1e6
        self.stdout.write(
            f"{target}: {len(manifest['tables'])} tables, {rows} rows, {files} files, {size_mb:.1f} MB. "
            "It holds password hashes and the treatment keys: keep it as safe as the database."
        )
        if missing := _missing_files(manifest["members"]):
            self.stderr.write(
                f"{missing} attached files are not in it, for they are missing; see `manage.py verify_files`."
            )


def _missing_files(members: Iterable[str]) -> int:
    """Return the number of attached files that the backup does not hold."""
    stored = {PurePosixPath(name).name for name in members}
    return len(set(Attachment.objects.values_list("sha256", flat=True)) - stored)
