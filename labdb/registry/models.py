"""The bases of every record."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import pghistory.models
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from labdb.registry import permissions
from labdb.registry.findings import Finding
from labdb.registry.former_names import taken_over
from labdb.registry.lab_values import LabValuesField
from labdb.registry.secrecy import Secrecy


class LabQuerySet(models.QuerySet):
    """Queries that know who asks."""

    def visible_to(self, user: Any) -> Self:
        """Return the rows that this account may see."""
        return permissions.visible(self, user)  # type: ignore[return-value]


class LabRecord(models.Model):
    """What every record has, whether it belongs to a study or to the laboratory.

    ``version`` and ``modified_at`` are set by a trigger, so bulk and raw writes count too; they and a study filled
    by a trigger are stale on an instance until ``refresh_from_db()``.
    """

    # How people name a row: a field, or a path to one. Files, forms and REST accept it in place of an id.
    key_field: ClassVar[str] = "code"
    # Who is about to write the row, where a form or a sheet knows it: `findings` may ask.
    writer: Any = None
    # Who alone may know the rows, or write them, while their study says so.
    secrecy: ClassVar[Secrecy | None] = None
    # The field that names the study of a row, where others of the same record are of the whole laboratory.
    optional_study: ClassVar[str] = ""

    lab_values = LabValuesField(default=dict, db_default={}, editable=False)
    notes = models.TextField(blank=True, help_text="Anything worth knowing that has no field of its own.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    modified_at = models.DateTimeField(db_default=Now(), editable=False)
    version = models.PositiveIntegerField(db_default=1, editable=False)

    objects = LabQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(key_of(self))

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Yield what the rows of a sheet, or the one row of a form, say against each other and against the table.

        For rules that need other rows: a handful of queries for all of them, never one a row. A rule on one row is a
        constraint, one against a related record that is loaded already stands in `clean`.

        Parameters
        ----------
        rows : sequence of instances
            As they would be written, free of other errors; ``pk`` is None where a row is new.

        A model with findings of its own yields these too (``yield from super().findings(rows)``).
        """
        return taken_over(cls, rows)

    @classmethod
    def marks(cls, rows: Sequence[Self]) -> dict[Any, str]:
        """Return what a list says beside the names of some rows, by primary key: a query for all of them, if any."""
        return {}

    def named_by(self, field: str) -> list[Any]:
        """Return the records that a field for several of them names: as just entered, else as stored.

        A form leaves what was entered in ``entered_links``: the links themselves are written after the row.
        """
        entered: dict[str, list[Any]] = self.__dict__.get("entered_links", {})
        if field in entered:
            return entered[field]
        return list(getattr(self, field).all()) if self.pk is not None else []

    def needed_by(self) -> str:
        """Say what forbids its deletion besides rows that refer to it; empty when nothing does."""
        return ""

    @property
    def etag(self) -> str:
        """The version as HTTP compares it."""
        return f'"{self.version}"'


class StudyRecord(LabRecord):
    """A record that belongs to one study.

    ``study_from`` names the parent that decides the study; a form sets it before validation and a trigger fills and
    guards raw writes. Without it the study is entered.
    """

    study_from: ClassVar[str | None] = None
    # Whether a closed study shuts these rows too; who may look at it stays a manager's business.
    closes_with_study: ClassVar[bool] = True

    study = models.ForeignKey("colony.Study", on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True

    def clean(self) -> None:
        """Refuse relatives from another study, and a change of study under a record that others depend on."""
        super().clean()
        self._refuse_other_studies()
        self._refuse_to_leave_dependents()

    def _refuse_other_studies(self) -> None:
        for field in self._meta.fields:
            related = field.related_model
            if not (isinstance(related, type) and issubclass(related, StudyRecord)):
                continue
            if getattr(self, field.attname) is None or self.study_id is None:
                continue
            other = getattr(self, field.name)
            if other.study_id != self.study_id:
                raise ValidationError(
                    {
                        field.name: f"{other} belongs to study {other.study}, this record to {self.study}; choose one of {self.study}."
                    }
                )

    def _refuse_to_leave_dependents(self) -> None:
        if self.pk is None:
            return
        before = self.__dict__.get("stored_study_id")  # the form knows it: a sheet would ask once for each of its rows
        if before is None:
            before = type(self)._default_manager.filter(pk=self.pk).values_list("study_id", flat=True).first()
        if before is None or before == self.study_id:
            return
        from labdb.registry.attachments import attachments_of  # a table of the registry's own, built on these bases

        counts = [
            (relation.related_model, relation.related_model._base_manager.filter(**{relation.field.name: self.pk}))
            for relation in dependents(type(self))
        ]
        for model, rows in [*counts, (attachments_of(self).model, attachments_of(self))]:
            count = rows.count()
            if count:
                what = model._meta.verbose_name_plural
                raise ValidationError(
                    {
                        self.study_from
                        or "study": f"{count} {what} depend on this record, so it cannot move to another study."
                    }
                )


def dependents(model: type[models.Model]) -> list[Any]:
    """Return the relations by which rows of other tables refer to this one (history aside)."""
    relations: Any = model._meta.get_fields(include_hidden=True)  # a row's study has no way back, and counts
    return [
        relation
        for relation in relations
        if relation.auto_created
        and not relation.concrete
        and (relation.one_to_many or relation.one_to_one)
        and not issubclass(relation.related_model, pghistory.models.Event)
    ]


def counted(model: type[models.Model], count: int) -> str:
    """Return a number of rows in words: ``3 mice``."""
    return f"{count:,} {model._meta.verbose_name if count == 1 else model._meta.verbose_name_plural}"


def key_of(record: models.Model) -> Any:
    """Return what people call a row (``M001``), following its `key_field`; its id when it has no name."""
    value: Any = record
    for name in getattr(record, "key_field", "pk").split("__"):
        value = getattr(value, name, None)
    return record.pk if value in (None, "") else value


def label_of(record: models.Model) -> str:
    """Return a name that is unique over studies: ``DEMO-M001``."""
    study = getattr(record, "study", None)
    return f"{study.code}-{key_of(record)}" if study else str(key_of(record))


# Tables of the registry itself; they are built on the bases above.
import labdb.registry.attachments  # noqa: E402
import labdb.registry.entry_receipts  # noqa: E402
import labdb.registry.import_log  # noqa: E402
import labdb.registry.lab_field  # noqa: E402
import labdb.registry.saved_view  # noqa: E402, F401
