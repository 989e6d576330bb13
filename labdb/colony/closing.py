"""A closed study: since when, and that nothing of it changes but its opening."""

import pgtrigger

# Compared as a whole, so that fields added later are covered too. Fires before `version`, which sets the last two.
_CLOSED_STAYS = """
IF TG_OP <> 'INSERT' AND OLD.state = 'closed' AND (
    TG_OP = 'DELETE' OR NEW.state = 'closed'
    OR to_jsonb(NEW) - '{state,closed_at,version,modified_at}'::text[]
       <> to_jsonb(OLD) - '{state,closed_at,version,modified_at}'::text[]
) THEN
    RAISE EXCEPTION 'Study % is closed; a manager can open it again.', OLD.code USING ERRCODE = 'check_violation';
END IF;
IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
NEW.closed_at := CASE WHEN NEW.state = 'closed' THEN statement_timestamp() END;
RETURN NEW;
"""


def closing_trigger() -> pgtrigger.Trigger:
    """Return the trigger of the table of studies."""
    return pgtrigger.Trigger(
        name="closing",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        func=_CLOSED_STAYS,
    )
