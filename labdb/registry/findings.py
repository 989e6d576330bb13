"""What rows say against each other and against the table, graded: refused, or saved with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

WARNING = "warning"  # the code of an error that a reason lifts
GIVE_REASON = "If it is right, give a reason."


class Grade(IntEnum):
    """How bad a finding is."""

    NOTE = 0  # said, nothing more
    WARNING = 1  # saved only with a reason
    ERROR = 2  # refused


@dataclass(frozen=True)
class Finding:
    """One sentence about one field of one row.

    Attributes
    ----------
    number : int
        Position of the row among those that were looked at.
    field : str
        Where forms, files and REST show the sentence.
    """

    number: int
    field: str
    sentence: str
    grade: Grade = Grade.ERROR

    def error(self) -> ValidationError:
        """Return the finding as a form's error; that of a warning says what lifts it."""
        if self.grade == Grade.ERROR:
            return ValidationError(self.sentence, code="rule")
        return ValidationError(f"{self.sentence} {GIVE_REASON}", code=WARNING)


def stored_beside(model: type[models.Model], rows: Sequence[Any]) -> models.QuerySet:
    """Return the stored rows that a sheet leaves as they are: it is held against these and against itself."""
    changed = [row.pk for row in rows if row.pk is not None]
    return model._default_manager.exclude(pk__in=changed) if changed else model._default_manager.all()
