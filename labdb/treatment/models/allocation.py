"""Who was allocated how, under which code, and what the code stands for."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labdb.colony.models import Mouse, refuse_future
from labdb.registry.fields import CodeField
from labdb.registry.findings import Finding
from labdb.registry.history import tracked
from labdb.registry.models import StudyRecord
from labdb.registry.rules import RowRule, UniqueRule, one_per, unique_code
from labdb.registry.secrecy import Secrecy
from labdb.treatment import allocation_findings
from labdb.treatment.key_holders import KNOWN_TO_ALLOCATORS, WRITTEN_BY_ALLOCATORS
from labdb.treatment.models.arms import TreatmentArm
from labdb.treatment.models.doses import Dose


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
