"""The two roles: the owner migrates; the app reads and writes rows, and can alter no table."""

from typing import Any

import psycopg

from labdb.postgres.places import ServerAddress

SUPERUSER = "postgres"  # whom initdb makes; labdb signs in as it only here


def prepare_roles(address: ServerAddress) -> bool:
    """Make the two roles and the database where missing; False while the server does not answer."""
    try:
        server = address.connect(SUPERUSER, "postgres")
    except psycopg.OperationalError:
        return False
    with server:
        known = {name for (name,) in server.execute("SELECT rolname FROM pg_roles")}
        if address.owner not in known:
            server.execute(f"CREATE ROLE {address.owner} LOGIN CREATEDB")
        if address.app not in known:
            server.execute(f"CREATE ROLE {address.app} LOGIN")
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [address.database]).fetchone():
            return True
    # In the template, so that databases made for tests follow the same rules.
    with address.connect(SUPERUSER, "template1") as template:
        template.execute(f"GRANT ALL ON SCHEMA public TO {address.owner}")
        for statement in app_role_statements(address.app, address.owner):
            template.execute(statement)
    with address.connect(SUPERUSER, "postgres") as server:
        server.execute(f"CREATE DATABASE {address.database} OWNER {address.owner}")
    return True


def app_role_statements(app_role: str, owner_role: str | None = None) -> list[str]:
    """Return the SQL that lets the app's role read and write, and create nothing but temporary tables.

    It covers the tables there are and those that the owner (by default: who runs it) makes later.
    """
    app = _quoted(app_role)
    later = "ALTER DEFAULT PRIVILEGES" + (f" FOR ROLE {_quoted(owner_role)}" if owner_role else "")
    rows = "SELECT, INSERT, UPDATE, DELETE"
    return [
        f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {app}",
        f"GRANT USAGE ON SCHEMA public TO {app}",
        f"GRANT {rows} ON ALL TABLES IN SCHEMA public TO {app}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app}",
        f"{later} GRANT {rows} ON TABLES TO {app}",
        f"{later} GRANT USAGE, SELECT ON SEQUENCES TO {app}",
    ]


def grant_app_role(cursor: Any, app_role: str = ServerAddress.app) -> None:
    """Let the app's role read and write all there is; `cursor` is the owner's.

    This includes the tables of the history: protect them again afterwards. Without a name (DATABASE_URL may
    leave it to the system's account) there is one role only, which needs no rights from itself.
    """
    if not app_role:
        return
    for statement in app_role_statements(app_role):
        cursor.execute(statement)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
