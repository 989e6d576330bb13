"""Studies, who works on them, and what their mice have in common."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from labdb.colony.blinding import n_keys, study_trigger
from labdb.colony.closing import closing_trigger
from labdb.registry.fields import CodeField
from labdb.registry.findings import Finding, Grade
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.permissions import closed_sentence
from labdb.registry.rules import RowRule, one_per, unique_code

UNBLINDED_ELSEWHERE = "Study {study} is blinded; it is unblinded on its own page, /studies/{study}/unblinding/, with a reason and a password."


class Severity(models.TextChoices):
    """Severity of a procedure on animals (Directive 2010/63/EU)."""

    UNKNOWN = "", "not stated"
    NON_RECOVERY = "non-recovery", "non-recovery"
    MILD = "mild", "mild"
    MODERATE = "moderate", "moderate"
    SEVERE = "severe", "severe"


@pgtrigger.register(closing_trigger(), study_trigger())
@tracked
class Study(LabRecord):
    """One experiment: its question, its animals, and who works on it."""

    code = CodeField(help_text="Short and lasting; labels start with it, such as CSDS1.")
    title = models.CharField(max_length=200)
    question = models.TextField(blank=True, help_text="What the study asks.")
    ethics_number = models.CharField("ethics approval number", max_length=100, blank=True)
    ethics_animals_approved = models.PositiveIntegerField("animals approved", null=True, blank=True)
    ethics_animals_used = models.PositiveIntegerField("animals used", null=True, blank=True)
    severity_prospective = models.CharField(
        "severity, prospective", max_length=12, choices=Severity, blank=True, default=Severity.UNKNOWN
    )
    severity_actual = models.CharField(
        "severity, actual", max_length=12, choices=Severity, blank=True, default=Severity.UNKNOWN
    )
    primary_outcome = models.TextField(blank=True)
    planned_n = models.PositiveIntegerField("planned number of mice", null=True, blank=True)
    planned_n_basis = models.TextField("how the number was decided", blank=True)
    is_blinded = models.BooleanField(
        "blinded", default=False, help_text="It is unblinded on its page of unblinding, with a reason and a password."
    )
    unblinded_at = models.DateTimeField("unblinded since", null=True, editable=False)
    state = models.CharField(
        max_length=6,
        choices=[("open", "open"), ("closed", "closed")],
        default="open",
        help_text="A closed study and all its records can only be looked at and analyzed, until a manager opens it.",
    )
    closed_at = models.DateTimeField("closed since", null=True, editable=False)

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "studies"
        constraints = [
            one_per(
                "code",
                name="study_code_once",
                field="code",
                sentence="{value} is already a study; choose another code.",
            ),
            RowRule(
                condition=Q(state__in=["open", "closed"]),
                name="study_state_known",
                field="state",
                sentence="{value} is neither open nor closed.",
            ),
        ]

    def clean(self) -> None:
        """Refuse every change of a closed study but its opening, and an unblinding without its log."""
        super().clean()
        before = type(self).objects.filter(pk=self.pk).first() if self.pk else None
        if before is None:
            return
        if before.is_blinded and not self.is_blinded:
            raise ValidationError({"is_blinded": UNBLINDED_ELSEWHERE.format(study=before)})
        if before.state != "closed":
            return
        if self.state == "closed":
            raise ValidationError({"state": closed_sentence(before)})
        entered = [field for field in self._meta.concrete_fields if field.editable and field.name != "state"]
        errors = {
            field.name: f"{closed_sentence(before)} Open it first, then change this."
            for field in entered
            if getattr(self, field.attname) != getattr(before, field.attname)
        }
        if errors:
            raise ValidationError(errors)

    @classmethod
    def findings(cls, rows: Sequence[Any]) -> Iterator[Finding]:
        """Ask why a study is closed, and why it is blinded when its key has been there to read."""
        yield from super().findings(rows)
        before = cls.objects.in_bulk([row.pk for row in rows])
        keys = n_keys([row.pk for row in rows if row.is_blinded and row.pk in before and not before[row.pk].is_blinded])
        for number, row in enumerate(rows):
            if row.pk in keys:
                n = keys[row.pk]
                sentence = f"{n} key{'s' if n > 1 else ''} of {row} could be read until now, so somebody may know the arms; say why it is blinded now."
                yield Finding(number, "is_blinded", sentence, Grade.WARNING)
            if row.state == "closed" and row.pk in before and before[row.pk].state == "open":
                yield Finding(
                    number,
                    "state",
                    f"Closing {row} lets nobody change its records until a manager opens it again; say why it is closed.",
                    Grade.WARNING,
                )


@tracked
class StudyMembership(StudyRecord):
    """A role that an account holds in one study."""

    key_field: ClassVar[str] = "pk"
    closes_with_study: ClassVar[bool] = False

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="memberships")
    role = models.ForeignKey("accounts.Role", on_delete=models.PROTECT, related_name="memberships")

    class Meta:
        ordering = ["study", "user"]
        constraints = [
            one_per(
                "study",
                "user",
                "role",
                name="membership_once",
                field="role",
                sentence="{row.user} already has the role {value} in {row.study}.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} in {self.study}"


@tracked
class Cohort(StudyRecord):
    """Mice that go through the experiment together."""

    code = CodeField()
    start_date = models.DateField(null=True, blank=True, help_text="First day of the stress course.")

    class Meta:
        ordering = ["study", "code"]
        constraints = [unique_code("cohort", "a cohort")]


@tracked
class Strain(LabRecord):
    """A strain or line of mice."""

    key_field: ClassVar[str] = "name"

    name = models.CharField(max_length=100)
    vendor = models.CharField(max_length=100, blank=True)
    stock_number = models.CharField(max_length=50, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [one_per("name", name="strain_name_once", field="name", sentence="{value} is already a strain.")]
