"""Rules of a table that carry their field and sentence, so that every door says the same, and where.

The sentence is no part of the migration: rewording it changes no table.
"""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DEFAULT_DB_ALIAS, models
from django.utils import timezone


class _Spelled:
    """A row whose values read as people write them: 150 and not 150.0, by the laboratory's clock."""

    def __init__(self, instance: models.Model) -> None:
        self._instance = instance

    def __getattr__(self, name: str) -> str:
        value = getattr(self._instance, name)
        if isinstance(value, datetime):
            return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
        return plain_number(value) if isinstance(value, float) else str(value)


class _Spoken:
    """What a rule of either kind adds to Django's constraint."""

    field: str
    sentence: str

    def error(self, instance: models.Model) -> ValidationError:
        """Return the error for this row, at the rule's field, with the value that broke it."""
        row = _Spelled(instance)
        sentence = self.sentence.format(value=getattr(row, self.field), row=row)
        return ValidationError({self.field: sentence}, code="rule")

    def validate(
        self,
        model: type[models.Model],
        instance: models.Model,
        exclude: Any = None,
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        """Raise the rule's own sentence where Django would raise one without place and value."""
        try:
            super().validate(model, instance, exclude=exclude, using=using)  # type: ignore[misc]
        except ValidationError:
            raise self.error(instance) from None

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Return Django's own constraint: field and sentence are words, not schema."""
        _path, args, kwargs = super().deconstruct()  # type: ignore[misc]
        return f"django.db.models.{self.schema_class}", args, kwargs

    def clone(self) -> Any:
        """Return a copy that still knows its field and sentence (abstract bases hand their rules down)."""
        _path, args, kwargs = self.deconstruct()
        make: Any = self.__class__
        return make(*args, field=self.field, sentence=self.sentence, **kwargs)

    schema_class: str


class RowRule(_Spoken, models.CheckConstraint):
    """A rule on one row.

    Parameters
    ----------
    field : str
        Where forms, files and REST show the sentence.
    sentence : str
        May use ``{value}`` (of the field) and ``{row.other_field}``; says what would be right.
    """

    schema_class = "CheckConstraint"

    def __init__(self, *, field: str, sentence: str, condition: Any, name: str, **kwargs: Any) -> None:
        super().__init__(condition=condition, name=name, **kwargs)
        self.field = field
        self.sentence = sentence


class UniqueRule(_Spoken, models.UniqueConstraint):
    """A rule that no two rows share these fields; parameters as for `RowRule`."""

    schema_class = "UniqueConstraint"

    def __init__(self, *, field: str, sentence: str, fields: Any, name: str, **kwargs: Any) -> None:
        super().__init__(fields=fields, name=name, **kwargs)
        self.field = field
        self.sentence = sentence


def between(field: str, low: float, high: float, unit: str, name: str) -> RowRule:
    """Return the rule that a field lies within a physical range, ends included; empty passes."""
    return RowRule(
        condition=models.Q(**{f"{field}__range": (low, high)}),
        name=name,
        field=field,
        sentence=range_sentence(low, high, unit),
    )


def range_sentence(low: float | None, high: float | None, unit: str) -> str:
    """Return the sentence, with a place for ``{value}``, on a number outside a range that may be open at one end."""
    unit_text = f" {unit}" if unit else ""
    if low is None or high is None:
        side, limit = ("above", high) if high is not None else ("below", low)
        place = f"{side} {plain_number(limit)}"  # type: ignore[arg-type]
    else:
        place = f"outside {plain_number(low)} to {plain_number(high)}"
    sentence = f"{unit_text} is {place}{unit_text}; check the unit and the decimal point."
    return "{value}" + sentence.replace("{", "{{").replace("}", "}}")


def plain_number(value: float) -> str:
    """Return a number as people write it: 150 and not 150.0."""
    return repr(value).removesuffix(".0")


def one_per(*fields: str, name: str, field: str, sentence: str) -> UniqueRule:
    """Return the rule that the fields together name one row."""
    return UniqueRule(fields=fields, name=name, field=field, sentence=sentence)


def unique_code(model_name: str, what: str) -> UniqueRule:
    """Return the rule that a code is unique in its study."""
    return UniqueRule(
        fields=("study", "code"),
        name=f"{model_name}_code_once_per_study",
        field="code",
        sentence="{value} is already " + what + " of this study; choose another code or edit that record.",
    )
