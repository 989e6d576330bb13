"""The declaration of a record: from it follow form, table, filter, import, admin, REST and export.

The attribute names are those of Django's ModelAdmin where it has one.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.text import slugify

from labdb.registry.lab_fields import LabDefined, lab_fields
from labdb.registry.left_out import LeftOut
from labdb.registry.models import StudyRecord
from labdb.registry.rules import UniqueRule

BOOKKEEPING = ("created_at", "created_by", "modified_at", "version")


class Record:
    """How one model shows at every door.

    Attributes
    ----------
    model
        The model; its fields, units and rules are stated there and nowhere else.
    resource
        Its name in addresses and REST, plural (``si-tests``).
    fields
        What is entered, in the order of the form, the file and the table.
    computed
        What the database computes or another table knows; shown and exported, never entered.
    list_display
        Columns of the list; by default the first fields.
    list_filter
        Filters offered beside a list. Every field, and every field of a related record, can be filtered by address.
    search_fields
        Where the search box looks.
    relations
        Short names for paths that people think of as fields (``{"mouse": "sample__mouse"}``).
    left_out
        Rows that lists and exports leave out unless the address asks for them.
    read_only
        Written by analyses, not by people.
    detail_template
        A page of its own below the fields, where a record deserves one.
    """

    model: ClassVar[type[models.Model]]
    resource: ClassVar[str] = ""
    fields: ClassVar[tuple[str, ...]] = ()
    computed: ClassVar[tuple[str, ...]] = ()
    list_display: ClassVar[tuple[str, ...]] = ()
    list_filter: ClassVar[tuple[str, ...]] = ()
    search_fields: ClassVar[tuple[str, ...]] = ()
    relations: ClassVar[dict[str, str]] = {}
    left_out: ClassVar[LeftOut | None] = None
    read_only: ClassVar[bool] = False
    detail_template: ClassVar[str] = ""

    @classmethod
    def title(cls) -> str:
        """Return the plural that people say."""
        return str(cls.model._meta.verbose_name_plural)

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return what is shown and exported: the study, what is entered, what is computed."""
        study = ("study",) if cls.in_study() and "study" not in cls.fields else ()
        return (*study, *cls.entered(), *cls.computed)

    @classmethod
    def entered(cls) -> tuple[str, ...]:
        """Return what is entered: the declared fields, then those that the lab has defined."""
        return (*cls.fields, *(field.name for field in cls.lab_fields()))

    @classmethod
    def lab_fields(cls) -> tuple[LabDefined, ...]:
        """Return the fields that the lab has defined for it."""
        return () if cls.read_only else lab_fields(cls.resource)

    @classmethod
    def in_study(cls) -> bool:
        """Whether its rows belong to a study."""
        return issubclass(cls.model, StudyRecord)


_records: dict[str, type[Record]] = {}


def register(record: type[Record]) -> type[Record]:
    """Add a declaration to the registry; the order of declaration is the order of lists."""
    record.resource = record.resource or slugify(str(record.model._meta.verbose_name_plural))
    record.list_display = record.list_display or record.fields[:6]
    record.search_fields = record.search_fields or _key_only(record.model)
    if record.resource in _records:
        raise ValueError(f"two records are called {record.resource}")
    _records[record.resource] = record
    return record


def _key_only(model: type[models.Model]) -> tuple[str, ...]:
    key = getattr(model, "key_field", "")
    try:
        model._meta.get_field(key)
    except FieldDoesNotExist:
        return (key,) if "__" in key else ()
    return (key,)


def field_of(model: Any, name: str) -> Any:
    """Return a field of a model, declared or lab-defined; FieldDoesNotExist when there is none of that name."""
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        for field in lab_fields_of(model):
            if field.name == name:
                return field
        raise


def lab_fields_of(model: Any) -> tuple[LabDefined, ...]:
    """Return the lab-defined fields of a model; none where it is no record."""
    try:
        return record_for(model).lab_fields()
    except KeyError:
        return ()


def natural_key(record: type[Record]) -> tuple[str, ...]:
    """Return the fields that tell a row from all others, and by which a sheet finds it again; empty without any."""
    entered = {"study", *record.fields}
    rules = [rule.fields for rule in record.model._meta.constraints if isinstance(rule, UniqueRule)]
    return next((tuple(fields) for fields in rules if entered.issuperset(fields)), ())


def shown_fields(record: type[Record]) -> list[Any]:
    """Return the fields of a row as REST shows it, in order: the columns, then who entered it and when."""
    fields = []
    for name in (*record.columns(), *BOOKKEEPING):
        try:
            fields.append(field_of(record.model, name))
        except FieldDoesNotExist:
            continue  # a result has its run in place of a creator and a version
    return fields


def names_shown(record: type[Record]) -> list[str]:
    """Return the names of all that a row shows: its fields, and the id beside the name of a related record."""
    names = ["id"]
    for field in shown_fields(record):
        names.append(field.name)
        if field.is_relation and not field.many_to_many:
            names.append(field.attname)
    return names


def all_records() -> Iterator[type[Record]]:
    """Yield every declaration in the order of the experiment; the registry's own come last."""
    yield from sorted(_records.values(), key=lambda record: record.model._meta.app_label == "registry")


def record_for(name: Any) -> type[Record]:
    """Return the declaration of a resource or model; KeyError when there is none."""
    if isinstance(name, str):
        return _records[name]
    for record in _records.values():
        if record.model is name:
            return record
    raise KeyError(name)
