"""Where the data and the server are, and DATABASES for Django; computing them starts nothing."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from labdb.postgres.binaries import PostgresError, can_reach, server_account

CHECKOUT = Path(__file__).resolve().parent.parent.parent
SHARED_HOME = Path("/var/lib/labdb")  # for root, when the server's account cannot reach the checkout
CLUSTER = "postgres"  # the server's own folder, in the data folder
PORT = 5432  # part of the socket's name only: nothing listens on the network
SOCKET_PATH_LIMIT = 90  # characters; kernels take 104 (macOS) or 108 (Linux)


@dataclass(frozen=True)
class ServerAddress:
    """Where the embedded server listens, and the two roles labdb signs in as."""

    socket_folder: Path
    port: int = PORT
    database: str = "labdb"
    owner: str = "labdb_owner"  # owns the tables and migrates
    app: str = "labdb_app"  # reads and writes rows

    @property
    def socket(self) -> Path:
        """The file that the server listens on."""
        return self.socket_folder / f".s.PGSQL.{self.port}"

    def connect(self, user: str | None = None, database: str | None = None) -> psycopg.Connection[Any]:
        """Open an autocommit connection, as the app's role to labdb's database unless told otherwise."""
        return psycopg.connect(
            host=str(self.socket_folder),
            port=self.port,
            user=user or self.app,
            dbname=database or self.database,
            connect_timeout=10,
            autocommit=True,
        )


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of this installation's data; it need not exist yet."""
    if named := environ.get("LABDB_DATA_DIR"):
        return Path(named).expanduser().resolve()
    beside_the_code = CHECKOUT / "var"
    if os.geteuid() == 0 and not can_reach(CHECKOUT, server_account(beside_the_code / CLUSTER)):
        return SHARED_HOME / _short_hash(CHECKOUT)
    return beside_the_code


def server_address(folder: Path) -> ServerAddress:
    """Return the address that the server of this data folder has, running or not."""
    cluster = folder.resolve() / CLUSTER
    is_short = len(str(cluster / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT
    # PostgreSQL takes a comma-separated list with quotes: a plain name needs none.
    if is_short and re.fullmatch(r"[\w./+-]+", str(cluster)):
        return ServerAddress(cluster)
    # Not tempfile.gettempdir(): every process must find the same place, whatever its TMPDIR.
    return ServerAddress(Path("/tmp") / f"labdb-{_short_hash(cluster)}")  # noqa: S108 (checked when made)


def database_settings(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return DATABASES["default"]: the server of DATABASE_URL, else the embedded one, started on first use.

    `OWNER` holds what differs when `as_owner` reconnects; `EMBEDDED_FOLDER` is None for a real server.
    """
    engine = {"ENGINE": "labdb.database_backend"}
    if url := environ.get("DATABASE_URL"):
        owner_url = environ.get("DATABASE_OWNER_URL")
        owner = _parsed("DATABASE_OWNER_URL", owner_url) if owner_url else {}
        owner.pop("NAME", None)  # the same database, or a test's
        return {**_parsed("DATABASE_URL", url), **engine, "OWNER": owner, "EMBEDDED_FOLDER": None}
    folder = data_folder(environ)
    address = server_address(folder)
    place = {"NAME": address.database, "HOST": str(address.socket_folder), "PORT": str(address.port)}
    owner = {"USER": address.owner}
    return {**engine, **place, "USER": address.app, "OWNER": owner, "EMBEDDED_FOLDER": folder}


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _parsed(variable: str, url: str) -> dict[str, Any]:
    import dj_database_url  # here, because it imports Django

    what = f"{variable} must look like postgres://user:password@host:5432/database"
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    except (ValueError, KeyError):
        raise PostgresError(f"{what}; what it holds cannot be read as an address.") from None
    if parsed.pop("ENGINE", None) != "django.db.backends.postgresql" or not parsed.get("NAME"):
        raise PostgresError(f"{what}; labdb keeps its records in PostgreSQL only.")
    for key in ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS", "DISABLE_SERVER_SIDE_CURSORS"):
        parsed.pop(key, None)  # settings.py decides
    return parsed
