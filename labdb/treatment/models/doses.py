"""Doses, planned and given."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from labdb.colony.models import BenchEvent
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.rules import RowRule, between, one_per
from labdb.treatment import dose_findings
from labdb.treatment.models.arms import Route
from labdb.treatment.models.drugs import SolutionKey


class DoseStatus(models.TextChoices):
    """What became of a planned dose."""

    PLANNED = "planned", "planned"
    GIVEN = "given", "given"
    PARTIAL = "partial", "given in part"
    MISSED = "missed", "missed"


GIVEN = (DoseStatus.GIVEN, DoseStatus.PARTIAL)


@tracked
class Dose(BenchEvent):
    """One injection of one mouse, planned and given; it knows the syringe's code, not the drug."""

    key_field: ClassVar[str] = "pk"
    time_field: ClassVar[str] = "given_at"

    planned_at = models.DateTimeField(
        help_text="When it was due; names the dose together with its mouse. The time given, if it had no plan."
    )
    status = models.CharField(max_length=7, choices=DoseStatus, default=DoseStatus.GIVEN)
    given_at = models.DateTimeField(null=True, blank=True)
    solution_code = CodeField(blank=True, help_text="As on the syringe.")
    body_mass_g = FiniteFloatField(
        "body mass (g)", null=True, blank=True, help_text="That the volume was computed from."
    )
    volume_ml_per_kg = FiniteFloatField(
        "planned volume (ml/kg)", null=True, blank=True, help_text="With the body mass it gives the volume."
    )
    volume_ml = FiniteFloatField("volume (ml)", null=True, blank=True, help_text="Given, or planned.")
    route = models.CharField(max_length=6, choices=Route, default=Route.IP)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was missed or given in part.")

    class Meta:
        ordering = ["-planned_at", "-pk"]
        indexes = [models.Index(fields=["study", "planned_at"], name="dose_study_planned")]
        constraints = [
            one_per(
                "mouse", "planned_at", name="dose_once_per_time", field="planned_at",
                sentence="{row.mouse} already has a dose planned at {value}; edit that dose or correct the time.",
            ),
            RowRule(
                condition=~Q(status__in=GIVEN) | Q(given_at__isnull=False), name="dose_given_has_time",
                field="given_at",
                sentence="A dose that was given needs its time; enter it, or correct the status ({row.status}).",
            ),
            RowRule(
                condition=Q(status__in=GIVEN) | Q(given_at__isnull=True), name="dose_not_given_has_no_time",
                field="given_at",
                sentence="{value}: a dose that is {row.status} was not given; empty this time or correct the status.",
            ),
            RowRule(
                condition=~Q(status=DoseStatus.MISSED) | Q(volume_ml__isnull=True), name="dose_missed_has_no_volume",
                field="volume_ml",
                sentence="{value} ml: a missed dose has no volume; empty it, or enter partial as the status.",
            ),
            RowRule(
                condition=~Q(status__in=(DoseStatus.PARTIAL, DoseStatus.MISSED)) | ~Q(reason=""),
                name="dose_lacking_has_reason", field="reason",
                sentence="Say why this dose is {row.status}; enter unknown where nobody knows.",
            ),
            between("body_mass_g", 1, 100, "g", "dose_mass_of_a_mouse"),
            between("volume_ml", 0.0001, 10, "ml", "dose_volume"),
            between("volume_ml_per_kg", 0.01, dose_findings.WRONG_UNIT_ML_PER_KG, "ml/kg", "dose_volume_per_kg"),
            RowRule(
                condition=Q(volume_ml__lte=F("body_mass_g") * (dose_findings.WRONG_UNIT_ML_PER_KG / 1000)),
                name="dose_volume_fits_mass", field="volume_ml",
                sentence="{value} ml for {row.body_mass_g} g is more than "
                f"{dose_findings.WRONG_UNIT_ML_PER_KG:g} ml/kg; check the units (ml, g).",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.mouse} {timezone.localtime(self.planned_at):%Y-%m-%d %H:%M}"

    def clean(self) -> None:
        """Refuse a dose that was due before its mouse was born."""
        super().clean()
        if self.mouse_id is None or self.planned_at is None or self.mouse.birth_date is None:
            return
        day = timezone.localdate(self.planned_at)
        if day < self.mouse.birth_date:
            raise ValidationError(
                {
                    "planned_at": f"{self.mouse} was born on {self.mouse.birth_date}; {day} is before it. Correct the date or the mouse."
                }
            )

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn of volumes beyond limit or plan, of unknown, unusable or exchanged syringes, and of two doses on a day."""
        yield from super().findings(rows)
        yield from dose_findings.large_volumes(rows)
        yield from dose_findings.unplanned_volumes(rows)
        yield from dose_findings.solutions(rows, SolutionKey)
        yield from dose_findings.exchanged_syringes(rows, cls)
        yield from dose_findings.repeated(rows, cls)
