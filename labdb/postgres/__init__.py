"""The PostgreSQL that comes with labdb, or a real server by DATABASE_URL.

Settings import this package, so it imports no Django, and asking for settings starts nothing.
"""

from labdb.postgres.binaries import Binaries, PostgresError, client_environment, find_binaries
from labdb.postgres.places import ServerAddress, data_folder, database_settings, server_address
from labdb.postgres.roles import app_role_statements, grant_app_role
from labdb.postgres.server import ensure_running, is_running, stop

__all__ = [
    "Binaries",
    "PostgresError",
    "ServerAddress",
    "app_role_statements",
    "client_environment",
    "data_folder",
    "database_settings",
    "ensure_running",
    "find_binaries",
    "grant_app_role",
    "is_running",
    "server_address",
    "stop",
]
