"""Drugs, what is made of them for injection, and what a code on a syringe stands for."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from labdb.colony.models import refuse_future
from labdb.registry.fields import CodeField, FiniteFloatField
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.rules import RowRule, between, one_per, unique_code
from labdb.registry.secrecy import Secrecy
from labdb.treatment.key_holders import DRUGS, KNOWN_TO_ALLOCATORS


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
