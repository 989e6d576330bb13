"""The connection: on the first failure the embedded server is started, and only then."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.utils import OperationalError

from labdb import postgres


class DatabaseWrapper(base.DatabaseWrapper):
    """A PostgreSQL connection that makes sure there is a server; commands without a query start none."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; if nobody answers, start the embedded server and connect again, or say what to do."""
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError as error:
            folder = self.settings_dict.get("EMBEDDED_FOLDER")
            if "FATAL" in str(error) and (folder is None or postgres.is_running(folder)):
                raise  # a server answered: no such database, too many connections, wrong password
            if folder is None:
                raise OperationalError(_silent_server(conn_params, error)) from error
        try:
            postgres.ensure_running(folder)
        except postgres.PostgresError as error:
            raise OperationalError(str(error)) from error
        return super().get_new_connection(conn_params)


def _silent_server(conn_params: dict[str, Any], error: Exception) -> str:
    where = f"{conn_params.get('host') or 'localhost'}:{conn_params.get('port') or 5432}"
    return (
        f"The PostgreSQL server of DATABASE_URL does not answer at {where}: {error}\n"
        "Start it, correct DATABASE_URL, or unset DATABASE_URL to use the PostgreSQL that comes with labdb."
    )
