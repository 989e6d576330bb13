"""Studies, who works on them, and what their mice have in common."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from labdb.colony.closing import closing_trigger
from labdb.registry.fields import CodeField
from labdb.registry.findings import Finding, Grade
from labdb.registry.history import tracked
from labdb.registry.models import LabRecord, StudyRecord
from labdb.registry.permissions import closed_sentence
from labdb.registry.rules import RowRule, one_per, unique_code


class Severity(models.TextChoices):
    """Severity of a procedure on animals (Directive 2010/63/EU)."""

    UNKNOWN = "", "not stated"
    NON_RECOVERY = "non-recovery", "non-recovery"
    MILD = "mild", "mild"
    MODERATE = "moderate", "moderate"
    SEVERE = "severe", "severe"


@pgtrigger.register(closing_trigger())
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
    is_blinded = models.BooleanField("blinded", default=False)
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
        """Refuse every change of a closed study but its opening."""
        super().clean()
        before = type(self).objects.filter(pk=self.pk, state="closed").first() if self.pk else None
        if before is None:
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
        """Ask why a study is closed."""
        yield from super().findings(rows)
        open_before = set(
            cls.objects.filter(pk__in=[row.pk for row in rows], state="open").values_list("pk", flat=True)
        )
        for number, row in enumerate(rows):
            if row.state == "closed" and row.pk in open_before:
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
