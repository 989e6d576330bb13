"""`up`: everything from a fresh checkout to a page, and then keep it running."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, OperationalError, connections

from analysis.recovery import SWEEP_S
from labdb import postgres
from labdb.accounts.first_account import ensure_first_account
from labdb.colony.models import Study
from labdb.desk.installation import applied_migrations, collect_static_files, unknown_migrations
from labdb.desk.scheduling import take_up_due
from labdb.desk.worker_programs import (
    WORKERS_LOOK_S,
    refuse_unknown_tasks,
    watch_runs,
    watch_workers,
    worker_programs,
)
from labdb.registry.entry_receipts import sweep_receipts
from labdb.registry.lab_clock import zone_warning
from labdb.supervisor import AlreadyRunningError, Check, Hold, Program, Supervisor, UnusableFolderError, hold_folder

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")
HURRIED_STOP_S = 2.0
CLOCK_S = 10.0  # a schedule is taken up within this
DAY_S = 86_400.0


class Command(BaseCommand):
    """Prepare the database, serve the pages and run the tasks, until Ctrl-C."""

    help = "Start labdb: database, pages and task workers. Ctrl-C stops them in order."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the address to listen on."""
        environ = os.environ
        parser.add_argument("--host", default=environ.get("LABDB_HOST", "127.0.0.1"), help="default: this machine only")
        parser.add_argument("--port", default=environ.get("PORT", "8000"), help="default: $PORT, else 8000")

    def handle(self, *args: Any, **options: Any) -> None:
        """Hold the data folder, prepare, run, stop."""
        self.host, self.port = options["host"], _port(options["port"])
        self.embedded_folder = settings.DATABASES["default"]["EMBEDDED_FOLDER"]
        self.supervisor: Supervisor | None = None
        self.has_answered = False
        try:
            with hold_folder(settings.DATA_DIR, address=self._address()) as hold, self._stop_signals():
                _refuse_a_taken_port(self.host, self.port)
                try:
                    self._prepare()
                    self._run(hold)
                except KeyboardInterrupt:
                    self._say("Stopped before labdb was ready; what was finished is kept.")
                finally:
                    self._stop_database()
        except (AlreadyRunningError, UnusableFolderError, postgres.PostgresError, OperationalError) as error:
            raise CommandError(str(error)) from error

    # ---- before the first page ----

    def _prepare(self) -> None:
        refuse_unknown_tasks()
        if self.embedded_folder:
            self._say(f"Starting PostgreSQL on {self.embedded_folder}.")
            postgres.ensure_running(self.embedded_folder)
        if newer := unknown_migrations(applied_migrations()):
            raise CommandError(
                f"The database comes from a newer labdb (it has {newer[0]}, which this version does not know). "
                "Install that version, or name another LABDB_DATA_DIR."
            )
        self._say("Bringing the tables up to date.")
        call_command("migrate", interactive=False, verbosity=0)
        self._say(f"Times are entered and shown in {settings.TIME_ZONE} time (TIME_ZONE sets another).")
        if warning := zone_warning():
            self._say(warning)
        call_command("load_fixtures", verbosity=0)
        if self.embedded_folder:  # then no worker is alive yet: what seems to run was killed
            call_command("sweep_runs", older_than_s=0)
        if collect_static_files():
            self._say("Collected the pages' static files.")
        if os.environ.get("DEMO") != "0" and not Study.objects.exists():
            self._load_demo()
        if account := ensure_first_account():
            name, password = account
            self._say(
                f"Sign in as {name} with the password {password} . It is shown this once; `manage.py "
                f"changepassword {name}` sets another."
            )
        connections.close_all()

    def _load_demo(self) -> None:
        """Load it in a process of its own: this one stays small for as long as labdb runs."""
        self._say("Loading the demo study (DEMO=0 starts empty).")
        connections.close_all()
        if subprocess.run(_manage("load_demo"), check=False).returncode != 0:
            self._say("The demo study could not be loaded, see above; labdb starts without it.")

    # ---- while it runs ----

    def _run(self, hold: Hold) -> None:
        if self.host not in LOCAL_HOSTS:
            self._say(
                f"Listening on {self.host}: everyone who reaches this machine reaches the sign-in page, and "
                "passwords travel unencrypted unless a proxy adds TLS (docs/operations.md: TLS, ALLOWED_HOSTS)."
            )
        self.supervisor = Supervisor(
            [Program("web", self._web_command(), grace_s=15.0), *worker_programs()],
            self._say,
            checks=[
                Check(self._watch_database, every_s=2.0),
                Check(self._watch_web, every_s=0.2),
                Check(lambda: watch_runs(self._say), every_s=SWEEP_S),
                Check(self._watch_workers, every_s=WORKERS_LOOK_S),
                Check(self._watch_clock, every_s=CLOCK_S),
                Check(self._sweep_receipts, every_s=DAY_S),
            ],
            note_children=lambda children: hold.note(address=self._address(), children=children),
        )
        self.supervisor.run()

    def _web_command(self) -> list[str]:
        workers, threads = os.environ.get("WEB_WORKERS", "2"), os.environ.get("WEB_THREADS", "4")
        command = [sys.executable, "-m", "gunicorn", "labdb.wsgi:application", "--chdir", str(settings.CHECKOUT)]
        command += ["--bind", f"{_in_url(self.host)}:{self.port}", "--no-control-socket", "--log-level", "warning"]
        command += ["--worker-class", "gthread", "--workers", workers, "--threads", threads]
        return [*command, "--timeout", "120", "--graceful-timeout", "10"]

    def _watch_database(self) -> None:
        if not self.embedded_folder or postgres.is_running(self.embedded_folder):
            return
        self._say("The database has stopped; starting it again.")
        try:
            postgres.ensure_running(self.embedded_folder)
        except postgres.PostgresError as error:
            self._say(str(error))

    def _watch_web(self) -> None:
        """Say once that the pages answer."""
        if not self.has_answered and _answers(self.host, self.port):
            self.has_answered = True
            self._say(f"labdb answers at {self._address()} . Ctrl-C stops it.")

    def _watch_workers(self) -> None:
        if self.supervisor is not None:
            watch_workers(self.supervisor)

    def _watch_clock(self) -> None:
        """Take up the schedules that are due."""
        try:
            take_up_due()
        except DatabaseError:
            pass  # the database is away, which another check sees to; this one looks again
        finally:
            connections.close_all()

    def _sweep_receipts(self) -> None:
        """Forget the answers to entries that no page will ask for again."""
        try:
            sweep_receipts()
        except DatabaseError:
            pass  # as above: another day will do
        finally:
            connections.close_all()

    # ---- the end ----

    @contextmanager
    def _stop_signals(self) -> Iterator[None]:
        """Take Ctrl-C, kill and a closed terminal as the request to stop in order."""

        def stop(number: int, frame: Any) -> None:
            if self.supervisor is None:
                raise KeyboardInterrupt
            self.supervisor.ask_to_stop()

        before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop_database(self) -> None:
        connections.close_all()
        if self.embedded_folder:
            self._say("Stopping the database.")
            is_hurried = self.supervisor is not None and self.supervisor.is_hurried
            postgres.stop(self.embedded_folder, **({"limit_s": HURRIED_STOP_S} if is_hurried else {}))

    def _address(self) -> str:
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else _in_url(self.host)  # noqa: S104 (compared only)
        return f"http://{host}:{self.port}/"

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()  # a log file is read while we run


def _manage(command: str) -> list[str]:
    return [sys.executable, str(settings.CHECKOUT / "manage.py"), command]


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _port(text: str) -> int:
    if not str(text).isdecimal() or not 0 < int(text) < 65536:
        raise CommandError(f"The port must be a number from 1 to 65535; PORT is {text!r}.")
    return int(text)


def _refuse_a_taken_port(host: str, port: int) -> None:
    """Try the address before anything is started, so that the reason is said at once."""
    remedy = "Set PORT to another number (PORT=8001 make run)."
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except socket.gaierror as error:
        raise CommandError(f"There is no address {host!r} to listen on ({error.strerror}).") from error
    except OSError as error:
        raise CommandError(f"Port {port} on {host} cannot be used: {error.strerror}. {remedy}") from error


def _answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(
        "127.0.0.1" if host == "0.0.0.0" else host,  # noqa: S104 (compared only)
        port,
        timeout=5.0,
    )
    try:
        connection.request("GET", "/health/", headers={"Host": "localhost"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
