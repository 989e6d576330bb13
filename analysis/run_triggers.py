"""The states of a run, kept by the database: whatever writes, a script or raw SQL too.

A run begins as queued. A worker makes it running, and ends it; a run whose worker died is queued again; a waiting run
may be cancelled or given up. Ends are final, and how an ended run came about is not rewritten. What was asked for
never changes: another question is another run.
"""

import pgtrigger

_ENDED = "('done', 'failed', 'cancelled')"
# How far it is, its heartbeat and the wish to stop are no provenance: a late sign of a worker harms nothing.
_CAME_ABOUT = (
    "input_digest", "code_version", "packages", "same_as_id", "reason", "log", "attempt", "queued_at", "started_at",
    "finished_at",
)  # fmt: skip
_ASKED = ("study_id", "task", "parameters", "requested_by_id", "parent_id")


def _row(of: str, columns: tuple[str, ...]) -> str:
    return f"({', '.join(f'{of}.{column}' for column in columns)})"


def _differ(columns: tuple[str, ...]) -> str:
    return f"{_row('NEW', columns)} IS DISTINCT FROM {_row('OLD', columns)}"


_BEGINS = """
IF NEW.status <> 'queued' THEN
    RAISE EXCEPTION 'A run begins as queued, not as %; a worker makes it running and ends it.', NEW.status
        USING ERRCODE = 'check_violation';
END IF;
RETURN NEW;
"""
_GOES_ON = f"""
IF NEW.status <> OLD.status AND NOT (
    (OLD.status = 'queued' AND NEW.status IN ('running', 'failed', 'cancelled'))
    OR (OLD.status = 'running' AND NEW.status IN ('queued', 'done', 'failed', 'cancelled'))
) THEN
    RAISE EXCEPTION 'Run % is %; it cannot become %.%', OLD.id, OLD.status, NEW.status,
        CASE WHEN OLD.status IN {_ENDED} THEN ' Ask for a new run.' ELSE ' A worker takes it up first.' END
        USING ERRCODE = 'check_violation';
END IF;
IF OLD.status IN {_ENDED} AND {_differ(_CAME_ABOUT)} THEN
    RAISE EXCEPTION 'Run % is %; how it came about is not rewritten. Ask for a new run.', OLD.id, OLD.status
        USING ERRCODE = 'check_violation';
END IF;
IF {_differ(_ASKED)} THEN
    RAISE EXCEPTION 'What run % was asked for is not rewritten; ask for another run.', OLD.id
        USING ERRCODE = 'check_violation';
END IF;
IF NEW.attempt < OLD.attempt THEN
    RAISE EXCEPTION 'Run % has begun % attempts; they are not taken back.', OLD.id, OLD.attempt
        USING ERRCODE = 'check_violation';
END IF;
RETURN NEW;
"""


def run_triggers() -> list[pgtrigger.Trigger]:
    """Return the triggers of a run: how it begins, what it may become, and what of it stays."""
    return [
        pgtrigger.Trigger(name="begins_queued", when=pgtrigger.Before, operation=pgtrigger.Insert, func=_BEGINS),
        pgtrigger.Trigger(name="goes_on", when=pgtrigger.Before, operation=pgtrigger.Update, func=_GOES_ON),
    ]
