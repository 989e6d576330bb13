"""A database of a benchmark's own: an embedded server in a folder that is thrown away."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def throwaway_database() -> Iterator[None]:
    """Set Django up on an empty, migrated database; call it once in a process, before anything imports settings."""
    folder = Path(tempfile.mkdtemp(prefix="labdb-bench-", dir="/tmp"))  # a socket's path is short
    folder.chmod(0o755)  # as root, the server runs as another account
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        os.environ.pop(name, None)
    os.environ["LABDB_DATA_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "labdb.settings"
    import django
    from django.core.management import call_command
    from django.db import connections

    from labdb import postgres

    django.setup()
    if connections["default"].settings_dict["EMBEDDED_FOLDER"] != folder:
        raise RuntimeError("labdb's settings were imported before the benchmark chose its data folder")
    try:
        call_command("migrate", interactive=False, verbosity=0)
        yield
    finally:
        connections.close_all()
        postgres.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)
