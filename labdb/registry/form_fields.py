"""Form fields that say what was entered and what would be right.

Every door writes through these, so the sentence for a bad cell is the same on a page, in a file and by REST.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.utils import timezone

from labdb.registry.dates import DateCell, year_first
from labdb.registry.keys import KeyRing
from labdb.registry.lab_clock import instant_of
from labdb.registry.models import key_of
from labdb.registry.numbers import read_number
from labdb.registry.units import Unit, unit_of

REQUIRED = "This is needed; enter a value."
EARLIEST_YEAR, LATEST_YEAR = 1900, 2199  # beyond them a slip of the finger; a figure's clock ends at 1677 and 2262
LONGEST_KEY = 300  # characters; the longest label of a record is shorter
YES = {"true", "yes", "y", "1"}
NO = {"false", "no", "n", "0"}


@dataclass(frozen=True)
class Reading:
    """What somebody said of a file: which comes first in its days, and what stands before its decimals."""

    date_order: str = ""  # day-first, month-first
    decimal_mark: str = ""  # comma, point


AS_WRITTEN = Reading()


class _Spoken:
    """A field whose empty value has one sentence."""

    default_error_messages: ClassVar[Any] = {"required": REQUIRED}


class TextField(_Spoken, forms.CharField):
    """Text, trimmed."""

    def __init__(self, *, longest: int | None = None, **kwargs: Any) -> None:
        self.longest = longest
        super().__init__(**kwargs)
        self.validators = []  # Django's refusal of NUL: said below, with what to do
        if longest is not None:
            self.widget.attrs["maxlength"] = str(longest)

    def to_python(self, value: Any) -> Any:
        """Return the text; refuse what no database can hold, and say by how much it is too long."""
        if isinstance(value, DateCell):
            raise ValidationError(
                f"The spreadsheet made the date {value} of this cell; format the column as text and type it again."
            )
        text = super().to_python(value)
        if text and not is_storable(text):
            raise ValidationError("Text cannot hold NUL or half characters; type it anew.")
        if text and self.longest is not None and len(text) > self.longest:
            raise ValidationError(f"{text[:20]}... has {len(text)} characters; enter at most {self.longest}.")
        return text


class NumberField(_Spoken, forms.Field):
    """A finite number; it may bring the field's own unit."""

    widget = forms.TextInput(attrs={"inputmode": "decimal"})

    def __init__(self, *, unit: Unit | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = unit
        self.decimal_mark = ""

    def to_python(self, value: Any) -> float | None:
        """Return the number, or None when empty."""
        text = str(value).strip() if value is not None else ""
        return read_number(text, self.unit, self.decimal_mark) if text else None


class WholeNumberField(_Spoken, forms.Field):
    """A whole number that its column can hold."""

    widget = forms.TextInput(attrs={"inputmode": "numeric"})

    def __init__(
        self, *, least: int | None = None, most: int | None = None, unit: Unit | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.unit = unit
        self.least = least
        self.most = most

    def to_python(self, value: Any) -> int | None:
        """Return the number, or None when empty."""
        text = str(value).strip() if value is not None else ""
        if not text:
            return None
        match = re.fullmatch(r"([+-]?[0-9]{1,19}(\.0*)?)\s*(\D*)", text)
        if not match or (match[3] and not (self.unit and self.unit.is_written(match[3]))):
            raise ValidationError(f"{text} is not a whole number; enter digits such as 12.")
        number = int(match[1].partition(".")[0])
        if self.least is not None and number < self.least:
            raise ValidationError(f"{text} is too small; enter {self.least} or more.")
        if self.most is not None and number > self.most:
            raise ValidationError(f"{text} is too large; enter at most {self.most}.")
        return number


def _refuse_strange_year(value: Any, moment: date) -> None:
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise ValidationError(
            f"{value} is in the year {moment.year}; enter a year from {EARLIEST_YEAR} to {LATEST_YEAR}, such as 2026."
        )


def _without_midnight(text: str) -> str:
    """Return a day without the time that a workbook keeps behind it."""
    return re.sub(r"[T ]00:00(:00(\.0+)?)?$", "", text)


class DayField(_Spoken, forms.Field):
    """A date; year first, or in a form that can be read in one way only."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    date_order = ""

    def _text(self, value: Any) -> str:
        return _without_midnight(year_first(str(value).strip(), self.date_order))

    def to_python(self, value: Any) -> date | None:
        """Return the date, or None when empty."""
        if isinstance(value, datetime):
            value = value.date()
        if value in (None, ""):
            return None
        try:
            day = value if isinstance(value, date) else date.fromisoformat(self._text(value))
        except ValueError:
            raise ValidationError(f"{value} is not a date; enter it as 2026-03-14 (year-month-day).") from None
        _refuse_strange_year(value, day)
        return day


class InstantField(_Spoken, forms.Field):
    """A date and time; without an offset it is the laboratory's clock."""

    widget: Any = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    date_order = ""

    def to_python(self, value: Any) -> datetime | None:
        """Return the instant, or None when empty."""
        if value in (None, ""):
            return None
        try:
            text = str(value).strip()
            instant = (
                value if isinstance(value, datetime) else datetime.fromisoformat(year_first(text, self.date_order))
            )
            _refuse_strange_year(value, instant)
            if timezone.is_naive(instant):
                instant = self._by_the_clock(instant)
            return instant.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError(
                f"{value} is not a date and time; enter it as 2026-03-14 09:30 (year-month-day hour:minute)."
            ) from None

    def _by_the_clock(self, local: datetime) -> datetime:
        try:
            return instant_of(local)
        except ValidationError:
            self.widget = forms.TextInput()  # the browser's own clock has no place for an offset
            raise

    def prepare_value(self, value: Any) -> Any:
        """Return the instant by the laboratory's clock."""
        return timezone.localtime(value) if isinstance(value, datetime) and timezone.is_aware(value) else value


class OneOfField(_Spoken, forms.ChoiceField):
    """One of a few values, by value or by label."""

    def to_python(self, value: Any) -> str:
        """Return the value that is stored."""
        text = "" if value is None else str(value).strip()
        choices: Any = self.choices
        for stored, label in choices:
            if text and text.casefold() in (str(stored).casefold(), str(label).casefold()):
                return str(stored)
        return text

    def validate(self, value: Any) -> None:
        """Refuse anything else, naming the choices."""
        if not value and self.required:
            raise ValidationError(REQUIRED, code="required")
        if value and not self.valid_value(value):
            choices: Any = self.choices
            known = ", ".join(str(stored) for stored, _label in choices if stored != "")
            raise ValidationError(f"{value} is not one of {known}; choose one of these.")


class YesNoField(_Spoken, forms.Field):
    """Yes or no; empty only where unknown is allowed."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [("true", "yes"), ("false", "no")]
        if not kwargs.get("required", True):
            choices.insert(0, ("", "unknown"))
        kwargs["widget"] = forms.Select(choices=choices)
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> bool | None:
        """Return True, False, or None when empty."""
        text = "" if value is None else str(value).strip().casefold()
        if not text:
            return None
        if text in YES | NO:
            return text in YES
        raise ValidationError(f"{value} is neither yes nor no; enter yes or no.")

    def prepare_value(self, value: Any) -> Any:
        """Return the option that stands for the value."""
        return {True: "true", False: "false", None: ""}.get(value, value)


class KeyField(_Spoken, forms.Field):
    """One record, by name or ``#id``, within the study of the form."""

    widget = forms.TextInput

    def __init__(self, *, model: type[models.Model], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.keys: KeyRing | None = None
        self.scope: Callable[[], Any] = lambda: None

    def to_python(self, value: Any) -> Any:
        """Return the record, or None when empty."""
        if isinstance(value, self.model):
            return value
        text = "" if value is None else str(value).strip()
        if not text:
            return None
        if len(text) > LONGEST_KEY or not is_storable(text):
            raise ValidationError(f"{text[:20]!r}... is not a name; enter one as it is written elsewhere.")
        assert self.keys is not None
        return self.keys.find(self.model, text, self.scope())

    def prepare_value(self, value: Any) -> Any:
        """Return the name that stands for a record; an id is looked up."""
        if isinstance(value, int):
            rows = self.model._default_manager.all() if self.keys is None else self.keys.rows(self.model)
            value = rows.filter(pk=value).first()
        return written_key(value) if isinstance(value, models.Model) else value


class KeysField(KeyField):
    """Several records by name, separated by semicolons."""

    def to_python(self, value: Any) -> list[Any]:
        """Return the records."""
        if value is None or value == "":
            return []
        parts = value if isinstance(value, list | tuple) else split_keys(str(value))
        found = [super(KeysField, self).to_python(part) for part in parts if str(part).strip()]
        return list(dict.fromkeys(found))

    def prepare_value(self, value: Any) -> Any:
        """Return the names, as they are entered."""
        if isinstance(value, list | tuple | models.QuerySet):
            return "; ".join(str(written_key(one) if isinstance(one, models.Model) else one) for one in value)
        return value


def read_as(form: forms.BaseForm, reading: Reading) -> None:
    """Let the fields of a form read cells as somebody said that this file is written."""
    for form_field in form.fields.values():
        if isinstance(form_field, NumberField):
            form_field.decimal_mark = reading.decimal_mark
        elif isinstance(form_field, DayField | InstantField):
            form_field.date_order = reading.date_order


def split_keys(text: str) -> list[str]:
    """Return the names in a cell that holds several."""
    return [part.strip() for part in text.split(";") if part.strip()]


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold this text: no NUL, no half of a surrogate pair (JSON may carry both)."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def written_key(record: models.Model) -> str:
    """Return the text that finds this record again: its name, or ``#id`` where it has none."""
    key = key_of(record)
    return f"#{record.pk}" if key == record.pk else str(key)


def _choices_of(field: Any) -> list[tuple[Any, Any]]:
    """Return the choices of a field, with what an empty value means first where it may be empty or must be chosen."""
    choices = list(field.flatchoices)
    if "" in dict(choices) or (field.has_default() and not field.blank):
        return choices
    return [("", "not stated" if field.blank else "choose one"), *choices]


def form_field_for(field: Any, **kwargs: Any) -> forms.Field | None:
    """Return the form field of a model field."""
    base = {"required": not field.blank, "label": field.verbose_name, "help_text": field.help_text}
    if isinstance(field, models.ManyToManyField):
        return KeysField(model=field.related_model, **base)
    if isinstance(field, models.ForeignKey):
        return KeyField(model=field.related_model, **base)
    if field.choices:
        return OneOfField(choices=_choices_of(field), **base)
    kinds: list[tuple[Any, type[forms.Field]]] = [
        (models.BooleanField, YesNoField),
        (models.FloatField, NumberField),
        (models.IntegerField, WholeNumberField),
        (models.DateTimeField, InstantField),
        (models.DateField, DayField),
    ]
    for kind, form_field in kinds:
        if isinstance(field, kind):
            if kind is models.BooleanField:
                base["required"] = not field.null
            if kind in (models.FloatField, models.IntegerField):
                base["unit"] = unit_of(field)
            if kind is models.IntegerField:
                base["least"], base["most"] = connection.ops.integer_field_range(field.get_internal_type())
            return form_field(**base)
    if isinstance(field, models.TextField):
        return TextField(widget=forms.Textarea(attrs={"rows": 2}), **base)
    if isinstance(field, models.CharField):
        return TextField(longest=field.max_length, empty_value=None if field.null else "", **base)
    return field.formfield(**kwargs)
