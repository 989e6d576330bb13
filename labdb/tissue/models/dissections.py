"""Regions of the brain, and the death of a mouse for its tissue."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from labdb.colony.models import BenchEvent, Mouse
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord
from labdb.registry.rules import between, one_per
from labdb.tissue.dissection_findings import events_after_death


@tracked
class BrainRegion(LabRecord):
    """A dissected region."""

    code = CodeField(help_text="Short, as on tubes: PFC.")
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["code"]
        constraints = [
            one_per("code", name="brain_region_code_once", field="code", sentence="{value} is already a region.")
        ]


class DeathMethod(models.TextChoices):
    """How a mouse was killed."""

    CERVICAL_DISLOCATION = "cervical dislocation", "cervical dislocation"
    DECAPITATION = "decapitation", "decapitation"
    PERFUSION = "perfusion", "transcardial perfusion"
    ANESTHETIC = "anesthetic overdose", "anesthetic overdose"
    CO2 = "CO2", "carbon dioxide"
    OTHER = "other", "other (see notes)"


@tracked
class Dissection(BenchEvent):
    """The death of one mouse for its tissue."""

    key_field: ClassVar[str] = "mouse__code"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="dissections")
    performed_at = models.DateTimeField("dissected at", null=True, blank=True)
    order_of_day = models.PositiveSmallIntegerField("order that day", null=True, blank=True)
    anesthesia = models.CharField(max_length=100, blank=True, help_text="Agent and dose; none, if there was none.")
    death_method = models.CharField("method of death", max_length=30, choices=DeathMethod, blank=True)
    minutes_to_freeze = FiniteFloatField("death to frozen tissue (min)", null=True, blank=True)

    class Meta:
        ordering = ["study", "performed_at", "order_of_day"]
        constraints = [
            one_per(
                "mouse", name="dissection_once_per_mouse", field="mouse", sentence="{value} was already dissected."
            ),
            between("minutes_to_freeze", 0, 240, "min", "dissection_minutes_to_freeze"),
        ]

    def clean(self) -> None:
        """Refuse another day than that of the mouse's death."""
        super().clean()
        if self.mouse_id is None or self.performed_at is None or self.mouse.death_date is None:
            return
        day = timezone.localdate(self.performed_at)
        if day != self.mouse.death_date:
            raise ValidationError(
                {"performed_at": f"{self.mouse} died on {self.mouse.death_date}, not on {day}; correct one of the two."}
            )

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse a death before something was done with the living mouse."""
        yield from super().findings(rows)
        yield from events_after_death(rows)
