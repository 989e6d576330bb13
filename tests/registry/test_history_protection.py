"""Every way that we know of round the history, tried by the working role in a database as a laboratory has it."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import connection
from pghistory.models import Context, Event
from psycopg import sql

from labdb.archive import connection_parameters
from labdb.database_backend import as_owner
from labdb.postgres import grant_app_role
from labdb.registry.history_protection import protect_history
from tests import databases


@pytest.fixture(scope="module")
def parameters(django_db_setup: Any, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """Return how the working role connects to a database of its own, without what only tests may do."""
    name = f"test_labdb_{os.getpid()}_history"
    with django_db_blocker.unblock():
        own = connection_parameters(connection.get_connection_params())
        with as_owner(connection), connection.cursor() as cursor, databases.one_at_a_time(cursor):
            template = databases._template(cursor, own["user"], own["dbname"])
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
            owner = connection_parameters(connection.get_connection_params())
        with psycopg.connect(**{**owner, "dbname": name}) as session, session.cursor() as cursor:
            grant_app_role(cursor, own["user"])
            protect_history(cursor, own["user"])
        yield {**own, "dbname": name}
        with as_owner(connection), connection.cursor() as cursor:
            databases.drop_database(cursor, name)


@pytest.fixture
def working(parameters: dict[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    """Return a session of the working role with a study, a cohort and what was said of them; rolled back."""
    with psycopg.connect(**parameters) as session:
        session.execute(
            "SELECT set_config('pghistory.context_id', '11111111-1111-1111-1111-111111111111', true),"
            " set_config('pghistory.context_metadata', '{\"user\": 7}', true)"
        )
        session.execute(
            "INSERT INTO colony_study (code, title, question, ethics_number, severity_prospective, severity_actual, primary_outcome, planned_n_basis, is_blinded, state, notes) VALUES ('S', '', '', '', '', '', '', '', false, 'open', '')"
        )
        session.execute("INSERT INTO colony_cohort (code, notes, study_id) SELECT 'C', '', id FROM colony_study")
        yield session
        session.rollback()


def events(session: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Return (what, notes, user) of every change of a cohort."""
    return session.execute(
        "SELECT pgh_label, notes, metadata->>'user' FROM colony_cohortevent AS event"
        " LEFT JOIN pghistory_context AS context ON context.id = event.pgh_context_id ORDER BY pgh_id"
    ).fetchall()


HISTORY = [Context, *(m for m in apps.get_models() if issubclass(m, Event) and m._meta.managed)]


@pytest.mark.parametrize("model", HISTORY, ids=lambda model: model._meta.db_table)
def test_no_table_of_the_history_can_be_written(model: Any, working: psycopg.Connection[Any]) -> None:
    table, column = sql.Identifier(model._meta.db_table), sql.Identifier(model._meta.pk.column)
    for statement in (
        "INSERT INTO {table} DEFAULT VALUES",
        "UPDATE {table} SET {column} = {column}",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
        "ALTER TABLE {table} DISABLE TRIGGER ALL",
        "DROP TABLE {table}",
        "COPY {table} FROM STDIN",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), working.transaction():
            working.execute(sql.SQL(statement).format(table=table, column=column))


def trigger_of(session: psycopg.Connection[Any], name: str) -> tuple[str, str]:
    """Return name and function of a trigger of the cohorts."""
    found = session.execute(
        "SELECT tgname, tgfoid::regproc::text FROM pg_trigger WHERE tgrelid = 'colony_cohort'::regclass AND tgname LIKE %s",
        [f"pgtrigger_{name}%"],
    ).fetchone()
    assert found is not None
    return found


REFUSED = [
    "ALTER TABLE colony_cohort DISABLE TRIGGER {trigger}",
    "ALTER TABLE colony_cohort DISABLE TRIGGER ALL",
    "DROP TRIGGER {trigger} ON colony_cohort",
    "ALTER TABLE colony_cohort ADD COLUMN x int",
    "DROP TABLE colony_cohort CASCADE",
    "TRUNCATE colony_cohort CASCADE",
    "DROP FUNCTION {function}() CASCADE",
    "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger AS 'BEGIN RETURN NULL; END' LANGUAGE plpgsql",
    "ALTER FUNCTION {function}() SECURITY INVOKER",
    "ALTER FUNCTION {function}() RESET search_path",
    "CREATE OR REPLACE FUNCTION _pgtrigger_should_ignore(trigger_name name) RETURNS boolean AS 'SELECT true' LANGUAGE sql",
    "CREATE FUNCTION public.now_() RETURNS int AS 'SELECT 1' LANGUAGE sql",
    "CREATE TABLE public.shadow (id int)",
    "CREATE SCHEMA other",
    "CREATE TRIGGER mine BEFORE INSERT ON colony_cohort FOR EACH ROW EXECUTE FUNCTION {function}()",
    "CREATE RULE mine AS ON INSERT TO colony_cohort DO INSTEAD NOTHING",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION {function}()",
    "SET session_replication_role = replica",
    "SET ROLE {owner}",
    "SET SESSION AUTHORIZATION {owner}",
    "GRANT {owner} TO {me}",
    "ALTER ROLE {me} SUPERUSER",
    "ALTER ROLE {me} SET session_replication_role = replica",
    "ALTER DATABASE {database} SET session_replication_role = replica",
    "SELECT _pgh_attach_context()",
    "COPY (SELECT 1) TO PROGRAM 'true'",
]  # fmt: skip


@pytest.mark.parametrize("statement", REFUSED)
def test_the_working_role_may_not(statement: str, working: psycopg.Connection[Any]) -> None:
    trigger, function = trigger_of(working, "update_update")
    named = statement.format(
        trigger=trigger,
        function=function,
        owner="labdb_owner",
        me=working.info.user,
        database=f'"{working.info.dbname}"',
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege), working.transaction():
        working.execute(named)
    working.execute("UPDATE colony_cohort SET notes = 'seen'")
    assert events(working) == [("insert", "", "7"), ("update", "seen", "7")]


def test_a_trigger_function_cannot_be_borrowed_for_a_table_of_ones_own(working: psycopg.Connection[Any]) -> None:
    for name, when in (("update_update", "AFTER UPDATE"), ("delete_delete", "AFTER DELETE")):
        _trigger, function = trigger_of(working, name)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), working.transaction():
            working.execute("CREATE TEMP TABLE mine (LIKE colony_cohort)")
            working.execute(f"CREATE TRIGGER mine {when} ON mine FOR EACH ROW EXECUTE FUNCTION {function}()")


def test_a_right_that_the_working_role_gives_itself_is_none(working: psycopg.Connection[Any]) -> None:
    working.execute(f"GRANT ALL ON colony_cohortevent TO {working.info.user}")  # PostgreSQL only warns
    with pytest.raises(psycopg.errors.InsufficientPrivilege), working.transaction():
        working.execute("DELETE FROM colony_cohortevent")


def test_words_said_of_a_change_cannot_be_unsaid(working: psycopg.Connection[Any]) -> None:
    working.execute("SELECT set_config('pghistory.context_metadata', '{\"user\": 8}', true)")
    working.execute("UPDATE colony_cohort SET notes = 'x'")
    assert events(working)[0] == ("insert", "", "7")


@pytest.mark.parametrize(
    "trick",
    [
        "SELECT set_config('pgtrigger.ignore', '{colony_cohort:{trigger}}', false)",
        "SET search_path = pg_temp; CREATE TEMP TABLE colony_cohortevent (LIKE public.colony_cohortevent); SET search_path = pg_temp, public",
        "CREATE FUNCTION pg_temp._pgtrigger_should_ignore(trigger_name name) RETURNS boolean AS 'SELECT true' LANGUAGE sql; SET search_path = pg_temp, public",
        "CREATE FUNCTION pg_temp._pgh_attach_context() RETURNS uuid AS 'SELECT NULL::uuid' LANGUAGE sql; SET search_path = pg_temp, public",
        "CREATE TEMP TABLE pghistory_context (LIKE public.pghistory_context)",
        "SET plpgsql.extra_errors = 'none'",
        "SET CONSTRAINTS ALL DEFERRED",
        "SET row_security = off",
    ],
)  # fmt: skip
def test_a_setting_of_the_session_hides_no_change(trick: str, working: psycopg.Connection[Any]) -> None:
    trigger, _function = trigger_of(working, "update_update")
    working.execute(trick.replace("{trigger}", trigger))
    working.execute("UPDATE public.colony_cohort SET notes = 'hidden?'")
    working.execute("DELETE FROM public.colony_cohort")
    working.execute("SET search_path = public, pg_temp")
    assert [(what, user) for what, _notes, user in events(working)] == [
        (w, "7") for w in ("insert", "update", "delete")
    ]


def test_copy_without_a_context_is_recorded_without_words(working: psycopg.Connection[Any]) -> None:
    working.execute("SELECT set_config('pghistory.context_id', '', true)")
    working.execute("SELECT set_config('pghistory.context_metadata', '', true)")
    study = working.execute("SELECT id FROM colony_study").fetchone()
    assert study is not None
    with working.cursor().copy("COPY colony_cohort (code, notes, study_id) FROM STDIN") as copy:
        copy.write_row(("D", "by COPY", study[0]))
    assert events(working)[-1] == ("insert", "by COPY", None)
