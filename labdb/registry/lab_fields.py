"""The lab's own fields as model fields that stand in no model: what every door reads beside the declared ones.

Definitions are read when first needed, once for a request or an import (`read_once`); outside of these, at each use.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import ProgrammingError, connection, models
from django.http import HttpRequest, HttpResponse

from labdb.registry import lab_values
from labdb.registry.fields import FiniteFloatField
from labdb.registry.lab_field import Kind, LabField
from labdb.registry.rules import plain_number, range_sentence

UNDEFINED_TABLE = "42P01"
LONGEST_TEXT = 500  # characters; longer stories belong into the notes
DEFINING = (
    "resource", "name", "label", "kind", "unit", "minimum", "maximum", "choices", "is_required", "help_text",
    "is_retired",
)  # fmt: skip


class LabDefined(models.Field):
    """A field whose values lie in the row's `lab_values`, under its name."""

    path: str  # for the ORM
    is_retired: bool

    def value_from_object(self, obj: Any) -> Any:
        """Return what the row holds, None for nothing."""
        value = obj.lab_values.get(self.name)
        try:
            return self.to_python(value)
        except (ValidationError, TypeError, ValueError):
            return value  # written past the form; shown as it is

    def save_form_data(self, instance: Any, data: Any) -> None:
        """Put a value into the row; an empty one leaves no trace."""
        kept = {name: value for name, value in instance.lab_values.items() if name != self.name}
        if data not in (None, ""):
            kept[self.name] = data.isoformat() if isinstance(data, date) else data
        instance.lab_values = kept


class LabText(LabDefined, models.CharField):
    """Text, or one of several."""


class LabNumber(LabDefined, FiniteFloatField):
    """A number."""


class LabDay(LabDefined, models.DateField):
    """A date."""


class LabYesNo(LabDefined, models.BooleanField):
    """Yes or no."""


@dataclass(frozen=True)
class InRange:
    """Refuses a number outside its range, in the words of `between`."""

    low: float | None
    high: float | None
    unit: str

    def __call__(self, value: float) -> None:
        """Raise the sentence."""
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            sentence = range_sentence(self.low, self.high, self.unit)
            raise ValidationError(sentence.format(value=plain_number(value)))


def lab_fields(resource: str) -> tuple[LabDefined, ...]:
    """Return the fields that the lab has defined for a record, by name."""
    held = _held.get()
    if held is None:
        return _read().get(resource, ())
    if not held:
        held.append(_read())
    return held[0].get(resource, ())


def forget() -> None:
    """Read the definitions anew at their next use: some were just written."""
    held = _held.get()
    if held is not None:
        held.clear()


@contextmanager
def read_once() -> Iterator[None]:
    """Read the definitions at most once inside; also a decorator."""
    token = _held.set([])
    try:
        yield
    finally:
        _held.reset(token)


def read_once_per_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: a definition made in another process counts from the next request on."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with read_once():
            return get_response(request)

    return middleware


def undefined(name: str) -> LabDefined:
    """Return a field for values under a name that is defined no longer; the history still holds them."""
    return _named(LabText(max_length=LONGEST_TEXT), name, Kind.TEXT, is_retired=True)


def value_of(field: Any, row: Any) -> Any:
    """Return what a row holds in a field, declared or lab-defined; a related record as itself."""
    return field.value_from_object(row) if isinstance(field, LabDefined) else getattr(row, field.name)


def path_to(field: Any) -> str:
    """Return the last step of the path by which the ORM reads a field."""
    return field.path if isinstance(field, LabDefined) else field.name


Definitions = dict[str, tuple[LabDefined, ...]]
_held: ContextVar[list[Definitions] | None] = ContextVar("lab_fields", default=None)


def _read() -> Definitions:
    found: Definitions = {}
    for definition in _definitions():
        found[definition[0]] = (*found.get(definition[0], ()), _made(*definition))
    return found


def _definitions() -> list[Any]:
    """Return the rows of all definitions; none before the first migrate, when `check` looks at a new checkout."""
    try:
        return list(LabField.objects.order_by("resource", "name").values_list(*DEFINING))
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", "") != UNDEFINED_TABLE or connection.in_atomic_block:
            raise
        return []


@lru_cache(maxsize=1000)  # the same definition is the same field, so that forms made for it can be kept
def _made(
    _resource: str, name: str, label: str, kind: str, unit: str, minimum: float | None, maximum: float | None,
    choices: str, is_required: bool, help_text: str, is_retired: bool,
) -> LabDefined:  # fmt: skip
    """Return the field of a definition."""
    is_needed = is_required and not is_retired
    options: dict[str, Any] = {
        "verbose_name": f"{label} ({unit})" if unit else label,
        "help_text": help_text,
        "blank": not is_needed,
        "null": not is_needed,
    }
    field: LabDefined
    if kind == Kind.NUMBER:
        field = LabNumber(validators=[InRange(minimum, maximum, unit)], **options)
    elif kind == Kind.DATE:
        field = LabDay(**options)
    elif kind == Kind.YES_NO:
        field = LabYesNo(**options)
    else:
        listed = [one.strip() for one in choices.split(";") if one.strip()]
        field = LabText(max_length=LONGEST_TEXT, choices=[(one, one) for one in listed] or None, **options)
    return _named(field, name, kind, is_retired=is_retired)


def _named(field: LabDefined, name: str, kind: str, *, is_retired: bool) -> LabDefined:
    field.set_attributes_from_name(name)
    field.path = lab_values.path_of(kind, name)
    field.is_retired = is_retired
    return field
