"""The log of unblinding: which mouse or study, who, when and why. It is only ever added to, whatever the role.

Its triggers lift the blind; those of a study and a mouse (labdb.colony.blinding) let nothing else lift it.
"""

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from labdb.colony.models import Mouse, Study
from labdb.registry.history import writing
from labdb.registry.models import LabQuerySet
from labdb.registry.rules import RowRule

# The clock is the database's, so that nobody enters a score before an unblinding that has been.
_BEFORE = """
NEW.at := statement_timestamp();
IF NEW.mouse_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM colony_mouse WHERE id = NEW.mouse_id AND study_id = NEW.study_id
) THEN
    RAISE EXCEPTION 'The mouse is not of this study.' USING ERRCODE = 'check_violation';
END IF;
SELECT code, is_blinded INTO study FROM colony_study WHERE id = NEW.study_id FOR UPDATE;
IF NOT study.is_blinded THEN
    RAISE EXCEPTION 'Study % is not blinded; there is nothing to lift.', study.code USING ERRCODE = 'check_violation';
END IF;
RETURN NEW;
"""
_AFTER = """
IF NEW.mouse_id IS NULL THEN
    UPDATE colony_study SET is_blinded = false, unblinded_at = NEW.at WHERE id = NEW.study_id AND is_blinded;
ELSE
    UPDATE colony_mouse SET unblinded_at = NEW.at WHERE id = NEW.mouse_id AND unblinded_at IS NULL;
END IF;
RETURN NULL;
"""


class Unblinding(models.Model):
    """That the treatment of one mouse, or of a study, was made known: to whom, when and why."""

    key_field: ClassVar[str] = "pk"
    append_only: ClassVar[bool] = True  # the working role may read and add, and nothing else

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="unblindings")
    mouse = models.ForeignKey(
        Mouse, null=True, blank=True, on_delete=models.PROTECT, related_name="unblindings",
        help_text="The one mouse of an emergency; empty for the whole study.",
    )  # fmt: skip
    reason = models.TextField(help_text="Why it had to be known.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="unblinded by"
    )
    at = models.DateTimeField("unblinded at", db_default=Now())

    objects = LabQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            RowRule(
                condition=models.Q(reason__regex=r"\S"), name="unblinding_has_reason", field="reason",
                sentence="Say why; the log keeps it for ever.",
            )
        ]  # fmt: skip
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="never_emptied", when=pgtrigger.Before, operation=pgtrigger.Truncate,
                level=pgtrigger.Statement, func="RAISE EXCEPTION 'The log of unblinding is never emptied.';",
            ),
            pgtrigger.Trigger(
                name="checked", when=pgtrigger.Before, operation=pgtrigger.Insert, declare=[("study", "record")],
                func=_BEFORE,
            ),
            pgtrigger.Trigger(name="lifts", when=pgtrigger.After, operation=pgtrigger.Insert, func=_AFTER),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse or self.study} unblinded"


def unblind(study: Study, *, by: Any, reason: str, mouse: Mouse | None = None, door: str = "web") -> Unblinding:
    """Lift the blind of one mouse, or of the whole study, and return the row of the log.

    Whether the account may is the page's question; the reason also stands in the history of the study or mouse.
    """
    with writing(user=by, door=door, reason=reason):
        made = Unblinding.objects.create(study=study, mouse=mouse, by=by, reason=reason)
    made.refresh_from_db()
    return made
