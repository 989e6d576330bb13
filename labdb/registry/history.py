"""Who changed what: triggers on every record, and the words that go with a change.

Triggers, not Python, so that bulk writes, raw SQL and COPY are recorded too. They stop accidents, not attackers:
see docs/decisions/0003.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pghistory
import pghistory.middleware
import pgtrigger
from django.db import connection, models
from pghistory import config, runtime

from labdb.registry import binary_copy

M = TypeVar("M", bound=type[models.Model])

# statement_timestamp(), as the default of created_at: now() is the start of the transaction, and may lie before it.
_VERSION = "NEW.version := OLD.version + 1; NEW.modified_at := statement_timestamp(); RETURN NEW;"

# A row whose study follows from its parent gets it here, however it is written.
_STUDY_OF_PARENT = """
IF NEW.study_id IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.{parent_column} = OLD.{parent_column})
   AND NEW.study_id <> (SELECT study_id FROM {parent_table} WHERE id = NEW.{parent_column}) THEN
    RAISE EXCEPTION 'The study of this row is that of its {parent}; it cannot be another.'
        USING ERRCODE = 'check_violation';
END IF;
NEW.study_id := (SELECT study_id FROM {parent_table} WHERE id = NEW.{parent_column});
"""
# The catalog knows every table that refers to this one, also those of rooms written later.
_STUDY_STAYS = """
IF TG_OP = 'UPDATE' AND NEW.study_id <> OLD.study_id THEN
    FOR dependent IN
        SELECT conrelid::regclass AS relation, attname
        FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f' AND confrelid = TG_RELID
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s WHERE %I = $1)', dependent.relation, dependent.attname)
            INTO is_used USING OLD.id;
        IF is_used THEN
            RAISE EXCEPTION 'The study cannot change: rows of % depend on this record.', dependent.relation
                USING ERRCODE = 'check_violation';
        END IF;
    END LOOP;
END IF;
RETURN NEW;
"""


# FOR SHARE: a study is not closed under rows that are being written.
_STUDY_IS_OPEN = """
FOR study IN SELECT code, state FROM {study_table} WHERE id IN ({touched}) ORDER BY id FOR SHARE LOOP
    IF study.state = 'closed' THEN
        RAISE EXCEPTION 'Study % is closed; a manager can open it again.', study.code USING ERRCODE = 'check_violation';
    END IF;
END LOOP;
RETURN NULL;
"""
_TOUCHED_BY = {
    pgtrigger.Insert: ("new_rows",),
    pgtrigger.Update: ("old_rows", "new_rows"),
    pgtrigger.Delete: ("old_rows",),
}


def tracked(model: M) -> M:
    """Give a record its triggers: version, study, and a history of inserts, updates and deletes.

    Generated columns stay out of the history: they follow from the columns that are in it. Inserts are recorded by
    statement, not by row: an import takes a quarter of the time.
    """
    triggers = [pgtrigger.Trigger(name="version", when=pgtrigger.Before, operation=pgtrigger.Update, func=_VERSION)]
    if any(field.name == "study" for field in model._meta.fields):
        triggers.append(_study_trigger(model))
    if getattr(model, "closes_with_study", False):
        triggers += _open_triggers(model)
    pgtrigger.register(*triggers)(model)
    generated = [field.name for field in model._meta.fields if field.generated]
    with_history(model, exclude=generated)
    model._is_tracked = True  # type: ignore[attr-defined]
    return model


def with_history(model: M, *, exclude: Sequence[str] = ()) -> M:
    """Record every insert, update and delete of a table; a change of excluded columns alone is none."""
    pghistory.track(
        pghistory.InsertEvent(level=pgtrigger.Statement),
        pghistory.UpdateEvent(),
        pghistory.DeleteEvent(),
        exclude=list(exclude) or None,
        meta={"indexes": _name_index(model)},
    )(model)
    model._has_history = True  # type: ignore[attr-defined]
    return model


def _name_index(model: type[models.Model]) -> list[models.Index]:
    """Return the index by which a former name is found (labdb.registry.former_names)."""
    name = getattr(model, "key_field", "pk")
    is_text = any(field.name == name and isinstance(field, models.CharField) for field in model._meta.fields)
    return [models.Index(fields=[name])] if is_text else []


def _study_trigger(model: type[models.Model]) -> pgtrigger.Trigger:
    steps = ""
    parent_name = getattr(model, "study_from", None)
    if parent_name:
        parent: Any = model._meta.get_field(parent_name)
        steps = _STUDY_OF_PARENT.format(
            parent_column=parent.column,
            parent_table=parent.remote_field.model._meta.db_table,
            parent=parent.remote_field.model._meta.verbose_name,
        )
    return pgtrigger.Trigger(
        name="study",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        declare=[("dependent", "record"), ("is_used", "boolean")],
        func=steps + _STUDY_STAYS,
    )


def _open_triggers(model: type[models.Model]) -> list[pgtrigger.Trigger]:
    """Refuse every write into a closed study; by statement, since row by row they cost an import a fifth."""
    study: Any = model._meta.get_field("study").remote_field.model  # type: ignore[union-attr]
    table = study.lower().replace(".", "_") if isinstance(study, str) else study._meta.db_table
    triggers = []
    for operation, tables in _TOUCHED_BY.items():
        names = {name.removesuffix("_rows"): name for name in tables}
        touched = " UNION ".join(f"SELECT study_id FROM {name}" for name in tables)  # noqa: S608
        triggers.append(
            pgtrigger.Trigger(
                name=f"open_{'_'.join(names)}",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=operation,
                referencing=pgtrigger.Referencing(**names),
                declare=[("study", "record")],
                func=_STUDY_IS_OPEN.format(study_table=table, touched=touched),
            )
        )
    return triggers


@contextmanager
def writing(*, user: Any = None, door: str, reason: str = "", **more: Any) -> Iterator[None]:
    """Record who writes, through which door and why, and what ``more`` says, for every change made inside.

    The words are those of a new context, within a request too: what was said of earlier changes stays as it was said
    (the database refuses to alter it).
    """
    words = {"user": user.pk if user else None, "door": door, "request": uuid.uuid4().hex[:12], **more}
    if reason:
        words["reason"] = reason
    with pghistory.context() as outer:
        runtime._tracker.value = runtime.Context(id=uuid.uuid4(), metadata={**outer.metadata, **words})
        try:
            yield
        finally:
            runtime._tracker.value = outer


class HistoryMiddleware(pghistory.middleware.HistoryMiddleware):
    """Name user, address, door and request on every change that a web request makes."""

    def get_context(self, request: Any) -> dict[str, Any]:
        """Return the words for one request."""
        first = request.path.split("/")[1]
        door = {"api": "REST", "admin": "admin"}.get(first, "web")
        reason = request.headers.get("X-Reason", "")
        words = {**super().get_context(request), "door": door, "request": uuid.uuid4().hex[:12]}
        return {**words, "reason": reason} if reason else words


def copy_into(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write many rows by COPY, with the history's context set, and return their number; call it inside a transaction.

    COPY takes no parameters, so pghistory cannot add its context to it: it is set just before. Columns that are not
    named get their database defaults (version, created_at, modified_at). What the database refuses is an error of
    Django's, as everywhere.
    """
    written = 0
    with connection.cursor() as cursor:
        _set_context(cursor)
        with connection.wrap_database_errors, cursor.copy(_copy_statement(model, columns)) as copy:
            for row in rows:
                copy.write_row(row)
                written += 1
    return written


def copy_numbers_into(model: type[models.Model], columns: Sequence[str], blocks: Iterable[Sequence[Any]]) -> int:
    """Write very many rows of numbers as `copy_into` does, a block of columns at a time.

    Parameters
    ----------
    blocks : iterable of sequence of array_like
        The numbers of each column, as `binary_copy.rows_of_numbers`; nothing may be missing.
    """
    db_types = [str(model._meta.get_field(name).db_type(connection)) for name in columns]
    written = 0
    with connection.cursor() as cursor:
        _set_context(cursor)
        with connection.wrap_database_errors, cursor.copy(f"{_copy_statement(model, columns)} (FORMAT BINARY)") as copy:
            copy.write(binary_copy.HEADER)
            for block in blocks:
                rows = binary_copy.rows_of_numbers(db_types, block)
                copy.write(rows.tobytes())
                written += len(rows)
            copy.write(binary_copy.TRAILER)
    return written


def _copy_statement(model: type[models.Model], columns: Sequence[str]) -> str:
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    return f"COPY {connection.ops.quote_name(model._meta.db_table)} ({names}) FROM STDIN"


def _set_context(cursor: Any) -> None:
    context = getattr(runtime._tracker, "value", None)
    if context is None:
        return
    metadata = json.dumps(context.metadata, cls=config.json_encoder())
    for name, value in (("pghistory.context_id", str(context.id)), ("pghistory.context_metadata", metadata)):
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])


def events_of(record: Any, merged: Sequence[int] = ()) -> models.QuerySet:
    """Return the changes of a record, newest first, each with its context (who, door, why).

    Parameters
    ----------
    merged : sequence of int
        Ids of rows that were merged into it; their changes are among them.
    """
    events = type(record).events.rel.related_model.objects.filter(pgh_obj_id__in=[record.pk, *merged])
    return events.select_related("pgh_context").order_by("-pgh_id")
