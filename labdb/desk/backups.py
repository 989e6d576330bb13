"""Backups: made by command or by the clock, read back, the old ones cleared away."""

import re
import socket
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from labdb.archive import ArchiveError, connection_parameters, verify_archive, write_archive
from labdb.database_backend import as_owner
from labdb.desk.installation import applied_migrations
from labdb.registry.attachments import Attachment

OWN_NAME = re.compile(r"labdb-\d{4}-\d\d-\d\d-\d{6}\.labdb")  # of those that the clock made: no other is cleared away


def backup_folder() -> Path:
    """Return where backups by the clock go."""
    return Path(settings.BACKUP_DIR or settings.DATA_DIR / "backups")


def make_backup(target: Path) -> dict[str, Any]:
    """Write a backup as the owner, who may read everything, and return its manifest."""
    about = {"labdb_version": settings.LABDB_VERSION, "migrations": applied_migrations()}
    with as_owner(connection):
        connection.ensure_connection()  # starts the embedded server
        parameters = connection_parameters(connection.get_connection_params())
        return write_archive(target, parameters, Path(settings.MEDIA_ROOT), about)


def missing_files(manifest: dict[str, Any]) -> int:
    """Return the number of attached files that a backup does not hold."""
    stored = {PurePosixPath(name).name for name in manifest["members"]}
    return len(set(Attachment.objects.values_list("sha256", flat=True)) - stored)


def back_up_and_verify(keep: int) -> str:
    """Make a backup, read it back, clear away all but the newest `keep`, and say so; ArchiveError where it is none."""
    folder = backup_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArchiveError(
            f"The folder {folder} cannot be made: {error.strerror}. Name another by BACKUP_DIR."
        ) from None
    target = folder / f"labdb-{timezone.localtime():%Y-%m-%d-%H%M%S}.labdb"
    make_backup(target)
    manifest = verify_archive(target, folder)
    rows = sum(manifest["tables"].values())
    size_mb = target.stat().st_size / 1e6
    said = f"{target} on {socket.gethostname()}: {size_mb:,.1f} MB, {rows:,} rows, read back and whole."
    if missing := missing_files(manifest):
        said += f" {missing:,} attached files are not in it, for they are missing; see `manage.py verify_files`."
    if n_cleared := _clear_old(folder, keep):
        said += f" {n_cleared} older {'one' if n_cleared == 1 else 'ones'} cleared away."
    return said


def _clear_old(folder: Path, keep: int) -> int:
    own = sorted(path for path in folder.iterdir() if OWN_NAME.fullmatch(path.name))
    for path in own[:-keep]:
        path.unlink(missing_ok=True)
    return len(own[:-keep])
