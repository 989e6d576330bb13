from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from labdb.colony.models import BenchEvent, Mouse, refuse_future
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.rules import RowRule, UniqueRule, between, one_per, unique_code
from labdb.registry.secrecy import Secrecy
from labdb.treatment import allocation_findings, dose_findings
from labdb.treatment.component_findings import component_findings
from labdb.treatment.component_rules import component_rules
from labdb.treatment.key_holders import DRUGS, KNOWN_TO_ALLOCATORS, WRITTEN_BY_ALLOCATORS


@tracked
class Drug(LabRecord):
    """A compound, vehicles included."""

    key_field: ClassVar[str] = "name"
    secrecy: ClassVar[Secrecy | None] = DRUGS

    name = models.CharField(max_length=100)
    drug_class = models.CharField("class", max_length=100, blank=True)
    is_vehicle = models.BooleanField("vehicle only", default=False)
    salt = models.CharField(max_length=50, blank=True, help_text="As bought, such as hydrochloride; empty for a base.")
    molar_mass_g_per_mol = FiniteFloatField(
        "molar mass as bought (g/mol)", null=True, blank=True, help_text="Of the salt, if it is one."
    )
    base_molar_mass_g_per_mol = FiniteFloatField(
        "molar mass of the free base (g/mol)", null=True, blank=True,
        help_text="With the one of the salt it turns mg of salt into mg of base.",
    )  # fmt: skip

    class Meta:
        ordering = ["name"]
        constraints = [
            one_per("name", name="drug_name_once", field="name", sentence="{value} is already a drug."),
            between("molar_mass_g_per_mol", 1, 200_000, "g/mol", "drug_molar_mass"),
            between("base_molar_mass_g_per_mol", 1, 200_000, "g/mol", "drug_base_molar_mass"),
            RowRule(
                condition=Q(base_molar_mass_g_per_mol__lte=F("molar_mass_g_per_mol")), name="drug_base_within_salt",
                field="base_molar_mass_g_per_mol",
                sentence="The base ({value} g/mol) cannot be heavier than its salt ({row.molar_mass_g_per_mol} g/mol); exchange the two.",
            ),
        ]  # fmt: skip


class DrugForm(models.TextChoices):
    """What a mass of drug was weighed as: 20 mg of a salt hold less than 20 mg of its base."""

    SALT = "salt", "salt"
    BASE = "base", "free base"


@tracked
class Solution(StudyRecord):
    """A drug made up for injection: one bottle, one preparation."""

    secrecy: ClassVar[Secrecy | None] = KNOWN_TO_ALLOCATORS

    code = CodeField(help_text="As in the drug book; what stands on a syringe is the code of a solution key.")
    drug = models.ForeignKey(Drug, on_delete=models.PROTECT, related_name="solutions", help_text="A vehicle, too.")
    drug_form = models.CharField(
        "mg are of", max_length=4, choices=DrugForm, blank=True, help_text="Whether the stock counts salt or free base."
    )
    stock_mg_per_ml = FiniteFloatField("stock (mg/ml)", null=True, blank=True, help_text="Empty for a vehicle.")
    vehicle = models.CharField(max_length=100, blank=True, help_text="What the drug is dissolved in.")
    lot = models.CharField(max_length=50, blank=True, help_text="Of the drug, as on its bottle.")
    prepared_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(
        "usable until", null=True, blank=True, help_text="A dose given later is saved only with a reason."
    )

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("solution", "a solution"),
            RowRule(
                condition=Q(stock_mg_per_ml__gt=0, stock_mg_per_ml__lte=1000), name="solution_stock",
                field="stock_mg_per_ml",
                sentence="{value} mg/ml is no strength of a solution; enter more than 0 and at most 1000, or leave a vehicle empty.",
            ),
            RowRule(
                condition=Q(expires_at__gt=F("prepared_at")), name="solution_expires_after_preparation",
                field="expires_at",
                sentence="{value} is not after the preparation ({row.prepared_at}); correct one of the two.",
            ),
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse a solution that was prepared in the future."""
        super().clean()
        refuse_future(prepared_at=self.prepared_at)


@tracked
class SolutionKey(StudyRecord):
    """Which solution a code on a syringe stands for: the only link from a dose to a drug."""

    study_from: ClassVar[str | None] = "solution"
    secrecy: ClassVar[Secrecy | None] = KNOWN_TO_ALLOCATORS

    code = CodeField(help_text="As on the syringe; tells nothing about the drug.")
    solution = models.ForeignKey(Solution, on_delete=models.PROTECT, related_name="keys")

    class Meta:
        ordering = ["study", "code"]
        constraints = [unique_code("solution_key", "a code on syringes")]


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


@tracked
class Randomization(StudyRecord):
    """An allocation made by chance: all that is needed to make it again."""

    secrecy: ClassVar[Secrecy | None] = KNOWN_TO_ALLOCATORS

    code = CodeField()
    method = models.CharField(
        max_length=50, help_text="simple, permuted blocks, stratified, minimization, or how it was done."
    )
    ratio = models.CharField(
        max_length=500, blank=True, help_text="Arms with their shares, such as saline 1; ketamine 2."
    )
    strata = models.CharField(max_length=200, blank=True, help_text="Factors balanced, separated by semicolons.")
    parameters = models.CharField(
        max_length=200, blank=True, help_text="Of the method, such as blocks of 3 or 6; its inputs hold them, too."
    )
    eligibility = models.CharField(
        max_length=300, blank=True, help_text="Which mice were drawn, such as susceptible, alive, not excluded."
    )
    seed = models.BigIntegerField(null=True, blank=True)
    algorithm_version = models.CharField(max_length=30, blank=True)
    input_digest = models.CharField("digest of its inputs", max_length=64, blank=True)
    input_snapshot = models.TextField(
        "its inputs",
        blank=True,
        help_text="The mice with their strata, in the order in which they were drawn, as JSON.",
    )
    phenotype_run = models.CharField(
        max_length=30, blank=True, help_text="Number of the run that said who was eligible."
    )
    performed_at = models.DateTimeField("randomized at", default=timezone.now)
    continues = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="continuations",
        help_text="The one whose list goes on here, with late entrants at its end.",
    )  # fmt: skip
    replaces = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replacements",
        help_text="The one whose list, with all that went on from it, no longer holds.",
    )  # fmt: skip
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was randomized anew.")

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("randomization", "a randomization"),
            one_per(
                "continues", name="randomization_continued_once", field="continues",
                sentence="{value} is continued already; continue the one that continues it.",
            ),
            one_per(
                "replaces", name="randomization_replaced_once", field="replaces",
                sentence="{value} is replaced already; replace the one that replaced it.",
            ),
            RowRule(
                condition=Q(replaces=None) | Q(continues=None), name="randomization_continues_or_replaces",
                field="replaces",
                sentence="A list goes on or is replaced, not both; empty one of the two.",
            ),
            RowRule(
                condition=Q(replaces=None) | ~Q(reason=""), name="randomization_replaced_for_reason", field="reason",
                sentence="Say why {row.replaces} is replaced.",
            ),
        ]  # fmt: skip

    def clean(self) -> None:
        """Refuse a randomization in the future, or one that follows itself."""
        super().clean()
        refuse_future(performed_at=self.performed_at)
        for field in ("continues", "replaces"):
            if self.pk is not None and getattr(self, f"{field}_id") == self.pk:
                raise ValidationError({field: f"{self} cannot follow itself; choose an earlier one."})


@tracked
class Allocation(StudyRecord):
    """The code under which a mouse is treated; the arm behind it stands in the key."""

    study_from: ClassVar[str | None] = "mouse"
    secrecy: ClassVar[Secrecy | None] = WRITTEN_BY_ALLOCATORS

    mouse = models.ForeignKey(Mouse, on_delete=models.PROTECT, related_name="allocations")
    code = CodeField(help_text="One per mouse; tells nothing about the arm.")
    randomization = models.ForeignKey(
        Randomization, null=True, blank=True, on_delete=models.PROTECT, related_name="allocations",
        help_text="Empty for vehicle given without randomization (controls, resilient mice).",
    )  # fmt: skip
    superseded_by = models.ForeignKey(
        Randomization, null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_allocations",
        help_text="The randomization that replaced it; empty while it holds.",
    )  # fmt: skip

    class Meta:
        ordering = ["study", "code"]
        constraints = [
            unique_code("allocation", "an allocation"),
            UniqueRule(  # one that holds; those of old lists stay, each with what superseded it
                fields=("mouse", "superseded_by"), nulls_distinct=False, name="allocation_once_per_mouse",
                field="mouse",
                sentence="{value} is already allocated; a mouse is in one arm at a time.",
            ),
        ]  # fmt: skip

    @classmethod
    def holding(cls) -> Q:
        """Return the condition of allocations by which mice are treated: no later randomization replaced them."""
        return Q(superseded_by=None)

    @classmethod
    def findings(cls, rows: Sequence[Self]) -> Iterator[Finding]:
        """Refuse to replace an allocation that was dosed by, or that doses are planned by."""
        yield from super().findings(rows)
        yield from allocation_findings.superseded(rows, Dose)


@tracked
class AllocationKey(StudyRecord):
    """Which arm an allocation code stands for: the only link from a mouse to its treatment."""

    key_field: ClassVar[str] = "allocation__code"
    study_from: ClassVar[str | None] = "allocation"
    secrecy: ClassVar[Secrecy | None] = KNOWN_TO_ALLOCATORS

    allocation = models.OneToOneField(Allocation, on_delete=models.PROTECT, related_name="key")
    arm = models.ForeignKey(TreatmentArm, on_delete=models.PROTECT, related_name="keys")

    class Meta:
        ordering = ["allocation"]
        permissions = [("hold_key", "Can know and write treatments while a study is blinded")]
        constraints = [
            one_per(
                "allocation", name="allocation_key_once", field="allocation",
                sentence="{value} already stands for an arm.",
            )
        ]  # fmt: skip


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


# A table of its own, built on those of the colony.
from labdb.treatment.password_again import PasswordTries  # noqa: E402, F401
from labdb.treatment.unblinding import Unblinding  # noqa: E402, F401
