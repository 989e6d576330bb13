"""The definition of a field of the lab's own: a row here gives a record one more field at every door."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Count, F, Q

from labdb.registry import lab_values
from labdb.registry.fields import FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, counted
from labdb.registry.rules import RowRule, one_per
from labdb.registry.units import unit_of_name, unit_written

NAME_SENTENCE = (
    "A name starts with a small letter and holds small letters, digits and single _ only; enter one such as coat_score."
)
LONGEST_CHOICE = 100
RESERVED_WORDS = {"pk", "again", "reason"}  # of addresses and pages, besides those of filters


class Kind(models.TextChoices):
    """What values a field of the lab's own has."""

    TEXT = "text", "text"
    NUMBER = "number", "number"
    CHOICE = "choice", "one of several"
    DATE = "date", "date"
    YES_NO = "yes-no", "yes or no"


def resources() -> list[tuple[str, str]]:
    """Return the records that may have such fields: those that people enter."""
    from labdb.registry.record import all_records  # the registry stands on models, and on this one

    return [
        (record.resource, record.title())
        for record in all_records()
        if not record.read_only and record.model is not LabField
    ]


@tracked
class LabField(LabRecord):
    """A field that the laboratory defines itself, for any record, without a change of the program."""

    key_field: ClassVar[str] = "pk"

    resource = models.CharField("record", max_length=64, choices=resources, help_text="Which record gets the field.")
    name = models.CharField(
        max_length=40,
        validators=[RegexValidator(rf"^{lab_values.NAME}\Z", NAME_SENTENCE)],
        help_text="The heading of its column in files, and its name in addresses and by REST: coat_score, tail_length_mm.",
    )
    label = models.CharField(max_length=80, help_text="As pages show it, without the unit: coat score.")
    kind = models.CharField(max_length=6, choices=Kind)
    unit = models.CharField(
        max_length=30, blank=True, help_text="Of a number; the name ends in it (tail_length_mm). Empty for counts."
    )
    minimum = FiniteFloatField(null=True, blank=True, help_text="Least number that is possible, in the unit.")
    maximum = FiniteFloatField(null=True, blank=True, help_text="Greatest number that is possible, in the unit.")
    choices = models.CharField(
        max_length=1000,
        blank=True,
        help_text="For one of several: what there is to choose from, separated by semicolons.",
    )
    is_required = models.BooleanField(
        "needed", default=False, help_text="A row without it is refused; rows that are there already keep their gap."
    )
    help_text = models.CharField("help", max_length=300, blank=True, help_text="Stands below the field in forms.")
    is_retired = models.BooleanField(
        "retired", default=False, help_text="No longer offered for entry; values are kept, shown and exported."
    )

    class Meta:
        ordering = ["resource", "name"]
        verbose_name = "lab-defined field"
        constraints = [
            one_per(
                "resource", "name", name="lab_field_once_per_record", field="name",
                sentence="{value} is already a field of {row.resource}; choose another name or edit that field.",
            ),
            one_per(
                "resource", "label", name="lab_field_label_once_per_record", field="label",
                sentence="{value} is already the label of a field of {row.resource}; choose another one.",
            ),
            RowRule(
                condition=Q(kind__in=Kind.values), name="lab_field_kind_known", field="kind",
                sentence="{value} is not a kind of field.",
            ),
            RowRule(
                condition=Q(maximum__gte=F("minimum")), name="lab_field_range", field="maximum",
                sentence="{value} is below the minimum ({row.minimum}); exchange the two.",
            ),
            RowRule(
                condition=Q(kind="number") | Q(minimum=None), name="lab_field_minimum_of_a_number", field="minimum",
                sentence="Only a number has a minimum; leave {value} out, or choose number as the kind.",
            ),
            RowRule(
                condition=Q(kind="number") | Q(maximum=None), name="lab_field_maximum_of_a_number", field="maximum",
                sentence="Only a number has a maximum; leave {value} out, or choose number as the kind.",
            ),
            RowRule(
                condition=Q(kind="number") | Q(unit=""), name="lab_field_unit_of_a_number", field="unit",
                sentence="Only a number has a unit; leave {value} out, or choose number as the kind.",
            ),
            RowRule(
                condition=Q(kind="choice") | Q(choices=""), name="lab_field_choices_of_a_choice", field="choices",
                sentence="Only a field of the kind choice has choices; leave {value} out, or choose that kind.",
            ),
            RowRule(
                condition=~Q(kind="choice") | ~Q(choices=""), name="lab_field_choice_has_choices", field="choices",
                sentence="Nothing to choose from; enter the choices, separated by semicolons.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.name} of {self.resource}"

    @property
    def path(self) -> str:
        """The path of its values for the ORM."""
        return lab_values.path_of(self.kind, self.name)

    @property
    def choice_list(self) -> list[str]:
        """The choices, one by one."""
        return [one.strip() for one in self.choices.split(";") if one.strip()]

    def clean(self) -> None:
        """Refuse a name that has a meaning already, a unit that the name does not say, and what stored values break."""
        super().clean()
        self._check_name()
        self._check_unit()
        self._check_choices()
        if not self.resource or not self.name or self.kind not in Kind.values:
            return  # said already
        self._refuse_to_lose_values()
        self._refuse_broken_values()

    def _check_name(self) -> None:
        from labdb.registry.filters import LOOKUPS, RESERVED
        from labdb.registry.forms import REASON
        from labdb.registry.record import record_for

        try:
            record = record_for(self.resource)
        except KeyError:
            return  # no such record; said at its own field
        taken = {*record.relations, *record.computed}
        labels = set()
        for field in record.model._meta.get_fields(include_hidden=True):
            taken |= {field.name, getattr(field, "attname", field.name)}
            labels.add(str(getattr(field, "verbose_name", field.name)).partition("(")[0].strip().casefold())
        if self.name in taken:
            raise ValidationError(
                {"name": f"{self.name} is already a field of {self.resource}; choose another name, or use that field."}
            )
        if self.label.casefold() in labels:  # a sheet may name a column by its label
            raise ValidationError(
                {"label": f"{self.label} is already the label of a field of {self.resource}; choose another one."}
            )
        if self.name in {*RESERVED, *LOOKUPS, REASON, *RESERVED_WORDS}:
            raise ValidationError({"name": f"{self.name} has a meaning of its own in addresses; choose another name."})

    def _check_unit(self) -> None:
        if self.kind != Kind.NUMBER:
            return
        of_name, stated = unit_of_name(self.name), unit_written(self.unit)
        if of_name is not None and stated != of_name:
            said = self.unit or "nothing"
            raise ValidationError(
                {"unit": f"The name {self.name} says {of_name}, the unit says {said}; enter {of_name} or another name."}
            )
        if stated is not None and of_name is None:
            raise ValidationError(
                {"name": f"The name of a number says its unit; end it so: {self.name}_{stated.suffix}."}
            )
        self.unit = str(stated) if stated else self.unit

    def _check_choices(self) -> None:
        choices = self.choice_list
        if len({choice.casefold() for choice in choices}) < len(choices):
            raise ValidationError({"choices": f"{self.choices} names a choice twice; leave one of the two out."})
        if too_long := [choice for choice in choices if len(choice) > LONGEST_CHOICE]:
            said = f"{too_long[0][:20]}... has {len(too_long[0])} characters; a choice has at most {LONGEST_CHOICE}."
            raise ValidationError({"choices": said})
        self.choices = "; ".join(choices)

    def _refuse_to_lose_values(self) -> None:
        """Refuse another name or record while rows hold a value under the present one."""
        before = type(self)._default_manager.filter(pk=self.pk).first() if self.pk else None
        if before is None or (before.resource, before.name) == (self.resource, self.name):
            return
        if held := before.holders():
            field = "name" if before.name != self.name else "resource"
            raise ValidationError(
                {field: f"{held} hold a value of {before.name}, so it must stay; retire it and define another field."}
            )

    def _refuse_broken_values(self) -> None:
        """Refuse a kind, a range or choices that values which are stored already do not fit."""
        rows = self._rows_with_a_value()
        if rows is None:
            return
        is_of_kind = Q(**{f"{self.path}__isnull": False})
        broken = {"kind": ~is_of_kind}
        for field, lookup in (("minimum", "lt"), ("maximum", "gt")):
            if self.kind == Kind.NUMBER and (limit := getattr(self, field)) is not None:
                broken[field] = Q(**{f"{self.path}__{lookup}": limit})
        if self.kind == Kind.CHOICE:
            broken["choices"] = is_of_kind & ~Q(**{f"{self.path}__in": self.choice_list})
        counts = rows.aggregate(**{f"of_{field}": Count("pk", filter=wrong) for field, wrong in broken.items()})
        said = {
            field: f"{self._counted(count)} hold a value that does not fit this; correct these first, or retire the "
            "field and define another."
            for field in broken
            if (count := counts[f"of_{field}"])
        }
        if said:
            raise ValidationError(said)

    def holders(self) -> str:
        """Return how many rows hold a value of this field, in words (``3 mice``); empty for none."""
        rows = self._rows_with_a_value()
        count = rows.count() if rows is not None else 0
        return self._counted(count) if count else ""

    def needed_by(self) -> str:
        """Say which rows would lose a value."""
        if not (held := self.holders()):
            return ""
        return f"{self.name} has a value in {held}; retire the field, or empty it there first."

    def _rows_with_a_value(self) -> models.QuerySet | None:
        from labdb.registry.record import record_for

        try:
            model: Any = record_for(self.resource).model
        except KeyError:
            return None  # defined when the record was still there
        return model._base_manager.order_by().filter(**{f"{lab_values.COLUMN}__has_key": self.name})

    def _counted(self, count: int) -> str:
        from labdb.registry.record import record_for

        return counted(record_for(self.resource).model, count)
