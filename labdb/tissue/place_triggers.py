"""Where a tube is follows from what happened to it, and an edit of its place is something that happened to it.

Triggers, so that a file, a grid, a script and raw SQL leave their event too (docs/decisions/0017). Two ways lead to a
new place, and a trigger fires for the first of them alone, or each would call the other: what a trigger writes itself
is at depth 2.
"""

import pgtrigger

# The account that writes, as labdb.registry.history tells it to the database; nobody where SQL is typed by hand.
_WRITER = "(NULLIF(current_setting('pghistory.context_metadata', true), '')::jsonb ->> 'user')::bigint"

_EDITED = f"""
IF pg_trigger_depth() = 1 THEN
    INSERT INTO tissue_tubeevent (
        sample_id, study_id, kind, performed_at, is_edit, created_by_id, box_id, position, box_before_id,
        position_before, notes
    )
    SELECT tube.id, tube.study_id, CASE WHEN tube.box_id IS NULL THEN 'taken out' ELSE 'placed' END,
        clock_timestamp(), true, {_WRITER}, tube.box_id, tube.position, {{before}}, ''
    FROM new_rows AS tube {{moved}}
    ORDER BY tube.id;
END IF;
RETURN NULL;
"""  # noqa: S608 (no value of anybody's)
_ON_INSERT = _EDITED.format(before="NULL, ''", moved="WHERE tube.box_id IS NOT NULL")
_ON_UPDATE = _EDITED.format(
    before="earlier.box_id, earlier.position",
    moved="JOIN old_rows AS earlier ON earlier.id = tube.id"
    " WHERE (tube.box_id, tube.position) IS DISTINCT FROM (earlier.box_id, earlier.position)",
)

# The newest event says where the tube was, also where one statement tells of several; a tube that was placed before
# there were events has its place in its own row, which is locked: of two that move it, one comes second.
_BEFORE_EVENT = """
IF pg_trigger_depth() = 1 THEN
    PERFORM FROM tissue_tissuesample WHERE id = NEW.sample_id FOR UPDATE;
    SELECT box_id, position INTO NEW.box_before_id, NEW.position_before
        FROM tissue_tubeevent WHERE sample_id = NEW.sample_id ORDER BY id DESC LIMIT 1;
    IF NOT FOUND THEN
        SELECT box_id, position INTO NEW.box_before_id, NEW.position_before
            FROM tissue_tissuesample WHERE id = NEW.sample_id;
    END IF;
    NEW.is_edit := false;
    NEW.position_before := COALESCE(NEW.position_before, '');
    IF NEW.kind = 'thawed' THEN
        NEW.box_id := NEW.box_before_id;
        NEW.position := NEW.position_before;
    END IF;
END IF;
RETURN NEW;
"""

# One statement for all: tubes that change places are never two in one position.
_AFTER_EVENT = """
IF pg_trigger_depth() = 1 AND EXISTS (SELECT FROM new_rows) THEN
    UPDATE tissue_tissuesample AS tube
    SET box_id = last.box_id, position = last.position,
        thaws = CASE WHEN last.n_thaws > 0 THEN COALESCE(tube.thaws, 0) + last.n_thaws ELSE tube.thaws END
    FROM (
        SELECT DISTINCT ON (sample_id) sample_id, box_id, position,
            count(*) FILTER (WHERE kind = 'thawed') OVER (PARTITION BY sample_id) AS n_thaws
        FROM new_rows ORDER BY sample_id, id DESC
    ) AS last
    WHERE tube.id = last.sample_id
        AND ((tube.box_id, tube.position) IS DISTINCT FROM (last.box_id, last.position) OR last.n_thaws > 0);
END IF;
RETURN NULL;
"""

# An event that is taken back (an import undone, a slip deleted) takes its move back with it, unless it is not the newest.
_AFTER_DELETE = """
IF pg_trigger_depth() = 1 AND EXISTS (SELECT FROM old_rows) THEN
    UPDATE tissue_tissuesample AS tube
    SET box_id = place.box_id, position = place.position,
        thaws = CASE WHEN place.n_thaws > 0 THEN GREATEST(COALESCE(tube.thaws, 0) - place.n_thaws, 0) ELSE tube.thaws END
    FROM (
        SELECT gone.sample_id, gone.n_thaws,
            CASE WHEN last.id IS NULL THEN gone.box_before_id ELSE last.box_id END AS box_id,
            CASE WHEN last.id IS NULL THEN gone.position_before ELSE last.position END AS position
        FROM (
            SELECT DISTINCT ON (sample_id) sample_id, box_before_id, position_before,
                count(*) FILTER (WHERE kind = 'thawed') OVER (PARTITION BY sample_id) AS n_thaws
            FROM old_rows ORDER BY sample_id, id
        ) AS gone
        LEFT JOIN LATERAL (
            SELECT id, box_id, position FROM tissue_tubeevent
            WHERE sample_id = gone.sample_id ORDER BY id DESC LIMIT 1
        ) AS last ON true
    ) AS place
    WHERE tube.id = place.sample_id
        AND ((tube.box_id, tube.position) IS DISTINCT FROM (place.box_id, place.position) OR place.n_thaws > 0);
END IF;
RETURN NULL;
"""

_EVENT_STAYS = """
IF (NEW.sample_id, NEW.kind, NEW.box_id, NEW.position, NEW.box_before_id, NEW.position_before, NEW.is_edit)
    IS DISTINCT FROM
    (OLD.sample_id, OLD.kind, OLD.box_id, OLD.position, OLD.box_before_id, OLD.position_before, OLD.is_edit)
THEN
    RAISE EXCEPTION 'What became of a tube is not rewritten; enter what happened since.'
        USING ERRCODE = 'check_violation';
END IF;
RETURN NEW;
"""


def sample_triggers() -> list[pgtrigger.Trigger]:
    """Return the triggers of a tube: an edit of its place leaves an event."""
    return [
        pgtrigger.Trigger(
            name="placed_insert",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="new_rows"),
            func=_ON_INSERT,
        ),
        pgtrigger.Trigger(
            name="placed_update",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Update,
            referencing=pgtrigger.Referencing(old="old_rows", new="new_rows"),
            func=_ON_UPDATE,
        ),
    ]


def event_triggers() -> list[pgtrigger.Trigger]:
    """Return the triggers of an event: it knows where the tube was, moves it, and is not rewritten."""
    return [
        pgtrigger.Trigger(name="place_before", when=pgtrigger.Before, operation=pgtrigger.Insert, func=_BEFORE_EVENT),
        pgtrigger.Trigger(
            name="place_after",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            referencing=pgtrigger.Referencing(new="new_rows"),
            func=_AFTER_EVENT,
        ),
        pgtrigger.Trigger(
            name="place_taken_back",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Delete,
            referencing=pgtrigger.Referencing(old="old_rows"),
            func=_AFTER_DELETE,
        ),
        pgtrigger.Trigger(name="stays", when=pgtrigger.Before, operation=pgtrigger.Update, func=_EVENT_STAYS),
    ]
