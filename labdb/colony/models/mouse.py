"""The mouse: what it is, where it comes from, and that its birth and death agree with all that happened to it."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labdb.colony.blinding import mouse_triggers
from labdb.colony.excludable import marks_of_mice
from labdb.colony.models.dates import refuse_future, spell
from labdb.colony.models.origins import Litter, Shipment
from labdb.colony.models.study import Cohort, Strain
from labdb.registry.fields import CodeField
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord, dependents
from labdb.registry.name_search import folded_index
from labdb.registry.rules import RowRule, unique_code


class Sex(models.TextChoices):
    """Recorded sex."""

    MALE = "M", "male"
    FEMALE = "F", "female"
    UNKNOWN = "U", "unknown"


@pgtrigger.register(*mouse_triggers())
@tracked
class Mouse(StudyRecord):
    """One mouse, from birth to death."""

    # Records that mice come in groups by; a grid offers a row for each mouse of one (labdb.registry.grid_page).
    row_groups: ClassVar[tuple[str, ...]] = ("cohorts", "cages")

    code = CodeField(help_text="As on the cage card; unique in the study.")
    ear_tag = models.CharField(
        max_length=30, blank=True, help_text="The one it bears now; earlier ones are mouse identifications."
    )
    sex = models.CharField(max_length=1, choices=Sex, default=Sex.UNKNOWN)
    strain = models.ForeignKey(Strain, null=True, blank=True, on_delete=models.PROTECT, related_name="mice")
    genotype = models.CharField(max_length=100, blank=True, help_text="As the lab writes it, such as WT or Fosb-/-.")
    birth_date = models.DateField(null=True, blank=True)
    litter = models.ForeignKey(
        Litter, null=True, blank=True, on_delete=models.PROTECT, related_name="mice", help_text="If born in the house."
    )
    shipment = models.ForeignKey(
        Shipment, null=True, blank=True, on_delete=models.PROTECT, related_name="mice", help_text="If it was bought."
    )
    cohort = models.ForeignKey(Cohort, null=True, blank=True, on_delete=models.PROTECT, related_name="mice")
    group = models.CharField(
        max_length=50,
        blank=True,
        help_text="What was done to it: control, defeated, witness, or the lab's own word. Only defeated mice are classified.",
    )
    death_date = models.DateField(null=True, blank=True)
    death_reason = models.CharField(
        max_length=200, blank=True, help_text="Such as dissected, found dead, wounds beyond the limit."
    )
    is_humane_endpoint = models.BooleanField(
        "humane endpoint reached", default=False, help_text="Killed because a limit of the protocol was reached."
    )
    unblinded_at = models.DateTimeField("unblinded alone", null=True, editable=False, help_text="In an emergency.")

    class Meta:
        ordering = ["study", "code"]
        verbose_name_plural = "mice"
        # What a list of a hundred thousand is sorted and filtered by, in one study and over all. The id comes last: it
        # decides between equal values, so a page is read off the index whole, from either end. Sexes are too few and
        # cohorts too optional to be sorted by; both are filtered by.
        indexes = [
            models.Index(fields=["code", "id"], name="mouse_code"),  # a code without its study, as the search asks
            models.Index(fields=["group", "id"], name="mouse_group"),
            models.Index(fields=["birth_date", "id"], name="mouse_birth"),
            models.Index(fields=["death_date", "id"], name="mouse_death"),
            models.Index(fields=["study", "group", "id"], name="mouse_study_group"),
            models.Index(fields=["study", "birth_date", "id"], name="mouse_study_birth"),
            models.Index(fields=["study", "death_date", "id"], name="mouse_study_death"),
            folded_index("code", "mouse_code_folded"),
            folded_index("ear_tag", "mouse_ear_tag_folded"),
        ]
        constraints = [
            unique_code("mouse", "a mouse"),
            RowRule(
                condition=Q(sex__in=Sex.values),
                name="mouse_sex_known",
                field="sex",
                sentence="{value} is not M, F or U.",
            ),
            RowRule(
                condition=Q(death_date__gte=models.F("birth_date")),
                name="mouse_dies_after_birth",
                field="death_date",
                sentence="{value} is before its birth ({row.birth_date}); correct one of the two dates.",
            ),
            RowRule(
                condition=Q(litter=None) | Q(shipment=None),
                name="mouse_of_one_origin",
                field="shipment",
                sentence="A mouse is born in a litter of the house or comes with a shipment; leave one of the two empty.",
            ),
        ]

    @classmethod
    def rows_of_group(cls, group: models.Model) -> models.QuerySet["Mouse"]:
        """Return the living mice of a cohort, or those that live in a cage today, by their codes."""
        of_group = Q(cohort=group) if isinstance(group, Cohort) else Q(housings__cage=group, housings__housed_to=None)
        return cls.objects.filter(of_group, death_date=None).order_by("code").distinct()

    @classmethod
    def marks(cls, rows: Sequence[Any]) -> dict[Any, str]:
        """Return why analyses leave mice out."""
        return marks_of_mice([row.pk for row in rows])

    def clean(self) -> None:
        """Refuse a birth or death that lies in the future or contradicts its origin or what happened to the mouse."""
        super().clean()
        refuse_future(birth_date=self.birth_date, death_date=self.death_date)
        self._refuse_other_births()
        if self.pk is not None:
            self._refuse_events_outside_life()

    def _refuse_other_births(self) -> None:
        born = self.birth_date
        if born is None:
            return
        if self.litter is not None and self.litter.birth_date not in (None, born):
            raise ValidationError(
                {
                    "birth_date": f"Litter {self.litter} was born on {self.litter.birth_date}, not on {born}; correct the date or the litter."
                }
            )
        if self.shipment is None:
            return
        first, last = self.shipment.birth_date_from, self.shipment.birth_date_to
        if (first and born < first) or (last and born > last):
            window = " ".join(f"{word} {day}" for word, day in (("from", first), ("to", last)) if day)
            raise ValidationError(
                {
                    "birth_date": f"The mice of shipment {self.shipment} were born {window}, this one on {born}; correct the date or the shipment."
                }
            )

    def _refuse_events_outside_life(self) -> None:
        """Hold changed dates against all events there are; one query a table."""
        before: Any = Mouse.objects.filter(pk=self.pk).values("birth_date", "death_date").first() or {}
        if self.birth_date and self.birth_date != before.get("birth_date"):
            self._refuse_event("birth_date", "__lt", self.birth_date, "before it")
        if self.death_date and self.death_date != before.get("death_date"):
            self._refuse_event("death_date", "__gte", self.death_date + timedelta(days=1), "after it")

    def _refuse_event(self, field: str, lookup: str, day: Any, where: str) -> None:
        midnight = timezone.make_aware(datetime.combine(day, time.min))
        for relation in dependents(Mouse):
            model = relation.related_model
            at = getattr(model, "time_field", None)
            if at is None:
                continue
            limit = midnight if isinstance(model._meta.get_field(at), models.DateTimeField) else day
            outside = model.objects.filter(**{relation.field.name: self, f"{at}{lookup}": limit}).order_by(at)
            found = outside.values_list(at, flat=True).first()
            if found is not None:
                what = f"{model._meta.verbose_name} of {spell(found)}"
                raise ValidationError(
                    {
                        field: f"{getattr(self, field)} contradicts its {what}, which lies {where}; correct one of the two dates."
                    }
                )
