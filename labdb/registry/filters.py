"""Filters in the address: one reading of `?rin__gte=8&mouse__cohort__code=C1` for lists, exports and REST."""

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.http import QueryDict

from labdb.registry.form_fields import form_field_for
from labdb.registry.models import LabRecord
from labdb.registry.record import Record, record_for

LOOKUPS = ("exact", "in", "gte", "lte", "gt", "lt", "isnull", "contains", "icontains", "startswith", "range", "date")
MAX_STEPS = 6
RESERVED = {"limit", "offset", "page", "search", "ordering", "fields", "export", "for", "format", "columns"}


class FilterError(Exception):
    """Some filters are not understood.

    Attributes
    ----------
    errors : dict of str to list of str
        Sentences by parameter.
    """

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(sentence for sentences in errors.values() for sentence in sentences))
        self.errors = errors


@dataclass(frozen=True)
class Path:
    """A field that may be filtered: its path for the ORM, its last model field and the lookup."""

    orm: str
    field: Any
    lookup: str = "exact"


@dataclass
class Filters:
    """What an address asks of a list."""

    conditions: Q = field(default_factory=Q)
    search: str = ""
    ordering: tuple[str, ...] = ()
    has_many: bool = False


def read_filters(record: type[Record], query: QueryDict) -> Filters:
    """Return the filters of an address; FilterError names every parameter that is not understood."""
    filters = Filters(search=query.get("search", "").strip())
    errors: dict[str, list[str]] = {}
    for name in query:
        if name in RESERVED:
            continue
        try:
            path = resolve(record, name)
            for text in query.getlist(name):
                if text != "":
                    filters.conditions &= _condition(path, text)
            filters.has_many = filters.has_many or _crosses_many(record, path.orm)
        except ValidationError as error:
            errors[name] = error.messages
    try:
        filters.ordering = read_ordering(record, query.get("ordering", ""))
    except ValidationError as error:
        errors["ordering"] = error.messages
    if errors:
        raise FilterError(errors)
    return filters


def apply(queryset: QuerySet, record: type[Record], filters: Filters) -> QuerySet:
    """Return the rows that the filters select, in their order."""
    queryset = queryset.filter(filters.conditions)
    if filters.search:
        found = Q()
        for name in record.search_fields:
            found |= Q(**{f"{name}__icontains": filters.search})
        queryset = queryset.filter(found)
    if filters.has_many:
        queryset = record.model._default_manager.filter(pk__in=queryset.order_by().values("pk"))
    if filters.ordering:
        queryset = queryset.order_by(*filters.ordering, "pk")
    return queryset


def resolve(record: type[Record], name: str) -> Path:
    """Return the path that a parameter names; ValidationError naming the known ones when there is none."""
    steps = name.split("__")
    lookup = "exact"
    if len(steps) > 1 and steps[-1] in LOOKUPS:
        lookup = steps.pop()
    if steps[0] in record.relations:
        steps = [*record.relations[steps[0]].split("__"), *steps[1:]]
    model: Any = record.model
    found: Any = None
    for step in steps:
        found = _field(model, step) if model is not None else None
        if found is None or len(steps) > MAX_STEPS:
            raise ValidationError(f"{name} is not a filter of {record.resource}; known are {', '.join(known(record))}.")
        model = found.related_model if found.is_relation else None
    return Path("__".join(steps), found, lookup)


def known(record: type[Record]) -> list[str]:
    """Return the filters of a record itself; each may go on into a related record and end in a lookup."""
    own = [f.name for f in record.model._meta.fields if _field(record.model, f.name) is not None]
    return sorted({*own, *record.relations})


def read_ordering(record: type[Record], text: str) -> tuple[str, ...]:
    """Return the columns of ``?ordering=``."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    paths = []
    for name in names:
        sign, bare = ("-", name[1:]) if name.startswith("-") else ("", name)
        path = resolve(record, bare)
        key = getattr(path.field.related_model, "key_field", "pk") if path.field.is_relation else ""
        paths.append(f"{sign}{path.orm}{'__' + key if key else ''}")
    return tuple(paths)


def _field(model: Any, name: str) -> Any:
    """Return a model field if it may be asked for: fields of records, and relations between records only."""
    if name == "pk":
        name = "id"
    try:
        found = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    if found.is_relation:
        return found if isinstance(found.related_model, type) and _is_registered(found.related_model) else None
    return found


def _is_registered(model: type[models.Model]) -> bool:
    try:
        record_for(model)
    except StopIteration:
        return False
    return issubclass(model, LabRecord)


def _condition(path: Path, text: str) -> Q:
    if path.lookup == "isnull":
        return Q(**{f"{path.orm}__isnull": text.casefold() in ("true", "1", "yes")})
    if path.field.is_relation:
        return _relation_condition(path, text)
    if path.lookup in ("in", "range"):
        values = [_value(path, part) for part in text.split(",")]
        if path.lookup == "range" and len(values) != 2:
            raise ValidationError(f"{text} is not a range; enter two values such as 1,5.")
        return Q(**{f"{path.orm}__{path.lookup}": values})
    value = text if path.lookup in ("contains", "icontains", "startswith", "date") else _value(path, text)
    try:
        return Q(**{f"{path.orm}__{path.lookup}": value})
    except (FieldError, ValueError) as error:
        raise ValidationError(f"{text}: {error}") from None


def _relation_condition(path: Path, text: str) -> Q:
    names = text.split(",") if path.lookup == "in" else [text]
    if path.lookup not in ("exact", "in"):
        raise ValidationError(f"{path.orm} is a record; compare one of its fields, such as {path.orm}__code.")
    key = getattr(path.field.related_model, "key_field", "pk")
    condition = Q()
    for name in names:
        is_id = name.startswith("#") and name[1:].isdigit()
        condition |= Q(**{f"{path.orm}__pk": int(name[1:])}) if is_id else Q(**{f"{path.orm}__{key}": name})
    return condition


def _value(path: Path, text: str) -> Any:
    """Return a filter's value, checked by the same form field that would enter it."""
    if isinstance(path.field, models.AutoField):
        return _whole(text)
    source = path.field.output_field if path.field.generated else path.field
    form_field = form_field_for(source) if source.editable or path.field.generated else source.formfield(required=False)
    if form_field is None:
        return source.to_python(text)
    form_field.required = False
    if source.choices or isinstance(source, models.CharField | models.TextField):
        return text
    return form_field.to_python(text)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValidationError(f"{text} is not an id; enter digits.")
    return int(text)


def _crosses_many(record: type[Record], orm: str) -> bool:
    model: Any = record.model
    for step in orm.split("__"):
        found = model._meta.get_field("id" if step == "pk" else step)
        if found.is_relation:
            if found.many_to_many or found.one_to_many:
                return True
            model = found.related_model
    return False
