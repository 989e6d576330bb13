"""`manage.py up` as a person uses it: started, disturbed, backed up, stopped and started again."""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from labdb import postgres

CHECKOUT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


def wait_until(is_so, limit_s=120.0):
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


class Installation:
    """A data folder, a port, and what `up` said."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / "up.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        unwanted = ("DATABASE_URL", "DATABASE_OWNER_URL", "LABDB_HOST")
        environ = {name: value for name, value in os.environ.items() if name not in unwanted}
        own = {"LABDB_DATA_DIR": str(folder / "data"), "PORT": str(self.port), "DEMO": "0", "WEB_WORKERS": "1"}
        self.environ = environ | own

    def start(self):
        command = [sys.executable, "manage.py", "up"]
        self.from_here = len(self.said(whole=True))
        with self.log.open("ab") as log:
            self.up = subprocess.Popen(command, cwd=CHECKOUT, env=self.environ, stdout=log, stderr=log)
        self.wait_for("labdb answers at")

    def said(self, whole=False):
        text = self.log.read_text() if self.log.exists() else ""
        return text if whole else text[self.from_here :]

    def wait_for(self, words):
        wait_until(lambda: words in self.said() or self.up.poll() is not None)
        assert words in self.said(), self.said()

    def run(self, *arguments):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def status(self, path="/login/"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def children(self, words):
        return [
            child
            for child in psutil.Process(self.up.pid).children()
            if any(words in argument for argument in child.cmdline())
        ]

    def stop(self):
        self.up.send_signal(signal.SIGTERM)
        self.up.wait(60)


@pytest.fixture
def installation():
    folder = Path(tempfile.mkdtemp(prefix="labdb-test-", dir="/tmp"))
    folder.chmod(0o755)
    installation = Installation(folder)
    yield installation
    if installation.up.poll() is None:
        installation.stop()
    postgres.stop(folder / "data")
    shutil.rmtree(folder)


def test_up_serves_survives_kills_is_backed_up_and_stops_in_order(installation):
    installation.start()
    assert re.search(r"Sign in as admin with the password \S{16} ", installation.said())
    assert installation.status() in (200, 302, 404)

    second = installation.run("up")
    assert second.returncode == 1
    assert f"already runs on the data folder {installation.folder / 'data'}" in second.stderr
    assert f"at http://127.0.0.1:{installation.port}/" in second.stderr

    (web,) = installation.children("gunicorn")
    web.kill()
    installation.wait_for("web was killed (SIGKILL); starting it again")
    cluster = installation.folder / "data/postgres"
    os.kill(int((cluster / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    wait_until(lambda: postgres.is_running(installation.folder / "data"))  # by `up`, or by whoever needed it first
    wait_until(lambda: installation.status() in (200, 302, 404))

    archive = installation.folder / "lab.tar"
    backup = installation.run("backup", str(archive))
    assert backup.returncode == 0, backup.stderr
    refused = installation.run("restore", str(archive))
    assert "The database is not empty" in refused.stderr
    restored = installation.run("restore", str(archive), "--replace")
    assert restored.returncode == 0, restored.stderr

    children = psutil.Process(installation.up.pid).children(recursive=True)
    installation.stop()
    assert installation.up.returncode == 0
    end = installation.said().splitlines()[-4:]
    assert end[:2] == ["Stopping web.", "Stopping workers."]
    assert end[2:] == ["Stopping workers for short work.", "Stopping the database."]
    assert not any(child.is_running() for child in children)
    assert not postgres.is_running(installation.folder / "data")

    installation.start()  # and once more, after the worst
    assert "Sign in as" not in installation.said()
    children = psutil.Process(installation.up.pid).children(recursive=True)
    installation.up.kill()
    installation.up.wait()
    installation.start()
    assert not any(child.is_running() for child in children)


def test_a_taken_port_is_said_before_anything_is_started(installation):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", installation.port))
        taken.listen()
        refused = installation.run("up")
    installation.up = subprocess.Popen(["/bin/true"])
    installation.up.wait()
    assert refused.returncode == 1
    assert f"Port {installation.port} on 127.0.0.1 cannot be used" in refused.stderr
    assert "PORT=8001 make run" in refused.stderr
    assert not (installation.folder / "data/postgres").exists()
