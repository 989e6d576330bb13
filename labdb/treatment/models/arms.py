"""Arms of a treatment, their letters, and the parts that they are made of."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.db import models

from labdb.registry.fields import FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import one_per
from labdb.registry.secrecy import Secrecy
from labdb.treatment.component_findings import component_findings
from labdb.treatment.component_rules import component_rules
from labdb.treatment.key_holders import KNOWN_TO_ALLOCATORS
from labdb.treatment.models.drugs import Drug, DrugForm


@tracked
class TreatmentArm(StudyRecord):
    """What a group of mice gets, over days; its parts are components."""

    key_field: ClassVar[str] = "name"
    secrecy: ClassVar[Secrecy | None] = KNOWN_TO_ALLOCATORS

    name = models.CharField(max_length=50)
    is_vehicle = models.BooleanField("vehicle arm", default=False, help_text="The arm that drugs are compared with.")

    class Meta:
        ordering = ["study", "name"]
        constraints = [
            one_per(
                "study", "name", name="treatment_arm_name_once", field="name",
                sentence="{value} is already an arm of this study.",
            )
        ]  # fmt: skip


class ArmLetter(models.Model):
    """The letter that an arm has on results while its study is blinded; `arm_labels` alone reads it, no door shows it."""

    arm = models.OneToOneField(TreatmentArm, on_delete=models.CASCADE, related_name="+")
    letter = models.CharField(max_length=2)

    class Meta:
        ordering = ["arm"]

    def __str__(self) -> str:
        return f"letter of arm {self.arm_id}"


class Route(models.TextChoices):
    """Route of administration."""

    IP = "i.p.", "intraperitoneal"
    SC = "s.c.", "subcutaneous"
    IV = "i.v.", "intravenous"
    PO = "p.o.", "oral"
    IN = "i.n.", "intranasal"
    ICV = "i.c.v.", "intracerebroventricular"


class Device(models.TextChoices):
    """Stimulation of the brain."""

    DBS = "DBS", "deep brain stimulation"
    RTMS = "rTMS", "repetitive transcranial magnetic stimulation"
    TDCS = "tDCS", "transcranial direct current stimulation"


@tracked
class TreatmentComponent(StudyRecord):
    """One drug at one dose, or one device, over some days; an arm has one or more, numbered."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "arm"
    secrecy: ClassVar[Secrecy | None] = KNOWN_TO_ALLOCATORS

    arm = models.ForeignKey(TreatmentArm, on_delete=models.CASCADE, related_name="components")
    part = models.PositiveSmallIntegerField(default=1, help_text="1, 2, ...: the parts of an arm are numbered.")
    day_from = models.PositiveSmallIntegerField("first day", default=1, help_text="Day 1 is that of the first dose.")
    day_to = models.PositiveSmallIntegerField("last day", default=1)
    time_of_day = models.CharField(max_length=8, blank=True, help_text="By the laboratory's clock, such as 09:00.")
    drug = models.ForeignKey(
        Drug, null=True, blank=True, on_delete=models.PROTECT, related_name="components",
        help_text="Drug or vehicle; empty where this part is a device.",
    )  # fmt: skip
    dose_mg_per_kg = FiniteFloatField("dose (mg/kg)", null=True, blank=True, help_text="Empty for a vehicle.")
    drug_form = models.CharField(
        "mg are of", max_length=4, choices=DrugForm, blank=True, help_text="Whether the dose counts salt or free base."
    )
    route = models.CharField(max_length=6, choices=Route, blank=True, help_text="Of a drug.")
    volume_ml_per_kg = FiniteFloatField(
        "volume (ml/kg)", null=True, blank=True,
        help_text="Injected per kg of mouse; the same in all arms of a blinded study.",
    )  # fmt: skip
    vehicle = models.CharField(max_length=100, blank=True, help_text="What the drug is dissolved in.")
    device = models.CharField(max_length=4, choices=Device, blank=True, help_text="Empty where this part is a drug.")
    device_target = models.CharField("target", max_length=100, blank=True, help_text="Where a device stimulates.")
    frequency_hz = FiniteFloatField("frequency (Hz)", null=True, blank=True, help_text="Of a device; 0 for tDCS.")
    pulse_width_us = FiniteFloatField("pulse width (us)", null=True, blank=True, help_text="Of a device.")
    current_ua = FiniteFloatField("current (uA)", null=True, blank=True, help_text="Of a device.")
    hours_per_day = FiniteFloatField("duration (h/day)", null=True, blank=True, help_text="Of a device.")
    is_sham = models.BooleanField("sham", default=False, help_text="The device is put on or in, and passes no current.")

    class Meta:
        ordering = ["arm", "part"]
        constraints = component_rules()

    def __str__(self) -> str:
        dose = f"{self.dose_mg_per_kg:g} mg/kg" if self.dose_mg_per_kg else ""
        sham = "sham" if self.is_sham else ""
        what = [str(self.drug), dose, self.route] if self.drug_id else [sham, self.device, self.device_target]
        return f"{' '.join(filter(None, what))}, days {self.day_from}-{self.day_to}"

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Warn of large volumes, and of what lets the arms of a blinded study be told apart."""
        yield from super().findings(rows)
        yield from component_findings(rows, cls)
