"""Where a tube is follows from what happened to it, and an edit of its place is something that happened to it.

Triggers, so that a file, a grid, a script and raw SQL leave their event too (docs/decisions/0017). Two ways lead to a
new place, and a trigger fires for the first of them alone, or each would call the other: what a trigger writes itself
is at depth 2. A new sample brings its place with it and leaves no event: what is entered of its past afterwards (a
whole study that moves to another laboratory) ends in that place, and moves it nowhere.
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
        clock_timestamp(), true, {_WRITER}, tube.box_id, tube.position, earlier.box_id, earlier.position, ''
    FROM new_rows AS tube JOIN old_rows AS earlier ON earlier.id = tube.id
    WHERE (tube.box_id, tube.position) IS DISTINCT FROM (earlier.box_id, earlier.position)
    ORDER BY tube.id;
END IF;
RETURN NULL;
"""  # noqa: S608 (no value of anybody's)

# The event before it says where the tube was, also where one statement tells of several; a tube that came with its
# place has it in its own row, which is locked: of two that move it, one comes second.
_BEFORE_EVENT = """
IF pg_trigger_depth() = 1 THEN
    SELECT * INTO tube FROM tissue_tissuesample WHERE id = NEW.sample_id FOR UPDATE;
    SELECT box_id, position INTO NEW.box_before_id, NEW.position_before
        FROM tissue_tubeevent WHERE sample_id = NEW.sample_id AND performed_at <= NEW.performed_at
        ORDER BY performed_at DESC, id DESC LIMIT 1;
    IF NOT FOUND AND NEW.performed_at >= tube.created_at
        AND (NEW.kind = 'thawed' OR (tube.box_id, tube.position) IS DISTINCT FROM (NEW.box_id, NEW.position))
    THEN
        NEW.box_before_id := tube.box_id;
        NEW.position_before := tube.position;
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

# One statement for all: tubes that change places are never two in one position. Only the newest event moves a tube,
# and only one since the sample was entered: its row tells what came of the others.
_AFTER_EVENT = """
IF pg_trigger_depth() = 1 AND EXISTS (SELECT FROM new_rows) THEN
    UPDATE tissue_tissuesample AS tube
    SET box_id = CASE WHEN last.moves THEN last.box_id ELSE tube.box_id END,
        position = CASE WHEN last.moves THEN last.position ELSE tube.position END,
        thaws = CASE WHEN last.n_thaws > 0 THEN COALESCE(tube.thaws, 0) + last.n_thaws ELSE tube.thaws END
    FROM (
        SELECT DISTINCT ON (event.sample_id) event.sample_id, event.box_id, event.position,
            event.kind <> 'thawed' AND (event.performed_at >= known.created_at OR known.box_id IS NULL) AND NOT EXISTS (
                SELECT FROM tissue_tubeevent AS later WHERE later.sample_id = event.sample_id
                AND (later.performed_at, later.id) > (event.performed_at, event.id)
                AND later.kind <> 'thawed'
            ) AS moves,
            count(*) FILTER (
                WHERE event.kind = 'thawed' AND (event.performed_at >= known.created_at OR known.thaws IS NULL)
            ) OVER (PARTITION BY event.sample_id) AS n_thaws
        FROM new_rows AS event JOIN tissue_tissuesample AS known ON known.id = event.sample_id
        ORDER BY event.sample_id, event.kind = 'thawed', event.performed_at DESC, event.id DESC
    ) AS last
    WHERE tube.id = last.sample_id
        AND (last.n_thaws > 0
            OR (last.moves AND (tube.box_id, tube.position) IS DISTINCT FROM (last.box_id, last.position)));
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
            SELECT DISTINCT ON (event.sample_id) event.sample_id, event.box_before_id, event.position_before,
                count(*) FILTER (WHERE event.kind = 'thawed') OVER (PARTITION BY event.sample_id) AS n_thaws
            FROM old_rows AS event JOIN tissue_tissuesample AS known ON known.id = event.sample_id
            WHERE event.performed_at >= known.created_at
            ORDER BY event.sample_id, event.performed_at, event.id
        ) AS gone
        LEFT JOIN LATERAL (
            SELECT id, box_id, position FROM tissue_tubeevent
            WHERE sample_id = gone.sample_id ORDER BY performed_at DESC, id DESC LIMIT 1
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
            name="placed_update",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Update,
            referencing=pgtrigger.Referencing(old="old_rows", new="new_rows"),
            func=_EDITED,
        ),
    ]


def event_triggers() -> list[pgtrigger.Trigger]:
    """Return the triggers of an event: it knows where the tube was, moves it, and is not rewritten."""
    return [
        pgtrigger.Trigger(
            name="place_before",
            when=pgtrigger.Before,
            operation=pgtrigger.Insert,
            declare=[("tube", "tissue_tissuesample")],
            func=_BEFORE_EVENT,
        ),
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
