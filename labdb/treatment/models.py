from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from labdb.colony.models import Mouse, refuse_future
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.rules import RowRule, between, one_per, unique_code


@tracked
class Drug(LabRecord):
    """A compound, vehicles included."""

    key_field: ClassVar[str] = "name"

    name = models.CharField(max_length=100)
    drug_class = models.CharField("class", max_length=100, blank=True)
    is_vehicle = models.BooleanField("vehicle only", default=False)

    class Meta:
        ordering = ["name"]
        constraints = [one_per("name", name="drug_name_once", field="name", sentence="{value} is already a drug.")]


@tracked
class TreatmentArm(StudyRecord):
    """What a group of mice gets, over days; its parts are components."""

    key_field: ClassVar[str] = "name"

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


class Route(models.TextChoices):
    """Route of administration."""

    IP = "i.p.", "intraperitoneal"
    SC = "s.c.", "subcutaneous"
    IV = "i.v.", "intravenous"
    PO = "p.o.", "oral"
    IN = "i.n.", "intranasal"
    ICV = "i.c.v.", "intracerebroventricular"


@tracked
class TreatmentComponent(StudyRecord):
    """One drug at one dose over some days; an arm has one or more."""

    key_field: ClassVar[str] = "pk"
    study_from: ClassVar[str | None] = "arm"

    arm = models.ForeignKey(TreatmentArm, on_delete=models.CASCADE, related_name="components")
    day_from = models.PositiveSmallIntegerField(default=1)
    day_to = models.PositiveSmallIntegerField(default=1)
    drug = models.ForeignKey(Drug, on_delete=models.PROTECT, related_name="components")
    dose_mg_per_kg = FiniteFloatField("dose (mg/kg)", null=True, blank=True, help_text="Empty for a vehicle.")
    route = models.CharField(max_length=6, choices=Route, default=Route.IP)

    class Meta:
        ordering = ["arm", "day_from"]
        constraints = [
            RowRule(
                condition=Q(day_to__gte=F("day_from")), name="component_days_in_order", field="day_to",
                sentence="day {value} is before the first day ({row.day_from}); exchange the two.",
            ),
            between("dose_mg_per_kg", 0.0001, 2000, "mg/kg", "component_dose"),
            one_per(
                "arm", "drug", "day_from", name="component_once", field="drug",
                sentence="{row.arm} already has {value} from day {row.day_from}; edit that component.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        dose = f" {self.dose_mg_per_kg:g} mg/kg" if self.dose_mg_per_kg else ""
        return f"{self.drug}{dose} {self.route}, days {self.day_from}-{self.day_to}"


@tracked
class Randomization(StudyRecord):
    """An allocation made by chance: all that is needed to make it again."""

    code = CodeField()
    method = models.CharField(
        max_length=50, help_text="simple, permuted blocks, stratified, minimization, or how it was done."
    )
    strata = models.CharField(max_length=200, blank=True, help_text="Factors balanced, separated by semicolons.")
    seed = models.BigIntegerField(null=True, blank=True)
    algorithm_version = models.CharField(max_length=30, blank=True)
    input_digest = models.CharField("digest of its inputs", max_length=64, blank=True)
    phenotype_run = models.CharField(
        max_length=30, blank=True, help_text="Number of the run that said who was eligible."
    )
    performed_at = models.DateTimeField("randomized at", default=timezone.now)

    class Meta:
        ordering = ["study", "code"]
        constraints = [unique_code("randomization", "a randomization")]

    def clean(self) -> None:
        """Refuse a randomization in the future."""
        super().clean()
        refuse_future(performed_at=self.performed_at)


@tracked
class Allocation(StudyRecord):
    """The code under which a mouse is treated; the arm behind it stands in the key."""

    study_from: ClassVar[str | None] = "mouse"

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="allocations")
    code = CodeField(help_text="One per mouse; tells nothing about the arm.")
    randomization = models.ForeignKey(
        Randomization, null=True, blank=True, on_delete=models.PROTECT, related_name="allocations",
        help_text="Empty for vehicle given without randomization (controls, resilient mice).",
    )  # fmt: skip

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("allocation", "an allocation"),
            one_per(
                "mouse", name="allocation_once_per_mouse", field="mouse",
                sentence="{value} is already allocated; a mouse is in one arm.",
            ),
        ]  # fmt: skip


@tracked
class AllocationKey(StudyRecord):
    """Which arm an allocation code stands for: the only link from a mouse to its treatment."""

    key_field: ClassVar[str] = "allocation__code"
    study_from: ClassVar[str | None] = "allocation"

    allocation = models.OneToOneField(Allocation, on_delete=models.PROTECT, related_name="key")
    arm = models.ForeignKey(TreatmentArm, on_delete=models.PROTECT, related_name="keys")

    class Meta:
        ordering = ["allocation"]
        constraints = [
            one_per(
                "allocation", name="allocation_key_once", field="allocation",
                sentence="{value} already stands for an arm.",
            )
        ]  # fmt: skip
