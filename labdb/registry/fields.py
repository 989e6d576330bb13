"""Model fields that every room uses."""

from typing import Any

from django.core.validators import RegexValidator
from django.db import models

CODE_SENTENCE = (
    "A code starts with a letter or digit and holds letters, digits and . _ + - only, without spaces; "
    "enter one such as M001."
)


class FiniteFloatField(models.FloatField):
    """A number that is never NaN or infinite, in the database too (both pass `x > 0` in PostgreSQL)."""

    def db_check(self, connection: Any) -> str:
        """Return the column's own check; NaN sorts above Infinity, so the range shuts out all three."""
        column = connection.ops.quote_name(self.column)
        return f"{column} > '-Infinity'::float8 AND {column} < 'Infinity'::float8"


class CodeField(models.CharField):
    """What people call a record: on its cage card, tube or file; compared as written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 64)
        super().__init__(*args, **kwargs)
        self.validators.append(RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", CODE_SENTENCE))
