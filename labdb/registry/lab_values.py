"""The column that holds what the lab's own fields say of a row, and how the database reads one value of it.

A value is a path like any other, `lab_values__number:coat_score`: it filters, orders, exports and crosses relations.
Each kind reads only what has its own JSON type, so that no cast fails on a row that somebody wrote past the form.
"""

import re
from functools import partial
from typing import Any

from django.db import models
from django.db.models import Transform

COLUMN = "lab_values"
NAME = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*"  # also what makes it safe to write into SQL
# kind: JSON type, and how its text is cast
_READINGS: dict[str, tuple[str, str, models.Field]] = {
    "text": ("string", "", models.CharField()),
    "choice": ("string", "", models.CharField()),
    "number": ("number", "::float8", models.FloatField()),
    "date": ("string", "::date", models.DateField()),
    "yes-no": ("boolean", "::boolean", models.BooleanField()),
}
_IS_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_PATH = re.compile(rf"({'|'.join(_READINGS)}):({NAME})")


def path_of(kind: str, name: str) -> str:
    """Return the path by which the ORM reads a value of this kind."""
    return f"{COLUMN}__{kind}:{name}"


class LabValue(Transform):
    """One value of the column; of another JSON type than its kind's it counts as none."""

    def __init__(self, kind: str, name: str, *expressions: Any, **extra: Any) -> None:
        super().__init__(*expressions, output_field=_READINGS[kind][2], **extra)
        self.kind = kind
        self.name = name

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        """Return the value, or NULL."""
        column, parameters = compiler.compile(self.lhs)
        json_type, cast, _output = _READINGS[self.kind]
        is_one = f"jsonb_typeof({column} -> '{self.name}') = '{json_type}'"
        copies = 2
        if self.kind == "date":
            is_one += f" AND {column} ->> '{self.name}' ~ '{_IS_DATE}'"
            copies = 3
        return f"CASE WHEN {is_one} THEN ({column} ->> '{self.name}'){cast} END", [*parameters] * copies


class LabValuesField(models.JSONField):
    """Values by name, as JSON has them: numbers, texts, dates as `2026-03-14`, true and false."""

    def get_transform(self, name: str) -> Any:
        """Return the reading of one value where the name is `kind:name`."""
        match = _PATH.fullmatch(name)
        return partial(LabValue, *match.groups()) if match else super().get_transform(name)
