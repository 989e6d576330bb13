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


# pghistory's own, but words once said of a change stay: it would overwrite those of an id that is used again.
ATTACH_CONTEXT = """
CREATE OR REPLACE FUNCTION _pgh_attach_context() RETURNS pghistory_context.id%TYPE AS $$
DECLARE
    context_id uuid := nullif(current_setting('pghistory.context_id', true), '');
    words jsonb := nullif(current_setting('pghistory.context_metadata', true), '');
BEGIN
    IF words IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO pghistory_context (id, metadata, created_at, updated_at) VALUES (context_id, words, now(), now())
        ON CONFLICT (id) DO NOTHING;
    RETURN context_id;
END;
$$ LANGUAGE plpgsql;
"""


def protect_history(cursor: Any, app_role: str) -> None:
    """Let triggers write the history, and the working role only read it; `cursor` is the owner's."""
    role = '"' + app_role.replace('"', '""') + '"'
    cursor.execute(NEVER_IGNORE)
    cursor.execute(ATTACH_CONTEXT)
    cursor.execute(TRIGGER_FUNCTIONS)
    for (function,) in cursor.fetchall():
        cursor.execute(f"ALTER FUNCTION {function} SECURITY DEFINER SET search_path = public, pg_temp")
        # Or a trigger on a temporary table of one's own would write the history as its owner.
        cursor.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC, {role}")
    # TRUNCATE fires no trigger for a row, and a trigger added to a table could undo what the others do.
    cursor.execute(f"REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA public FROM PUBLIC, {role}")
    tables = _names(_history_models())
    cursor.execute(f"REVOKE ALL ON {tables} FROM PUBLIC, {role}")
    cursor.execute(f"GRANT SELECT ON {tables} TO {role}")
    if logs := [model for model in apps.get_models() if getattr(model, "append_only", False)]:
        cursor.execute(f"REVOKE UPDATE, DELETE ON {_names(logs)} FROM PUBLIC, {role}")


def _names(models: list[Any]) -> str:
    return ", ".join(f'"{model._meta.db_table}"' for model in models)


def _history_models() -> list[Any]:
    events = [model for model in apps.get_models() if issubclass(model, pghistory.models.Event) and model._meta.managed]
    return [pghistory.models.Context, *events]
