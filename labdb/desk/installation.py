"""What stands between a fresh checkout and a page: is the database ours, are the static files there."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def applied_migrations() -> list[str]:
    """Return what the database has been migrated by, as `app.name`."""
    return sorted(".".join(key) for key in MigrationRecorder(connection).applied_migrations())


def unknown_migrations(applied: Iterable[str]) -> list[str]:
    """Return those that this code does not have: a newer labdb made that database."""
    loader = MigrationLoader(None)
    known = {".".join(key) for key in loader.disk_migrations}
    replaced = {".".join(key) for migration in loader.disk_migrations.values() for key in migration.replaces}
    ours = [name for name in applied if name.split(".")[0] in loader.migrated_apps]
    return sorted(set(ours) - known - replaced)


def missing_migrations(applied: Iterable[str]) -> list[str]:
    """Return those of this code that the database lacks: an older labdb made it."""
    return sorted({".".join(key) for key in MigrationLoader(None).disk_migrations} - set(applied))


def collect_static_files() -> bool:
    """Collect the static files unless they are collected already; tell whether it was needed."""
    digest_file = Path(settings.STATIC_ROOT).with_name("static.digest")
    digest = hashlib.sha256("\n".join(sorted(_static_files())).encode()).hexdigest()
    if digest_file.exists() and digest_file.read_text() == digest and Path(settings.STATIC_ROOT).exists():
        return False
    digest_file.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    digest_file.write_text(digest)
    return True


def _static_files() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            yield f"{path} {storage.size(path)} {storage.get_modified_time(path).timestamp()}"
