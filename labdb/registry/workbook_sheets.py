"""The sheets of a study's workbook: one per record, in the order in which they can be read again."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Q

from labdb.registry import permissions
from labdb.registry.export_columns import column_expression
from labdb.registry.form_fields import KeyField
from labdb.registry.forms import form_for
from labdb.registry.keys import key_path
from labdb.registry.record import Record, all_records, natural_key, record_for

PEOPLE = "people"  # accounts that rows name: who did it
PEOPLE_COLUMNS = ("username", "first_name", "last_name")
ABOUT, DICTIONARY = "about", "columns"
EXPLAINING = (ABOUT, DICTIONARY)
STAYS_BEHIND = (
    "study-memberships",
    "schedules",
)  # who works on a study, and what labdb does by itself, are no data of it


def sheet_records() -> list[type[Record]]:
    """Return the records that a workbook holds: all that people write; what defines fields goes before its rows."""
    written = [record for record in all_records() if not record.read_only and record.resource not in STAYS_BEHIND]
    return sorted(written, key=lambda record: record.model._meta.app_label != "registry")


def sheet_columns(record: type[Record]) -> list[str]:
    """Return the columns of a sheet: what is entered, without the study (the workbook's) and what has its own sheet."""
    names = []
    for name in form_for(record).base_fields:
        if name == "study" and record.in_study():
            continue
        if not _has_own_sheet(record, name):
            names.append(name)
    return names


def _has_own_sheet(record: type[Record], name: str) -> bool:
    """Whether the links of a field are rows of a record of their own that the two names do not tell apart.

    A library may stand on two lanes of one run: the name of the run would make a third link, without a lane.
    """
    try:
        field: Any = record.model._meta.get_field(name)
    except FieldDoesNotExist:
        return False  # defined by the lab
    if not isinstance(field, models.ManyToManyField):
        return False
    try:
        links = record_for(field.remote_field.through)
    except KeyError:
        return False
    return set(natural_key(links)) != {field.m2m_field_name(), field.m2m_reverse_field_name()}


class StudyRows:
    """Everything that a study holds or refers to, as the account may see it.

    Records that studies share (strains, drugs, regions) come along where a row of the study names them.
    """

    def __init__(self, study: Any, user: Any) -> None:
        self.study = study
        self.user = user
        self._needed: dict[Any, set[int]] = {}
        self._queries: dict[type[Record], models.QuerySet] = {}
        for record in reversed(sheet_records()):
            self._queries[record] = self._rows(record)
            self._follow(record)

    def __iter__(self) -> Iterator[tuple[type[Record], list[str], list[Sequence[Any]]]]:
        """Yield record, columns and rows, sheet by sheet; a record without rows is left out."""
        for record in sheet_records():
            columns = sheet_columns(record)
            rows = self._values(record, columns)
            if rows:
                yield record, columns, rows

    def people(self) -> list[Sequence[Any]]:
        """Return the accounts that rows name."""
        accounts = get_user_model()._default_manager.filter(pk__in=self._needed.get(get_user_model(), ()))
        return list(accounts.order_by("username").values_list(*PEOPLE_COLUMNS))

    def _rows(self, record: type[Record]) -> models.QuerySet:
        rows = permissions.visible(record.model._default_manager.all(), self.user)
        path = permissions.study_path(record.model)
        if path == "pk":
            return rows.filter(pk=self.study.pk)
        if path is not None:
            return rows.filter(study=self.study)
        if record.model._meta.app_label == "registry":
            return rows  # fields that the lab defined
        wanted = Q(pk__in=self._needed.get(record.model, ()))
        for field in record.model._meta.fields:  # the screenings of an aggressor come along with it
            if field.is_relation and not field.null and field.name in record.fields:
                wanted |= Q(**{f"{field.name}__in": self._needed.get(field.related_model, ())})
        return rows.filter(wanted)

    def _follow(self, record: type[Record]) -> None:
        """Remember which shared records and accounts the rows name."""
        rows = self._queries[record].order_by()
        for name, form_field in form_for(record).base_fields.items():
            if isinstance(form_field, KeyField) and permissions.study_path(form_field.model) is None:
                ids = rows.exclude(**{f"{name}__isnull": True}).values_list(name, flat=True).distinct()
                self._needed.setdefault(form_field.model, set()).update(ids)

    def _values(self, record: type[Record], columns: list[str]) -> list[Sequence[Any]]:
        rows = self._queries[record]
        ordering = [_sorted_by(record.model, name) for name in natural_key(record)]
        named = {
            f"column_{at}": column_expression(record.model, name, user=self.user) for at, name in enumerate(columns)
        }
        return list(rows.order_by(*ordering, "pk").annotate(**named).values_list(*named))


def _sorted_by(model: Any, name: str) -> str:
    """Return the order by name, which is the same in every database; ids are not."""
    field = model._meta.get_field(name)
    key = key_path(field.related_model) if field.is_relation else ""
    return f"{name}__{key}" if key and key != "pk" else name
