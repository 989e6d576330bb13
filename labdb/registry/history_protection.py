"""Keeping the history from the role that works: after every migration, by the role that owns the tables.

The triggers write the history as its owner, so the working role needs no right to write there, and has none. It stops
accidents, not attackers: what a context says (who, door, reason) comes from the application.
"""

from typing import Any

import pghistory.models
from django.apps import apps

TRIGGER_FUNCTIONS = """
SELECT function.oid::regprocedure::text
FROM pg_proc AS function JOIN pg_namespace ON pg_namespace.oid = function.pronamespace
WHERE nspname = 'public' AND (proname LIKE 'pgtrigger\\_%' OR proname = '_pgh_attach_context')
"""
# pgtrigger lets a session name triggers that it skips: not here.
NEVER_IGNORE = """
CREATE OR REPLACE FUNCTION _pgtrigger_should_ignore(trigger_name NAME) RETURNS BOOLEAN AS $$
BEGIN
    RETURN false;
END;
$$ LANGUAGE plpgsql;
"""


def protect_history(cursor: Any, app_role: str) -> None:
    """Let triggers write the history, and the working role only read it; `cursor` is the owner's."""
    cursor.execute(TRIGGER_FUNCTIONS)
    for (function,) in cursor.fetchall():
        cursor.execute(f"ALTER FUNCTION {function} SECURITY DEFINER SET search_path = public, pg_temp")
    cursor.execute(NEVER_IGNORE)
    tables = ", ".join(f'"{model._meta.db_table}"' for model in _history_models())
    role = '"' + app_role.replace('"', '""') + '"'
    cursor.execute(f"REVOKE INSERT, UPDATE, DELETE ON {tables} FROM {role}")


def _history_models() -> list[Any]:
    events = [model for model in apps.get_models() if issubclass(model, pghistory.models.Event) and model._meta.managed]
    return [pghistory.models.Context, *events]
