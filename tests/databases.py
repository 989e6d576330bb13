"""Databases for tests: migrated once into a template, then copied for each worker in a fraction of a second."""

import gc
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection

from labdb.database_backend import as_owner
from labdb.postgres import grant_app_role
from labdb.registry.history_protection import protect_history

TEMPLATE = "labdb_template"
CLEANING = Path(__file__).with_name("clean_database.sql")
MADE_BY = re.compile(r"^test_labdb_(\d+)$")
ONE_AT_A_TIME = 7_432_001  # key of the advisory lock
DROP_TRIES = 12
# a vacuum has no role
SESSIONS = "SELECT pid, usename, backend_start::text FROM pg_stat_activity WHERE datname = %s AND usename IS NOT NULL"


def make() -> None:
    """Make this process a database of its own and work in it as the application does."""
    app_role = connection.settings_dict["USER"]
    name = f"test_labdb_{os.getpid()}"
    real = connection.settings_dict["NAME"]
    with as_owner(connection), connection.cursor() as cursor, one_at_a_time(cursor):
        template = _template(cursor, app_role, real)
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        cursor.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')  # nobody needs it after a power cut
    _use(name)


@contextmanager
def one_at_a_time(cursor: Any) -> Iterator[None]:
    """Let no other worker make or drop templates meanwhile."""
    cursor.execute("SELECT pg_advisory_lock(%s)", [ONE_AT_A_TIME])
    yield
    cursor.execute("SELECT pg_advisory_unlock(%s)", [ONE_AT_A_TIME])


def clean() -> None:
    """Bring every table back to what the fixtures left in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT restore_fixtures()")


def drop() -> None:
    """Drop this process's database."""
    name = connection.settings_dict["NAME"]
    close_connections()
    with as_owner(connection):
        connection.settings_dict["NAME"] = "postgres"
        with connection.cursor() as cursor:
            drop_database(cursor, name)


def close_connections() -> None:
    """Close every connection of this process: while Playwright's loop runs in a thread, Django keeps a second one for it."""
    connection.close()
    for one in gc.get_objects():
        if issubclass(type(one), psycopg.Connection):  # isinstance would wake lazy objects
            one.close()


def drop_database(cursor: Any, name: str) -> None:
    """Drop a database; a session of ours that is still in it is named, the server's own vacuum waited for.

    Not WITH (FORCE): the owner may not end a vacuum, a plain DROP asks the server to, and waits 5 s. A database that
    is vacuumed for a minute on end is left behind for the next process to drop, as is that of a killed process.
    """
    for _try in range(DROP_TRIES):
        try:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
            return
        except OperationalError as error:
            cursor.execute(SESSIONS, [name])
            if sessions := cursor.fetchall():
                raise RuntimeError(f"a test left sessions in {name} (pid, role, begun): {sessions}") from error


def _use(name: str) -> None:
    connection.close()
    settings.DATABASES["default"]["NAME"] = name
    connection.settings_dict["NAME"] = name


def _template(cursor: Any, app_role: str, real: str) -> str:
    """Return the template of the present migrations, made now if it is missing."""
    wanted = f"{TEMPLATE}_{_digest()}"
    cursor.execute("SELECT datname FROM pg_database")
    known = {row[0] for row in cursor.fetchall()}
    for name in known:
        process = MADE_BY.match(name)
        is_left_over = process and not psutil.pid_exists(int(process[1]))
        if is_left_over or (name.startswith(TEMPLATE) and name != wanted):
            drop_database(cursor, name)
    if wanted not in known:
        draft = f"{TEMPLATE}_draft_{os.getpid()}"
        cursor.execute(f'CREATE DATABASE "{draft}"')
        _fill(draft, app_role, real)
        cursor.execute(f'ALTER DATABASE "{draft}" RENAME TO "{wanted}"')
    return wanted


def _fill(name: str, app_role: str, real: str) -> None:
    """Migrate a new database and load the fixtures, on a connection beside the one that holds the lock."""
    holding, connection.connection = connection.connection, None
    connection.settings_dict["NAME"] = name
    try:
        call_command("migrate", verbosity=0, interactive=False)
        with connection.cursor() as cursor:
            grant_app_role(cursor, app_role)
            protect_history(cursor, app_role)
            # A test may begin with tables that are empty; the application itself never may make them so.
            cursor.execute(f'GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO "{app_role}"')
        call_command("load_fixtures", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(CLEANING.read_text())
    finally:
        connection.close()
        connection.settings_dict["NAME"] = real
        connection.connection = holding


def _digest() -> str:
    """Return what the template depends on: every migration of ours, fixtures and roles."""
    digest = hashlib.sha256()
    checkout = Path(settings.CHECKOUT)
    paths = [*checkout.glob("labdb/*/migrations/*.py"), *checkout.glob("analysis/migrations/*.py")]
    paths += [Path(__file__), CLEANING, checkout / "labdb/registry/history_protection.py"]
    paths += [*checkout.glob("fixtures/*.json"), checkout / "labdb/accounts/roles.py", checkout / "requirements.txt"]
    for path in sorted(paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
