"""`backup FILE`: the whole database and its files in one verified file, while labdb runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from labdb.archive import ArchiveError
from labdb.desk.backups import make_backup, missing_files
from labdb.postgres import PostgresError


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
            manifest = make_backup(target)
        except (ArchiveError, PostgresError, OperationalError) as error:
            raise CommandError(str(error)) from error
        rows, files = sum(manifest["tables"].values()), len(manifest["members"]) - 1
        size_mb = target.stat().st_size / 1e6
        self.stdout.write(
            f"{target}: {len(manifest['tables'])} tables, {rows} rows, {files} files, {size_mb:.1f} MB. "
            "It holds password hashes and the treatment keys: keep it as safe as the database."
        )
        if missing := missing_files(manifest):
            self.stderr.write(
                f"{missing} attached files are not in it, for they are missing; see `manage.py verify_files`."
            )
